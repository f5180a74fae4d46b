"""What a dialog is known to be, by name: who took part, in which scenario, with which labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Attribute = str | Callable[["Dialog"], Hashable]
FIELDS = ("model", "seed", "complete", "stopReason", "parentId", "version")


def attribute_of(spec: Attribute) -> Callable[[Dialog], Hashable]:
    """Return the function that reads an attribute of a dialog.

    Args:
        spec: a function of a dialog; ``scenario`` or ``persona`` for the whole of it; ``Speaker.attribute`` for that of
            one speaker's persona; or a name, which is looked for among the fields of the dialog, in its annotations,
            its scenario, its context and its personas.

    Returns:
        A function from a dialog to a value that can be counted, None where the dialog has no such attribute.

    Example:
        >>> from sdialog import Dialog
        >>> dialog = Dialog(personas={"Ann": {"mood": "calm"}}, annotations={"topic": "refund"}, seed=3)
        >>> [attribute_of(name)(dialog) for name in ("topic", "seed", "mood", "Ann.mood", "Bob.mood")]
        ['refund', 3, 'calm', 'calm', None]
    """
    if callable(spec):
        return spec
    if not isinstance(spec, str):
        raise UserError(f"an attribute is a name or a function of a dialog, not {spec!r}")
    if spec in ("scenario", "persona"):
        return lambda dialog: countable(dialog.scenario if spec == "scenario" else dialog.personas)
    speaker, _, rest = spec.partition(".")

    def read(dialog: Dialog) -> Hashable:
        if rest and isinstance((dialog.personas or {}).get(speaker), Mapping):
            return countable((dialog.personas or {})[speaker].get(rest))
        return next((countable(found[spec]) for found in _places(dialog) if found.get(spec) is not None), None)

    return read


def known_names(dialog: Dialog) -> list[str]:
    """Return the names that :func:`attribute_of` finds something under in a dialog."""
    names = {str(name) for found in _places(dialog) for name, value in found.items() if value is not None}
    return sorted(name for name in names if not name.startswith("_"))


def sorting_names(dialogs: Iterable[Dialog], most: int) -> dict[str, int]:
    """Return the names by which dialogs fall into at least two kinds and at most so many, with the number of kinds.

    Example:
        >>> from sdialog import Dialog
        >>> sorting_names([Dialog(seed=n, annotations={"topic": "ab"[n % 2]}) for n in range(9)], most=5)
        {'topic': 2}
    """
    found: dict[str, set[Hashable]] = {}
    for dialog in dialogs:
        for name in known_names(dialog):
            kinds = found.setdefault(name, set())
            if len(kinds) <= most:
                kinds.add(attribute_of(name)(dialog))
    return {name: len(kinds) for name, kinds in sorted(found.items()) if 1 < len(kinds) <= most}


def countable(value: Any) -> Hashable:
    """Return a value as one that can be a key: text, numbers and None as they are, others as JSON."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _places(dialog: Dialog) -> Iterator[Mapping[str, Any]]:
    yield {name: getattr(dialog, name) for name in FIELDS}
    for part in (dialog.annotations, dialog.scenario, dialog.context):
        if isinstance(part, Mapping):
            yield part
    for persona in (dialog.personas or {}).values():
        if isinstance(persona, Mapping):
            yield persona
