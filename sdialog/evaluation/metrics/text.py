"""Words, sentences and syllables: what the linguistic metrics count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts that are written without spaces, for a class of a regular expression."""

MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0898-\u089f\u08ca-\u08e1\u08e3-\u0903\u093a-\u093c"
    "\u093e-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc\u09be-\u09cd\u09d7\u09e2\u09e3\u09fe\u0a01-\u0a03"
    "\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83\u0abc\u0abe-\u0acd\u0ae2\u0ae3\u0afa-\u0aff\u0b01-\u0b03\u0b3c\u0b3e-\u0b57"
    "\u0b62\u0b63\u0b82\u0bbe-\u0bcd\u0bd7\u0c00-\u0c04\u0c3c\u0c3e-\u0c56\u0c62\u0c63\u0c81-\u0c83\u0cbc"
    "\u0cbe-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b\u0d3c\u0d3e-\u0d4d\u0d57\u0d62\u0d63\u0d81-\u0d83\u0dca-\u0ddf\u0df2\u0df3"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f87\u0f8d-\u0fbc\u135d-\u135f\u1ab0-\u1aff\u1cd0-\u1cff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ua8e0-\ua8ff\ufb1e\ufe20-\ufe2f"
)
"""Accents and vowel signs that belong to the letter before, and joiners: Python takes none of them for a letter."""

# A word is a run of letters of any script, with apostrophes and hyphens inside; scripts written without spaces count
# by the character.
_LETTERS = rf"[^\W\d_{UNSPACED}]+"
_WORD = re.compile(rf"[{UNSPACED}]|{_LETTERS}(?:['’-]{_LETTERS}|[{MARKS}]+(?:['’-]?{_LETTERS})?)*")
# A full stop within a number, an abbreviation or an address ends no sentence: "3.50", "a.m.", "www.shop.com".
_SENTENCE = re.compile(r"[^.!?。！？؟۔।…\n]+(?:\.(?=[a-z\d])[^.!?。！？؟۔।…\n]+)*[.!?。！？؟۔।…]*")
_FIRST_NOT_LATIN = "\u02b0"
_JOINT = re.compile("['’-]")
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ]+")
_APART = re.compile(
    r"i[ao]|iu|[^qg]u[aoi](?!$)|eo(?=[lnr]|$)|[^aeiou]ie(?=t|nt$|nce)|uie(?=t)|ea(?=$|t[eio]|li[ts])|[aeiouy]ing"
    r"|[^aeiouyl]ism$"
)
_ONE_SOUND = re.compile(r"[tcsgx]i(?=[ao])")
_SILENT = tuple(
    re.compile(ending)
    for ending in (
        r"(?<=[^aeiouy])(?<![^aeiouylr]l)e$",
        r"(?<=[^aeiouytd])(?<![^aeiouylr]l)ed$",
        r"(?<=[^aeiouysxzcgh])(?<![^aeiouyl]l)es$",
        r"[^aeiouy](?:ely|eless|eful|ement|eness)(?:s|ly)?$",
    )
)


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case.

    Example:
        >>> words("Don't re-send B4821, Zoë!")
        ["don't", 're-send', 'b', 'zoë']
        >>> words("你好吗")
        ['你', '好', '吗']
    """
    return _WORD.findall(text.lower())


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: what ends in a full stop, question or exclamation mark, or a line.

    Example:
        >>> sentences("Hi! I see... What now? It is 3.50.")
        ['Hi!', 'I see...', 'What now?', 'It is 3.50.']
    """
    return [sentence for part in _SENTENCE.findall(text) if (sentence := part.strip())]


def mostly_latin(found: Sequence[str]) -> bool:
    """Return whether at least half of the words are in Latin letters, without which English lists say nothing.

    Example:
        >>> mostly_latin(["where", "is", "лампа"]), mostly_latin(["ok", "где", "лампа"]), mostly_latin([])
        (True, False, False)
    """
    return bool(found) and 2 * sum(word[0] < _FIRST_NOT_LATIN for word in found) >= len(found)


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> int:
    """Return the number of syllables of an English word in lower case, at least 1.

    Groups of vowels are counted, less silent endings and more where two vowels are spoken apart. Of the 117,000 words
    of letters in the CMU Pronouncing Dictionary, 92.0 % get a number of syllables that the dictionary gives.

    Example:
        >>> [syllables(word) for word in ("cat", "table", "makes", "wanted", "beautiful", "idea", "reliable")]
        [1, 2, 1, 2, 3, 3, 4]
    """
    return sum(_syllables_of_part(part) for part in _JOINT.split(word) if _VOWELS.search(part)) or 1


def _syllables_of_part(word: str) -> int:
    count = len(_VOWELS.findall(word)) + len(_APART.findall(word)) - len(_ONE_SOUND.findall(word))
    return max(1, count - any(silent.search(word) for silent in _SILENT))


def utterances(dialog: Dialog, speaker: str | None = None) -> list[str]:
    """Return what is said, without speaker labels; of one speaker only, if one is named.

    Names are compared without regard to letter case. A speaker who says nothing gives an empty list.
    """
    wanted = None if speaker is None else speaker.casefold()
    return [turn.text for turn in dialog if wanted is None or (turn.speaker or "").casefold() == wanted]


def joined(texts: Iterable[str]) -> str:
    """Return texts as one, each a paragraph of its own."""
    return "\n".join(texts)


def mean(numbers: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return sum(numbers) / len(numbers) if numbers else None
