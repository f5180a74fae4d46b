"""Where a clean recording of one speaker holds speech: found by its energy, to the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD_DB = -45.0
SHORTEST_PAUSE = 0.2
SHORTEST_SPEECH = 0.015
_FRAME = 0.02
_FAINTEST = 1e-6


def speech_islands(
    samples: Any,
    rate: int,
    *,
    threshold_db: float = THRESHOLD_DB,
    shortest_pause: float = SHORTEST_PAUSE,
    shortest_speech: float = SHORTEST_SPEECH,
) -> list[tuple[float, float]]:
    """Return the stretches of speech in a dry clip, in seconds from its beginning.

    A sample counts as speech where it is louder than ``threshold_db`` against the loudest 20 ms of the clip. Stretches
    that are at most ``shortest_pause`` apart are one, as the closure of a stop is no pause; then those shorter than
    ``shortest_speech`` are dropped. Both lengths are those of Brady (1968), "A statistical analysis of on-off patterns
    in 16 conversations", Bell System Technical Journal 47, whose threshold is at an absolute level.

    Args:
        samples: array of shape (n,), one speaker without noise or room.
        rate: samples a second.
        threshold_db: in dB against the RMS of the loudest 20 ms, below 0.
        shortest_pause: seconds; what is silent for no longer is filled in.
        shortest_speech: seconds.

    Returns:
        Beginnings and ends, in order; none for silence.

    Raises:
        UserError: if the clip is not one channel, or a threshold is out of its range.

    Example:
        >>> import numpy
        >>> tone = numpy.sin(1 + numpy.arange(8000) / 2)
        >>> speech_islands(numpy.concatenate([0 * tone, tone, 0 * tone, tone]), 16000)
        [(0.5, 1.0), (1.5, 2.0)]
    """
    numpy = need("numpy", extra="audio", why="find speech in sound")
    array = numpy.asarray(samples)
    array = array if array.dtype == numpy.float32 else array.astype(numpy.float64)
    if array.ndim != 1:
        raise UserError(f"speech is looked for in one channel, an array of shape (samples,), not {array.shape}")
    if not threshold_db < 0 or shortest_pause < 0 or shortest_speech < 0:
        raise UserError("threshold_db is below 0, and shortest_pause and shortest_speech are at least 0 seconds")
    loudest = loudest_frame(array, rate)
    if loudest <= _FAINTEST:
        return []
    loud = numpy.flatnonzero(numpy.abs(array) > loudest * 10 ** (threshold_db / 20))
    if not len(loud):
        return []
    # A gap between two loud samples longer than the shortest pause parts them.
    parted = numpy.flatnonzero(numpy.diff(loud) > shortest_pause * rate + 1)
    starts, ends = loud[numpy.concatenate([[0], parted + 1])], loud[numpy.concatenate([parted, [len(loud) - 1]])] + 1
    kept = (ends - starts) >= shortest_speech * rate
    return [(int(a) / rate, int(b) / rate) for a, b in zip(starts[kept], ends[kept], strict=True)]


def loudest_frame(samples: NDArray[Any], rate: int) -> float:
    """Return the RMS of the loudest 20 ms, full scale 1; 0 for no samples."""
    numpy = need("numpy", extra="audio", why="find speech in sound")
    if not len(samples):
        return 0.0
    length = min(max(1, round(_FRAME * rate)), len(samples))
    sums = numpy.concatenate([[0.0], numpy.cumsum(numpy.square(samples), dtype=numpy.float64)])
    # Every place counts, so that a clip and the same clip inside a track have the same loudest moment.
    return float(numpy.sqrt(max(0.0, (sums[length:] - sums[:-length]).max() / length)))
