"""Fan: moving air, and the blades that move it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises.base import noises, shaped, slow_drift, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("fan")
def fan(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """The rush of air of a ventilator or a computer, with faint tones of its blades.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> fan(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    corner, resonance = generator.uniform(250, 500), generator.uniform(600, 1200)

    def air(frequencies: Any) -> Any:
        body = 1 / (1 + (frequencies / corner) ** 2) ** 0.6
        return body * (1 + 0.7 * numpy.exp(-(numpy.log2(frequencies / resonance) ** 2) / 0.05))

    rush = shaped(n, rate, generator, air)
    blades = generator.uniform(110, 190)
    wobble = numpy.cumsum(blades * slow_drift(n, rate, generator, 1.5, 0.02)) / rate
    tones = numpy.zeros(n)
    for harmonic, strength in ((1, 0.25), (2, 0.12), (3, 0.05)):
        tones += strength * numpy.sin(2 * numpy.pi * harmonic * wobble + generator.uniform(0, 2 * numpy.pi))
    scale = float(numpy.std(rush)) if n else 0.0
    return unit_power(rush + scale * tones, rate, "the fan")
