"""How far those who label the same things agree, beyond what chance gives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.statistics.intervals import Interval, wilson_interval
from sdialog.statistics.resampling import bootstrap_counts, check_level

_WHY = "compute agreement"
LEVELS = ("nominal", "ordinal", "interval")
WEIGHTS = ("linear", "quadratic")

Kind = tuple[tuple[Hashable, int], ...]
"""An item as how often it has which label."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree.

    Attributes:
        value: 1 for full agreement, 0 for what chance gives, below 0 for less; None where it has no value, such as
            where everybody gave everything the same label.
        interval: from a BCa bootstrap over items; None where there is none. Where everybody agrees on all items, no
            sample of them tells of any doubt: the lower end then takes as many disagreements as Wilson's interval
            allows, each as grave as those of chance.
        n: number of items it rests on.
        method: the name of the coefficient.
    """

    value: float | None
    interval: Interval | None
    n: int
    method: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        interval = None if self.interval is None else self.interval.json()
        return {"value": self.value, "interval": interval, "n": self.n, "method": self.method}

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.method}: no value ({'nothing varies' if self.n else 'no items'}), n = {self.n}"
        sure = "" if self.interval is None else f" {self.interval}"
        return f"{self.method}: {self.value:.3g}{sure}, n = {self.n}"


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a judge gave which label to items of which human label.

    Attributes:
        labels: all labels, sorted.
        counts: one row a human label, one column a label of the judge.

    Example:
        >>> table = confusion(["no", "yes", "yes"], ["no", "yes", "no"])
        >>> table.counts, table.count("yes", "no"), round(table.accuracy, 3)
        (((1, 0), (1, 1)), 1, 0.667)
    """

    labels: tuple[Any, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Number of items."""
        return sum(sum(row) for row in self.counts)

    @property
    def accuracy(self) -> float | None:
        """Share of items with the same label from both; None for no items."""
        return sum(row[place] for place, row in enumerate(self.counts)) / self.n if self.n else None

    def count(self, human: Any, judge: Any) -> int:
        """Return how many items have this label from the human and that from the judge."""
        if human not in self.labels or judge not in self.labels:
            return 0
        return self.counts[self.labels.index(human)][self.labels.index(judge)]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"labels": list(self.labels), "counts": [list(row) for row in self.counts]}

    def __str__(self) -> str:
        names = [str(label) for label in self.labels]
        width = max(len(text) for text in ("human \\ judge", *names))
        head = "human \\ judge".ljust(width) + "".join(f"  {name:>6}" for name in names)
        rows = [
            name.ljust(width)
            + "".join(f"  {count:>{max(6, len(other))}}" for count, other in zip(row, names, strict=True))
            for name, row in zip(names, self.counts, strict=True)
        ]
        return "\n".join([head, *rows])


def confusion(human: Sequence[Any], judge: Sequence[Any]) -> Confusion:
    """Return the table of human against judged labels; items where one of them is None or nan are left out.

    Raises:
        UserError: if the two are not equally long.
    """
    pairs = _pairs(human, judge)
    labels = _sorted({label for pair in pairs for label in pair})
    found = Counter(pairs)
    return Confusion(tuple(labels), tuple(tuple(found[row, column] for column in labels) for row in labels))


def cohen_kappa(
    a: Sequence[Any],
    b: Sequence[Any],
    weights: str | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return Cohen's kappa of two raters (1960), or the weighted one (1968).

    Args:
        a, b: the label that each gave to each item; items where one of them is None or nan are left out.
        weights: None where labels either agree or not; ``linear`` or ``quadratic`` where being off by more counts more.
            Numbers are as far apart as they say; other labels are steps of a scale in sorted order.
        level: of the interval.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UserError: if the two are not equally long, or labels to be weighted cannot be sorted.
        UnknownNameError: if the weights are none.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> print(cohen_kappa([1, 1, 1, 0, 0, 0, 1, 0, 1, 1], [1, 1, 1, 0, 0, 1, 1, 0, 0, 1]))
        Cohen's kappa: 0.583 [-0.191, 1] (95 %, bootstrap), n = 10
    """
    if weights is not None and weights not in WEIGHTS:
        raise UnknownNameError("weights", weights, WEIGHTS)
    numpy = need("numpy", extra="metrics", why=_WHY)
    pairs = _pairs(a, b)
    name = "Cohen's kappa" if weights is None else f"Cohen's kappa ({weights} weights)"
    labels = _sorted({label for pair in pairs for label in pair}, must=weights is not None)
    if not pairs:
        return Agreement(None, None, 0, name)
    cells = Counter(pairs)
    points = _points(labels, must=False) if weights is not None else numpy.arange(len(labels), dtype=float)
    place = {label: number for number, label in enumerate(labels)}
    rows, columns = (numpy.array([place[label] for label in side]) for side in zip(*cells, strict=True))
    x, y = points[rows], points[columns]
    costs = (rows != columns).astype(float) if weights is None else abs(x - y) ** (1 + (weights == "quadratic"))

    def kappa(counts: Any) -> Any:
        total = counts.sum(axis=1)
        if weights == "quadratic":
            chance = (counts @ x**2 + counts @ y**2) / total - 2 * (counts @ x) * (counts @ y) / total**2
        else:
            of_a, of_b = (_marginals(counts, side, len(labels)) / total[:, None] for side in (rows, columns))
            chance = 1 - (of_a * of_b).sum(axis=1) if weights is None else _mean_distance(of_a, of_b, points)
        return _beyond_chance(counts @ costs / total, chance)

    pooled = [label for pair in pairs for label in pair]
    return _bootstrapped(kappa, list(cells.values()), len(pairs), name, pooled, level, resamples, seed)


def fleiss_kappa(
    ratings: Sequence[Sequence[Any]], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Agreement:
    """Return Fleiss' kappa (1971) of items that each have the same number of ratings, by whichever raters.

    Args:
        ratings: for each item the labels it was given.
        level: of the interval.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UserError: if items have fewer than two ratings, or not all equally many; :func:`krippendorff_alpha` takes
            missing ones.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> fleiss_kappa([["a", "a", "a"], ["b", "b", "b"], ["a", "b", "a"]]).value
        0.55
    """
    sizes = {len(item) for item in ratings}
    if not sizes:
        return Agreement(None, None, 0, "Fleiss' kappa")
    if len(sizes) > 1 or min(sizes) < 2 or any(_absent(label) for item in ratings for label in item):
        raise UserError(
            "Fleiss' kappa needs equally many ratings, two at least, of every item; where some are missing "
            "use krippendorff_alpha"
        )
    kinds, times = _kinds(ratings)
    table, raters = _tally(kinds), sizes.pop()
    agree = ((table * table).sum(axis=1) - raters) / (raters * (raters - 1))

    def kappa(counts: Any) -> Any:
        total = counts.sum(axis=1)
        shares = counts @ table / (total * raters)[:, None]
        return _beyond_chance(1 - counts @ agree / total, 1 - (shares * shares).sum(axis=1))

    pooled = [label for item in ratings for label in item]
    return _bootstrapped(kappa, times, len(ratings), "Fleiss' kappa", pooled, level, resamples, seed)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]],
    scale: str = "nominal",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return Krippendorff's alpha (2011): of any number of raters, with missing ratings.

    Args:
        ratings: for each item what each rater said, None or nan where one said nothing. Items with fewer than two
            ratings tell nothing of agreement and are left out.
        scale: ``nominal`` for labels, ``ordinal`` for steps whose distances mean nothing, ``interval`` for numbers.
        level: of the interval.
        resamples: of the bootstrap over items.
        seed: of the bootstrap.

    Raises:
        UserError: if labels of an ordinal scale cannot be sorted, or those of an interval scale are no numbers.
        UnknownNameError: if the scale is none.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> round(krippendorff_alpha([[1, 1], [2, 2], [3, 2], [4, None], [1, 1]]).value, 3)
        0.632
    """
    if scale not in LEVELS:
        raise UnknownNameError("scale", scale, LEVELS)
    name = f"Krippendorff's alpha ({scale})"
    items = [[label for label in item if not _absent(label)] for item in ratings]
    items = [item for item in items if len(item) > 1]
    if not items:
        return Agreement(None, None, 0, name)
    labels = _sorted({label for item in items for label in item}, must=scale != "nominal")
    kinds, times = _kinds(items)
    pooled = [label for item in items for label in item]
    alpha = _interval_alpha(kinds, labels) if scale == "interval" else _rank_alpha(kinds, labels, scale)
    return _bootstrapped(alpha, times, len(items), name, pooled, level, resamples, seed)


def _interval_alpha(kinds: list[Kind], labels: list[Any]) -> Callable[[Any], Any]:
    """Return alpha of numbers as a function of how often each kind of item occurs; sums of each kind are enough."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    points = dict(zip(labels, _points(labels).tolist(), strict=True))
    sums = [[sum(times * points[label] ** power for label, times in kind) for kind in kinds] for power in (0, 1, 2)]
    sizes, first, second = numpy.array(sums, dtype=float)
    apart = 2 * (sizes * second - first**2) / (sizes - 1)

    def alpha(counts: Any) -> Any:
        total = counts @ sizes
        across = 2 * (total * (counts @ second) - (counts @ first) ** 2)
        return _beyond_chance(counts @ apart / total, across / (total * (total - 1)))

    return alpha


def _rank_alpha(kinds: list[Kind], labels: list[Any], scale: str) -> Callable[[Any], Any]:
    """Return alpha of labels or steps as a function of how often each kind of item occurs."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    table = _tally(kinds, labels)
    sizes = table.sum(axis=1)

    def alpha(counts: Any) -> Any:
        marginals = counts @ table
        total = marginals.sum(axis=1)
        if scale == "nominal":
            within = counts @ ((sizes**2 - (table * table).sum(axis=1)) / (sizes - 1))
            across = total**2 - (marginals * marginals).sum(axis=1)
        else:
            # On an ordinal scale two labels are as far apart as their middle ranks among all ratings.
            ranks = numpy.cumsum(marginals, axis=1) - marginals / 2
            squares = 2 * (sizes * (ranks**2 @ table.T) - (ranks @ table.T) ** 2) / (sizes - 1)
            within = (counts * squares).sum(axis=1)
            across = 2 * (total * (marginals * ranks**2).sum(axis=1) - (marginals * ranks).sum(axis=1) ** 2)
        return _beyond_chance(within / total, across / (total * (total - 1)))

    return alpha


def _marginals(counts: Any, places: Any, size: int) -> Any:
    """Return how often each label occurs on one side, shape (samples, labels)."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    return counts @ numpy.eye(size)[places]


def _mean_distance(of_a: Any, of_b: Any, points: Any) -> Any:
    """Return how far apart two labels are on average, one drawn from each side: from the sums of shares up to each."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    up_to_a, up_to_b = (numpy.cumsum(side, axis=1)[:, :-1] for side in (of_a, of_b))
    return (up_to_a + up_to_b - 2 * up_to_a * up_to_b) @ numpy.diff(points)


def _beyond_chance(seen: Any, chance: Any) -> Any:
    """Return 1 less the disagreement seen over that of chance; nan where chance cannot disagree."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    possible = chance > 1e-12
    return numpy.where(possible, 1 - seen / numpy.where(possible, chance, 1.0), math.nan)


def _bootstrapped(
    measure: Callable[[Any], Any],
    times: list[int],
    n: int,
    name: str,
    pooled: list[Any],
    level: float,
    resamples: int,
    seed: int,
) -> Agreement:
    numpy = need("numpy", extra="metrics", why=_WHY)
    check_level(level)
    value = float(measure(numpy.array([times], dtype=float))[0])
    if math.isnan(value):
        return Agreement(None, None, n, name)
    ends = bootstrap_counts(measure, times, level=level, resamples=resamples, seed=seed)
    if ends is not None and ends[1] - ends[0] < 1e-12:
        # All samples say the same, which is no certainty.
        return Agreement(value, _full(pooled, n, level) if value > 1 - 1e-9 else None, n, name)
    return Agreement(value, None if ends is None else Interval(*ends, level, "bootstrap"), n, name)


def _full(pooled: list[Any], n: int, level: float) -> Interval:
    """Return the interval of full agreement on n items."""
    differing = 1 - sum((times / len(pooled)) ** 2 for times in Counter(pooled).values())
    hidden = 1 - wilson_interval(n, n, level=level).low
    return Interval(1 - hidden / differing, 1.0, level, "wilson")


def _pairs(a: Sequence[Any], b: Sequence[Any]) -> list[tuple[Any, Any]]:
    if len(a) != len(b):
        raise UserError(
            f"there are {len(a)} labels of one rater and {len(b)} of the other; give one each of every item"
        )
    return [(x, y) for x, y in zip(a, b, strict=True) if not (_absent(x) or _absent(y))]


def _absent(label: Any) -> bool:
    return label is None or (isinstance(label, float) and math.isnan(label))


def _sorted(labels: set[Any], *, must: bool = False) -> list[Any]:
    """Return labels in order; by their texts where they have no order of their own and need none."""
    try:
        return sorted(labels)
    except TypeError as error:
        if must:
            raise UserError(f"labels of a scale must have an order, and these do not: {labels!r}") from error
        return sorted(labels, key=repr)


def _points(labels: list[Any], *, must: bool = True) -> Any:
    """Return where labels stand: numbers at their value, others, if they may be others, at their place in order."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    if not must and any(isinstance(label, str) or not hasattr(label, "__float__") for label in labels):
        return numpy.arange(len(labels), dtype=float)
    try:
        points = numpy.array([float(label) for label in labels])
    except (TypeError, ValueError) as error:
        raise UserError(f"an interval scale is of numbers, not of {labels!r}; use 'ordinal' or 'nominal'") from error
    return points - points.mean()


def _kinds(items: Sequence[Sequence[Any]]) -> tuple[list[Kind], list[int]]:
    """Return the different items, each as how often it has which label, and how often each of them occurs."""
    found = Counter(frozenset(Counter(item).items()) for item in items)
    return [tuple(kind) for kind in found], list(found.values())


def _tally(kinds: list[Kind], labels: list[Any] | None = None) -> Any:
    """Return a table of how often each kind of item (row) has each label (column)."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    labels = labels or _sorted({label for kind in kinds for label, _ in kind})
    place = {label: number for number, label in enumerate(labels)}
    table = numpy.zeros((len(kinds), len(labels)))
    for row, kind in enumerate(kinds):
        for label, times in kind:
            table[row, place[label]] = times
    return table
