"""The end marker: only at the end, only as a whole word, and nothing else is ever cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.agents.stopping import split_stop


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Goodbye STOP", "Goodbye"),
        ("Goodbye. STOP", "Goodbye."),
        ("Goodbye. STOP.", "Goodbye."),
        ("Goodbye STOP.", "Goodbye"),
        ("Goodbye!\n\nSTOP\n", "Goodbye!"),
        ("Goodbye!STOP", "Goodbye!"),
        ("Goodbye! **STOP**", "Goodbye!"),
        ("Goodbye! **STOP.**", "Goodbye!"),
        ("Goodbye! *STOP*!", "Goodbye!"),
        ("Goodbye! [STOP]", "Goodbye!"),
        ("Goodbye! (STOP)", "Goodbye!"),
        ("Goodbye! `STOP`", "Goodbye!"),
        ("**Goodbye! STOP**", "**Goodbye!**"),
        ('"Goodbye! STOP."', '"Goodbye!"'),
        ('Goodbye. "STOP"', "Goodbye."),
        ("Goodbye! STOP 👋", "Goodbye! 👋"),
        ("Ciao！STOP。", "Ciao！"),
        ("再见STOP", "再见"),
        ("ขอบคุณSTOP", "ขอบคุณ"),
        ("Goodbye. STOP STOP", "Goodbye."),
        ("# STOP", ""),
        ("STOP", ""),
        ("STOP!", ""),
    ],
)
def test_marker_at_the_end_is_taken_off(text: str, left: str) -> None:
    assert split_stop(text) == (left, True)


@pytest.mark.parametrize(
    "text",
    [
        "Please STOP charging my card twice!",
        "Please STOP doing that, NONSTOP",
        "It runs NON-STOP",
        "Make it STOP!",
        "When does it STOP?",
        'The sign says "STOP"',
        "Goodbye. stop",
        "Goodbye. Stop.",
        "STOPPED",
        "don't_STOP",
        "STOP is what the sign says.",
        "",
        "   ",
    ],
)
def test_speech_stays_as_it_is(text: str) -> None:
    assert split_stop(text) == (text, False)


def test_marker_word_can_be_chosen() -> None:
    assert split_stop("Bye. <END>", "END") == ("Bye.", True)
    assert split_stop("Bye. STOP", "END") == ("Bye. STOP", False)


@given(st.text().filter(lambda text: "STOP" not in text))
def test_text_without_the_marker_is_never_touched(text: str) -> None:
    assert split_stop(text) == (text, False)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_marker_on_a_line_of_its_own_always_counts_and_costs_nothing_else(text: str) -> None:
    bare = split_stop(text).text.rstrip()
    ending = split_stop(f"{bare}.\nSTOP")
    assert ending.found
    assert ending.text == f"{bare}."


@given(st.lists(st.sampled_from(["STOP", "bye", "Bye.", "*", '"', "(", ")", "!", "NON-", "\n", " ", "👋"]), max_size=8))
def test_what_is_left_never_ends_in_the_marker_and_keeps_every_other_word(parts: list[str]) -> None:
    text = "".join(parts)
    left, found = split_stop(text)
    assert split_stop(left) == (left, False)
    assert left.count("bye") == text.count("bye") and left.count("Bye") == text.count("Bye")
    assert found == (left.count("STOP") < text.count("STOP"))
