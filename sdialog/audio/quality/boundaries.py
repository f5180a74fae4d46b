"""Whether speech begins and ends in the sound where the labels say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sdialog.audio.islands import THRESHOLD_DB, loudest_frame
from sdialog.audio.labels import Labels
from sdialog.audio.segments import Island
from sdialog.core.optional import need

WITHIN = 0.005
_OUT, _IN = 0.05, 0.15  # seconds looked at outside and inside of an island
_QUIET = 0.02  # seconds next to the boundary that do not tell the background
_ABOVE = 2.0  # times the background
_NEAR = 0.8  # of the threshold: a fainter background, such as a dying breath, is taken for none
_CLEAR_DB = -35.0


@dataclass(frozen=True)
class Boundary:
    """A beginning or end of speech in the labels and in the sound.

    Attributes:
        speaker: who speaks.
        turn: number of the turn.
        edge: ``start`` or ``end``.
        labelled: seconds, by the labels.
        found: seconds, by the sound; None where it cannot be told.
        why: why it cannot; empty where it can.
    """

    speaker: str
    turn: int | None
    edge: str
    labelled: float
    found: float | None
    why: str = ""

    @property
    def error(self) -> float | None:
        """Seconds by which the sound is later than the label; None where it cannot be told."""
        return None if self.found is None else self.found - self.labelled

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "error": self.error}


@dataclass(frozen=True)
class BoundaryCheck:
    """What a check of labels found.

    Attributes:
        boundaries: all that were looked at.
        within: seconds that a boundary may be off.
    """

    boundaries: tuple[Boundary, ...]
    within: float = WITHIN

    @property
    def checked(self) -> int:
        """How many boundaries the sound tells."""
        return sum(one.found is not None for one in self.boundaries)

    @property
    def wrong(self) -> tuple[Boundary, ...]:
        """The boundaries that are further off than they may be."""
        return tuple(one for one in self.boundaries if one.error is not None and abs(one.error) > self.within)

    @property
    def worst(self) -> float | None:
        """The greatest error in seconds, without its sign; None where nothing could be told."""
        return max((abs(one.error) for one in self.boundaries if one.error is not None), default=None)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "within": self.within,
            "looked_at": len(self.boundaries),
            "checked": self.checked,
            "wrong": [one.json() for one in self.wrong],
            "worst": self.worst,
        }


def check_boundaries(
    audio: Any,
    rate: int,
    labels: Labels,
    *,
    edges: Sequence[str] = ("start", "end"),
    within: float = WITHIN,
    threshold_db: float = THRESHOLD_DB,
) -> BoundaryCheck:
    """Return where speech begins and ends in a recording, beside where the labels have it.

    A beginning is the first sample, from 50 ms before the label to 150 ms after it, that is louder than
    ``threshold_db`` and, where the background before it is as loud, than twice its peak; an end likewise. It cannot be
    told where another speaks at that moment in the same channel, or where the background is not 35 dB below the
    speech. In a room, sound ends later than speech: check ``edges=["start"]`` there, or the dry stem.

    Args:
        audio: array of shape (n,) or (n, channels): the recording, or the stem of one speaker with ``labels.of(...)``.
        rate: samples a second.
        labels: of the recording.
        edges: which to look at, ``start`` and ``end``.
        within: seconds that a boundary may be off.
        threshold_db: in dB against the loudest 20 ms of the turn; by default that of
            :func:`~sdialog.audio.islands.speech_islands`. Codecs ring on for some 10 ms below -35 dB.

    Example:
        >>> import numpy
        >>> tone = numpy.sin(1 + numpy.arange(16000) / 2)
        >>> labels = Labels([], [Island("Ann", 1.003, 2.0)], 16000, 3.0)
        >>> check = check_boundaries(numpy.concatenate([0 * tone, tone, 0 * tone]), 16000, labels)
        >>> [(one.edge, round(one.error, 4)) for one in check.boundaries]
        [('start', -0.003), ('end', 0.0)]
    """
    numpy = need("numpy", extra="audio", why="check labels")
    array = numpy.asarray(audio, dtype=numpy.float64)
    array = array[:, None] if array.ndim == 1 else array
    found = []
    for speaker in labels.speakers:
        own = labels.of(speaker).islands
        others = [one for one in labels.islands if one.speaker != speaker]
        loudest: dict[tuple[Any, ...], float] = {}
        for island in own:
            channel = island.channel or 0
            sound = array[:, channel]
            # Labels are made turn by turn, so a soft turn is measured against its own loudest moment.
            turn = (island.turn, island.kind, island.channel)
            if turn not in loudest:
                same = [one for one in own if (one.turn, one.kind, one.channel) == turn]
                parts = [sound[round(one.start * rate) : round(one.end * rate)] for one in same]
                loudest[turn] = max((loudest_frame(part, rate) for part in parts), default=0.0)
            for edge in edges:
                at = island.start if edge == "start" else island.end
                busy = _busy(at, [*others, *(one for one in own if one is not island)], island.channel)
                moment, why = (
                    (None, "another speaks") if busy else _moment(sound, rate, at, edge, loudest[turn], threshold_db)
                )
                found.append(Boundary(speaker, island.turn, edge, at, moment, why))
    return BoundaryCheck(tuple(found), within)


def _busy(at: float, islands: Iterable[Island], channel: int | None) -> bool:
    """Tell whether somebody else is heard near a moment."""
    reach = max(_OUT, _IN)
    return any(
        one.start < at + reach and one.end > at - reach
        for one in islands
        if one.channel is None or channel is None or one.channel == channel
    )


def _moment(
    sound: Any, rate: int, at: float, edge: str, loudest: float, threshold_db: float
) -> tuple[float | None, str]:
    numpy = need("numpy", extra="audio", why="check labels")
    sign = 1 if edge == "start" else -1
    # An end is a beginning seen from behind.
    seen = sound if edge == "start" else sound[::-1]
    place = round(at * rate) if edge == "start" else len(sound) - round(at * rate)
    first = max(0, place - round(_OUT * rate))
    part = numpy.abs(seen[first : max(0, place + round(_IN * rate))])
    before = part[: max(0, place - first - round(_QUIET * rate))]
    threshold, background = loudest * 10 ** (threshold_db / 20), float(before.max(initial=0.0))
    if background > _NEAR * threshold:
        threshold = max(threshold, _ABOVE * background)
    if threshold > loudest * 10 ** (max(_CLEAR_DB, threshold_db) / 20):
        return None, "the background is too loud" if loudest > 0 else "there is no sound"
    loud = numpy.flatnonzero(part > threshold)
    if not len(loud):
        return None, "there is no sound"
    return at + sign * (int(loud[0]) + first - place) / rate, ""
