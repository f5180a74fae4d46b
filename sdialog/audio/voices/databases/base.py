"""What a voice database is: voices by language, gender and age, and how one is drawn."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal

from sdialog.audio.voices.builtin import language_of
from sdialog.audio.voices.statistics import pretty_statistics, voice_statistics
from sdialog.audio.voices.voice import Voice
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.registry import Registry
from sdialog.core.seeds import fresh_seed, rng

Buckets = dict[str, dict[tuple[str, int], list[Voice]]]


class BaseVoiceDatabase(ABC):
    """Voices by language, gender and age: a subclass writes :meth:`populate`, which calls :meth:`add_voice`.

    Drawing remembers which voices were drawn, so that no two speakers share one unless asked to. To cast a whole
    dialog at once, use :func:`sdialog.audio.voices.cast`, which remembers nothing.

    Example:
        >>> class Two(BaseVoiceDatabase):
        ...     def populate(self):
        ...         self.add_voice("female", 31, "ana", "af_ana", "english", "a")
        ...         self.add_voice("male", 64, "bob", "am_bob", "english", "a")
        >>> Two().get_voice("f", 40).identifier
        'ana'
    """

    name: str = ""

    def __init__(self) -> None:
        self._data: Buckets = {}
        self._used_voices: dict[str, list[str]] = {}
        self.populate()

    @abstractmethod
    def populate(self) -> None:
        """Fill the database; called once, by the constructor."""

    def add_voice(
        self, gender: str, age: int, identifier: str, voice: Any, lang: str, language_code: str, **more: Any
    ) -> None:
        """Add a voice.

        Args:
            gender: ``male``, ``female``, ``m`` or ``f``.
            age: in years.
            identifier: unique within the language.
            voice: what the engine takes.
            lang: language in English.
            language_code: what the engine calls the language.
            more: other fields of a :class:`Voice`, such as ``accent``.

        Raises:
            UserError: if the gender is another word, or the identifier is taken in this language.
        """
        self._keep(
            Voice(
                gender=self._gender_to_gender(gender), age=int(age), identifier=str(identifier), voice=voice,
                language=lang.strip().casefold(), language_code=language_code, **more,
            )
        )  # fmt: skip

    def _keep(self, voice: Voice) -> None:
        buckets = self._data.setdefault(voice.language, {})
        bucket = buckets.setdefault((voice.gender, voice.age), [])
        if any(one.identifier == voice.identifier for group in buckets.values() for one in group):
            raise UserError(
                f"two {voice.language} voices are called {voice.identifier!r}; give each its own identifier"
            )
        bucket.append(voice)

    def get_data(self) -> Buckets:
        """Return the voices: by language, then by gender and age."""
        return self._data

    def languages(self) -> list[str]:
        """Return the languages that there are voices for, sorted."""
        return sorted(language for language, buckets in self._data.items() if any(buckets.values()))

    def voices(self, language: str | None = None) -> list[Voice]:
        """Return the voices of a language, or all, sorted by language and identifier."""
        chosen = self.languages() if language is None else [language]
        found = [voice for one in chosen for group in self._data.get(one, {}).values() for voice in group]
        return sorted(found, key=lambda voice: (voice.language, voice.identifier))

    def engine_name(self, name: str) -> Any:
        """Return the engine's own voice that a name means which no voice here has.

        Raises:
            UnknownNameError: if the engine is known to have no such voice.
        """
        return name

    def reset_used_voices(self) -> None:
        """Forget which voices were drawn."""
        self._used_voices = {}

    def get_statistics(self, pretty: bool = False, pretty_format: Literal["markdown", "text"] = "markdown") -> Any:
        """Return how many voices there are by language, gender and age.

        Args:
            pretty: return a text with tables instead of a mapping.
            pretty_format: ``markdown`` or ``text``.
        """
        numbers = voice_statistics(self._data)
        return pretty_statistics(numbers, pretty_format) if pretty else numbers

    def get_voice_by_identifier(self, identifier: str, lang: str, keep_duplicate: bool = True) -> Voice:
        """Return the voice of that name.

        Args:
            identifier: of the voice.
            lang: its language.
            keep_duplicate: whether it may have been drawn before.

        Raises:
            UnknownNameError: if there is no such language or voice.
            UserError: if it was drawn before and may not have been.
        """
        language = self._known(lang)
        if language is None:
            raise UnknownNameError("language of the voice database", lang, self.languages())
        found = next((voice for voice in self.voices(language) if voice.identifier == identifier), None)
        if found is None:
            known = [voice.identifier for voice in self.voices(language)]
            raise UnknownNameError(f"{language} voice", identifier, known)
        if not keep_duplicate and identifier in self._used_voices.get(language, ()):
            raise UserError(f"voice {identifier!r} is in use already; pass keep_duplicate=True to share it")
        self._use(found)
        return found

    def get_voice(
        self, gender: str, age: int, lang: str = "english", keep_duplicate: bool = False, seed: int | None = None
    ) -> Voice:
        """Return a voice of a gender whose age is nearest among those that are free.

        A language without voices becomes English, and a gender without voices the other one, each with a warning.

        Args:
            gender: ``male``, ``female``, ``m`` or ``f``.
            age: in years.
            lang: language in English.
            keep_duplicate: whether a voice that was drawn before may be drawn again.
            seed: of the draw among voices of the same age; None draws one that nobody can repeat.

        Raises:
            UnknownNameError: if there are no voices of the language, nor English ones.
            UserError: if no voice is free, or the gender is another word.
        """
        wanted, language = self._gender_to_gender(gender), self._known(lang)
        if language is None:
            language = self._instead(lang)
        groups = self._data[language]
        if not any(voices for (kind, _), voices in groups.items() if kind == wanted):
            other = "male" if wanted == "female" else "female"
            if not any(voices for (kind, _), voices in groups.items() if kind == other):
                raise UserError(f"the voice database has no {wanted} voice of {language}, nor a {other} one")
            warnings.warn(f"no {wanted} voice of {language}: a {other} one instead", stacklevel=2)
            wanted = other
        used = () if keep_duplicate else self._used_voices.get(language, ())
        for years in sorted((years for kind, years in groups if kind == wanted), key=lambda years: abs(years - age)):
            free = [voice for voice in groups[wanted, years] if voice.identifier not in used]
            if free:
                drawn = rng(fresh_seed() if seed is None else seed, "voice").choice(
                    sorted(free, key=lambda voice: voice.identifier)
                )
                self._use(drawn)
                return drawn
        raise UserError(
            f"each {wanted} voice of {language} is in use; pass keep_duplicate=True or call reset_used_voices()"
        )

    def _use(self, voice: Voice) -> None:
        used = self._used_voices.setdefault(voice.language, [])
        if voice.identifier not in used:
            used.append(voice.identifier)

    def _known(self, lang: str) -> str | None:
        """Return what this database calls a language, or None if it has no voice of it."""
        known = self.languages()
        return next((one for one in (lang.strip().casefold(), language_of(lang)[0]) if one in known), None)

    def _instead(self, lang: str) -> str:
        if "english" not in self.languages():
            raise UnknownNameError("language of the voice database", lang, self.languages())
        warnings.warn(f"no voice of {lang!r} in the voice database: English instead", stacklevel=3)
        return "english"

    @staticmethod
    def _gender_to_gender(gender: str) -> str:
        found = {"m": "male", "f": "female", "male": "male", "female": "female"}.get(str(gender).strip().casefold())
        if found is None:
            raise UserError(f"the gender of a voice is male, female, m or f, not {gender!r}")
        return found


databases: Registry[Callable[..., BaseVoiceDatabase]] = Registry("voice database", "sdialog.audio.voices.databases")
"""Voice databases by name, such as ``databases.get("espeak")()``."""
