"""Probes of a judge's habits: does the place decide, the length, the author, or chance?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError, EvaluationError, LLMError
from sdialog.core.sync import run
from sdialog.evaluation.base import Measured, Scoring
from sdialog.evaluation.judges.base import BaseLLMJudge
from sdialog.evaluation.judges.pairwise import LLMJudgePairwise
from sdialog.evaluation.judges.panel import JudgePanel
from sdialog.llm.wrapping import PatientScheduler
from sdialog.statistics.intervals import Interval, mean_interval

Pair = tuple[Dialog, Dialog]
_POINTS = {"a": 1.0, "tie": 0.5, "b": 0.0}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe found.

    Attributes:
        name: the probe.
        rate: the share it measures; None if no item could be judged.
        interval: its 95 % confidence interval; None for fewer than two items.
        n: how many items could be judged.
        n_missing: how many could not, because the model refused, could not tell or failed.
        neutral: what the rate of a judge without the habit would be, where that is known.
        details: further numbers.
    """

    name: str
    rate: float | None
    interval: Interval | None
    n: int
    n_missing: int
    neutral: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = "no value" if self.rate is None else f"{self.rate:.3g} {self.interval or ''}".strip()
        return f"{self.name}: {shown}, n = {self.n}, {self.n_missing} missing"


def order_probe(judge: LLMJudgePairwise, pairs: Iterable[Pair], *, concurrency: int = 32) -> ProbeResult:
    """Return how often a pairwise verdict changes when the two dialogs swap places.

    Args:
        judge: the judge.
        pairs: pairs of dialogs.
        concurrency: most calls under way at once.

    Returns:
        The rate of changes; ``details["first"]`` is the share of all single verdicts that are for the dialog shown
        first, a tie being half a verdict: one half for a judge to whom the place means nothing.

    Raises:
        ConfigError: if the judge does not compare two dialogs.

    Example:
        >>> from sdialog import Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> first = LLMJudgePairwise("Which is better?", model=ScriptedModel(['{"better": 1}']))
        >>> pairs = [(Dialog(turns=[Turn(text=f"Hi {n}")]), Dialog(turns=[Turn(text="Ho")])) for n in range(4)]
        >>> found = order_probe(first, pairs)
        >>> found.rate, found.details["first"]
        (1.0, 1.0)
    """
    found = _compared(judge, list(pairs), concurrency)
    changes = [None if one is None or one.value is None else float(not one.details["consistent"]) for one in found]
    places = [
        1.0 if orders["winner"] == own else 0.5 if orders["winner"] == "tie" else 0.0
        for one in found
        if one is not None and one.value is not None
        for order, own in (("a first", "a"), ("b first", "b"))
        for orders in (one.details["orders"][order],)
    ]
    details = {"first": sum(places) / len(places)} if places else {}
    return _result("order", changes, 0.0, details)


def verbosity_probe(
    judge: BaseLLMJudge,
    dialogs: Iterable[Dialog],
    pad: Callable[[Dialog], Dialog] | None = None,
    *,
    concurrency: int = 32,
) -> ProbeResult:
    """Return how often a judge prefers a dialog to which words were added that say nothing new.

    Args:
        judge: a pairwise judge, or one that gives numbers, for which the longer dialog must get more.
        dialogs: dialogs.
        pad: makes the longer one; the default says every turn twice.
        concurrency: most calls under way at once.

    Returns:
        The rate of preference for the longer one.

    Raises:
        ConfigError: if the judge gives labels, or several values.
    """
    given = list(dialogs)
    longer = [(pad or said_twice)(dialog) for dialog in given]
    if isinstance(judge, LLMJudgePairwise):
        found = _compared(judge, list(zip(longer, given, strict=True)), concurrency)
        prefers = [None if one is None or one.value is None else float(one.value == "a") for one in found]
    else:
        values = _values(judge, [*longer, *given], concurrency)
        wrong = next((value for value in values if isinstance(value, (str, Mapping))), None)
        if wrong is not None:
            raise ConfigError(f"{judge.name} gives {wrong!r:.60}, and the probe needs numbers; use a judge that scores")
        pairs = zip(values[: len(given)], values[len(given) :], strict=True)
        prefers = [None if more is None or less is None else float(more > less) for more, less in pairs]
    return _result("verbosity", prefers, 0.0)


def self_preference_probe(
    judge: LLMJudgePairwise,
    pairs: Iterable[Pair],
    human: Sequence[str] | None = None,
    *,
    concurrency: int = 32,
) -> ProbeResult:
    """Return how often a judge prefers dialogs of its own model, or how much more often than people do.

    Args:
        judge: the judge.
        pairs: pairs of a dialog by the judge's model and one by another author.
        human: verdicts of people on the pairs: ``a`` (the judge's own), ``b`` or ``tie``.
        concurrency: most calls under way at once.

    Returns:
        The rate at which its own wins, a tie being half a win, against one half; with human verdicts, the excess over
        theirs, against 0.

    Raises:
        ConfigError: if the human verdicts are not one a pair, or the judge does not compare two dialogs.
    """
    given = list(pairs)
    if human is not None and (len(human) != len(given) or not set(human) <= set(_POINTS)):
        raise ConfigError("human verdicts are one a pair, each 'a', 'b' or 'tie'")
    found = _compared(judge, given, concurrency)
    own = [None if one is None or one.value is None else _POINTS[one.value] for one in found]
    if human is None:
        return _result("self-preference", own, 0.5)
    excess = [None if won is None else won - _POINTS[said] for won, said in zip(own, human, strict=True)]
    return _result("self-preference", excess, 0.0)


def retest_probe(
    judge: BaseLLMJudge | JudgePanel, dialogs: Iterable[Dialog], repeats: int = 5, *, concurrency: int = 32
) -> ProbeResult:
    """Return how often two verdicts of a judge on one dialog differ, asked with different seeds.

    Args:
        judge: the judge.
        dialogs: dialogs.
        repeats: how often each is judged.
        concurrency: most calls under way at once.

    Returns:
        The mean over dialogs of the share of pairs of verdicts that differ; 0 for a judge that never changes its mind.

    Raises:
        ConfigError: if there are fewer than two repeats.
    """
    if repeats < 2:
        raise ConfigError(f"repeats is a whole number from 2 up, not {repeats}")
    given = list(dialogs)
    rounds = [_values(judge.with_seed(number), given, concurrency) for number in range(repeats)]
    return _result(
        "retest", [_differing([one for one in row if one is not None]) for row in zip(*rounds, strict=True)], 0.0
    )


def said_twice(dialog: Dialog) -> Dialog:
    """Return a dialog in which every turn says everything twice.

    Example:
        >>> from sdialog import Turn
        >>> said_twice(Dialog(turns=[Turn(text="Hi!")]))[0].text
        'Hi! Hi!'
    """
    turns = [turn.model_copy(update={"text": f"{turn.text} {turn.text}"}) for turn in dialog]
    return dialog.model_copy(update={"turns": turns})


def _differing(values: Sequence[Any]) -> float | None:
    """Return the share of pairs of values that differ; None for fewer than two values."""
    size = len(values)
    if size < 2:
        return None
    differing = sum(bool(values[i] != values[k]) for i in range(size) for k in range(i))
    return differing / (size * (size - 1) / 2)


def _compared(judge: LLMJudgePairwise, pairs: Sequence[Pair], concurrency: int) -> list[Measured | None]:
    if not isinstance(judge, LLMJudgePairwise):
        raise ConfigError(f"this probe is for judges that compare two dialogs, not {type(judge).__name__}")
    scoring = Scoring(PatientScheduler(concurrency))
    return run(_all([judge.compare(one, other, scoring, reason=False) for one, other in pairs]))


def _values(judge: BaseLLMJudge | JudgePanel, dialogs: Sequence[Dialog], concurrency: int) -> list[Any]:
    scoring = Scoring(PatientScheduler(concurrency))
    found = run(_all([judge.measure(dialog, scoring) for dialog in dialogs]))
    return [None if one is None else one.value for one in found]


async def _all(calls: Sequence[Coroutine[Any, Any, Measured]]) -> list[Measured | None]:
    """Await all; one that fails is None."""

    async def one(call: Coroutine[Any, Any, Measured]) -> Measured | None:
        try:
            return await call
        except (LLMError, EvaluationError):
            return None  # counted as missing

    return list(await asyncio.gather(*map(one, calls)))


def _result(
    name: str, values: Sequence[float | None], neutral: float, details: dict[str, Any] | None = None
) -> ProbeResult:
    known = [value for value in values if value is not None]
    rate = sum(known) / len(known) if known else None
    interval = mean_interval(known) if known else None
    return ProbeResult(name, rate, interval, len(known), len(values) - len(known), neutral, details or {})
