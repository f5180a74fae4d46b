"""What is known about the voice of a speaker before one is chosen: read from the persona, else drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdialog.audio.voices.ages import age_in, age_told, age_word
from sdialog.audio.voices.builtin import accent_in, language_of
from sdialog.audio.voices.genders import gender_in, gender_of_title, gender_told
from sdialog.core.seeds import rng

_LANGUAGE = ("language", "native_language", "languages")
_GENDER = ("gender", "sex", "pronouns")
_AGE = ("age", "age_group", "age_range")
_ABOUT_VOICE = ("voice_characteristics", "voice_description", "voice", "accent", "speaking_style", "speech_style")
_ABOUT_PERSON = ("description", "role", "background", "circumstances", "occupation")

_WISHES = {
    "pitch": (
        ("low", r"deep|low|low-pitched|bass|baritone|dark"),
        ("high", r"high|high-pitched|squeaky|soprano|shrill|piping|bright"),
    ),
    "pace": (
        ("slow", r"slow|slowly|unhurried|leisurely|drawling|drawl|deliberate|measured"),
        ("fast", r"fast|quick|quickly|rapid|rapidly|brisk|hurried|rushed"),
    ),
}


@dataclass(frozen=True, slots=True)
class SpeakerFacts:
    """What a speaker's voice should be.

    Attributes:
        language: in English, lower case.
        gender: ``male`` or ``female``.
        age: in years.
        accent: lower case; empty if nothing says one.
        pitch: ``low``, ``high`` or empty.
        pace: ``slow``, ``fast`` or empty.
        description: all that is said about the voice, in its own words.
        said: for each of these that something says, the words and where they stand.
        drawn: what nothing says, so that it was drawn from the seed.
    """

    language: str
    gender: str
    age: int
    accent: str = ""
    pitch: str = ""
    pace: str = ""
    description: str = ""
    said: Mapping[str, str] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the facts as JSON data, without what is empty."""
        facts: dict[str, Any] = {"language": self.language, "gender": self.gender, "age": self.age}
        facts |= {name: value for name in ("accent", "pitch", "pace", "description") if (value := getattr(self, name))}
        return {**facts, "said": dict(self.said), "drawn": list(self.drawn)}


def facts_of(
    speaker: str,
    persona: Any = None,
    *,
    seed: int = 0,
    language: str = "english",
    description: str = "",
    occurrence: int = 0,
) -> SpeakerFacts:
    """Return what the voice of a speaker should be.

    Fields of the persona come first, then the words about the voice, then what other texts tell about the person
    ("in her sixties", "8 years old"), then a title in the name. A gender or age that nothing says is drawn from the
    speaker's own stream of the seed. The persona is not changed.

    Args:
        speaker: name of the speaker.
        persona: a mapping or an object with attributes, of any class, or None.
        seed: of what is drawn.
        language: where the persona names none.
        description: more words about the voice.
        occurrence: which speaker of this name it is.

    Example:
        >>> facts = facts_of("Ann", {"background": "A teacher in her sixties.", "voice": "low and slow"})
        >>> facts.gender, facts.age, facts.pitch, facts.pace, facts.drawn
        ('female', 65, 'low', 'slow', ())
    """
    said: dict[str, str] = {}
    spoken, accent = _language(persona, language, said)
    about_voice = [*([("description", description)] if description else []), *_texts(persona, _ABOUT_VOICE)]
    gender = _gender(speaker, persona, about_voice, said)
    age = _age(persona, about_voice, said)
    wishes = {name: _wish(name, about_voice, said) for name in _WISHES}
    accent = _accent(accent, spoken, about_voice, said)
    drawn = tuple(name for name, value in (("gender", gender), ("age", age)) if not value)
    words = "; ".join(text for _, text in about_voice)
    # Both are always drawn, each from its own stream: what a persona says of one does not move the other.
    coin = "male" if rng(seed, "voice", speaker, occurrence, "gender").random() < 0.5 else "female"
    years = round(rng(seed, "voice", speaker, occurrence, "age").uniform(20, 65))
    return SpeakerFacts(
        spoken, gender or coin, age or years, accent, wishes["pitch"], wishes["pace"], words, said, drawn
    )


def _value(persona: Any, name: str) -> Any:
    return persona.get(name) if isinstance(persona, Mapping) else getattr(persona, name, None)


def _texts(persona: Any, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the fields of these names that hold words."""
    for name in names:
        value = _value(persona, name)
        if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
            value = ", ".join(value)
        if isinstance(value, str) and value.strip():
            yield name, value.strip()


def _language(persona: Any, default: str, said: dict[str, str]) -> tuple[str, str]:
    for name, text in _texts(persona, _LANGUAGE):
        said["language"] = f"{name}: {text}"
        return language_of(text)
    return language_of(default)


def _gender(speaker: str, persona: Any, about_voice: list[tuple[str, str]], said: dict[str, str]) -> str:
    for name, text in _texts(persona, _GENDER):
        if found := gender_in(text):
            said["gender"] = f"{name}: {text}"
            return found
    texts = [(name, text, True) for name, text in about_voice]
    texts += [(name, text, False) for name, text in _texts(persona, _ABOUT_PERSON)]
    for name, text, voice in texts:
        if told := gender_told(text, about_voice=voice):
            said["gender"] = f"{name}: {told[1]}"
            return told[0]
    for name, text in (*_texts(persona, ("name",)), ("speaker", speaker)):
        if told := gender_of_title(text):
            said["gender"] = f"{name}: {told[1]}"
            return told[0]
    return ""


def _age(persona: Any, about_voice: list[tuple[str, str]], said: dict[str, str]) -> int:
    for name in _AGE:
        value = _value(persona, name)
        if found := age_in(value):
            said["age"] = f"{name}: {value}"
            return found
    for name, text in (*about_voice, *_texts(persona, _ABOUT_PERSON)):
        if told := age_told(text):
            said["age"] = f"{name}: {told[1]}"
            return told[0]
    for name, text in about_voice:
        if word := age_word(text):
            said["age"] = f"{name}: {text}"
            return word
    return 0


def _wish(which: str, about_voice: list[tuple[str, str]], said: dict[str, str]) -> str:
    for name, text in about_voice:
        for wish, words in _WISHES[which]:
            if found := re.search(rf"\b(?:{words})\b", text.casefold()):
                said[which] = f"{name}: {found[0]}"
                return wish
    return ""


def _accent(accent: str, language: str, about_voice: list[tuple[str, str]], said: dict[str, str]) -> str:
    for name, text in about_voice:
        found = accent_in(f"{text} accent" if name == "accent" and "accent" not in text.casefold() else text, language)
        if found:
            said["accent"] = f"{name}: {text}"
            return found
    return accent
