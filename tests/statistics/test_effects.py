"""Effect sizes and intervals of differences give the numbers of their papers."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.statistics.effects import (
    cliffs_delta,
    cohens_h,
    difference_interval,
    hedges_g,
    newcombe_interval,
    paired_newcombe_interval,
)

NUMBERS = st.lists(st.floats(-100, 100), min_size=2, max_size=20)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, 873, table II, method 10
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
        ((0, 20), (0, 10), -0.1611, 0.2775),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_interval(a: tuple[int, int], b: tuple[int, int], low: float, high: float) -> None:
    assert newcombe_interval(*a, *b)[:2] == pytest.approx((low, high), abs=5e-5)


def test_newcombes_interval_of_pairs() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 2635: 36 both, 12 and 2 one only, method 10.
    b, a = [1] * 36 + [1] * 12 + [0] * 2, [1] * 36 + [0] * 12 + [1] * 2
    found = paired_newcombe_interval(a, b)
    assert found is not None and found[:2] == pytest.approx((0.0569, 0.3404), abs=5e-5)
    assert difference_interval(a, b, paired=True) == found
    alike = difference_interval([1] * 20, [1] * 20, paired=True)
    assert alike is not None and alike.low < 0 < alike.high, "a tie on few items is no proof of a tie"


def test_hedges_g_is_the_standardised_difference_less_the_bias_of_few_values() -> None:
    a, b = [3.0, 5.0, 4.0, 8.0, 6.0], [7.0, 9.0, 6.0, 8.0, 11.0, 9.0]
    pooled = math.sqrt((4 * numpy.var(a, ddof=1) + 5 * numpy.var(b, ddof=1)) / 9)
    found = hedges_g(a, b)
    # Hedges (1981): the exact factor for 9 degrees of freedom is 0.9139 (his approximation gives 1 - 3 / 35).
    assert found == pytest.approx((numpy.mean(b) - numpy.mean(a)) / pooled * 0.9139, abs=1e-3)
    assert hedges_g([1.0, 1.0], [1.0, 1.0]) is None and hedges_g([1.0], [2.0, 3.0]) is None


def test_cohens_h_is_that_of_his_table() -> None:
    # Cohen (1988), table 6.2.2: phi is 1.571 for a share of .50, 1.982 for .70, 2.498 for .90.
    assert cohens_h(0.5, 0.7) == pytest.approx(1.982 - 1.571, abs=1e-3)
    assert cohens_h(0.9, 0.5) == pytest.approx(1.571 - 2.498, abs=1e-3)
    with pytest.raises(UserError, match="no share"):
        cohens_h(0.5, 70)


@given(NUMBERS, NUMBERS)
def test_cliffs_delta_counts_pairs(a: list[float], b: list[float]) -> None:
    by_hand = sum((y > x) - (y < x) for x in a for y in b) / (len(a) * len(b))
    assert cliffs_delta(a, b) == pytest.approx(by_hand)
    assert cliffs_delta(b, a) == pytest.approx(-by_hand)
    assert cliffs_delta(a, []) is None


def test_the_t_interval_is_welchs() -> None:
    from scipy import stats

    draw = numpy.random.Generator(numpy.random.PCG64(2))
    a, b = draw.normal(0, 1, size=12), draw.normal(1, 4, size=30)
    theirs = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    found = difference_interval(a.tolist(), b.tolist())
    assert found is not None and found[:2] == pytest.approx((theirs.low, theirs.high))


def test_the_bootstrap_interval_is_scipys() -> None:
    from scipy import stats

    draw = numpy.random.Generator(numpy.random.PCG64(3))
    a, b = draw.gamma(1.0, 2.0, size=25), draw.gamma(1.0, 3.0, size=60)
    theirs = stats.bootstrap(
        (b, a), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=40_000, method="BCa", rng=1
    ).confidence_interval
    found = difference_interval(a.tolist(), b.tolist(), method="bootstrap", resamples=40_000)
    assert found is not None and found[:2] == pytest.approx((theirs.low, theirs.high), abs=0.05)


def test_values_that_are_told_twice_make_nothing_surer_once_they_are_grouped() -> None:
    a, b = [1.0, 2.0, 4.0, 3.0], [4.0, 6.0, 5.0, 9.0]
    ids = [0, 1, 2, 3] * 5
    for method in ("t", "bootstrap"):
        alone = difference_interval(a, b, method=method)
        grouped = difference_interval(a * 5, b * 5, groups_a=ids, groups_b=ids, method=method)
        assert alone is not None and grouped is not None
        assert grouped[:2] == pytest.approx(alone[:2]), method
    paired = difference_interval(a * 5, b * 5, groups_a=ids, paired=True)
    assert paired is not None and paired[:2] == pytest.approx((difference_interval(a, b, paired=True) or (0, 0))[:2])


def test_what_does_not_fit_is_refused() -> None:
    assert difference_interval([1.0], [1.0, 2.0]) is None
    with pytest.raises(UserError, match="pairs need one of each"):
        difference_interval([1.0], [1.0, 2.0], paired=True)
    with pytest.raises(UserError, match="one group each"):
        difference_interval([1.0, 2.0], [1.0, 2.0], groups_b=[1, 2], paired=True)
    with pytest.raises(UserError, match="Newcombe's interval is for"):
        difference_interval([1.0, 2.0], [1.0, 2.0], method="newcombe")
    with pytest.raises(UnknownNameError, match="did you mean 'newcombe'"):
        difference_interval([1.0, 2.0], [1.0, 2.0], method="newcomb")


def test_equal_numbers_have_no_spread_also_where_their_mean_is_rounded() -> None:
    # The mean of three times 0.1 is not 0.1 in binary.
    assert hedges_g([0.1] * 3, [0.2] * 3) is None and hedges_g([1e-9] * 3, [2e-9] * 3) is None
    assert hedges_g([1e9, 1e9 + 1, 1e9 + 2], [1e9 + 1, 1e9 + 2, 1e9 + 3]) == pytest.approx(0.797885)
    with pytest.raises(UserError, match=r"a\[1\] is nan"):
        hedges_g([1.0, math.nan], [1.0, 2.0])


def test_a_bootstrap_of_pairs_draws_as_many_samples_as_asked_for() -> None:
    a, b = [1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 5.0, 9.0]
    few, many = (difference_interval(a, b, paired=True, method="bootstrap", resamples=n) for n in (10, 5000))
    assert few is not None and many is not None and few != many


def test_pairs_and_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="one of each for every item"):
        paired_newcombe_interval([1], [1, 0])
    with pytest.raises(UserError, match="zeros and ones"):
        paired_newcombe_interval([1, 2, 0], [1, 0, 0])
    with pytest.raises(UserError, match="3 values have 2 groups"):
        difference_interval([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], groups_a=[0, 1])
