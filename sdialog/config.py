"""Defaults of the process: which model, which prompts, whether scores are cached.

The functions change the settings of the process (``sdialog.core.settings.set_base``); ``config`` shows those that
hold. ``sdialog.core.settings.use(...)`` changes them for a ``with`` block only.

Example:
    >>> from sdialog.core.settings import reset_base
    >>> llm("openai:gpt-4.1", temperature=0.7, api_key="not shown")
    >>> config["llm"]["model"], config["llm"]["temperature"]
    ('openai:gpt-4.1', 0.7)
    >>> reset_base()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from sdialog.core import settings
from sdialog.core.secrets import without_secrets

__all__ = [
    "cache",
    "cache_path",
    "clear_cache",
    "config",
    "llm",
    "llm_params",
    "set_cache",
    "set_dialog_generator_prompt",
    "set_persona_agent_prompt",
    "set_persona_dialog_generator_prompt",
    "set_persona_generator_prompt",
]

CACHE_FILES = ("dialog_scores_cache.json", "*.sqlite", "*.sqlite-wal", "*.sqlite-shm")
"""What caches are made of; :func:`clear_cache` touches nothing else."""

_SAMPLING = ("temperature", "seed", "max_tokens", "top_p", "frequency_penalty", "presence_penalty")
_BUILT_IN_PROMPTS = {
    "persona_agent": "agent/persona",
    "persona_generator": "generate/persona",
    "context_generator": "generate/context",
}


def llm(llm_name: Any, **llm_kwargs: Any) -> None:
    """Choose the model that is used where none is named.

    Args:
        llm_name: a name such as ``openai:gpt-4.1``, or a model object.
        llm_kwargs: options for this model; choosing another one forgets them.
    """
    settings.set_base(llm=llm_name, model_params=llm_kwargs)


def llm_params(**params: Any) -> None:
    """Set options, such as ``temperature``, for whichever model is chosen; None takes one back."""
    settings.set_base(llm_params=params)


def cache(enable: bool) -> None:
    """Turn the cache of scores on or off."""
    settings.set_base(cache=bool(enable))


def cache_path(path: str | Path) -> None:
    """Set the folder of the caches."""
    settings.set_base(cache_path=path)


def set_cache(path: str | Path, enable: bool = True) -> None:
    """Set the folder of the caches and turn the cache of scores on or off."""
    settings.set_base(cache_path=path, cache=bool(enable))


def clear_cache() -> int:
    """Delete the cache files in the cache folder, and nothing else.

    Returns:
        How many files were deleted.
    """
    folder = settings.current().cache_path
    found = {file for pattern in CACHE_FILES for file in folder.glob(pattern) if file.is_file()}
    for file in found:
        file.unlink()
    return len(found)


def set_persona_agent_prompt(path: str | Path) -> None:
    """Use another template for the system prompt of agents."""
    settings.set_base(prompts={"persona_agent": str(path)})


def set_persona_generator_prompt(path: str | Path) -> None:
    """Use another template for generating personas."""
    settings.set_base(prompts={"persona_generator": str(path)})


def set_dialog_generator_prompt(path: str | Path) -> None:
    """Use another template for generating whole dialogs."""
    settings.set_base(prompts={"dialog_generator": str(path)})


def set_persona_dialog_generator_prompt(path: str | Path) -> None:
    """Use another template for generating whole dialogs between personas."""
    settings.set_base(prompts={"persona_dialog_generator": str(path)})


class _Section(dict[str, Any]):
    """A part of the settings as they are now; writing to it would change nothing, so it is an error."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "config only shows the settings; change them with sdialog.config.llm(...), llm_params(...), ..."
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse


class _View(Mapping[str, Any]):
    """The settings that hold now under their published keys, to be read only; keys and tokens are not shown."""

    def __getitem__(self, key: str) -> _Section:
        now = settings.current()
        if key == "llm":
            return _Section({"model": now.llm, **dict.fromkeys(_SAMPLING), **without_secrets(dict(now.llm_params))})
        if key == "cache":
            return _Section({"enabled": now.cache, "path": str(now.cache_path)})
        if key == "prompts":
            return _Section({**_BUILT_IN_PROMPTS, **now.prompts})
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("prompts", "llm", "cache"))

    def __len__(self) -> int:
        return 3

    def __repr__(self) -> str:
        return repr(dict(self))


config: Mapping[str, Any] = _View()
