"""The voices of espeak-ng: 48 people in each language, offline."""

from __future__ import annotations

from typing import Any

from sdialog.audio.voices.builtin import Person, Tongue, people, tongues
from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.voice import Voice
from sdialog.core.errors import UnknownNameError


@databases.register("espeak")
class EspeakVoiceDatabase(BaseVoiceDatabase):
    """Voices for :class:`~sdialog.audio.tts.espeak.EspeakTTS`: the same people in each language and accent.

    A person is a variant of espeak-ng with a pitch, a range and a rate; ``audio_assets/voices.yaml`` lists them with
    the fundamental frequency and the pace that were measured. Nothing is loaded to build the database.

    Example:
        >>> voice = EspeakVoiceDatabase().get_voice("female", 70, "French", seed=1)
        >>> voice.language_code, voice.voice["language"], 60 <= voice.age <= 80
        ('fr', 'fr', True)
    """

    name = "espeak"

    def populate(self) -> None:
        """Add each person in each language."""
        for tongue in tongues():
            buckets = self._data.setdefault(tongue.language, {})
            for person in people():
                # The file holds each once, so there is nothing to check as add_voice does.
                buckets.setdefault((person.gender, person.age), []).append(_voice(person, tongue))

    def engine_name(self, name: str) -> Any:
        """Return a name such as ``en-US+f2``, if espeak-ng has that language and variant.

        Raises:
            UnknownNameError: if it does not; names near voices of the database.
            MissingDependencyError: if espeakng-loader is not installed.
        """
        from sdialog.audio.tts._espeak_languages import language_file, variant_file
        from sdialog.audio.tts._espeak_process import library_paths

        _, data = library_paths()
        language, _, variant = name.partition("+")
        try:
            if language:
                language_file(language, data)
            if variant:
                variant_file(variant, data)
        except UnknownNameError as error:
            known = [voice.identifier for voice in self.voices()]
            raise UnknownNameError("voice", name, known, f"espeak-ng says: {error}") from error
        return name


def _voice(person: Person, tongue: Tongue) -> Voice:
    value = {"language": tongue.code, "variant": person.variant, "pitch": person.pitch}
    value |= {"range": person.range, "rate": person.rate}
    return Voice.model_construct(
        gender=person.gender,
        age=person.age,
        identifier=f"{tongue.code.casefold()}-{person.name}",
        voice=value,
        language=tongue.language,
        language_code=tongue.code,
        accent=tongue.accent,
        person=person.name,
        f0=round(person.f0 * tongue.pitch_ratio, 1),
        pace=person.wpm,
    )
