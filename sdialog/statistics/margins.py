"""Weights that make a sample look like the population it stands for, and means with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.statistics.intervals import Interval
from sdialog.statistics.resampling import check_level


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """A weighted mean.

    Attributes:
        value: the mean.
        se: its standard error; None for fewer than two groups.
        interval: its t interval; None with the standard error.
        n: number of values.
        effective_n: how many equally weighted values would be as sure: (sum of weights)^2 / sum of their squares
            (Kish, 1965).
    """

    value: float
    se: float | None
    interval: Interval | None
    n: int
    effective_n: float

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        interval = None if self.interval is None else self.interval.json()
        return {"value": self.value, "se": self.se, "interval": interval, "n": self.n, "effectiveN": self.effective_n}

    def __str__(self) -> str:
        sure = "" if self.interval is None else f" {self.interval}"
        return f"{self.value:.3g}{sure}, n = {self.n} (effective {self.effective_n:.1f})"


def rake(
    rows: Sequence[Mapping[str, Hashable]],
    margins: Mapping[str, Mapping[Any, float]],
    *,
    tolerance: float = 1e-9,
    rounds: int = 1000,
) -> list[float]:
    """Return weights under which a sample has the shares of the population (Deming and Stephan, 1940).

    Weights are fitted to one margin after the other until all hold. With one margin this is post-stratification.

    Args:
        rows: for each item its value of each variable, such as ``{"gender": "woman", "age": "60+"}``.
        margins: for each variable the population's share, or number, of each value.
        tolerance: by how much a share may be off in the end.
        rounds: after how many rounds to give up.

    Returns:
        One weight a row; their mean is 1.

    Raises:
        UserError: if a row lacks a variable or has a value that the margins do not know, if nobody has a value that
            some of the population have, or if no weights fit.

    Example:
        >>> rake([{"sex": "f"}, {"sex": "f"}, {"sex": "f"}, {"sex": "m"}], {"sex": {"f": 0.5, "m": 0.5}})
        [0.6666666666666666, 0.6666666666666666, 0.6666666666666666, 2.0]
    """
    if not rows:
        return []
    shares = {name: _shares(rows, name, margin) for name, margin in margins.items()}
    # Rows that are alike get one weight.
    cells = Counter(tuple(row[name] for name in margins) for row in rows)
    weights = dict.fromkeys(cells, 1.0)
    for _ in range(rounds):
        worst = 0.0
        for position, name in enumerate(margins):
            sums: dict[Hashable, float] = {}
            for cell, weight in weights.items():
                sums[cell[position]] = sums.get(cell[position], 0.0) + weight * cells[cell]
            target = {value: share * len(rows) for value, share in shares[name].items()}
            worst = max(worst, max(abs(total - target[value]) for value, total in sums.items()) / len(rows))
            if any(target[value] and not total for value, total in sums.items()):
                raise UserError(f"no weights fit the margins together: those of {name!r} contradict the others")
            scale = {value: target[value] / total if total else 0.0 for value, total in sums.items()}
            weights = {cell: weight * scale[cell[position]] for cell, weight in weights.items()}
        if worst <= tolerance:
            return [weights[tuple(row[name] for name in margins)] for row in rows]
    raise UserError(
        f"after {rounds} rounds the margins {sorted(margins)} still do not hold together; "
        "merge values that few rows have"
    )


def weighted_mean(
    values: Sequence[float | None],
    weights: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> WeightedMean | None:
    """Return a weighted mean with its uncertainty.

    The standard error is that of a ratio, by linearisation, and with groups the cluster-robust one (Binder, 1983); the
    weights count as given.

    Args:
        values: numbers; those that are None are left out with their weights.
        weights: 0 or more, one a value.
        groups: which values belong together, such as the turns of one dialog.
        level: of the interval.

    Returns:
        The mean; None where no value has a weight.

    Raises:
        UserError: if there is not one weight a value, one is negative, or a value is nan or infinite.
        MissingDependencyError: if scipy is not installed.

    Example:
        >>> print(weighted_mean([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 3]))
        3 [0.708, 5.29] (95 %, t), n = 4 (effective 3.0)
    """
    check_level(level)
    if len(values) != len(weights) or (groups is not None and len(groups) != len(values)):
        raise UserError(f"{len(values)} values need as many weights, and as many groups if there are groups")
    if any(not weight >= 0 or math.isinf(weight) for weight in weights):
        raise UserError("weights are numbers of 0 or more")
    wrong = next((place for place, v in enumerate(values) if v is not None and not math.isfinite(v)), None)
    if wrong is not None:
        raise UserError(f"value {wrong} is {values[wrong]}; give None where there is none")
    owners = range(len(values)) if groups is None else groups
    known = [(v, w, g) for v, w, g in zip(values, weights, owners, strict=True) if v is not None and w]
    total = math.fsum(w for _, w, _ in known)
    if not total:
        return None
    mean = math.fsum(v * w for v, w, _ in known) / total
    sums: dict[Hashable, float] = {}
    for value, weight, group in known:
        sums[group] = sums.get(group, 0.0) + weight * (value - mean)
    effective = total**2 / math.fsum(w * w for _, w, _ in known)
    if len(sums) < 2:
        return WeightedMean(mean, None, None, len(known), effective)
    error = math.sqrt(len(sums) / (len(sums) - 1) * math.fsum(away**2 for away in sums.values())) / total
    stats = need("scipy.stats", extra="metrics", why="compute confidence intervals")
    reach = float(stats.t.ppf(0.5 + level / 2, len(sums) - 1)) * error
    return WeightedMean(mean, error, Interval(mean - reach, mean + reach, level, "t"), len(known), effective)


def _shares(rows: Sequence[Mapping[str, Hashable]], name: str, margin: Mapping[Any, float]) -> dict[Any, float]:
    """Return the population's shares of a variable, after a look at whether the sample can have them."""
    total = math.fsum(margin.values())
    if total <= 0 or any(not share >= 0 for share in margin.values()):
        raise UserError(f"the shares of {name!r} are numbers of 0 or more, and not all 0")
    for place, row in enumerate(rows):
        if name not in row:
            raise UserError(f"row {place} has no {name!r}; every row needs each variable of the margins")
        if row[name] not in margin:
            raise UserError(
                f"row {place} has {name} {row[name]!r}, which the margins do not know: {sorted(map(str, margin))}"
            )
    seen = {row[name] for row in rows}
    absent = [value for value, share in margin.items() if share and value not in seen]
    if absent:
        raise UserError(f"no row has {name} {absent[0]!r}, so no weight can stand for it; merge it with another value")
    return {value: share / total for value, share in margin.items()}
