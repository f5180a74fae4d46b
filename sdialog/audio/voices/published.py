"""The published way to get voices, and which database a name or an engine means."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdialog.audio.voices.casting import Descriptions, cast
from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.databases.huggingface import HuggingfaceVoiceDatabase
from sdialog.audio.voices.databases.listed import VoiceDatabase
from sdialog.audio.voices.databases.local import LocalVoiceDatabase
from sdialog.core.errors import UserError

_WITHOUT_ARGUMENTS = ("espeak", "tone")
_TABLES = ("metadata.csv", "metadata.tsv", "metadata.json")


def database_for(database: Any = None, engine: Any = None) -> BaseVoiceDatabase:
    """Return the voice database that a value or, without one, an engine means.

    Args:
        database: a database, ``espeak`` or ``tone``, a list of mappings, a folder (a saved Hugging Face dataset, or
            recordings beside a ``metadata.csv``, ``.tsv`` or ``.json``), the name of a dataset on the Hugging Face
            hub, or None.
        engine: whose default is taken for None.

    Raises:
        UserError: if the engine brings no voices, or the value is something else.

    Example:
        >>> database_for("tone").name
        'tone'
    """
    if isinstance(database, BaseVoiceDatabase):
        return database
    if database is None:
        return _of_engine(engine)
    if isinstance(database, list):
        return VoiceDatabase(database)
    if not isinstance(database, (str, os.PathLike)):
        raise UserError(f"a voice database is one, its name, a folder or a list of mappings, not {database!r}")
    name = os.fspath(database)
    if name in _WITHOUT_ARGUMENTS or (name in databases and name not in ("huggingface", "listed", "local")):
        return _built(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        table = next((folder / table for table in _TABLES if (folder / table).is_file()), None)
        return LocalVoiceDatabase(folder, table) if table else HuggingfaceVoiceDatabase(folder)
    if "/" not in name:
        known = ", ".join(_WITHOUT_ARGUMENTS)
        raise UserError(
            f"there is no voice database {name!r}; use {known}, a folder, or the name of a dataset such as "
            "'sdialog/voices-libritts'"
        )
    return _downloaded(name)


def _of_engine(engine: Any) -> BaseVoiceDatabase:
    inner = getattr(engine, "engine", engine)
    named = getattr(engine, "default_voice_database", None) or getattr(inner, "default_voice_database", None)
    if named:
        return database_for(named)
    name = getattr(inner, "name", "")
    if name in _WITHOUT_ARGUMENTS or (name and name in databases):
        return _built(name)
    raise UserError(
        f"the engine {type(inner).__name__} brings no voices: give voice_database=, or voices= for each speaker"
    )


def _built(name: str) -> BaseVoiceDatabase:
    return databases.get(name)()


@lru_cache(maxsize=8)
def _downloaded(name: str) -> BaseVoiceDatabase:
    return HuggingfaceVoiceDatabase(name)


def resolve_voices(
    speakers: Sequence[str],
    personas: Mapping[str, Any] | Sequence[Any] | None,
    turns: Sequence[tuple[int, str]],
    voices: Any,
    tts: Any,
    rng: Any,
    voice_database: Any = None,
    voice_description: Descriptions | None = None,
) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    """Return the voice of each speaker as the engine takes it, and what is known about it, as published.

    :func:`sdialog.audio.voices.cast` does the work and tells more.

    Args:
        speakers: names in order.
        personas: by name, or one a speaker.
        turns: number of the speaker and text, one a turn.
        voices: see :func:`sdialog.audio.voices.cast`.
        tts: the engine.
        rng: ``numpy.random.Generator`` or ``random.Random``; one number is drawn from it.
        voice_database: see :func:`database_for`.
        voice_description: see :func:`sdialog.audio.voices.cast`.

    Returns:
        The voices, and by speaker a mapping with source, and where they are known id, gender, age, language and
        description, and fallback where something asked could not be had.

    Raises:
        UserError: as :func:`sdialog.audio.voices.cast`.

    Example:
        >>> import random
        >>> from sdialog.audio.tts.base import engines
        >>> personas, engine = {"Ann": {"gender": "f", "age": 34}}, engines.get("tone")()
        >>> found, told = resolve_voices(["Ann"], personas, [(0, "Hi!")], "db", engine, random.Random(1))
        >>> told["Ann"]["source"], told["Ann"]["age"]
        ('db', 35)
    """
    seed = rng.randrange(2**31) if isinstance(rng, random.Random) else int(rng.integers(2**31))
    texts = [next((text for number, text in turns if number == place), "") for place in range(len(speakers))]
    needs = voices is None or voices == "db" or not isinstance(voices, str)
    base = database_for(voice_database, tts) if needs and (voice_database or _has_voices(tts)) else None
    casting = cast(
        speakers, base, personas=personas, voices=voices, seed=seed, voice_description=voice_description, engine=tts,
        texts=texts,
    )  # fmt: skip
    info = {}
    for one in casting:
        told: dict[str, Any] = {"source": one.source}
        if one.voice is not None:
            known = {"id": one.voice.identifier, "gender": one.voice.gender, "age": one.voice.age}
            told |= {name: value for name, value in known.items() if value}
            told["language"] = one.voice.language
        if one.source == "design":
            told["description"] = one.facts.get("description", "")
        if one.fallback:
            told["fallback"] = list(one.fallback)
        info[one.speaker] = told
    return casting.values, info


def _has_voices(engine: Any) -> bool:
    try:
        _of_engine(engine)
    except UserError:
        return False
    return True
