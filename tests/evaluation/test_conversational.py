"""Conversational features: worked examples, labels that must not count, and values that are missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import UnknownNameError
from sdialog.evaluation import (
    BackChannelRateScore,
    ConversationalFeatures,
    FillerWordDensityScore,
    HesitationRateScore,
    LexicalDiversityScore,
    MeanTurnLengthScore,
    QuestionRateScore,
    TurnLength,
    TurnTakingRatioScore,
)


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


CALL = dialog(
    ("Uh Whatever?", "Hello, um, I mean, where is my blue lamp?"),
    ("Ava", "Uh-huh."),
    ("Uh Whatever?", "You know, it is like two weeks late."),
    ("Ava", "I see! Hmm, what is the order number?"),
)


def test_every_feature_of_a_worked_example() -> None:
    # 9, 1, 8 and 8 words; hesitations um, uh-huh and hmm; fillers "I mean", "you know", "like"; "is" thrice, "i" twice
    assert ConversationalFeatures()(CALL) == {
        "mean-turn-length": 26 / 4,
        "hesitation_rate": pytest.approx(100 * 3 / 26),
        "turn_taking_ratio": 1.0,
        "question_rate": 50.0,
        "lexical_diversity": pytest.approx(23 / 26),
        "back_channel_rate": 25.0,
        "filler_word_density": pytest.approx(100 * 3 / 26),
    }


@pytest.mark.parametrize(
    ("score", "name", "value"),
    [
        (MeanTurnLengthScore(speaker="AVA"), "mean-turn-length", 4.5),
        (HesitationRateScore(speaker="ava"), "hesitation-rate", 100 * 2 / 9),
        (TurnTakingRatioScore(), "turn-taking-ratio", 1.0),
        (QuestionRateScore(speaker="Ava"), "question-rate", 50.0),
        (LexicalDiversityScore(speaker="Ava"), "lexical-diversity", 1.0),
        (BackChannelRateScore("bc", "Ava"), "bc", 50.0),
        (FillerWordDensityScore(speaker="Ava"), "filler-word-density", 0.0),
    ],
)
def test_one_feature_is_a_number_under_its_name(score: ConversationalFeatures, name: str, value: float) -> None:
    assert score.name == name
    assert score(CALL) == pytest.approx(value)


def test_what_has_no_words_has_no_value_and_that_is_not_zero() -> None:
    silent = ConversationalFeatures(speaker="Nobody")(CALL)
    assert silent == {**dict.fromkeys(silent), "turn_taking_ratio": 1.0}
    assert set(ConversationalFeatures()(Dialog()).values()) == {None}
    assert ConversationalFeatures("turn-taking-ratio")(dialog(("A", "Hi"), ("A", "Hello?"))) is None
    assert TurnLength()(Dialog()) is None and TurnLength(speaker="Ava")(CALL) == [1, 8]


def test_other_scripts_are_words_too() -> None:
    assert LexicalDiversityScore()(dialog((None, "Привет, привет мир"))) == pytest.approx(2 / 3)
    assert LexicalDiversityScore()(dialog((None, "你好你"))) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "count"), [("uh-huh", 1), ("Mm-hmm, uhhh", 2), ("umbrella her hum", 0), ("er, erm, ah... oh!", 4)]
)
def test_hesitations(text: str, count: int) -> None:
    assert ConversationalFeatures.count_hesitations(text) == count


@pytest.mark.parametrize(("text", "is_one"), [("Yeah.", True), ("  “I see!” ", True), ("yeah no", False), ("", False)])
def test_back_channels(text: str, is_one: bool) -> None:
    assert ConversationalFeatures.is_back_channel(text) is is_one


def test_an_unknown_feature_is_an_error_with_the_right_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'question-rate'"):
        ConversationalFeatures("question-rat")
    assert isinstance(UnknownNameError("feature", "x"), ValueError)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.text(max_size=30)), max_size=8), st.randoms())
def test_names_and_the_order_of_turns_do_not_matter(turns: list[tuple[str, str]], random: object) -> None:
    renamed = {"A": "Uh?", "B": "Whatever", "C": "Yeah"}
    mixed = [(renamed[speaker], text) for speaker, text in turns]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    features = ConversationalFeatures()
    before, after = features(dialog(*turns)), features(dialog(*mixed))
    for key, value in before.items():  # type: ignore[union-attr]
        assert after[key] == (None if value is None else pytest.approx(value))  # type: ignore[index]
        assert value is None or value >= 0


@pytest.mark.parametrize("text", ["Привет! Как дела?", "你好吗？", "Да, OK, хорошо."])
def test_english_lists_say_nothing_of_other_scripts(text: str) -> None:
    values = ConversationalFeatures()(dialog(("A", text), ("B", text)))
    missing = {key for key, value in values.items() if value is None}  # type: ignore[union-attr]
    assert missing == {"hesitation_rate", "back_channel_rate", "filler_word_density"}


def test_hesitations_beside_dashes_count_and_parts_of_words_do_not() -> None:
    texts = ("Uh- can I", "I--um, I", "um—I", "uh-huh", "uh-oh", "re-er", "hum")
    assert [ConversationalFeatures.count_hesitations(text) for text in texts] == [1, 1, 1, 1, 0, 0, 0]


def test_the_letter_case_of_a_label_makes_no_other_speaker() -> None:
    turns = dialog(("Ann", "Hi"), ("ANN", "Hi"), ("Bob", "Hi"), ("bob", "Hi"))
    assert ConversationalFeatures.calculate_turn_taking_ratio(turns) == 1.0
    assert ConversationalFeatures.calculate_turn_taking_ratio(dialog(("Ann", "Hi"), ("ann", "Hi"))) is None
