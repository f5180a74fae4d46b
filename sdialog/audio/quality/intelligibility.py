"""How much of clean speech is left in a recording of it: STOI, ESTOI and PESQ."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

from sdialog.audio.sound import resample
from sdialog.core.errors import UserError
from sdialog.core.optional import need

_REACH = 0.25  # seconds
_SHORTEST = 0.4  # seconds; both measures look at stretches of 384 ms


@dataclass(frozen=True)
class Intelligibility:
    """What is left of clean speech.

    Attributes:
        stoi: short-time objective intelligibility, about 0 to 1 (Taal, Hendriks, Heusdens and Jensen, 2011).
        estoi: the extended one, which also sees modulated noise (Jensen and Taal, 2016).
        delay: seconds by which the recording is later than the clean speech; taken out before measuring.
    """

    stoi: float
    estoi: float
    delay: float

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def intelligibility(clean: Any, recorded: Any, rate: int) -> Intelligibility | None:
    """Return how much of clean speech is left in a recording of it.

    Args:
        clean: array of shape (n,), speech without noise or room.
        recorded: array of shape (m,), the same speech in the recording, at most 0.25 s apart from it.
        rate: samples a second.

    Returns:
        The measures, or None where there is too little speech (under 0.4 s of it) to measure.

    Raises:
        UserError: if either is not one channel.
        MissingDependencyError: if pystoi is not installed.
    """
    numpy = need("numpy", extra="audio", why="measure intelligibility")
    pystoi = need("pystoi", extra="listening", why="measure intelligibility")
    first, second, delay = together(clean, recorded, rate)
    if len(first) < _SHORTEST * rate or not numpy.any(first) or not numpy.any(second):
        return None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        values = [float(pystoi.stoi(first, second, rate, extended=extended)) for extended in (False, True)]
    # The library warns and returns 1e-5 where too few frames hold speech.
    if any("not enough" in str(one.message).lower() for one in told) or not all(map(math.isfinite, values)):
        return None
    return Intelligibility(values[0], values[1], delay)


def pesq_score(clean: Any, recorded: Any, rate: int, band: str = "narrow") -> float | None:
    """Return the PESQ score of a recording: MOS-LQO, about 1 to 4.6.

    Narrow band is ITU-T P.862 with the mapping of P.862.1, wide band P.862.2. The licence of the method is
    restrictive; see what the package ``pesq`` says of it.

    Args:
        clean: array of shape (n,), speech without noise or room.
        recorded: array of shape (m,), the same speech in the recording.
        rate: samples a second.
        band: ``narrow`` (compared at 8 kHz) or ``wide`` (at 16 kHz).

    Returns:
        The score, or None where there is too little speech.

    Raises:
        UserError: if the band is something else.
        MissingDependencyError: if pesq is not installed.
    """
    if band not in ("narrow", "wide"):
        raise UserError(f"the band of PESQ is 'narrow' or 'wide', not {band!r}")
    pesq = need("pesq", extra="pesq", why="measure PESQ")
    at = 8000 if band == "narrow" else 16000
    first, second, _ = together(clean, recorded, rate)
    try:
        return float(pesq.pesq(at, resample(first, rate, at), resample(second, rate, at), band[0] + "b"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return None


def together(clean: Any, recorded: Any, rate: int) -> tuple[Any, Any, float]:
    """Return two recordings of the same, without the delay between them, and the delay in seconds.

    The delay is where their cross-correlation has its greatest magnitude, within 0.25 s.

    Raises:
        UserError: if either is not one channel.

    Example:
        >>> import numpy
        >>> noise = numpy.random.Generator(numpy.random.PCG64(1)).normal(size=8000)
        >>> together(noise, numpy.concatenate([numpy.zeros(80), noise]), 8000)[2]
        0.01
    """
    numpy = need("numpy", extra="audio", why="compare recordings")
    signal = need("scipy.signal", extra="audio", why="compare recordings")
    first, second = (numpy.asarray(one, dtype=numpy.float64) for one in (clean, recorded))
    if first.ndim != 1 or second.ndim != 1:
        raise UserError(f"recordings are compared channel by channel, not in the shapes {first.shape}, {second.shape}")
    lag = 0
    if numpy.any(first) and numpy.any(second):
        reach = round(_REACH * rate)
        likeness = numpy.abs(signal.correlate(second, first, mode="full", method="fft"))
        middle = len(first) - 1
        low, high = max(0, middle - reach), middle + reach + 1
        lag = int(numpy.argmax(likeness[low:high])) + low - middle
    first, second = first[max(0, -lag) :], second[max(0, lag) :]
    length = min(len(first), len(second))
    return first[:length], second[:length], lag / rate
