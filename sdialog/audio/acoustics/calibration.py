"""Walls that give a room the reverberation time asked for: simulate, measure, correct, again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOLERANCE = 0.02
"""How far the measured time may be from the wanted one to end the search, as a share of it."""

ROUNDS = 8
"""Simulations at most."""

_HARDEST, _SOFTEST = 1e-3, 1e3


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the absorption of a room was found.

    Attributes:
        wanted: seconds, the RT60 asked for.
        reached: seconds, what the last simulation had; None where nothing could be measured.
        strength: factor on the natural logarithm of what every surface reflects.
        rounds: simulations made.
    """

    wanted: float
    reached: float | None
    strength: float
    rounds: int

    @property
    def met(self) -> bool:
        """Whether the time reached is within 10 % of the one asked for."""
        return self.reached is not None and abs(self.reached / self.wanted - 1) <= 0.1

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON data."""
        reached = None if self.reached is None else round(self.reached, 5)
        return {
            "wanted": self.wanted,
            "reached": reached,
            "strength": self.strength,
            "rounds": self.rounds,
            "met": self.met,
        }


def even_absorption(volume: float, surface: float, rt60: float) -> float:
    """Return what every surface has to swallow for a reverberation time, by Eyring's formula.

    Eyring, Reverberation time in "dead" rooms, J. Acoust. Soc. Am. 1, 1930; without the air.

    Args:
        volume: cubic metres.
        surface: square metres of all surfaces.
        rt60: seconds.

    Example:
        >>> round(even_absorption(60.0, 94.0, 0.4), 3)
        0.227
    """
    return 1.0 - math.exp(-0.161 * volume / (surface * rt60))


def stronger(absorption: Mapping[str, tuple[float, ...]], strength: float) -> dict[str, tuple[float, ...]]:
    """Return absorption by surface and band, with the logarithm of what is reflected times a factor.

    Example:
        >>> stronger({"floor": (0.5,)}, 2.0)
        {'floor': (0.75,)}
    """
    return {
        key: tuple(1.0 - (1.0 - min(value, 0.999)) ** strength for value in values)
        for key, values in absorption.items()
    }


def calibrate(measured: Callable[[float], float | None], wanted: float, first: float = 1.2) -> Calibration:
    """Find the strength of absorption at which a measured reverberation time is the wanted one.

    The first steps follow the formula that time is one over strength; once the wanted time lies between two that were
    measured, the step goes between them (regula falsi on logarithms).

    Args:
        measured: returns the reverberation time in seconds at a strength, None where there is none to measure, which
            counts as too short.
        wanted: seconds.
        first: strength to begin with; boxes die away more slowly than Eyring says, mostly by a fifth to a third.

    Returns:
        The best that was found in ``ROUNDS`` rounds.

    Example:
        >>> found = calibrate(lambda strength: 0.8 / strength**0.7, 0.4)
        >>> found.met, found.rounds <= 6
        (True, True)
    """
    best = Calibration(wanted, None, first, 0)
    long: tuple[float, float] | None = None
    short: tuple[float, float] | None = None
    strength = first
    for number in range(1, ROUNDS + 1):
        time = measured(strength)
        off = math.log(time / wanted) if time else -1.0
        if best.reached is None or (time and abs(off) < abs(math.log(best.reached / wanted))):
            best = Calibration(wanted, time, strength, number)
        else:
            best = Calibration(wanted, best.reached, best.strength, number)
        if time and abs(time / wanted - 1) <= TOLERANCE:
            break
        point = (math.log(strength), off)
        long, short = (point, short) if off > 0 else (long, point)
        following = math.exp(_between(long, short) if long and short else point[0] + off)
        following = min(max(following, _HARDEST), _SOFTEST)
        if following == strength:
            break
        strength = following
    return best


def _between(long: tuple[float, float], short: tuple[float, float]) -> float:
    share = long[1] / (long[1] - short[1])
    # Away from the ends, so that both ends come nearer.
    return long[0] + (short[0] - long[0]) * min(max(share, 0.1), 0.9)
