"""Evaluators that sum scores up: statistics, means, shares."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import EvaluationError, UnknownNameError
from sdialog.evaluation.evaluators.scores import BaseDatasetScoreEvaluator, Statistic
from sdialog.evaluation.plots import draw_bars, draw_boxes
from sdialog.statistics.intervals import mean_interval

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore

STATS: Mapping[str, Callable[[Any], float | None]] = {
    "mean": lambda scores: float(scores.mean()),
    "std": lambda scores: float(scores.std(ddof=1)) if len(scores) > 1 else None,
    "min": lambda scores: float(scores.min()),
    "max": lambda scores: float(scores.max()),
    "median": lambda scores: float(sorted_median(scores)),
}
"""Statistics by name. The standard deviation is the sample's (n - 1), None for a single value."""


def sorted_median(scores: Any) -> float:
    """Return the median of an array."""
    ordered = sorted(scores.tolist())
    middle = len(ordered) // 2
    found: float = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return found


class StatsEvaluator(BaseDatasetScoreEvaluator):
    """Mean, standard deviation (n - 1), least, greatest and median score, or one of them.

    Args:
        dialog_score: the score.
        stat: ``mean``, ``std``, ``min``, ``max`` or ``median``; None for all.
        metric: older name of ``stat``.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Raises:
        UnknownNameError: if there is no such statistic.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> dialogs = [Dialog(turns=[Turn(text="word " * length)]) for length in (1, 2, 6)]
        >>> StatsEvaluator(MeanTurnLengthScore())(dialogs)
        {'mean': 3.0, 'std': 2.6457513110645907, 'min': 1.0, 'max': 6.0, 'median': 2.0}
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        stat: str | None = None,
        metric: str | None = None,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        super().__init__(dialog_score, name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel)
        if metric is not None:
            warnings.warn("StatsEvaluator(metric=...) is now called stat", DeprecationWarning, stacklevel=2)
            stat = metric if stat is None else stat
        if stat is not None and stat not in STATS:
            raise UnknownNameError("statistic", stat, STATS)
        self.stat = stat

    def statistic(self, key: str | None = None) -> Statistic | None:
        """Return what its number is of the scores; see the base class. The least and greatest have no interval."""
        name = self.stat or key
        if name == "mean":
            return "mean"
        return STATS[name] if name in ("std", "median") else None

    def __eval__(self, dialog_scores: Any) -> float | dict[str, float | None] | None:
        if self.stat is not None:
            return STATS[self.stat](dialog_scores)
        return {name: compute(dialog_scores) for name, compute in STATS.items()}

    def __plot__(self, dialog_scores: Mapping[Any, Any], plot: Any = None, metric: str | None = None) -> None:
        draw_boxes(plot, dialog_scores)
        plot.ylabel(metric or self.dialog_score.name)


class MeanEvaluator(BaseDatasetScoreEvaluator):
    """The mean score.

    Args:
        dialog_score: the score.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> MeanEvaluator(MeanTurnLengthScore())([Dialog(turns=[Turn(text="How are you?")]), Dialog()])
        3.0
    """

    def statistic(self, key: str | None = None) -> Statistic:
        """Return that its number is a mean."""
        return "mean"

    def __eval__(self, dialog_scores: Any) -> float:
        return float(dialog_scores.mean())

    def __plot__(self, dialog_scores: Mapping[Any, Any], plot: Any = None, metric: str | None = None) -> None:
        means = {name: float(scores.mean()) for name, scores in dialog_scores.items()}
        draw_bars(plot, means, {name: mean_interval(scores.tolist()) for name, scores in dialog_scores.items()})
        plot.ylabel(f"mean {metric or self.dialog_score.name}")


class FrequencyEvaluator(BaseDatasetScoreEvaluator):
    """The share of dialogs with the score 1, of a score that is 0 or 1.

    Args:
        dialog_score: the score, such as a yes/no judge or a validator.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`~sdialog.evaluation.evaluators.scores.BaseDatasetScoreEvaluator`.

    Raises:
        EvaluationError: on evaluation, if a score is something else.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import BaseDialogScore
        >>> class Greets(BaseDialogScore):
        ...     def score(self, dialog):
        ...         return int(dialog[0].text.startswith("Hi"))
        >>> FrequencyEvaluator(Greets())([Dialog(turns=[Turn(text=text)]) for text in ("Hi!", "What?")])
        0.5
    """

    def statistic(self, key: str | None = None) -> Statistic:
        """Return that its number is a mean."""
        return "mean"

    def __eval__(self, dialog_scores: Any) -> float:
        other = next((score for score in dialog_scores.tolist() if score not in (0, 1)), None)
        if other is not None:
            raise EvaluationError(
                f"{self.name} counts dialogs with the score 1 among scores of 0 and 1, and {self.dialog_score.name} "
                f"gave {other:g}; use MeanEvaluator or StatsEvaluator for it"
            )
        return float(dialog_scores.mean())

    def __plot__(self, dialog_scores: Mapping[Any, Any], plot: Any = None, metric: str | None = None) -> None:
        shares = {name: float(scores.mean()) for name, scores in dialog_scores.items()}
        ends = {name: mean_interval(scores.tolist()) for name, scores in dialog_scores.items()}
        draw_bars(plot, shares, ends, percent=True)
        plot.ylabel(f"dialogs with {metric or self.dialog_score.name}")
