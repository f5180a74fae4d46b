"""The pieces of a dialog that validators of text look at: what was said, and what tools answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UnknownNameError
from sdialog.evaluation.validators.tool_sequence import tool_calls

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Turn

Where = Literal["turns", "tool_results"]
PLACES = ("turns", "tool_results")


@dataclass(frozen=True, slots=True)
class Passage:
    """A turn, or the result of a tool call.

    Attributes:
        place: which it is, for people: ``turn 3`` (from 1) or ``result 2 of check_order``.
        content: its text, or what the tool gave.
    """

    place: str
    content: Any


def check_place(where: str) -> None:
    """Refuse a place that there is not.

    Raises:
        UnknownNameError: if it is none.
    """
    if where not in PLACES:
        raise UnknownNameError("place to look at", where, PLACES)


def passages(dialog: Dialog, where: str, speaker: str | None, tool: str | None) -> list[Passage] | None:
    """Return the pieces to look at; None if the dialog does not record any of the kind.

    Args:
        dialog: the dialog.
        where: ``turns`` or ``tool_results``.
        speaker: whose turns, or whose calls, in any letter case; None for everybody's.
        tool: results of which tool; None for all.
    """
    if where == "turns":
        turns = enumerate(dialog.turns or (), start=1)
        return [Passage(f"turn {n}", turn.text) for n, turn in turns if spoken_by(turn, speaker)]
    if dialog.events is None:
        return None
    found: list[Passage] = []
    counts: dict[str, int] = {}
    for call in tool_calls(dialog)[0]:
        if call.output is not None and (tool is None or call.name == tool) and _same(call.agent, speaker):
            counts[call.name] = counts.get(call.name, 0) + 1
            found.append(Passage(f"result {counts[call.name]} of {call.name}", call.output))
    return found


def spoken_by(turn: Turn, speaker: str | None) -> bool:
    """Whether a turn is this speaker's, in any letter case; None is everybody."""
    return _same(turn.speaker, speaker)


def _same(name: str | None, wanted: str | None) -> bool:
    return wanted is None or (name is not None and name.casefold() == wanted.casefold())


def as_text(content: Any) -> str:
    """Return what a passage holds as text; data as JSON."""
    import json

    if isinstance(content, str):
        return content
    return json.dumps(content, ensure_ascii=False, default=lambda v: dict(v) if isinstance(v, Mapping) else str(v))
