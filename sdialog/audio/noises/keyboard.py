"""Keyboard: somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises._events import burst, scattered
from sdialog.audio.noises.base import noises, shaped, unit_power
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("keyboard")
def keyboard(n: int, rate: int, generator: numpy.random.Generator, *, keys_a_second: float = 5.0) -> Samples:
    """Key strokes in words, with pauses between, over a faint room tone.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        keys_a_second: while typing a word, above 0.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Example:
        >>> import numpy
        >>> keyboard(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    keys = [_key(rate, generator) for _kind in range(8)]
    space = _key(rate, generator, low=250.0)
    left = [0]

    def gap() -> float:
        left[0] -= 1
        if left[0] > 0:
            return float(generator.gamma(6.0, 1 / keys_a_second / 6))
        left[0] = int(generator.geometric(0.18))
        thinking = generator.random() < 0.2
        return float(generator.uniform(0.8, 2.5) if thinking else generator.uniform(0.15, 0.4))

    def stroke() -> Any:
        key = space if left[0] <= 0 else keys[int(generator.integers(len(keys)))]
        return key * numpy.float32(10 ** (generator.normal(0, 2.5) / 20))

    strokes = scattered(n, rate, generator, gap, stroke)
    tone = shaped(n, rate, generator, lambda frequencies: frequencies**-0.5)
    return unit_power(strokes + tone * (0.01 / max(float(numpy.std(tone)) if n else 1.0, 1e-12)), rate, "the keyboard")


def _key(rate: int, generator: numpy.random.Generator, low: float = 900.0) -> Any:
    """Return one key: the finger meets it, it meets its bed, and later it comes back up."""
    numpy = need("numpy", extra="audio", why="make noise")
    travel, release = float(generator.uniform(0.008, 0.015)), float(generator.uniform(0.07, 0.11))
    out = numpy.zeros(int(0.2 * rate), dtype=numpy.float32)
    colour = float(generator.uniform(0.8, 1.25))
    for at, loud, decay, bottom, top in (
        (0.0, 0.35, 0.012, 2000, 6500),
        (travel, 1.0, 0.035, low, 4500),
        (release, 0.45, 0.02, 1500, 6000),
    ):
        part = loud * burst(rate, 0.06, decay, bottom * colour, min(top * colour, 0.45 * rate), generator)
        start = int(at * rate)
        out[start : start + len(part)] += part
    return out
