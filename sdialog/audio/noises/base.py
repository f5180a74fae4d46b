"""What a noise is: a function from a length, a rate and a generator to samples of power 1 in the band of speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import AudioError, UserError
from sdialog.core.optional import need
from sdialog.core.registry import Registry

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# The band in which noise and speech are compared, Hz: where long-term speech has nearly all its power, without rumble.
BAND_LOW = 80.0
BAND_HIGH = 7000.0
# Share of the rate up to which resampled sound is whole.
WHOLE = 0.45
# Below it a noise has nothing, Hz.
HIGH_PASS = 50.0
# How much noise is shaped at once, seconds; longer noise is joined from such pieces.
PIECE = 60.0


# ``noise(n, rate, generator, **options)``: samples of shape (n,), float32, with power 1 in the band of speech.
Noise = Callable[..., Any]

noises: Registry[Noise] = Registry("noise", "sdialog.audio.noises")


def noise_band(rate: int) -> tuple[float, float]:
    """Return the band in which noise and speech are compared at a rate, Hz.

    Example:
        >>> noise_band(16000), noise_band(8000)
        ((80.0, 7000.0), (80.0, 3600.0))
    """
    return BAND_LOW, min(BAND_HIGH, WHOLE * rate)


def in_band(samples: Any, rate: int, band: tuple[float, float] | None = None) -> Samples:
    """Return the part of sound inside a band, without delay.

    Args:
        samples: array of shape (n,).
        rate: samples a second.
        band: lowest and highest frequency in Hz; left out, :func:`noise_band`.
    """
    numpy = need("numpy", extra="audio", why="filter noise")
    low, high = band or noise_band(rate)
    n = len(samples)
    if not n:
        return numpy.zeros(0, dtype=numpy.float32)  # type: ignore[no-any-return]
    fft = need("scipy.fft", extra="audio", why="filter noise")
    size = fft.next_fast_len(n, real=True)
    spectrum = fft.rfft(numpy.asarray(samples, dtype=numpy.float64), size)
    frequencies = fft.rfftfreq(size, 1 / rate)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    kept: Samples = fft.irfft(spectrum, size)[:n].astype(numpy.float32)
    return kept


def in_band_power(samples: Any, rate: int, band: tuple[float, float] | None = None) -> float:
    """Return the mean power of sound inside a band; 0 for nothing.

    Example:
        >>> import numpy
        >>> round(in_band_power(numpy.sin(numpy.arange(16000) * 0.5), 16000), 2)
        0.5
    """
    numpy = need("numpy", extra="audio", why="measure noise")
    array = numpy.asarray(samples, dtype=numpy.float64)
    n = len(array)
    if not n:
        return 0.0
    low, high = band or noise_band(rate)
    fft = need("scipy.fft", extra="audio", why="measure noise")
    size = fft.next_fast_len(n, real=True)
    frequencies = fft.rfftfreq(size, 1 / rate)
    power = numpy.abs(fft.rfft(array, size)) ** 2
    inside = (frequencies >= low) & (frequencies <= high)
    # Parseval: every frequency but the ends stands for two.
    return float(2 * power[inside].sum() / size / n)


def unit_power(samples: Any, rate: int, what: str = "the noise") -> Samples:
    """Return a noise without what is below 50 Hz and with power 1 in the band of speech.

    Args:
        samples: array of shape (n,).
        rate: samples a second.
        what: how a message calls it.

    Raises:
        AudioError: if it has no power there.
    """
    numpy = need("numpy", extra="audio", why="make noise")
    if not len(samples):
        return numpy.zeros(0, dtype=numpy.float32)  # type: ignore[no-any-return]
    kept = in_band(samples, rate, (HIGH_PASS, rate / 2))
    power = in_band_power(kept, rate)
    if not power > 1e-20:
        low, high = noise_band(rate)
        raise AudioError(f"{what} is silent from {low:g} to {high:g} Hz, so it cannot be set against speech")
    scaled: Samples = (kept / power**0.5).astype(numpy.float32)
    return scaled


def shaped(n: int, rate: int, generator: numpy.random.Generator, amplitude: Callable[[Any], Any]) -> Samples:
    """Return Gaussian noise with a spectrum, without its part below 50 Hz, of any power.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        amplitude: from an array of frequencies in Hz, 50 and above, to amplitudes.

    Raises:
        UserError: if the length or the rate is no number that sound can have.
    """
    numpy = need("numpy", extra="audio", why="make noise")
    fft = need("scipy.fft", extra="audio", why="make noise")
    if n < 0 or rate < 1000:
        raise UserError(f"noise has a length of 0 or more and a rate of at least 1000, not {n} samples at {rate}")
    piece = round(PIECE * rate)
    if n > piece:
        return _joined(n, rate, generator, amplitude, piece)
    size = fft.next_fast_len(max(n, 2), real=True)
    frequencies = fft.rfftfreq(size, 1 / rate)
    spectrum = fft.rfft(generator.standard_normal(size))
    heard = frequencies >= HIGH_PASS
    weights = numpy.zeros(len(frequencies))
    weights[heard] = amplitude(frequencies[heard])
    made: Samples = fft.irfft(spectrum * weights, size)[:n].astype(numpy.float32)
    return made


def _joined(
    n: int, rate: int, generator: numpy.random.Generator, amplitude: Callable[[Any], Any], piece: int
) -> Samples:
    """Return long noise from pieces that fade into each other, so that memory for the transform stays bounded."""
    numpy = need("numpy", extra="audio", why="make noise")
    fade = min(piece // 4, rate)
    out: Samples = numpy.zeros(n, dtype=numpy.float32)
    rise = numpy.sin(numpy.linspace(0, numpy.pi / 2, fade))
    count = -(-(n - fade) // (piece - fade))
    size = -(-(n - fade) // count) + fade  # equal pieces, so that none is made to be thrown away
    for number in range(count):
        start = number * (size - fade)
        part = shaped(size, rate, generator, amplitude)
        if number:
            part[:fade] *= rise
        if number < count - 1:
            part[-fade:] *= rise[::-1]  # pieces are independent, so sine and cosine keep the power
        stop = min(n, start + size)
        out[start:stop] += part[: stop - start]
    return out


def slow_drift(n: int, rate: int, generator: numpy.random.Generator, seconds: float, depth_db: float) -> Samples:
    """Return gains that wander smoothly around 1.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        seconds: between two independent values.
        depth_db: standard deviation of the gain in dB.
    """
    numpy = need("numpy", extra="audio", why="make noise")
    knots = generator.normal(0, depth_db, int(n / rate / seconds) + 4)
    places = numpy.arange(n) / rate / seconds
    whole = places.astype(int)
    part = places - whole
    smooth = part * part * (3 - 2 * part)
    level = knots[whole] * (1 - smooth) + knots[whole + 1] * smooth
    gains: Samples = (10 ** (level / 20)).astype(numpy.float32)
    return gains
