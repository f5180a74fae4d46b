"""Street: distant traffic, and vehicles that pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises._events import scattered
from sdialog.audio.noises.base import noises, shaped, slow_drift, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

LONGEST_PASS = 10.0


@noises.register("street")
def street(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """A steady rumble of traffic, and now and then a vehicle that comes near and goes.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> street(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (8000,)
    """
    far = shaped(n, rate, generator, lambda frequencies: 1 / (1 + (frequencies / 180) ** 2) ** 0.55)
    far = far * slow_drift(n, rate, generator, 3.0, 2.0)
    near = scattered(
        n,
        rate,
        generator,
        gap=lambda: float(generator.gamma(2.0, 1.8)) + 0.5,
        sound=lambda: _vehicle(rate, generator),
        before=LONGEST_PASS,
    )
    return unit_power(far + near, rate, "the street")


def _vehicle(rate: int, generator: numpy.random.Generator) -> Any:
    """Return one pass: louder and brighter in its middle, as the near side of a wheel is."""
    numpy = need("numpy", extra="audio", why="make noise")
    seconds = float(generator.uniform(4.0, LONGEST_PASS))
    size = int(seconds * rate)
    rush = shaped(size, rate, generator, lambda f: (f / 700) / (1 + (f / 700) ** 2) ** 0.9)
    engine = shaped(size, rate, generator, lambda f: 1 / (1 + (f / 140) ** 2))
    place = numpy.linspace(-1, 1, size) * seconds / 2
    speed = float(generator.uniform(0.6, 1.4))
    # Sound pressure falls with distance; the vehicle goes by at an arm of one second's way.
    nearness = 1 / numpy.sqrt(1 + (place / speed) ** 2)
    edge = numpy.sin(numpy.linspace(0, numpy.pi, size)) ** 0.5
    loud = float(10 ** (generator.uniform(-6, 6) / 20))
    own = (
        rush / max(float(numpy.std(rush)), 1e-12) * nearness**2
        + engine / max(float(numpy.std(engine)), 1e-12) * nearness
    )
    reference = 0.012 * loud
    return (reference * own * edge).astype(numpy.float32)
