"""Rates corrected for a judge's mistakes, thresholds below which it abstains, and weights."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.statistics.conformal import abstain_below
from sdialog.statistics.corrected_rates import prediction_powered_mean, rogan_gladen
from sdialog.statistics.margins import rake, weighted_mean


def test_rogan_and_gladens_formula() -> None:
    # (0.55 + 0.8 - 1) / (0.9 + 0.8 - 1) = 0.5
    human, judge = [1] * 100 + [0] * 100, [1] * 90 + [0] * 10 + [1] * 20 + [0] * 80
    found = rogan_gladen(550, 1000, human, judge)
    assert found.value == pytest.approx(0.5)
    assert found.interval is not None and found.interval.low < 0.5 < found.interval.high
    perfect = rogan_gladen(550, 1000, [1] * 500 + [0] * 500, [1] * 500 + [0] * 500)
    assert perfect.value == pytest.approx(0.55)
    below = rogan_gladen(180, 1000, human, judge)
    assert below.value == 0 and below.interval is not None, "an estimate below 0 is 0"
    assert below.interval.low == 0 and 0.02 < below.interval.high < 0.15


def test_a_rate_that_the_judges_mistakes_do_not_explain_is_no_rate() -> None:
    # The judge calls 20 % of the negatives positive, so it would not call 10 % of anything positive.
    human, judge = [1] * 100 + [0] * 100, [1] * 90 + [0] * 10 + [1] * 20 + [0] * 80
    found = rogan_gladen(100, 1000, human, judge)
    assert found.value is None and found.interval is None
    assert found.reason == (
        "the judge calls 0.1 positive, and by the labelled sample 0.2 to 0.9 are possible: they do not go together"
    )
    for positive in range(0, 1001, 50):
        one = rogan_gladen(positive, 1000, human, judge)
        assert one.value is None or (one.interval is not None and one.interval.low < one.interval.high)


def test_a_rate_that_cannot_be_corrected_has_no_value_and_says_why() -> None:
    assert "no negatives" in str(rogan_gladen(5, 10, [1, 1], [1, 0]))
    useless = rogan_gladen(5, 10, [1, 0], [0, 1])
    assert (
        useless.value is None
        and useless.interval is None
        and useless.reason == ("the judge is no better than chance on the labelled sample")
    )
    assert prediction_powered_mean([1, 0], [1, 0], [1, 0, 1]).value is None


@given(st.integers(3, 30), st.integers(1, 60), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_tuned_inference_is_that_of_the_papers_with_separate_samples(n: int, rest: int, seed: int) -> None:
    # Angelopoulos, Duchi and Zrnic (2023), example 6.1: the labelled and the other items apart.
    draw = numpy.random.Generator(numpy.random.PCG64(seed))
    truth, guess, other = draw.normal(size=n), draw.normal(size=n), draw.normal(size=rest)
    slope = numpy.cov(truth, guess)[0, 1] / numpy.var(guess, ddof=1)
    weight = slope / (1 + n / rest)
    theirs = truth.mean() + weight * (other.mean() - guess.mean())
    found = prediction_powered_mean(truth.tolist(), guess.tolist(), [*guess.tolist(), *other.tolist()])
    assert found.value == pytest.approx(theirs)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=3, max_size=12), st.integers(0, 30))
@example([(1, 0)] * 6, 28)
@settings(max_examples=200, deadline=None)
def test_the_estimate_lies_in_its_interval(pairs: list[tuple[int, int]], more: int) -> None:
    human, judge = (list(side) for side in zip(*pairs, strict=True))
    for tuned in (True, False):
        found = prediction_powered_mean(human, judge, [*judge, *[1] * more, *[0] * (30 - more)], tuned=tuned)
        if not tuned and found.value is None:
            assert found.interval is None and str(found.reason).endswith("they are no random sample of all")
            continue
        assert found.value is not None and found.interval is not None
        assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1
        assert found.interval.low < found.interval.high


def test_labels_that_are_no_random_sample_give_no_rate() -> None:
    # Humans call positive six items that the judge calls negative; it calls most of the others positive.
    found = prediction_powered_mean([1] * 6, [0] * 6, [0] * 6 + [1] * 28 + [0] * 2, tuned=False)
    assert found.value is None and found.interval is None
    assert found.reason == (
        "the judge's mean is 0.778 over all items and 0 over the labelled: they are no random sample of all"
    )
    tuned = prediction_powered_mean([1] * 6, [0] * 6, [0] * 6 + [1] * 28 + [0] * 2)
    assert tuned.value == 1 and tuned.interval is not None and tuned.interval.low < 0.9


def test_rare_positives_may_be_where_nobody_found_one() -> None:
    # Nothing among 100 items is told of up to about 3 in 100: the rule of three.
    found = prediction_powered_mean([0] * 100, [0] * 100, [0] * 3000)
    assert found.value == 0 and found.interval is not None and 0.02 < found.interval.high < 0.04


def test_a_judge_that_follows_humans_helps_and_one_that_does_not_does_no_harm() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(1))
    truth = draw.normal(3, 1, size=2000)
    widths = []
    for judge in (truth + draw.normal(1, 0.3, size=2000), draw.normal(3, 1, size=2000)):
        found = prediction_powered_mean(truth[:100].tolist(), judge[:100].tolist(), judge.tolist())
        assert found.interval is not None
        widths.append(found.interval.high - found.interval.low)
    alone = 2 * 1.98 * truth[:100].std(ddof=1) / 10
    assert widths[0] < 0.45 * alone and widths[1] < 1.05 * alone


def test_what_is_no_sample_of_labels_is_refused() -> None:
    with pytest.raises(UserError, match="not of the same items"):
        rogan_gladen(1, 2, [1], [1, 0])
    with pytest.raises(UserError, match="zeros and ones"):
        rogan_gladen(1, 2, [3], [1])
    with pytest.raises(UserError, match="should hold the labelled ones too"):
        prediction_powered_mean([1, 0, 1], [1, 0, 1], [1])


def test_a_threshold_keeps_errors_among_answers_within_the_bound() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(2))
    broken, shares = 0, []
    for _ in range(200):
        scores = draw.random(300)
        correct = draw.random(300) < 0.5 + scores / 2
        found = abstain_below(scores.tolist(), correct.tolist(), max_error=0.15)
        if found.threshold is None:
            continue
        # Answers above t are wrong with the chance (1 - (1 + t) / 2) / 2.
        broken += (1 - (1 + max(found.threshold, 0.0)) / 2) / 2 > 0.15
        shares.append(found.n_answered / found.n)
    assert broken <= 0.05 * 200 + 2 * math.sqrt(200 * 0.05 * 0.95)
    assert numpy.mean(shares) > 0.15


def test_the_conformal_quantile_bounds_how_many_wrong_items_are_answered() -> None:
    # With 19 wrong items and a bound of 10 %, the threshold lies just above the 18th of their scores.
    scores = [float(n) for n in range(19)] + [30.0, 31.0]
    found = abstain_below(scores, [False] * 19 + [True] * 2, guarantee="wrong")
    assert found.threshold == math.nextafter(17.0, math.inf) and found.n_errors == 1
    assert abstain_below([1.0, 2.0], [False, False], guarantee="wrong").threshold is None


def test_too_few_labels_or_too_many_mistakes_vouch_for_nothing() -> None:
    few = abstain_below([1.0] * 20, [True] * 20)
    assert few.threshold is None and not few.answers(99.0) and "abstain always" in str(few)
    assert abstain_below([n / 100 for n in range(100)], [n % 2 == 0 for n in range(100)]).threshold is None
    every = abstain_below([0.5] * 200, [True] * 200)
    assert every.threshold == -math.inf and every.answers(0.0) and every.json()["answersAll"]
    with pytest.raises(UnknownNameError, match="answered"):
        abstain_below([1.0], [True], guarantee="all")
    with pytest.raises(UserError, match="one of each"):
        abstain_below([1.0], [])


def test_raking_gives_the_margins_and_keeps_what_goes_with_what() -> None:
    # The table of the usual example of iterative proportional fitting, rows to 150, 300, 400, 150 and columns to
    # 200, 300, 400, 100; the fitted table is the one with these sums and the same odds ratios.
    seed = [[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]]
    rows = [{"r": r, "c": c} for r in range(4) for c in range(4) for _ in range(seed[r][c])]
    margins = {"r": {0: 150, 1: 300, 2: 400, 3: 150}, "c": {0: 200, 1: 300, 2: 400, 3: 100}}
    weights = rake(rows, margins)
    table = numpy.zeros((4, 4))
    for row, weight in zip(rows, weights, strict=True):
        table[row["r"], row["c"]] += weight * 950 / len(rows)
    scale = 1000 / 950
    assert table.sum(axis=1) * scale == pytest.approx([150, 300, 400, 150])
    assert table.sum(axis=0) * scale == pytest.approx([200, 300, 400, 100])
    odds = table[0, 0] * table[2, 3] / (table[0, 3] * table[2, 0])
    assert odds == pytest.approx(40 * 120 / (10 * 30))
    assert numpy.mean(weights) == pytest.approx(1)


def test_a_weighted_mean_is_that_of_the_population() -> None:
    rows = [{"sex": "f"}] * 3 + [{"sex": "m"}]
    weights = rake(rows, {"sex": {"f": 50, "m": 50}})
    found = weighted_mean([1.0, 2.0, 3.0, 6.0], weights)
    assert found is not None and found.value == pytest.approx(4)
    assert found.effective_n == pytest.approx(16 / (3 * (2 / 3) ** 2 + 4))
    even = weighted_mean([1.0, None, 2.0, 6.0], [2, 9, 2, 2])
    assert even is not None and even.n == 3 and even.effective_n == pytest.approx(3)
    assert even.se == pytest.approx(numpy.std([1, 2, 6], ddof=1) / math.sqrt(3))
    assert weighted_mean([None], [1.0]) is None and weighted_mean([1.0], [0.0]) is None


def test_weights_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="no row has sex 'm'"):
        rake([{"sex": "f"}], {"sex": {"f": 1, "m": 1}})
    with pytest.raises(UserError, match="row 0 has no 'sex'"):
        rake([{}], {"sex": {"f": 1}})
    with pytest.raises(UserError, match="do not know"):
        rake([{"sex": "x"}], {"sex": {"f": 1}})
    with pytest.raises(UserError, match="do not hold together"):
        rake([{"a": 0, "b": 0}, {"a": 1, "b": 1}], {"a": {0: 1, 1: 1}, "b": {0: 1, 1: 3}})
    with pytest.raises(UserError, match="0 or more"):
        weighted_mean([1.0], [-1.0])
    with pytest.raises(UserError, match="value 1 is nan; give None"):
        weighted_mean([1.0, float("nan")], [1, 1])
