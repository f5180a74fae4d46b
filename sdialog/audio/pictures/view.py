"""The part of a recording that a picture shows, and who speaks in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.segments import BACKCHANNEL
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.audio.result import DialogAudio
    from sdialog.audio.segments import Segment

MOST_CHANNELS = 4
"""So many channels are drawn; an array of microphones has more, all nearly alike."""
WORDS_FIT = 8.0
"""Up to so many seconds, words are written where they are said unless one says otherwise."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A stretch of a recording.

    Attributes:
        start, end: seconds from the beginning of the recording.
        whole: seconds of the recording.
        rate: samples a second.
        channels: array of shape (channels, n): what is heard in the stretch, float32.
        left_out: how many more channels the recording has.
        speakers: their names.
        segments: those that are heard in it, with the number of their speaker.
        overlaps: where at least two are heard at once, in seconds.
    """

    start: float
    end: float
    whole: float
    rate: int
    channels: Any
    left_out: int
    speakers: Sequence[str]
    segments: Sequence[tuple[int, Segment]]
    overlaps: Sequence[Span]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def of(self, channel: int) -> list[tuple[int, Segment]]:
        """Return the segments that are heard in a channel."""
        return [pair for pair in self.segments if pair[1].channel in (None, channel)]


def view(result: DialogAudio, start: float = 0.0, end: float | None = None) -> View:
    """Return a stretch of a recording.

    Args:
        result: the recording.
        start, end: of the stretch in seconds; it ends with the recording where no end is given.

    Raises:
        UserError: if there is nothing between them.
    """
    last = result.duration if end is None else min(float(end), result.duration)
    if not 0 <= start < last:
        raise UserError(
            f"there is nothing to show from {start} s to {last} s: the recording has {result.duration:.2f} s"
        )
    rate, names = result.sample_rate, list(result.speakers)
    samples = result.audio[round(start * rate) : max(round(last * rate), round(start * rate) + 1)]
    channels = samples.reshape(len(samples), -1).T
    segments = [(names.index(one.speaker), one) for one in result.segments if one.start < last and one.end > start]
    heard = result.labels.islands or result.segments
    overlaps = overlapping((one.speaker, one.start, one.end) for one in heard)
    return View(
        start,
        last,
        result.duration,
        rate,
        channels[:MOST_CHANNELS],
        max(0, len(channels) - MOST_CHANNELS),
        names,
        segments,
        [(max(low, start), min(high, last)) for low, high in overlaps if low < last and high > start],
    )


def overlapping(heard: Iterable[tuple[str, float, float]]) -> list[Span]:
    """Return the stretches in which at least two speakers are heard at once.

    Args:
        heard: a speaker and when he begins and ends to be heard, in any order.

    Example:
        >>> overlapping([("Ann", 0.0, 2.0), ("Bob", 1.5, 3.0), ("Bob", 2.5, 4.0), ("Ann", 4.0, 5.0)])
        [(1.5, 2.0)]
    """
    # At one moment, ends come before beginnings: who follows at once does not overlap.
    moments = sorted((at, change, who) for who, start, end in heard for at, change in ((start, 1), (end, -1)))
    running: dict[str, int] = {}
    found: list[Span] = []
    since: float | None = None
    for at, change, who in moments:
        running[who] = running.get(who, 0) + change
        several = sum(count > 0 for count in running.values()) > 1
        if several and since is None:
            since = at
        elif not several and since is not None:
            if at > since:
                found.append((since, at))
            since = None
    return found


def marks(segment: Segment) -> list[str]:
    """Return what is special about a segment, in words."""
    found = ["back-channel"] if segment.kind == BACKCHANNEL else []
    return [*found, "cut short"] if segment.interrupted else found


def clock(seconds: float) -> str:
    """Return a moment as minutes and seconds, with hours where there are some.

    Example:
        >>> clock(3.26), clock(75), clock(3725.5)
        ('0:03.3', '1:15.0', '1:02:05.5')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 10:02}.{rest % 10}"
