"""The clips of a plan: every utterance spoken, at the rate of the recording."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.audio.alignment import align
from sdialog.audio.clips import ClipCache
from sdialog.audio.sound import Clip, mono
from sdialog.audio.timeline import Utterance
from sdialog.audio.tts.base import BaseDialogTTS, BaseTTS, PerTurnTTS, engines
from sdialog.audio.voices import Casting, EspeakVoiceDatabase, ToneVoiceDatabase, cast, database_for
from sdialog.core.errors import TTSError, UnsupportedFeatureError, UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.plan import AudioPlan
    from sdialog.audio.script import Script


def engine_of(tts: Any = None) -> BaseTTS | BaseDialogTTS:
    """Return the speech engine that a value means.

    Args:
        tts: an engine, a name such as ``espeak``, or None for espeak-ng.

    Raises:
        UnknownNameError: if there is no engine of that name.
        MissingDependencyError: if the engine's package is not installed.
        TypeError: if it is something else.

    Example:
        >>> engine_of("tone").name
        'tone'
    """
    if tts is None:
        need(
            "espeakng_loader", extra="audio", why="speak; tts='tone' beeps in its place, without any package for speech"
        )
        tts = "espeak"
    if isinstance(tts, str):
        tts = engines.get(tts)()
    if isinstance(tts, PerTurnTTS) and not tts.tts_kwargs:
        return tts.engine
    if isinstance(tts, (BaseTTS, BaseDialogTTS)):
        return tts
    raise TypeError(
        f"tts is a speech engine, the name of one ({', '.join(engines)}), or None, not {type(tts).__name__}"
    )


def cast_script(
    script: Script,
    engine: BaseTTS | BaseDialogTTS,
    *,
    voices: Any = "db",
    database: Any = None,
    description: Any = None,
    seed: int = 0,
) -> Casting:
    """Return a voice for each speaker of a script.

    Args:
        script: with the personas.
        engine: that will speak.
        voices: see :func:`sdialog.audio.voices.cast`.
        database: a voice database, its name, a folder or a list; None takes the engine's own.
        description: more words about the voices.
        seed: of all that is drawn.

    Raises:
        UserError: if a voice is needed from a database, and the engine has none.
    """
    return cast(
        script.speakers,
        _database(database, engine),
        personas=script.personas,
        voices=voices,
        seed=seed,
        voice_description=description,
        language=script.language,
        engine=engine,
        texts=[next(line.text for line in script.lines if line.speaker == n) for n in range(len(script.speakers))],
    )


@lru_cache(maxsize=8)
def _built_in(name: str) -> Any:
    """Return the voices of an engine, read once: casting takes from them and changes nothing."""
    return {"espeak": EspeakVoiceDatabase, "tone": ToneVoiceDatabase}[name]()


def _database(value: Any, engine: BaseTTS | BaseDialogTTS) -> Any:
    """Return the voices that are cast from: those that are given, else the engine's own."""
    name = getattr(getattr(engine, "engine", engine), "name", "")
    if value is not None:
        return database_for(value, engine)
    if name in ("espeak", "tone"):
        return _built_in(name)
    try:
        return database_for(None, engine)
    except UserError:
        return None  # every voice may be given; cast says so where one is not


class Said(NamedTuple):
    """An utterance as it was spoken.

    Attributes:
        clip: at the rate of the recording.
        window: utterances of one window keep their mutual timing; None where there is none to keep.
        offset: seconds from the beginning of the window.
        times: where the times of its words are from: ``engine``, ``pocketsphinx``, or ``even`` for a guess.
    """

    clip: Clip
    window: int | None
    offset: float
    times: str


def speak(plan: AudioPlan, engine: BaseTTS | BaseDialogTTS, cache: ClipCache, known: dict[bytes, Any]) -> list[Said]:
    """Return every utterance of a plan as sound.

    Args:
        plan: says what in which voice.
        engine: that speaks.
        cache: of what was spoken before.
        known: word times that were found before; new ones are added.

    Raises:
        TTSError: if the engine fails, or returns another number of clips than there are turns.
        UnsupportedFeatureError: if back-channels are asked of an engine for whole dialogs.
    """
    if isinstance(engine, BaseDialogTTS):
        return _at_once(plan, engine, known)
    made = []
    for one in plan.spoken:
        heard = plan.casting[one.line.speaker]
        # The seed belongs to the line, so that the same words in the same voice may still sound different in two turns.
        seed = derive_seed(plan.seed, "speech", one.kind, one.line.turn, round(one.at * 1e6))
        asked = (engine, one.line.text, heard.value, heard.language, seed)
        clip, times = cache.get(*asked, rate=plan.sample_rate), "engine"
        if not clip.words and len(clip.samples):
            timed, times = _timed(cache.get(*asked), one.line.text, heard.language, known)
            clip = replace(clip, words=timed.words)
        made.append(Said(clip, None, 0.0, times))
    return made


def _at_once(plan: AudioPlan, engine: BaseDialogTTS, known: dict[bytes, Any]) -> list[Said]:
    if any(one.kind == "backchannel" for one in plan.spoken):
        raise UnsupportedFeatureError(
            f"{type(engine).__name__} speaks whole dialogs, so nobody can be heard in between; leave out back-channels"
        )
    numpy = need("numpy", extra="audio", why="check speech")
    turns = [(one.line.speaker, one.line.text) for one in plan.spoken]
    found = engine.synthesize(turns, plan.casting.values, seed=derive_seed(plan.seed, "speech") % 2**31)
    if len(found) != len(turns):
        raise TTSError(f"{type(engine).__name__} returned {len(found)} clips for {len(turns)} turns")
    made = []
    for (speaker, text), one in zip(turns, found, strict=True):
        clip = Clip(mono(one.audio), one.sample_rate, tuple(one.words))
        if not numpy.isfinite(clip.samples).all():
            raise TTSError(f"{type(engine).__name__} made samples that are not numbers, for {text[:60]!r}")
        timed, times = _timed(clip, text, plan.casting[speaker].language, known)
        made.append(Said(timed.resampled(plan.sample_rate), one.window, one.offset, times))
    return made


def _timed(clip: Clip, text: str, language: str, known: dict[bytes, Any]) -> tuple[Clip, str]:
    """Return a clip whose words have times, found or guessed where the engine tells none; and where they are from."""
    if clip.words or not len(clip.samples):
        return clip, "engine"
    sound = hashlib.blake2b(clip.samples.tobytes(), digest_size=16)
    sound.update(f"{clip.rate} {language} {text}".encode("utf-8", "surrogatepass"))
    if sound.digest() not in known:
        known[sound.digest()] = align(clip.samples, clip.rate, text, language)
    found = known[sound.digest()]
    return Clip(clip.samples, clip.rate, found.words), str(found.method)


def utterances_of(plan: AudioPlan, spoken: Sequence[Said]) -> list[Utterance]:
    """Return what is to be placed in time; where the plan has gaps, they count and not the timing of the engine."""
    names, free = plan.script.speakers, plan.gaps is not None
    return [
        Utterance(
            one.line.turn,
            names[one.line.speaker],
            said.clip.duration,
            said.clip.words,
            window=None if free else said.window,
            offset=0.0 if free else said.offset,
            kind=one.kind,
            at=one.at,
        )
        for one, said in zip(plan.spoken, spoken, strict=True)
    ]
