"""Cafe: guests talking in a lively room, and their dishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises._events import ringing, scattered
from sdialog.audio.noises.babble import babble
from sdialog.audio.noises.base import noises, shaped, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

REVERBERATION = 0.7


@noises.register("cafe")
def cafe(
    n: int,
    rate: int,
    generator: numpy.random.Generator,
    *,
    guests: int = 12,
    clips: Any = None,
    engine: Any = None,
    voices: Any = None,
) -> Samples:
    """Babble of a dozen guests with the reverberation of a room, cups and cutlery, and a little air.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        guests: how many talk.
        clips: what they say; see :func:`~sdialog.audio.noises.babble.babble`.
        engine: a speech engine in place of clips.
        voices: the voices of the engine.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> cafe(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1)), guests=2).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    signal = need("scipy.signal", extra="audio", why="make noise")
    if not n:
        return numpy.zeros(0, dtype=numpy.float32)  # type: ignore[no-any-return]
    tail = int(REVERBERATION * rate)
    decay = numpy.exp(-6.91 * numpy.arange(tail) / rate / REVERBERATION) * generator.standard_normal(tail)
    decay /= numpy.sqrt((decay**2).sum())
    decay[0] += 0.4
    talk = babble(n + tail, rate, generator, talkers=guests, clips=clips, engine=engine, voices=voices)
    dishes = scattered(
        n + tail,
        rate,
        generator,
        gap=lambda: float(generator.gamma(1.3, 0.7)) + 0.03,
        sound=lambda: _clink(rate, generator),
    )
    wet = signal.oaconvolve(talk + dishes, decay)[tail : tail + n]
    air = shaped(n, rate, generator, lambda frequencies: 1 / (1 + frequencies / 200))
    return unit_power(wet + air * (0.1 / max(float(numpy.std(air)), 1e-12)), rate, "the cafe")


def _clink(rate: int, generator: numpy.random.Generator) -> Samples:
    """Return a cup or a spoon: a few partials far apart, as of a stiff small body."""
    base = float(generator.uniform(1400, 3800))
    loud = float(10 ** (generator.uniform(-14, 4) / 20))
    partials = [
        (base * ratio, loud * weight, float(generator.uniform(0.06, 0.25)))
        for ratio, weight in ((1.0, 1.0), (1.52, 0.6), (2.31, 0.4), (3.17, 0.2))
    ]
    return ringing(rate, 0.25, partials, generator)
