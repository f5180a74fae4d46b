"""Lexical variety: worked examples, independence of length, and what is too short to measure."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation import LexicalFeatures
from sdialog.evaluation.metrics.lexical import hdd, mattr, mtld

TOKENS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40)


def text(length: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return draw.choices([f"w{number}" for number in range(400)], [1 / rank for rank in range(1, 401)], k=length)


@given(TOKENS, st.integers(1, 10))
def test_mattr_is_the_mean_over_all_windows(tokens: list[str], window: int) -> None:
    windows = [tokens[at : at + window] for at in range(len(tokens) - window + 1)]
    expected = sum(len(set(one)) / window for one in windows) / len(windows) if windows else None
    assert mattr(tokens, window) == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.sampled_from("abcd"), min_size=3, max_size=9))
def test_hdd_is_the_mean_over_all_samples(tokens: list[str]) -> None:
    samples = list(itertools.combinations(tokens, 3))
    assert hdd(tokens, 3) == pytest.approx(sum(len(set(one)) / 3 for one in samples) / len(samples))


def test_mtld_worked_by_hand() -> None:
    # forwards: "a b a" falls to 2/3, "c d c" too, "e f" is left at 1: two stretches in eight words
    # backwards: "f e c d c" stays at 4/5, "f e c d c a" is 5/6, "... b" 6/7, "... a" 6/8: (1 - 0.75) / 0.28 of one
    tokens = ["a", "b", "a", "c", "d", "c", "e", "f"]
    assert mtld(tokens) == pytest.approx((8 / 2 + 8 / (0.25 / 0.28)) / 2)
    assert mtld(["a", "b", "c", "d"]) is None and mtld([]) is None
    assert mtld(["a"] * 10) == pytest.approx(2.0)


@pytest.mark.parametrize("measure", [mattr, mtld, hdd])
def test_a_longer_text_of_the_same_kind_is_as_varied(measure: object) -> None:
    short = [measure(text(300, seed)) for seed in range(30)]  # type: ignore[operator]
    long = [measure(text(3000, seed)) for seed in range(30)]  # type: ignore[operator]
    assert sum(long) / 30 == pytest.approx(sum(short) / 30, rel=0.04)


@given(st.lists(st.sampled_from("abcdef"), min_size=50, max_size=80))
def test_measures_keep_to_their_ranges(tokens: list[str]) -> None:
    assert 0 < mattr(tokens) <= 1 and 0 < hdd(tokens) <= 1  # type: ignore[operator]
    assert mtld(tokens) is not None and 1 < mtld(tokens) <= len(tokens) / 0.01  # type: ignore[operator]


def test_saying_it_again_is_repetition_and_less_distinct() -> None:
    lines = [Turn(speaker="A", text="Where is it?"), Turn(speaker="B", text="It is here.")]
    once, twice = (LexicalFeatures()(Dialog(turns=lines * times)) for times in (1, 2))
    assert once["repetition"] == 0.0 and twice["repetition"] == 50.0  # type: ignore[index]
    assert twice["distinct_1"] == once["distinct_1"] / 2  # type: ignore[index, operator]
    assert once["distinct_2"] == 1.0 and once["mattr"] is None and once["hdd"] is None  # type: ignore[index]
    assert set(LexicalFeatures()(Dialog()).values()) == {None}  # type: ignore[union-attr]


def test_mtld_of_a_short_dialog_is_no_number() -> None:
    values = [LexicalFeatures("mtld")(Dialog(turns=[Turn(text="so " * count)])) for count in (49, 50)]
    assert values == [None, 2.0]
