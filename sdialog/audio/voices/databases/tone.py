"""Voices of the tone engine: the built-in people, as pitch, pace and length of the vocal tract."""

from __future__ import annotations

from sdialog.audio.voices.builtin import Person, people, tongues
from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.voice import Voice

_USUAL_WPM = 222.0  # of a grown-up as measured, who gets the engine's rate of 1


@databases.register("tone")
class ToneVoiceDatabase(BaseVoiceDatabase):
    """Voices for :class:`~sdialog.audio.tts.tone.ToneTTS`, which speaks each language alike.

    Example:
        >>> voice = ToneVoiceDatabase().get_voice("male", 9, seed=1)
        >>> voice.age < 12, voice.voice["pitch"] > 200
        (True, True)
    """

    name = "tone"

    def populate(self) -> None:
        """Add each person in each language of the built-in voices."""
        for language in dict.fromkeys(tongue.language for tongue in tongues()):
            buckets = self._data.setdefault(language, {})
            for person in people():
                buckets.setdefault((person.gender, person.age), []).append(_voice(person, language))


def _voice(person: Person, language: str) -> Voice:
    rate = round(person.wpm / _USUAL_WPM, 3)
    return Voice.model_construct(
        gender=person.gender,
        age=person.age,
        identifier=person.name,
        voice={"pitch": person.f0, "rate": rate, "tract": _tract(person), "melody": 0.15},
        language=language,
        language_code="",
        person=person.name,
        f0=person.f0,
        pace=person.wpm,
    )


def _tract(person: Person) -> float:
    """Return the length of the vocal tract against a man's.

    Rounded from the means of Fitch and Giedd, "Morphology and development of the human vocal tract" (1999): about 11
    to 12 cm in children of 7 to 11, 14 cm in women and 15 to 16 cm in men.
    """
    grown = 1.0 if person.gender == "male" else 0.89
    if person.age >= 18:
        return grown
    # From 0.68 of a man's at six to the adult length at eighteen; girls and boys are alike until about ten.
    share = max(0.0, min(1.0, (person.age - 6) / 12))
    return round(0.68 + share * (grown - 0.68), 3)
