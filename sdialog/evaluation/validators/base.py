"""What every validator is: a score of 0 or 1 that can say why."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.evaluation.base import BaseDialogScore, Measured

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a validator says of a dialog.

    Attributes:
        passed: whether it is as it should be; None when that cannot be told.
        reason: why not, or why it cannot be told.
        details: what was looked at, as plain data.
    """

    passed: bool | None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.passed)


class BaseValidator(BaseDialogScore):
    """A score of 1 for a dialog that passes, 0 for one that does not, None where that cannot be told."""

    @abstractmethod
    def explain(self, dialog: Dialog) -> Explanation:
        """Return whether a dialog passes, and why not."""

    def score(self, dialog: Dialog) -> int | None:
        """Return 1 if the dialog passes, 0 if it does not, None if that cannot be told."""
        passed = self.explain(dialog).passed
        return None if passed is None else int(passed)

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with its reason."""
        found = self.explain(dialog)
        return Measured(None if found.passed is None else int(found.passed), found.reason, found.details)
