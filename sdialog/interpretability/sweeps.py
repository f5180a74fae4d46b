"""One probe for each site, such as each layer, and an honest score of the best one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.fitting.controls import chance, shuffle
from sdialog.interpretability.fitting.folds import FoldError, split_groups
from sdialog.interpretability.fitting.labelled import WHY, Label, Labelled, feature_rows, generator, labelled
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Outcome, Score

SHUFFLES = 20
_TRIES = 20


class SitePoint(NamedTuple):
    """How well the labels are read at one site.

    Attributes:
        site: where.
        score: of dialogs not seen, with its interval.
        band: ends between which 95 % of the scores with shuffled labels lie; None without shuffles.
        p_value: how often the best site of all does as well with shuffled labels, so that it is corrected for how
            many sites there are (Westfall and Young, 1993); None without shuffles.
    """

    site: str
    score: Score
    band: tuple[float, float] | None = None
    p_value: float | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            **self._asdict(),
            "score": self.score.json(),
            "band": None if self.band is None else list(self.band),
        }


class BestSite(NamedTuple):
    """The site that reads best, with the score of having chosen it.

    Attributes:
        site: the choice when all rows may be used.
        score: of dialogs that neither the probe nor the choice has seen: in each fold the site is chosen anew by the
            other folds. It is lower than the best of the sites' own scores where those are best by luck.
        chosen: the site of each fold; when they differ much, no site stands out.
    """

    site: str
    score: Score
    chosen: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self._asdict(), "score": self.score.json(), "chosen": list(self.chosen)}


@dataclass(frozen=True)
class Sweep:
    """Scores by site.

    Attributes:
        points: in the order in which the sites were given.
        best: the best site.
        shuffles: how many times labels were shuffled.
    """

    points: tuple[SitePoint, ...]
    best: BestSite
    shuffles: int = 0

    def __getitem__(self, site: Any) -> SitePoint:
        found = [point for point in self.points if point.site == str(site)]
        if not found:
            raise UnknownNameError("site", str(site), [point.site for point in self.points], "in this sweep")
        return found[0]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "points": [point.json() for point in self.points],
            "best": self.best.json(),
            "shuffles": self.shuffles,
        }

    def table(self) -> str:
        """Return the scores as a Markdown table."""
        from sdialog.interpretability.figures.probe_figures import sweep_table

        return sweep_table(self)

    def plot(self) -> Any:
        """Return a matplotlib figure: score by site with intervals, and the band of shuffled labels.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.probe_figures import draw_sweep

        return draw_sweep(self)


def sweep(
    features: Mapping[Any, Any],
    labels: Any,
    groups: Sequence[Hashable] | None = None,
    *,
    learner: str | Learner = "linear",
    task: str = "auto",
    positive: Label | None = None,
    split: str = "dialogs",
    folds: int = 5,
    shuffles: int = SHUFFLES,
    level: float = 0.95,
    seed: int = 0,
) -> Sweep:
    """Fit a probe at each site and tell which reads best.

    Args:
        features: for each site, rows of shape (n, d); d may differ from site to site.
        labels: one a row, the same for all sites; see :meth:`~sdialog.interpretability.probes.Probe.fit`.
        groups: the dialog that each row comes from.
        learner: what is fitted.
        task: ``classes`` or ``numbers``, to say what the labels are.
        positive: which of two classes is the positive one.
        split: ``dialogs``, or ``rows`` where each row stands alone.
        folds: how many.
        shuffles: how many times labels are shuffled, for the band and the p-values; each costs as much as the sweep.
        level: of the intervals.
        seed: seed of folds and shuffles.

    Raises:
        UserError: if there is no site, or the rows are not sound.

    Example:
        >>> rows = [float(place % 2) for place in range(40)]
        >>> noise = [float(place * 7 % 11) for place in range(40)]
        >>> found = sweep(
        ...     {"layers.0": [[one] for one in noise], "layers.1": [[one] for one in rows]},
        ...     [place % 2 == 1 for place in range(40)],
        ...     groups=[place // 2 for place in range(40)],
        ...     shuffles=0,
        ... )
        >>> found.best.site, found.best.score.value, found["layers.1"].score.value
        ('layers.1', 1.0, 1.0)
    """
    if not features:
        raise UserError("a sweep needs at least one site")
    names = [str(site) for site in features]
    apart = split_groups(groups, split)
    first = labelled(next(iter(features.values())), labels, apart, task=task, positive=positive)
    data = [_at(first, name, rows) for name, rows in zip(names, features.values(), strict=True)]
    chosen = Learner.of(learner)
    outcomes, picks = _nested(data, chosen, folds, seed)
    null = _null(data, chosen, folds, shuffles, seed)
    points = _points(names, outcomes, null, level, seed)
    whole = _nearest(data, chosen, seed)
    best = _chosen_outcome(outcomes, picks).scores(level, seed=seed)[outcomes[0].headline]
    return Sweep(points, BestSite(names[whole], best, tuple(names[place] for place in picks)), shuffles)


def _at(first: Labelled, name: str, rows: Any) -> Labelled:
    found = feature_rows(rows, name=f"features of {name}")
    if len(found) != len(first):
        raise UserError(f"{name} has {len(found)} rows and there are {len(first)} labels; give one a row")
    return Labelled(found, first.labels, first.groups, first.classes)


def _nested(data: list[Labelled], learner: Learner, folds: int, seed: int) -> tuple[list[Outcome], list[int]]:
    """Return the held-out predictions of each site, and the site that the other folds choose for each fold."""
    from sdialog.interpretability.fitting._probe_fitting import cross_validate

    numpy = need("numpy", extra="metrics", why=WHY)
    outcomes = [cross_validate(one, learner, folds, seed) for one in data]
    dealt = outcomes[0].folds
    picks = []
    for fold in range(folds):
        kept = numpy.flatnonzero(dealt != fold)
        picks.append(_nearest([one.take(kept) for one in data], learner, seed, fold))
    return outcomes, picks


def _nearest(data: list[Labelled], learner: Learner, seed: int, *path: str | int) -> int:
    """Return the site with the least loss on inner folds."""
    from sdialog.interpretability.fitting._probe_fitting import least_loss

    if len(data) == 1:
        return 0
    losses = [least_loss(one, learner, seed, *path) for one in data]
    return min(range(len(data)), key=losses.__getitem__)


def _chosen_outcome(outcomes: list[Outcome], picks: list[int]) -> Outcome:
    """Return the predictions of each fold at the site chosen for it."""
    numpy = need("numpy", extra="metrics", why=WHY)
    first = outcomes[0]
    place = numpy.array(picks)[first.folds]
    rows = numpy.arange(len(place))
    predicted = numpy.stack([one.predicted for one in outcomes])[place, rows]
    readings = None
    if first.readings is not None:
        readings = numpy.stack([one.readings for one in outcomes])[place, rows]
    return Outcome(first.labels, predicted, readings, first.groups, first.folds, first.classes)


def _null(data: list[Labelled], learner: Learner, folds: int, shuffles: int, seed: int) -> list[list[float]]:
    """Return for each shuffle the score of each site; all sites have the same shuffled labels."""
    from sdialog.interpretability.fitting._probe_fitting import cross_validate

    if shuffles < 0:
        raise UserError(f"shuffles is 0 or more, not {shuffles}")
    draw = generator(seed, "shuffled labels")
    null: list[list[float]] = []
    tries = 0
    while len(null) < shuffles:
        labels = shuffle(data[0], draw).labels
        try:
            found = [
                cross_validate(Labelled(one.features, labels, one.groups, one.classes), learner, folds, seed).value()
                for one in data
            ]
        except FoldError as error:
            tries += 1
            if tries == _TRIES:
                raise UserError(f"{_TRIES} shuffles of the labels could not be scored: {error}") from error
            continue
        null.append([float("-inf") if one is None else one for one in found])
    return null


def _points(
    names: list[str], outcomes: list[Outcome], null: list[list[float]], level: float, seed: int
) -> tuple[SitePoint, ...]:
    numpy = need("numpy", extra="metrics", why=WHY)
    points = []
    highest = [max(one) for one in null]
    for place, (name, outcome) in enumerate(zip(names, outcomes, strict=True)):
        score = outcome.scores(level, seed=seed)[outcome.headline]
        band, p_value = None, None
        if null and score.value is not None:
            low, high = numpy.quantile([one[place] for one in null], [0.025, 0.975])
            band, p_value = (float(low), float(high)), chance(score.value, highest)
        points.append(SitePoint(name, score, band, p_value))
    return tuple(points)
