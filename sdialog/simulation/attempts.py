"""The attempts at one dialog of a batch: what they used, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import AuthenticationError, BudgetExceededError, SimulationError, UserError
from sdialog.llm.types import Usage
from sdialog.simulation.outcomes import Failure, Outcome
from sdialog.simulation.stop_reasons import BUDGET

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.simulation.conversation import Conversation


class Attempts:
    """Keeps account of one dialog, which the gate may have made several times.

    Args:
        index: number of the dialog in the run.

    Attributes:
        number: which attempt it is, from 1.
        counts: what happened in all of them.
    """

    def __init__(self, index: int) -> None:
        self.index, self.number = index, 1
        self.counts: Counter[str] = Counter()
        self._used: dict[str, Usage] = {}
        self._dialog: Dialog | None = None
        self._conversation: Conversation | None = None

    def begin(self, conversation: Conversation) -> None:
        """Note the conversation that this attempt holds."""
        self._collect()
        self._conversation = conversation

    def add(self, usage: Mapping[str, Usage]) -> None:
        """Count usage."""
        for party, used in usage.items():
            self._used[party] = self._used.get(party, Usage()) + used

    def succeeded(self, last: Outcome) -> Outcome:
        """Return the last conversation's outcome with what all attempts used."""
        self._collect()
        return replace(last, index=self.index, usage=self._used, counts=dict(self.counts), attempts=self.number)

    def failed(self, error: Exception) -> Failure:
        """Return the failure that an exception means; one that would hit every other dialog too is fatal."""
        cause = error.__cause__ if isinstance(error, SimulationError) and error.__cause__ else error
        reason = {"stop_reason": BUDGET} if isinstance(cause, BudgetExceededError) else {}
        fatal = isinstance(cause, (AuthenticationError, UserError))
        return Failure.of(error, index=self.index, fatal=fatal, **self._account(), **reason)

    def gave_up(self, error: str, message: str, stop_reason: str) -> Failure:
        """Return the failure of a dialog that no exception ended."""
        return Failure(self.index, error, message, stop_reason, **self._account())

    def _account(self) -> dict[str, Any]:
        self._collect()
        return {
            "partial": self._dialog,
            "usage": self._used,
            "counts": dict(self.counts),
            "attempts": self.number,
        }

    def _collect(self) -> None:
        if self._conversation is not None:
            outcome = self._conversation.outcome()
            self.add(outcome.usage)
            self.counts.update(outcome.counts)
            self._dialog, self._conversation = outcome.dialog, None
