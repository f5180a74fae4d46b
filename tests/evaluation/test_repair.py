"""Disfluency and repair: what is one and what only looks like one, rates worked by hand, other scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.repair import DisfluencyFeatures


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


def hits(feature: str, text: str) -> int:
    """Return how many hits a turn has: its rate times its words."""
    per = 1 if feature in ("clarification-rate", "misunderstanding-rate") else len(text.split())
    rate = DisfluencyFeatures(feature)(dialog((None, text)))
    return round(rate * per / 100)  # type: ignore[operator]


CALL = dialog(
    ("Ann", "I, I ordered it on Monday, no, Tuesday."),
    ("Bob", "Sorry, what do you mean?"),
    ("Ann", "The la- the lamp."),
    ("Bob", "Oh, my mistake."),
)


def test_every_feature_of_a_worked_example() -> None:
    # 8, 5, 4 and 3 words; "I, I"; "la-"; "Monday, no, Tuesday"; "the la- the" repeats no word at once
    assert DisfluencyFeatures()(CALL) == {
        "word_repetition_rate": 5.0,
        "false_start_rate": 5.0,
        "self_repair_rate": 5.0,
        "clarification_rate": 25.0,
        "misunderstanding_rate": 25.0,
    }
    assert DisfluencyFeatures(["word-repetition-rate", "clarification-rate"], speaker="BOB")(CALL) == {
        "word_repetition_rate": 0.0,
        "clarification_rate": 50.0,
    }


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I I want it", 1), ("The, the, the lamp", 1), ("I want I want that", 1), ("So we- we went", 1),
        ("He… he left", 1),
        ("it's... it's late", 1), ("You know what, you are right", 0), ("Very, very nice", 0), ("No, no!", 0),
        ("That is it. It is here.", 0), ("What it is is odd", 0), ("You? You did it", 0), ("a can can-opener", 0),
        ("я я хочу", 1), ("谢谢", 0), ("B4821 4821", 0), ("", 0),
    ],
)  # fmt: skip
def test_repetitions(text: str, count: int) -> None:
    assert (
        hits("word-repetition-rate", text) == count
        if text
        else DisfluencyFeatures("word-repetition-rate")(Dialog()) is None
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I wa- want it", 1), ("B-but why", 1), ("I-I-I did", 1), ("Can yo-- could you", 1), ("st-stop it", 1),
        ("a well-known re-entry", 0), ("pre- and post-war", 0), ("I was going to-", 0), ("wait — no", 0),
        ("a so-so day", 0), ("co-op or co-owner", 0),
    ],
)  # fmt: skip
def test_false_starts(text: str, count: int) -> None:
    assert hits("false-start-rate", text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("On Monday, no, on Tuesday", 1), ("Two – sorry – three of them", 1), ("It is red, I mean blue", 1),
        ("Ship it home, or rather, to work", 1), ("Make that four", 1), ("Actually, no, keep it", 1),
        ("Monday, no, wait, Tuesday", 1),
        ("No, I do not want it", 0), ("Sorry, I am late", 0), ("I see, sorry", 0), ("Yes. No. Maybe.", 0),
    ],
)  # fmt: skip
def test_self_repairs(text: str, count: int) -> None:
    assert hits("self-repair-rate", text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Huh?", 1), ("Sorry?", 1), ("Pardon me?", 1), ("What do you mean by that", 1),
        ("Could you repeat the number?", 1),
        ("I didn’t catch that.", 1), ("I don't understand.", 1), ("Which one?", 1),
        ("Sorry.", 0), ("What is the number?", 0), ("Who?", 1), ("What a day!", 0), ("Can you help me?", 0),
    ],
)  # fmt: skip
def test_clarification_requests(text: str, count: int) -> None:
    assert hits("clarification-rate", text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Ah, I misunderstood.", 1), ("That’s not what I asked!", 1), ("Sorry for the confusion.", 1),
        ("I thought you meant the red one.", 1), ("I understand.", 0), ("Thank you for asking.", 0),
    ],
)  # fmt: skip
def test_misunderstandings(text: str, count: int) -> None:
    assert hits("misunderstanding-rate", text) == count


def test_english_lists_say_nothing_of_other_scripts() -> None:
    values = DisfluencyFeatures()(dialog(("A", "Я я не понимаю.")))
    assert values == {
        "word_repetition_rate": 25.0,
        "false_start_rate": 0.0,
        "self_repair_rate": None,
        "clarification_rate": None,
        "misunderstanding_rate": None,
    }


def test_nothing_said_has_no_value() -> None:
    assert set(DisfluencyFeatures()(Dialog()).values()) == {None}
    assert set(DisfluencyFeatures(speaker="Nobody")(CALL).values()) == {None}


@given(st.text(max_size=60))
def test_rates_keep_to_their_ranges(text: str) -> None:
    for rate in DisfluencyFeatures()(dialog(("A", text), ("B", text))).values():  # type: ignore[union-attr]
        assert rate is None or rate >= 0


@given(st.lists(st.sampled_from(["red", "blue", "green"]), min_size=1, max_size=8), st.data())
def test_stumbling_more_is_more_disfluent(words: list[str], data: st.DataObject) -> None:
    rate = DisfluencyFeatures("word-repetition-rate")
    calm = [word for place, word in enumerate(words) if place == 0 or word != words[place - 1]]
    place = data.draw(st.integers(0, len(calm) - 1))
    stumbling = [*calm[: place + 1], "lamp", "lamp", *calm[place + 1 :]]
    smooth = [*calm[: place + 1], "lamp", "home", *calm[place + 1 :]]
    before, after = (rate(dialog(("A", " ".join(text)))) for text in (smooth, stumbling))
    assert after > before  # type: ignore[operator]


def test_dashes_and_dots_without_end_are_read_at_once() -> None:
    for gap in ("-" * 5000, "- " * 5000, "." * 5000, ", " * 5000, " " * 5000):
        score = DisfluencyFeatures("word-repetition-rate")
        assert score(Dialog(turns=[Turn(text=f"my my cat {gap}x")])) > 0  # type: ignore[operator]
