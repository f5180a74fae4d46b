"""Voices that an engine chooses or makes itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdialog.audio.voices.facts import SpeakerFacts
from sdialog.audio.voices.voice import Voice
from sdialog.core.errors import UnsupportedFeatureError
from sdialog.core.seeds import derive_seed

MODES = ("db", "random", "design")
_LONGEST = 40  # words of the text that a designed voice first says


def may_choose(engine: Any) -> bool:
    """Tell whether an engine chooses voices where none is given, as it says itself."""
    return bool(getattr(engine, "supports_random_voices", False))


def describe(facts: SpeakerFacts) -> str:
    """Return what is known about a voice in words, for an engine that makes voices from descriptions.

    Example:
        >>> from sdialog.audio.voices import facts_of
        >>> describe(facts_of("Ann", {"gender": "female", "age": 65, "voice_characteristics": "low, slow"}))
        'A female voice, about 65 years old: low, slow.'
    """
    parts = [f"A {facts.gender} voice"]
    if "age" not in facts.drawn:
        parts.append(f"about {facts.age} years old")
    parts += (
        [f"with a {facts.accent} accent"] if facts.accent and facts.accent not in facts.description.casefold() else []
    )
    return ", ".join(parts) + (f": {facts.description.rstrip('.')}." if facts.description else ".")


def designed(
    engine: Any, speaker: str, facts: SpeakerFacts, place: int, texts: Sequence[str] | None, seed: int
) -> Voice:
    """Return a voice that the engine's ``design_voice(description, text, language, seed)`` makes.

    Raises:
        UnsupportedFeatureError: if the engine has no such method.
    """
    make = getattr(engine, "design_voice", None) or getattr(getattr(engine, "engine", None), "design_voice", None)
    if not callable(make):
        raise UnsupportedFeatureError(
            f"voices='design' needs an engine with a method design_voice(description, text, language, seed), and "
            f"{type(engine).__name__} has none; use voices='db', which reads the descriptions too"
        )
    text = " ".join((texts[place] if texts else "").split()[:_LONGEST])
    made = make(
        describe(facts), text, language=facts.language, seed=derive_seed(seed, "voice", speaker, place, "design")
    )
    return Voice(
        voice=made, gender=facts.gender, age=facts.age, language=facts.language, language_code="", accent=facts.accent
    )
