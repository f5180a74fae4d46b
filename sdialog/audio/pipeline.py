"""The published pipeline: speech, timing, dry mix, room and recording device, each in files of a folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.cache import RirCache
from sdialog.audio.clips import ClipCache
from sdialog.audio.dialog import AudioDialog
from sdialog.audio.legacy.environment import Environment
from sdialog.audio.legacy.recordings import generate_audio_room_accoustic, snr_callback_mix
from sdialog.audio.legacy.sounds import SoundLibrary
from sdialog.audio.legacy.steps import Order, Step, run
from sdialog.audio.rooms.generators.medical import MedicalRoomGenerator, RoomRole
from sdialog.audio.rooms.room import Room
from sdialog.audio.speaking import engine_of
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import derive_seed, fresh_seed

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

__all__ = ["AudioPipeline", "generate_audio_room_accoustic", "snr_callback_mix", "to_audio"]

FORMATS = ("mp3", "wav", "flac")
DSCAPER = "./dscaper_data"
"""The published default of a folder that nothing is written to any more."""


class AudioPipeline:
    """Renders dialogs step by step into folders, as published, offline.

    Args:
        dir_audio: where the folders of dialogs are.
        tts_engine: the speech engine, its name, or None for espeak-ng.
        voice_database: where voices come from; None takes those that the engine brings.
        sampling_rate: samples a second of all files.
        dscaper_data_path: published; nothing is written there, since each source has a file in the dialog's own folder.
        impulse_response_database: of recording devices; None takes those that ship with the package.
        sounds: folders of sounds for backgrounds, foregrounds and effects, beside those of the package.

    Example:
        >>> import tempfile
        >>> from sdialog import Dialog, Turn
        >>> talk = Dialog(turns=[Turn(speaker="Ann", text="Hello!"), Turn(speaker="Bob", text="Hi, Ann.")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     heard = AudioPipeline(folder, "tone").inference(talk, seed=7)
        >>> [turn.position for turn in heard.turns], heard.turns[0].audio_start_time
        (['speaker_1', 'speaker_2'], 0.0)
    """

    def __init__(
        self,
        dir_audio: str | Path = "./outputs",
        tts_engine: Any = None,
        voice_database: Any = None,
        sampling_rate: int = 24_000,
        dscaper_data_path: str | Path | None = DSCAPER,
        impulse_response_database: Any = None,
        *,
        sounds: Iterable[str | Path] = (),
    ) -> None:
        if isinstance(sampling_rate, bool) or not isinstance(sampling_rate, int) or not 8000 <= sampling_rate <= 192000:
            raise UserError(f"sampling_rate is a whole number from 8000 to 192000, not {sampling_rate!r}")
        self.dir_audio, self.sampling_rate = str(dir_audio), sampling_rate
        self.tts_pipeline = engine_of(tts_engine)
        self.voice_database = voice_database
        self.impulse_response_database = impulse_response_database
        self.sounds = SoundLibrary(sounds)
        self.clips, self.rirs = ClipCache(), RirCache()
        if dscaper_data_path is not None and str(dscaper_data_path) != DSCAPER:
            _explain(
                "dscaper_data_path", "no dscaper library is written; each source has a file in the dialog's folder"
            )

    def populate_dscaper(self, datasets: str | Sequence[str], split: str = "train", prefix: str = "") -> dict[str, int]:
        """Take in folders of sounds, under whose names backgrounds, foregrounds and effects may then be asked for.

        Args:
            datasets: folders on this machine. For the published sets of the hub, noises of the package stand.
            split: published; folders have none.
            prefix: before each name, with ``|`` between.

        Returns:
            How many sounds were taken in (``success``), were there (``existing``) or could not be (``error``).

        Raises:
            UserError: if there is no such folder.
        """
        counts = {"success": 0, "existing": 0, "error": 0}
        for one in [datasets] if isinstance(datasets, str) else datasets:
            for key, count in self.sounds.add(one, prefix).items():
                counts[key] += count
        return counts

    def inference(
        self,
        dialog: Dialog,
        environment: Mapping[str, Any] | None = None,
        perform_tts: bool = True,
        perform_room_acoustics: bool = False,
        dialog_dir_name: str | None = None,
        room_name: str | None = None,
        persona_to_voice_desc: Callable[[Any], str] | str | None = None,
        voices: Mapping[Any, Any] | None = None,
        keep_duplicate: bool = False,
        audio_file_format: str = "wav",
        seed: int | None = None,
        recording_devices: Sequence[Any] | None = None,
        tts_pipeline_kwargs: Mapping[str, Any] | None = None,
        override_tts_audio: bool = True,
        verbose: bool = False,
        overlap_pauses: bool = False,
        add_sound_effects: bool = False,
        sound_effects_dropout: float = 0.66,
        skip_annotation: bool = False,
        remove_silences: bool = True,
        normalize: bool = True,
        callback_mix_fn: Callable[..., Any] | None = None,
        callback_mix_kwargs: Mapping[str, Any] | None = None,
        room_acoustics_backend: Any = None,
        room_acoustics_backend_kwargs: Mapping[str, Any] | None = None,
        *,
        llm: Callable[[str], Any] | None = None,
    ) -> AudioDialog:
        """Render a dialog and return it with its sound; the dialog given is not changed.

        Args:
            dialog: a dialog, or an :class:`AudioDialog` whose sound is kept where it is not made anew.
            environment: ``room``, ``speaker_rooms``, ``background_effect``, ``foreground_effect``,
                ``foreground_effect_position``, ``source_volumes``, ``kwargs_pyroom``.
            perform_tts: speak; without, the sound that the dialog or its folder has is used.
            perform_room_acoustics: record in a room.
            dialog_dir_name: folder of the dialog; None is ``dialog_<id>``.
            room_name: what the recording is called; None is the room's name.
            persona_to_voice_desc: more words about a voice: a text, or a function of the persona.
            voices: the voice of each role.
            keep_duplicate: whether speakers may share a voice.
            audio_file_format: ``wav``, ``flac`` or ``mp3``.
            seed: each step and turn has numbers of its own under it; None draws one.
            recording_devices: identifiers of impulse responses, or published devices.
            tts_pipeline_kwargs: options of the engine.
            override_tts_audio: speak turns that have sound again.
            verbose: published; nothing is printed.
            overlap_pauses: gaps by ``llm``, or without one as in real conversations, where turns overlap too.
            add_sound_effects: sounds at words, by ``llm`` or from tags in the texts.
            sound_effects_dropout: chance that one is left out.
            skip_annotation: take the tags that the texts have.
            remove_silences: take off the ends of each turn that are 60 dB below its highest sample.
            normalize: bring speakers to one level and files to an RMS of 0.05; true peaks stay below -1 dBTP anyway.
            callback_mix_fn: mixes the recording in a room in place of a sum.
            callback_mix_kwargs: its arguments.
            room_acoustics_backend: None or ``pyroom``, ``telecommunications``, or a backend.
            room_acoustics_backend_kwargs: arguments of its class.
            llm: from a prompt to a reply, for gaps and sounds.

        Returns:
            The dialog with its files; ``rendering`` tells each choice, requested and measured.

        Raises:
            UserError: if an argument means nothing, a voice or room is missing, or there is no sound to use.
            AudioError: if speaking or simulating fails.
        """
        if audio_file_format not in FORMATS:
            raise UnknownNameError("audio format", str(audio_file_format), FORMATS)
        if room_name is not None and not perform_room_acoustics:
            raise UserError("The room name is only used if the step 3 is done: pass perform_room_acoustics=True")
        order = Order(
            environment=Environment.from_data(environment),
            given=dict(environment or {}),
            speak=perform_tts,
            room=perform_room_acoustics,
            folder_name=dialog_dir_name or f"dialog_{dialog.id}",
            room_name=room_name,
            description=persona_to_voice_desc,
            voices=voices,
            keep_duplicate=keep_duplicate,
            audio_format=audio_file_format,
            seed=fresh_seed() if seed is None else seed,
            devices=tuple(recording_devices or ()),
            engine_options=dict(tts_pipeline_kwargs or {}),
            override=override_tts_audio,
            overlaps=overlap_pauses,
            effects=add_sound_effects,
            dropout=sound_effects_dropout,
            skip_annotation=skip_annotation,
            trim=remove_silences,
            normalize=normalize,
            callback=callback_mix_fn,
            callback_options=dict(callback_mix_kwargs or {}),
            backend=room_acoustics_backend,
            backend_options=dict(room_acoustics_backend_kwargs or {}),
            llm=llm,
        )
        return run(Step(self, order), dialog)


def to_audio(
    dialog: Dialog,
    dir_audio: str | Path | None = "./outputs_to_audio",
    dialog_dir_name: str | None = None,
    dscaper_data_path: str | Path | None = DSCAPER,
    room_name: str | None = None,
    perform_room_acoustics: bool = False,
    tts_engine: Any = None,
    persona_to_voice_desc: Callable[[Any], str] | str | None = None,
    voices: Mapping[Any, Any] | None = None,
    voice_database: Any = None,
    dscaper_datasets: Sequence[str] | None = None,
    room: Room | None = None,
    speaker_positions: Mapping[Any, Any] | None = None,
    background_effect: str | None = None,
    foreground_effect: str | None = None,
    foreground_effect_position: Any = None,
    kwargs_pyroom: Mapping[str, Any] | None = None,
    source_volumes: Mapping[Any, Any] | None = None,
    audio_file_format: str = "wav",
    seed: int | None = None,
    recording_devices: Sequence[Any] | None = None,
    impulse_response_database: Any = None,
    override_tts_audio: bool = True,
    verbose: bool = False,
    overlap_pauses: bool = False,
    add_sound_effects: bool = False,
    sound_effects_datasets: Sequence[str] | None = None,
    sound_effects_dropout: float = 0.0,
    skip_annotation: bool = False,
    remove_silences: bool = True,
    normalize: bool = True,
    callback_mix_fn: Callable[..., Any] | None = None,
    callback_mix_kwargs: Mapping[str, Any] | None = None,
    room_acoustics_backend: Any = None,
    room_acoustics_backend_kwargs: Mapping[str, Any] | None = None,
    *,
    llm: Callable[[str], Any] | None = None,
) -> AudioDialog:
    """Render a dialog into a folder in one call, as published; :class:`AudioPipeline` says what each argument does.

    Args:
        dialog: what is rendered.
        dir_audio: where its folder is; None is ``./outputs_to_audio``.
        room: where it is recorded; None draws a medical examination room.
        speaker_positions: where in it the roles are: a position, or ``furniture_name``, ``max_distance`` and ``side``.
        dscaper_datasets: folders of backgrounds and foregrounds.
        sound_effects_datasets: folders of sounds at words.
        dialog_dir_name, room_name, perform_room_acoustics, persona_to_voice_desc, voices, audio_file_format, seed,
            recording_devices, override_tts_audio, verbose, overlap_pauses, add_sound_effects, sound_effects_dropout,
            skip_annotation, remove_silences, normalize, callback_mix_fn, callback_mix_kwargs, room_acoustics_backend,
            room_acoustics_backend_kwargs, llm: of :meth:`AudioPipeline.inference`.
        dscaper_data_path, tts_engine, voice_database, impulse_response_database: of :class:`AudioPipeline`.
        background_effect, foreground_effect, foreground_effect_position, kwargs_pyroom, source_volumes: of the
            environment.

    Raises:
        UserError: if an argument means nothing, or a voice, room or sound is missing.
        AudioError: if speaking or simulating fails.
    """
    seed = fresh_seed() if seed is None else seed
    pipeline = AudioPipeline(
        dir_audio or "./outputs_to_audio", tts_engine, voice_database, dscaper_data_path=dscaper_data_path,
        impulse_response_database=impulse_response_database,
    )  # fmt: skip
    for folders, before in ((dscaper_datasets, ""), (sound_effects_datasets, "")):
        if folders:
            pipeline.populate_dscaper(list(folders), prefix=before)
    around: dict[str, Any] = {
        "background_effect": background_effect,
        "foreground_effect": foreground_effect,
        "foreground_effect_position": foreground_effect_position,
        "kwargs_pyroom": kwargs_pyroom,
        "source_volumes": source_volumes,
    }
    around = {key: value for key, value in around.items() if value is not None}
    if perform_room_acoustics:
        around["room"] = _placed(room, speaker_positions, seed)
    return pipeline.inference(
        dialog, around, True, perform_room_acoustics, dialog_dir_name, room_name, persona_to_voice_desc, voices,
        audio_file_format=audio_file_format, seed=seed, recording_devices=recording_devices,
        override_tts_audio=override_tts_audio, verbose=verbose, overlap_pauses=overlap_pauses,
        add_sound_effects=add_sound_effects, sound_effects_dropout=sound_effects_dropout,
        skip_annotation=skip_annotation, remove_silences=remove_silences, normalize=normalize,
        callback_mix_fn=callback_mix_fn, callback_mix_kwargs=callback_mix_kwargs,
        room_acoustics_backend=room_acoustics_backend, room_acoustics_backend_kwargs=room_acoustics_backend_kwargs,
        llm=llm,
    )  # fmt: skip


def _placed(room: Room | None, positions: Mapping[Any, Any] | None, seed: int) -> Room:
    """Return the room, or an examination room, with the roles where they are wanted; the one given is not changed."""
    if room is None:
        room = MedicalRoomGenerator(seed=derive_seed(seed, "room")).generate({"room_type": RoomRole.EXAMINATION})
    room = room.copy()
    for role, where in (positions or {}).items():
        if isinstance(where, Mapping):
            options = {key: value for key, value in where.items() if value is not None}
            room.place_speaker_around_furniture(str(role), **{"seed": derive_seed(seed, "place", str(role)), **options})
        else:
            room.place_speaker(str(role), where)
    return room


def _explain(argument: str, instead: str) -> None:
    warnings.warn(f"{argument} has no effect any more: {instead}", DeprecationWarning, stacklevel=4)
