"""Expectation-adjusted distinct and self-BLEU: the published formulas by hand, ranges, sameness."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation import LexicalFeatures
from sdialog.evaluation.metrics.lexical import expectation_adjusted_distinct
from sdialog.evaluation.metrics.self_bleu import self_bleu

TURNS = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), min_size=2, max_size=6)


def test_adjusted_distinct_by_the_published_formula() -> None:
    # Liu et al. (2022): N / (V (1 - ((V - 1) / V) ** C)) with N = 3, C = 4, V = 10
    assert expectation_adjusted_distinct(["a", "b", "a", "c"], 10) == pytest.approx(3 / (10 * (1 - 0.9**4)))
    assert expectation_adjusted_distinct(["a"] * 5, 1) == 1.0
    assert expectation_adjusted_distinct(["a"]) == pytest.approx(1.0)


def test_adjusted_distinct_does_not_fall_with_length_where_distinct_does() -> None:
    draw = random.Random(2)
    vocabulary = [str(number) for number in range(1000)]
    short, long = (draw.choices(vocabulary, k=length) for length in (100, 4000))
    adjusted = [expectation_adjusted_distinct(tokens, 1000) for tokens in (short, long)]
    assert adjusted == [pytest.approx(1, abs=0.05)] * 2
    assert len(set(long)) / len(long) < 0.3 < 0.9 < len(set(short)) / len(short)


def test_self_bleu_worked_by_hand() -> None:
    # "a b c d" against "a b c e f": 3/4, (2+1)/(3+1), (1+1)/(2+1), (0+1)/(1+1), brevity exp(1 - 5/4);
    # "a b c e f" against "a b c d": 3/5, (2+1)/(4+1), (1+1)/(3+1), (0+1)/(2+1), brevity 1
    first = (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25 * math.exp(1 - 5 / 4)
    second = (3 / 5 * 3 / 5 * 1 / 2 * 1 / 3) ** 0.25
    assert self_bleu([["a", "b", "c", "d"], ["a", "b", "c", "e", "f"]]) == pytest.approx((first + second) / 2)


def test_counts_are_clipped_by_the_most_that_one_other_has() -> None:
    # "a" counts as often as one other has it: 2 of 3, 2 of 2, 1 of 1; the last is one shorter than the nearest
    expected = (2 / 3 + 1 + math.exp(1 - 2 / 1)) / 3
    assert self_bleu([["a"] * 3, ["a"] * 2, ["a"]], order=1) == pytest.approx(expected)


@given(TURNS, st.randoms())
def test_self_bleu_keeps_to_its_range_and_ignores_order(turns: list[list[str]], shuffler: object) -> None:
    value = self_bleu(turns)
    assert value is not None and 0 <= value <= 1
    shuffler.shuffle(turns)  # type: ignore[attr-defined]
    assert self_bleu(turns) == pytest.approx(value)
    assert self_bleu([*turns, *turns]) == pytest.approx(1)


def test_features_of_a_dialog() -> None:
    lines = [Turn(speaker="A", text="Where is it?"), Turn(speaker="B", text="Over there, I think.")]
    once, twice = (LexicalFeatures()(Dialog(turns=lines * times)) for times in (1, 2))
    assert once["self_bleu"] == 0.0 and twice["self_bleu"] == pytest.approx(1)  # type: ignore[index]
    assert once["expectation_adjusted_distinct"] > twice["expectation_adjusted_distinct"]  # type: ignore[index, operator]
    assert LexicalFeatures("self-bleu", speaker="A")(Dialog(turns=lines)) is None
    assert LexicalFeatures("self-bleu")(Dialog(turns=[Turn(text="你好吗"), Turn(text="你好吗")])) == pytest.approx(1)
