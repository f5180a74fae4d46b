"""The people and languages of the built-in voices, as ``audio_assets/voices.yaml`` lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sdialog.audio.assets import asset
from sdialog.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who speaks: the same in every language.

    Attributes:
        name: such as ``woman-35a``.
        gender: ``male`` or ``female``.
        age: in years.
        variant: of espeak-ng, which sets the vocal tract.
        pitch: of espeak-ng, 0 to 99.
        range: of espeak-ng, 0 to 99.
        rate: of espeak-ng, words a minute as it counts them.
        f0: median fundamental frequency in American English, in Hz, measured.
        wpm: words a minute in a sentence of American English, measured.
    """

    name: str
    gender: str
    age: int
    variant: str
    pitch: int
    range: int
    rate: int
    f0: float
    wpm: float


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language in one accent.

    Attributes:
        language: in English, lower case.
        code: the voice file of espeak-ng.
        accent: such as ``scottish``; empty where there is one only. The first of a language is its usual one.
        called: other names of the language, lower case.
        also: other names of language and accent together, lower case.
        sample: a sentence in it.
        pitch_ratio: how much higher people speak it than American English, measured.
        note: what espeak-ng cannot read in it.
    """

    language: str
    code: str
    accent: str = ""
    called: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    sample: str = ""
    pitch_ratio: float = 1.0
    note: str = ""


def people() -> tuple[Person, ...]:
    """Return the people of the built-in voices.

    Example:
        >>> {person.gender for person in people()} == {"female", "male"}
        True
    """
    return _file()[0]


def tongues() -> tuple[Tongue, ...]:
    """Return the languages of the built-in voices, accent by accent.

    Example:
        >>> [tongue.code for tongue in tongues() if tongue.language == "french"]
        ['fr', 'fr-BE', 'fr-CH']
    """
    return _file()[1]


@lru_cache(maxsize=1)
def _file() -> tuple[tuple[Person, ...], tuple[Tongue, ...]]:
    import yaml

    path = asset("voices.yaml")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: Any = yaml.load(path.read_text(encoding="utf-8"), loader)
    try:
        persons = tuple(Person(**one) for one in data["people"])
        languages = tuple(_tongue(one) for one in data["languages"])
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a list of people and languages: {error}") from error
    return persons, languages


def _tongue(one: Mapping[str, Any]) -> Tongue:
    names = {key: tuple(str(name).casefold() for name in one.get(key, ())) for key in ("called", "also")}
    return Tongue(**{**one, **names})


def language_of(text: str) -> tuple[str, str]:
    """Return the language and the accent that a text means.

    Args:
        text: such as ``French``, ``fr``, ``fr-FR``, ``Brazilian Portuguese``, ``English (Scottish accent)``.

    Returns:
        Both in lower case; the accent is empty where the text names none. A language that is not known stays as it
        is written.

    Example:
        >>> language_of("Brazilian Portuguese"), language_of("en-GB"), language_of("Klingon")
        (('portuguese', 'brazilian'), ('english', 'british'), ('klingon', ''))
    """
    wanted = " ".join(text.replace("_", "-").casefold().split())
    names = _names()
    if wanted in names:
        return names[wanted]
    code = wanted.partition("-")[0]
    if re.fullmatch(r"[a-z]{2,3}-[a-z0-9-]+", wanted) and code in names:
        return names[code][0], ""
    for part in re.findall(r"[^\W\d_]+", wanted):
        if part in _languages():
            return part, accent_in(wanted, part)
    first = re.split(r"[,;/(]| and | or ", wanted)[0].strip()
    return names.get(first, (first, ""))


def accent_in(text: str, language: str = "") -> str:
    """Return the accent that a text names, or an empty string.

    Args:
        text: such as "a light Scottish accent".
        language: whose accents come first.

    Example:
        >>> accent_in("Warm, with a light Scottish accent"), accent_in("with an Irish accent"), accent_in("calm")
        ('scottish', 'irish', '')
    """
    folded = text.casefold()
    known = sorted(
        (tongue for tongue in tongues() if tongue.accent), key=lambda one: (one.language != language, -len(one.accent))
    )
    named = re.findall(r"([^\W\d_]+(?: [^\W\d_]+)?)[ -]accent", folded)
    for tongue in known:
        words = re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in (tongue.accent, *tongue.also))})\b")
        if any(words.search(one) for one in named) or (tongue.language == language and words.search(folded)):
            return tongue.accent
    last = [one.split()[-1] for one in named]
    return next((one for one in last if not _NOT_ACCENTS.fullmatch(one)), "")


_NOT_ACCENTS = re.compile(
    "an?|the|no|any|some|strong|thick|heavy|light|slight|soft|faint|mild|broad|regional|local|foreign|native|neutral|"
    "standard|clear|noticeable|her|his|their"
)


@lru_cache(maxsize=1)
def _languages() -> frozenset[str]:
    return frozenset(tongue.language for tongue in tongues())


@lru_cache(maxsize=1)
def _names() -> dict[str, tuple[str, str]]:
    """Return every name of a language against language and accent; a bare language has no accent."""
    names: dict[str, tuple[str, str]] = {}
    for tongue in reversed(tongues()):
        names[tongue.code.casefold()] = (tongue.language, tongue.accent)
        for name in tongue.also:
            names[name] = (tongue.language, tongue.accent)
    for tongue in tongues():
        bare = (tongue.language, *tongue.called)
        # A code without a country, such as "pt", means the language alone, though it is the file of one accent.
        names |= dict.fromkeys((*bare, *([] if "-" in tongue.code else [tongue.code])), (tongue.language, ""))
    return names
