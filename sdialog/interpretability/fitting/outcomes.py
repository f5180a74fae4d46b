"""What probes predicted of rows they did not see, and the scores of it, with intervals over dialogs.

Every score is a function of how often each dialog counts. So an interval costs one pass over the predictions for all
samples of the bootstrap together, and no dialog is ever torn apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.optional import need
from sdialog.interpretability.fitting.labelled import Label, Labelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.statistics.intervals import Interval

Measure = Callable[["NDArray[Any]"], "NDArray[Any]"]
RESAMPLES = 2000
_WHY = "score predictions"
_SAME = 1e-12
_CELLS = 4_000_000  # how many numbers are held at a time


class Score(NamedTuple):
    """A score with its uncertainty.

    Attributes:
        name: such as ``auc``.
        value: None where it cannot be told, such as an AUC without positive rows.
        interval: bootstrap interval over dialogs (BCa: Efron, 1987); None for fewer than two, where too many of the
            samples have no value, or all have the same one: then the bootstrap knows nothing of how sure it is. Of
            shares of 0 or 1 it is Wilson's (1927), of as many trials as there are dialogs.
    """

    name: str
    value: float | None
    interval: Interval | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self._asdict(), "interval": None if self.interval is None else self.interval.json()}

    @classmethod
    def of(cls, facts: Mapping[str, Any] | None) -> Score | None:
        """Return what :meth:`json` wrote; None for None."""
        from sdialog.statistics.intervals import Interval

        if facts is None:
            return None
        ends = facts["interval"]
        return cls(facts["name"], facts["value"], None if ends is None else Interval(**ends))

    def __str__(self) -> str:
        shown = "-" if self.value is None else f"{self.value:.3f}"
        return f"{self.name} {shown}" + (
            f" [{self.interval.low:.3f}, {self.interval.high:.3f}]" if self.interval else ""
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """Predictions of held-out rows beside their labels.

    Attributes:
        labels: shape (n,): places in ``classes``, or numbers.
        predicted: shape (n,), of the same kind.
        readings: shape (n,): what rows are ranked by; of more than two classes there is none.
        groups: shape (n,): number of each row's dialog.
        folds: shape (n,): rows are ranked only against those of their own fold, since probes of different folds
            have different scales.
        classes: the labels there are.
        strengths: L2 strength of each fold.
        converged: whether all probes came to rest.
    """

    labels: NDArray[Any]
    predicted: NDArray[Any]
    readings: NDArray[Any] | None
    groups: NDArray[Any]
    folds: NDArray[Any]
    classes: tuple[Label, ...]
    strengths: tuple[float, ...] = ()
    converged: bool = True

    @classmethod
    def of(
        cls,
        data: Labelled,
        outputs: NDArray[Any],
        folds: NDArray[Any] | None = None,
        strengths: tuple[float, ...] = (),
        converged: bool = True,
    ) -> Outcome:
        """Return the outcome of a probe's outputs, of shape (n, outputs)."""
        numpy = need("numpy", extra="metrics", why=_WHY)
        folds = numpy.zeros(len(data), dtype=int) if folds is None else folds
        readings = outputs[:, 0] if outputs.shape[1] == 1 else None
        if not data.classes:
            predicted = outputs[:, 0]
        else:
            predicted = outputs.argmax(axis=1) if readings is None else (readings > 0).astype(int)
        return cls(data.labels, predicted, readings, data.groups, folds, data.classes, strengths, converged)

    @property
    def headline(self) -> str:
        """Name of the score that stands for all."""
        return headline(self.classes)

    def value(self, name: str = "") -> float | None:
        """Return one score; default the headline."""
        numpy = need("numpy", extra="metrics", why=_WHY)
        codes, size = _codes(numpy, self.groups)
        return _finite(self._measures(codes, size)[name or self.headline](numpy.ones((1, size)))[0])

    def scores(self, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Score]:
        """Return all scores with intervals.

        Classes: accuracy, balanced accuracy (mean recall), macro F1, and of two classes AUC (Mann and Whitney, 1947).
        Numbers: R2 (1 is perfect, 0 is as good as the mean), mean absolute error, rank correlation (Spearman, 1904).
        AUC and rank correlation are those within folds, pooled.
        """
        numpy = need("numpy", extra="metrics", why=_WHY)
        codes, size = _codes(numpy, self.groups)
        found = {}
        for name, measure in self._measures(codes, size).items():
            value = _finite(measure(numpy.ones((1, size)))[0])
            whole = name == "accuracy"
            interval = None if value is None else _interval(measure, size, level, resamples, seed, whole)
            found[name] = Score(name, value, interval)
        return found

    def _measures(self, codes: NDArray[Any], size: int) -> dict[str, Measure]:
        if not self.classes:
            return _number_measures(self, codes, size)
        return _class_measures(self, codes, size)


def headline(classes: tuple[Label, ...]) -> str:
    """Return the name of the score that stands for all: one that does not hang on how frequent the classes are."""
    return "r2" if not classes else "auc" if len(classes) == 2 else "balanced_accuracy"


def ranking(data: Labelled, readings: NDArray[Any], folds: NDArray[Any] | None = None) -> Outcome:
    """Return the outcome of readings that only rank rows, such as projections on a direction."""
    return Outcome.of(data, readings[:, None], folds)


def share(hits: NDArray[Any], groups: NDArray[Any], name: str, level: float, seed: int) -> Score:
    """Return a mean over rows of what lies between 0 and 1, with its interval over groups."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    codes, size = _codes(numpy, groups)
    measure = _ratio(numpy, numpy.bincount(codes, weights=hits), numpy.bincount(codes))
    return Score(name, float(hits.mean()), _interval(measure, size, level, RESAMPLES, seed, True))


def _codes(numpy: Any, groups: NDArray[Any]) -> tuple[NDArray[Any], int]:
    names, codes = numpy.unique(groups, return_inverse=True)
    return codes, len(names)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(
    measure: Measure, size: int, level: float, resamples: int, seed: int, share: bool = False
) -> Interval | None:
    """Return the interval of a score, ``share`` telling whether it is the share of rows of which something is true."""
    from sdialog.statistics.intervals import Interval, wilson_interval
    from sdialog.statistics.resampling import bootstrap_counts

    ends = bootstrap_counts(measure, [1] * size, level=level, resamples=resamples, seed=seed)
    if ends is None or ends[1] - ends[0] > _SAME:
        return None if ends is None else Interval(ends[0], ends[1], level, "bootstrap")
    if share and min(abs(ends[0]), abs(ends[0] - 1)) <= _SAME:
        # In no dialog was anything else seen, which is no proof that there are no others.
        return wilson_interval(size * round(ends[0]), size, level=level)
    return None


def _ratio(numpy: Any, above: NDArray[Any], below: NDArray[Any]) -> Measure:
    def measure(weights: NDArray[Any]) -> NDArray[Any]:
        with numpy.errstate(invalid="ignore", divide="ignore"):
            return (weights @ above) / (weights @ below)  # type: ignore[no-any-return]

    return measure


def _class_measures(outcome: Outcome, codes: NDArray[Any], size: int) -> dict[str, Measure]:
    numpy = need("numpy", extra="metrics", why=_WHY)
    kinds = len(outcome.classes)
    table = numpy.zeros((size, kinds, kinds))  # dialog, label, prediction
    numpy.add.at(table, (codes, outcome.labels, outcome.predicted), 1)
    flat, diagonal = table.reshape(size, -1), numpy.arange(kinds)

    def counted(weights: NDArray[Any]) -> NDArray[Any]:
        return (weights @ flat).reshape(-1, kinds, kinds)  # type: ignore[no-any-return]

    def balanced(weights: NDArray[Any]) -> NDArray[Any]:
        found = counted(weights)
        with numpy.errstate(invalid="ignore"):
            return (found[:, diagonal, diagonal] / found.sum(axis=2)).mean(axis=1)  # type: ignore[no-any-return]

    def macro_f1(weights: NDArray[Any]) -> NDArray[Any]:
        found = counted(weights)
        with numpy.errstate(invalid="ignore"):
            each = 2 * found[:, diagonal, diagonal] / (found.sum(axis=1) + found.sum(axis=2))
        return each.mean(axis=1)  # type: ignore[no-any-return]

    measures: dict[str, Measure] = {
        "accuracy": _ratio(numpy, table[:, diagonal, diagonal].sum(axis=1), table.sum(axis=(1, 2))),
        "balanced_accuracy": balanced,
        "macro_f1": macro_f1,
    }
    if kinds == 2 and outcome.readings is not None:
        measures["auc"] = _by_rows(numpy, outcome, codes, _auc)
    return measures


def _number_measures(outcome: Outcome, codes: NDArray[Any], size: int) -> dict[str, Measure]:
    numpy = need("numpy", extra="metrics", why=_WHY)
    labels = outcome.labels - outcome.labels.mean()  # large numbers would lose digits in their squares
    errors = outcome.labels - outcome.predicted
    rows, first, second, wrong, off = (
        numpy.bincount(codes, weights=one, minlength=size)
        for one in (numpy.ones(len(codes)), labels, labels**2, errors**2, numpy.abs(errors))
    )

    def r2(weights: NDArray[Any]) -> NDArray[Any]:
        count = weights @ rows
        with numpy.errstate(invalid="ignore", divide="ignore"):
            return 1 - (weights @ wrong) / (weights @ second - (weights @ first) ** 2 / count)  # type: ignore[no-any-return]

    return {"r2": r2, "mae": _ratio(numpy, off, rows), "spearman": _by_rows(numpy, outcome, codes, _spearman)}


def _by_rows(numpy: Any, outcome: Outcome, codes: NDArray[Any], score: Callable[..., NDArray[Any]]) -> Measure:
    """Return a measure that needs the weight of each row; few samples at a time, so that memory stays small."""
    parts = [numpy.flatnonzero(outcome.folds == fold) for fold in numpy.unique(outcome.folds)]

    def measure(weights: NDArray[Any]) -> NDArray[Any]:
        step = max(1, _CELLS // len(codes))
        found = [
            score(numpy, outcome, parts, weights[start : start + step][:, codes])
            for start in range(0, len(weights), step)
        ]
        return numpy.concatenate(found)  # type: ignore[no-any-return]

    return measure


def _auc(numpy: Any, outcome: Outcome, parts: list[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return the share of pairs of one fold, a positive and a negative row, in which the positive one reads higher."""
    won, pairs = numpy.zeros(len(weights)), numpy.zeros(len(weights))
    for rows in parts:
        assert outcome.readings is not None
        here, positive = weights[:, rows], outcome.labels[rows] == 1
        negatives, positives = here * ~positive, here * positive
        won += (positives * _below(numpy, outcome.readings[rows], negatives)).sum(axis=1)
        pairs += positives.sum(axis=1) * negatives.sum(axis=1)
    with numpy.errstate(invalid="ignore"):
        return won / pairs  # type: ignore[no-any-return]


def _spearman(numpy: Any, outcome: Outcome, parts: list[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return the rank correlation within folds, weighted by their rows; a constant prediction ranks nothing: 0."""
    found, total = numpy.zeros(len(weights)), numpy.zeros(len(weights))
    for rows in parts:
        here = weights[:, rows]
        mass = here.sum(axis=1)
        ranks = [_below(numpy, one[rows], here) for one in (outcome.predicted, outcome.labels)]
        with numpy.errstate(invalid="ignore", divide="ignore"):
            off = [one - ((here * one).sum(axis=1) / mass)[:, None] for one in ranks]
            spread = [(here * one**2).sum(axis=1) for one in off]
            product = (here * off[0] * off[1]).sum(axis=1) / numpy.sqrt(spread[0] * spread[1])
        flat = 1e-9 * numpy.maximum(mass, 1)
        mass = numpy.where(spread[1] > flat, mass, 0)
        found += mass * numpy.where((spread[0] > flat) & (mass > 0), product, 0)
        total += mass
    with numpy.errstate(invalid="ignore", divide="ignore"):
        return found / total  # type: ignore[no-any-return]


def _below(numpy: Any, values: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return for each value the weight of what is below it and half of what equals it.

    Args:
        values: shape (n,).
        weights: shape (samples, n).
    """
    distinct, place = numpy.unique(values, return_inverse=True)
    order = numpy.argsort(place, kind="stable")
    starts = numpy.searchsorted(place[order], numpy.arange(len(distinct)))
    mass = numpy.add.reduceat(weights[:, order], starts, axis=1)
    return (numpy.cumsum(mass, axis=1) - mass / 2)[:, place]  # type: ignore[no-any-return]
