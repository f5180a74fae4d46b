"""Car: inside a vehicle that drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises.base import noises, shaped, slow_drift, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("car")
def car(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """Tyres and road, wind, and the orders of the engine.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> car(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    cavity = float(generator.uniform(170, 230))

    def road(frequencies: Any) -> Any:
        fall = 1 / (1 + (frequencies / 90) ** 2) ** 0.8
        # Air inside a tyre rings near 200 Hz.
        return fall * (1 + 2.0 * numpy.exp(-(((frequencies - cavity) / 18) ** 2)))

    tyres = shaped(n, rate, generator, road)
    wind = shaped(n, rate, generator, lambda f: 1 / (1 + (f / 600) ** 2) ** 0.7)
    turns = float(generator.uniform(28, 45)) * slow_drift(n, rate, generator, 5.0, 0.3)
    phase = numpy.cumsum(turns) / rate
    engine = numpy.zeros(n)
    for order, strength in ((2, 1.0), (4, 0.5), (6, 0.25), (8, 0.1)):
        engine += strength * numpy.sin(2 * numpy.pi * order * phase + generator.uniform(0, 2 * numpy.pi))
    scale = max(float(numpy.std(tyres)) if n else 1.0, 1e-12)
    quiet = max(float(numpy.std(wind)) if n else 1.0, 1e-12)
    gusts = slow_drift(n, rate, generator, 1.0, 1.5)
    return unit_power(tyres / scale + 0.35 * wind / quiet * gusts + 0.4 * engine, rate, "the car")
