"""Syllables of a written word, roughly: enough for rhythm, in any script."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_VOWELS = {"a": "a", "e": "e", "i": "i", "o": "o", "u": "u", "y": "i", "æ": "e", "ø": "o", "œ": "o", "ı": "i"}
_LATIN = re.compile(r"([^aeiouy]*)([aeiouy]+)")


@dataclass(frozen=True, slots=True)
class Syllable:
    """A syllable.

    Attributes:
        text: its letters.
        vowel: the nearest of the five vowels a, e, i, o, u.
        onset: whether a consonant begins it.
    """

    text: str
    vowel: str
    onset: bool


def syllables(word: str) -> list[Syllable]:
    """Return the syllables of a word; none where it has neither letters nor digits.

    A run of vowels makes a syllable, with the consonants before it; those after the last vowel belong to it. A
    digit, and a letter of a script without an alphabet of vowels, is a syllable of its own.

    Example:
        >>> [part.text for part in syllables("banana!")]
        ['ba', 'na', 'na']
        >>> [part.text for part in syllables("42")]
        ['4', '2']
    """
    found: list[Syllable] = []
    for run in re.findall(r"\d|[^\W\d_]+", word.lower()):
        letters = "".join(_plain(letter) for letter in run)
        found += _latin(run, letters) if letters.isascii() and letters.isalpha() else _single(run)
    return found


def _plain(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return _VOWELS.get(letter, base)


def _latin(run: str, letters: str) -> list[Syllable]:
    matches = list(_LATIN.finditer(letters))
    if not matches:
        return [Syllable(run, "e", True)]
    made = []
    for number, match in enumerate(matches):
        end = len(letters) if number == len(matches) - 1 else match.end()
        vowel = _VOWELS[match[2][0]]
        made.append(Syllable(run[match.start() : end], vowel, bool(match[1])))
    return made


def _single(run: str) -> list[Syllable]:
    # The code point chooses the vowel, so that texts of any script vary and repeat themselves alike.
    return [Syllable(letter, "aeiou"[ord(letter) % 5], True) for letter in run if letter.isalnum()]
