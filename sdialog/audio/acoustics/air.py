"""What the air swallows: high sounds on long ways."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.materials import BANDS
from sdialog.core.optional import need

SOUND_SPEED = 343.0
"""Metres a second, in air of 20 degrees Celsius."""

AIR_PER_METRE = (0.0001, 0.0003, 0.0006, 0.0010, 0.0017, 0.0041, 0.0135)
"""Energy that air of 20 degrees Celsius and 50 to 70 % humidity swallows a metre, by octave band of ``BANDS``.

ISO 9613-1:1993; as in the tables of pyroomacoustics (Vorlaender, Auralization, 2008, annex).
"""


def through_air(responses: Any, rate: int, lead: int = 0) -> Any:
    """Return impulse responses as they are after their way through the air.

    What arrives at a time has come a way of that time times the speed of sound, however often it was reflected, so a
    response is damped band by band along time. The bands are slopes that sum to one, so that nothing is lost between
    them.

    Args:
        responses: array of shape (..., n).
        rate: samples a second.
        lead: samples before the sound leaves the mouth.

    Returns:
        Array of the same shape and type.

    Example:
        >>> import numpy
        >>> early, late = (numpy.zeros(16000, dtype=numpy.float32) for _ in range(2))
        >>> early[100], late[8000] = 1.0, 1.0
        >>> [round(float(through_air(one, 16000).max()), 1) for one in (early, late)]
        [1.0, 0.7]
    """
    numpy = need("numpy", extra="audio", why="simulate a room")
    fft = need("scipy.fft", extra="audio", why="simulate a room")
    array = numpy.asarray(responses)
    length = array.shape[-1]
    size = fft.next_fast_len(length, real=True)
    spectrum = fft.rfft(array, size, axis=-1)
    octaves = numpy.log2(numpy.maximum(fft.rfftfreq(size, 1 / rate), 1.0) / BANDS[0])
    way = SOUND_SPEED * numpy.maximum(0.0, numpy.arange(length) - lead) / rate
    result = numpy.zeros(array.shape, dtype=array.dtype)
    for number, loss in enumerate(AIR_PER_METRE):
        # Linear slopes over octaves; the outer bands go on to silence and to half the rate.
        slope = numpy.clip(1.0 - numpy.abs(octaves - number), 0.0, 1.0)
        if number == 0:
            slope[octaves < 0] = 1.0
        if number == len(BANDS) - 1:
            slope[octaves > number] = 1.0
        if not slope.any():
            continue
        band = fft.irfft(spectrum * slope.astype(numpy.float32), size, axis=-1)[..., :length]
        result += (band * numpy.exp(-0.5 * loss * way)).astype(array.dtype)
    return result
