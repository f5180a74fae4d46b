"""Statistics keep their promise over 2,000 draws each: tests err as often as they say, intervals hold the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import pytest

from sdialog.statistics.agreement import cohen_kappa
from sdialog.statistics.conformal import abstain_below
from sdialog.statistics.corrected_rates import Estimate, prediction_powered_mean, rogan_gladen
from sdialog.statistics.effects import difference_interval, newcombe_interval
from sdialog.statistics.hypotheses import Test as Found
from sdialog.statistics.hypotheses import mcnemar_test, paired_permutation_test, permutation_test
from sdialog.statistics.intervals import Interval, bootstrap_interval, mean_interval, wilson_interval
from sdialog.statistics.margins import weighted_mean
from sdialog.statistics.power import Design, power, required_n

pytestmark = pytest.mark.long

DRAWS = 2000
GROUPS = [group for group in range(15) for _ in range(6)]


def source(seed: int) -> numpy.random.Generator:
    return numpy.random.Generator(numpy.random.PCG64(seed))


def rejected(make: Callable[[numpy.random.Generator, int], Found | None], seed: int) -> float:
    draw = source(seed)
    found = [make(draw, number) for number in range(DRAWS)]
    return sum(test is not None and test.p_value <= 0.05 for test in found) / DRAWS


def held(make: Callable[[numpy.random.Generator, int], Interval | None], truth: float, seed: int) -> float:
    draw = source(seed)
    found = [make(draw, number) for number in range(DRAWS)]
    return sum(one is not None and one.low <= truth <= one.high for one in found) / DRAWS


def grouped(draw: numpy.random.Generator, mean: float = 0.0) -> list[float]:
    return (mean + draw.normal(0, 1, size=15).repeat(6) + draw.normal(0, 1, size=90)).tolist()


def unpaired(draw: numpy.random.Generator, number: int) -> Found | None:
    return permutation_test(
        draw.gamma(2, size=30).tolist(), draw.gamma(2, size=45).tolist(), resamples=999, seed=number
    )


def paired(draw: numpy.random.Generator, number: int) -> Found | None:
    item = draw.normal(0, 2, size=40)
    a, b = item + draw.normal(size=40), item + draw.normal(size=40)
    return paired_permutation_test(a.tolist(), b.tolist(), resamples=999, seed=number)


def in_groups(draw: numpy.random.Generator, number: int) -> Found | None:
    a, b = grouped(draw), grouped(draw)
    return permutation_test(a, b, groups_a=GROUPS, groups_b=GROUPS, resamples=999, seed=number)


def paired_in_groups(draw: numpy.random.Generator, number: int) -> Found | None:
    a, b = grouped(draw), grouped(draw)
    return paired_permutation_test(a, b, groups=GROUPS, resamples=999, seed=number)


def mcnemar(draw: numpy.random.Generator, number: int) -> Found | None:
    ease = draw.random(300)
    a, b = draw.random(300) < ease, draw.random(300) < ease
    return mcnemar_test(a.astype(int).tolist(), b.astype(int).tolist(), method="mid-p")


@pytest.mark.parametrize("make", [unpaired, paired, in_groups, paired_in_groups, mcnemar])
def test_five_in_a_hundred_tests_find_what_is_not_there(make) -> None:
    share = rejected(make, seed=11)
    print("rejected", share)
    assert 0.04 <= share <= 0.06


def test_p_values_are_spread_evenly_where_nothing_is_there() -> None:
    from scipy import stats

    draw = source(12)
    p_values = [found.p_value for n in range(DRAWS) if (found := unpaired(draw, n)) is not None]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_exact_tests_of_shares_err_too_rarely_never_too_often() -> None:
    def shares(draw: numpy.random.Generator, number: int) -> Found | None:
        return permutation_test(draw.integers(0, 2, size=150).tolist(), draw.integers(0, 2, size=150).tolist())

    def exact(draw: numpy.random.Generator, number: int) -> Found | None:
        return mcnemar_test(
            (draw.random(300) < 0.5).astype(int).tolist(), (draw.random(300) < 0.5).astype(int).tolist()
        )

    assert 0.02 <= rejected(exact, seed=13) <= 0.05
    assert 0.02 <= rejected(shares, seed=13) <= 0.05


def test_tests_that_forget_the_groups_find_far_too_much() -> None:
    def forgetful(draw: numpy.random.Generator, number: int) -> Found | None:
        return permutation_test(grouped(draw), grouped(draw), resamples=199, seed=number)

    assert rejected(forgetful, seed=14) > 0.2


def t_of_unequal(draw: numpy.random.Generator, number: int) -> Interval | None:
    return difference_interval(draw.normal(0, 1, size=15).tolist(), draw.normal(1, 3, size=40).tolist())


def t_of_pairs(draw: numpy.random.Generator, number: int) -> Interval | None:
    item = draw.normal(0, 2, size=30)
    return difference_interval(
        (item + draw.normal(size=30)).tolist(), (item + draw.normal(1, 1, size=30)).tolist(), paired=True
    )


def cluster_robust(draw: numpy.random.Generator, number: int) -> Interval | None:
    return difference_interval(grouped(draw), grouped(draw, 1.0), groups_a=GROUPS, groups_b=GROUPS)


def bootstrap_of_two(draw: numpy.random.Generator, number: int) -> Interval | None:
    a, b = draw.gamma(4, size=60).tolist(), draw.gamma(5, size=80).tolist()
    return difference_interval(a, b, method="bootstrap", resamples=1000, seed=number)


def bootstrap_of_groups(draw: numpy.random.Generator, number: int) -> Interval | None:
    ids = [group for group in range(40) for _ in range(3)]
    values = 1 + draw.normal(size=40).repeat(3) + draw.normal(size=120)
    return bootstrap_interval(values.tolist(), ids, resamples=1000, seed=number)


def newcombe(draw: numpy.random.Generator, number: int) -> Interval | None:
    # Shares of .4 and .6 differ by .2, which is taken off so that the truth is 1 as elsewhere here.
    found = newcombe_interval(int(draw.binomial(70, 0.4)), 70, int(draw.binomial(90, 0.6)), 90)
    return Interval(found.low + 0.8, found.high + 0.8)


def newcombe_of_pairs(draw: numpy.random.Generator, number: int) -> Interval | None:
    ease = draw.random(100)
    a, b = draw.random(100) < 0.6 * ease, draw.random(100) < 0.2 + 0.6 * ease
    found = difference_interval(a.astype(int).tolist(), b.astype(int).tolist(), paired=True)
    return None if found is None else Interval(found.low + 0.8, found.high + 0.8)


def weighted(draw: numpy.random.Generator, number: int) -> Interval | None:
    values, weights = draw.normal(1, 2, size=60), draw.choice([0.5, 1.0, 2.0], size=60)
    found = weighted_mean(values.tolist(), weights.tolist())
    return None if found is None else found.interval


def t_of_one(draw: numpy.random.Generator, number: int) -> Interval | None:
    return mean_interval(draw.normal(1, 2, size=12).tolist())


def wilson(draw: numpy.random.Generator, number: int) -> Interval | None:
    found = wilson_interval(int(draw.binomial(80, 0.3)), 80)
    return Interval(found.low + 0.7, found.high + 0.7)


@pytest.mark.parametrize(
    "make",
    [
        t_of_one,
        wilson,
        t_of_unequal,
        t_of_pairs,
        cluster_robust,
        bootstrap_of_two,
        bootstrap_of_groups,
        newcombe,
        newcombe_of_pairs,
        weighted,
    ],
)
def test_intervals_hold_the_truth(make) -> None:
    share = held(make, 1.0, seed=21)
    print("held", share)
    assert 0.93 <= share <= 0.97


def test_intervals_of_agreement_hold_the_truth() -> None:
    # Two raters who know the label of .7 of the items and guess the others: kappa is .49 for two even labels.
    def kappa(draw: numpy.random.Generator, number: int) -> Interval | None:
        label = draw.integers(0, 2, size=120)
        a, b = (numpy.where(draw.random(120) < 0.7, label, draw.integers(0, 2, size=120)) for _ in range(2))
        return cohen_kappa(a.tolist(), b.tolist(), resamples=500, seed=number).interval

    assert 0.93 <= held(kappa, 0.49, seed=22) <= 0.97


def verdicts(
    draw: numpy.random.Generator, size: int, share: float, sensitivity: float, specificity: float
) -> tuple[list[int], list[int]]:
    truth = draw.random(size) < share
    judge = numpy.where(truth, draw.random(size) < sensitivity, draw.random(size) >= specificity)
    return truth.astype(int).tolist(), judge.astype(int).tolist()


@pytest.mark.parametrize(("share", "sensitivity", "specificity"), [(0.6, 0.9, 0.8), (0.3, 0.85, 0.9), (0.5, 0.8, 0.7)])
def test_known_mistakes_of_a_judge_are_corrected(share, sensitivity, specificity) -> None:
    draw = source(31)
    classic, powered, plain, raw = list[Estimate](), list[Estimate](), list[Estimate](), 0
    for _ in range(DRAWS):
        apart = verdicts(draw, 200, share, sensitivity, specificity)
        truth, judge = verdicts(draw, 1500, share, sensitivity, specificity)
        found = wilson_interval(sum(judge), 1500)
        raw += found.low <= share <= found.high
        classic.append(rogan_gladen(sum(judge), 1500, *apart))
        powered.append(prediction_powered_mean(truth[:200], judge[:200], judge))
        plain.append(prediction_powered_mean(truth[:200], judge[:200], judge, tuned=False))
    for name, estimates in (("classic", classic), ("powered", powered), ("plain", plain)):
        inside = [one.interval is not None and one.interval.low <= share <= one.interval.high for one in estimates]
        print(name, sum(inside) / DRAWS)
        assert 0.93 <= sum(inside) / DRAWS <= 0.97, name
        assert numpy.mean([one.value for one in estimates]) == pytest.approx(share, abs=0.01), name
    assert raw / DRAWS < 0.9, "what is not corrected misses the truth"


@pytest.mark.parametrize(("share", "labelled"), [(0.02, 100), (0.05, 50), (0.97, 60)])
def test_rare_kinds_are_within_the_interval_also_where_the_labelled_sample_has_none(share, labelled) -> None:
    draw, inside = source(32), 0
    for _ in range(DRAWS):
        truth, judge = verdicts(draw, 1000, share, 0.8, 0.95)
        found = prediction_powered_mean(truth[:labelled], judge[:labelled], judge).interval
        inside += found is not None and found.low <= share <= found.high
    print("rare", inside / DRAWS)
    assert inside / DRAWS >= 0.93


def test_intervals_of_near_full_agreement_hold_the_truth() -> None:
    # Raters who know the label of .95 of the items: kappa is .9025, and every third sample of 20 agrees fully.
    def kappa(draw: numpy.random.Generator, number: int) -> Interval | None:
        label = draw.integers(0, 2, size=20)
        a, b = (numpy.where(draw.random(20) < 0.95, label, draw.integers(0, 2, size=20)) for _ in range(2))
        return cohen_kappa(a.tolist(), b.tolist(), resamples=300, seed=number).interval

    assert 0.93 <= held(kappa, 0.9025, seed=23) <= 0.98


DESIGNS = {
    "means": (0.5, Design(sd=1.0)),
    "pairs": (0.4, Design(sd=1.0, paired=True, correlation=0.5)),
    "shares": (0.2, Design(share=0.5)),
    "pairs of shares": (0.15, Design(share=0.5, paired=True, correlation=0.4)),
    "groups": (0.6, Design(sd=1.0, group_size=5, icc=0.3)),
}


def planted(name: str, draw: numpy.random.Generator, n: int, difference: float, number: int) -> Found | None:
    if name == "shares":
        a, b = draw.random(n) < 0.5, draw.random(n) < 0.5 + difference
        return permutation_test(a.astype(int).tolist(), b.astype(int).tolist())
    if name == "pairs of shares":
        both = 0.5 * (0.5 + difference) + 0.4 * (0.25 * (0.5 + difference) * (0.5 - difference)) ** 0.5
        kinds = draw.choice(4, size=n, p=[both, 0.5 - both, 0.5 + difference - both, both - difference])
        return mcnemar_test(
            numpy.isin(kinds, [0, 1]).astype(int).tolist(),
            numpy.isin(kinds, [0, 2]).astype(int).tolist(),
            method="mid-p",
        )
    if name == "pairs":
        item = draw.normal(0, 0.5**0.5, size=n)
        a, b = (item + draw.normal(mean, 0.5**0.5, size=n) for mean in (0, difference))
        return paired_permutation_test(a.tolist(), b.tolist(), resamples=999, seed=number)
    if name == "means":
        a, b = draw.normal(size=n), draw.normal(difference, size=n)
        return permutation_test(a.tolist(), b.tolist(), resamples=999, seed=number)
    ids = [place // 5 for place in range(n)]
    a, b = (
        mean + draw.normal(0, 0.3**0.5, size=n // 5).repeat(5) + draw.normal(0, 0.7**0.5, size=n)
        for mean in (0, difference)
    )
    return permutation_test(a.tolist(), b.tolist(), groups_a=ids, groups_b=ids, resamples=999, seed=number)


@pytest.mark.parametrize("name", DESIGNS)
def test_planted_differences_are_found_with_the_stated_power(name: str) -> None:
    difference, design = DESIGNS[name]
    size = int(design.group_size)
    n = -(-required_n(difference, design) // size) * size
    stated = power(difference, n, design)
    share = rejected(lambda draw, number: planted(name, draw, n, difference, number), seed=41)
    print("power", f"stated {stated:.3f} for n = {n}, found {share:.3f}")
    assert share == pytest.approx(stated, abs=0.03)


def test_thresholds_of_abstention_break_their_bound_as_rarely_as_they_say() -> None:
    draw, broken = source(51), 0
    for _ in range(500):
        scores = draw.random(300)
        found = abstain_below(scores.tolist(), (draw.random(300) < 0.6 + 0.4 * scores).tolist(), max_error=0.2)
        if found.threshold is not None:
            # Answers above t are wrong with a chance of 0.4 * (1 - (1 + t) / 2).
            broken += 0.4 * (1 - (1 + max(found.threshold, 0.0)) / 2) > 0.2 + 1e-9
    wrong, answered = 0, 0
    for _ in range(DRAWS):
        scores = draw.random(100)
        found = abstain_below(scores.tolist(), (draw.random(100) < scores).tolist(), guarantee="wrong")
        missed = numpy.sqrt(draw.random(1))  # any score for the wrong one, drawn as the wrong ones' scores are:
        missed = 1 - missed  # their density is 2 * (1 - score)
        wrong, answered = wrong + 1, answered + int(found.answers(float(missed[0])))
    print("broken", broken / 500)
    print("answered though wrong", answered / wrong)
    assert broken / 500 <= 0.05
    assert 0.07 <= answered / wrong <= 0.115
