"""Settings of the process: which model by default, where the cache is, which prompts.

Later ones win: built-in defaults; the configuration file (the one ``SDIALOG_CONFIG`` names, else
``~/.config/sdialog/config.yaml``, if there is one); ``SDIALOG_LLM``; :func:`set_base` (what
``sdialog.config`` calls); :func:`use`.

Options given together with a model's name, such as its address and key, belong to that model and are forgotten when a
later layer names another one. Options given on their own hold for every model.

A configuration file, every key optional::

    llm: openai:gpt-4.1                # or {model: openai:gpt-4.1, base_url: ..., temperature: 0.7}
    llm_params: {temperature: 0.7}
    cache: {enabled: true, path: ~/.cache/sdialog}
    prompts: {persona_agent: my/persona.j2}
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdialog.core.errors import ConfigError, UnknownNameError, near_names
from sdialog.core.secrets import mask, without_secrets

DEFAULT_LLM = "embedded:mini"
EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Settings:
    """What holds at one moment; changed by making new ones, with :func:`use` or :func:`set_base`.

    Attributes:
        llm: the model used where none is named: a name such as ``openai:gpt-4.1``, or a model object.
        llm_params: options for it, such as ``temperature``; never shown, since they may hold a key.
        cache: whether scores are cached.
        cache_path: folder of the caches.
        prompts: templates to use instead of the built-in ones, by name, as paths or names of templates.
        llm_chosen: whether somebody chose ``llm``, or it is the built-in default.
    """

    llm: Any = DEFAULT_LLM
    llm_params: Mapping[str, Any] = field(default_factory=lambda: EMPTY, repr=False)
    cache: bool = False
    cache_path: Path = field(default_factory=lambda: _default_cache_path())
    prompts: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    llm_chosen: bool = False

    def json(self) -> dict[str, Any]:
        """Return the settings as plain data, without secrets."""
        return {
            "llm": str(self.llm),
            "llm_params": without_secrets(dict(self.llm_params)),
            "cache": self.cache,
            "cache_path": str(self.cache_path),
            "prompts": dict(self.prompts),
        }


Layer = Mapping[str, Any]
"""Changes to settings: names of :class:`Settings`, and ``model_params`` for options of that layer's ``llm`` alone."""

CHANGEABLE = frozenset(f.name for f in fields(Settings)) - {"llm_chosen"} | {"model_params"}

_base: Layer = EMPTY
_used: ContextVar[tuple[Layer, ...]] = ContextVar("sdialog_settings", default=())


def current() -> Settings:
    """Return the settings that hold here and now.

    Raises:
        ConfigError: if the configuration file is broken, or ``SDIALOG_CONFIG`` names one that is not there.

    Example:
        >>> with use(llm="scripted:replies.txt"):
        ...     current().llm
        'scripted:replies.txt'
    """
    return _merged([*_outer_layers(), _base, *_used.get()])


@contextmanager
def use(**changes: Any) -> Iterator[Settings]:
    """Change settings within a ``with`` block, for this thread or task and the tasks it starts.

    Args:
        changes: fields of :class:`Settings`; mappings are laid over what holds already. ``model_params`` are options
            for this ``llm`` alone.

    Yields:
        The settings that hold in the block.

    Raises:
        UnknownNameError: if a name is no setting.
    """
    token = _used.set((*_used.get(), _checked(changes)))
    try:
        yield current()
    finally:
        _used.reset(token)


def set_base(**changes: Any) -> Settings:
    """Change settings for the rest of the process; arguments and errors as for :func:`use`.

    Returns:
        The settings that hold now.
    """
    global _base
    _base = _overlaid(_base, _checked(changes))
    return current()


def reset_base() -> None:
    """Undo everything :func:`set_base` did."""
    global _base
    _base = EMPTY


def _checked(changes: Mapping[str, Any]) -> Layer:
    for name in changes:
        if name not in CHANGEABLE:
            raise UnknownNameError("setting", name, CHANGEABLE)
    checked: dict[str, Any] = {name: dict(v) if isinstance(v, Mapping) else v for name, v in changes.items()}
    if "cache_path" in checked:
        checked["cache_path"] = Path(checked["cache_path"]).expanduser()
    return checked


def _overlaid(lower: Layer, upper: Layer) -> dict[str, Any]:
    """Lay one set of changes over another; a new model drops the options of the old one."""
    merged = dict(lower)
    if "llm" in upper:
        merged["model_params"] = {}
    for name, value in upper.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, Mapping) else value
    return merged


def _merged(layers: list[Layer]) -> Settings:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _overlaid(merged, layer)
    given = {**merged.pop("llm_params", {}), **merged.pop("model_params", {})}
    params = {name: value for name, value in given.items() if value is not None}
    prompts = merged.pop("prompts", {})
    return Settings(
        **merged,
        llm_params=MappingProxyType(params),
        prompts=MappingProxyType(prompts),
        llm_chosen="llm" in merged,
    )


def _outer_layers() -> list[Layer]:
    """Return what was set outside Python: the configuration file and the environment."""
    named = os.environ.get("SDIALOG_CONFIG")
    path = Path(named).expanduser() if named else _config_home() / "sdialog" / "config.yaml"
    if named and not path.is_file():
        raise ConfigError(
            f"SDIALOG_CONFIG names the configuration file {named}, which is not there; correct or unset it"
        )
    layers = [_file_layer(path, path.stat().st_mtime_ns)] if path.is_file() else []
    llm = os.environ.get("SDIALOG_LLM")
    return [*layers, {"llm": llm}] if llm else layers


@lru_cache(maxsize=8)
def _file_layer(path: Path, _modified: int) -> Layer:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # What the parser says may quote the line with the key.
        raise ConfigError(f"configuration file {path} cannot be read: {mask(str(error))}") from None
    if content is None:
        return EMPTY
    _only(content, ("llm", "llm_params", "cache", "prompts"), f"{path}")
    layer: dict[str, Any] = {}
    llm = content.get("llm")
    if isinstance(llm, Mapping):
        options = {name: value for name, value in llm.items() if name != "model" and value is not None}
        if "model" in llm:
            layer.update(llm=str(llm["model"]), model_params=options)
        else:
            layer["llm_params"] = options
    elif llm is not None:
        layer["llm"] = str(llm)
    if params := _mapping(content, "llm_params", path):
        layer["llm_params"] = {**layer.get("llm_params", {}), **params}
    cache = content.get("cache")
    if isinstance(cache, Mapping):
        _only(cache, ("enabled", "path"), f"{path}, cache")
        layer.update({"cache": bool(cache["enabled"])} if "enabled" in cache else {})
        layer.update({"cache_path": cache["path"]} if cache.get("path") else {})
    elif cache is not None:
        layer["cache"] = bool(cache)
    if prompts := _mapping(content, "prompts", path):
        # A path in the file is meant from where the file is.
        layer["prompts"] = {k: _beside(path, str(v)) for k, v in prompts.items()}
    return _checked(layer)


def _mapping(content: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = content.get(name) or {}
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path}, {name}: expected keys and values, found {type(found).__name__}")
    return found


def _only(content: Any, known: tuple[str, ...], where: str) -> None:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where}: expected keys and values ({', '.join(known)}), found {type(content).__name__}")
    for name in content:
        if name not in known:
            near = near_names(str(name), known)
            cure = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {name!r}; {cure}")


def _beside(path: Path, template: str) -> str:
    found = path.parent / Path(template).expanduser()
    return str(found) if found.is_file() else template


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _default_cache_path() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sdialog"
