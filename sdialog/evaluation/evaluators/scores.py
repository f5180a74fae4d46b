"""Evaluators of what a score says of each dialog."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.optional import need
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.evaluators.base import BaseDatasetEvaluator, default_name
from sdialog.evaluation.evaluators.plotting import Labels, draw_and_keep, file_of
from sdialog.evaluation.runner import score_dialogs

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore
    from sdialog.evaluation.results import EvalResult
    from sdialog.evaluation.runner import Running

Statistic = Literal["mean"] | Callable[[Any], Any]
UNNAMED = "candidate"
"""Name of a set of dialogs that was given none."""


class BaseDatasetScoreEvaluator(BaseDatasetEvaluator):
    """A measure of the scores of many dialogs.

    Subclasses write ``__eval__(scores)``, from an array of shape (n,) without missing values to a number or several by
    name, and ``__plot__(dialog_scores, plot, metric=None)``, which draws arrays by the names of their sets. ``plot``
    takes the calls of ``matplotlib.pyplot`` and those of an ``Axes``. Where nothing has a value the measure is None and
    ``__eval__`` is not asked.

    Args:
        dialog_score: the score.
        name: what it is called in tables; default the class's name without ``-evaluator`` and the score's name.
        enable_plotting: keep the scores of each set for :meth:`plot`.
        verbose: say on standard error how far it is.
        plot_title, plot_xlabel, plot_ylabel: texts of the figure, in place of its own.

    Attributes:
        datasets_scores: arrays of scores by the names of their sets; for a score of several named values, a dict of
            them by metric.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> class LongestEvaluator(BaseDatasetScoreEvaluator):
        ...     def __eval__(self, dialog_scores):
        ...         return float(dialog_scores.max())
        ...     def __plot__(self, dialog_scores, plot=None, metric=None):
        ...         plot.bar(list(dialog_scores), [scores.max() for scores in dialog_scores.values()])
        >>> longest = LongestEvaluator(MeanTurnLengthScore())
        >>> longest.name, longest([Dialog(turns=[Turn(text="How are you?")]), Dialog()]), longest([Dialog()])
        ('longest-mean-turn-length', 3.0, None)
    """

    def __init__(
        self,
        dialog_score: BaseDialogScore,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        self.dialog_score = dialog_score
        self.name = name or f"{default_name(type(self))}-{dialog_score.name}"
        self.enable_plotting, self.verbose = enable_plotting, verbose
        self.labels = Labels(plot_title, plot_xlabel, plot_ylabel)
        self.datasets_scores: dict[Any, Any] = {}

    def __call__(
        self,
        dialogues: Any,
        dataset_name: str | int | None = None,
        return_scores: bool = False,
        running: Running | None = None,
        **options: Any,
    ) -> Any:
        """Score dialogs and return the measure.

        Args:
            dialogues: dialogs, or the path of a file or folder.
            dataset_name: what the set is called in figures.
            return_scores: return the scores too: ``(measure, array or dict of arrays)``.
            running: how to score; see :class:`sdialog.evaluation.runner.Running`.
        """
        (result,) = score_dialogs([self.dialog_score], Dataset(dialogues), running or _progress(self))
        return self.evaluate(result, dataset_name, return_scores)

    def evaluate(self, result: EvalResult, dataset_name: str | int | None = None, return_scores: bool = False) -> Any:
        """Return the measure of dialogs that are scored already; arguments are those of a call."""
        name = UNNAMED if dataset_name is None else dataset_name
        parts = result.parts
        arrays = {metric: _array(part) for metric, part in parts.items()} if parts else _array(result)
        if self.enable_plotting:
            for metric, array in arrays.items() if parts else ():
                self.datasets_scores.setdefault(metric, {})[name] = array
            if not parts:
                self.datasets_scores[name] = arrays
        found: Any = (
            {metric: self._measure(array, metric) for metric, array in arrays.items()}
            if parts
            else self._measure(arrays, None)
        )
        return (found, arrays) if return_scores else found

    def statistic(self, key: str | None = None) -> Statistic | None:
        """Return what its number is of the scores: ``mean``, a function of an array, or None where it is neither.

        Comparisons give means an interval and a test, other statistics a bootstrap interval.

        Args:
            key: which of its numbers, where ``__eval__`` gives several by name.
        """
        return None

    def _measure(self, scores: Any, metric: str | None) -> Any:
        return None if len(scores) == 0 else self.__eval__(scores)

    @abstractmethod
    def __eval__(self, dialog_scores: Any) -> Any:
        """Return the measure of an array of scores, shape (n,), n at least 1."""

    @abstractmethod
    def __plot__(self, dialog_scores: Mapping[Any, Any], plot: Any = None, metric: str | None = None) -> Any:
        """Draw the scores of several sets, arrays by name."""

    def clear(self) -> None:
        """Forget the scores of all sets."""
        self.datasets_scores.clear()

    def plot(self, show: bool = True, save_path: str | Path | None = None, **options: Any) -> Any:
        """Draw the scores of the sets seen so far.

        Args:
            show: show the figure, where there is a screen or a notebook.
            save_path: file to write, its type by its suffix. A score of several named values gives one figure each,
                with ``-<metric>`` before the suffix.
            options: passed to ``__plot__``.

        Returns:
            The figure, or a dict of them by metric; None if there is nothing to draw.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        if not self.datasets_scores:
            return None
        # A set of no dialogs has no metrics by name.
        by_metric = {name: entry for name, entry in self.datasets_scores.items() if isinstance(entry, Mapping)}
        if not by_metric:
            return self._figure(self.datasets_scores, None, show, save_path, options)
        return {
            metric: self._figure(scores, metric, show, file_of(save_path, metric), options)
            for metric, scores in by_metric.items()
        }

    def _figure(
        self, scores: Mapping[Any, Any], metric: str | None, show: bool, path: str | Path | None, options: Any
    ) -> Any:
        title = self.dialog_score.name if metric is None else f"{self.dialog_score.name}: {metric}"
        some = {name: array for name, array in scores.items() if len(array)}
        return draw_and_keep(
            lambda axes: self.__plot__(some, plot=axes, metric=metric, **options), title, self.labels, show, path
        )


def _array(result: EvalResult) -> Any:
    return need("numpy", extra="metrics", why="evaluate sets of dialogs").array(result.values, dtype=float)


def _progress(evaluator: BaseDatasetScoreEvaluator) -> Running | None:
    from sdialog.evaluation.runner import Running

    if not evaluator.verbose:
        return None
    import sys

    return Running(on_item=lambda done: print(f"\r{evaluator.name}: {done} dialogs", end="", file=sys.stderr))  # noqa: T201
