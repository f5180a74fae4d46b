"""How high a voice is: the fundamental frequency of speech, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME, _STEP = 0.04, 0.01  # seconds; the frame holds two periods of 50 Hz
_VOICED = 0.6  # least normalised autocorrelation of a voiced frame
_LOUD = 0.1  # least RMS of a frame, as a share of the loudest
_OCTAVE = 0.9  # a shorter period wins when it correlates nearly as well as the best


def median_pitch(samples: Any, rate: int, low: float = 60.0, high: float = 500.0) -> float | None:
    """Return the median fundamental frequency of the voiced parts of speech.

    Each frame of 40 ms is correlated with itself; the autocorrelation is divided by that of the window, so that its
    height does not fall with the lag (Boersma, "Accurate short-term analysis of the fundamental frequency and the
    harmonics-to-noise ratio of a sampled sound", 1993).

    Args:
        samples: one channel, shape (n,).
        rate: samples a second.
        low: lowest frequency looked for, in Hz, at least 50.
        high: highest, in Hz.

    Returns:
        Hz, or None where nothing is voiced.

    Raises:
        UserError: if the range is empty or the rate too low for it.
        MissingDependencyError: if numpy is not installed.

    Example:
        >>> import numpy
        >>> round(median_pitch(numpy.sin(2 * numpy.pi * 120 * numpy.arange(8000) / 16000), 16000))
        120
    """
    if not 50 <= low < high or rate < 4 * high:
        raise UserError(f"pitch is looked for from 50 Hz to a quarter of the rate, not {low}-{high} Hz at {rate}")
    numpy = need("numpy", extra="audio", why="measure pitch")
    frames = _frames(numpy, numpy.asarray(samples, dtype=float), rate)
    if not len(frames):
        return None
    height, lags = _correlations(numpy, frames, rate / high, rate / low)
    best = height.max(axis=1)
    loudness = numpy.sqrt((frames**2).mean(axis=1))
    voiced = (best > _VOICED) & (loudness > _LOUD * loudness.max())
    if not voiced.any():
        return None
    found = [_first_peak(numpy, row, lags) for row in height[voiced]]
    return float(rate / numpy.median(found))


def _frames(numpy: Any, samples: NDArray[Any], rate: int) -> NDArray[Any]:
    size, step = round(_FRAME * rate), round(_STEP * rate)
    if len(samples) < size:
        return numpy.zeros((0, size))  # type: ignore[no-any-return]
    view = numpy.lib.stride_tricks.sliding_window_view(samples, size)[::step]
    return view - view.mean(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _correlations(numpy: Any, frames: NDArray[Any], shortest: float, longest: float) -> tuple[Any, Any]:
    """Return the normalised autocorrelation of each frame at each lag, and the lags in samples."""
    size = frames.shape[1]
    window = numpy.hanning(size + 2)[1:-1]
    length = 2 ** int(numpy.ceil(numpy.log2(2 * size)))
    power = numpy.abs(numpy.fft.rfft(frames * window, length, axis=1)) ** 2
    raw = numpy.fft.irfft(power, axis=1)
    own = numpy.fft.irfft(numpy.abs(numpy.fft.rfft(window, length)) ** 2)
    lags = numpy.arange(int(shortest), min(int(longest) + 2, size))
    energy = numpy.maximum(raw[:, :1], 1e-20)
    return raw[:, lags] / energy / (own[lags] / own[0]), lags


def _first_peak(numpy: Any, row: NDArray[Any], lags: NDArray[Any]) -> float:
    """Return the period in samples: the first peak that is nearly as high as the highest."""
    inner = row[1:-1]
    peaks = numpy.flatnonzero((inner >= row[:-2]) & (inner > row[2:])) + 1
    high = [int(peak) for peak in peaks if row[peak] >= _OCTAVE * row.max()]
    if not high:
        return float(lags[int(row.argmax())])
    at = high[0]
    before, here, after = row[at - 1 : at + 2]
    bend = before - 2 * here + after
    return float(lags[at] + (0.5 * (before - after) / bend if bend else 0.0))
