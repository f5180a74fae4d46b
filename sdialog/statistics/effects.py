"""How large a difference is: effect sizes, and intervals of differences."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.statistics.intervals import (
    Interval,
    bootstrap_interval,
    mean_interval,
    standard_error,
    wilson_interval,
)
from sdialog.statistics.resampling import bca, check_level, generator, group_sums, numbers

_WHY = "compute intervals of differences"
METHODS = ("auto", "t", "newcombe", "bootstrap")


def hedges_g(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return b's mean less a's in pooled standard deviations, corrected for few values (Hedges, 1981).

    Returns:
        The effect; None for fewer than two values on a side, or where none of them vary.

    Raises:
        UserError: if a number is missing or infinite.
        MissingDependencyError: if numpy is not installed.

    Example:
        >>> round(hedges_g([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]), 4)
        0.6728
    """
    if len(a) < 2 or len(b) < 2:
        return None
    a, b = numbers(a, "a").tolist(), numbers(b, "b").tolist()
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    free = len(a) + len(b) - 2
    squares = math.fsum((value - mean_a) ** 2 for value in a) + math.fsum((value - mean_b) ** 2 for value in b)
    # Equal values may differ from their mean by rounding.
    if squares <= (len(a) + len(b)) * (1e-14 * max(map(abs, (*a, *b)))) ** 2:
        return None
    shrink = math.exp(math.lgamma(free / 2) - math.lgamma((free - 1) / 2)) / math.sqrt(free / 2) if free > 1 else 0.0
    return (mean_b - mean_a) / math.sqrt(squares / free) * shrink


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return how often a value of b is above one of a, less how often it is below: -1 to 1 (Cliff, 1993).

    None where a side has no values.

    Example:
        >>> cliffs_delta([1, 2, 3], [2, 3, 4])
        0.5555555555555556
    """
    if not len(a) or not len(b):
        return None
    ordered = sorted(a)
    wins = sum(bisect_left(ordered, value) - (len(ordered) - bisect_right(ordered, value)) for value in b)
    return wins / (len(a) * len(b))


def cohens_h(share_a: float, share_b: float) -> float:
    """Return how far apart two shares are on the scale on which all shares are equally uncertain (Cohen, 1988).

    Raises:
        UserError: if a share is not between 0 and 1.

    Example:
        >>> round(cohens_h(0.5, 0.75), 4)
        0.5236
    """
    for share in (share_a, share_b):
        if not 0 <= share <= 1:
            raise UserError(f"{share} is no share: these are between 0 and 1")
    return 2 * (math.asin(math.sqrt(share_b)) - math.asin(math.sqrt(share_a)))


def newcombe_interval(successes_a: int, n_a: int, successes_b: int, n_b: int, *, level: float = 0.95) -> Interval:
    """Return the interval of share b less share a, for independent samples (Newcombe, 1998, method 10).

    Raises:
        UserError: if there are no trials, or more successes than trials.

    Example:
        >>> print(newcombe_interval(48, 80, 56, 70))
        [0.0524, 0.334] (95 %, newcombe)
    """
    first, second = wilson_interval(successes_a, n_a, level=level), wilson_interval(successes_b, n_b, level=level)
    a, b = successes_a / n_a, successes_b / n_b
    down = math.hypot(b - second.low, first.high - a)
    up = math.hypot(second.high - b, a - first.low)
    return Interval(b - a - down, b - a + up, level, "newcombe")


def paired_newcombe_interval(a: Sequence[int], b: Sequence[int], *, level: float = 0.95) -> Interval | None:
    """Return the interval of share b less share a, for the same items (Newcombe, 1998, method 10 for paired data).

    Args:
        a, b: 1 for each item that passes, 0 for each that fails.
        level: between 0 and 1.

    Returns:
        The interval; None where there are no items.

    Raises:
        UserError: if the two are not equally long or hold other than zeros and ones.

    Example:
        >>> print(paired_newcombe_interval([0, 0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0]))
        [-0.224, 0.613] (95 %, newcombe)
    """
    _check_pairs(a, b, None, None)
    if any(value not in (0, 1) for value in (*a, *b)):
        raise UserError("Newcombe's interval is for zeros and ones; use difference_interval for other numbers")
    if not len(a):
        return None
    both = sum(x == y == 1 for x, y in zip(a, b, strict=True))
    neither = sum(x == y == 0 for x, y in zip(a, b, strict=True))
    sum_a, sum_b, n = sum(a), sum(b), len(a)
    first, second = wilson_interval(sum_a, n, level=level), wilson_interval(sum_b, n, level=level)
    spread = sum_a * (n - sum_a) * sum_b * (n - sum_b)
    covered = float(both * neither - (sum_a - both) * (sum_b - both))
    if covered > 0:
        covered = max(covered - n / 2, 0)
    phi = covered / math.sqrt(spread) if spread else 0.0
    share_a, share_b = sum_a / n, sum_b / n

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    down = reach(share_b - second.low, first.high - share_a)
    up = reach(second.high - share_b, share_a - first.low)
    return Interval(share_b - share_a - down, share_b - share_a + up, level, "newcombe")


def difference_interval(
    a: Sequence[float],
    b: Sequence[float],
    *,
    groups_a: Sequence[Hashable] | None = None,
    groups_b: Sequence[Hashable] | None = None,
    paired: bool = False,
    level: float = 0.95,
    method: str = "auto",
    resamples: int = 2000,
    seed: int = 0,
) -> Interval | None:
    """Return a confidence interval of b's mean less a's.

    Args:
        a, b: numbers.
        groups_a, groups_b: which of them belong together, such as the dialogs of one scenario. For pairs, groups_a
            says it of both.
        paired: whether the two hold one number each of the same items, in the same order.
        level: between 0 and 1.
        method: ``newcombe`` for zeros and ones that stand alone; ``t`` is Welch's (1947), and with groups the
            cluster-robust one with as many degrees of freedom as the groups give (Satterthwaite, 1946);
            ``bootstrap`` (BCa) draws whole groups of each side; ``auto`` is ``newcombe`` where it fits, else ``t``.
        resamples: how many samples the bootstrap draws.
        seed: seed of them.

    Returns:
        The interval, or None for fewer than two groups on a side.

    Raises:
        UserError: if the level is none, a number is missing, pairs do not fit, or ``newcombe`` is asked for other
            numbers than zeros and ones that stand alone.
        UnknownNameError: if the method is none.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> print(difference_interval([1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 6.0, 7.0]))
        [0.766, 5.23] (95 %, t)
    """
    check_level(level)
    if method not in METHODS:
        raise UnknownNameError("interval method", method, METHODS)
    first, second = numbers(a, "a"), numbers(b, "b")
    if paired:
        _check_pairs(a, b, groups_a, groups_b)
    for values, groups in ((a, groups_a), (b, groups_b)):
        if groups is not None and len(groups) != len(values):
            raise UserError(f"{len(values)} values have {len(groups)} groups; give one group a value")
    alone = _alone(groups_a, len(a)) and _alone(groups_b, len(b))
    shares = alone and all(value in (0, 1) for value in (*a, *b))
    if method == "newcombe" and not shares:
        raise UserError("Newcombe's interval is for independent zeros and ones; use method='t' or 'bootstrap'")
    if min(_sides(groups_a, len(a)), len(b) if paired else _sides(groups_b, len(b))) < 2:
        return None
    if shares and method in ("auto", "newcombe"):
        if paired:
            return paired_newcombe_interval([int(x) for x in a], [int(x) for x in b], level=level)
        return newcombe_interval(int(first.sum()), len(a), int(second.sum()), len(b), level=level)
    if paired:
        away = (second - first).tolist()
        if method == "bootstrap":
            return bootstrap_interval(away, groups_a, level=level, resamples=resamples, seed=seed)
        return mean_interval(away, groups_a, level=level, method="t")
    if method == "bootstrap":
        return _bootstrap(group_sums(first, groups_a), group_sums(second, groups_b), level, resamples, seed)
    return _welch(first.tolist(), second.tolist(), groups_a, groups_b, level)


def _welch(
    a: list[float],
    b: list[float],
    groups_a: Sequence[Hashable] | None,
    groups_b: Sequence[Hashable] | None,
    level: float,
) -> Interval:
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    middle = math.fsum(b) / len(b) - math.fsum(a) / len(a)
    squares = [(standard_error(side, groups) or 0.0) ** 2 for side, groups in ((a, groups_a), (b, groups_b))]
    free = [_sides(groups, len(side)) - 1 for side, groups in ((a, groups_a), (b, groups_b))]
    if not sum(squares):
        return Interval(middle, middle, level, "t")
    freedom = sum(squares) ** 2 / sum(square**2 / count for square, count in zip(squares, free, strict=True))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * math.sqrt(sum(squares))
    return Interval(middle - reach, middle + reach, level, "t")


def _bootstrap(a: tuple[Any, Any], b: tuple[Any, Any], level: float, resamples: int, seed: int) -> Interval:
    numpy = need("numpy", extra="metrics", why=_WHY)
    draw, sides = generator(seed, "difference"), []
    for sums, sizes in (a, b):
        means, step = numpy.empty(resamples), max(1, 1_000_000 // len(sums))
        for start in range(0, resamples, step):
            picks = draw.integers(0, len(sums), size=(min(step, resamples - start), len(sums)))
            means[start : start + step] = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)
        left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
        sides.append((means, float(sums.sum() / sizes.sum()), left_out))
    (means_a, whole_a, left_a), (means_b, whole_b, left_b) = sides
    # Each side's influence is weighed by its own size, as in a jackknife over both.
    away = numpy.concatenate(
        [-(left_a - left_a.mean()) * (len(left_a) - 1), (left_b - left_b.mean()) * (len(left_b) - 1)]
    )
    scale = numpy.concatenate([numpy.full(len(left_a), 1 / len(left_a)), numpy.full(len(left_b), 1 / len(left_b))])
    low, high = bca(means_b - means_a, whole_b - whole_a, away * scale, level)
    return Interval(low, high, level, "bootstrap")


def _alone(groups: Sequence[Hashable] | None, size: int) -> bool:
    return groups is None or len(set(groups)) == size


def _sides(groups: Sequence[Hashable] | None, size: int) -> int:
    return size if groups is None else len(set(groups))


def _check_pairs(
    a: Sequence[float], b: Sequence[float], groups_a: Sequence[Hashable] | None, groups_b: Sequence[Hashable] | None
) -> None:
    if len(a) != len(b):
        raise UserError(f"a has {len(a)} numbers and b {len(b)}; pairs need one of each for every item")
    if groups_b is not None and (groups_a is None or list(groups_a) != list(groups_b)):
        raise UserError("pairs have one group each: give groups_a, and leave groups_b out")
