"""Repeated trials of the same tasks: does an agent pass once in k tries, and does it pass every one of k?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UserError
from sdialog.evaluation.results import EvalResult
from sdialog.evaluation.runner import Running, score_dialogs
from sdialog.evaluation.validators.state import task_of
from sdialog.statistics.intervals import Interval, bootstrap_interval, wilson_interval

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import BaseDialogScore


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that at least one of k trials passes: pass@k.

    It is 1 - C(n - c, k) / C(n, k), the unbiased estimate from n trials of which c passed (Chen et al., 2021,
    "Evaluating Large Language Models Trained on Code").

    Args:
        n: trials.
        c: trials that passed.
        k: how many are drawn, from 1 to n.

    Raises:
        UserError: if the numbers do not fit.

    Example:
        >>> pass_at_k(n=5, c=2, k=1), pass_at_k(n=5, c=2, k=2), pass_at_k(n=5, c=2, k=4)
        (0.4, 0.7, 1.0)
    """
    _check(n, c, k)
    return (math.comb(n, k) - math.comb(n - c, k)) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Return the chance that all of k trials pass: pass^k.

    It is C(c, k) / C(n, k), the unbiased estimate from n trials of which c passed (Yao et al., 2024, "tau-bench").

    Args:
        n: trials.
        c: trials that passed.
        k: how many are drawn, from 1 to n.

    Raises:
        UserError: if the numbers do not fit.

    Example:
        >>> pass_hat_k(n=5, c=4, k=1), pass_hat_k(n=5, c=4, k=2), pass_hat_k(n=5, c=4, k=5)
        (0.8, 0.6, 0.0)
    """
    _check(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


@dataclass(frozen=True, slots=True)
class Trials:
    """What the trials of one task gave.

    Attributes:
        task: the task's id.
        n: trials that count.
        passed: how many of them passed.
        missing: trials that do not count, since they have no value or were not made.
    """

    task: Hashable
    n: int
    passed: int
    missing: int = 0


class PassK:
    """pass^k and pass@k over tasks: the mean of each task's estimate, with an interval that draws whole tasks.

    Args:
        result: results of a score of 0 and 1, such as :class:`.StateValidator`'s.
        tasks: which task each item is a trial of, one an item; default what the score notes under
            ``details["task"]``, as :class:`.StateValidator` does.
        trials: how many trials each task should have, one number for all or a number by task; those that are not
            there, such as dialogs that failed, count as missing. Only a number by task tells of tasks that have no
            trial at all. None: as many as there are.
        missing: ``exclude`` trials without a value, or ``fail`` to count them as not passed.
        seed: seed of the bootstrap.

    Attributes:
        tasks: the trials of each task, in the order in which tasks appear.

    Raises:
        UserError: if a value is neither 0 nor 1, an item has no task, or a task has more trials than it should.

    Example:
        >>> from sdialog.evaluation import EvalResult, ItemResult
        >>> values = {"refund": [1, 1, 1, 1], "address": [1, 0, 1, 0], "cancel": [0, 0, 0, 0]}
        >>> items = [ItemResult(None, "", v, details={"task": task}) for task in values for v in values[task]]
        >>> trials = PassK(EvalResult("state", items))
        >>> [round(trials.hat(k), 3) for k in (1, 2, 4)], [round(trials.at(k), 3) for k in (1, 2, 4)]
        ([0.5, 0.389, 0.333], [0.5, 0.611, 0.667])
    """

    def __init__(
        self,
        result: EvalResult,
        tasks: Sequence[Hashable] | None = None,
        *,
        trials: int | Mapping[Hashable, int] | None = None,
        missing: Literal["exclude", "fail"] = "exclude",
        seed: int = 0,
    ) -> None:
        if missing not in ("exclude", "fail"):
            raise UserError(f"missing trials are to 'exclude' or to 'fail', not {missing!r}")
        self.name, self.missing, self._seed = result.name, missing, seed
        self.tasks = _grouped(result, tasks, trials, missing)

    @property
    def most(self) -> int:
        """The greatest k that every task has enough trials for; 0 if some task has none."""
        return min((trials.n for trials in self.tasks), default=0)

    @property
    def n_missing(self) -> int:
        """How many trials do not count, or count as failed, since they have no value."""
        return sum(trials.missing for trials in self.tasks)

    def hat(self, k: int) -> float:
        """Return pass^k: the share of tasks that k trials in a row would all pass.

        Raises:
            UserError: if a task has fewer than k trials; says which.
        """
        return _mean(self._values("hat", k))

    def at(self, k: int) -> float:
        """Return pass@k: the share of tasks that at least one of k trials would pass.

        Raises:
            UserError: if a task has fewer than k trials; says which.
        """
        return _mean(self._values("at", k))

    def ci(self, k: int, kind: Literal["hat", "at"] = "hat", level: float = 0.95) -> Interval | None:
        """Return an interval (BCa bootstrap) of :meth:`hat` or :meth:`at` for which whole tasks are drawn.

        It says how the number would differ with other tasks of the kind; with few tasks it is rough. Where every task
        has 0 or 1, it is Wilson's interval of a share instead: a bootstrap would call tasks that all passed certain.
        None for fewer than two tasks.

        Raises:
            UserError: as for :meth:`hat`.
            MissingDependencyError: if numpy or scipy is not installed.
        """
        values = self._values(kind, k)
        if len(values) > 1 and {*values} <= {0.0, 1.0}:
            return wilson_interval(int(sum(values)), len(values), level=level)
        return bootstrap_interval(values, level=level, seed=self._seed)

    def json(self, ks: Iterable[int] | None = None) -> dict[str, Any]:
        """Return a plain dict: the numbers for each k (default 1 up to :attr:`most`), and the trials of each task."""
        rows = [self._row(k) for k in (range(1, self.most + 1) if ks is None else ks)]
        return {
            "name": self.name,
            "tasks": {str(t.task): {"n": t.n, "passed": t.passed, "missing": t.missing} for t in self.tasks},
            "nMissing": self.n_missing,
            "missing": self.missing,
            "passK": rows,
        }

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.tasks)} tasks, {self.n_missing} trials missing"]
        for row in self.json()["passK"]:
            spans = [_span(row[f"{kind}Ci"]) for kind in ("hat", "at")]
            k = row["k"]
            lines.append(f"  pass^{k} {row['hat']:.3f}{spans[0]}  pass@{k} {row['at']:.3f}{spans[1]}")
        return "\n".join(lines)

    def _row(self, k: int) -> dict[str, Any]:
        row: dict[str, Any] = {"k": k, "hat": self.hat(k), "at": self.at(k)}
        for kind in ("hat", "at"):
            interval = self.ci(k, "hat" if kind == "hat" else "at")
            row[f"{kind}Ci"] = None if interval is None else interval.json()
        return row

    def _values(self, kind: str, k: int) -> list[float]:
        if not self.tasks:
            raise UserError(f"{self.name} has no trials, so there is no pass^k; score some dialogs first")
        short = [trials for trials in self.tasks if trials.n < k]
        if short:
            told = ", ".join(
                f"{t.task!r} has {t.n}" + (f" ({t.missing} more are missing)" if t.missing else "") for t in short[:3]
            )
            raise UserError(
                f"k = {k} needs {k} trials with a value of every task, and {told}"
                f"{', ...' if len(short) > 3 else ''}; make more trials, or take k up to {self.most}"
            )
        estimate = pass_hat_k if kind == "hat" else pass_at_k
        return [estimate(trials.n, trials.passed, k) for trials in self.tasks]


def pass_k(
    score: BaseDialogScore,
    dialogs: Iterable[Dialog],
    *,
    trials: int | Mapping[Any, int] | None = None,
    missing: Literal["exclude", "fail"] = "exclude",
    running: Running | None = None,
) -> PassK:
    """Score dialogs that are repeated trials of tasks.

    Dialogs are trials of the same task when they record the same task id (:func:`.task_of`): under ``task`` in their
    ``scenario``, where a scenario file with ``tasks`` puts it.

    Args:
        score: a score of 0 and 1.
        dialogs: the trials of all tasks, in any order; each is read once.
        trials, missing: as for :class:`PassK`.
        running: how the score is run.

    Raises:
        UserError: as for :class:`PassK`.
    """
    tasks: list[str | None] = []

    def noted() -> Iterable[Dialog]:
        for dialog in dialogs:
            tasks.append(task_of(dialog))
            yield dialog

    (result,) = score_dialogs([score], noted(), running)
    seed = 0 if running is None else running.seed
    return PassK(result, tasks, trials=trials, missing=missing, seed=seed)


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise UserError(f"{c} of {n} trials cannot have passed")
    if k != int(k) or not 1 <= k <= n:
        raise UserError(f"k is a whole number from 1 to the number of trials, {n}; not {k}")


def _grouped(
    result: EvalResult, tasks: Sequence[Hashable] | None, expected: int | Mapping[Hashable, int] | None, missing: str
) -> tuple[Trials, ...]:
    if tasks is not None and len(tasks) != len(result.items):
        raise UserError(f"{len(result.items)} items have {len(tasks)} tasks; give one task an item")
    by_task = expected if isinstance(expected, Mapping) else None
    values: dict[Hashable, list[Any]] = {task: [] for task in by_task or ()}
    for place, item in enumerate(result.items):
        task = item.details.get("task") if tasks is None else tasks[place]
        if task is None:
            raise UserError(
                f"dialog {item.dialog_id} does not say which task it is a trial of; record it as scenario "
                "{'task': {'id': ...}}, or give tasks, one an item"
            )
        if not item.missing and item.value not in (0, 1):
            raise UserError(f"{result.name} is {item.value!r} for dialog {item.dialog_id}; trials pass (1) or not (0)")
        if by_task is not None and task not in by_task:
            raise UserError(f"trials does not say how many trials task {task!r} should have; add it")
        values.setdefault(task, []).append(None if item.missing else int(item.value))
    wanted = {task: None if isinstance(expected, Mapping) else expected for task in values} | dict(by_task or {})
    return tuple(_trials(task, found, wanted[task], missing) for task, found in values.items())


def _trials(task: Hashable, values: Sequence[int | None], expected: int | None, missing: str) -> Trials:
    if expected is not None and len(values) > expected:
        raise UserError(f"task {task!r} has {len(values)} trials, more than the {expected} it should have")
    made = sum(value is not None for value in values)
    absent = (len(values) if expected is None else expected) - made
    return Trials(task, made + (absent if missing == "fail" else 0), sum(value or 0 for value in values), absent)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _span(interval: Mapping[str, Any] | None) -> str:
    return "" if interval is None else f" [{interval['low']:.3f}, {interval['high']:.3f}]"
