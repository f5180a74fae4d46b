"""What an impulse response says of a room: reverberation time, clarity, and how much of it is direct sound."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from sdialog.audio.acoustics.decay import decay_curve, time_of
from sdialog.core.errors import UserError
from sdialog.core.optional import need

DIRECT_MS = 2.5
"""What is so near to the arrival of the direct sound, before or after, counts as direct.

The 2.5 ms of Zahorik, Direct-to-reverberant energy ratio sensitivity, J. Acoust. Soc. Am. 112, 2002, taken to both
sides so that the ringing of band-limited pulses is on the side of the pulse. A reflection whose path is less than
0.86 m longer counts as direct too.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One impulse response in numbers.

    Attributes:
        rt60: seconds in which sound falls by 60 dB, from 5 to 35 dB below its beginning (T30); None where the
            response does not fall so far.
        t20: the same from 5 to 25 dB.
        edt: early decay time, from 0 to 10 dB.
        drr_db: energy of the direct sound over that of all the rest after it, in dB; see ``DIRECT_MS``.
        c50_db: energy of the first 50 ms over the rest, in dB (ISO 3382-1:2009, A.2.3), for speech.
        c80_db: the same for 80 ms, for music.
        d50: share of the energy in the first 50 ms, 0 to 1.
        direct_db: level of the direct sound; 0 is that of a mouth 1 m in front of the microphone.
        delay: seconds from the mouth to the microphone.
        distance: metres from the mouth to the microphone; None where it is not known.
        snr_db: speech over noise at the microphone, in dB; None until somebody who knows the noise fills it in.
    """

    rt60: float | None
    t20: float | None
    edt: float | None
    drr_db: float | None
    c50_db: float | None
    c80_db: float | None
    d50: float | None
    direct_db: float | None
    delay: float
    distance: float | None = None
    snr_db: float | None = None

    def json(self) -> dict[str, float | None]:
        """Return the numbers as JSON data, rounded to what is worth telling."""
        return {key: value if value is None else round(value, 5) for key, value in asdict(self).items()}


def measure(response: Any, rate: int, direct: float, *, lead: int = 0, distance: float | None = None) -> Measured:
    """Measure an impulse response.

    Args:
        response: array of shape (n,).
        rate: samples a second.
        direct: sample at which the direct sound arrives, a fraction allowed.
        lead: samples of the response before the sound leaves the mouth.
        distance: metres, to be written down.

    Raises:
        UserError: if the direct sound would arrive outside the response.

    Example:
        >>> import numpy
        >>> falling = 10 ** (-3 * numpy.arange(16000) / 16000 / 0.5)
        >>> found = measure(falling, 16000, 0)
        >>> round(found.rt60, 3), round(found.d50, 3)
        (0.5, 0.749)
    """
    numpy = need("numpy", extra="audio", why="measure a room")
    samples = numpy.asarray(response, dtype=numpy.float64)
    if samples.ndim != 1 or not 0 <= direct < len(samples):
        raise UserError(f"the direct sound arrives at sample {direct:g} of a response of shape {samples.shape}")
    at = round(direct)
    first = max(0, at - round(DIRECT_MS * rate / 1000))
    energy = numpy.square(samples)
    direct_energy = float(energy[first : at + round(DIRECT_MS * rate / 1000) + 1].sum())
    early = {ms: float(energy[first : at + round(ms * rate / 1000)].sum()) for ms in (50, 80)}
    whole = float(energy[first:].sum())
    curve = decay_curve(samples[at:])
    return Measured(
        rt60=time_of(curve, rate, "t30"),
        t20=time_of(curve, rate, "t20"),
        edt=time_of(curve, rate, "edt"),
        drr_db=ratio_db(direct_energy, whole - direct_energy),
        c50_db=ratio_db(early[50], whole - early[50]),
        c80_db=ratio_db(early[80], whole - early[80]),
        d50=early[50] / whole if whole > 0 else None,
        direct_db=ratio_db(direct_energy, 1.0) if direct_energy > 1e-12 else None,
        delay=(direct - lead) / rate,
        distance=distance,
    )


def ratio_db(energy: float, other: float) -> float | None:
    """Return one energy over another in dB; None where either is nothing, as the reverberation of free field.

    Example:
        >>> ratio_db(100.0, 1.0), ratio_db(1.0, 0.0)
        (20.0, None)
    """
    return 10.0 * math.log10(energy / other) if energy > 0 and other > 1e-12 * energy else None


def octave_decay_times(response: Any, rate: int, direct: float = 0.0) -> dict[int, float | None]:
    """Return the reverberation time (T30) by octave band, for the bands of materials below half the rate.

    Butterworth band-passes of order 4 between the band's edges (IEC 61260-1:2014), run backwards in time so that
    their own ringing does not lengthen the decay (Jacobsen and Rindel, J. Sound Vib. 117, 1987).

    Args:
        response: array of shape (n,).
        rate: samples a second.
        direct: sample at which the direct sound arrives.

    Example:
        >>> import numpy
        >>> noise = numpy.random.Generator(numpy.random.PCG64(1)).standard_normal(16000)
        >>> times = octave_decay_times(noise * 10 ** (-3 * numpy.arange(16000) / 16000 / 0.5), 16000)
        >>> 0.4 < times[1000] < 0.6
        True
    """
    from sdialog.audio.rooms.materials import BANDS

    numpy = need("numpy", extra="audio", why="measure a room")
    signal = need("scipy.signal", extra="audio", why="measure a room")
    samples = numpy.asarray(response, dtype=numpy.float64)[round(direct) :]
    times: dict[int, float | None] = {}
    for band in BANDS:
        low, high = band / 2**0.5, band * 2**0.5
        if high >= rate / 2:
            break
        bandpass = signal.butter(4, (low, high), "bandpass", fs=rate, output="sos")
        backwards = signal.sosfilt(bandpass, samples[::-1])[::-1]
        times[band] = time_of(decay_curve(backwards), rate, "t30")
    return times
