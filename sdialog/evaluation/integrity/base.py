"""What every detector of a fault of role integrity is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.evaluation.base import BaseDialogScore, Measured
from sdialog.evaluation.integrity.talk import Talk

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where something is wrong.

    Attributes:
        turn: number of the turn in its dialog, from 0.
        speaker: whose fault it is.
        sign: how it can be told, in a few words.
        evidence: the words of the turn that show it.
    """

    turn: int
    speaker: str | None
    sign: str
    evidence: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"turn": self.turn, "speaker": self.speaker, "sign": self.sign, "evidence": self.evidence}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a detector found in a dialog.

    Attributes:
        faulty: whether it has the fault; None when that cannot be told.
        faults: where, in the order of turns.
        reason: what the first fault is, or why it cannot be told.
    """

    faulty: bool | None
    faults: tuple[Fault, ...] = ()
    reason: str | None = None

    def __bool__(self) -> bool:
        return bool(self.faulty)


class IntegrityDetector(BaseDialogScore):
    """A score of 1 for a dialog that has a fault, 0 for one that has not, None where that cannot be told.

    Its mean over many dialogs is thus the share of faulty ones. Subclasses set :attr:`kind` and write :meth:`find`.

    Args:
        name: what it is called in tables; default the kind.
        ai_speaker: count only the faults of this speaker, in any letter case.
    """

    kind: ClassVar[str]
    """Short name of the fault."""

    english: ClassVar[bool] = False
    """Whether it goes by English wording, so that its silence says nothing of a dialog in another script."""

    of_one: ClassVar[bool] = True
    """Whether its faults are somebody's; else those of all speakers count, whoever is named."""

    def __init__(self, name: str | None = None, ai_speaker: str | None = None) -> None:
        super().__init__(name or self.kind, ai_speaker)

    @abstractmethod
    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield the faults of all speakers."""

    def unknown(self, talk: Talk) -> str | None:
        """Return why it cannot be told whether a dialog has the fault, None if it can."""
        return None

    def inspect(self, dialog: Dialog) -> Inspection:
        """Return whether a dialog has the fault, and where."""
        return self.look(Talk.of(dialog, self.ai_speaker))

    def look(self, talk: Talk) -> Inspection:
        """Return the same of a dialog that is prepared, as for several detectors."""
        if not talk.texts:
            return Inspection(None, reason="the dialog has no turns")
        if self.ai_speaker is not None and self.ai_speaker.casefold() not in talk.speakers:
            return Inspection(None, reason=f"{self.ai_speaker} says nothing")
        reason = self.unknown(talk)
        if reason is not None:
            return Inspection(None, reason=reason)
        wanted = self.ai_speaker.casefold() if self.ai_speaker is not None and self.of_one else None
        faults = tuple(fault for fault in self.find(talk) if wanted in (None, talk.speakers[fault.turn]))
        if faults:
            return Inspection(True, faults, f"turn {faults[0].turn}: {faults[0].sign}")
        if self.english and not talk.latin:
            return Inspection(None, reason="not written in Latin letters, and the wording looked for is English")
        return Inspection(False)

    def score(self, dialog: Dialog) -> int | None:
        """Return 1 if the dialog has the fault, 0 if not, None if that cannot be told."""
        faulty = self.inspect(dialog).faulty
        return None if faulty is None else int(faulty)

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with the faults."""
        found = self.inspect(dialog)
        details = {"faults": [fault.json() for fault in found.faults]} if found.faults else {}
        return Measured(None if found.faulty is None else int(found.faulty), found.reason, details)
