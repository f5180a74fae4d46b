"""From evaluators and sets of dialogs to a comparison: every dialog is read and scored once."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.comparison.attributes import Attribute, sorting_names
from sdialog.evaluation.comparison.differences import Difference, Testing, corrected, difference_of
from sdialog.evaluation.comparison.result import About, Cell, Column, Comparison, Name, Slice
from sdialog.evaluation.comparison.samples import Facts, Sample, are_shares
from sdialog.evaluation.comparison.weighting import mean_of, wanted, weigh
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.evaluators.base import columns as unique
from sdialog.evaluation.evaluators.base import evaluator_name, flat
from sdialog.evaluation.evaluators.scores import BaseDatasetScoreEvaluator, Statistic
from sdialog.evaluation.evaluators.summaries import FrequencyEvaluator, MeanEvaluator
from sdialog.evaluation.metrics.features import FeatureScore
from sdialog.evaluation.results import EvalResult
from sdialog.evaluation.runner import Running, score_dialogs
from sdialog.statistics.intervals import Interval, bootstrap_interval, mean_interval

_MOST_SLICES = 24


@dataclass(frozen=True)
class Options:
    """What a comparison is asked for; see :func:`sdialog.evaluation.compare.compare`."""

    ci: bool | str = True
    test: str = "auto"
    baseline: Name | None = None
    alpha: float = 0.05
    correction: str = "holm"
    cluster_by: Attribute | None = None
    pair_by: Attribute | None = None
    weights: Any = None
    by: Sequence[Attribute] = ()
    seed: int = 0
    running: Running | Callable[[Dataset], Running] | None = None

    def running_of(self, dataset: Dataset) -> Running | None:
        """How a set is scored."""
        return self.running(dataset) if callable(self.running) else self.running

    @property
    def testing(self) -> Testing:
        """How differences are tested."""
        key = None if self.pair_by is None else "index" if self.pair_by == "index" else "pair"
        return Testing(self.test, key, self.alpha, self.method or "auto", self.seed)

    @property
    def method(self) -> str | None:
        """Method of the intervals; None for no intervals."""
        return "auto" if self.ci is True else self.ci or None

    @property
    def facts(self) -> dict[str, Attribute]:
        """What has to be noted of each dialog."""
        found: dict[str, Attribute] = {f"by {attribute_name(one)}": one for one in self.by}
        if self.cluster_by is not None:
            found["cluster"] = self.cluster_by
        if self.pair_by is not None and self.pair_by != "index":
            found["pair"] = self.pair_by
        return found | wanted(self.weights)

    def json(self) -> dict[str, Any]:
        """Return the options as plain data."""
        return {
            "ci": self.ci,
            "test": self.test,
            "baseline": self.baseline,
            "alpha": self.alpha,
            "correction": self.correction,
            "clusterBy": None if self.cluster_by is None else attribute_name(self.cluster_by),
            "pairBy": None if self.pair_by is None else attribute_name(self.pair_by),
            "weights": self.weights if isinstance(self.weights, (Mapping, str)) else self.weights and "a function",
            "by": [attribute_name(one) for one in self.by],
            "seed": self.seed,
        }


def attribute_name(spec: Attribute) -> str:
    """Return what an attribute is called in tables."""
    return spec if isinstance(spec, str) else getattr(spec, "__name__", type(spec).__name__)


class ScoreMean(MeanEvaluator):
    """The mean of a score, in columns that have the names of what the score gives."""

    def __init__(self, dialog_score: BaseDialogScore) -> None:
        super().__init__(dialog_score, dialog_score.name, enable_plotting=False)

    def column(self, part: str) -> str:
        """Return the column's name of one of several values."""
        score = self.dialog_score
        features = {key: name for name, (key, _) in score.features.items()} if isinstance(score, FeatureScore) else {}
        return features.get(part, part)


@dataclass
class Measured:
    """What evaluators gave for one set: numbers and, where there are scores, results, by evaluator and part."""

    values: dict[tuple[int, str], Any] = field(default_factory=dict)
    results: dict[tuple[int, str], EvalResult] = field(default_factory=dict)
    keys: dict[tuple[int, str], str | None] = field(default_factory=dict)
    content: list[str] = field(default_factory=list)


def make(evaluators: Sequence[Any], datasets: Mapping[Name, Dataset], options: Options) -> Comparison:
    """Evaluate sets of dialogs and compare them.

    Raises:
        UserError: if an option does not fit the data.
    """
    check(options, datasets)
    facts = {name: Facts(options.facts) for name in datasets}
    measured = {name: _measure(evaluators, dataset, name, facts[name], options) for name, dataset in datasets.items()}
    for name in datasets if options.weights is not None else ():
        weigh(facts[name], options.weights, name)
    # Of no dialogs, a score of several values has none by name.
    filled = [one for name, one in measured.items() if facts[name].size] or list(measured.values())
    parts = list(dict.fromkeys(part for one in filled for part in one.values))
    columns = _columns(evaluators, parts, measured)
    places = dict(zip(columns, parts, strict=True))
    cells = {
        (name, column): _cell(
            evaluators[at[0]], measured[name], at, _sample(measured[name], at, facts[name], columns[column]), options
        )
        for name in datasets
        for column, at in places.items()
    }
    samples = {
        (name, column): _sample(measured[name], places[column], facts[name], one)
        for column, one in columns.items()
        for name in datasets
        if one.mean
    }
    found = _differences(samples, columns, options, list(datasets))
    about = About(
        datasets,
        {name: facts[name].size for name in datasets},
        {name: _content_hash(measured[name].content) for name in datasets},
        options.json(),
    )
    smallest = min((one.size for one in facts.values() if one.size), default=0)
    floors = _floors(evaluators, parts, columns, options.seed, smallest) if options.method else {}
    slices = _slices(samples, columns, options, facts, datasets)
    return Comparison(columns, cells, corrected(found, options.correction), floors, slices, about, samples)


def check(options: Options, datasets: Mapping[Name, Any]) -> None:
    """Raise a UserError for options that cannot be, before anything is scored."""
    from sdialog.statistics.corrections import adjust
    from sdialog.statistics.intervals import METHODS

    if options.method is not None and options.method not in METHODS:
        raise UnknownNameError("interval method", str(options.method), METHODS)
    adjust([], options.correction)
    _ = options.testing
    by = [attribute_name(one) for one in options.by]
    if twice := next((name for name in by if by.count(name) > 1), None):
        raise UserError(f"by= holds two attributes called {twice!r}; a function made by def has a name of its own")
    if options.baseline not in (None, "all", *datasets):
        raise UnknownNameError("baseline", str(options.baseline), map(str, datasets), "Or 'all', for every pair.")


# -- numbers


def _measure(evaluators: Sequence[Any], dataset: Dataset, name: Name, facts: Facts, options: Options) -> Measured:
    """Read a set once for all scores, and once more for evaluators that want dialogs."""
    scored = [place for place, one in enumerate(evaluators) if _takes_results(one)]
    scores = {id(evaluators[place].dialog_score): evaluators[place].dialog_score for place in scored}
    running = options.running_of(dataset)
    results = dict(zip(scores, score_dialogs(list(scores.values()), facts.watch(dataset), running), strict=True))
    whole = list(dataset) if len(scored) < len(evaluators) else []
    found = Measured()
    for result in results.values():
        found.content = [item.content_hash for item in result.items]
    for place, evaluator in enumerate(evaluators):
        if place not in scored:
            for part, value in flat("", evaluator(whole, dataset_name=name)).items():
                found.values[place, part] = _plain(value)
            continue
        result = results[id(evaluator.dialog_score)]
        value = evaluator.evaluate(result, name)
        metrics = result.parts
        for metric, own in metrics.items() if metrics else [("", result)]:
            for part, number in flat("", value[metric] if metrics else value).items():
                at = (place, f"{f'-{metric}' if metric else ''}{part}")
                found.values[at], found.results[at] = _plain(number), own
                found.keys[at] = part.removeprefix("-") or None
    return found


def _takes_results(evaluator: Any) -> bool:
    own = type(evaluator)
    return isinstance(evaluator, BaseDatasetScoreEvaluator) and own.__call__ is BaseDatasetScoreEvaluator.__call__


def _plain(value: Any) -> Any:
    """Return a number as one of Python, so that it can be written as JSON; NaN is no value."""
    if value is None or isinstance(value, (str, bool)):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return None if number != number else number


def _columns(
    evaluators: Sequence[Any], parts: Sequence[tuple[int, str]], measured: Mapping[Name, Measured]
) -> dict[str, Column]:
    names = unique(evaluator_name(one) for one in evaluators)
    whole = unique(
        evaluators[place].column(part.removeprefix("-"))
        if part and isinstance(evaluators[place], ScoreMean)
        else f"{names[place]}{part}"
        for place, part in parts
    )
    columns = {}
    for name, at in zip(whole, parts, strict=True):
        evaluator = evaluators[at[0]]
        results = {dataset: one.results[at] for dataset, one in measured.items() if at in one.results}
        score = evaluator.dialog_score.name if _takes_results(evaluator) else None
        mean = score is not None and _statistic(evaluator, at, measured) == "mean"
        share = mean and (isinstance(evaluator, FrequencyEvaluator) or are_shares(list(results.values())))
        columns[name] = Column(
            name, names[at[0]], score, results, mean, share, bool(getattr(evaluator, "similarity", False))
        )
    return columns


def _statistic(evaluator: Any, at: tuple[int, str], measured: Mapping[Name, Measured]) -> Statistic | None:
    key = next((one.keys[at] for one in measured.values() if at in one.keys), None)
    found: Statistic | None = evaluator.statistic(key)
    return found


def _sample(own: Measured, at: tuple[int, str], facts: Facts, column: Column) -> Sample:
    return Sample(own.results.get(at, EvalResult(column.name, [])), facts, column.share)


def _cell(evaluator: Any, own: Measured, at: tuple[int, str], sample: Sample, options: Options) -> Cell:
    value = own.values.get(at)
    if not _takes_results(evaluator):
        return Cell(value)
    statistic = evaluator.statistic(own.keys.get(at))
    missing = sample.facts.size - sample.result.n
    reasons = sample.result.missing_reasons or ({"no such value": missing} if missing else {})
    if statistic == "mean":
        value, interval = mean_cell(sample, options)
    else:
        interval = _bootstrap(sample, statistic, options)
    return Cell(value, interval, sample.result.n, missing, reasons)


def mean_cell(sample: Sample, options: Options) -> tuple[float | None, Interval | None]:
    """Return the mean of a sample, weighted where there are weights, and its interval."""
    if not sample.result.values:
        return None, None
    level = 1 - options.alpha
    if options.weights is not None:
        weighted = mean_of(sample, level)
        return (None, None) if weighted is None else (weighted.value, weighted.interval if options.method else None)
    if options.method is None:
        return sample.result.mean, None
    method = options.method
    if method in ("auto", "wilson"):
        method = "wilson" if sample.share and not sample.clustered else "t"
    found = mean_interval(sample.result.values, sample.groups, level=level, method=method, seed=options.seed)
    if found is not None and sample.share:
        found = found._replace(low=max(0.0, found.low), high=min(1.0, found.high))
    return sample.result.mean, found


def _bootstrap(sample: Sample, statistic: Any, options: Options) -> Interval | None:
    if not callable(statistic) or options.method is None or len(sample.result.values) < 2:
        return None
    return bootstrap_interval(
        sample.result.values,
        sample.groups,
        statistic=lambda numbers: found if (found := statistic(numbers)) is not None else 0.0,
        level=1 - options.alpha,
        resamples=1000,
        seed=options.seed,
    )


def _floors(
    evaluators: Sequence[Any], parts: Sequence[tuple[int, str]], columns: Mapping[str, Column], seed: int, size: int
) -> dict[str, Any]:
    """Return noise floors at the size of the smallest set: small samples lie farther from their own source."""
    found = {}
    places = dict(zip(parts, columns, strict=True))
    for place, evaluator in enumerate(evaluators):
        if hasattr(evaluator, "floors"):
            for column, floor in evaluator.floors(seed, size).items():
                at = (place, column.removeprefix(evaluator_name(evaluator)))
                if at in places:
                    found[places[at]] = floor
    return found


def _content_hash(content: Sequence[str]) -> str | None:
    return hashlib.blake2b(" ".join(content).encode(), digest_size=8).hexdigest() if content else None


# -- differences


def _differences(
    samples: Mapping[tuple[Name, str], Sample],
    columns: Mapping[str, Column],
    options: Options,
    names: Sequence[Name],
    times: int = 1,
) -> list[Difference]:
    """Return all differences; ``times`` says how many such tables are corrected together."""
    if options.method is None or len(names) < 2:
        return []
    if options.baseline == "all" and "all" not in names:
        compared = list(itertools.combinations(names, 2))
    else:
        base = names[0] if options.baseline is None else options.baseline
        compared = [(base, name) for name in names if name != base]
    means = [column for column, one in columns.items() if one.mean]
    how = replace(options.testing, tests=max(1, times * len(means) * len(compared)))
    return [
        difference_of(column, (a, b), samples[a, column], samples[b, column], how)
        for column in means
        for a, b in compared
    ]


def _slices(
    samples: Mapping[tuple[Name, str], Sample],
    columns: Mapping[str, Column],
    options: Options,
    facts: Mapping[Name, Facts],
    datasets: Mapping[Name, Dataset],
) -> list[Slice]:
    made: list[Slice] = []
    kinds: dict[str, dict[Any, None]] = {}
    for name in map(attribute_name, options.by):
        values = dict.fromkeys(v for own in facts.values() for v in own.noted[f"by {name}"] if v is not None)
        if len(values) > _MOST_SLICES:
            whole = itertools.chain.from_iterable(datasets.values())
            better = ", ".join(f"{one} ({kinds})" for one, kinds in sorting_names(whole, _MOST_SLICES).items())
            raise UserError(
                f"by={name!r} would make {len(values)} slices, and {_MOST_SLICES} are the most; these make fewer: "
                f"{better or 'none'}. In Python, by= also takes a function of a dialog"
            )
        kinds[name] = values
    times = sum(map(len, kinds.values()))
    for name, values in kinds.items():
        noted = {dataset: own.noted[f"by {name}"] for dataset, own in facts.items()}
        for value in sorted(values, key=lambda one: (str(type(one)), one)):
            rows = {d: [place for place, one in enumerate(own) if one == value] for d, own in noted.items()}
            parts = {(d, c): sample.part(rows[d]) for (d, c), sample in samples.items() if sample.result.items}
            cells = {at: _slice_cell(sample, options) for at, sample in parts.items()}
            there = [dataset for dataset in facts if rows[dataset]]
            base = options.baseline if options.baseline in (None, "all") or options.baseline in there else None
            wide = replace(options, baseline=base)
            full = {(d, c): parts[d, c] for d in there for c, one in columns.items() if one.mean and (d, c) in parts}
            found = _differences(full, columns, wide, there, times)
            made.append(Slice(name, value, cells, found))
    together = iter(corrected([one for part in made for one in part.differences], options.correction))
    return [Slice(one.by, one.value, one.cells, [next(together) for _ in one.differences]) for one in made]


def _slice_cell(sample: Sample, options: Options) -> Cell:
    value, interval = mean_cell(sample, options)
    return Cell(value, interval, sample.result.n, sample.result.n_missing, sample.result.missing_reasons)
