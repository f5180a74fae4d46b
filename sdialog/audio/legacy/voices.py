"""The voices of an audio dialog: cast to its roles and written into its personas, as published."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.audio.voices import Voice, cast, database_for, is_a_audio_file
from sdialog.audio.voices.given import takes_recordings
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.audio.dialog import AudioDialog
    from sdialog.audio.voices import BaseVoiceDatabase, Casting, CastVoice

_ASKED = ("gender", "age", "language")


def cast_dialog(
    dialog: AudioDialog,
    voice_database: Any = None,
    *,
    persona_to_voice_desc: Callable[[Any], str] | str | None = None,
    voices: Mapping[Any, Any] | None = None,
    keep_duplicate: bool = False,
    engine: Any = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Give each persona of a dialog a ``voice``, and what was drawn for it.

    Args:
        dialog: is changed: ``personas[name]["voice"]`` is a :class:`~sdialog.audio.voices.Voice`.
        voice_database: where voices come from; None takes those that the engine brings.
        persona_to_voice_desc: more words about a voice: a text, or a function of the persona.
        voices: the voice of each role or name; then nothing is looked for.
        keep_duplicate: whether speakers may share a voice.
        engine: that will speak.
        seed: of all that is drawn.

    Returns:
        What was asked, what was got and each fallback, as JSON data.

    Raises:
        UserError: if somebody has no voice in ``voices``, or there is no database.
    """
    names = list(dialog.speakers_names.values())
    personas = {name: persona for name in names if (persona := _persona(dialog, name)) is not None}
    if voices is not None:
        _check_complete(dialog, voices)
    database = _database(voice_database, engine, needed=voices is None)
    told = persona_to_voice_desc
    casting = cast(
        names,
        database,
        personas=personas,
        voices=dict(voices) if voices is not None else "db",
        seed=seed,
        avoid_reuse=not keep_duplicate,
        voice_description=(lambda _, persona: told(persona or {})) if callable(told) else told,
        texts=[next(turn.text for turn in dialog if dialog.speaker_name(turn) == name) for name in names],
    )
    stand_ins = _stand_ins(casting, engine, seed)
    for one in casting:
        _write(dialog, one, stand_ins.get(one.speaker) or one.voice)
    missing = [f"{one.speaker}: {', '.join(drawn)}" for one in casting if (drawn := one.facts.get("drawn"))]
    if missing:
        warnings.warn(f"personas do not say everything about the voice; drawn for {'; '.join(missing)}", stacklevel=3)
    data = casting.json()
    for row in data["voices"]:
        if row["speaker"] in stand_ins:
            row["stand_in"] = stand_ins[row["speaker"]].json_data()
    return data


def _database(voice_database: Any, engine: Any, needed: bool) -> BaseVoiceDatabase | None:
    """Return the database, or that of the engine; None if the engine brings none and all voices are given."""
    if voice_database is not None or needed or _brings_voices(engine):
        return database_for(voice_database, engine)
    return None


def _brings_voices(engine: Any) -> bool:
    try:
        database_for(None, engine)
    except UserError:
        return False
    return True


def _check_complete(dialog: AudioDialog, voices: Mapping[Any, Any]) -> None:
    given = {str(getattr(key, "value", key)).casefold() for key in voices}
    for number, (role, name) in enumerate(dialog.speakers_names.items()):
        if not {role.casefold(), name.casefold(), str(number)} & given:
            raise UserError(f"voices has no voice for {role} ({name}); it has {', '.join(map(str, voices)) or 'none'}")


def _persona(dialog: AudioDialog, name: str) -> Any:
    known = {key.casefold(): value for key, value in (dialog.personas or {}).items()}
    return known.get(name.casefold())


def _stand_ins(casting: Casting, engine: Any, seed: int) -> dict[str, Voice]:
    """Return voices of the engine's own for speakers whose voice is a recording that the engine cannot imitate.

    An engine that brings no voices gets the recording: it knows what to do with it.
    """
    recorded = [one for one in casting if one.voice is not None and _is_recording(one.voice.voice)]
    if not recorded or takes_recordings(engine) or not _brings_voices(engine):
        return {}
    like = {
        one.speaker: {key: getattr(one.voice, key) for key in _ASKED if getattr(one.voice, key)} for one in recorded
    }
    own = cast([one.speaker for one in recorded], database_for(None, engine), personas=like, seed=seed, engine=engine)
    warnings.warn(
        f"{type(engine).__name__} cannot imitate recordings; voices of its own, of the same gender, age and language, "
        f"stand in for those of {', '.join(like)}",
        stacklevel=4,
    )
    return {one.speaker: one.voice for one in own if one.voice is not None}


def _is_recording(value: Any) -> bool:
    if isinstance(value, os.PathLike) or (isinstance(value, str) and is_a_audio_file(value)):
        return True
    return isinstance(value, (tuple, list)) and len(value) == 2 and hasattr(value[0], "__len__")


def _write(dialog: AudioDialog, found: CastVoice, voice: Voice | None) -> None:
    if dialog.personas is None:
        dialog.personas = {}
    key = next((name for name in dialog.personas if name.casefold() == found.speaker.casefold()), found.speaker)
    persona = dialog.personas.setdefault(key, {})
    if not isinstance(persona, dict):
        persona = dialog.personas[key] = {"persona": persona}
    for name in _ASKED:
        if name in found.facts.get("drawn", ()) or not persona.get(name):
            persona[name] = found.facts[name]
    persona["voice"] = voice
