"""Tests of differences: exact where they can be, never 0, blind to order, and right about groups."""

from __future__ import annotations

import itertools

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.statistics.corrections import adjust
from sdialog.statistics.hypotheses import mcnemar_test, paired_permutation_test, permutation_test

SMALL = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=5)


def by_hand(a: list[float], b: list[float]) -> float:
    both, seen, hits, ways = a + b, abs(numpy.mean(b) - numpy.mean(a)), 0, 0
    for picks in itertools.combinations(range(len(both)), len(b)):
        inside = [both[place] for place in picks]
        outside = [value for place, value in enumerate(both) if place not in picks]
        hits += abs(numpy.mean(inside) - numpy.mean(outside)) >= seen - 1e-9
        ways += 1
    return hits / ways


@given(SMALL, SMALL)
@settings(max_examples=60, deadline=None)
def test_an_exact_test_goes_through_all_ways(a: list[float], b: list[float]) -> None:
    found = permutation_test(a, b)
    assert found is not None and "exact" in found.method
    assert found.p_value == pytest.approx(by_hand(a, b))
    turned = permutation_test(b, a)
    assert turned is not None and turned.p_value == pytest.approx(found.p_value)
    assert turned.difference == pytest.approx(-found.difference)


def test_darwins_maize_gives_fishers_p_value() -> None:
    # Fisher (1935), The Design of Experiments, chapter 3: crossed less self-fertilised height in eighths of an inch;
    # of the 32,768 ways to set the signs 1,726 give a sum as large either way.
    away = [49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = paired_permutation_test([0.0] * 15, away, resamples=40_000)
    assert found is not None and found.method == "exact sign-flip"
    assert found.p_value == pytest.approx(1726 / 32768)
    drawn = paired_permutation_test([0.0] * 15, away)
    assert drawn is not None and drawn.method == "sign-flip"
    assert drawn.p_value == pytest.approx(1726 / 32768, abs=0.01)


def test_random_ways_agree_with_the_t_test_and_are_the_same_for_the_same_seed() -> None:
    from scipy import stats

    draw = numpy.random.Generator(numpy.random.PCG64(1))
    a, b = draw.normal(size=80).tolist(), draw.normal(0.4, 1, size=60).tolist()
    found = permutation_test(a, b, seed=3)
    assert found is not None and found == permutation_test(a, b, seed=3) != permutation_test(a, b, seed=4)
    assert found.p_value == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.015)
    one_sided = permutation_test(a, b, alternative="greater")
    other = permutation_test(a, b, alternative="less")
    assert one_sided is not None and other is not None
    assert one_sided.p_value == pytest.approx(found.p_value / 2, abs=0.01)
    assert one_sided.p_value + other.p_value == pytest.approx(1, abs=0.02)


def test_shares_are_tested_exactly_as_fisher_does() -> None:
    from scipy import stats

    # The lady tasting tea (Fisher, 1935): three of four cups right, 34 of 70 ways either way.
    found = permutation_test([1, 1, 1, 0], [0, 0, 0, 1])
    assert found is not None and found.p_value == pytest.approx(34 / 70)
    a, b = [1] * 300 + [0] * 200, [1] * 330 + [0] * 170
    large = permutation_test(a, b)
    assert large is not None and large.method == "exact permutation"
    assert large.p_value == pytest.approx(stats.fisher_exact([[300, 200], [330, 170]]).pvalue, abs=1e-9)


def test_no_p_value_is_zero_and_none_comes_from_nothing() -> None:
    far = permutation_test([0.0, 1.0, 2.0] * 20, [100.0, 101.0, 102.0] * 20, resamples=999)
    assert far is not None and far.p_value == 1 / 1000
    same = permutation_test([0.1] * 7, [0.1] * 9)
    assert same is not None and same.p_value == 1 and same.difference == pytest.approx(0)
    still = paired_permutation_test([0.3] * 7, [0.3] * 7)
    assert still is not None and still.p_value == 1
    assert permutation_test([], [1.0]) is None and paired_permutation_test([], []) is None
    assert mcnemar_test([], []) is None


def test_whole_groups_are_dealt() -> None:
    # Two groups a side can be dealt in six ways, however many values they hold.
    a, b = [0.0] * 50 + [1.0] * 50, [2.0] * 50 + [3.0] * 50
    ids = [place // 50 for place in range(100)]
    found = permutation_test(a, b, groups_a=ids, groups_b=ids)
    assert found is not None and (found.n, found.p_value) == (4, pytest.approx(2 / 6))
    paired = paired_permutation_test(a, b, groups=ids)
    assert paired is not None and (paired.n, paired.p_value) == (2, 0.5)


def test_mcnemars_test_looks_at_what_only_one_of_them_passes() -> None:
    # Exact binomial: 2 * (1 + 12 + 66) / 4096 for 2 against 10.
    found = mcnemar_test([1] * 10 + [0] * 2 + [1] * 88, [0] * 10 + [1] * 2 + [1] * 88)
    assert found is not None and found.p_value == pytest.approx(158 / 4096)
    middle = mcnemar_test([1] * 10 + [0] * 2, [0] * 10 + [1] * 2, method="mid-p")
    assert middle is not None and middle.p_value == pytest.approx((158 - 66) / 4096)
    paired = paired_permutation_test([1] * 10 + [0] * 2, [0] * 10 + [1] * 2)
    assert paired is not None and paired.p_value == pytest.approx(158 / 4096)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match=r"a\[1\] is None; leave out"):
        permutation_test([1.0, None], [2.0])  # type: ignore[list-item]
    with pytest.raises(UserError, match="2 numbers and b 1"):
        paired_permutation_test([1.0, 2.0], [1.0])
    with pytest.raises(UserError, match="zeros and ones"):
        mcnemar_test([2], [1])
    with pytest.raises(UserError, match="give one group a value"):
        permutation_test([1.0, 2.0], [2.0], groups_a=[1])
    with pytest.raises(UnknownNameError, match="did you mean 'greater'"):
        permutation_test([1.0], [2.0], alternative="grater")


def test_benjamini_and_hochbergs_own_example() -> None:
    # Benjamini and Hochberg (1995), section 3.2: at 5 % theirs finds four, Bonferroni's and Holm's three.
    found = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    found += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    corrected = [value or 0 for value in adjust(found, "bh")]
    assert sum(value <= 0.05 for value in corrected) == 4
    assert corrected[:4] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625])
    assert sum((value or 0) <= 0.05 for value in adjust(found, "holm")) == 3
    assert adjust(found, "none") == found


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12), st.sampled_from(["holm", "bh"]))
@settings(deadline=None)
def test_corrections_keep_order_and_never_make_a_p_value_smaller(values: list[float | None], method: str) -> None:
    corrected = adjust(values, method)
    assert [value is None for value in corrected] == [value is None for value in values]
    pairs = [(x, y) for x, y in zip(values, corrected, strict=True) if x is not None and y is not None]
    assert all(x <= y * (1 + 1e-12) <= 1 + 1e-9 for x, y in pairs)
    assert [y for _, y in sorted(pairs)] == sorted(y for _, y in pairs)
    assert [y for y in corrected if y is not None] == adjust([x for x in values if x is not None], method)


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(UserError, match="no p-value"):
        adjust([1.2])
    with pytest.raises(UnknownNameError, match="holm"):
        adjust([0.2], "hulm")


def test_many_values_are_dealt_at_random_and_few_in_all_ways() -> None:
    # 5 of 10 can be dealt in 252 ways, and 6 of 12 in 924.
    draw = numpy.random.Generator(numpy.random.PCG64(5))
    for size, limit, method in ((5, 252, "exact permutation"), (5, 251, "permutation"), (6, 924, "exact permutation")):
        found = permutation_test(draw.random(size).tolist(), draw.random(size).tolist(), resamples=limit)
        assert found is not None and found.method == method
    one = permutation_test([0.5], draw.random(98).tolist(), resamples=99)
    assert one is not None and one.method == "exact permutation"


def test_small_differences_of_many_large_numbers_count() -> None:
    a = [1e6] * 200_000
    found = paired_permutation_test(a, [value + 0.01 for value in a])
    assert found is not None and found.p_value < 1e-6 and found.difference == pytest.approx(0.01, rel=1e-6)
