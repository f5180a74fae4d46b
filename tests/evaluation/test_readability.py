"""Readability formulas against values worked out by hand, and what they must not depend on."""

from __future__ import annotations

import unicodedata

import pytest

from sdialog import Dialog, Turn
from sdialog.evaluation import ReadabilityScore
from sdialog.evaluation.metrics.text import sentences, syllables, words

# 12 words, 2 sentences, 20 syllables (com-pu-ter, re-li-a-ble and beau-ti-ful have three or more), 52 letters
TEXT = "The computer is reliable and works. It sits on a beautiful table."


def test_the_counts_behind_the_formulas() -> None:
    found = words(TEXT)
    assert (len(found), len(sentences(TEXT)), sum(map(len, found))) == (12, 2, 52)
    assert [syllables(word) for word in found] == [1, 3, 1, 4, 1, 1, 1, 1, 1, 1, 3, 2]


def test_every_formula_worked_by_hand() -> None:
    assert ReadabilityScore()(Dialog(turns=[Turn(speaker="Incomprehensibilities", text=TEXT)])) == {
        "gunning_fog": pytest.approx(0.4 * (6 + 100 * 3 / 12)),
        "flesch_reading_ease": pytest.approx(206.835 - 1.015 * 6 - 84.6 * 20 / 12),
        "coleman_liau": pytest.approx(0.0588 * 52 * 100 / 12 - 0.296 * 2 * 100 / 12 - 15.8),
        # nine words of up to two syllables, three of more, in two sentences: 18 / 2 = 9, and (9 - 2) / 2
        "linsear_write": pytest.approx(3.5),
        # computer, reliable and beautiful are long: 25 %
        "dale_chall": pytest.approx(0.1579 * 25 + 0.0496 * 6 + 3.6365),
    }


@pytest.mark.parametrize("times", [2, 5, 50])
def test_saying_the_same_again_changes_no_formula(times: int) -> None:
    # but for Linsear's sample of the first 100 words, which may end with either of the two sentences
    once, often = (ReadabilityScore()(Dialog(turns=[Turn(text=TEXT)] * n)) for n in (1, times))
    assert often == {key: pytest.approx(value, rel=0.01) for key, value in once.items()}  # type: ignore[union-attr]


def test_longer_sentences_and_longer_words_are_harder() -> None:
    easy, long, hard = (
        ReadabilityScore()(Dialog(turns=[Turn(text=text)]))
        for text in (
            "We go home. We eat well. We sleep long.",
            "We go home and we eat well and we sleep long.",
            "Unfortunately administrators investigated. International communication deteriorated considerably.",
        )
    )
    for key in ("gunning_fog", "coleman_liau", "linsear_write", "dale_chall"):
        assert easy[key] < hard[key]  # type: ignore[index]
    assert easy["flesch_reading_ease"] > long["flesch_reading_ease"] > hard["flesch_reading_ease"]  # type: ignore[index]


def test_nothing_to_read_has_no_readability() -> None:
    assert set(ReadabilityScore()(Dialog(turns=[Turn(text="?! 12")])).values()) == {None}  # type: ignore[union-attr]
    assert ReadabilityScore.calculate_gunning_fog("") is None


def test_syllables_of_words_of_service_calls() -> None:
    known = {
        "the": 1, "customer": 3, "called": 1, "delayed": 2, "delivery": 4, "wanted": 2, "package": 2, "idea": 3,
        "create": 2, "science": 2, "quiet": 2, "radio": 3, "client": 2, "appointment": 3, "insurance": 3, "video": 3,
        "immediately": 5, "people": 2, "reservation": 4, "damaged": 2, "changes": 2, "little": 2, "don't": 1,
    }  # fmt: skip
    assert {word: syllables(word) for word in known} == known


@pytest.mark.parametrize(
    "text", ["Привет! Как дела?", "你好，我的灯坏了。", "OK, где моя лампа? Я жду.", "मेरा लैंप टूट गया।"]
)
def test_formulas_for_english_say_nothing_of_other_scripts(text: str) -> None:
    assert set(ReadabilityScore()(Dialog(turns=[Turn(text=text)])).values()) == {None}  # type: ignore[union-attr]


def test_a_full_stop_within_a_word_or_number_ends_no_sentence() -> None:
    assert sentences("It costs 3.50 at 10 a.m. on www.shop.com. Fine.Good!") == [
        "It costs 3.50 at 10 a.m.", "on www.shop.com.", "Fine.", "Good!",
    ]  # fmt: skip
    assert sentences("Well… yes. नमस्ते। كيف؟ نعم۔") == ["Well…", "yes.", "नमस्ते।", "كيف؟", "نعم۔"]


def test_words_of_every_script_are_whole() -> None:
    assert words("नमस्ते, आप कैसे हैं?") == ["नमस्ते", "आप", "कैसे", "हैं"]
    assert words("cafe\u0301 nai\u0308ve") == ["cafe\u0301", "nai\u0308ve"]  # accents as signs of their own
    assert words("مَرْحَبًا بك") == ["مَرْحَبًا", "بك"] and words("می\u200cخواهم") == ["می\u200cخواهم"]
    assert words("தமிழ் বাংলা తెలుగు") == ["தமிழ்", "বাংলা", "తెలుగు"]


def test_every_mark_of_letters_with_spaces_between_words_belongs_to_one() -> None:
    spaced = ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM",
              "SINHALA", "ARABIC", "HEBREW", "COMBINING GRAVE", "COMBINING ACUTE", "COMBINING DIAERESIS")  # fmt: skip
    for sign in map(chr, range(0x300, 0x10000)):
        if unicodedata.category(sign) in ("Mn", "Mc") and unicodedata.name(sign, "").startswith(spaced):
            assert len(words(f"a{sign}b")) == 1, unicodedata.name(sign)
