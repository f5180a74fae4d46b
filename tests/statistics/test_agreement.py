"""Agreement is that of the papers' own examples."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.statistics.agreement import cohen_kappa, confusion, fleiss_kappa, krippendorff_alpha

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve units.
OBSERVERS = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
UNITS = list(zip(*([None if c == "." else int(c) for c in line.split()] for line in OBSERVERS), strict=True))

# Fleiss (1971), table 1: six diagnoses each of 30 patients, in five categories.
PATIENTS = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)


def from_table(rows: list[tuple[str, str, int]]) -> tuple[list[str], list[str]]:
    return [a for a, _, n in rows for _ in range(n)], [b for _, b, n in rows for _ in range(n)]


@pytest.mark.parametrize(("scale", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_alpha(scale: str, value: float) -> None:
    found = krippendorff_alpha(UNITS, scale)
    assert found.value == pytest.approx(value, abs=5e-4) and found.n == 11
    assert found.interval is not None and found.interval.low < value < found.interval.high


def test_fleiss_kappa() -> None:
    ratings = [[k for k, times in enumerate(row) for _ in range(int(times))] for row in PATIENTS.split()]
    found = fleiss_kappa(ratings)
    assert found.value == pytest.approx(0.430, abs=5e-4) and found.n == 30


def test_cohens_kappa() -> None:
    # Fleiss, Cohen and Everitt (1969): 200 diagnoses, observed .70 against .475 by chance.
    rows = [(a, b, n) for a, line in zip("pno", ["106 10 4", "22 28 10", "2 12 6"], strict=True)
            for b, n in zip("pno", map(int, line.split()), strict=True)]  # fmt: skip
    found = cohen_kappa(*from_table(rows))
    assert found.value == pytest.approx((0.70 - 0.475) / 0.525)
    # The large-sample standard error by their formula, computed apart, is 0.0537.
    assert found.interval is not None
    assert (found.interval.high - found.interval.low) / 2 / 1.96 == pytest.approx(0.0537, abs=0.003)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_weighted_kappa_is_scikit_learns(weights: str | None) -> None:
    from sklearn.metrics import cohen_kappa_score

    draw = numpy.random.Generator(numpy.random.PCG64(1))
    a = draw.integers(0, 5, size=300)
    b = numpy.where(draw.random(300) < 0.5, a, draw.integers(0, 5, size=300))
    assert cohen_kappa(a.tolist(), b.tolist(), weights).value == pytest.approx(cohen_kappa_score(a, b, weights=weights))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30), st.randoms())
@settings(max_examples=50, deadline=None)
def test_agreement_does_not_depend_on_order_or_names(pairs: list[tuple[int, int]], shuffler) -> None:
    mixed = list(pairs)
    shuffler.shuffle(mixed)
    names = {0: "x", 1: "a", 2: "m"}
    for measure in (lambda items: cohen_kappa(*zip(*items, strict=True)), fleiss_kappa, krippendorff_alpha):
        value = measure(pairs).value
        assert measure(mixed).value == pytest.approx(value)
        assert measure([(names[a], names[b]) for a, b in pairs]).value == pytest.approx(value)
        assert value is None or value <= 1 + 1e-9


def test_full_agreement_is_one_and_none_where_nothing_varies() -> None:
    items = [[1, 1], [2, 2], [3, 3], [1, 1]]
    for found in (cohen_kappa([1, 2, 3, 1], [1, 2, 3, 1], "linear"), fleiss_kappa(items), krippendorff_alpha(items)):
        assert found.value == pytest.approx(1)
    same = cohen_kappa([1, 1, 1], [1, 1, 1])
    assert same.value is None and same.interval is None and "nothing varies" in str(same)
    assert krippendorff_alpha([[1, None], [None, 2]]).value is None
    assert cohen_kappa([None], [1]).n == 0


def test_intervals_are_the_same_for_the_same_seed() -> None:
    assert krippendorff_alpha(UNITS, seed=1) == krippendorff_alpha(UNITS, seed=1) != krippendorff_alpha(UNITS, seed=2)


def test_the_table_of_labels() -> None:
    table = confusion(["yes", "no", "yes", None], ["yes", "yes", "no", "no"])
    assert table.labels == ("no", "yes") and table.counts == ((0, 1), (1, 1)) and table.n == 3
    assert table.count("yes", "no") == 1 and table.count("yes", "maybe") == 0
    assert str(table).splitlines()[1].split() == ["no", "0", "1"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="one each of every item"):
        cohen_kappa([1], [1, 2])
    with pytest.raises(UserError, match="use krippendorff_alpha"):
        fleiss_kappa([[1, 1], [1, None]])
    with pytest.raises(UserError, match="must have an order"):
        cohen_kappa([1, "a"], [1, "a"], "linear")
    with pytest.raises(UserError, match="is of numbers"):
        krippendorff_alpha([["a", "b"]], "interval")
    with pytest.raises(UnknownNameError, match="nominal"):
        krippendorff_alpha([[1, 2]], "nominel")


def test_a_step_that_nobody_took_still_lies_between() -> None:
    # By hand: 1 - mean (a - b)^2 / mean over all pairs of (a - b)^2, for labels on 1..5 of which 3 and 4 do not occur.
    a, b = [1, 2, 5, 1, 2, 5], [1, 5, 5, 1, 2, 2]
    apart = numpy.subtract.outer(a, b)
    for weights, power in (("linear", 1), ("quadratic", 2)):
        by_hand = 1 - (abs(numpy.subtract(a, b)) ** power).mean() / (abs(apart) ** power).mean()
        assert cohen_kappa(a, b, weights).value == pytest.approx(by_hand)
        assert cohen_kappa([n / 10 for n in a], [n / 10 for n in b], weights).value == pytest.approx(by_hand)
    words = cohen_kappa(["a", "b", "c", "a"], ["a", "c", "c", "a"], "quadratic").value
    assert words == pytest.approx(cohen_kappa([0, 1, 2, 0], [0, 2, 2, 0], "quadratic").value)


def test_full_agreement_on_a_few_items_is_no_certainty() -> None:
    # Wilson's interval of 10 in 10 begins at 0.722; disagreements on 0.278 of two even labels leave 1 - 0.278 / 0.5.
    pairs = [(label, label) for label in (0, 1) * 5]
    for measure in (lambda items: cohen_kappa(*zip(*items, strict=True)), fleiss_kappa, krippendorff_alpha):
        found = measure(pairs)
        assert found.value == pytest.approx(1) and found.interval is not None
        assert found.interval.low == pytest.approx(0.4449, abs=1e-4) and found.interval.high == 1
    few, many = (cohen_kappa([0, 1] * n, [0, 1] * n).interval for n in (5, 500))
    assert few is not None and many is not None and few.low < many.low < 1
    constant = cohen_kappa([0, 1, 0, 1], [1, 1, 1, 1])
    assert constant.value == pytest.approx(0) and constant.interval is None, "kappa is 0 in every sample here"


def test_nan_is_a_missing_label() -> None:
    nan = float("nan")
    assert cohen_kappa([1, nan, 0, 0], [1, 0, 0, 1]) == cohen_kappa([1, None, 0, 0], [1, 0, 0, 1])
    assert krippendorff_alpha([[1, nan], [0, 0], [1, 1], [1, 0]]).n == 3
    assert confusion([1.0, nan], [1.0, 0.0]).n == 1


def test_many_different_numbers_need_little_memory() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(4))
    a = draw.normal(size=5000)
    b = a + draw.normal(size=5000)
    alpha = krippendorff_alpha(list(zip(a.tolist(), b.tolist(), strict=True)), "interval", resamples=50)
    kappa = cohen_kappa(a.tolist(), b.tolist(), "quadratic", resamples=50)
    # Both are nearly the concordance correlation (Lin, 1989): 2 cov / (var a + var b + (mean a - mean b)^2).
    lin = 2 * numpy.cov(a, b)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert alpha.value == pytest.approx(lin, abs=1e-2) and kappa.value == pytest.approx(lin, abs=1e-3)
