"""Pink noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.audio.noises.base import coloured, noises

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("pink")
def pink(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """Power falls with frequency: every octave alike.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech, nothing below 50 Hz.

    Example:
        >>> import numpy
        >>> pink(16000, 16000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (16000,)
    """
    return coloured(n, rate, generator, lambda frequencies: frequencies**-0.5)
