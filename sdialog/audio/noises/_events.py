"""Short sounds that come and go: the grains of keyboards, dishes, drops and passing cars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# Events begin as early as that before the first sample, so that the noise does not begin with a hush, seconds.
BEFORE = 1.0


def scattered(
    n: int,
    rate: int,
    generator: numpy.random.Generator,
    gap: Callable[[], float],
    sound: Callable[[], Any],
    before: float = BEFORE,
) -> Samples:
    """Return the sum of sounds that begin one after another.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the first place comes from.
        gap: draws the seconds from one beginning to the next, greater than 0.
        sound: draws the samples of one.
        before: how early the first may begin, seconds.
    """
    numpy = need("numpy", extra="audio", why="make noise")
    out = numpy.zeros(n, dtype=numpy.float32)
    now = -before + float(generator.uniform(0, gap()))
    while now * rate < n:
        samples = sound()
        start = round(now * rate)
        first, last = max(0, start), min(n, start + len(samples))
        if last > first:
            out[first:last] += samples[first - start : last - start]
        now += gap()
    made: Samples = out
    return made


def ringing(rate: int, seconds: float, partials: Any, generator: numpy.random.Generator) -> Samples:
    """Return a struck thing: partials that die away.

    Args:
        rate: samples a second.
        seconds: length.
        partials: (frequency in Hz, amplitude, seconds to fall by 60 dB) of each; those too high for it are left out.
        generator: where the phases come from.
    """
    numpy = need("numpy", extra="audio", why="make noise")
    time = numpy.arange(int(seconds * rate)) / rate
    out = numpy.zeros(len(time))
    for frequency, amplitude, decay in partials:
        phase = generator.uniform(0, 2 * numpy.pi)
        if frequency < 0.45 * rate:
            out += amplitude * numpy.sin(2 * numpy.pi * frequency * time + phase) * numpy.exp(-6.91 * time / decay)
    onset = min(len(out), max(2, rate // 2000))
    out[:onset] *= numpy.linspace(0, 1, onset)
    made: Samples = out.astype(numpy.float32)
    return made


def burst(rate: int, seconds: float, decay: float, low: float, high: float, generator: numpy.random.Generator) -> Any:
    """Return a burst of noise between two frequencies that dies away by 60 dB in ``decay`` seconds."""
    numpy = need("numpy", extra="audio", why="make noise")
    size = max(8, int(seconds * rate))
    spectrum = numpy.fft.rfft(generator.standard_normal(size))
    frequencies = numpy.fft.rfftfreq(size, 1 / rate)
    # Edges of one octave, so that the burst has no ringing tone at them.
    rise = numpy.clip(numpy.log2(numpy.maximum(frequencies, 1) / low) + 1, 0, 1)
    fall = numpy.clip(numpy.log2(high / numpy.maximum(frequencies, 1)) + 1, 0, 1)
    shaped = numpy.fft.irfft(spectrum * rise * fall, size)
    shaped *= numpy.exp(-6.91 * numpy.arange(size) / rate / decay)
    onset = max(2, rate // 2000)
    shaped[:onset] *= numpy.linspace(0, 1, len(shaped[:onset]))
    return shaped.astype(numpy.float32)
