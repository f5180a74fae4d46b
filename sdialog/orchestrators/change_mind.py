"""People change their minds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.llm.prompts import render
from sdialog.orchestrators.base import BaseOrchestrator, orchestrators

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Instruction


@orchestrators.register("change_mind", aliases=("ChangeMindOrchestrator",))
class ChangeMindOrchestrator(BaseOrchestrator):
    """Tells the agent now and then to change its mind.

    Wording: ``orchestrate/change_mind``.

    Args:
        probability: chance of it at each of the agent's turns, 0 (never) to 1 (always).
        reasons: one of them, drawn at random, is given along; one string, several, or None.
        max_times: at most so often in one conversation; 0 or None for no such limit.
        persistent: keep the instructions in the agent's memory.
        event_label: what its events are labelled with.

    Raises:
        ConfigError: if the probability is not between 0 and 1.

    Example:
        >>> mind = ChangeMindOrchestrator(probability=1, reasons="it became too late")
        >>> mind().endswith("it became too late"), mind()
        (True, None)
    """

    blocking = False

    def __init__(
        self,
        probability: float = 0.3,
        reasons: str | Sequence[str] | None = None,
        max_times: int | None = 1,
        persistent: bool = False,
        event_label: str | None = None,
    ) -> None:
        super().__init__(persistent=persistent, event_label=event_label)
        if not 0 <= probability <= 1:
            raise ConfigError(f"probability must be between 0 and 1, not {probability}")
        self.probability, self.max_times = probability, max_times
        self.reasons = [reasons] if isinstance(reasons, str) else reasons
        self._times = 0

    def reset(self) -> None:
        """Start counting anew."""
        self._times = 0

    def instruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction to change one's mind, or None."""
        if self.max_times and self._times >= self.max_times:
            return None
        if self.rng.random() >= self.probability:
            return None
        self._times += 1
        reason = self.rng.choice(list(self.reasons)) if self.reasons else None
        return render("orchestrate/change_mind", reason=reason)
