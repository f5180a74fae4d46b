"""An eye on how long a dialog gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.llm.prompts import render
from sdialog.orchestrators.base import BaseOrchestrator, orchestrators

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Instruction


@orchestrators.register("length", aliases=("LengthOrchestrator",))
class LengthOrchestrator(BaseOrchestrator):
    """Keeps a dialog going up to a number of turns, and brings it to an end at another.

    Wordings: ``orchestrate/keep_going`` and ``orchestrate/finish``.

    Args:
        min: turns, of all parties together, before which the agent is told to go on; None or 0 for no such limit.
            The first turn is left alone, so that a greeting stays a greeting.
        max: turns the dialog should have at most: from one turn before, the agent is told at each of its turns to
            finish. None or 0 for no such limit.
        persistent: keep the instructions in the agent's memory.
        event_label: what its events are labelled with.

    Raises:
        ConfigError: if a limit is negative, or ``min`` is above ``max``.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> LengthOrchestrator(min=4, max=6)(Dialog(turns=[Turn(speaker="Ann", text="Hi")])) is None
        True
    """

    blocking = False

    def __init__(
        self,
        min: int | None = None,
        max: int | None = None,
        persistent: bool = False,
        event_label: str | None = None,
    ) -> None:
        super().__init__(persistent=persistent, event_label=event_label)
        if (min or 0) < 0 or (max or 0) < 0:
            raise ConfigError(f"min and max count turns and cannot be negative: min={min}, max={max}")
        if min and max and min > max:
            raise ConfigError(f"min={min} is above max={max}: the agent would be told to go on past its end")
        self.min, self.max = min, max

    def instruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction to go on or to finish, or None between the limits."""
        turns = len(dialog)
        if self.min and 1 < turns < self.min:
            return render("orchestrate/keep_going")
        if self.max and turns >= self.max - 1:
            return render("orchestrate/finish")
        return None
