"""What is drawn of sound: how far the wave swings, how strong each frequency is, and whose voice it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.segments import Segment

WINDOW = 0.025
RANGE_DB = 60.0
_FRAMES_IN_A_COLUMN = 8
_FINEST = 0.002
_FAINTEST_DB = -80.0  # what is fainter is drawn as silence
_WHY = "draw sound"


@dataclass(frozen=True, slots=True, eq=False)
class Spectrogram:
    """How strong each frequency is at each time.

    Attributes:
        level_db: array of shape (rows, columns), from the lowest frequency up; 0 dB is a sine of full scale.
        top_hz: the highest frequency.
        loudest_db: the highest level; colours go from here down by ``RANGE_DB``.
    """

    level_db: Any
    top_hz: float
    loudest_db: float


def swing(samples: Any, columns: int) -> tuple[Any, Any]:
    """Return the lowest and the highest value in each of so many equal parts, or in each sample if there are fewer.

    Args:
        samples: array of shape (n,), not empty.
        columns: most parts.

    Example:
        >>> import numpy
        >>> low, high = swing(numpy.array([0.5, -1.0, 0.25, 0.75]), 2)
        >>> low.tolist(), high.tolist()
        ([-1.0, 0.25], [0.5, 0.75])
    """
    numpy = need("numpy", extra="audio", why=_WHY)
    bounds = numpy.arange(min(columns, len(samples))) * len(samples) // min(columns, len(samples))
    return numpy.minimum.reduceat(samples, bounds), numpy.maximum.reduceat(samples, bounds)


def spectrogram(samples: Any, rate: int, columns: int, rows: int) -> Spectrogram:
    """Return the power at each time and frequency: Hann windows of 25 ms, in a long recording some of them a column.

    Args:
        samples: array of shape (n,).
        rate: samples a second.
        columns, rows: the most there are to be.

    Example:
        >>> import numpy
        >>> tone = numpy.sin(2 * numpy.pi * 1000 * numpy.arange(16000) / 16000)
        >>> found = spectrogram(tone, 16000, 100, 80)
        >>> int(found.level_db[:, 50].argmax()) * 8000 // 80, abs(found.loudest_db) < 1
        (1000, True)
    """
    numpy = need("numpy", extra="audio", why=_WHY)
    size = max(16, round(WINDOW * rate))
    columns = max(1, min(columns, math.ceil(len(samples) / rate / _FINEST)))
    width = len(samples) / columns
    frames = min(_FRAMES_IN_A_COLUMN, max(1, math.ceil(width / (size / 2))))
    padded = numpy.pad(numpy.asarray(samples, dtype=numpy.float32), size)
    places = (numpy.arange(columns * frames) + 0.5) * (width / frames) + size / 2
    window = numpy.hanning(size).astype(numpy.float32)
    steps = numpy.arange(size)
    power = numpy.empty((columns, size // 2 + 1))
    block = max(1, 2048 // frames)
    for first in range(0, columns, block):  # in blocks, so that an hour fits into memory
        starts = places[first * frames : (first + block) * frames].astype(int)
        found = numpy.abs(numpy.fft.rfft(padded[starts[:, None] + steps] * window)) ** 2
        power[first : first + block] = found.reshape(-1, frames, found.shape[1]).mean(axis=1)
    bins = numpy.arange(min(rows, power.shape[1])) * power.shape[1] // min(rows, power.shape[1])
    level = 10 * numpy.log10(numpy.maximum(numpy.maximum.reduceat(power.T, bins), 1e-20) / (window.sum() / 2) ** 2)
    return Spectrogram(level, rate / 2, max(float(level.max()), _FAINTEST_DB))


def voices_at(segments: Iterable[tuple[int, Segment]], start: float, end: float, columns: int) -> tuple[Any, Any]:
    """Return which speakers are heard in each of so many equal parts of a stretch of time.

    Args:
        segments: with the numbers of their speakers.
        start, end: of the stretch in seconds.
        columns: how many parts.

    Returns:
        The first and the last of those who are heard there, arrays of shape (columns,); -1 for nobody. They are equal
        where there is one.
    """
    numpy = need("numpy", extra="audio", why=_WHY)
    first, last = numpy.full(columns, -1), numpy.full(columns, -1)
    scale = columns / (end - start)
    for number, one in sorted(segments, key=lambda pair: pair[1].start):
        low = max(0, math.floor((one.start - start) * scale))
        high = min(columns, max(low + 1, math.ceil((one.end - start) * scale)))
        part = first[low:high]
        part[part < 0] = number
        last[low:high] = number
    return first, last
