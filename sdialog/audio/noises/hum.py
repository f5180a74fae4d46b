"""Hum: mains electricity in a cable or a transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.audio.noises.base import noises, shaped, slow_drift, unit_power
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

HARMONICS = 24


@noises.register("hum")
def hum(n: int, rate: int, generator: numpy.random.Generator, *, mains: float = 50.0) -> Samples:
    """Harmonics of the mains, the first two strongest, drifting a little, over a faint hiss.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        mains: frequency of the mains in Hz, 50 or 60.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Raises:
        UserError: if the mains are not from 45 to 65 Hz.

    Example:
        >>> import numpy
        >>> hum(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1)), mains=60).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make noise")
    if not 45 <= mains <= 65:
        raise UserError(f"mains have 50 or 60 Hz, not {mains!r}")
    own = mains * (1 + generator.normal(0, 0.0004))
    time = numpy.arange(n) / rate
    out = numpy.zeros(n)
    for harmonic in range(1, HARMONICS + 1):
        strength = (2.0 if harmonic == 2 else 1.0) / harmonic**1.2 * 10 ** (generator.normal(0, 3) / 20)
        strength *= 1.0 if harmonic % 2 == 0 or harmonic == 1 else 0.5
        phase = generator.uniform(0, 2 * numpy.pi)
        if harmonic * own < 0.45 * rate:
            out += strength * numpy.sin(2 * numpy.pi * harmonic * own * time + phase)
    out *= slow_drift(n, rate, generator, 2.0, 0.4)
    hiss = shaped(n, rate, generator, lambda frequencies: frequencies**-0.25)
    level = 0.02 / max(float(numpy.std(hiss)) if n else 1.0, 1e-12)
    return unit_power(out + level * hiss, rate, "the hum")
