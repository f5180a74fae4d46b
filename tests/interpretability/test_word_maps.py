"""Dialogs drawn as they read, each token on a colour of its value."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UserError
from sdialog.interpretability import ActivationCache, LabelledArray
from sdialog.interpretability.figures.word_maps import word_map

SAID = ("I want my money back. It costs 5 dollars.", "One moment, please.", "Thank you.")


@pytest.fixture(scope="module")
def cache():
    turns = [Turn(speaker=("Ann", "Ava")[place % 2], text=text) for place, text in enumerate(SAID)]
    dialogs = [Dialog(id=name, turns=turns) for name in ("one", "two")]
    return ActivationCache.record("embedded:mini", dialogs, "embed", "content & ~role(system)", speaker="Ava")


def labels(texts, turns=None, speakers=None):
    turns = turns or [0] * len(texts)
    speakers = speakers or ["Ann"] * len(texts)
    return {
        "text": texts,
        "turn": turns,
        "speaker": speakers,
        "role": ["user"] * len(texts),
        "dialog": [0] * len(texts),
    }


def placed(figure):
    return {(text.get_position(), text.get_text()) for text in figure.axes[0].texts}


def lines(figure):
    """Return what stands on each line, words with the spaces between them."""
    found = {}
    for (place, line), text in sorted(placed(figure), key=lambda one: one[0]):
        if place >= 0:
            row = found.setdefault(line, "")
            found[line] = row.ljust(int(place)) + text
    return [found[line] for line in sorted(found)]


def test_a_dialog_stands_as_it_was_said(cache):
    one = cache.select(dialog="one")
    figure = word_map(one.labels, np.linspace(-1, 1, len(one)), "reading")
    assert lines(figure) == list(SAID)
    assert {text for (place, _), text in placed(figure) if place < 0} == {"0 Ann", "1 Ava", "2 Ann"}
    assert figure.axes[1].get_ylabel() == "reading"
    figure.savefig(io.BytesIO(), format="png")


def test_colours_tell_the_values():
    figure = word_map(labels(["low", "\u0120zero", "\u0120high", "\u0120none"]), [-2.0, 0.0, 2.0, float("nan")])
    low, zero, high, none = (box.get_facecolor() for box in figure.axes[0].patches)
    assert low[2] > low[0] and high[0] > high[2]  # blue, red
    assert min(zero[:3]) > 0.95 and none[:3] == (1.0, 1.0, 1.0)
    positive = word_map(labels(["little", "\u0120much"]), [0.0, 2.0])
    assert positive.axes[1].get_ylim()[0] == 0.0


def test_spaces_and_formula_signs_of_vocabularies_are_drawn_as_meant():
    figure = word_map(labels(["\u2581A", "$", "5", "\u2581and", "$", "6", "\u010a"]), [1.0] * 7)
    drawn = [text for (place, _), text in sorted(placed(figure)) if place >= 0]
    assert drawn == ["A", r"\$", "5", "and", r"\$", "6", "↵"]
    figure.savefig(io.BytesIO(), format="png")  # "$5 and $" alone would be a formula


@settings(max_examples=25, deadline=None)
@given(
    words=st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=9), min_size=1, max_size=30
    ),
    width=st.integers(10, 60),
)
def test_no_word_is_lost_and_lines_are_no_longer_than_asked(words, width):
    tokens = [word if place == 0 else f"\u0120{word}" for place, word in enumerate(words)]
    figure = word_map(labels(tokens), np.ones(len(tokens)), width=width)
    drawn = lines(figure)
    assert " ".join(drawn).split() == words
    assert max(map(len, drawn)) <= width


def test_letters_of_byte_level_vocabularies_are_read_and_others_stay():
    figure = word_map(labels(["Jos\u00c3\u00a9", "\u0120\u00c5\u0123uk", "\u2581Z\u00fcrich", "\u00c3"]), [1.0] * 4)
    assert lines(figure) == ["Jos\u00e9 \u0141uk Z\u00fcrich\u00c3"]


def test_says_what_does_not_fit(cache):
    with pytest.raises(UserError, match="several dialogs; pick one"):
        word_map(cache.labels, np.zeros(len(cache)))
    one = cache.select(dialog="one")
    with pytest.raises(UserError, match="have 2 values; give one for each"):
        word_map(one.labels, [0.0, 1.0])
    means = one.mean(by="turn")
    with pytest.raises(UserError, match="record the dialog without reduce"):
        word_map(means.labels, np.zeros(len(means)))


def test_bars_name_their_axis_and_write_marks_as_they_are():
    axes = LabelledArray.of([0.5, 1.0], "probability", token=["<|end|>", "Hi"]).plot().axes[0]
    assert axes.get_ylabel() == "token" and axes.get_xlabel() == "probability"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["<|end|>", "Hi"]
    assert "<¦end¦>" in LabelledArray.of([0.5], "probability", token=["<|end|>"]).table()
