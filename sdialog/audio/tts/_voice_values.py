"""What a person may write for the voice of an engine, made into the engine's own value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sdialog.core.errors import UnknownNameError, UserError

V = TypeVar("V")


def voice_from(kind: type[V], value: Any) -> V:
    """Return a voice of an engine from itself, its fields, or nothing.

    Args:
        kind: the frozen dataclass that is the engine's voice.
        value: such a voice, a mapping of its fields, or None for the defaults.

    Raises:
        UnknownNameError: if a field is unknown.
        UserError: if the value is something else.
    """
    if isinstance(value, kind):
        return value
    if value is None:
        return kind()
    if not isinstance(value, Mapping):
        known = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
        raise UserError(f"a {kind.__name__} is written as a mapping of its fields ({known}), not {value!r}")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in value:
        if name not in names:
            raise UnknownNameError(f"field of a {kind.__name__}", str(name), names)
    return kind(**value)
