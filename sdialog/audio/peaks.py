"""True peaks: what the wave reaches between its samples, and a limiter that keeps it below a ceiling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

SILENCE_DB = -120.0
BLOCK = 1 << 10
# Taps on each side of a sample that the interpolation looks at.
REACH = 12
LOOK_AHEAD = 0.005
ROUNDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Limited:
    """Sound whose true peak was kept below a ceiling.

    Attributes:
        samples: array of the shape that was given, float32.
        true_peak_db: of the result, dBTP.
        reduction_db: the most that the gain was lowered, dB, 0 or more.
        share: of the samples whose gain was lowered, 0 to 1.
        gains: array of shape (n,), what each sample was multiplied by.
    """

    samples: Samples
    true_peak_db: float
    reduction_db: float
    share: float
    gains: Samples


def true_peak_db(samples: Any, oversampling: int = 4) -> float:
    """Return the true peak of sound in dBTP: the greatest magnitude of the wave that the samples stand for.

    The wave is read at ``oversampling`` points a sample (ITU-R BS.1770-4, 2015, annex 2, asks for 4 at 48 kHz).

    Args:
        samples: array of shape (n,) or (n, channels), full scale 1.
        oversampling: points a sample, 1 or more.

    Returns:
        dB against full scale; -120 for silence.

    Raises:
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> import numpy
        >>> wave = numpy.sin(numpy.pi / 2 * numpy.arange(400) + numpy.pi / 4)  # its samples reach 0.707 only
        >>> -0.1 < true_peak_db(0.5 * wave[100:300]) + 6.02 < 1.0
        True
    """
    numpy = need("numpy", extra="audio", why="measure true peaks")
    array = _columns(samples)
    bound = _interpolator(oversampling)[1]
    peaks = [_block_peaks(column) for column in array.T]
    highest = max((float(one.max(initial=0.0)) for one in peaks), default=0.0)
    blocks = [
        (float(peak), channel, number * BLOCK)
        for channel, own in enumerate(peaks)
        for number, peak in enumerate(own)
        if peak * bound > highest
    ]
    # A block cannot reach more than `bound` times the greatest sample in reach, so most need no interpolation.
    for peak, channel, start in sorted(blocks, reverse=True):
        if peak * bound <= highest:
            break
        between = _interpolated(_with_reach(array[:, channel], start), oversampling)
        highest = max(highest, float(numpy.max(numpy.abs(between), initial=0.0)))
    return _db(highest)


def limit_true_peak(samples: Any, rate: int, ceiling_db: float = -1.0) -> Limited:
    """Return sound with its true peak at or below a ceiling.

    The gain is lowered smoothly from 5 ms before a peak until 5 ms after it, for all channels alike; elsewhere it stays
    1. It is a gain and no wave shaper: what is below the ceiling is not bent.

    Args:
        samples: array of shape (n,) or (n, channels), full scale 1.
        rate: samples a second.
        ceiling_db: what the true peak may reach, dBTP, 0 or less.

    Returns:
        The sound and what was done to it.

    Raises:
        UserError: if the ceiling is above 0.

    Example:
        >>> import numpy
        >>> loud = limit_true_peak(2 * numpy.sin(numpy.arange(8000) / 5), 16000, -3.0)
        >>> loud.true_peak_db <= -3.0
        True
    """
    numpy = need("numpy", extra="audio", why="limit true peaks")
    if not ceiling_db <= 0:
        raise UserError(f"the ceiling of a true peak is 0 dB or less, not {ceiling_db!r}")
    given = numpy.asarray(samples, dtype=numpy.float32)
    columns = _columns(given)
    ceiling = 10 ** (ceiling_db / 20)
    gain = numpy.ones(len(columns), dtype=numpy.float64)
    out = columns
    # A wave cannot reach more than `bound` times the greatest sample, so quiet sound needs no closer look.
    near = float(numpy.abs(columns).max(initial=0.0)) * _interpolator(8)[1] > ceiling
    reached = true_peak_db(columns, 8) if near else None
    if reached is not None and reached > ceiling_db:
        aim = ceiling
        for _round in range(ROUNDS):
            gain = _gain(columns, rate, aim)
            out = (columns * gain[:, None]).astype(numpy.float32)
            reached = true_peak_db(out, 8)
            over = reached - ceiling_db
            if over <= 0:
                break
            # The gain itself moves within a sample, so a trace may remain; aim that much lower.
            aim *= 10 ** (-(over + 0.005) / 20)
        else:
            rest = 10 ** (-(over + 0.005) / 20)
            out, gain, reached = out * numpy.float32(rest), gain * rest, None
    lowest = float(gain.min(initial=1.0))
    return Limited(
        samples=out.reshape(given.shape).astype(numpy.float32),
        true_peak_db=true_peak_db(out) if reached is None else reached,
        reduction_db=round(-_db(lowest), 3) + 0.0,
        share=float((gain < 0.999).mean()) if len(gain) else 0.0,
        gains=gain.astype(numpy.float32),
    )


def _gain(columns: Any, rate: int, ceiling: float) -> Any:
    """Return the gain at each sample: low enough at every peak, and without a corner."""
    numpy = need("numpy", extra="audio", why="limit true peaks")
    scipy_ndimage = need("scipy.ndimage", extra="audio", why="limit true peaks")
    envelope = _envelope(columns, ceiling)
    wanted = numpy.minimum(1.0, ceiling / numpy.maximum(envelope, ceiling * 1e-6))
    half = max(1, round(LOOK_AHEAD * rate))
    lowest = scipy_ndimage.minimum_filter1d(wanted, 2 * half + 1, mode="nearest")
    # Each mean, and the mean of means, is over values that are all at or below what its sample needs.
    width = half // 2 * 2 + 1
    once = scipy_ndimage.uniform_filter1d(lowest, width, mode="nearest")
    return scipy_ndimage.uniform_filter1d(once, width, mode="nearest")


def _envelope(columns: Any, ceiling: float) -> Any:
    """Return, at each sample, the greatest magnitude of any channel within one sample of it."""
    numpy = need("numpy", extra="audio", why="limit true peaks")
    bound = _interpolator(8)[1]
    reached = numpy.abs(columns).max(axis=1).astype(numpy.float64)
    for column in columns.T:
        for start in range(0, len(column), BLOCK):
            piece = _with_reach(column, start)
            if float(numpy.max(numpy.abs(piece), initial=0.0)) * bound <= ceiling:
                continue
            between = numpy.abs(_interpolated(piece, 8)).max(axis=0)
            stop = min(start + BLOCK, len(column))
            # Row i of `between` lies after sample start - 1 + i; a sample answers for both its sides.
            sides = numpy.maximum(between[:-1], between[1:])[: stop - start]
            reached[start:stop] = numpy.maximum(reached[start:stop], sides)
    return reached


def _block_peaks(column: Any) -> Any:
    """Return the greatest magnitude in each block and in what the interpolation sees around it."""
    numpy = need("numpy", extra="audio", why="measure true peaks")
    blocks = numpy.pad(numpy.abs(column), (0, -len(column) % BLOCK)).reshape(-1, BLOCK)
    peaks = blocks.max(axis=1, initial=0.0)
    peaks[1:] = numpy.maximum(peaks[1:], blocks[:-1, -REACH:].max(axis=1, initial=0.0))
    peaks[:-1] = numpy.maximum(peaks[:-1], blocks[1:, :REACH].max(axis=1, initial=0.0))
    return peaks


def _with_reach(column: Any, start: int) -> Any:
    """Return a block with what the interpolation needs around it, zeros beyond the ends."""
    numpy = need("numpy", extra="audio", why="measure true peaks")
    stop = min(start + BLOCK, len(column))
    first, last = start - REACH, stop + REACH
    if first >= 0 and last <= len(column):
        return column[first:last]
    piece = column[max(0, first) : last]
    return numpy.pad(piece, (max(0, -first), max(0, last - len(column))))


def _interpolated(piece: Any, oversampling: int) -> Any:
    """Return the wave between the samples, shape (oversampling, gaps): one gap before the first sample of the block."""
    numpy = need("numpy", extra="audio", why="measure true peaks")
    taps = _interpolator(oversampling)[0]
    views = numpy.lib.stride_tricks.sliding_window_view(piece, 2 * REACH)
    # A copy, so that the product runs on whole rows: several times faster than on the overlapping views.
    return taps @ numpy.ascontiguousarray(views.T)


@lru_cache(maxsize=8)
def _interpolator(oversampling: int) -> tuple[Any, float]:
    """Return the taps of a windowed sinc at each point of a gap, and the most it can amplify."""
    numpy = need("numpy", extra="audio", why="measure true peaks")
    if isinstance(oversampling, bool) or not isinstance(oversampling, int) or oversampling < 1:
        raise UserError(f"oversampling is a whole number of at least 1, not {oversampling!r}")
    where = numpy.arange(oversampling)[:, None] / oversampling - (numpy.arange(2 * REACH)[None, :] - (REACH - 1))
    taps = numpy.sinc(where) * numpy.kaiser(2 * REACH * 64 + 1, 6.0)[_window_places(where, numpy)]
    taps = taps / taps.sum(axis=1, keepdims=True)
    return taps.astype(numpy.float32), float(numpy.abs(taps).sum(axis=1).max())


def _window_places(where: Any, numpy: Any) -> Any:
    return numpy.clip(numpy.rint((where + REACH) * 64), 0, 2 * REACH * 64).astype(int)


def _columns(samples: Any) -> Any:
    numpy = need("numpy", extra="audio", why="measure true peaks")
    array = numpy.asarray(samples, dtype=numpy.float32)
    if array.ndim not in (1, 2):
        raise UserError(f"sound is an array of shape (samples,) or (samples, channels), not {array.shape}")
    return array[:, None] if array.ndim == 1 else array


def _db(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DB
