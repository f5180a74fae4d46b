"""Brown noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.audio.noises.base import noises, shaped, unit_power

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("brown")
def brown(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """Power falls with the square of frequency: a rumble.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech, nothing below 50 Hz.

    Example:
        >>> import numpy
        >>> brown(16000, 16000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (16000,)
    """
    # Filtered once more: its strong edge at 50 Hz leaks where the noise is cut to its length.
    return unit_power(shaped(n, rate, generator, lambda frequencies: frequencies**-1.0), rate)
