"""Rain: countless drops far away, and single ones near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises._events import burst, scattered
from sdialog.audio.noises.base import noises, shaped, slow_drift, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("rain")
def rain(n: int, rate: int, generator: numpy.random.Generator, *, drops_a_second: float = 40.0) -> Samples:
    """A wide hiss that swells a little, with drops that can be told apart.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        drops_a_second: near drops, above 0.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> rain(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    hiss = shaped(n, rate, generator, lambda f: (f / 1500) ** 0.5 / (1 + (f / 4000) ** 2))
    hiss = hiss / max(float(numpy.std(hiss)) if n else 1.0, 1e-12) * slow_drift(n, rate, generator, 4.0, 1.2)
    kinds = [_drop(rate, generator) for _kind in range(24)]

    def drop() -> Any:
        return kinds[int(generator.integers(len(kinds)))] * numpy.float32(generator.lognormal(0, 0.5))

    near = scattered(
        n, rate, generator, lambda: float(generator.exponential(1 / drops_a_second)) + 1e-4, drop, before=0.1
    )
    return unit_power(hiss + near, rate, "the rain")


def _drop(rate: int, generator: numpy.random.Generator) -> Any:
    low = float(generator.uniform(500, 2500))
    high = min(low * 3, 0.45 * rate)
    made = burst(rate, 0.04, float(generator.uniform(0.008, 0.03)), low, high, generator)
    return made * (3.0 / max(float(abs(made).max()), 1e-12))
