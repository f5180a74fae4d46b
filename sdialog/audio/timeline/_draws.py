"""What is drawn for each turn before anything is placed: each from numbers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.pieces import Utterance
from sdialog.core.seeds import rng

_SHORTEST_CUT = 1.0
_KEPT = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Ask:
    """How a turn is to follow the one before it.

    Attributes:
        kind: as in :class:`~sdialog.audio.timeline.Transition`.
        seconds: from the end of what was said before, of an overlap below 0; of an interruption that cannot be, what
            comes in its place.
        overlap, gap: the longest that are allowed, in seconds.
        kept: share of the turn before that is heard, where it is cut.
        yielding: seconds from the beginning of the turn to the cut.
    """

    kind: str
    seconds: float
    overlap: float
    gap: float
    kept: float = 1.0
    yielding: float = 0.0

    @property
    def bounded(self) -> float:
        """Seconds as they are allowed."""
        return min(max(self.seconds, -self.overlap), self.gap)


@dataclass(frozen=True, slots=True)
class Joint:
    """What was drawn for a turn that follows another.

    Attributes:
        position: of the later one among the turns.
        change: whether the speakers differ.
        rank: between 0 and 1; changes overlap whose rank is below the share of overlaps.
        gap: seconds of a gap or pause.
        overlap: seconds of an overlap.
        most, longest: longest overlap and longest gap that are allowed, in seconds.
        interruption: the turn before is cut so; None where it is not.
    """

    position: int
    change: bool
    rank: float
    gap: float
    overlap: float
    most: float
    longest: float
    interruption: Ask | None = None

    def ask(self, overlaps: bool, seconds: float | None = None) -> Ask:
        """Return how the turn is to follow, with a length in place of the one that was drawn where given."""
        if self.interruption is not None:
            return self.interruption
        if overlaps:
            return Ask("overlap", -(self.overlap if seconds is None else seconds), self.most, self.longest)
        length = self.gap if seconds is None else seconds
        return Ask("gap" if self.change else "pause", length, 0.0, self.longest)


def draw_joints(turns: Sequence[Utterance], timing: Timing, seed: int) -> list[Joint]:
    """Return what is drawn for each turn after the first, except where the engine of a window tells its time."""
    joints, windows = list[Joint](), set[int]()
    for position, later in enumerate(turns):
        if later.window is not None and later.window in windows:
            continue
        if later.window is not None:
            windows.add(later.window)
        if position:
            joints.append(_drawn(position, turns[position - 1], later, timing, seed))
    return joints


def _drawn(position: int, before: Utterance, later: Utterance, timing: Timing, seed: int) -> Joint:
    def share(*path: str) -> float:
        return rng(seed, "timing", *path, later.turn).random()

    change = later.speaker != before.speaker
    law = timing.gap if change else timing.pause
    gap = law.quantile(share("gap" if change else "pause"))
    cut = None
    if change and before.duration >= _SHORTEST_CUT and share("interruption") < timing.interruptions:
        kept = _KEPT[0] + share("interruption", "kept") * (_KEPT[1] - _KEPT[0])
        low, high = timing.yielding
        yielding = low + share("interruption", "yielding") * (high - low)
        cut = Ask("interruption", gap, 0.0, timing.max_gap, kept, yielding)
    return Joint(
        position=position,
        change=change,
        rank=share("kind"),
        gap=gap,
        overlap=timing.overlap.quantile(share("overlap")),
        most=timing.max_overlap * min(before.duration, later.duration) if change else 0.0,
        longest=timing.max_gap,
        interruption=cut,
    )
