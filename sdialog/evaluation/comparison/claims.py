"""Claims about means that are checked: this is better than that, this is at least so much."""

from __future__ import annotations

import math

from sdialog.core.errors import EvaluationError, UserError
from sdialog.evaluation.comparison.differences import Testing, difference_of, least_p
from sdialog.evaluation.comparison.samples import Sample
from sdialog.evaluation.comparison.weighting import mean_of
from sdialog.statistics.intervals import Interval, mean_interval

BETTER = ("higher", "lower")


class ClaimError(EvaluationError, AssertionError):
    """A claim that the numbers do not show; the message holds them.

    Attributes:
        bound: the end of the interval that was looked at; None where there are too few dialogs.
        needed: what it would have to pass.
    """

    def __init__(self, message: str, bound: float | None = None, needed: float | None = None) -> None:
        super().__init__(message)
        self.bound, self.needed = bound, needed

    def __reduce__(self) -> tuple[type[ClaimError], tuple[str, float | None, float | None]]:
        return type(self), (str(self), self.bound, self.needed)


def check_better(
    than: Sample,
    better: Sample,
    names: tuple[str | int, str | int],
    column: str,
    *,
    by: float = 0.0,
    alpha: float = 0.05,
    direction: str = "higher",
    test: str = "auto",
    pair_by: str | None = None,
    seed: int = 0,
) -> None:
    """Raise unless the interval of the difference lies beyond ``by``.

    Args:
        than, better: the numbers.
        names: what the two sets are called, the worse one first.
        column: what was measured.
        by: how much better, in the column's unit.
        alpha: how often such a claim may pass although it is false. The interval is the one-sided one: the end of a
            two-sided interval of level 1 - 2 alpha.
        direction: ``higher`` or ``lower``, whichever is better.
        test: ``auto``, ``paired`` or ``permutation``; decides whether dialogs are paired.
        pair_by: ``index`` pairs dialogs by their places.
        seed: seed of what is random.

    Raises:
        ClaimError: if the numbers do not show it.
        UserError: if an option is none.
    """
    sign = _sign(direction, alpha)
    if pair_by not in (None, "index"):
        raise UserError(
            f"pair_by is 'index' here, not {pair_by!r}; compare(..., pair_by=...) pairs by anything, and what it "
            "returns has assert_better too"
        )
    how = Testing(test="permutation" if test == "permutation" else "none", key=pair_by, alpha=2 * alpha, seed=seed)
    found = difference_of(column, names, than, better, how)
    claim = f"{names[1]} is not shown to be better than {names[0]} in {column}{f' by {by:g}' if by else ''}"
    if found.interval is None or found.difference is None:
        raise ClaimError(f"{claim}: {found.note or 'there are too few dialogs'}; n = {found.n_b} and {found.n_a}")
    if found.interval.low == found.interval.high:
        units = (than.units, better.units) if found.pairs is None else (min(found.pairs, than.units), None)
        _check_enough(claim, least_p(*units) / 2, alpha)
    bound = sign * (found.interval.low if sign > 0 else found.interval.high)
    if bound > by:
        return
    count = f"{found.pairs} pairs" if found.pairs is not None else f"n = {found.n_b} and {found.n_a}"
    means = ", ".join(f"{name} {_mean(sample):.4g}" for name, sample in zip(names, (than, better), strict=True))
    raise ClaimError(
        f"{claim}: {means}; difference {found.difference:.4g}, of which the {100 * (1 - alpha):g} % bound is "
        f"{sign * bound:.4g} ({found.interval.method}, {count}); it has to be {'above' if sign > 0 else 'below'} "
        f"{sign * by:g}",
        sign * bound,
        sign * by,
    )


def check_at_least(
    sample: Sample,
    name: str | int,
    column: str,
    threshold: float,
    *,
    alpha: float = 0.05,
    direction: str = "higher",
) -> None:
    """Raise unless the interval of a mean lies at or beyond a threshold.

    Args:
        sample: the numbers.
        name: what the set is called.
        column: what was measured.
        threshold: the least mean, or with ``direction="lower"`` the greatest.
        alpha: how often such a claim may pass although it is false; see :func:`check_better`.
        direction: ``higher`` or ``lower``.

    Raises:
        ClaimError: if the numbers do not show it.
        UserError: if an option is none.
    """
    sign = _sign(direction, alpha)
    interval: Interval | None = None
    if sample.result.values:
        interval = _interval(sample, 1 - 2 * alpha)
    claim = f"{name} is not shown to have {'at least' if sign > 0 else 'at most'} {threshold:g} in {column}"
    if interval is None:
        raise ClaimError(f"{claim}: there are too few dialogs, n = {sample.result.n}")
    if interval.low == interval.high:
        _check_enough(claim, least_p(sample.units) / 2, alpha)
    bound = interval.low if sign > 0 else interval.high
    if sign * (bound - threshold) >= 0 or math.isclose(bound, threshold):
        return
    missing = f", {sample.result.n_missing} missing" if sample.result.n_missing else ""
    raise ClaimError(
        f"{claim}: mean {_mean(sample):.4g}, of which the {100 * (1 - alpha):g} % bound is {bound:.4g} "
        f"({interval.method}, n = {sample.result.n}{missing})",
        bound,
        threshold,
    )


def _interval(sample: Sample, level: float) -> Interval | None:
    if "weight" in sample.facts.noted:
        weighted = mean_of(sample, level)
        return None if weighted is None else weighted.interval
    method = "wilson" if sample.share and not sample.clustered else "t"
    return mean_interval(sample.result.values, sample.groups, level=level, method=method)


def _mean(sample: Sample) -> float:
    weighted = mean_of(sample, 0.95) if "weight" in sample.facts.noted else None
    return sample.result.mean if weighted is None else weighted.value


def _check_enough(claim: str, least: float, alpha: float) -> None:
    """Raise if chance alone would often make so few values equal: their interval without width shows nothing."""
    if least > alpha:
        raise ClaimError(f"{claim}: there are too few dialogs, and none of them vary")


def _sign(direction: str, alpha: float) -> int:
    if direction not in BETTER:
        raise UserError(f"better is {' or '.join(BETTER)}, not {direction!r}")
    if not 0 < alpha < 0.5:
        raise UserError(f"alpha is between 0 and 0.5, such as 0.05; not {alpha}")
    return 1 if direction == "higher" else -1
