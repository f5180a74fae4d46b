"""The steps of the published pipeline for one dialog: speech, timing and effects, dry mix, room, devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.backends import PyroomAcousticsBackend, resolve_room_acoustics_backend
from sdialog.audio.files import read_audio, write_audio
from sdialog.audio.legacy.environment import Environment
from sdialog.audio.legacy.recordings import finished, generate_audio_room_accoustic, snr_callback_mix
from sdialog.audio.legacy.saved import FILE, drop_outdated, with_saved
from sdialog.audio.legacy.speaking import generate_utterances_audios, write_utterances
from sdialog.audio.legacy.timing import place_dialog
from sdialog.audio.legacy.tracks import dry_mix, make_tracks, write_tracks
from sdialog.audio.names import file_stem
from sdialog.audio.processing import AudioProcessor
from sdialog.audio.rooms.choices import RoomPosition
from sdialog.audio.sound import resample
from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.dialog import AudioDialog
    from sdialog.audio.pipeline import AudioPipeline
    from sdialog.audio.rooms.room import Room
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done; :meth:`sdialog.audio.pipeline.AudioPipeline.inference` says what each means."""

    environment: Environment
    given: Mapping[str, Any]
    speak: bool
    room: bool
    folder_name: str
    room_name: str | None
    description: Callable[[Any], str] | str | None
    voices: Mapping[Any, Any] | None
    keep_duplicate: bool
    audio_format: str
    seed: int
    devices: tuple[Any, ...]
    engine_options: Mapping[str, Any]
    override: bool
    overlaps: bool
    effects: bool
    dropout: float
    skip_annotation: bool
    trim: bool
    normalize: bool
    callback: Callable[..., Any] | None
    callback_options: Mapping[str, Any] = field(default_factory=dict)
    backend: Any = None
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    llm: Callable[[str], Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A pipeline and an order."""

    pipeline: AudioPipeline
    order: Order

    @property
    def folder(self) -> Path:
        """The folder of the dialog."""
        return Path(self.pipeline.dir_audio) / self.order.folder_name

    def seed(self, name: str) -> int:
        """Return the seed of a step."""
        return derive_seed(self.order.seed, "pipeline", name)


def run(step: Step, dialog: Dialog) -> AudioDialog:
    """Take all steps that the order wants, and return the dialog with its files."""
    order = step.order
    backend = _backend(step) if order.room else None
    heard, kept = with_saved(dialog, step.folder, speak=order.speak, override=order.override)
    heard.audio_dir_path, heard.timeline_name = step.pipeline.dir_audio, order.folder_name
    heard.rendering["seed"] = order.seed
    _speak(step, heard)
    _place(step, heard, kept)
    _mix_dry(step, heard, bool(getattr(backend, "one_room_each", False)))
    drop_outdated(heard)
    name = ""
    if backend is not None:
        name = _record(step, heard, backend)
    if order.devices:
        _apply_devices(step, heard, name)
    heard.to_file(step.folder / FILE)
    return heard


def _backend(step: Step) -> Any:
    """Return what puts the dialog into a room, after asking whether there is one."""
    order = step.order
    backend = resolve_room_acoustics_backend(order.backend, order.backend_options)
    if getattr(backend, "requires_room", True) and order.environment.room is None:
        raise UserError(
            "recording in a room needs one: give environment={'room': Room(dimensions=(5, 4, 3), rt60=0.4)}, or a "
            "room of MedicalRoomGenerator().generate({'room_type': 'examination'})"
        )
    return backend


def _speak(step: Step, heard: AudioDialog) -> None:
    order, pipeline = step.order, step.pipeline
    if order.speak:
        generate_utterances_audios(
            heard,
            pipeline.voice_database,
            pipeline.tts_pipeline,
            order.description,
            order.voices,
            order.keep_duplicate,
            step.seed("speech"),
            pipeline.sampling_rate,
            order.engine_options,
            order.trim,
            cache=pipeline.clips,
            keep=not order.override,
        )
    folder = step.folder / "utterances"
    # Earlier files of turns that go elsewhere would be taken for those of this dialog; others in the folder stay.
    write_utterances(heard, folder, pipeline.sampling_rate)
    ours = {turn.audio_path for turn in heard.turns}
    for left in folder.glob("[0-9]*_*.wav"):
        if str(left) not in ours:
            left.unlink()


def _place(step: Step, heard: AudioDialog, kept: bool) -> None:
    order = step.order
    placed = kept and all(turn.audio_start_time >= 0 for turn in heard.turns if turn.audio_duration >= 0)
    place_dialog(heard, llm=order.llm if order.overlaps else None, overlaps=order.overlaps, seed=step.seed("timing"),
                 redraw=not placed or order.overlaps)  # fmt: skip
    if not order.effects:
        if not kept:
            for turn in heard.turns:
                turn.sound_effects = []
        return
    rooms = [room for room in (order.environment.room, *order.environment.rooms.values()) if room is not None]
    heard.add_sound_effects(
        order.llm,
        step.pipeline.sounds,
        skip_annotation=order.skip_annotation,
        dropout=order.dropout,
        positions=sorted({name for room in rooms for name in (*room.furnitures, *room.places)}),
        seed=step.seed("effects"),
    )


def _mix_dry(step: Step, heard: AudioDialog, each: bool) -> None:
    """Write the sources, and the mixture without a room: as it is, and at its level."""
    order, rate = step.order, step.pipeline.sampling_rate
    tracks = make_tracks(
        heard,
        order.environment,
        step.pipeline.sounds,
        rate,
        step.seed("sounds"),
        normalize=order.normalize,
        each=each,
    )
    folder = step.folder / "exported_audios"
    heard.set_audio_sources(write_tracks(tracks, folder / "sources", rate))
    dry = dry_mix(tracks)
    level = finished(dry, rate, order.normalize)
    raw = folder / f"audio_pipeline_step2.{order.audio_format}"
    ready = folder / f"audio_pipeline_step1.{order.audio_format}"
    written = [write_audio(raw, finished(dry, rate, False), rate), write_audio(ready, level, rate)]
    heard.audio_step_1_filepath, heard.audio_step_2_filepath = str(ready), str(raw)
    heard.set_combined_audio(level)
    heard.rendering["dry"] = {
        "sounds_seed": step.seed("sounds"),
        "sources": [source.json() for source in heard.audio_sources],
        "files": [one.json() for one in written],
    }


def _record(step: Step, heard: AudioDialog, backend: Any) -> str:
    """Put the dialog into the room, and return what the recording is called."""
    order, rate, around = step.order, step.pipeline.sampling_rate, step.order.environment
    name = order.room_name or _room_name(around, backend)
    options = dict(order.callback_options)
    if order.callback is snr_callback_mix:
        options.setdefault("dialog", heard)
    common: dict[str, Any] = {"callback_mix_fn": order.callback, "callback_mix_kwargs": options, "sampling_rate": rate}
    ours: dict[str, Any] = {"normalize": order.normalize, "seed": step.seed("room"), "rirs": step.pipeline.rirs}
    room: Room | None = around.room
    if type(backend) is PyroomAcousticsBackend and room is not None:
        generate_audio_room_accoustic(
            heard,
            room,
            order.folder_name,
            name,
            around.options,
            around.volumes,
            order.audio_format,
            around.whole.background,
            around.whole.foreground,
            RoomPosition(around.whole.position)
            if around.whole.position in list(RoomPosition)
            else around.whole.position,
            **common,
            **ours,
        )
    else:
        more = ours if getattr(backend, "one_room_each", False) else {}
        backend.simulate(
            heard, room, order.folder_name, name, order.audio_format, order.given or None, **common, **more
        )
        if not more:
            _bring_to_level(heard, name, rate, order.normalize)
    for turn in heard.turns:
        if name in heard.audio_step_3_filepaths:
            turn.microphone_position = str(heard.audio_step_3_filepaths[name].microphone_position or "")
    return name


def _room_name(around: Environment, backend: Any) -> str:
    if around.room is not None:
        return around.room.name
    return next((room.name for room in around.rooms.values()), getattr(backend, "name", "") or "room")


def _bring_to_level(heard: AudioDialog, name: str, rate: int, normalize: bool) -> None:
    """Write the file of somebody else's backend again at the pipeline's rate and level; no other file is touched."""
    config = heard.audio_step_3_filepaths.get(name)
    if config is None or not config.audio_path or not Path(config.audio_path).is_file():
        raise UserError(
            f"the backend wrote no file for {name!r}: simulate() writes one, and puts a RoomAcousticsConfig with its "
            "audio_path into dialog.audio_step_3_filepaths"
        )
    samples, own = read_audio(config.audio_path)
    write_audio(config.audio_path, finished(resample(samples, own, rate), rate, normalize), rate)


def _apply_devices(step: Step, heard: AudioDialog, name: str) -> None:
    if not name:
        raise UserError("recording devices record in a room: pass perform_room_acoustics=True with a room")
    config = heard.audio_step_3_filepaths[name]
    if config.audio_path is None:
        raise UserError(f"the recording {name!r} has no file")
    for device in step.order.devices:
        called = str(getattr(device, "value", device))
        folder = step.folder / "post_processing"
        file = f"audio_post_processing-{file_stem(name)}-{file_stem(called)}.{step.order.audio_format}"
        AudioProcessor.apply_microphone_effect(
            config.audio_path, folder / file, device, step.pipeline.impulse_response_database
        )
        config.audio_paths_post_processing[called] = str(folder / file)
