"""A dialog recorded in a room: its sources heard, mixed, brought to a level and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.backends import RoomAcousticsConfig
from sdialog.audio.files import write_audio
from sdialog.audio.legacy.hearing import hear
from sdialog.audio.legacy.sounds import NONE
from sdialog.audio.levels import set_rms
from sdialog.audio.names import file_stem
from sdialog.audio.peaks import limit_true_peak
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache
    from sdialog.audio.dialog import AudioDialog
    from sdialog.audio.rooms.room import Room

RMS_DB = -26.0206
"""The published RMS of 0.05."""

PEAK_DB = -1.0


def finished(samples: Any, rate: int, normalize: bool = True) -> Any:
    """Return sound at its final level: an RMS of 0.05 if wished, and no true peak above -1 dBTP in any case.

    Args:
        samples: array of shape (n,) or (n, channels).
        rate: samples a second.
        normalize: whether the RMS is set.
    """
    return limit_true_peak(set_rms(samples, RMS_DB) if normalize else samples, rate, PEAK_DB).samples


def room_file(dialog: AudioDialog, dialog_directory: str, room_name: str, audio_file_format: str) -> Path:
    """Return the file of a recording in a room."""
    folder = Path(dialog.audio_dir_path) / dialog_directory / "rooms"
    return folder / f"audio_pipeline_step3-{file_stem(room_name)}.{audio_file_format}"


def generate_audio_room_accoustic(
    dialog: AudioDialog,
    room: Room,
    dialog_directory: str,
    room_name: str,
    kwargs_pyroom: Mapping[str, Any] | None = None,
    source_volumes: Mapping[str, Any] | None = None,
    audio_file_format: str = "wav",
    background_effect: str | None = None,
    foreground_effect: str | None = None,
    foreground_effect_position: Any = None,
    callback_mix_fn: Callable[..., Any] | None = None,
    callback_mix_kwargs: Mapping[str, Any] | None = None,
    sampling_rate: int = 44_100,
    *,
    normalize: bool = True,
    seed: int = 0,
    rirs: RirCache | None = None,
) -> AudioDialog:
    """Record the sources of a dialog in a room, and write the file.

    The name is spelt as it was published.

    Args:
        dialog: with audio sources; gets an entry in ``audio_step_3_filepaths`` and in ``rendering["rooms"]``.
        room: where.
        dialog_directory: folder of the dialog, below its ``audio_dir_path``.
        room_name: what the recording is called.
        kwargs_pyroom: ``ray_tracing`` and ``air_absorption``.
        source_volumes: gains by name, position or kind of a source.
        audio_file_format: ``wav``, ``flac`` or ``mp3``.
        background_effect: which background is among the sources; None means none.
        foreground_effect: likewise.
        foreground_effect_position: where it is.
        callback_mix_fn: mixes in place of a sum: gets an array of shape (sources, microphones, n), in the order of the
            sources, and returns one of shape (microphones, n).
        callback_mix_kwargs: its arguments.
        sampling_rate: samples a second.
        normalize: bring the recording to an RMS of 0.05.
        seed: of what is random in the room.
        rirs: where impulse responses are kept.

    Returns:
        The dialog. The file has one channel a microphone.

    Raises:
        UserError: if there is no source or no room.
        AcousticsError: if the simulation fails.
    """
    from sdialog.audio.rooms.room import Room

    if not isinstance(room, Room):
        raise UserError(f"the room is a Room, such as Room(dimensions=(5, 4, 3), rt60=0.4), not {room!r:.60}")
    heard = hear(
        dialog.get_audio_sources(),
        room,
        dialog.speakers_names,
        sampling_rate,
        volumes=source_volumes,
        options=kwargs_pyroom,
        seed=seed,
        rirs=rirs,
    )
    mixed = mixed_images(heard.images, callback_mix_fn, callback_mix_kwargs)
    path = room_file(dialog, dialog_directory, room_name, audio_file_format)
    columns = mixed[0] if len(mixed) == 1 else mixed.T
    written = write_audio(path, finished(columns, sampling_rate, normalize), sampling_rate)
    before = dialog.audio_step_3_filepaths.get(room_name)
    dialog.audio_step_3_filepaths[room_name] = RoomAcousticsConfig(
        audio_path=str(path),
        microphone_position=room.mic_position,
        room_name=room_name,
        room=heard.room,
        source_volumes=dict(source_volumes or {}),
        kwargs_pyroom=dict(kwargs_pyroom or {}),
        background_effect=background_effect or NONE,
        foreground_effect=foreground_effect or NONE,
        foreground_effect_position=foreground_effect_position,
        audio_paths_post_processing=dict(before.audio_paths_post_processing) if before else {},
    )
    dialog.rendering.setdefault("rooms", {})[room_name] = {
        **heard.info,
        "seed": seed,
        "file": written.json(),
        "mixed_by": getattr(callback_mix_fn, "__name__", None if callback_mix_fn is None else "callback"),
    }
    return dialog


def mixed_images(images: Any, callback: Callable[..., Any] | None, options: Mapping[str, Any] | None) -> Any:
    """Return images together, an array of shape (microphones, n): their sum, or what a callback makes of them.

    Raises:
        UserError: if the callback returns an array of another shape.
    """
    numpy = need("numpy", extra="audio", why="mix sound")
    if callback is None:
        return images.sum(axis=0)
    mixed = numpy.asarray(callback(images, **(options or {})), dtype=numpy.float32)
    mixed = mixed[None] if mixed.ndim == 1 else mixed
    if mixed.ndim != 2 or mixed.shape[1] != images.shape[2]:
        raise UserError(
            f"callback_mix_fn gets an array of shape {images.shape} (sources, microphones, samples) and returns one of "
            f"shape {images.shape[1:]}, not {mixed.shape}"
        )
    return mixed


def snr_callback_mix(
    premix: Any,
    dialog: AudioDialog | None = None,
    amplitude_factor: float = 2.0,
    speaker_role: str = "speaker_2",
    **_: Any,
) -> Any:
    """Return a sum in which one speaker is softer, for ``callback_mix_fn``.

    Args:
        premix: array of shape (sources, microphones, n).
        dialog: whose sources they are.
        amplitude_factor: what the amplitude of the speaker is divided by.
        speaker_role: of the speaker.

    Returns:
        Array of shape (microphones, n).

    Raises:
        UserError: if there is no dialog, or its sources are not those of the array.
    """
    numpy = need("numpy", extra="audio", why="mix sound")
    sources = [] if dialog is None else dialog.get_audio_sources()
    if len(sources) != len(premix):
        raise UserError(
            f"snr_callback_mix has {len(premix)} sources to mix and knows {len(sources)}; pass "
            "callback_mix_kwargs={'dialog': dialog}, or use it through the pipeline, which does so"
        )
    soft = [source.position == str(speaker_role) for source in sources]
    factors = numpy.where(soft, 1.0 / amplitude_factor, 1.0).astype(numpy.float32)
    return (premix * factors[:, None, None]).sum(axis=0)
