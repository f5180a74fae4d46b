"""Whether somebody is a man or a woman, from words."""

from __future__ import annotations

import re
from typing import Any

_MALE = "male|m|man|boy|masculine|men|gentleman|guy|he|him"
_FEMALE = "female|f|woman|girl|feminine|women|lady|she|her"
_WORDS = re.compile(rf"\b(?:({_FEMALE}|female\w*)|({_MALE}|male\w*))\b")
_TITLE = re.compile(
    r"(?:(mrs|ms|miss|madam|lady|sister|aunt|señora|madame|frau)|(mr|sir|lord|señor|monsieur|herr))\b\.?"
)
_VOICE = re.compile(r"\b(?:(female|woman|woman's|girl|girl's|feminine|her)|(male|man|man's|boy|boy's|masculine|his))\b")
_SUBJECT = re.compile(r"(?:^|[.!?;] *|\bin )(?:(she|her)|(he|his))\b")


def normalize_gender(gender: Any, rng: Any) -> str:
    """Return ``male`` or ``female`` from words, or by a fair coin.

    Args:
        gender: "male", "m", "man", "boy", "masculine", what begins with "male", and likewise for women.
        rng: a random generator with ``random``: ``random.Random`` or ``numpy.random.Generator``.

    Example:
        >>> import random
        >>> normalize_gender("F", random.Random(0)), normalize_gender("Male (he/him)", random.Random(0))
        ('female', 'male')
    """
    found = gender_in(gender)
    return found or ("male" if float(rng.random()) < 0.5 else "female")


def gender_in(gender: Any) -> str:
    """Return ``male`` or ``female`` if words for a gender say which, else an empty string."""
    text = gender.strip().casefold() if isinstance(gender, str) else ""
    return _which(_WORDS.search(text))


def gender_told(text: str, *, about_voice: bool = False) -> tuple[str, str] | None:
    """Return a gender that running text tells about its subject, and the word that tells it, or None.

    Args:
        text: about a person, or about a voice.
        about_voice: whether each word in it is about the voice, so that "woman" tells more than that one is met.

    Example:
        >>> gender_told("A teacher in her sixties."), gender_told("Met a woman once.")
        (('female', 'her'), None)
    """
    folded = text.casefold()
    found = _SUBJECT.search(folded) or (_VOICE.search(folded) if about_voice else None)
    return (_which(found), (found[1] or found[2])) if found else None


def gender_of_title(name: str) -> tuple[str, str] | None:
    """Return the gender that the title in a name tells, and the title, or None.

    Example:
        >>> gender_of_title("Mrs. Okafor"), gender_of_title("Mira")
        (('female', 'Mrs.'), None)
    """
    found = _TITLE.match(name.strip().casefold())
    return (_which(found), name.strip()[: found.end()]) if found else None


def _which(found: re.Match[str] | None) -> str:
    if not found:
        return ""
    return "female" if found[1] else "male"
