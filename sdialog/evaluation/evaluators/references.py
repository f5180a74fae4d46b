"""Evaluators that compare the scores of a set of dialogs with those of a reference."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.evaluators.scores import BaseDatasetScoreEvaluator
from sdialog.evaluation.plots import draw_curves
from sdialog.evaluation.runner import score_dialogs

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore
    from sdialog.evaluation.distances.noise_floor import NoiseFloor
    from sdialog.evaluation.results import EvalResult

Distance = Callable[[Any, Any], float | None]
REFERENCE = "reference"


class ReferenceScoreEvaluator(BaseDatasetScoreEvaluator):
    """A distance between the scores of dialogs and those of a reference, or several by name.

    For a score of several named values there is one for each. The reference is scored when it is first needed.

    Args:
        dialog_score: the score.
        reference_dialogues: dialogs or the path of a file or folder; default what the score itself was made from.
        distances: functions of an array of the reference and one of the candidate, by name. One gives a number,
            several a dict.
        kde_bw: bandwidth of the curves in figures.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Attributes:
        reference_scores: array of the reference's scores, or a dict of them by metric.

    Raises:
        UserError: if there is no reference.
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        reference_dialogues: Any = None,
        *,
        distances: Mapping[str, Distance],
        kde_bw: float | str | None = None,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        super().__init__(dialog_score, name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel)
        if reference_dialogues is None:
            reference_dialogues = getattr(dialog_score, "reference_dialogues", None)
            if reference_dialogues is None:
                raise UserError(f"{self.name} compares with a reference: give reference_dialogues, a list or a path")
            warnings.warn(
                f"{self.name} compares with the dialogs that {dialog_score.name} was made from; other dialogs, even of "
                "the same kind, score lower than those. Give reference_dialogues that it has not seen.",
                stacklevel=3,
            )
        self.reference_dialogues = Dataset(reference_dialogues, REFERENCE)
        self.distances, self.kde_bw = dict(distances), kde_bw
        self._reference: EvalResult | None = None

    @property
    def reference_result(self) -> EvalResult:
        """Scores of the reference."""
        if self._reference is None:
            (self._reference,) = score_dialogs([self.dialog_score], self.reference_dialogues)
            self.reference_dialogues.check_some(len(self._reference.items))
        return self._reference

    @property
    def reference_scores(self) -> Any:
        """Array of the reference's scores, or a dict of them by metric."""
        parts = self.reference_result.parts
        return {name: _values(part) for name, part in parts.items()} if parts else _values(self.reference_result)

    def floors(self, seed: int = 0, size: int | None = None) -> dict[str, NoiseFloor | None]:
        """Return what the distances give between random halves of the reference, by column.

        Halves are of whole dialogs. See :func:`sdialog.evaluation.distances.noise_floor.split_half_floor`.

        Args:
            seed: seed of the splits.
            size: so many dialogs of the second half are taken; the size of what is compared with the reference, for
                small samples lie farther from their own source. None for all.
        """
        from sdialog.evaluation.distances.noise_floor import split_half_floor

        numpy = need("numpy", extra="metrics", why="compare with a reference")
        parts = self.reference_result.parts
        found = {}
        for metric, result in parts.items() if parts else [(None, self.reference_result)]:
            by_dialog = _by_dialog(result)
            for name, distance in self.distances.items():
                halves = _over_dialogs(numpy, distance, by_dialog, size)
                column = "-".join([self.name, *filter(None, [metric, name if len(self.distances) > 1 else None])])
                found[column] = split_half_floor(halves, numpy.arange(len(by_dialog)), seed=seed)
        return found

    def _measure(self, scores: Any, metric: str | None) -> Any:
        return self._against(self.reference_scores if metric is None else self.reference_scores.get(metric, ()), scores)

    def _against(self, reference: Any, scores: Any) -> Any:
        if len(reference) and len(scores):
            found = {name: distance(reference, scores) for name, distance in self.distances.items()}
        else:
            found = dict.fromkeys(self.distances)
        return found if len(found) > 1 else next(iter(found.values()))

    def __eval__(self, dialog_scores: Any) -> Any:
        return self._against(self.reference_scores, dialog_scores)

    def __plot__(
        self, dialog_scores: Mapping[Any, Any], plot: Any = None, metric: str | None = None, zoom: bool = False
    ) -> None:
        known = self.reference_scores if metric is None else self.reference_scores[metric]
        others = {name: scores for name, scores in dialog_scores.items() if name != REFERENCE}
        draw_curves(plot, {REFERENCE: known, **others}, bandwidth=self.kde_bw, zoom=zoom, reference=REFERENCE)
        plot.xlabel(metric or self.dialog_score.name)


class KDEDistanceEvaluator(ReferenceScoreEvaluator):
    """Divergence between the score's density in a reference and in other dialogs, in nats.

    Kernel density estimates on one grid, both normalised; see :mod:`sdialog.evaluation.distances.densities`.

    Args:
        dialog_score: the score.
        reference_dialogues: dialogs or a path; default what the score was made from.
        metric: ``kl`` (Kullback-Leibler, of the candidate from the reference), ``cs`` (Cauchy-Schwarz), ``js``
            (Jensen-Shannon), several in a list, or ``all`` for ``cs`` and ``kl``.
        kde_bw: bandwidth; None for Scott's rule.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Raises:
        UserError: if there is no reference.
        UnknownNameError: if there is no such divergence.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 2, 3), (7, 8, 9)))
        >>> evaluator = KDEDistanceEvaluator(MeanTurnLengthScore(), short, metric="js")
        >>> evaluator(short), evaluator(long) > 0.5
        (0.0, True)
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        reference_dialogues: Any = None,
        metric: str | Sequence[str] = "kl",
        kde_bw: float | str | None = None,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        from sdialog.evaluation.distances import densities

        known = {
            "cs": densities.cauchy_schwarz_divergence,
            "kl": densities.kl_divergence,
            "js": densities.js_divergence,
        }
        wanted = ["cs", "kl"] if metric == "all" else [metric] if isinstance(metric, str) else list(metric)
        self.metric = metric
        super().__init__(
            dialog_score,
            reference_dialogues,
            distances={
                one: partial(measure, bandwidth=kde_bw)
                for one, measure in _picked(wanted, known, "divergence", ["all"]).items()
            },
            kde_bw=kde_bw,
            name=name,
            enable_plotting=enable_plotting,
            verbose=verbose,
            plot_title=plot_title,
            plot_xlabel=plot_xlabel,
            plot_ylabel=plot_ylabel,
        )


class FrechetDistanceEvaluator(ReferenceScoreEvaluator):
    """Distance between normal distributions fitted to the scores of a reference and of other dialogs, in their unit.

    Args:
        dialog_score: the score.
        reference_dialogues: dialogs or a path; default what the score was made from.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Raises:
        UserError: if there is no reference.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 3), (4, 8)))
        >>> FrechetDistanceEvaluator(MeanTurnLengthScore(), short)(long)
        4.123105625617661
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        reference_dialogues: Any = None,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        from sdialog.evaluation.distances.frechet import frechet_distance_1d

        super().__init__(
            dialog_score,
            reference_dialogues,
            distances={"frechet": frechet_distance_1d},
            name=name,
            enable_plotting=enable_plotting,
            verbose=verbose,
            plot_title=plot_title,
            plot_xlabel=plot_xlabel,
            plot_ylabel=plot_ylabel,
        )


class ScoreDistanceEvaluator(ReferenceScoreEvaluator):
    """Distance between the scores of a reference and of other dialogs that needs no bandwidth and no normality.

    Args:
        dialog_score: the score.
        reference_dialogues: dialogs or a path; default what the score was made from.
        metric: ``wasserstein`` (W1, in the score's unit), ``ks`` (Kolmogorov-Smirnov, 0 to 1), or both in a list.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`; the default name is the metric's,
            where it is one, and the score's.

    Raises:
        UserError: if there is no reference.
        UnknownNameError: if there is no such distance.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 3), (5, 7)))
        >>> evaluator = ScoreDistanceEvaluator(MeanTurnLengthScore(), short, metric=["wasserstein", "ks"])
        >>> evaluator(long)
        {'wasserstein': 4.0, 'ks': 1.0}
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        reference_dialogues: Any = None,
        metric: str | Sequence[str] = "wasserstein",
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        from sdialog.evaluation.distances.one_dimensional import ks_statistic, wasserstein_distance

        known = {"wasserstein": wasserstein_distance, "ks": ks_statistic}
        wanted = [metric] if isinstance(metric, str) else list(metric)
        super().__init__(
            dialog_score,
            reference_dialogues,
            distances=_picked(wanted, known, "distance"),
            name=name or (f"{wanted[0]}-{dialog_score.name}" if len(wanted) == 1 else None),
            enable_plotting=enable_plotting,
            verbose=verbose,
            plot_title=plot_title,
            plot_xlabel=plot_xlabel,
            plot_ylabel=plot_ylabel,
        )


def _picked(wanted: Sequence[str], known: Mapping[str, Any], kind: str, also: Sequence[str] = ()) -> dict[str, Any]:
    for name in wanted:
        if name not in known:
            raise UnknownNameError(kind, str(name), [*known, *also])
    if not wanted:
        raise UserError(f"no {kind} was asked for; there are {', '.join(known)}")
    return {name: known[name] for name in wanted}


def _values(result: EvalResult) -> Any:
    return need("numpy", extra="metrics", why="compare with a reference").array(result.values, dtype=float)


def _by_dialog(result: EvalResult) -> list[list[float]]:
    found: dict[int, list[float]] = {}
    for value, place in zip(result.values, result.groups, strict=True):
        found.setdefault(place, []).append(value)
    return list(found.values())


def _over_dialogs(numpy: Any, distance: Distance, by_dialog: list[list[float]], size: int | None) -> Distance:
    def between(first: Any, second: Any) -> float | None:
        parts = (first, second[:size])
        halves = (numpy.array([value for place in half for value in by_dialog[place]]) for half in parts)
        return distance(*halves)

    return between
