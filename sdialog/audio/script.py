"""What is to be said: the speakers of a dialog and their lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

NOBODY = "Speaker"
"""The name of whoever speaks a turn that has no speaker."""


@dataclass(frozen=True, slots=True)
class Line:
    """A turn that is spoken.

    Attributes:
        turn: number of the dialog's turn.
        speaker: number of the speaker, in the order in which they first speak.
        text: on one line, spaces collapsed.
    """

    turn: int
    speaker: int
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """A dialog as lines.

    Attributes:
        dialog_id: of the dialog.
        speakers: in the order in which they first speak.
        lines: in order; turns without text are left out.
        personas: of the speakers who have one, by name; an object or a mapping of attributes.
        language: of the dialog in English, lower case.
    """

    dialog_id: str
    speakers: tuple[str, ...]
    lines: tuple[Line, ...]
    personas: Mapping[str, Any]
    language: str = "english"


def script_of(dialog: Dialog) -> Script:
    """Return the script of a dialog.

    Raises:
        UserError: if nothing is said in it.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> script = script_of(Dialog(turns=[Turn(speaker="Ann", text="Oh,\\n hi!"), Turn(speaker="Bo", text=" ")]))
        >>> script.speakers, script.lines
        (('Ann',), (Line(turn=0, speaker=0, text='Oh, hi!'),))
    """
    speakers: list[str] = []
    lines = []
    for number, turn in enumerate(dialog.turns or ()):
        text = " ".join(turn.text.split())
        if not text:
            continue
        name = turn.speaker or NOBODY
        if name not in speakers:
            speakers.append(name)
        lines.append(Line(number, speakers.index(name), text))
    if not lines:
        raise UserError(f"dialog {dialog.id}: no turn has a text, so there is nothing to hear")
    personas = dict(dialog.personas or {})
    known = {name: personas[name] for name in speakers if personas.get(name) is not None}
    return Script(str(dialog.id), tuple(speakers), tuple(lines), MappingProxyType(known), _language(known))


def _language(personas: Mapping[str, Any]) -> str:
    """Return the language that the personas agree on, else English."""
    spoken = {str(language).strip().lower() for one in personas.values() if (language := _attribute(one, "language"))}
    return spoken.pop() if len(spoken) == 1 else "english"


def _attribute(persona: Any, name: str) -> Any:
    return persona.get(name) if isinstance(persona, Mapping) else getattr(persona, name, None)
