"""Forced alignment: real speech with known times, and guesses that say they are guesses."""

from __future__ import annotations

import numpy
import pytest

from sdialog.audio.alignment import align, aligned_clip
from sdialog.audio.recognizer import Recognizer
from sdialog.audio.sound import Clip
from sdialog.audio.tts.base import engines

SAID = ["Hello there, Ana. I would like some tea.", "Please stop. Take that back!"]


def spoken(text, voice="en-us"):
    engine = engines.get("espeak")()
    return engine.speak(engine.normalize(text), voice, seed=1)


def test_words_are_found_where_the_engine_says_them():
    errors = []
    for voice in ("en-us", "en+f2"):
        for text in SAID:
            clip = spoken(text, voice)
            found = align(clip.samples, clip.rate, text)
            assert not found.guess and [word.text for word in found.words] == text.split()
            errors += [abs(a.start - b.start) for a, b in zip(found.words, clip.words, strict=True)]
    assert numpy.median(errors) <= 0.015 and max(errors) <= 0.08


def test_sounds_are_within_their_words():
    clip = spoken(SAID[0])
    words = align(clip.samples, clip.rate, SAID[0]).words
    assert [sound.symbol for sound in words[0].phonemes] == ["HH", "AH", "L", "OW"]
    for word in words:
        assert all(word.start <= sound.start <= sound.end <= word.end for sound in word.phonemes)


def test_numbers_and_unknown_words_are_aligned_as_tokens_of_the_dialog():
    text = "Zylotek costs $20.50 — really!"
    clip = spoken(text)
    found = align(clip.samples, clip.rate, text)
    assert not found.guess
    assert [word.text for word in found.words] == text.split()
    times = {word.text: word.end - word.start for word in found.words}
    assert times["$20.50"] > 2 * times["costs"] and times["—"] == 0


@pytest.mark.parametrize(
    ("samples", "text", "language", "why"),
    [
        (numpy.zeros(16000, dtype=numpy.float32), "bonjour madame", "french", "not french"),
        (numpy.zeros(0, dtype=numpy.float32), "hello", "english", "does not fit"),
        (numpy.zeros(1600, dtype=numpy.float32), "a long sentence that is not here " * 3, "english", "does not fit"),
        (numpy.zeros(16000, dtype=numpy.float32), "🙂", "english", "does not fit"),
    ],
)
def test_a_guess_says_so_and_why(samples, text, language, why):
    found = align(samples, 16000, text, language)
    assert found.guess and found.method == "even" and why in found.why
    assert [word.text for word in found.words] == text.split()
    assert found.json()["guess"] is True


def test_times_of_the_engine_are_kept():
    clip = spoken(SAID[1])
    assert aligned_clip(clip, SAID[1]) == (clip, None)
    made, found = aligned_clip(Clip(clip.samples, clip.rate), SAID[1])
    assert found is not None and made.words == found.words


@pytest.mark.parametrize(
    "texts", [["I would like some tea.", "Please stop."], pytest.param([], marks=pytest.mark.slow)]
)
def test_what_was_heard_before_does_not_matter(texts):
    listener, first, second = Recognizer(texts), spoken("I would like some tea."), spoken("Please stop.")
    alone = listener(first.samples, first.rate)
    listener(second.samples, second.rate)
    assert listener(first.samples, first.rate) == alone
    assert "like some tea" in alone
    assert listener(numpy.zeros(0, dtype=numpy.float32), 16000) == ""


def test_words_that_no_dictionary_has_are_heard_by_their_letters():
    listener, clip = Recognizer(["We sell brishtons.", "They do not."]), spoken("We sell brishtons.")
    assert listener(clip.samples, clip.rate) == "we sell brishtons"
