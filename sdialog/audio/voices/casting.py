"""Casting: a voice for each speaker of a dialog, all at once, with what was asked, what was got, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.audio.voices.assignment import Seeker, assign
from sdialog.audio.voices.facts import SpeakerFacts, facts_of
from sdialog.audio.voices.fallbacks import fallbacks_of
from sdialog.audio.voices.given import given_by_speaker, given_voice
from sdialog.audio.voices.modes import MODES, describe, designed, may_choose
from sdialog.audio.voices.voice import Voice
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.audio.voices.databases.base import BaseVoiceDatabase

Descriptions = str | Mapping[Any, str] | Sequence[str] | Callable[[str, Any], str | None]


@dataclass(frozen=True, slots=True)
class CastVoice:
    """The voice of one speaker.

    Attributes:
        speaker: name.
        voice: what was found; None where the engine chooses.
        source: ``db`` (from the database), ``user`` (given), ``random`` (left to the engine) or ``design`` (made by
            the engine from a description).
        fallback: for each thing asked that could not be had, one line with the reason.
        facts: what was asked: see :class:`~sdialog.audio.voices.SpeakerFacts`.
    """

    speaker: str
    voice: Voice | None
    source: str
    fallback: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        """What the engine takes for the voice."""
        return None if self.voice is None else self.voice.voice

    @property
    def language(self) -> str:
        """The language of the voice, in which the speaker's texts are read."""
        return str(self.facts["language"]) if self.voice is None else self.voice.language

    def json(self) -> dict[str, Any]:
        """Return speaker, source, what was asked, what was got and the fallbacks as JSON data."""
        got = None if self.voice is None else self.voice.json_data()
        return {
            "speaker": self.speaker, "source": self.source, "asked": dict(self.facts), "got": got,
            "fallback": list(self.fallback),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Casting:
    """The voices of a dialog, in the order of its speakers.

    Attributes:
        voices: one a speaker.
        database: name of the database.
        seed: of all that was drawn.
    """

    voices: tuple[CastVoice, ...]
    database: str = ""
    seed: int = 0

    @property
    def values(self) -> list[Any]:
        """What the engine takes for each speaker."""
        return [one.value for one in self.voices]

    @property
    def fallbacks(self) -> list[tuple[str, str]]:
        """Each fallback, with the speaker it happened to."""
        return [(one.speaker, reason) for one in self.voices for reason in one.fallback]

    def __iter__(self) -> Iterator[CastVoice]:
        return iter(self.voices)

    def __len__(self) -> int:
        return len(self.voices)

    def __getitem__(self, which: int | str) -> CastVoice:
        if isinstance(which, int):
            return self.voices[which]
        found = next((one for one in self.voices if one.speaker == which), None)
        if found is None:
            raise UnknownNameError("speaker", which, [one.speaker for one in self.voices])
        return found

    def json(self) -> dict[str, Any]:
        """Return the casting as JSON data."""
        return {"database": self.database, "seed": self.seed, "voices": [one.json() for one in self.voices]}


def cast(
    speakers: Sequence[str],
    database: BaseVoiceDatabase | None,
    *,
    personas: Mapping[str, Any] | Sequence[Any] | None = None,
    voices: Any = "db",
    seed: int = 0,
    avoid_reuse: bool = True,
    voice_description: Descriptions | None = None,
    language: str = "english",
    engine: Any = None,
    texts: Sequence[str] | None = None,
) -> Casting:
    """Choose a voice for each speaker of a dialog, for all of them together.

    Language comes first, then gender, then age, accent and what the persona says about the voice. No voice is used
    twice while one of the language is free. What a persona does not say is drawn from the speaker's own stream of
    the seed and recorded as drawn; personas are not changed.

    Args:
        speakers: names in order; two of the same name are two speakers.
        database: where voices come from; None if all are given or left to the engine.
        personas: by name, or one a speaker; mappings or objects of any class, None for who has none.
        voices: ``db``, ``random`` (the engine chooses), ``design`` (the engine makes them from descriptions), or the
            voices of some speakers by name, number or role; a value is a voice, an identifier of the database, a
            recording (path, or samples and rate) or a voice of the engine. Who is left out gets ``random`` from an
            engine that can, else ``db``.
        seed: of all that is drawn.
        avoid_reuse: False gives each speaker the best voice, shared or not.
        voice_description: more words about the voices: one text for all, texts by name or number or in order, or a
            function of speaker and persona.
        language: of speakers whose persona names none.
        engine: that will speak; asked what it can do where that matters.
        texts: first words of each speaker, for ``design``.

    Raises:
        UserError: if a voice cannot be used, or a database is needed and there is none, or it is empty.
        UnknownNameError: if a mode, a speaker or a voice is not known.
        UnsupportedFeatureError: if the engine cannot do what the mode needs.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> from sdialog.audio.voices import ToneVoiceDatabase
        >>> casting = cast(["Ann", "Bo"], ToneVoiceDatabase(), personas={"Ann": {"gender": "female", "age": 8}})
        >>> casting["Ann"].voice.age, casting["Bo"].facts["drawn"]
        (7, ['gender', 'age'])
    """
    facts = _facts(speakers, personas, seed, language, voice_description)
    mode, given = _mode(voices, speakers, engine)
    found: list[CastVoice | None] = [None] * len(speakers)
    for place, value in enumerate(given):
        if value is not None:
            voice = given_voice(value, speakers[place], facts[place].language, database, engine)
            found[place] = CastVoice(speakers[place], voice, "user", facts=facts[place].json())
    rest = [place for place, one in enumerate(found) if one is None]
    if mode == "db":
        taken = [one.voice for one in found if one is not None and one.voice is not None]
        for place, one in zip(
            rest, _from_database(rest, speakers, facts, database, taken, seed, avoid_reuse), strict=True
        ):
            found[place] = one
    for place in rest if mode != "db" else ():
        asked = facts[place].json()
        if mode == "design":
            asked["description"] = describe(facts[place])
            made = designed(engine, speakers[place], facts[place], place, texts, seed)
        else:
            made = None
        found[place] = CastVoice(speakers[place], made, mode, facts=asked)
    name = "" if database is None else database.name or type(database).__name__
    return Casting(tuple(one for one in found if one is not None), name, seed)


def _facts(
    speakers: Sequence[str], personas: Any, seed: int, language: str, descriptions: Descriptions | None
) -> list[SpeakerFacts]:
    """Return what is asked for each speaker."""
    if personas is None or isinstance(personas, Mapping):
        known = [(personas or {}).get(name) for name in speakers]
    elif len(personas) == len(speakers):
        known = list(personas)
    else:
        raise UserError(f"{len(personas)} personas are given for {len(speakers)} speakers; give one each, or by name")
    words = _descriptions(speakers, known, descriptions)
    met: Counter[str] = Counter()
    facts = []
    for name, persona, text in zip(speakers, known, words, strict=True):
        facts.append(facts_of(name, persona, seed=seed, language=language, description=text, occurrence=met[name]))
        met[name] += 1
    return facts


def _descriptions(speakers: Sequence[str], personas: list[Any], descriptions: Descriptions | None) -> list[str]:
    if descriptions is None or isinstance(descriptions, str):
        return [descriptions or ""] * len(speakers)
    if callable(descriptions):
        return [descriptions(name, persona) or "" for name, persona in zip(speakers, personas, strict=True)]
    return [str(text or "") for text in given_by_speaker(descriptions, speakers)]


def _mode(voices: Any, speakers: Sequence[str], engine: Any) -> tuple[str, list[Any]]:
    """Return how those get voices to whom none is given, and what is given."""
    nobody: list[Any] = [None] * len(speakers)
    if voices is None or isinstance(voices, str):
        mode = voices or "db"
        if mode not in MODES:
            raise UnknownNameError("way to choose voices", mode, MODES, hint="or give voices by speaker")
        if mode == "random" and not may_choose(engine):
            from sdialog.core.errors import UnsupportedFeatureError

            raise UnsupportedFeatureError(
                f"voices='random' needs an engine that chooses voices itself, and {type(engine).__name__} does not; "
                "use voices='db'"
            )
        return mode, nobody
    if isinstance(voices, (Mapping, list, tuple)):
        return ("random" if may_choose(engine) else "db"), given_by_speaker(voices, speakers)
    raise TypeError(f"voices is {', '.join(MODES)}, or a mapping from speakers to voices, not {type(voices).__name__}")


def _from_database(
    rest: Sequence[int],
    speakers: Sequence[str],
    facts: Sequence[SpeakerFacts],
    database: BaseVoiceDatabase | None,
    taken: list[Voice],
    seed: int,
    avoid_reuse: bool,
) -> list[CastVoice]:
    if not rest:
        return []
    if database is None:
        raise UserError(f"{speakers[rest[0]]!r} needs a voice from a database, and there is none; give voices= or one")
    present = database.languages()
    if not present:
        raise UserError(f"the voice database {database.name or type(database).__name__} holds no voice")
    voices = {name: database.voices(name) for name in present}
    # Without English, the language with most voices, the first in the alphabet of those.
    instead = "english" if "english" in voices else max(present, key=lambda name: len(voices[name]))
    met: Counter[str] = Counter()
    keys = []
    for name in speakers:
        keys.append((name, met[name]))
        met[name] += 1
    seekers = [
        Seeker(keys[place], facts[place], facts[place].language if facts[place].language in voices else instead)
        for place in rest
    ]
    chosen = assign(seekers, voices, taken, seed, avoid_reuse)
    names = [speakers[place] for place in rest]
    return [
        CastVoice(name, voice, "db", reasons, seeker.facts.json())
        for name, voice, seeker, reasons in zip(
            names, chosen, seekers, fallbacks_of(names, seekers, chosen, voices, taken), strict=True
        )
    ]
