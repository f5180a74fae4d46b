"""Speech-shaped noise: the long-term average spectrum of speech, without its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.noises.base import coloured, noises
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# Third-octave levels in dB SPL of speech at 70 dB, mean of men and women over 12 languages: D. Byrne and others, "An
# international comparison of long-term average speech spectra", J. Acoust. Soc. Am. 96(4), 1994, table II.
CENTRES = (
    63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000,
    1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000,
)  # fmt: skip
LEVELS = (
    38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7,
    53.0, 52.0, 48.7, 48.1, 46.8, 45.6, 44.5, 44.3, 43.7, 43.4, 41.3, 40.7,
)  # fmt: skip


def speech_spectrum(frequencies: Any) -> Any:
    """Return the amplitude of average speech at frequencies in Hz, of any scale.

    Example:
        >>> import numpy
        >>> low, high = speech_spectrum(numpy.array([500.0, 4000.0]))
        >>> bool(20 < 20 * numpy.log10(low / high) < 30)
        True
    """
    numpy = need("numpy", extra="audio", why="make noise")
    # A band of a third of an octave is as wide as its centre times a constant: power by hertz falls 10 dB a decade.
    by_hertz = numpy.array(LEVELS) - 10 * numpy.log10(numpy.array(CENTRES))
    level = numpy.interp(numpy.log(frequencies), numpy.log(CENTRES), by_hertz)
    return 10 ** (level / 20)


@noises.register("speech_shaped")
def speech_shaped(n: int, rate: int, generator: numpy.random.Generator) -> Samples:
    """Gaussian noise with the long-term average spectrum of speech (Byrne and others, 1994).

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.

    Returns:
        Array of shape (n,), power 1 in the band of speech, nothing below 50 Hz.

    Example:
        >>> import numpy
        >>> speech_shaped(16000, 16000, numpy.random.Generator(numpy.random.PCG64(1))).shape
        (16000,)
    """
    return coloured(n, rate, generator, speech_spectrum)
