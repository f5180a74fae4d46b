"""Scores by name, for command lines and files: every feature, and every score that needs nothing to be told."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeGuard, cast

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.registry import Registry
from sdialog.evaluation.base import BaseDialogScore

plug_ins: Registry[type[BaseDialogScore]] = Registry("score", "sdialog.scores")
"""Scores of installed packages (entry points in the group ``sdialog.scores``) and of this process."""

_KINDS = {"metrics": "feature", "integrity": "integrity", "validators": "validator", "judges": "judge", "flow": "flow"}


class Entry(NamedTuple):
    """A score that can be asked for by name.

    Attributes:
        name: what it is called.
        kind: ``feature``, ``integrity``, ``validator``, ``judge``, ``flow`` or ``plug-in``.
        family: class it comes from.
        summary: what it is, in a line.
    """

    name: str
    kind: str
    family: type[BaseDialogScore]
    summary: str

    def make(self, speaker: str | None = None) -> BaseDialogScore:
        """Return the score.

        Args:
            speaker: whose turns count, where the score can be told.

        Raises:
            ConfigError: if a speaker is named and the score is about the whole dialog.
        """
        options: dict[str, Any] = {"feature": self.name} if self.kind == "feature" else {}
        if speaker is not None:
            accepted = inspect.signature(self.family).parameters
            word = next((word for word in ("speaker", "ai_speaker") if word in accepted), None)
            if word is None:
                raise ConfigError(f"{self.name} is about the whole dialog; it cannot be of one speaker")
            options[word] = speaker
        return self.family(**options)


def entries() -> dict[str, Entry]:
    """Return all scores that can be asked for by name, in the order in which they are best shown.

    Example:
        >>> entries()["mean-turn-length"].kind
        'feature'
    """
    return {entry.name: entry for entry in (*_features(), *_classes(), *_plugged())}


def get_score(name: str, speaker: str | None = None) -> BaseDialogScore:
    """Return a score by name.

    Args:
        name: a feature (``mean-turn-length``), a class (``RoleIntegrity``), or ``module:Class``.
        speaker: whose turns count.

    Raises:
        UnknownNameError: if nothing is called so; names what is near.
        ConfigError: if it needs to be told more than a name can say.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> get_score("mean-turn-length")(Dialog(turns=[Turn(text="How are you?")]))
        3.0
    """
    if ":" in name:
        family = plug_ins.get(name)
        if not _is_score(family):
            raise ConfigError(f"{name} is no class of scores: it does not derive from BaseDialogScore")
        return _made(name, "plug-in", family, speaker)
    known = entries()
    if name in known:
        return known[name].make(speaker)
    if name in _homes():
        family = getattr(importlib.import_module("sdialog.evaluation"), name)
        if _is_score(family):
            return _made(name, "class", family, speaker)
    raise UnknownNameError("score", name, known, "All of them: sdialog metrics list")


def _is_score(family: object) -> TypeGuard[type[BaseDialogScore]]:
    return isinstance(family, type) and issubclass(family, BaseDialogScore) and not inspect.isabstract(family)


def _made(name: str, kind: str, family: type[BaseDialogScore], speaker: str | None) -> BaseDialogScore:
    needed = ", ".join(_needed(family))
    if needed:
        raise ConfigError(f"{name} needs to be told {needed}, which a name alone cannot do; use it from Python")
    return Entry(name, kind, family, "").make(speaker)


def _features() -> Iterator[Entry]:
    from sdialog.evaluation.metrics.everything import FAMILIES, DialogFeatures

    for family in FAMILIES:
        for name, (_key, feature) in family.features.items():
            if name in DialogFeatures.features:
                yield Entry(name, "feature", family, _summary(feature) or _summary(family))


def _classes() -> Iterator[Entry]:
    face = importlib.import_module("sdialog.evaluation")
    for name, home in _homes().items():
        kind = _KINDS.get(home.partition(".")[0])
        if kind is None or kind == "feature":
            continue
        family = getattr(face, name)
        if _is_score(family) and not _needed(family):
            yield Entry(name, kind, family, _summary(family))


def _plugged() -> Iterator[Entry]:
    for name in plug_ins.names():
        family = plug_ins.get(name)
        yield Entry(name, "plug-in", family, _summary(family))


def _homes() -> Mapping[str, str]:
    return cast("Mapping[str, str]", importlib.import_module("sdialog.evaluation")._HOMES)


def _needed(family: object) -> list[str]:
    """Return the arguments without a default."""
    parameters = inspect.signature(cast("Any", family)).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def _summary(part: object) -> str:
    """Return the first line of what the documentation says."""
    inner = part.args[1] if isinstance(part, partial) else part
    said = inspect.getdoc(inner) or ""
    line = said.partition("\n\n")[0].replace("\n", " ").strip()
    return line.removeprefix("Return ")[:1].upper() + line.removeprefix("Return ")[1:]
