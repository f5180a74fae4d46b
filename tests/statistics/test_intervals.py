"""Intervals keep their promise: 95 of 100 hold the truth, also where numbers come in groups."""

from __future__ import annotations

import numpy
import pytest

from sdialog.core.errors import UserError
from sdialog.statistics.intervals import (
    Interval,
    bootstrap_interval,
    mean_interval,
    standard_error,
    wilson_interval,
)

DRAWS = 2000


def share_that_holds(intervals: list[Interval | None], truth: float) -> float:
    return sum(found.low <= truth <= found.high for found in intervals if found is not None) / len(intervals)


def test_t_intervals_cover_the_mean() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(1))
    found = [mean_interval(draw.normal(3.0, 2.0, size=12).tolist()) for _ in range(DRAWS)]
    assert 0.93 <= share_that_holds(found, 3.0) <= 0.97


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_wilsons_intervals_cover_the_share(share: float) -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(2))
    found: list[Interval | None] = [wilson_interval(int(hits), 60) for hits in draw.binomial(60, share, size=DRAWS)]
    assert 0.93 <= share_that_holds(found, share) <= 0.97


def test_intervals_of_grouped_numbers_cover_and_those_that_forget_the_groups_do_not() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(3))
    groups = [group for group in range(40) for _ in range(10)]
    grouped, forgetful = list[Interval | None](), list[Interval | None]()
    for _ in range(DRAWS):
        values = (draw.normal(0, 1, size=40).repeat(10) + draw.normal(0, 1, size=400)).tolist()
        grouped.append(mean_interval(values, groups))
        forgetful.append(mean_interval(values))
    assert 0.93 <= share_that_holds(grouped, 0.0) <= 0.97
    assert share_that_holds(forgetful, 0.0) < 0.75


@pytest.mark.long
def test_bootstrap_intervals_cover_the_mean_of_a_skewed_distribution() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(4))
    samples = draw.gamma(4.0, 1.0, size=(DRAWS, 80))
    found = [bootstrap_interval(row.tolist(), resamples=1000, seed=number) for number, row in enumerate(samples)]
    assert 0.93 <= share_that_holds(found, 4.0) <= 0.97


def test_a_bootstrap_interval_agrees_with_scipys() -> None:
    from scipy import stats

    values = numpy.random.Generator(numpy.random.PCG64(5)).gamma(2.0, 1.0, size=60)
    ours = bootstrap_interval(values.tolist(), resamples=20_000, seed=1)
    theirs = stats.bootstrap((values,), numpy.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    assert ours is not None
    assert ours[:2] == pytest.approx((theirs.low, theirs.high), abs=0.02)
    median = bootstrap_interval(values.tolist(), statistic=numpy.median, resamples=4000, seed=1)
    theirs = stats.bootstrap((values,), numpy.median, n_resamples=4000, method="BCa", rng=1).confidence_interval
    assert median is not None
    assert median[:2] == pytest.approx((theirs.low, theirs.high), abs=0.1)


def test_a_bootstrap_interval_is_the_same_for_the_same_seed_and_has_no_width_without_spread() -> None:
    values = [number**2 / 7 for number in range(30)]
    assert (
        bootstrap_interval(values, seed=7) == bootstrap_interval(values, seed=7) != bootstrap_interval(values, seed=8)
    )
    assert bootstrap_interval([3.0] * 6) == Interval(3.0, 3.0, 0.95, "bootstrap")
    assert bootstrap_interval([3.0]) is None
    grouped = bootstrap_interval([1.0, 1.0, 5.0, 5.0, 9.0, 9.0], groups=[0, 0, 1, 1, 2, 2])
    alone = bootstrap_interval([1.0, 5.0, 9.0])
    assert grouped is not None and alone is not None and grouped[:2] == pytest.approx(alone[:2])


def test_what_is_no_level_no_method_and_no_share_is_refused() -> None:
    with pytest.raises(UserError, match="level is between 0 and 1"):
        mean_interval([1.0, 2.0], level=95)
    with pytest.raises(UserError, match="did you mean 'bootstrap'"):
        mean_interval([1.0, 2.0], method="bootstrp")
    with pytest.raises(UserError, match="is no share"):
        wilson_interval(5, 4)
    assert standard_error([]) is None


def test_arrays_will_do() -> None:
    values = [1.0, 2.0, 4.0]
    assert standard_error(numpy.array(values)) == standard_error(values)
    assert mean_interval(numpy.array(values)) == mean_interval(values)


def test_what_gives_no_interval_gives_none_and_what_is_missing_is_refused() -> None:
    for measure in (mean_interval, bootstrap_interval, standard_error):
        with pytest.raises(UserError, match="value 1 is nan; leave out"):
            measure([1.0, float("nan"), 2.0])
        with pytest.raises(UserError, match="3 values have 2 groups"):
            measure([1.0, 2.0, 3.0], [0, 1])
        assert measure([1.0, float("inf"), 2.0]) is None
    assert bootstrap_interval([1.0, 2.0, 3.0], statistic=lambda _: float("nan")) is None


def test_the_bootstrap_does_not_depend_on_the_unit() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(7))
    for seed in range(50):
        values = draw.integers(0, 4, size=10)
        ids = None if seed % 2 else draw.integers(0, 5, size=10).tolist()
        whole, tenths = (
            bootstrap_interval(one.tolist(), ids, resamples=500, seed=seed) for one in (values, values * 0.1)
        )
        assert whole is not None and tenths is not None
        assert tenths[:2] == pytest.approx((whole.low / 10, whole.high / 10))
