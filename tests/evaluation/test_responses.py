"""Replies and questions: worked examples, what follows a question, other scripts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.responses import ResponseFeatures


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


CALL = dialog(
    ("Ann", "Hello, where is my lamp?"),
    ("Bob", "What is your name? And the number?"),
    ("Ann", "Ann Lee. Is it lost?"),
    ("Ann", "Hello? Are you there?"),
    ("Bob", "It is on its way, sorry. Anything else?"),
)


def test_every_feature_of_a_worked_example() -> None:
    # 5, 7, 5, 4, 8 words; replies: Bob 7 to 5, Ann 5 to 7, Bob 8 to 4. All five turns ask: Ann's first is countered,
    # Bob's first is answered ("Ann Lee."), both of Ann's next are answered by Bob's last, which nobody answers.
    assert ResponseFeatures()(CALL) == {
        "response_length": pytest.approx(20 / 3),
        "response_length_ratio": pytest.approx(2 ** (1 / 3)),
        "questions_asked": 5.0,
        "questions_answered": 60.0,
        "questions_countered": 20.0,
        "questions_unanswered": 20.0,
    }


def test_a_speaker_has_replies_and_questions() -> None:
    assert ResponseFeatures(speaker="ANN")(CALL) == {
        "response_length": 5.0,
        "response_length_ratio": pytest.approx(5 / 7),
        "questions_asked": 3.0,
        "questions_answered": pytest.approx(200 / 3),
        "questions_countered": pytest.approx(100 / 3),
        "questions_unanswered": 0.0,
    }


@pytest.mark.parametrize(
    ("reply", "fate"),
    [
        ("Red.", "answered"), ("Why?", "countered"), ("Why? And who asks?", "countered"), ("Red. Why?", "answered"),
        ("", "unanswered"), ("...", "unanswered"), ("42", "answered"), ("你呢？", "countered"), ("红色。", "answered"),
        ("I'm sorry! Why?", "countered"), ("Sorry.", "answered"), ("Sure. Why?", "answered"),
        ("It's red, sorry. Why?", "answered"), ("Red, thanks. Why?", "answered"), ("Hi Ann Lee! Why?", "countered"),
        ("I'm so sorry to hear that. Why?", "countered"), ("Thank you for your call. Why?", "countered"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_question(reply: str, fate: str) -> None:
    values = ResponseFeatures(speaker="A")(dialog(("A", "Which colour is it?"), ("B", reply)))
    fates = {name: values[f"questions_{name}"] for name in ("answered", "countered", "unanswered")}  # type: ignore[index]
    assert fates == {**dict.fromkeys(fates, 0.0), fate: 100.0}


def test_what_is_not_there_has_no_value() -> None:
    assert set(ResponseFeatures()(Dialog()).values()) == {None}
    alone = ResponseFeatures()(dialog((None, "Hi."), (None, "Hello.")))
    assert alone == {**dict.fromkeys(alone), "questions_asked": 0.0}
    assert ResponseFeatures("response-length")(dialog(("A", "..."), ("B", "Yes"))) is None


def test_other_scripts() -> None:
    values = ResponseFeatures()(dialog(("А", "Где лампа?"), ("Б", "В пути, простите за это.")))
    assert values["response_length_ratio"] == pytest.approx(2.5) and values["questions_answered"] == 100.0


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["", "Yes.", "No?", "a b c"])), max_size=10))
def test_every_question_has_one_fate(turns: list[tuple[str, str]]) -> None:
    values = ResponseFeatures()(dialog(*turns))
    fates = [values[f"questions_{name}"] for name in ("answered", "countered", "unanswered")]  # type: ignore[index]
    assert fates == [None] * 3 or math.fsum(fates) == pytest.approx(100)  # type: ignore[arg-type]
    assert (fates == [None] * 3) == (not values["questions_asked"])  # type: ignore[index]


@given(st.integers(1, 9), st.integers(1, 9))
def test_the_ratio_of_replies_in_turn_is_even(one: int, other: int) -> None:
    turns = [("A", "word " * one), ("B", "word " * other), ("A", "word " * one)]
    assert ResponseFeatures("response-length-ratio")(dialog(*turns)) == pytest.approx(1)
