"""Who speaks when, as plain spans, and what they tell: silence, overlap, and how speakers follow each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need


class Span(NamedTuple):
    """A stretch of speech.

    Attributes:
        speaker: who speaks.
        start, end: seconds.
    """

    speaker: str
    start: float
    end: float


class Occupancy(NamedTuple):
    """How time is filled, from the beginning of the first speech to the end of the last.

    Attributes:
        length: seconds from the one to the other.
        speech: seconds in which at least one speaks.
        overlap: seconds in which at least two speak.
    """

    length: float
    speech: float
    overlap: float

    @property
    def silence_ratio(self) -> float:
        """Share of the length in which nobody speaks; 0 where there is no length."""
        return (self.length - self.speech) / self.length if self.length else 0.0

    @property
    def overlap_ratio(self) -> float:
        """Share of the speech in which at least two speak; 0 where there is no speech."""
        return self.overlap / self.speech if self.speech else 0.0


def occupancy(spans: Iterable[Span]) -> Occupancy:
    """Return how spans fill the time.

    Example:
        >>> filled = occupancy([Span("Ann", 0.0, 2.0), Span("Bob", 1.5, 3.0), Span("Ann", 3.5, 4.0)])
        >>> filled
        Occupancy(length=4.0, speech=3.5, overlap=0.5)
        >>> filled.silence_ratio
        0.125
    """
    # At the same moment an end comes before a beginning, so that spans that touch do not overlap.
    edges = sorted(edge for one in spans if one.end > one.start for edge in ((one.start, 1), (one.end, -1)))
    speech = overlap = 0.0
    active, last = 0, edges[0][0] if edges else 0.0
    for moment, step in edges:
        speech += (moment - last) * (active >= 1)
        overlap += (moment - last) * (active >= 2)
        active, last = active + step, moment
    return Occupancy(edges[-1][0] - edges[0][0] if edges else 0.0, speech, overlap)


@dataclass(slots=True)
class Transfers:
    """How speech follows speech, in seconds each.

    Attributes:
        gaps: from the end of one speaker to the beginning of another.
        pauses: between two spans of one speaker.
        overlaps: how long a speaker still goes on when the next has begun, who then ends later.
        insides: lengths of spans that begin and end while another speaks.
    """

    gaps: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    insides: list[float] = field(default_factory=list)

    @property
    def offsets(self) -> list[float]:
        """Floor-transfer offsets: the gaps, and the overlaps as numbers below 0."""
        return [*self.gaps, *(-one for one in self.overlaps)]

    @property
    def overlap_share(self) -> float | None:
        """Share of the changes of speaker that overlap; None where there are none."""
        changes = len(self.gaps) + len(self.overlaps)
        return len(self.overlaps) / changes if changes else None

    def add(self, other: Transfers) -> None:
        """Add those of another conversation."""
        self.gaps += other.gaps
        self.pauses += other.pauses
        self.overlaps += other.overlaps
        self.insides += other.insides

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def transfers(spans: Iterable[Span]) -> Transfers:
    """Return how the spans of one conversation follow each other.

    The floor is with the speaker of the span that ends last so far. A span inside another speaker's leaves it there
    (the within-speaker overlap of Heldner and Edlund, 2010); any other takes it after a gap, a pause or an overlap.
    Spans without length do not count.

    Example:
        >>> found = transfers([Span("Ann", 0, 4), Span("Bob", 1, 2), Span("Bob", 3.5, 6), Span("Ann", 6.5, 7)])
        >>> found.insides, found.overlaps, found.gaps
        ([1], [0.5], [0.5])
    """
    ordered = sorted((one for one in spans if one.end > one.start), key=lambda one: (one.start, one.end, one.speaker))
    found, floor = Transfers(), None
    for span in ordered:
        if floor is None:
            floor = span
        elif span.speaker == floor.speaker:
            found.pauses.append(max(span.start - floor.end, 0.0))
            floor = span if span.end > floor.end else floor
        elif span.start >= floor.end:
            found.gaps.append(span.start - floor.end)
            floor = span
        elif span.end <= floor.end:
            found.insides.append(span.end - span.start)
        else:
            found.overlaps.append(floor.end - span.start)
            floor = span
    return found


def joined(spans: Iterable[Span], reach: float = 0.0) -> list[Span]:
    """Return spans in order, those of one speaker that touch or lie at most ``reach`` seconds apart made one.

    Example:
        >>> joined([Span("Ann", 0, 1), Span("Ann", 1.2, 2), Span("Bob", 1.1, 3)], reach=0.3)
        [Span(speaker='Ann', start=0, end=2), Span(speaker='Bob', start=1.1, end=3)]
    """
    last: dict[str, Span] = {}
    done: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        before = last.get(span.speaker)
        if before is not None and span.start - before.end <= reach:
            last[span.speaker] = before._replace(end=max(before.end, span.end))
            continue
        if before is not None:
            done.append(before)
        last[span.speaker] = span
    return sorted([*done, *last.values()], key=lambda one: (one.start, one.end, one.speaker))


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the Wasserstein-1 distance of two samples: how far times must move, on average, from one to the other.

    Args:
        first, second: times in seconds; none may be empty.

    Returns:
        Seconds.

    Raises:
        MissingDependencyError: if scipy is not installed.
        UserError: if a sample is empty.

    Example:
        >>> distance([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])
        0.1
    """
    if not len(first) or not len(second):
        raise UserError("a distance of two samples needs at least one time in each")
    stats = need("scipy.stats", extra="audio", why="compare distributions of times")
    return float(stats.wasserstein_distance(first, second))
