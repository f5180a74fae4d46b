"""When a judge should rather not answer, so that the answers it gives are right often enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.statistics.corrections import adjust
from sdialog.statistics.intervals import Interval, wilson_interval
from sdialog.statistics.resampling import numbers

GUARANTEES = ("answered", "wrong")
_STEPS = 10


@dataclass(frozen=True, slots=True)
class Abstention:
    """Below which score a judge abstains.

    Attributes:
        threshold: it answers where its score is at least this; None where no threshold can be vouched for.
        guarantee: what is vouched for, in words.
        n: number of labelled items it was chosen on.
        n_answered: how many of them are answered.
        n_errors: how many of these are wrong.
        answered: interval of the share of items that are answered; None with the threshold.
    """

    threshold: float | None
    guarantee: str
    n: int
    n_answered: int
    n_errors: int
    answered: Interval | None

    def answers(self, score: float) -> bool:
        """Whether an item of this score is answered."""
        return self.threshold is not None and score >= self.threshold

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        unbounded = self.threshold is not None and math.isinf(self.threshold)
        return {
            "threshold": None if unbounded else self.threshold,
            "answersAll": unbounded,
            "guarantee": self.guarantee,
            "n": self.n,
            "nAnswered": self.n_answered,
            "nErrors": self.n_errors,
            "answered": None if self.answered is None else self.answered.json(),
        }

    def __str__(self) -> str:
        if self.threshold is None:
            return f"abstain always: on {self.n} labelled items no threshold ensures that {self.guarantee}"
        where = "answer all" if math.isinf(self.threshold) else f"abstain below {self.threshold:.4g}"
        return f"{where}: {self.n_answered} of {self.n} answered, {self.n_errors} wrong; {self.guarantee}"


def abstain_below(
    scores: Sequence[float],
    correct: Sequence[bool],
    *,
    max_error: float = 0.1,
    confidence: float = 0.95,
    guarantee: str = "answered",
) -> Abstention:
    """Choose from labelled items the score below which a judge abstains; the bound holds for finitely many of them.

    ``answered`` bounds how often an answer is wrong. Ten thresholds, laid by the scores alone, are each tested by the
    exact binomial tail of their errors, with Holm's correction, and the lowest that passes is taken; with the stated
    confidence over the choice of labelled items, at most ``max_error`` of the answers to new ones are wrong (Geifman
    and El-Yaniv, 2017; Angelopoulos et al., Learn then Test, 2021).

    ``wrong`` bounds how often an item on which the judge is wrong is answered nonetheless, by the split-conformal
    quantile of the wrong items' scores (Vovk, Gammerman and Shafer, 2005): the chance is at most ``max_error`` over
    labelled and new items together.

    Both hold for new items that come from where the labelled ones came from, and for those used for nothing else.

    Args:
        scores: how sure the judge is of each labelled item, higher for surer.
        correct: whether it is right.
        max_error: the bound, between 0 and 1.
        confidence: how sure the bound is, for ``answered``.
        guarantee: ``answered`` or ``wrong``.

    Raises:
        UserError: if the two are not equally long, a score is missing, or a bound is not between 0 and 1.
        UnknownNameError: if the guarantee is none.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> scores = [n / 200 for n in range(200)]
        >>> found = abstain_below(scores, [score > 0.3 or n % 2 == 0 for n, score in enumerate(scores)])
        >>> print(found)
        abstain below 0.28: 143 of 200 answered, 2 wrong; 95 % sure that at most 10 % of answers are wrong
        >>> found.answers(0.9), found.answers(0.1)
        (True, False)
    """
    if guarantee not in GUARANTEES:
        raise UnknownNameError("guarantee", guarantee, GUARANTEES)
    if len(scores) != len(correct):
        raise UserError(f"{len(scores)} scores have {len(correct)} labels; give one of each for every item")
    if not (0 < max_error < 1 and 0 < confidence < 1):
        raise UserError("max_error and confidence are between 0 and 1")
    known, right = numbers(scores, "scores"), [bool(label) for label in correct]
    if guarantee == "wrong":
        promise = f"at most {100 * max_error:g} % of the items it is wrong on are answered"
        threshold = _conformal(
            [score for score, good in zip(known.tolist(), right, strict=True) if not good], max_error
        )
    else:
        promise = f"{100 * confidence:g} % sure that at most {100 * max_error:g} % of answers are wrong"
        threshold = _tested(known.tolist(), right, max_error, 1 - confidence)
    if threshold is None:
        return Abstention(None, promise, len(right), 0, 0, None)
    answered = [good for score, good in zip(known.tolist(), right, strict=True) if score >= threshold]
    share = wilson_interval(len(answered), len(right))
    return Abstention(threshold, promise, len(right), len(answered), answered.count(False), share)


def _conformal(wrong: list[float], max_error: float) -> float | None:
    """Return the number just above the conformal quantile of the scores of wrong items."""
    rank = math.ceil((len(wrong) + 1) * (1 - max_error))
    return math.nextafter(sorted(wrong)[rank - 1], math.inf) if rank <= len(wrong) else None


def _tested(scores: list[float], correct: list[bool], max_error: float, delta: float) -> float | None:
    """Return the lowest threshold whose errors are significantly fewer than ``max_error``."""
    stats = need("scipy.stats", extra="metrics", why="choose when to abstain")
    ordered = sorted(zip(scores, correct, strict=True), reverse=True)
    size = len(ordered)
    fewest = math.ceil(math.log(delta) / math.log(1 - max_error))
    if size < fewest:
        return None
    ranks = sorted({round(fewest + (size - fewest) * step / (_STEPS - 1)) for step in range(_STEPS)})
    thresholds, p_values = [], list[float | None]()
    for rank in ranks:
        # Given the score at a rank, the items above it are a sample of all that lie above: their errors are binomial.
        limit = ordered[rank][0] if rank < size else -math.inf
        above = [good for score, good in ordered if score > limit]
        thresholds.append(limit if rank == size else math.nextafter(limit, math.inf))
        p_values.append(float(stats.binom.cdf(above.count(False), len(above), max_error)) if above else 1.0)
    passed = [
        limit
        for limit, chance in zip(thresholds, adjust(p_values), strict=True)
        if chance is not None and chance <= delta
    ]
    return min(passed, default=None)
