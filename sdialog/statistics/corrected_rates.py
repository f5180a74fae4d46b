"""Rates as humans would give them, from what a judge says of many items and humans of a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.statistics.intervals import Interval
from sdialog.statistics.resampling import check_level, numbers

_WHY = "correct the rates of a judge"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A corrected rate or mean.

    Attributes:
        value: the estimate; None where it cannot be had.
        interval: its interval, which takes into account that the labelled sample is small; None with the value.
        n: number of judged items.
        n_labelled: number of items with a human label.
        method: how it was computed.
        reason: why there is no value.
    """

    value: float | None
    interval: Interval | None
    n: int
    n_labelled: int
    method: str
    reason: str | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "value": self.value,
            "interval": None if self.interval is None else self.interval.json(),
            "n": self.n,
            "nLabelled": self.n_labelled,
            "method": self.method,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.method}: no value ({self.reason})"
        sure = "" if self.interval is None else f" {self.interval}"
        return f"{self.method}: {self.value:.3g}{sure}, n = {self.n}, {self.n_labelled} labelled"


def rogan_gladen(
    judged_positive: int, judged_n: int, human: Sequence[int], judge: Sequence[int], *, level: float = 0.95
) -> Estimate:
    """Return the share of positives, corrected for how often the judge is wrong each way (Rogan and Gladen, 1978).

    The interval is that of Lang and Reiczigel (2014), which knows that sensitivity and specificity are estimates too.
    The labelled items may be chosen by their human label, such as equally many of both; they need not be a random
    sample of the judged ones.

    Args:
        judged_positive: how many items the judge calls positive.
        judged_n: how many it judged.
        human: 1 or 0 for each labelled item.
        judge: the judge's 1 or 0 for the same items.
        level: between 0 and 1.

    Returns:
        The estimate, between 0 and 1. It has no value where the labelled sample lacks positives or negatives, the
        judge is no better on it than chance, or it calls a share positive that no true share explains, as when it errs
        in other ways on the labelled items than on the judged ones.

    Raises:
        UserError: if labels are other than zeros and ones, the two are not equally long, or the counts are no share.

    Example:
        >>> human, judge = [1] * 100 + [0] * 100, [1] * 90 + [0] * 10 + [1] * 20 + [0] * 80
        >>> print(rogan_gladen(550, 1000, human, judge))
        Rogan-Gladen: 0.5 [0.414, 0.583] (95 %, Lang-Reiczigel), n = 1000, 200 labelled
    """
    check_level(level)
    _check_labels(human, judge)
    if not 0 <= judged_positive <= judged_n or judged_n < 1:
        raise UserError(f"{judged_positive} positives of {judged_n} judged items is no share")
    method, n = "Rogan-Gladen", len(human)
    positives = sum(human)
    negatives = n - positives
    if not positives or not negatives:
        lacking = "positives" if not positives else "negatives"
        return Estimate(None, None, judged_n, n, method, f"the labelled sample has no {lacking}")
    hits = sum(x == y == 1 for x, y in zip(human, judge, strict=True))
    passes = sum(x == y == 0 for x, y in zip(human, judge, strict=True))
    youden = hits / positives + passes / negatives - 1
    if youden <= 0:
        return Estimate(None, None, judged_n, n, method, "the judge is no better than chance on the labelled sample")
    value = (judged_positive / judged_n + passes / negatives - 1) / youden
    interval = _lang_reiczigel(judged_positive, judged_n, (hits, positives), (passes, negatives), level)
    if interval is None:
        most, least = hits / positives, 1 - passes / negatives
        said = f"the judge calls {judged_positive / judged_n:.3g} positive, and by the labelled sample {least:.3g} to "
        return Estimate(None, None, judged_n, n, method, f"{said}{most:.3g} are possible: they do not go together")
    return Estimate(min(1.0, max(0.0, value)), interval, judged_n, n, method)


def _lang_reiczigel(
    positive: int, judged: int, sensitivity: tuple[int, int], specificity: tuple[int, int], level: float
) -> Interval | None:
    """Return the interval, with the pseudo-observations that Lang and Reiczigel add to each of the three shares.

    None where it lies outside of all shares.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    n = judged + z * z
    share = (positive + z * z / 2) / n
    of_se, of_sp = sensitivity[1] + 2, specificity[1] + 2
    se, sp = (sensitivity[0] + 1) / of_se, (specificity[0] + 1) / of_sp
    youden = se + sp - 1
    if youden <= 0:
        return Interval(0.0, 1.0, level, "Lang-Reiczigel")
    value = (share + sp - 1) / youden
    noise_se, noise_sp = se * (1 - se) / of_se, sp * (1 - sp) / of_sp
    shift = 2 * z * z * (value * noise_se - (1 - value) * noise_sp)
    reach = z / youden * math.sqrt(share * (1 - share) / n + value**2 * noise_se + (1 - value) ** 2 * noise_sp)
    low, high = (value + shift + side * reach for side in (-1, 1))
    if high < 0 or low > 1:
        return None
    low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, level, "Lang-Reiczigel")


def prediction_powered_mean(
    human: Sequence[float],
    judged_labelled: Sequence[float],
    judged_all: Sequence[float],
    *,
    level: float = 0.95,
    tuned: bool = True,
) -> Estimate:
    """Return the mean humans would give to all items: prediction-powered inference (Angelopoulos et al., 2023).

    The judge's mean over all items is moved by what it errs on the labelled ones. Tuned, it counts only as much as it
    helps (PPI++, Angelopoulos, Duchi and Zrnic, 2023), so that a useless judge does no harm. It does not matter in
    which way the judge errs, but the labelled items must be a random sample of all.

    Args:
        human: a number (1 or 0, or a score) for each labelled item.
        judged_labelled: the judge's number for the same items.
        judged_all: the judge's numbers for all items, the labelled ones among them.
        level: between 0 and 1.
        tuned: whether to weigh the judge by how well it follows the humans; else it counts fully.

    Returns:
        The estimate, between 0 and 1 where all numbers are zeros and ones. It has no value for fewer than three
        labelled items, or where no share between 0 and 1 goes together with what the judge says of the labelled items
        and of all.

    Raises:
        UserError: if human and judged_labelled are not equally long, or there are fewer items than labelled ones.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> found = prediction_powered_mean([1, 0, 1, 1, 0, 1], [1, 0, 1, 1, 0, 0], [1, 0, 1, 1, 0, 0] + [1, 0] * 20)
        >>> print(found)
        PPI++: 0.667 [0.137, 1] (95 %, t), n = 46, 6 labelled
    """
    check_level(level)
    numpy, stats = (need(name, extra="metrics", why=_WHY) for name in ("numpy", "scipy.stats"))
    truth, guess = numbers(human, "human"), numbers(judged_labelled, "judged_labelled")
    everything = numbers(judged_all, "judged_all")
    if len(truth) != len(guess):
        raise UserError(f"{len(truth)} human labels and {len(guess)} of the judge are not of the same items")
    if len(everything) < len(guess):
        raise UserError("judged_all holds fewer items than are labelled; it should hold the labelled ones too")
    n, total, method = len(truth), len(everything), "PPI++" if tuned else "PPI"
    if n < 3:
        return Estimate(None, None, total, n, method, "fewer than three items are labelled")
    weight = 1.0
    if tuned:
        varies = float(numpy.var(guess, ddof=1))
        weight = float(numpy.cov(truth, guess)[0, 1]) / varies if varies > 0 else 0.0
    value = float((truth - weight * guess).mean() + weight * everything.mean())
    free = n - 2 if tuned and weight else n - 1
    shares = all(number in (0, 1) for side in (truth, guess, everything) for number in side.tolist())
    variance = _ppi_variance(truth, guess, everything, weight, free, shares)
    reach = float(stats.t.ppf(0.5 + level / 2, free)) * math.sqrt(max(0.0, variance))
    # The pseudo-observations of the variance move the middle of the interval, too: else it misses rare positives.
    shift = (1 - weight - 2 * float((truth - weight * guess).mean())) / (n + 2) if shares else 0.0
    low, high = value + shift - reach, value + shift + reach
    if shares:
        if high <= 0 or low >= 1:
            said = f"the judge's mean is {everything.mean():.3g} over all items and {guess.mean():.3g} over the"
            return Estimate(None, None, total, n, method, f"{said} labelled: they are no random sample of all")
        value, low, high = (min(1.0, max(0.0, number)) for number in (value, low, high))
    return Estimate(value, Interval(low, high, level, "t"), total, n, method)


def _ppi_variance(truth: Any, guess: Any, everything: Any, weight: float, free: int, shares: bool) -> float:
    """Return the variance of a prediction-powered mean whose labelled items are among all.

    Zeros and ones get half a pseudo-observation of each of the four pairs (Agresti and Min, 2005), as a judge that made
    no mistake on a few items may still make some.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    n, times = len(truth), numpy.ones(len(truth))
    if shares:
        truth, guess = numpy.append(truth, [0, 0, 1, 1]), numpy.append(guess, [0, 1, 0, 1])
        times = numpy.append(times, [0.5] * 4)
    rest = truth - weight * guess
    rest = rest - numpy.average(rest, weights=times)
    guess = guess - numpy.average(guess, weights=times)
    extra = float(times.sum()) - n
    spread = float((times * rest**2).sum()) / (free + extra) / (n + extra)
    # The labelled items are among all, so the errors of the two means go together.
    both = float((times * rest * guess).sum()) / (n - 1 + extra)
    return spread + (2 * weight * both + weight**2 * float(numpy.var(everything, ddof=1))) / len(everything)


def _check_labels(human: Sequence[int], judge: Sequence[int]) -> None:
    if len(human) != len(judge):
        raise UserError(f"{len(human)} human labels and {len(judge)} of the judge are not of the same items")
    if any(label not in (0, 1) for label in (*human, *judge)):
        raise UserError("rates are corrected from zeros and ones; prediction_powered_mean takes other numbers")
