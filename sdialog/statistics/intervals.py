"""Confidence intervals of means, shares and any other statistic."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.statistics.resampling import bca, check_level

_WHY = "compute confidence intervals"
METHODS = ("auto", "t", "wilson", "bootstrap")


class Interval(NamedTuple):
    """A confidence interval.

    Attributes:
        low, high: its ends.
        level: how often such an interval holds the true value, such as 0.95.
        method: how it was computed.
    """

    low: float
    high: float
    level: float = 0.95
    method: str = "t"

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return self._asdict()

    def __str__(self) -> str:
        return f"[{self.low:.3g}, {self.high:.3g}] ({100 * self.level:g} %, {self.method})"


def standard_error(values: Sequence[float], groups: Sequence[Hashable] | None = None) -> float | None:
    """Return the standard error of a mean; None for fewer than two groups, or where a value is infinite.

    Args:
        values: numbers.
        groups: which of them belong together, such as the turns of one dialog; None when all are independent.
            The error is then the cluster-robust one, with the correction C / (C - 1) for C groups (Liang and Zeger,
            1986).

    Raises:
        UserError: if a value is missing, or there is not one group a value.

    Example:
        >>> standard_error([1.0, 2.0, 3.0, 4.0])
        0.6454972243679028
        >>> standard_error([1.0, 1.0, 3.0, 3.0], groups=[0, 0, 1, 1])
        1.0
    """
    sums = _deviations(values, groups) if _finite(values, groups) else []
    if len(sums) < 2:
        return None
    return math.sqrt(len(sums) / (len(sums) - 1) * math.fsum(d * d for d in sums)) / len(values)


def _deviations(values: Sequence[float], groups: Sequence[Hashable] | None) -> list[float]:
    """Return for each group the sum of its members' distances from the mean of all."""
    if not len(values):
        return []
    mean = math.fsum(values) / len(values)
    sums: dict[Hashable, float] = {}
    for value, group in zip(values, range(len(values)) if groups is None else groups, strict=True):
        sums[group] = sums.get(group, 0.0) + value - mean
    return list(sums.values())


def _finite(values: Sequence[float], groups: Sequence[Hashable] | None) -> bool:
    """Whether all values are finite.

    Raises:
        UserError: if one is missing, or there is not one group a value.
    """
    if groups is not None and len(groups) != len(values):
        raise UserError(f"{len(values)} values have {len(groups)} groups; give one group a value")
    for place, value in enumerate(values):
        if value is None or math.isnan(value):
            raise UserError(f"value {place} is {value}; leave out what is missing")
    return not any(map(math.isinf, values))


def mean_interval(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    method: str = "auto",
    seed: int = 0,
) -> Interval | None:
    """Return a confidence interval of a mean.

    Args:
        values: numbers.
        groups: which of them belong together; see :func:`standard_error`.
        level: between 0 and 1.
        method: ``wilson`` for independent zeros and ones, ``t``, ``bootstrap`` (BCa, of whole groups); ``auto`` is
            ``wilson`` where it fits, else ``t``.
        seed: seed of the bootstrap.

    Returns:
        The interval, or None for fewer than two groups, or where a value is infinite.

    Raises:
        UserError: if the level is none, a value is missing, there is not one group a value, or ``wilson`` is asked for
            other numbers than zeros and ones.
        UnknownNameError: if the method is none.
        MissingDependencyError: if scipy is not installed.

    Example:
        >>> print(mean_interval([0, 1, 1, 1, 0, 1, 1, 1, 1, 1]))
        [0.49, 0.943] (95 %, wilson)
    """
    _check(level, method)
    finite = _finite(values, groups)
    sizes = len(values) if groups is None else len(set(groups))
    binary = all(value in (0, 1) for value in values)
    alone = sizes == len(values)
    if method == "wilson" and not (binary and alone):
        raise UserError("Wilson's interval is for independent zeros and ones; use method='t' or 'bootstrap'")
    if sizes < 2 or not finite:
        return None
    if method == "bootstrap":
        return bootstrap_interval(values, groups, level=level, seed=seed)
    if method == "wilson" or (method == "auto" and binary and alone):
        return wilson_interval(round(math.fsum(values)), len(values), level=level)
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    mean, error = math.fsum(values) / len(values), standard_error(values, groups) or 0.0
    reach = float(stats.t.ppf(0.5 + level / 2, sizes - 1)) * error
    return Interval(mean - reach, mean + reach, level, "t")


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the score interval of a share (Wilson, 1927), without continuity correction.

    Raises:
        UserError: if there are no trials, or more successes than trials.

    Example:
        >>> print(wilson_interval(10, 10))
        [0.722, 1] (95 %, wilson)
    """
    _check(level, "wilson")
    if not 0 <= successes <= n or n < 1:
        raise UserError(f"{successes} successes in {n} trials is no share")
    from statistics import NormalDist

    z, share = NormalDist().inv_cdf(0.5 + level / 2), successes / n
    middle = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (middle - reach) / scale
    high = 1.0 if successes == n else (middle + reach) / scale
    return Interval(low, high, level, "wilson")


def bootstrap_interval(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    statistic: Callable[[Any], Any] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval | None:
    """Return a BCa bootstrap interval (Efron, 1987), drawing whole groups.

    Args:
        values: numbers.
        groups: which of them belong together, such as the turns of a dialog or the dialogs of a scenario.
        statistic: what to compute of a sample: a function from a numpy array of shape (n,) to a number; default the
            mean.
        level: between 0 and 1.
        resamples: how many samples to draw.
        seed: seed of the draws.

    Returns:
        The interval, or None for fewer than two groups, or where the data or a tenth of the samples give no number.
        Where all samples give one value, it has no width.

    Raises:
        UserError: if a value is missing, or there is not one group a value.
        MissingDependencyError: if numpy or scipy is not installed.
    """
    _check(level, "bootstrap")
    numpy = need("numpy", extra="metrics", why=_WHY)
    if not _finite(values, groups):
        return None
    data = numpy.asarray(values, dtype=float)
    members = _members(numpy, len(data), groups)
    if len(members) < 2:
        return None
    draw = numpy.random.Generator(numpy.random.PCG64(seed))
    measure = _means if statistic is None else _statistics(statistic)
    samples, left_out, whole = measure(numpy, data, members, draw, resamples)
    kept = samples[numpy.isfinite(samples)]
    if len(kept) < 0.9 * resamples or not math.isfinite(whole):
        return None
    low, high = bca(kept, whole, left_out[numpy.isfinite(left_out)], level)
    return Interval(low, high, level, "bootstrap")


def _members(numpy: Any, size: int, groups: Sequence[Hashable] | None) -> list[Any]:
    if groups is None:
        return list(numpy.arange(size)[:, None])
    rows: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        rows.setdefault(group, []).append(place)
    return [numpy.array(places) for places in rows.values()]


def _means(numpy: Any, data: Any, members: list[Any], draw: Any, resamples: int) -> tuple[Any, Any, float]:
    """Return means of samples, means with each group left out, and the mean: all from sums of groups."""
    sums = numpy.array([data[rows].sum() for rows in members])
    sizes = numpy.array([len(rows) for rows in members])
    samples = numpy.empty(resamples)
    step = max(1, 1_000_000 // len(members))
    for start in range(0, resamples, step):
        picks = draw.integers(0, len(members), size=(min(step, resamples - start), len(members)))
        samples[start : start + step] = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    return samples, (sums.sum() - sums) / (len(data) - sizes), float(data.mean())


def _statistics(statistic: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any, float]]:
    def measure(numpy: Any, data: Any, members: list[Any], draw: Any, resamples: int) -> tuple[Any, Any, float]:
        samples = numpy.empty(resamples)
        for number in range(resamples):
            picks = draw.integers(0, len(members), size=len(members))
            samples[number] = statistic(data[numpy.concatenate([members[i] for i in picks])])
        left_out = [
            float(statistic(data[numpy.concatenate(members[:i] + members[i + 1 :])])) for i in range(len(members))
        ]
        return samples, numpy.array(left_out), float(statistic(data))

    return measure


def _check(level: float, method: str) -> None:
    check_level(level)
    if method not in METHODS:
        raise UnknownNameError("interval method", method, METHODS)
