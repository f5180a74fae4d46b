"""Turn-taking balance: worked examples, ranges, and who is meant."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.balance import BalanceFeatures, evenness, gini

COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(any)


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


MEETING = dialog(
    ("Ann", "Good morning to you all."), ("ANN", "Shall we begin?"), ("Bob", "Yes."), ("Cyd", "Yes, let us."),
    ("Ann", "Fine."),
)  # fmt: skip


def test_every_feature_of_a_worked_example() -> None:
    # turns 3, 1, 1; words 5 + 3 + 1 = 9, 1 and 3
    values = BalanceFeatures()(MEETING)
    assert values == {
        "turn_share": 60.0,
        "word_share": pytest.approx(100 * 9 / 13),
        "turn_entropy": pytest.approx(0.8649735),  # (0.6 * 0.736966 + 0.4 * 2.321928) / 1.584963
        "word_entropy": evenness([9, 1, 3]),
        "turn_gini": pytest.approx((2 + 2 + 0) * 2 / (2 * 9 * 5 / 3)),
        "word_gini": pytest.approx((8 + 6 + 2) * 2 / (2 * 9 * 13 / 3)),
        "longest_run": 2.0,
    }


def test_a_speaker_has_shares_and_the_rest_is_of_all() -> None:
    mine, all_of_them = BalanceFeatures(speaker="cyd")(MEETING), BalanceFeatures()(MEETING)
    assert mine == {**all_of_them, "turn_share": 20.0, "word_share": pytest.approx(300 / 13), "longest_run": 1.0}
    nobody = BalanceFeatures(speaker="Nobody")(MEETING)
    assert nobody == {**all_of_them, "turn_share": None, "word_share": None, "longest_run": None}


def test_one_speaker_or_none_has_no_balance() -> None:
    assert set(BalanceFeatures()(Dialog()).values()) == {None}
    alone = BalanceFeatures()(dialog(("A", "Hi"), ("a", "Hello?")))
    assert alone == {**dict.fromkeys(alone), "longest_run": 2.0}
    wordless = BalanceFeatures()(dialog(("A", "..."), ("B", "")))
    assert wordless["turn_share"] == 50.0 and wordless["word_share"] is None and wordless["word_gini"] is None


@given(COUNTS)
def test_gini_is_the_mean_difference_of_all_pairs(counts: list[int]) -> None:
    size, total = len(counts), sum(counts)
    differences = sum(abs(one - other) for one, other in itertools.product(counts, counts))
    assert gini(counts) == pytest.approx(differences / (2 * size * total))
    assert 0 <= gini(counts) <= 1 - 1 / size + 1e-12  # type: ignore[operator]


@given(COUNTS, st.randoms())
def test_measures_do_not_depend_on_order_or_scale(counts: list[int], random: object) -> None:
    mixed = [7 * count for count in counts]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert gini(mixed) == pytest.approx(gini(counts)) and evenness(mixed) == pytest.approx(evenness(counts))
    assert 0 <= evenness(counts) <= 1  # type: ignore[operator]


@given(st.integers(2, 9), st.integers(1, 20))
def test_equal_counts_are_even(size: int, count: int) -> None:
    assert gini([count] * size) == pytest.approx(0, abs=1e-12) and evenness([count] * size) == pytest.approx(1)
