"""The utterances of an audio dialog: each turn spoken, trimmed and written to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.clips import ClipCache
from sdialog.audio.dialog import AudioDialog
from sdialog.audio.sound import Clip, Word, mono
from sdialog.audio.speaking import engine_of
from sdialog.audio.tts.base import BaseDialogTTS, BaseTTS
from sdialog.core.errors import TTSError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed, fresh_seed

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples
    from sdialog.audio.turn import AudioTurn
    from sdialog.core.dialog import Dialog

TRIM_DB = 60.0
"""How far below the highest sample of a turn its ends are taken off."""


class _WithOptions(BaseTTS):
    """An engine that is called with options each time."""

    def __init__(self, engine: BaseTTS, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.engine, self.options = engine, dict(options)
        self.name, self.sample_rate = engine.name, engine.sample_rate

    def generate(
        self, text: str, speaker_voice: Any, tts_pipeline_kwargs: dict[str, Any] | None = None
    ) -> tuple[Samples, int]:
        return self.engine.generate(text, speaker_voice, {**self.options, **(tts_pipeline_kwargs or {})})

    def normalize(self, text: str, language: str = "english") -> str:
        return self.engine.normalize(text, language)

    def json(self) -> dict[str, Any]:
        return {**self.engine.json(), "options": self.options}


def generate_utterance(
    text: str, voice: Any, tts_pipeline: BaseTTS, tts_pipeline_kwargs: Mapping[str, Any] | None = None
) -> tuple[Samples, int]:
    """Return a text as sound, and its rate.

    Args:
        text: what to say.
        voice: what the engine calls a voice.
        tts_pipeline: the engine.
        tts_pipeline_kwargs: options of the engine.

    Example:
        >>> from sdialog.audio.tts.base import engines
        >>> samples, rate = generate_utterance("Good morning!", {"pitch": 200}, engines.get("tone")())
        >>> len(samples) > 0, rate
        (True, 16000)
    """
    options = dict(tts_pipeline_kwargs or {})
    samples, rate = tts_pipeline.generate(text, voice, tts_pipeline_kwargs=options)
    return mono(samples), rate


def generate_utterances_audios(
    dialog: Dialog,
    voice_database: Any = None,
    tts_pipeline: Any = None,
    persona_to_voice_desc: Callable[[Any], str] | str | None = None,
    voices: Mapping[Any, Any] | None = None,
    keep_duplicate: bool = False,
    seed: int | None = None,
    sampling_rate: int = 24_000,
    tts_pipeline_kwargs: Mapping[str, Any] | None = None,
    remove_silences: bool = True,
    *,
    cache: ClipCache | None = None,
    keep: bool = False,
) -> AudioDialog:
    """Return a dialog with each turn spoken.

    Args:
        dialog: an :class:`AudioDialog`, which is changed, or any dialog, which is not.
        voice_database: where voices come from; None takes those that the engine brings.
        tts_pipeline: the engine, its name, or None for espeak-ng.
        persona_to_voice_desc: more words about a voice: a text, or a function of the persona.
        voices: the voice of each role, in place of looking for one.
        keep_duplicate: whether speakers may share a voice.
        seed: of all that is drawn; each turn has numbers of its own. None draws one.
        sampling_rate: of the turns.
        tts_pipeline_kwargs: options of the engine.
        remove_silences: take off the ends of each turn that are 60 dB below its highest sample.
        cache: where clips are kept.
        keep: leave turns that have sound already as they are.

    Raises:
        UserError: if a voice is missing.
        TTSError: if the engine fails.
    """
    heard = dialog if isinstance(dialog, AudioDialog) else AudioDialog.from_dialog(dialog)
    heard._update_speakers_roles()
    engine, seed = engine_of(tts_pipeline), fresh_seed() if seed is None else seed
    wanted = [number for number, turn in enumerate(heard.turns) if turn.text.strip() and not (keep and turn.spoken)]
    if not wanted:
        return heard
    heard.persona_to_voice(voice_database, persona_to_voice_desc, voices, keep_duplicate, engine, seed)
    if tts_pipeline_kwargs and isinstance(engine, BaseTTS):
        engine = _WithOptions(engine, tts_pipeline_kwargs)
    texts = {number: _said(heard.turns[number]) for number in wanted}
    clips = _spoken(heard, texts, engine, cache if cache is not None else ClipCache(), seed)
    for number in wanted:
        _give(heard.turns[number], clips[number], sampling_rate, remove_silences)
        heard.turns[number].voice = _voice_name(_voice(heard, heard.turns[number]))
    heard.rendering["speech"] = {
        "engine": engine.json(),
        "seed": seed,
        "sampling_rate": sampling_rate,
        "remove_silences": remove_silences,
        "turns": wanted,
    }
    return heard


def _said(turn: AudioTurn) -> str:
    """Return what is spoken of a turn: its text without the tags of sounds."""
    from sdialog.audio.legacy.sound_effects import without_tags

    return without_tags(turn.text)


def _spoken(
    dialog: AudioDialog, texts: Mapping[int, str], engine: BaseTTS | BaseDialogTTS, cache: ClipCache, seed: int
) -> dict[int, Clip]:
    if isinstance(engine, BaseDialogTTS):
        names = list(dialog.speakers_names.values())
        turns = [(names.index(dialog.speaker_name(dialog.turns[number])), text) for number, text in texts.items()]
        voices = [_value(_voice_of(dialog, name)) for name in names]
        made = engine.synthesize(turns, voices, seed=derive_seed(seed, "speech") % 2**31)
        if len(made) != len(turns):
            raise TTSError(f"{type(engine).__name__} returned {len(made)} clips for {len(turns)} turns")
        return {
            number: Clip(mono(one.audio), one.sample_rate, tuple(one.words))
            for number, one in zip(texts, made, strict=True)
        }
    clips = {}
    for number, text in texts.items():
        voice = _voice(dialog, dialog.turns[number])
        language = getattr(voice, "language", "") or "english"
        clips[number] = cache.get(engine, text, _value(voice), language, derive_seed(seed, "speech", "turn", number))
    return clips


def _voice(dialog: AudioDialog, turn: AudioTurn) -> Any:
    return _voice_of(dialog, dialog.speaker_name(turn))


def _voice_of(dialog: AudioDialog, name: str) -> Any:
    known = {key.casefold(): persona for key, persona in (dialog.personas or {}).items()}
    return known[name.casefold()]["voice"]


def _value(voice: Any) -> Any:
    return getattr(voice, "voice", voice)


def _voice_name(voice: Any) -> str:
    return str(getattr(voice, "identifier", "") or (_value(voice) if isinstance(_value(voice), str) else ""))


def _give(turn: AudioTurn, clip: Clip, rate: int, trim: bool) -> None:
    """Give a turn its clip, with the times of its words moved by what is trimmed."""
    clip = clip.resampled(rate)
    samples, removed = _trimmed(clip.samples) if trim else (clip.samples, 0)
    turn.set_audio(samples, rate)
    moved = [word.moved(-removed / rate) for word in clip.words]
    turn.words = [_inside(word, turn.audio_duration) for word in moved]


def _trimmed(samples: Samples) -> tuple[Samples, int]:
    """Return sound without its quiet ends, to the sample, and how many samples were removed from its beginning."""
    numpy = need("numpy", extra="audio", why="trim sound")
    heights = numpy.abs(samples)
    heard = numpy.flatnonzero(heights >= heights.max(initial=0.0) * 10 ** (-TRIM_DB / 20))
    if not len(heard) or not heights.any():
        return samples, 0
    return samples[heard[0] : heard[-1] + 1], int(heard[0])


def _inside(word: Word, duration: float) -> tuple[str, float, float]:
    start = min(max(word.start, 0.0), duration)
    return word.text, round(start, 6), round(min(max(word.end, start), duration), 6)


def write_utterances(dialog: AudioDialog, folder: Path, rate: int) -> None:
    """Write each turn that has sound to ``<number>_<speaker>.wav``.

    Args:
        dialog: its turns get ``audio_path``.
        folder: where.
        rate: samples a second.
    """
    from sdialog.audio.files import write_audio
    from sdialog.audio.names import file_stem
    from sdialog.audio.sound import resample

    for number, turn in enumerate(dialog.turns):
        if not turn.spoken:
            continue
        samples = resample(turn.get_audio(), turn.sampling_rate, rate)
        path = folder / f"{number}_{file_stem(dialog.speaker_name(turn))}.wav"
        write_audio(path, samples, rate)
        turn.set_audio(samples, rate)
        turn.audio_path = str(path)
