"""How late a channel is, measured with a known sound, and sound moved by parts of a sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

PROBE_SECONDS = 2.5
# No channel is later than that, seconds.
LONGEST = 0.25
# The correlation between samples: points a sample, and samples at each side that they are computed from.
FINER, REACH = 16, 16


@lru_cache(maxsize=8)
def probe(rate: int) -> Samples:
    """Return the sound by which delays are measured: syllables of a voice, each of another pitch, then noise bursts.

    Codecs for speech follow it, and since pitch and length never repeat, it fits itself at one delay only.
    """
    numpy = need("numpy", extra="audio", why="measure delays")
    fft = need("scipy.fft", extra="audio", why="measure delays")
    generator = numpy.random.Generator(numpy.random.PCG64(derive_seed(0, "probe")))
    n = int(PROBE_SECONDS * rate)
    time = numpy.arange(n) / rate
    pitch = 120 + 40 * numpy.sin(2 * numpy.pi * 0.7 * time) + 12 * numpy.sin(2 * numpy.pi * 2.3 * time + 1)
    pulses = numpy.diff(numpy.floor(numpy.cumsum(pitch) / rate), prepend=0.0)
    source = pulses + 0.03 * generator.standard_normal(n)
    frequencies = fft.rfftfreq(n, 1 / rate)
    formants = sum(
        weight / (1 + ((frequencies - centre) / width) ** 2)
        for centre, width, weight in ((550, 90, 1.0), (1500, 120, 0.6), (2500, 160, 0.35))
    )
    voice = fft.irfft(fft.rfft(source) * formants, n)
    syllables = numpy.clip(numpy.sin(2 * numpy.pi * (2.7 * time + 0.4 * numpy.sin(1.9 * time))) + 0.5, 0, 1)
    made = voice * syllables
    whole: Samples = (0.05 * made / made.std()).astype(numpy.float32)
    return whole


def measured_delay(process: Callable[[Any], Any], rate: int) -> float:
    """Return how late sound comes out of a process, in samples with a fraction.

    It is the place of the highest cross-correlation between what went in and what came out, found between samples by a
    parabola on the interpolated correlation. Signs are ignored: a channel may turn the wave upside down.

    Args:
        process: takes (n,) samples and returns about as many.
        rate: samples a second.

    Example:
        >>> import numpy
        >>> round(measured_delay(lambda x: numpy.concatenate([numpy.zeros(7), x]), 8000), 2)
        7.0
    """
    numpy = need("numpy", extra="audio", why="measure delays")
    fft = need("scipy.fft", extra="audio", why="measure delays")
    sent = numpy.asarray(probe(rate), dtype=numpy.float64)
    most = int(LONGEST * rate)
    heard = numpy.asarray(process(sent.astype(numpy.float32)), dtype=numpy.float64)
    if not numpy.any(heard):
        return 0.0
    size = fft.next_fast_len(len(sent) + max(len(heard), len(sent)) + most)
    cross = fft.rfft(heard, size) * numpy.conj(fft.rfft(sent, size))
    correlation = fft.irfft(cross, size)
    back = min(most, int(0.01 * rate))
    around = numpy.concatenate([correlation[-back - REACH :], correlation[: most + REACH]])
    best = REACH + int(numpy.argmax(numpy.abs(around[REACH:-REACH])))
    return best - back - REACH + _between(around[best - REACH : best + REACH + 1])


def _between(values: Any) -> float:
    """Return where the highest magnitude is, in samples from the middle one, which is the highest of the samples."""
    numpy = need("numpy", extra="audio", why="measure delays")
    places = numpy.arange(-FINER, FINER + 1) / FINER
    offsets = numpy.arange(-REACH, REACH + 1)
    taps = numpy.sinc(places[:, None] - offsets[None, :]) * numpy.kaiser(2 * REACH + 1, 6.0)[None, :]
    fine = numpy.abs(taps @ values)
    top = int(numpy.argmax(fine))
    if not 0 < top < len(fine) - 1:
        return float(places[top])
    left, middle, right = (float(one) for one in fine[top - 1 : top + 2])
    curve = left - 2 * middle + right
    return float(places[top]) + (0.5 * (left - right) / curve / FINER if curve else 0.0)


def advanced(samples: Any, by: float, n: int) -> Samples:
    """Return ``n`` samples of sound that comes ``by`` samples earlier, zeros where there is nothing.

    Args:
        samples: array of shape (m,).
        by: samples, with a fraction; negative is later.
        n: how many.
    """
    numpy = need("numpy", extra="audio", why="align sound")
    array = numpy.asarray(samples, dtype=numpy.float32)
    whole = int(numpy.floor(by + 0.5))
    part = by - whole
    if abs(part) > 0.01 and len(array):
        fft = need("scipy.fft", extra="audio", why="align sound")
        # Zeros at both sides, so that nothing comes round the end.
        padded = numpy.pad(array.astype(numpy.float64), 32)
        size = fft.next_fast_len(len(padded), real=True)
        turn = numpy.exp(2j * numpy.pi * fft.rfftfreq(size) * part)
        array = fft.irfft(fft.rfft(padded, size) * turn, size)[32 : 32 + len(array)].astype(numpy.float32)
    first = array[max(0, whole) :]
    early = numpy.zeros(max(0, -whole), dtype=numpy.float32)
    joined = numpy.concatenate([early, first])[:n]
    fitted: Samples = numpy.pad(joined, (0, n - len(joined))).astype(numpy.float32)
    return fitted
