"""Voices that a caller gives: by name of the speaker, by number, or by role, in any of the ways people write them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.voices.builtin import language_of
from sdialog.audio.voices.databases.local import is_a_audio_file
from sdialog.audio.voices.voice import Voice
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.audio.voices.databases.base import BaseVoiceDatabase

_ROLE = re.compile(r"speaker_(\d+)", re.IGNORECASE)


def given_by_speaker(voices: Any, speakers: Sequence[str]) -> list[Any]:
    """Return what is given for each speaker, None where nothing is.

    Args:
        voices: a list in the order of the speakers, or a mapping whose keys are numbers (``0`` or ``"0"``), names, or
            roles (``speaker_1`` is the first).
        speakers: names in order.

    Raises:
        UnknownNameError: if a key is none of these.
        UserError: if a list is longer than the speakers.

    Example:
        >>> given_by_speaker({"Bo": "f2", "0": "m3"}, ["Ann", "Bo"])
        ['m3', 'f2']
    """
    if isinstance(voices, (list, tuple)):
        if len(voices) > len(speakers):
            raise UserError(f"{len(voices)} voices are given for {len(speakers)} speakers: {', '.join(speakers)}")
        return [*voices, *[None] * (len(speakers) - len(voices))]
    found: list[Any] = [None] * len(speakers)
    strength = [0] * len(speakers)
    for key, value in voices.items():
        places, rank = _places(key, speakers)
        for place in places:
            if rank > strength[place]:
                found[place], strength[place] = value, rank
    return found


def _places(key: Any, speakers: Sequence[str]) -> tuple[list[int], int]:
    """Return which speakers a key means, and how strongly: a number more than a name, a name more than a text."""
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(speakers):
        return [key], 4
    name = str(getattr(key, "value", key))
    named = [place for place, speaker in enumerate(speakers) if speaker == name]
    if named:
        return named, 3
    if name.isdecimal() and int(name) < len(speakers):
        return [int(name)], 2
    role = _ROLE.fullmatch(name)
    if role and 1 <= int(role[1]) <= len(speakers):
        return [int(role[1]) - 1], 1
    raise UnknownNameError("speaker", name, speakers, hint="voices are given by name, number or role (speaker_1)")


def given_voice(value: Any, speaker: str, language: str, database: BaseVoiceDatabase | None, engine: Any) -> Voice:
    """Return the voice that a caller gives for a speaker.

    Args:
        value: a :class:`Voice`, the identifier of one in the database, (identifier, language), the path of a
            recording, (samples, rate), or whatever the engine takes for a voice.
        speaker: name, for messages.
        language: that the speaker speaks, where the voice does not say.
        database: where identifiers are looked up; None for nowhere.
        engine: checked for whether it takes recordings; None skips the check.

    Raises:
        UserError: if a recording is missing, or the engine takes none.
        UnknownNameError: if neither database nor engine has such a voice.
    """
    if isinstance(value, Voice):
        return value
    if isinstance(value, os.PathLike) or (isinstance(value, str) and is_a_audio_file(value)):
        path = Path(value).expanduser()
        if not path.is_file():
            raise UserError(f"the voice of {speaker!r}: there is no recording {path}")
        _takes_recordings(engine, speaker)
        return Voice(voice=str(path), identifier=path.stem, language=language, language_code="")
    if isinstance(value, (tuple, list)) and len(value) == 2:
        if all(isinstance(one, str) for one in value):
            return _identified(value[0], database, language_of(value[1])[0], speaker)
        if hasattr(value[0], "__len__") and isinstance(value[1], (int, float)):
            from sdialog.audio.sound import mono

            _takes_recordings(engine, speaker)
            samples = (mono(value[0]), int(value[1]))
            return Voice(voice=samples, identifier="", language=language, language_code="")
        raise UserError(f"the voice of {speaker!r}: a pair is (samples, rate) or (identifier, language), not {value!r}")
    if isinstance(value, str):
        known = _lookup(value, database, language)
        if known is not None:
            return known
        value = database.engine_name(value) if database is not None else value
        return Voice(voice=value, identifier=value, language=language, language_code="")
    own = str(value.get("language", "")) if isinstance(value, Mapping) else ""
    return Voice(voice=value, language=language_of(own)[0] if own else language, language_code=own)


def _lookup(name: str, database: BaseVoiceDatabase | None, language: str) -> Voice | None:
    """Return the voice of that identifier, best one in the speaker's language."""
    if database is None:
        return None
    found = [voice for voice in database.voices() if voice.identifier.casefold() == name.casefold()]
    return min(found, key=lambda voice: voice.language != language, default=None)


def _identified(identifier: str, database: BaseVoiceDatabase | None, language: str, speaker: str) -> Voice:
    if database is None:
        raise UserError(f"the voice of {speaker!r}: {identifier!r} is looked up in a database, and there is none")
    found = next((voice for voice in database.voices(language) if voice.identifier == identifier), None)
    if found is None:
        known = [voice.identifier for voice in database.voices(language)]
        raise UnknownNameError(f"{language} voice", identifier, known or database.languages())
    return found


def takes_recordings(engine: Any) -> bool:
    """Tell whether an engine imitates recordings, as it says itself."""
    inner = getattr(engine, "engine", None)
    return bool(getattr(engine, "supports_reference_audio", False) or getattr(inner, "supports_reference_audio", False))


def _takes_recordings(engine: Any, speaker: str) -> None:
    if engine is not None and not takes_recordings(engine):
        from sdialog.core.errors import UnsupportedFeatureError

        raise UnsupportedFeatureError(
            f"the voice of {speaker!r} is a recording, and {type(engine).__name__} does not imitate recordings; give "
            "one of its own voices, or an engine with supports_reference_audio"
        )
