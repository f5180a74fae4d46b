"""Comparing sets of dialogs: a table with intervals and tests, and claims that are checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.comparison.attributes import Attribute
from sdialog.evaluation.comparison.claims import ClaimError, check_at_least, check_better
from sdialog.evaluation.comparison.making import Options, ScoreMean, check, make
from sdialog.evaluation.comparison.result import Comparison, Name
from sdialog.evaluation.comparison.samples import Facts, Sample, are_shares
from sdialog.evaluation.dataset import Dataset, read_datasets
from sdialog.evaluation.evaluators.base import BaseDatasetEvaluator, columns, evaluator_name
from sdialog.evaluation.evaluators.plotting import safe_name
from sdialog.evaluation.results import EvalResult
from sdialog.evaluation.runner import Running, score_dialogs

OUTPUTS = ("markdown", "table", "dict", "json", "dataframe", "latex", "html")
_PRINTED = ("markdown", "table")

__all__ = ["ClaimError", "Comparator", "DatasetComparator", "assert_at_least", "assert_better", "compare"]


class DatasetComparator:
    """Evaluates several sets of dialogs with the same evaluators, and tells real differences from chance.

    Args:
        evaluators: one or several evaluators of whole sets.

    Raises:
        UserError: if there is none.
        TypeError: if something is no evaluator.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanEvaluator, MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 2, 3), (7, 8, 9)))
        >>> comparator = DatasetComparator(MeanEvaluator(MeanTurnLengthScore()))
        >>> found = comparator({"short": short, "long": long}, output="dict")
        >>> found["long"], found.differences[0].difference
        ({'mean-mean-turn-length': 8.0}, 6.0)
    """

    def __init__(self, evaluators: BaseDatasetEvaluator | Sequence[BaseDatasetEvaluator]) -> None:
        given = list(evaluators) if isinstance(evaluators, Iterable) else [evaluators]
        if not given:
            raise UserError("a comparison needs at least one evaluator")
        for one in given:
            if not isinstance(one, BaseDatasetEvaluator):
                raise TypeError(
                    f"{type(one).__name__} is no evaluator of sets of dialogs"
                    f"{'; MeanEvaluator(score) makes one of a score' if isinstance(one, BaseDialogScore) else ''}"
                )
        self.evaluators = given

    def __call__(
        self,
        candidates: Any,
        digits: int = 2,
        output: str | type = "markdown",
        *,
        ci: bool | str = True,
        test: str | None = "auto",
        baseline: Name | None = None,
        alpha: float = 0.05,
        correction: str = "holm",
        cluster_by: Attribute | None = None,
        pair_by: Attribute | None = None,
        weights: Attribute | Mapping[str, Mapping[Any, float]] | None = None,
        by: Attribute | Sequence[Attribute] = (),
        seed: int = 0,
        running: Running | Callable[[Dataset], Running] | None = None,
    ) -> Any:
        """Compare sets of dialogs.

        Args:
            candidates: a dict from names to sets, a list of sets, or one set. A set is a list or iterator of dialogs,
                or the path of a file, a folder or a run folder.
            digits: digits after the point in what is printed.
            output: ``markdown`` or ``table`` print, and return the comparison as ``dict`` does; ``json``, ``latex`` and
                ``html`` return text, ``dataframe`` a pandas ``DataFrame``.
            ci: intervals and differences: True or False, or a method: ``t``, ``wilson`` (shares), ``bootstrap`` (BCa).
            test: ``auto`` pairs dialogs of equal ids or seeds, or clusters, and takes McNemar's test for pairs of zeros
                and ones and permutation tests for all else; ``permutation``, ``paired``, ``mcnemar``, or ``none``.
            baseline: the set that the others are compared with; default the first. ``all`` compares every pair.
            alpha: chance of finding a difference where there is none; intervals have the level 1 - alpha.
            correction: over all tests of the table: ``holm``, ``bh`` or ``none``.
            cluster_by: which dialogs belong together: ``scenario``, ``persona``, the name of an attribute, or a
                function; see :func:`sdialog.evaluation.comparison.attributes.attribute_of`.
            pair_by: what the dialogs of a pair have in common: ``index`` (their place), an attribute or a function.
            weights: an attribute or function that gives the weight of a dialog, or the population's margins, such as
                ``{"gender": {"woman": 0.5, "man": 0.5}}``. Means are then weighted, and tests are t tests.
            by: attributes by whose values the comparison is repeated.
            seed: seed of what is random.
            running: how to score, or a function from a set to that.

        Returns:
            A :class:`~sdialog.evaluation.comparison.result.Comparison`: a dict from each set's name to its numbers by
            column, and all that says how sure they are; or what ``output`` says.

        Raises:
            UserError: if an option is none, or does not fit the data.
        """
        kind = "dict" if output is dict else output
        if not isinstance(kind, str) or kind not in OUTPUTS:
            raise UnknownNameError("output", str(output), OUTPUTS)
        options = Options(
            ci, test or "none", baseline, alpha, correction, cluster_by, pair_by, weights,
            [by] if isinstance(by, str) or callable(by) else list(by), seed, running,
        )  # fmt: skip
        datasets = read_datasets(candidates)
        check(options, datasets)
        for evaluator in self.evaluators:
            forget = getattr(evaluator, "clear", None)
            if callable(forget):
                forget()
        return shown(make(self.evaluators, datasets, options), kind, digits)

    def plot(self, show: bool = True, save_folder_path: str | Path | None = None) -> dict[str, Any]:
        """Draw what the evaluators saw last.

        Args:
            show: show the figures, where there is a screen or a notebook.
            save_folder_path: folder for ``<evaluator's name>.png``; it is made.

        Returns:
            The figures by the names of the evaluators that draw.
        """
        figures = {}
        for name, one in zip(columns(map(evaluator_name, self.evaluators)), self.evaluators, strict=True):
            draw = getattr(one, "plot", None)
            if callable(draw):
                path = None if save_folder_path is None else Path(save_folder_path) / f"{safe_name(name)}.png"
                figures[name] = draw(show=show, save_path=path)
        return figures


Comparator = DatasetComparator


def compare(
    candidates: Any, scores: BaseDialogScore | BaseDatasetEvaluator | str | Sequence[Any] = (), **options: Any
) -> Comparison:
    """Compare sets of dialogs by scores and evaluators, without printing.

    Args:
        candidates: see :meth:`DatasetComparator.__call__`.
        scores: scores, of which the means are compared and which name the columns, names of scores, and evaluators of
            whole sets; default what :func:`sdialog.evaluation.overview.named_scores` takes as usual.
        options: ``ci test baseline alpha correction cluster_by pair_by weights by seed running`` of
            :meth:`DatasetComparator.__call__`.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 2, 3), (7, 8, 9)))
        >>> found = compare({"short": short, "long": long}, MeanTurnLengthScore())
        >>> print(found["short"]["mean-turn-length"], found.differences[0].p_value)
        2.0 0.1
    """
    from sdialog.evaluation.overview import named_scores

    asked = list(scores) if isinstance(scores, Iterable) and not isinstance(scores, str) else [scores]
    given = [found for one in asked for found in (named_scores([one]) if isinstance(one, str) else [one])]
    given = given or list(named_scores())
    evaluators = [ScoreMean(one) if isinstance(one, BaseDialogScore) else one for one in given]
    found: Comparison = DatasetComparator(evaluators)(candidates, output="dict", **options)
    return found


def assert_better(
    better: Any,
    than: Any,
    metric: BaseDialogScore,
    by: float = 0.0,
    alpha: float = 0.05,
    *,
    direction: str = "higher",
    test: str = "auto",
    pair_by: str | None = None,
    seed: int = 0,
    running: Running | None = None,
) -> None:
    """Check that one set of dialogs has a better mean score than another, and not only by chance.

    Args:
        better, than: sets of dialogs, or results of ``score_dialogs``.
        metric: the score; of results, its name.
        by: how much better at least, in the score's unit.
        alpha: how often such a claim may pass although it is false.
        direction: ``higher`` or ``lower``, whichever is better.
        test: ``auto`` pairs dialogs of equal ids or seeds; ``paired`` wants that, ``permutation`` does without.
        pair_by: ``index`` pairs dialogs by their places.
        seed: seed of what is random.
        running: how to score.

    Raises:
        ClaimError: if the numbers do not show it (also an ``AssertionError``); the message holds them.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> short, long = ([Dialog(turns=[Turn(text="word " * n)]) for n in sizes] for sizes in ((1, 2, 3), (7, 8, 9)))
        >>> assert_better(long, short, MeanTurnLengthScore(), by=3)
        >>> assert_better(long, short, MeanTurnLengthScore(), by=5)
        Traceback (most recent call last):
        ...
        sdialog.evaluation.comparison.claims.ClaimError: better is not shown to be better than the other in
        mean-turn-length by 5: the other 2, better 8; difference 6, of which the 95 % bound is 4.259 (t, n = 3 and 3);
        it has to be above 5
    """
    samples = [_sample(one, metric, running) for one in (than, better)]
    share = are_shares([one.result for one in samples])
    samples = [replace(one, share=share) for one in samples]
    check_better(
        samples[0], samples[1], ("the other", "better"), _metric_name(metric), by=by, alpha=alpha,
        direction=direction, test=test, pair_by=pair_by, seed=seed,
    )  # fmt: skip


def assert_at_least(
    dialogues: Any,
    metric: BaseDialogScore,
    threshold: float,
    alpha: float = 0.05,
    *,
    direction: str = "higher",
    running: Running | None = None,
) -> None:
    """Check that the mean score of a set of dialogs is at least a threshold, and not only by chance.

    Args:
        dialogues: a set of dialogs, or a result of ``score_dialogs``.
        metric: the score; of a result, its name.
        threshold: the least mean; with ``direction="lower"`` the greatest.
        alpha: how often such a claim may pass although it is false.
        direction: ``higher`` or ``lower``.
        running: how to score.

    Raises:
        ClaimError: if the numbers do not show it (also an ``AssertionError``); the message holds them.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> assert_at_least([Dialog(turns=[Turn(text="word " * n)]) for n in (7, 8, 9)], MeanTurnLengthScore(), 6)
    """
    sample = _sample(dialogues, metric, running)
    sample = replace(sample, share=are_shares([sample.result]))
    check_at_least(sample, "the set", _metric_name(metric), threshold, alpha=alpha, direction=direction)


def shown(found: Comparison, kind: str, digits: int) -> Any:
    """Return a comparison in the form asked for; the printed ones are printed, and the comparison returned."""
    if kind in _PRINTED:
        _print(found.markdown(digits) if kind == "markdown" else found.table(digits))
        return found
    if kind == "dict":
        return found
    if kind == "latex":
        return found.latex(digits)
    if kind == "json":
        import json

        return json.dumps(found.json(), ensure_ascii=False, indent=2, default=str)
    return found.html() if kind == "html" else found.dataframe()


def _print(text: str) -> None:
    # A console that cannot show a character shows an escape instead of failing.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(f"{text}\n".encode(encoding, "backslashreplace").decode(encoding))


def _metric_name(metric: Any) -> str:
    return metric if isinstance(metric, str) else str(metric.name)


def _sample(source: Any, metric: Any, running: Running | None) -> Sample:
    facts = Facts({})
    if isinstance(source, EvalResult):
        facts.size, facts.ids = len(source.items), [item.dialog_id for item in source.items]
        facts.noted = {"id": list(facts.ids), "seed": [None] * facts.size}
        return Sample(source, facts)
    if not isinstance(metric, BaseDialogScore):
        raise UserError(f"the metric is a score, such as MeanTurnLengthScore(), not {metric!r}")
    (result,) = score_dialogs([metric], facts.watch(Dataset(source)), running)
    return Sample(result, facts)
