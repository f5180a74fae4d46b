"""How many dialogs it takes to see a difference, and how small a difference so many can show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from sdialog.core.errors import UserError
from sdialog.core.optional import need

_WHY = "compute power"
_NORMAL = NormalDist()
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Design:
    """How two systems are compared.

    Attributes:
        sd: standard deviation of a value, for means; one of ``sd`` and ``share`` is given.
        share: share of a that passes, between 0 and 1, for shares.
        paired: whether both systems are measured on the same items.
        correlation: how the two values of a pair go together, -1 to 1. Two shares that differ cannot go together fully;
            they count as going together as far as they can.
        ratio: how many values b has for each of a; for pairs always 1.
        group_size: how many values belong together, such as dialogs of a scenario.
        icc: intraclass correlation, the share of the variance that lies between groups. The design effect
            1 + (group_size - 1) * icc multiplies the variance (Kish, 1965).
        alpha: how often the test may find what is not there; it is two-sided.
        exact: whether unpaired shares are compared by an exact test, as :func:`permutation_test` does. Such a test is
            cautious, and n values count as (n - c / 2)^2 / n, with c = (1 + 1 / ratio) / difference (Casagrande, Pike
            and Smith, 1978).

    Example:
        >>> Design(sd=1.0, group_size=10, icc=0.1).effect
        1.9
    """

    sd: float | None = None
    share: float | None = None
    paired: bool = False
    correlation: float = 0.0
    ratio: float = 1.0
    group_size: float = 1.0
    icc: float = 0.0
    alpha: float = 0.05
    exact: bool = True

    def __post_init__(self) -> None:
        if (self.sd is None) == (self.share is None):
            raise UserError("give either sd, for means, or share, for shares")
        if self.sd is not None and self.sd <= 0:
            raise UserError(f"sd is above 0, not {self.sd}")
        if self.share is not None and not 0 <= self.share <= 1:
            raise UserError(f"share is between 0 and 1, not {self.share}")
        if not (-1 <= self.correlation <= 1 and 0 <= self.icc <= 1 and 0 < self.alpha < 1):
            raise UserError("correlation is between -1 and 1, icc between 0 and 1, alpha between 0 and 1")
        if self.ratio <= 0 or self.group_size < 1:
            raise UserError("ratio is above 0, and group_size at least 1")
        if self.correlation and not self.paired:
            raise UserError("only pairs have a correlation: add paired=True, or groups with icc for those of one side")

    @property
    def effect(self) -> float:
        """By how much groups multiply the variance of a mean."""
        return 1 + (self.group_size - 1) * self.icc

    def groups(self, n: float) -> float:
        """Return how many groups of n values stand alone."""
        return n if self.icc == 0 else n / self.group_size


def power(difference: float, n: float, design: Design) -> float:
    """Return how often a two-sided test finds a difference that is there.

    For means it is the power of the t test (noncentral t; Cohen, 1988); for shares that of the normal approximation
    (Fleiss, 1981), for pairs of them with the variance of a difference.

    Args:
        difference: mean, or share, of b less that of a.
        n: number of values of a; for pairs, of pairs.
        design: how the two are compared.

    Raises:
        UserError: if there are no values, or the share of b would not be between 0 and 1.
        MissingDependencyError: if scipy is not installed.

    Example:
        >>> round(power(0.5, 64, Design(sd=1.0)), 4)
        0.8015
        >>> round(power(0.25, 50, Design(share=0.5)), 3), round(power(0.25, 50, Design(share=0.5, exact=False)), 3)
        (0.666, 0.74)
    """
    if not n > 0:
        raise UserError(f"n is the number of values, above 0; not {n}")
    return _of_means(difference, n, design) if design.share is None else _of_shares(difference, n, design)


def _of_means(difference: float, n: float, design: Design) -> float:
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    sd = design.sd or 0.0
    if design.paired:
        variance, free = 2 * (1 - design.correlation) * sd * sd / n, design.groups(n) - 1
    else:
        variance = sd * sd * (1 + 1 / design.ratio) / n
        free = design.groups(n) + design.groups(design.ratio * n) - 2
    if free <= 0:
        return design.alpha
    if variance == 0:
        return 1.0 if difference else design.alpha
    away = abs(difference) / math.sqrt(variance * design.effect)
    if away > 100:
        return 1.0
    limit = float(stats.t.ppf(1 - design.alpha / 2, free))
    # Far out, scipy gives nan for the tail on the wrong side, which holds less than 1e-7 there.
    wrong_side = float(stats.nct.cdf(-limit, free, away)) if away < 5 else 0.0
    return float(stats.nct.sf(limit, free, away)) + wrong_side


def _of_shares(difference: float, n: float, design: Design) -> float:
    a = design.share or 0.0
    b = a + difference
    if not -1e-12 <= b <= 1 + 1e-12:
        raise UserError(f"a share of {a:g} cannot differ by {difference:g}: b's would be {b:g}")
    b = min(1.0, max(0.0, b))
    if not difference:
        return design.alpha
    one, other, size = a * (1 - a), b * (1 - b), n / design.effect
    if design.paired:
        together = a * b + design.correlation * math.sqrt(one * other)
        both = min(max(together, a + b - 1, 0.0), a, b)
        null = a + b - 2 * both
        spread = max(0.0, null - difference * difference)
    else:
        together = (a + design.ratio * b) / (1 + design.ratio)
        null, spread = together * (1 - together) * (1 + 1 / design.ratio), one + other / design.ratio
        if design.exact:
            size = max(0.0, size - (1 + 1 / design.ratio) / abs(difference) / 2) ** 2 / size
    if not size:
        return 0.0
    scale = math.sqrt(1 / size)
    limit = _NORMAL.inv_cdf(1 - design.alpha / 2) * math.sqrt(null) * scale
    if spread == 0:
        return 1.0 if abs(difference) > limit else 0.0
    spread = math.sqrt(spread) * scale
    return _NORMAL.cdf((difference - limit) / spread) + _NORMAL.cdf((-difference - limit) / spread)


def minimum_detectable_difference(n: float, design: Design, *, power: float = 0.8, lower: bool = False) -> float | None:
    """Return the smallest difference that a comparison of n values finds with the wanted power.

    Args:
        n: number of values of a; for pairs, of pairs.
        design: how the two are compared.
        power: how often the test should find it.
        lower: whether b lies below a, which for shares makes a difference; the difference is then negative.

    Returns:
        The difference, or None where none that is possible is found so often.

    Raises:
        UserError: if there are no values, or the wanted power is not between alpha and 1.
        MissingDependencyError: if scipy is not installed.

    Example:
        >>> round(minimum_detectable_difference(64, Design(sd=1.0)), 3)
        0.499
    """
    _check_power(power, design)
    sign = -1 if lower else 1
    room = None if design.share is None else design.share if lower else 1 - design.share
    most = 1e3 * (design.sd or 0.0) if room is None else room
    if most <= 0 or _power(sign * most, n, design) < power:
        return None
    return sign * _bisect(lambda size: _power(sign * size, n, design) >= power, 0.0, most)


def required_n(difference: float, design: Design, *, power: float = 0.8) -> int:
    """Return how many values of a (for pairs, how many pairs) it takes to find a difference with the wanted power.

    Raises:
        UserError: if the difference is 0, or so small that a thousand million are too few.

    Example:
        >>> required_n(0.5, Design(sd=1.0)), required_n(0.25, Design(share=0.5), power=0.9)
        (64, 85)
    """
    _check_power(power, design)
    if not difference:
        raise UserError("no number of dialogs shows a difference of 0; say how large one would matter")
    low, high = 1, 2
    while _power(difference, high, design) < power:
        low, high = high, high * 2
        if high > _MOST:
            raise UserError(f"a difference of {difference:g} takes more than {_MOST:,} dialogs to be found")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(difference, middle, design) >= power else (middle, high)
    return high


_power = power


def _check_power(wanted: float, design: Design) -> None:
    if not design.alpha < wanted < 1:
        raise UserError(f"power is between alpha ({design.alpha:g}) and 1, such as 0.8; not {wanted:g}")


def _bisect(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the smallest number for which a condition holds that holds for ``high`` and for all above the first."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
