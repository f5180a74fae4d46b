"""Does a score keep its word? Checks for authors of scores, validators and judges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sdialog.core.dialog import Dialog
from sdialog.core.turns import Event, Turn
from sdialog.testing.backend import Conformance, NotConformingError


class Score(Protocol):
    """What is checked: any ``sdialog.evaluation.BaseDialogScore``."""

    name: str

    def score(self, dialog: Dialog) -> Any:
        """Return the score of one dialog, None when there is none."""
        ...

    def identity(self) -> dict[str, Any] | None:
        """Return all that decides its values beside the dialog."""
        ...


def check_score(score: Score, dialogs: Sequence[Dialog] = ()) -> Conformance:
    """Check that a score keeps the rules that evaluations rely on, by using it.

    Checked are: a name; that every dialog, also an empty one, one without speakers, one of a single word and one in
    other scripts, gives a number, a label, several, or None, and raises nothing; that the same dialog gives the same
    value, whatever its id; that the dialog is not changed; and that the identity is plain data and stays the same.

    Args:
        score: the score.
        dialogs: further dialogs to try it on.

    Returns:
        What passed.

    Raises:
        NotConformingError: if a check failed; lists every breach.

    Example:
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> check_score(MeanTurnLengthScore()).passed
        ('name', 'values', 'repeatable', 'read only', 'identity')
    """
    asked = [*samples(), *dialogs]
    tried = [dialog for dialog in asked if _value(score, dialog) is None]
    checks: dict[str, Callable[[], str | None]] = {
        "name": lambda: None if isinstance(score.name, str) and score.name else f"its name is {score.name!r}",
        "values": lambda: _first(_value(score, dialog) for dialog in asked),
        "repeatable": lambda: _first(_repeated(score, dialog) for dialog in tried),
        "read only": lambda: _first(_unchanged(score, dialog) for dialog in tried),
        "identity": lambda: _identity(score, asked[0]),
    }
    failed = {name: text for name, check in checks.items() if (text := check()) is not None}
    if failed:
        lines = [f"  {name}: {text}" for name, text in failed.items()]
        raise NotConformingError("\n".join([f"{score!r} breaks the rules of scores:", *lines]))
    return Conformance(tuple(checks), {}, {})


def samples() -> list[Dialog]:
    """Return the dialogs that every score must stand: an ordinary one with a tool call, and the odd ones."""
    call = Event(agent="Ava", action="tool", actionLabel="call", content={"name": "find", "args": {}}, timestamp=0)
    ordinary = [
        Turn(speaker="Riley", text="Hi! Um, where is my order 1234?"),
        Turn(speaker="Ava", text="I am sorry, it is late. It comes on Monday."),
        Turn(speaker="Riley", text="Thanks. Goodbye!"),
        Turn(speaker="Ava", text="You are welcome. Goodbye!"),
    ]
    return [
        Dialog(id="ordinary", turns=ordinary, events=[call]),
        Dialog(id="empty", turns=[]),
        Dialog(id="silent", turns=[Turn(speaker="Riley", text=""), Turn(speaker="Ava", text=" ")]),
        Dialog(id="one word", turns=[Turn(speaker="Riley", text="Yes")]),
        Dialog(id="nobody", turns=[Turn(text="Hello?"), Turn(text="...")]),
        Dialog(id="scripts", turns=[Turn(speaker="Ли", text="Где мой заказ?"), Turn(speaker="王", text="明天到。 👍")]),
        Dialog(id="alone", turns=[Turn(speaker="Riley", text="I talk."), Turn(speaker="Riley", text="And talk.")]),
    ]


def _first(found: Iterable[str | None]) -> str | None:
    return next((text for text in found if text is not None), None)


def _value(score: Score, dialog: Dialog) -> str | None:
    try:
        value = score.score(dialog)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        return f"dialog {dialog.id!r} raises {type(error).__name__}: {error}"
    return None if _plain(value) else f"dialog {dialog.id!r} gives {value!r}, which is no number and no label"


def _plain(value: object) -> bool:
    if value is None or isinstance(value, str) or hasattr(value, "__float__"):
        return True
    if isinstance(value, Mapping):
        return all(map(_plain, value.values()))
    return isinstance(value, Iterable) and all(map(_plain, value))


def _repeated(score: Score, dialog: Dialog) -> str | None:
    other = dialog.model_copy(deep=True, update={"id": "another", "timestamp": "2001-01-01T00:00:00"})
    values = [repr(score.score(dialog)), repr(score.score(dialog)), repr(score.score(other))]
    if len(set(values)) == 1:
        return None
    return f"dialog {dialog.id!r} gives {' and '.join(sorted(set(values)))}, by turns or by its id"


def _unchanged(score: Score, dialog: Dialog) -> str | None:
    before = dialog.json_line()
    score.score(dialog)
    return None if dialog.json_line() == before else f"it changes dialog {dialog.id!r}"


def _identity(score: Score, dialog: Dialog) -> str | None:
    before = score.identity()
    try:
        json.dumps(before, allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"its identity is no JSON data: {error}"
    score.score(dialog)
    return None if score.identity() == before else "its identity changes when it is used"
