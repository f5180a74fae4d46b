"""How old somebody is, from a number or from words."""

from __future__ import annotations

import re
from typing import Any

_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_ONES = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_PART = {"early": 2, "mid": 5, "middle": 5, "late": 8, "": 5}  # years into a decade
# In this order: a "young adult" is young, a "middle-aged adult" in the middle.
_WORDS = (
    (r"child(?!-?less|hood)|kid|schoolboy|schoolgirl", 10),
    (r"teen|adolescent", 16),
    (r"young", 25),
    (r"middle", 45),
    (r"elderly", 75),
    (r"senior|old(?!er (?:brother|sister))|retired|pensioner", 70),
    (r"adult|grown", 35),
)
_DECADE = re.compile(
    r"(?:\b(early|mid|middle|late)(?:dle)?[ -]*(?:to[ -]late[ -]*)?)?"
    rf"\b(?:([1-9]0)['’]?s|({'|'.join(ten[:-1] + 'ies' for ten in _TENS)}))\b"
)
_SPOKEN = rf"(?:({'|'.join(_TENS)})(?:[ -]({'|'.join(list(_ONES)[:9])}))?|({'|'.join(_ONES)}))"
_YEARS = re.compile(rf"(?:\b(\d{{1,3}})|\b{_SPOKEN})[ -]*years?[ -]*(?:old|of age)\b|\baged? (\d{{1,3}})\b")
_MONTHS = re.compile(r"\b\d+[ -]*months?[ -]*old\b")
# Behind an age these say that it is somebody else's: "has a 4-year-old daughter".
_OTHERS = re.compile(
    r"[ -]*(?:\w+ )?(?:son|daughter|child|kid|boy|girl|twin|brother|sister|dog|cat|car|house|home|company|firm|laptop|"
    r"phone|account|policy|niece|nephew|grand|mother|father|parent|husband|wife|building|business|machine|router)"
)
_HAVING = re.compile(r"\b(?:has|have|had|with|of|her|his|their|my|for|to)(?: an?| two| three| the)? *$")


def normalize_age(age: Any, rng: Any) -> int:
    """Return an age in years from a number or words, or draw one.

    A positive number counts as it is. In a text the first of these does: a decade ("late fifties", "in her 60s"),
    digits, a number in words ("sixty-two"), a word such as "child", "teenager", "young", "middle-aged", "adult",
    "senior", "elderly". Else the age is uniform between 20 and 65.

    Args:
        age: what a persona says.
        rng: a random generator with ``uniform``: ``random.Random`` or ``numpy.random.Generator``.

    Example:
        >>> import random
        >>> [normalize_age(age, random.Random(0)) for age in (41, "8 years old", "late fifties", "teenager")]
        [41, 8, 58, 16]
    """
    found = age_in(age)
    return round(float(rng.uniform(20, 65))) if found is None else found


def age_in(age: Any) -> int | None:
    """Return the age that a number or words for an age mean, or None; see :func:`normalize_age`."""
    if isinstance(age, (int, float)) and not isinstance(age, bool):
        return max(1, round(age)) if 0 < age < float("inf") else None
    text = str(age).casefold() if isinstance(age, str) else ""
    if _MONTHS.search(text):
        return 1
    decade = _decade(text)
    if decade is not None:
        return decade
    digits = re.search(r"\d+(?:\.\d+)?", text)
    if digits and 0 < float(digits[0]) <= 130:
        return max(1, round(float(digits[0])))
    spoken = re.search(rf"\b{_SPOKEN}\b", text)
    if spoken:
        return _value(spoken[1], spoken[2], spoken[3])
    return age_word(text)


def age_word(text: str) -> int | None:
    """Return the age that a word such as "teenager" stands for, or None."""
    folded = text.casefold()
    return next((years for words, years in _WORDS if re.search(rf"\b(?:{words})", folded)), None)


def age_told(text: str) -> tuple[int, str] | None:
    """Return an age that running text tells about its subject, and the words that tell it, or None.

    Example:
        >>> age_told("A teacher in her sixties."), age_told("Has an 8-year-old daughter.")
        ((65, 'in her sixties'), None)
    """
    folded = text.casefold()
    decade = re.search(rf"\bin (?:his|her|their|the|my)? ?{_DECADE.pattern}", folded)
    if decade:
        return _decade(decade[0]) or 0, text[decade.start() : decade.end()]
    for found in _YEARS.finditer(folded):
        if _OTHERS.match(folded, found.end()) or _HAVING.search(folded[: found.start()]):
            continue
        years = int(found[1] or found[5] or 0) or _value(found[2], found[3], found[4])
        if 0 < years <= 130:
            return years, text[found.start() : found.end()]
    return None


def _decade(text: str) -> int | None:
    found = _DECADE.search(text)
    if found:
        start = int(found[2]) if found[2] else _TENS[found[3][:-3] + "y"]
        return start + _PART[found[1] or ""]
    teens = re.search(r"\b(?:(early|mid|late)[ -]*)?teens\b", text)
    return {"early": 13, "late": 18}.get(teens[1] or "", 16) if teens else None


def _value(ten: str | None, one: str | None, small: str | None) -> int:
    return _ONES[small] if small else _TENS.get(ten or "", 0) + _ONES.get(one or "", 0)
