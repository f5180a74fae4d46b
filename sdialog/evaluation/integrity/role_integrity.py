"""All detectors of role integrity at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdialog.core.errors import UnknownNameError
from sdialog.evaluation.base import BaseDialogScore, Measured
from sdialog.evaluation.integrity.base import Inspection, IntegrityDetector
from sdialog.evaluation.integrity.early_disclosure import EarlyDisclosureDetector, Goal
from sdialog.evaluation.integrity.echo import EchoDetector
from sdialog.evaluation.integrity.empty_turn import EmptyTurnDetector
from sdialog.evaluation.integrity.goodbye_loop import GoodbyeLoopDetector
from sdialog.evaluation.integrity.leaked_reasoning import LeakedReasoningDetector
from sdialog.evaluation.integrity.premature_stop import PrematureStopDetector
from sdialog.evaluation.integrity.repeated_turn import RepeatedTurnDetector
from sdialog.evaluation.integrity.role_flip import RoleFlipDetector
from sdialog.evaluation.integrity.talk import Talk

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring

DETECTORS: dict[str, type[IntegrityDetector]] = {
    detector.kind: detector
    for detector in (
        RoleFlipDetector,
        EchoDetector,
        LeakedReasoningDetector,
        GoodbyeLoopDetector,
        PrematureStopDetector,
        EarlyDisclosureDetector,
        EmptyTurnDetector,
        RepeatedTurnDetector,
    )
}
"""The detector of each kind of fault."""


class RoleIntegrity(BaseDialogScore):
    """Faults of role integrity by kind: 1 where a dialog has the fault, 0 where not, None where it cannot be told.

    The mean of each part is the share of faulty dialogs: lower is better. No model is needed.

    Args:
        name: what it is called in tables.
        ai_speaker: who helps; only the faults of this speaker count, but for early disclosure, which is the user's, and
            premature stops, which are nobody's.
        kinds: which kinds; None for all.
        goal: facts that a user simulator should tell bit by bit, see
            :class:`~sdialog.evaluation.integrity.early_disclosure.EarlyDisclosureDetector`.

    Raises:
        UnknownNameError: if a kind does not exist.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = [("Bot", "How can I help?"), ("User", "Please STOP charging my card!"), ("Bot", "*sighs* Done.")]
        >>> dialog = Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in said])
        >>> RoleIntegrity(kinds=["role_flip", "leaked_reasoning", "early_disclosure"])(dialog)
        {'role_flip': 0, 'leaked_reasoning': 1, 'early_disclosure': None}
    """

    def __init__(
        self,
        name: str | None = "role-integrity",
        ai_speaker: str | None = None,
        *,
        kinds: Sequence[str] | None = None,
        goal: Goal | Callable[[Dialog], Goal | None] | None = None,
    ) -> None:
        super().__init__(name, ai_speaker)
        chosen = list(DETECTORS) if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)
        for kind in chosen:
            if kind not in DETECTORS:
                raise UnknownNameError("kind of fault", kind, DETECTORS)
        self.kinds, self.goal = chosen, goal
        self._detectors = [
            EarlyDisclosureDetector(ai_speaker=ai_speaker, goal=goal)
            if kind == EarlyDisclosureDetector.kind
            else DETECTORS[kind](ai_speaker=ai_speaker)
            for kind in chosen
        ]

    def inspect(self, dialog: Dialog) -> dict[str, Inspection]:
        """Return what each detector finds."""
        talk = Talk.of(dialog, self.ai_speaker)
        return {
            detector.kind: detector.inspect(dialog)
            if isinstance(detector, EarlyDisclosureDetector) and callable(self.goal)
            else detector.look(talk)
            for detector in self._detectors
        }

    def score(self, dialog: Dialog) -> dict[str, int | None]:
        """Return 1, 0 or None for each kind."""
        return _values(self.inspect(dialog))

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the same, with the faults and the reasons."""
        found = self.inspect(dialog)
        faults = {kind: [fault.json() for fault in one.faults] for kind, one in found.items() if one.faults}
        missing = {kind: one.reason for kind, one in found.items() if one.faulty is None}
        details = {name: told for name, told in (("faults", faults), ("missing", missing)) if told}
        reasons = [f"{kind}: {one.reason}" for kind, one in found.items() if one.reason is not None]
        return Measured(_values(found), "; ".join(reasons) or None, details)


def _values(found: dict[str, Inspection]) -> dict[str, int | None]:
    return {kind: None if one.faulty is None else int(one.faulty) for kind, one in found.items()}
