"""Entrainment: worked examples, an exact shuffled baseline, and talk that is known to be alike."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.entrainment import EntrainmentScore, frequent_word_entrainment, style_matching

COUNTS = st.dictionaries(
    st.sampled_from(["the", "i", "lamp", "of", "not", "very", "and"]), st.integers(1, 9), min_size=1
)


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


def taking_turns(*texts: str) -> Dialog:
    return dialog(*(("AB"[number % 2], text) for number, text in enumerate(texts)))


def test_overlap_worked_by_hand() -> None:
    talk = taking_turns("red lamp", "which lamp", "red one", "red sky")
    # B: "which lamp" has 1 of 2 words of "red lamp", 0 of "red one"; "red sky" has 1 of 2 of either;
    # A: "red one" has 0 of 2 of "which lamp", and is the only reply to B
    assert EntrainmentScore("adjacent-overlap")(talk) == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert EntrainmentScore("adjacent-overlap", speaker="b")(talk) == pytest.approx(0.5)
    assert EntrainmentScore("local-entrainment")(talk) == pytest.approx(((0.5 - 0) + (0.5 - 0.5)) / 2)
    assert EntrainmentScore("local-entrainment", speaker="A")(talk) is None


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5), min_size=4, max_size=9))
def test_the_baseline_is_the_mean_over_shuffled_pairs(texts: list[list[str]]) -> None:
    talk = taking_turns(*map(" ".join, texts))
    found = EntrainmentScore("local-entrainment", speaker="B")(talk)
    pairs = [(set(texts[place]), set(texts[place - 1])) for place in range(1, len(texts), 2)]
    here = sum(len(reply & turn) / len(reply) for reply, turn in pairs) / len(pairs)
    others = [
        len(pairs[one][0] & pairs[other][1]) / len(pairs[one][0])
        for one, other in itertools.permutations(range(len(pairs)), 2)
    ]
    assert found == pytest.approx(here - sum(others) / len(others))
    assert -1 <= found <= 1  # type: ignore[operator]


def test_echoes_are_entrained_and_shuffled_talk_is_not() -> None:
    draw = random.Random(3)
    words = [one + other for one in "abcdefgh" for other in "aeiouy"]
    lines = [" ".join(draw.sample(words, 6)) for _ in range(200)]
    echoing = taking_turns(*(text for line in lines for text in (line, f"{line} indeed")))
    apart = taking_turns(*lines)
    assert EntrainmentScore("local-entrainment", speaker="B")(echoing) > 0.7  # type: ignore[operator]
    assert abs(EntrainmentScore("local-entrainment")(apart)) < 0.03  # type: ignore[arg-type]


def test_frequent_words_by_the_published_formula() -> None:
    # Nenkova et al. (2008), formula for a class of words: shares 3/4 and 1/4 against 1/2 and 1/2
    assert frequent_word_entrainment({"a": 3, "b": 1}, {"a": 1, "b": 1}) == pytest.approx(-0.5)
    many = {f"w{number:03}": 100 - number for number in range(60)}
    assert frequent_word_entrainment(many, {**many, "rare": 1}) == pytest.approx(
        -sum(count / sum(many.values()) - count / (sum(many.values()) + 1) for count in sorted(many.values())[-25:])
    )


def test_style_matching_by_the_published_formula() -> None:
    # Gonzales et al. (2010): one kind differs, 20 % articles against 10 %; in eight kinds both have none
    assert style_matching({"the": 2, "lamp": 8}, {"a": 1, "lamp": 9}) == pytest.approx((8 + 1 - 10 / (30 + 0.0001)) / 9)
    assert style_matching({"lamp": 1}, {"sky": 1}) is None and style_matching({}, {"the": 1}) is None


@given(COUNTS, COUNTS)
def test_alike_is_symmetric_and_in_range(one: dict[str, int], other: dict[str, int]) -> None:
    assert frequent_word_entrainment(one, other) == pytest.approx(frequent_word_entrainment(other, one))
    assert -2 <= frequent_word_entrainment(one, other) <= 0  # type: ignore[operator]
    doubled = {word: 2 * count for word, count in one.items()}
    assert frequent_word_entrainment(one, doubled) == pytest.approx(0)
    matching = style_matching(one, other)
    assert matching == style_matching(other, one)
    assert matching is None or 0 <= matching <= 1


def test_three_speakers_are_compared_in_pairs() -> None:
    talk = dialog(("A", "the lamp"), ("B", "the lamp"), ("C", "you see"))
    assert EntrainmentScore("frequent-word-entrainment", speaker="c")(talk) == pytest.approx(-2)
    assert EntrainmentScore("frequent-word-entrainment")(talk) == pytest.approx(-4 / 3)


def test_what_cannot_be_compared_has_no_value() -> None:
    for talk in (Dialog(), dialog(("A", "Hi.")), dialog(("A", "Hi."), ("a", "Hello.")), taking_turns("...", "")):
        assert set(EntrainmentScore()(talk).values()) == {None}
    assert set(EntrainmentScore(speaker="Nobody")(taking_turns("Hi.", "Hi.")).values()) == {None}


def test_other_scripts_have_overlap_but_no_english_style() -> None:
    values = EntrainmentScore()(taking_turns("Где моя лампа?", "Моя лампа!"))
    assert values["adjacent_overlap"] == 1.0 and values["style_matching"] is None
    assert EntrainmentScore("adjacent-overlap")(taking_turns("你好", "好")) == 1.0


def test_curly_apostrophes_are_apostrophes() -> None:
    straight, curly = (
        EntrainmentScore("style-matching")(taking_turns(text, "The lamp.")) for text in ("I'm in", "I’m in")
    )
    assert straight == curly
