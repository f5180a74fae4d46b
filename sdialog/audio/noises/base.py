"""What a noise is: a function from a length, a rate and a generator to samples of power 1 in the band of speech."""

from __future__ import annotations

import math
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
# From so many seconds on, the power of noise hardly depends on a few samples more or less.
LONG = 10.0


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
    spectrum = fft.rfft(numpy.asarray(samples, dtype=numpy.float32), size)
    first, last = _bins(low, high, size, rate)
    spectrum[:first] = 0
    spectrum[last:] = 0
    kept: Samples = fft.irfft(spectrum, size, overwrite_x=True)[:n]
    return kept


def _bins(low: float, high: float, size: int, rate: int) -> tuple[int, int]:
    """Return the first bin of a transform that is inside a band, and the first one above it."""
    step = 1.0 / (size * (1 / rate))  # as rfftfreq rounds it
    first, last = math.ceil(low / step), math.floor(high / step)
    return first + (first * step < low), last + (last * step <= high)


def _power(spectrum: Any, size: int) -> float:
    """Return the sum of the squares of samples of which a part of the spectrum is given, without its ends."""
    numpy = need("numpy", extra="audio", why="measure noise")
    parts = spectrum.view(spectrum.real.dtype)
    # Parseval: every frequency but the ends stands for two.
    return 2 * float(numpy.dot(parts, parts)) / size


def in_band_power(samples: Any, rate: int, band: tuple[float, float] | None = None) -> float:
    """Return the mean power of sound inside a band; 0 for nothing.

    Example:
        >>> import numpy
        >>> round(in_band_power(numpy.sin(numpy.arange(16000) * 0.5), 16000), 2)
        0.5
    """
    numpy = need("numpy", extra="audio", why="measure noise")
    array = numpy.asarray(samples, dtype=numpy.float32)
    n = len(array)
    if not n:
        return 0.0
    fft = need("scipy.fft", extra="audio", why="measure noise")
    size = fft.next_fast_len(n, real=True)
    first, last = _bins(*(band or noise_band(rate)), size, rate)
    return _power(fft.rfft(array, size)[first:last], size) / n


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
    return _scaled(kept, in_band_power(kept, rate), rate, what)


def _scaled(samples: Samples, power: float, rate: int, what: str) -> Samples:
    numpy = need("numpy", extra="audio", why="make noise")
    if not power > 1e-20:
        low, high = noise_band(rate)
        raise AudioError(f"{what} is silent from {low:g} to {high:g} Hz, so it cannot be set against speech")
    scaled: Samples = samples * numpy.float32(power**-0.5)
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
    return _joined(n, rate, lambda size: _piece(size, rate, generator, amplitude)[0])


def coloured(n: int, rate: int, generator: numpy.random.Generator, amplitude: Callable[[Any], Any]) -> Samples:
    """Return Gaussian noise with a spectrum, power 1 in the band of speech, and nothing below 50 Hz.

    It is :func:`shaped` and :func:`unit_power` in one, with fewer transforms.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        amplitude: as :func:`shaped` has it.

    Raises:
        UserError: if the length or the rate is no number that sound can have.
    """
    return _joined(n, rate, lambda size: _scaled(*_piece(size, rate, generator, amplitude), rate, "the noise"))


def _piece(
    n: int, rate: int, generator: numpy.random.Generator, amplitude: Callable[[Any], Any]
) -> tuple[Samples, float]:
    """Return noise with a spectrum, and its power in the band of speech."""
    numpy = need("numpy", extra="audio", why="make noise")
    fft = need("scipy.fft", extra="audio", why="make noise")
    size = fft.next_fast_len(max(n, 2), real=True)
    first = _bins(HIGH_PASS, rate / 2, size, rate)[0]
    spectrum = fft.rfft(generator.standard_normal(size).astype(numpy.float32))
    spectrum[:first] = 0
    spectrum[first:] *= amplitude(fft.rfftfreq(size, 1 / rate)[first:]).astype(numpy.float32)
    low, high = _bins(*noise_band(rate), size, rate)
    power = _power(spectrum[low:high], size) / size
    whole: Samples = fft.irfft(spectrum, size, overwrite_x=True)
    made = whole[:n]
    # What is cut off may have been louder or softer; in long noise it is too little to count.
    return made, power if n == size or n >= LONG * rate else in_band_power(made, rate)


def _joined(n: int, rate: int, piece: Callable[[int], Samples]) -> Samples:
    """Return noise; if it is long, from pieces that fade into each other, so that transforms need little memory."""
    numpy = need("numpy", extra="audio", why="make noise")
    if n < 0 or rate < 1000:
        raise UserError(f"noise has a length of 0 or more and a rate of at least 1000, not {n} samples at {rate}")
    most = round(PIECE * rate)
    out: Samples = numpy.zeros(n, dtype=numpy.float32)
    if n <= most:
        return piece(n) if n else out
    fade = min(most // 4, rate)
    rise = numpy.sin(numpy.linspace(0, numpy.pi / 2, fade))
    count = -(-(n - fade) // (most - fade))
    size = -(-(n - fade) // count) + fade  # equal pieces, so that none is made to be thrown away
    for number in range(count):
        start = number * (size - fade)
        part = piece(size)
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
