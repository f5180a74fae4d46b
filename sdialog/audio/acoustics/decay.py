"""How sound dies away: the decay curve of an impulse response and the reverberation times read off it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float64]

RANGES = {"edt": (0.0, -10.0), "t20": (-5.0, -25.0), "t30": (-5.0, -35.0)}
"""From which level to which, in dB, the line is laid for each kind of decay time (ISO 3382-1:2009, 5.3 and A.2.2)."""

SHORTEST = 0.005
"""Seconds that the part of a decay has to last: what falls faster is a pulse, not a room."""


def decay_curve(response: Any) -> Floats:
    """Return the energy that is still to come at each sample, in dB of all of it.

    Backward integration of the squared response (Schroeder, New method of measuring reverberation time, J. Acoust.
    Soc. Am. 37, 1965; ISO 3382-1:2009, 5.3.3).

    Args:
        response: array of shape (n,), from the direct sound on.

    Returns:
        Array of shape (n,), 0 at its beginning; minus infinity where nothing is to come.

    Example:
        >>> decay_curve([1.0, 1.0]).round(2).tolist()
        [0.0, -3.01]
    """
    numpy = need("numpy", extra="audio", why="measure a room")
    energy = numpy.square(numpy.asarray(response, dtype=numpy.float64))
    left = numpy.cumsum(energy[::-1])[::-1]
    if not len(left) or left[0] <= 0:
        nothing: Floats = numpy.full(len(left), -numpy.inf)
        return nothing
    with numpy.errstate(divide="ignore"):
        curve: Floats = 10.0 * numpy.log10(left / left[0])
    return curve


def decay_time(response: Any, rate: int, kind: str = "t30") -> float | None:
    """Return the time in which sound falls by 60 dB, from the part of the decay that a kind looks at.

    A straight line is laid through the decay curve by least squares (ISO 3382-1:2009, 5.3.3) and carried on to 60 dB.

    Args:
        response: array of shape (n,), from the direct sound on.
        rate: samples a second.
        kind: ``t30``, ``t20`` or ``edt``, the early decay time.

    Returns:
        Seconds; None where the response ends, or stops falling, before the part is over, as in free field.

    Raises:
        UserError: if there is no such kind.

    Example:
        >>> import numpy
        >>> falling = 10 ** (-3 * numpy.arange(16000) / 16000 / 0.5)
        >>> round(decay_time(falling, 16000), 3)
        0.5
    """
    if kind not in RANGES:
        raise UserError(f"the kind of a decay time is one of {', '.join(RANGES)}, not {kind!r}")
    return time_of(decay_curve(response), rate, kind)


def time_of(curve: Floats, rate: int, kind: str) -> float | None:
    """Return the decay time of a curve that is already computed; see :func:`decay_time`."""
    numpy = need("numpy", extra="audio", why="measure a room")
    high, low = RANGES[kind]
    first, last = (int(numpy.searchsorted(-curve, -level)) for level in (high, low))
    if last >= len(curve) or last - first < SHORTEST * rate:
        return None
    levels = curve[first:last]
    times = numpy.arange(first, last) / rate
    slope = float(numpy.polyfit(times - times[0], levels, 1)[0])
    return -60.0 / slope if slope < 0 else None
