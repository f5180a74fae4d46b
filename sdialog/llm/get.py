"""From what a user calls a model to a model: names, model objects, LangChain objects, plain functions."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from sdialog.core import settings
from sdialog.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from sdialog.core.secrets import is_secret_name, without_secrets
from sdialog.llm.names import edits, parse
from sdialog.llm.protocol import Backend, Model, backends
from sdialog.llm.types import GenerateConfig

_log = logging.getLogger("sdialog")
# What SDKs, LangChain and the published package call constructor options of ours.
_ALSO_CALLED = {
    "openai_api_key": "api_key",
    "openai_api_base": "base_url",
    "request_timeout": "timeout",
    "extra_headers": "default_headers",
    "extra_query": "default_query",
}
_lock = threading.RLock()  # a backend may be built on another, and find that while it is made itself
_shared: WeakValueDictionary[str, Backend] = WeakValueDictionary()


class Resolved(NamedTuple):
    """A model ready for use.

    Attributes:
        model: the model.
        config: sampling options that go with each request.
        info: name and options as JSON-safe data without secrets, to be kept with what the model made.
        think: whether to ask it to think, or None to leave that alone.
    """

    model: Model
    config: GenerateConfig
    info: dict[str, Any]
    think: bool | None = None


class BackendStatus(NamedTuple):
    """Whether a backend can be used here, and if not, why and what to do."""

    name: str
    usable: bool
    reason: str


def resolve(model: Any = None, *, think: bool | None = None, **kwargs: Any) -> Resolved:
    """Find the model that the arguments mean.

    Args:
        model: a name (see :mod:`sdialog.llm.names`); a mapping with ``name`` and options; a model object; an object
            with ``.invoke(messages)``, such as a LangChain chat model; a function ``messages -> str``; or None for
            the model of the settings.
        think: ask a reasoning model to think, or not to.
        kwargs: sampling options (the fields of :class:`~sdialog.llm.types.GenerateConfig`), constructor options of
            the backend (``base_url``, ``api_key``, ...), and options only the backend knows. None is unset.

    Returns:
        Model, sampling options and a description. Equal names and options give the same model object as long as
        someone holds it, so agents share connections, weights and batches.

    Raises:
        UnknownNameError: if the name's prefix or an option looks misspelt.
        ConfigError: if it is nothing that can be a model.
        MissingDependencyError: if the backend needs a package that is not installed.

    Example:
        >>> found = resolve(lambda messages: "Hello!", think=False)
        >>> found.info
        {'name': 'callable:<lambda>', 'think': False}
    """
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    if model is None:
        return _by_settings(think, kwargs)
    if isinstance(model, Mapping):
        options = {str(k): v for k, v in model.items() if v is not None}
        if not isinstance(options.get("name"), str):
            given = ", ".join(options) or "nothing"  # not their values, which may be keys
            raise ConfigError(f"a model given as a mapping needs a 'name', such as 'openai:gpt-4.1'; it has {given}")
        return resolve(options.pop("name"), think=options.pop("think", think), **{**options, **kwargs})
    if isinstance(model, str):
        return _by_name(model, think, kwargs)
    if isinstance(model, Model):
        _refuse_typos(kwargs, set(), model.name)
        kwargs = _without_keys(kwargs, set(), model.name)
        return Resolved(model, GenerateConfig.from_kwargs(kwargs), _info(model.name, think, kwargs), think)
    return _by_wrapping(model, think, kwargs)


def usable() -> list[BackendStatus]:
    """Say of every backend whether it can be used here; imports no heavy package.

    Example:
        >>> next(status for status in usable() if status.name == "scripted").usable
        True
    """
    return [_status(name) for name in backends.names()]


def _by_settings(think: bool | None, kwargs: dict[str, Any]) -> Resolved:
    current = settings.current()
    if not current.llm_chosen:
        _say_default_once(current.llm)
    options = {**current.llm_params, **kwargs}
    wanted = options.pop("think", None)
    return resolve(current.llm, think=wanted if think is None else think, **options)


@functools.lru_cache(maxsize=1)
def _say_default_once(name: str) -> None:
    _log.warning(
        "no model was chosen, so the small offline model %r is used. Choose one with model=..., "
        "sdialog.config.llm('ollama:qwen3:14b'), the environment variable SDIALOG_LLM or the config file.",
        name,
    )


def _by_name(name: str, think: bool | None, kwargs: dict[str, Any]) -> Resolved:
    parsed = parse(name)
    kind = backends.get(parsed.backend)
    options_of_kind = _constructor_options(kind)
    kwargs = _by_our_names(kwargs, options_of_kind, name)
    _refuse_typos(kwargs, options_of_kind, name)
    kwargs = _without_keys(kwargs, options_of_kind, name)
    options = {k: kwargs[k] for k in kwargs if k in options_of_kind}
    config = GenerateConfig.from_kwargs({k: kwargs[k] for k in kwargs if k not in options_of_kind})
    model = _shared_backend(kind, parsed.model, options)
    return Resolved(model, config, _info(model.name, think, kwargs), think)


def _by_wrapping(model: Any, think: bool | None, kwargs: dict[str, Any]) -> Resolved:
    if callable(getattr(model, "invoke", None)):
        wrapped = backends.get("langchain")(model)
    elif callable(model):
        wrapped = backends.get("callable")(model)
    else:
        raise ConfigError(
            f"{type(model).__name__} cannot be a model; give a name such as 'openai:gpt-4.1', a model object, an "
            "object with .invoke(messages), or a function messages -> str"
        )
    # What such an object does is settled when it is made: the options are recorded as asked for, not as applied.
    info = _info(wrapped.name, think, {"not_applied": kwargs} if kwargs else {})
    return Resolved(wrapped, GenerateConfig(), info, think)


def _shared_backend(kind: type[Backend], model: str, options: dict[str, Any]) -> Backend:
    try:
        canonical = json.dumps([kind.__module__, kind.__qualname__, model, options], sort_keys=True)
    except TypeError:  # an option is an object, such as an HTTP client: such a model is the caller's own
        return kind(model, **options)
    if not kind.shared:
        return kind(model, **options)
    key = hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
    with _lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = kind(model, **options)
        return found


def _constructor_options(kind: type[Backend]) -> set[str]:
    """Return the named constructor parameters of a backend class and of those classes it passes ``**options`` to."""
    names: set[str] = set()
    for owner in kind.__mro__:
        if "__init__" not in vars(owner):
            continue
        # The first parameters are self and the model's name; whatever they are called, they are not options.
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[2:]
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


def _refuse_typos(kwargs: Mapping[str, Any], options: set[str], name: str) -> None:
    """Refuse a keyword one slip away from a known one; other unknown ones are the backend's own business."""
    known = {*options, *GenerateConfig.__dataclass_fields__} - {"extra"}
    for keyword in kwargs:
        near = [] if keyword in known else [k for k in known if len(k) >= 7 and edits(keyword, k) == 1]
        if near:
            raise UnknownNameError("option", keyword, near, f"(options of model {name!r})")


def _by_our_names(kwargs: Mapping[str, Any], options: set[str], name: str) -> dict[str, Any]:
    """Return the keywords with other names of constructor options put right, and without what is not the model's."""
    renamed = {keyword: value for keyword, value in kwargs.items() if _our_name(keyword, options) == keyword}
    for keyword, value in kwargs.items():
        renamed.setdefault(_our_name(keyword, options), value)  # what is given under its own name counts
    if "max_retries" in renamed and "max_retries" not in options:
        del renamed["max_retries"]
        _log.warning(
            "max_retries is left out for %r: sdialog itself asks again after failures that may pass ('attempts' "
            "under 'limits' in a scenario says how often)",
            name,
        )
    return renamed


def _our_name(keyword: str, options: set[str]) -> str:
    ours = _ALSO_CALLED.get(keyword)
    return ours if ours in options and keyword not in options else keyword


def _without_keys(kwargs: Mapping[str, Any], options: set[str], name: str) -> dict[str, Any]:
    """Leave out keys under names that the backend does not know: unknown options are sent with the request."""
    unknown = [keyword for keyword in kwargs if is_secret_name(keyword) and keyword not in options]
    for keyword in unknown:
        keys = [option for option in sorted(options) if is_secret_name(option)]
        cure = f"; it takes {' or '.join(keys)}" if keys else ""
        _log.warning("%s is left out: %r knows no such option, and it looks like a key%s", keyword, name, cure)
    return {keyword: value for keyword, value in kwargs.items() if keyword not in unknown}


def _info(name: str, think: bool | None, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    info = {"name": name, **kwargs} if think is None else {"name": name, **kwargs, "think": think}
    clean: dict[str, Any] = json.loads(json.dumps(without_secrets(info), ensure_ascii=False, default=_opaque))
    return clean


def _opaque(value: object) -> str:
    """Stand in for a value JSON cannot hold; its ``repr`` might hold a secret, its type does not."""
    return f"<{type(value).__name__}>"


def _status(name: str) -> BackendStatus:
    try:
        reason = backends.get(name).unusable_because()
    except MissingDependencyError as error:
        reason = str(error)
    return BackendStatus(name, reason is None, reason or "")
