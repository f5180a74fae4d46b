"""One set of dialogs against another: how large a difference, how sure, and what could have been found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import derive_seed
from sdialog.evaluation.comparison.samples import Pairs, Sample, pair_up
from sdialog.statistics.intervals import Interval, standard_error

if TYPE_CHECKING:
    from sdialog.statistics.hypotheses import Test

TESTS = ("auto", "permutation", "paired", "mcnemar", "none")
POWER = 0.8
# Draws of a permutation test: at first, and at most where many tests ask for smaller p-values than these can give.
_DRAWS, _MOST_DRAWS = 9_999, 199_999
# So many draws should be as extreme as the data at the strictest level of a correction.
_BEYOND = 10


@dataclass(frozen=True)
class Difference:
    """How much one set differs from another in the mean of one column.

    Attributes:
        column: name of the column.
        a, b: names of the sets; the difference is b less a.
        difference: of the means; for pairs, the mean of the differences.
        interval: of the difference.
        p_value: of a two-sided test.
        p_adjusted: the same, corrected for all tests of the table.
        test: which test it is.
        effects: sizes in units of spread, by name: ``hedges_g`` and ``cliffs_delta``, or ``cohens_h`` for shares.
        n_a, n_b: dialogs with a value.
        pairs: how many pairs were compared; None if the sets were compared as wholes.
        unit: what a pair is: ``dialog`` or ``cluster``.
        paired_by: what pairs have in common: ``id``, ``seed``, ``index``, ``pair`` (an attribute) or ``cluster``.
        detectable: difference that would be found four times of five, were it there.
        note: why something is missing.
    """

    column: str
    a: str | int
    b: str | int
    difference: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    test: str | None = None
    effects: Mapping[str, float | None] = field(default_factory=dict)
    n_a: int = 0
    n_b: int = 0
    pairs: int | None = None
    unit: str | None = None
    paired_by: str | None = None
    detectable: float | None = None
    note: str | None = None

    def significant(self, alpha: float = 0.05) -> bool | None:
        """Return whether the corrected p-value is at most alpha; None without one."""
        return None if self.p_adjusted is None else self.p_adjusted <= alpha

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "column": self.column,
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "ci": None if self.interval is None else self.interval.json(),
            "p": self.p_value,
            "pAdjusted": self.p_adjusted,
            "test": self.test,
            "effects": dict(self.effects),
            "nA": self.n_a,
            "nB": self.n_b,
            "pairs": self.pairs,
            "unit": self.unit,
            "pairedBy": self.paired_by,
            "detectable": self.detectable,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Testing:
    """How differences are tested.

    Attributes:
        test: ``auto`` pairs dialogs where it can, and takes McNemar's test (mid-p) for pairs of zeros and ones and
            permutation tests for all else; ``permutation`` compares the sets as wholes; ``paired`` and ``mcnemar``
            need pairs; ``none`` tests nothing.
        key: what pairs have in common; see :func:`sdialog.evaluation.comparison.samples.pair_up`.
        alpha: chance of finding a difference where there is none.
        method: of the intervals: ``auto``, ``t`` or ``bootstrap``.
        seed: seed of what is random.
        tests: how many tests are corrected together.
    """

    __test__ = False  # not a test case, whatever its name

    test: str = "auto"
    key: str | None = None
    alpha: float = 0.05
    method: str = "auto"
    seed: int = 0
    tests: int = 1

    def __post_init__(self) -> None:
        if self.test not in TESTS:
            raise UnknownNameError("test", str(self.test), TESTS)
        if not 0 < self.alpha < 1:
            raise UserError(f"alpha is between 0 and 1, such as 0.05; not {self.alpha}")


def difference_of(column: str, names: tuple[str | int, str | int], a: Sample, b: Sample, how: Testing) -> Difference:
    """Return how b's mean differs from a's.

    Raises:
        UserError: if a paired test was asked for and the dialogs do not pair up.
    """
    plain = Difference(column, *names, n_a=a.result.n, n_b=b.result.n)
    if not a.result.values or not b.result.values:
        empty = names[0] if not a.result.values else names[1]
        return replace(plain, note=f"{empty} has no value")
    if "weight" in a.facts.noted:
        from sdialog.evaluation.comparison.weighting import weighted_difference

        return weighted_difference(plain, a, b, how)
    pairs = None if how.test == "permutation" else pair_up(a, b, how.key)
    if pairs is None and how.key is not None and how.test in ("auto", "none"):
        return replace(plain, note="no two dialogs with a value have in common what pair_by= says")
    if pairs is None and how.test in ("paired", "mcnemar"):
        raise UserError(
            f"{names[0]} and {names[1]} do not pair up: a paired test needs dialogs with the same ids, seeds or "
            "clusters in both, or pair_by=, which says what pairs have in common"
        )
    found = _whole(plain, a, b, how) if pairs is None else _paired(plain, pairs, how, a.share and b.share)
    return replace(found, effects=_effects(a, b))


def _whole(plain: Difference, a: Sample, b: Sample, how: Testing) -> Difference:
    from sdialog.statistics.effects import difference_interval
    from sdialog.statistics.hypotheses import permutation_test

    first, second, seed = a.result.values, b.result.values, derive_seed(how.seed, plain.column, str(plain.b))
    # Without groups the test of two-valued numbers is exact.
    groups_a, groups_b = (None, None) if a.independent and b.independent else (a.groups, b.groups)
    interval = difference_interval(
        first, second, groups_a=groups_a, groups_b=groups_b, level=1 - how.alpha,
        method=_method(how, a.share and b.share and not a.clustered), seed=seed,
    )  # fmt: skip
    tested = None
    if how.test != "none":
        tested = _fine_enough(
            lambda draws: permutation_test(
                first, second, groups_a=groups_a, groups_b=groups_b, resamples=draws, seed=seed
            ),
            how,
        )
    least = least_p(a.units, b.units)
    error_a, error_b = standard_error(first, groups_a), standard_error(second, groups_b)
    return replace(
        plain,
        difference=b.result.mean - a.result.mean,
        interval=interval,
        p_value=None if tested is None else tested.p_value,
        test=None if tested is None else tested.method,
        detectable=None
        if error_a is None or error_b is None or (tested is not None and least > how.alpha)
        else detectable(math.hypot(error_a, error_b), how.alpha),
        note=_too_few(interval, tested, least, how.alpha, "independent dialogs"),
    )


def _paired(plain: Difference, pairs: Pairs, how: Testing, share: bool) -> Difference:
    from sdialog.statistics.effects import difference_interval
    from sdialog.statistics.hypotheses import mcnemar_test, paired_permutation_test

    shares = share and pairs.groups is None and pairs.unit == "dialog"
    if how.test == "mcnemar" and not shares:
        raise UserError(f"McNemar's test is for pairs of single zeros and ones without clusters; {plain.column} is not")
    seed = derive_seed(how.seed, plain.column, str(plain.b))
    tested = None
    if shares and how.test in ("auto", "mcnemar"):
        tested = mcnemar_test([int(x) for x in pairs.a], [int(x) for x in pairs.b], method="mid-p")
    elif how.test != "none":
        tested = _fine_enough(
            lambda draws: paired_permutation_test(pairs.a, pairs.b, groups=pairs.groups, resamples=draws, seed=seed),
            how,
        )
    interval = difference_interval(
        pairs.a, pairs.b, groups_a=pairs.groups, groups_b=pairs.groups, paired=True, level=1 - how.alpha,
        method=_method(how, shares), seed=seed,
    )  # fmt: skip
    away = [second - first for first, second in zip(pairs.a, pairs.b, strict=True)]
    least = least_p(len(away) if pairs.groups is None else len(set(pairs.groups)))
    if shares:  # the mid-p counts half of it
        least /= 2
    error = standard_error(away, pairs.groups)
    return replace(
        plain,
        difference=math.fsum(away) / len(away),
        interval=interval,
        p_value=None if tested is None else tested.p_value,
        test=None if tested is None else tested.method,
        pairs=len(away),
        unit=pairs.unit,
        paired_by=pairs.key,
        detectable=None
        if error is None or (tested is not None and least > how.alpha)
        else detectable(error, how.alpha),
        note=_too_few(interval, tested, least, how.alpha, "pairs"),
    )


def least_p(units_a: int, units_b: int | None = None) -> float:
    """Return the smallest two-sided p-value that a permutation test of so few units can give.

    Args:
        units_a: how many independent units there are, or pairs of them.
        units_b: how many the other set has; None for pairs.

    Example:
        >>> least_p(3, 3), least_p(5)
        (0.1, 0.0625)
    """
    if units_b is None:
        return min(1.0, 2.0 ** (1 - units_a))
    ways = math.comb(min(units_a + units_b, 60), min(units_a, units_b, 30))
    return min(1.0, (2 if units_a == units_b else 1) / ways)


def _too_few(interval: Interval | None, tested: Test | None, least: float, alpha: float, what: str) -> str | None:
    if interval is None:
        return f"too few {what} for an interval"
    if tested is not None and least > alpha:
        return f"too few {what} for a test: its p-value cannot be below {least:.2g}"
    return None


def _fine_enough(test: Callable[[int], Test | None], how: Testing) -> Test | None:
    """Return what a permutation test finds; small p-values are drawn anew, finer, where many tests are corrected.

    A p-value of random draws is at least one in their number, which a correction for more tests than alpha times that
    would never let through.
    """
    found = test(_DRAWS)
    needed = min(_MOST_DRAWS, math.ceil(_BEYOND * how.tests / how.alpha))
    if found is None or needed <= _DRAWS or found.method.startswith("exact") or found.p_value > _BEYOND / _DRAWS:
        return found
    return test(needed)


def detectable(error: float, alpha: float, power: float = POWER) -> float | None:
    """Return the difference that a test finds with some power, from the standard error of the difference.

    Bloom (1995), Evaluation Review 19(5): ``(z(1 - alpha / 2) + z(power)) * error``. None for an error of 0, which
    says that nothing varied, not that everything would be found.

    Example:
        >>> round(detectable(0.1, 0.05), 3)
        0.28
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * error if error > 0 else None


def corrected(found: Sequence[Difference], correction: str) -> list[Difference]:
    """Return differences with p-values corrected for all of them together."""
    from sdialog.statistics.corrections import adjust

    adjusted = adjust([one.p_value for one in found], correction)
    return [replace(one, p_adjusted=value) for one, value in zip(found, adjusted, strict=True)]


def _effects(a: Sample, b: Sample) -> dict[str, float | None]:
    from sdialog.statistics.effects import cliffs_delta, cohens_h, hedges_g

    if a.share and b.share:
        return {"cohens_h": cohens_h(a.result.mean, b.result.mean)}
    first, second = list(a.by_dialog().values()), list(b.by_dialog().values())
    return {"hedges_g": hedges_g(first, second), "cliffs_delta": cliffs_delta(first, second)}


def _method(how: Testing, shares: bool) -> str:
    """Return the method of an interval of a difference: Wilson's and ``auto`` mean Newcombe's for shares, else t."""
    if how.method == "bootstrap" or how.method == "t":
        return how.method
    return "newcombe" if shares else "t"
