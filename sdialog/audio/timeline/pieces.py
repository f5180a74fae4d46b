"""The data of a timeline: what is to be placed, and where it was placed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.audio.sound import Word
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.audio.timeline.description import Timing
    from sdialog.audio.timeline.measures import TimelineStatistics

TURN = "turn"
BACKCHANNEL = "backchannel"
LONG_TURN = 4.0
"""From so many seconds on, a turn is long enough for listeners to respond in it."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something spoken, to be placed in time.

    Attributes:
        turn: number of the turn in the dialog; of a back-channel, the turn that is listened to.
        speaker: who says it.
        duration: seconds.
        words: the words with their times from the beginning of the utterance.
        window: utterances of the same window keep their mutual timing; None where there is none to keep.
        offset: seconds from the beginning of the window.
        kind: ``turn`` or ``backchannel``.
        at: of a back-channel, after which share of the characters of its turn it comes, as
            :class:`~sdialog.audio.timeline.Backchannel` says.

    Raises:
        UserError: if a time is not a number of seconds from 0 on, or the kind is none.
    """

    turn: int
    speaker: str
    duration: float
    words: Sequence[Word] = ()
    window: int | None = None
    offset: float = 0.0
    kind: str = TURN
    at: float = 0.0

    def __post_init__(self) -> None:
        for name in ("duration", "offset", "at"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"turn {self.turn}: {name} is a number from 0 on, not {value!r}")
        if self.kind not in (TURN, BACKCHANNEL):
            raise UserError(f"turn {self.turn}: an utterance is a {TURN!r} or a {BACKCHANNEL!r}, not {self.kind!r}")

    def time_after(self, share: float) -> float:
        """Return when a share of the characters has been said, in seconds from the beginning of the utterance.

        Word times are used where there are some; else characters are taken to be equally long.

        Example:
            >>> said = Utterance(0, "Ann", 3.0, (Word("Oh,", 0.1, 0.4), Word("you.", 2.0, 2.8)))
            >>> said.time_after(3 / 7)
            0.4
        """
        total = sum(len(word.text) for word in self.words)
        if not total:
            return share * self.duration
        wanted, before = share * total, 0
        for word in self.words:
            # The small excess keeps a share that ends a word from falling on the beginning of the next.
            if wanted <= before + len(word.text) + 1e-6:
                inside = min((wanted - before) / len(word.text), 1.0) if word.text else 1.0
                return word.start + inside * (word.end - word.start)
            before += len(word.text)
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Placed:
    """An utterance at its place.

    Attributes:
        turn: number of the turn in the dialog.
        speaker: who says it.
        utterance: position in the list that was given.
        start, end: seconds from the beginning of the recording.
        kind: ``turn`` or ``backchannel``.
        cut: how many seconds of the clip are kept, where another speaker cut it short; else None.
        fade: seconds of fading out before the cut; 0 where nothing is cut.
    """

    turn: int
    speaker: str
    utterance: int
    start: float
    end: float
    kind: str = TURN
    cut: float | None = None
    fade: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def heard(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return the words that are heard, with their times from the beginning of the recording.

        Where the utterance is cut, a word that begins later is left out, and one that is under way ends at the cut; a
        hyphen at the end of its text marks it as partial.

        Args:
            words: those of the utterance, with times from its beginning.

        Example:
            >>> words = (Word("I", 0.0, 0.2), Word("thought", 0.7, 1.3), Word("so.", 1.3, 1.6))
            >>> [word.text for word in Placed(0, "Ann", 0, 10.0, 11.0, cut=1.0).heard(words)]
            ['I', 'thought-']
        """
        kept = words if self.cut is None else [_until(word, self.cut) for word in words if word.start < self.cut]
        return tuple(word.moved(self.start) for word in kept)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def _until(word: Word, cut: float) -> Word:
    if word.end <= cut:
        return word
    sounds = tuple(replace(one, end=min(one.end, cut)) for one in word.phonemes if one.start < cut)
    return Word(f"{word.text}-", word.start, cut, sounds)


@dataclass(frozen=True, slots=True)
class Transition:
    """How a turn follows the one before it.

    Attributes:
        utterance: position of the later one in the list that was given.
        kind: ``gap`` (the speaker changes), ``pause`` (he does not), ``overlap``, ``interruption`` (the turn before is
            cut), or ``window`` (timed by the speech engine).
        asked: seconds from the end of what was said before to the beginning of the turn; below 0 they overlap. None
            where the speech engine tells.
        got: the same, as it was placed.
    """

    utterance: int
    kind: str
    asked: float | None
    got: float

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A back-channel that found no place.

    Attributes:
        utterance: position in the list that was given.
        why: what was in its way.
    """

    utterance: int
    why: str

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A conversation in time.

    Attributes:
        placed: the utterances at their places, in order of their starts.
        duration: seconds, with the silence before and after.
        timing: what was asked for.
        statistics: what came of it.
        seed: what was drawn from.
        transitions: how each turn follows the one before it, in order of the turns.
        dropped: back-channels that found no place.
    """

    placed: tuple[Placed, ...]
    duration: float
    timing: Timing
    statistics: TimelineStatistics
    seed: int
    transitions: tuple[Transition, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return plain data: what was asked for, every choice, and what came of it."""
        return {
            "duration": self.duration,
            "seed": self.seed,
            "timing": self.timing.json(),
            "placed": [one.json() for one in self.placed],
            "transitions": [one.json() for one in self.transitions],
            "dropped": [one.json() for one in self.dropped],
            "statistics": self.statistics.json(),
        }
