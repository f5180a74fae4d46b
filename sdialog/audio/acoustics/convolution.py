"""Speech in a room: tracks convolved with impulse responses, only where somebody speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

GAP = 0.1
"""Seconds of digital silence between two parts of a track that are convolved apart."""


def convolve(
    dry: Mapping[str, Any], responses: RoomResponses, *, length: int | None = None, aligned: bool = True
) -> dict[str, Floats]:
    """Return every speaker's track as the microphones of a room hear it.

    Args:
        dry: array of shape (n,) by speaker, at the rate of the responses.
        responses: of the room; ``responses.early()`` and ``late()`` give the parts, which add up to the whole.
        length: samples of the result; None keeps the reverberation after the longest track.
        aligned: whether a speaker's sound is moved forward by its way to the reference microphone, so that the times
            of labels stay valid there; without, everything arrives as late as in the room.

    Returns:
        Array of shape (length, microphones) by speaker, float32.

    Raises:
        UserError: if a track is not one channel.
        UnknownNameError: if somebody is not in the room.

    Example:
        >>> import numpy
        >>> from sdialog.audio.acoustics.simulation import impulse_responses
        >>> from sdialog.audio.rooms.room import Room
        >>> from sdialog.audio.rooms.microphones import Microphone
        >>> table = Microphone("table", (3, 2, 1.2))
        >>> room = Room(dimensions=(5, 4, 3), rt60=0.3, speakers={"Ann": (1, 1, 1.2)}, microphones=[table])
        >>> click = numpy.zeros(8000, dtype=numpy.float32)
        >>> click[4000] = 1.0
        >>> heard = convolve({"Ann": click}, impulse_responses(room))["Ann"]
        >>> int(abs(heard[:, 0]).argmax())
        4000
    """
    tracks = {speaker: _track(speaker, samples) for speaker, samples in dry.items()}
    if length is None:
        length = max((len(track) for track in tracks.values()), default=0) + responses.stack.shape[-1] - 1
    made = {}
    for speaker, track in tracks.items():
        row = responses.stack[responses.row(speaker)]
        shift = responses.shift(speaker) if aligned else responses.lead
        made[speaker] = _in_room(track, row, shift, length, round(GAP * responses.rate))
    return made


def islands(samples: Any, gap: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the past-the-last sample of each part of a track that is not digital silence.

    Args:
        samples: array of shape (n,).
        gap: zeros between two parts at least; shorter gaps belong to a part.

    Example:
        >>> import numpy
        >>> list(islands(numpy.array([0, 1, 0, 1, 0, 0, 0, 1]), 2))
        [(1, 4), (7, 8)]
    """
    numpy = need("numpy", extra="audio", why="work with sound")
    filled = numpy.flatnonzero(samples)
    if not len(filled):
        return
    breaks = numpy.flatnonzero(numpy.diff(filled) > gap)
    starts = filled[numpy.concatenate([[0], breaks + 1])]
    ends = filled[numpy.concatenate([breaks, [len(filled) - 1]])] + 1
    for start, end in zip(starts, ends, strict=True):
        yield int(start), int(end)


def _in_room(track: Any, row: Any, shift: int, length: int, gap: int) -> Floats:
    """Return a track at each microphone, ``row`` being responses of shape (microphones, n)."""
    numpy = need("numpy", extra="audio", why="work with sound")
    signal = need("scipy.signal", extra="audio", why="put speech into a room")
    heard: Floats = numpy.zeros((length, len(row)), dtype=numpy.float32)
    across = numpy.ascontiguousarray(row.T)
    for start, end in islands(track, gap):
        wet = signal.oaconvolve(track[start:end, None], across, axes=0)
        first = start - shift
        low, high = max(0, first), min(length, first + len(wet))
        if low < high:
            heard[low:high] += wet[low - first : high - first]
    return heard


def _track(speaker: str, samples: Any) -> Floats:
    numpy = need("numpy", extra="audio", why="work with sound")
    track: Floats = numpy.asarray(samples, dtype=numpy.float32)
    if track.ndim != 1:
        raise UserError(f"the track of {speaker!r} is one channel, an array of shape (samples,), not {track.shape}")
    return track
