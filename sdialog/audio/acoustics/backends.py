"""The published backends: what puts a whole dialog into a room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sdialog.audio.acoustics.simulator import AcousticsSimulator
from sdialog.audio.rooms.choices import RoomPosition
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import available, need

_BUILT_IN = {
    "pyroom": "sdialog.audio.acoustics.backends:PyroomAcousticsBackend",
    "telecommunications": "sdialog.audio.telecommunications:TelecommunicationsBackend",
    "telecom": "sdialog.audio.telecommunications:TelecommunicationsBackend",
    "telephone": "sdialog.audio.telecommunications:TelecommunicationsBackend",
}


class RoomAcousticsConfig(BaseModel):
    """One rendering of a dialog in a room: its file and how it was made."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    audio_path: str | None = None
    microphone_position: Any = None
    room_name: str | None = None
    room: Any = None
    source_volumes: dict[str, Any] = Field(default_factory=dict)
    kwargs_pyroom: dict[str, Any] = Field(default_factory=dict)
    background_effect: str = "white_noise"
    foreground_effect: str = "ac_noise_minimal"
    foreground_effect_position: Any = RoomPosition.TOP_RIGHT
    audio_paths_post_processing: dict[str, str] = Field(default_factory=dict)

    @field_validator("*", mode="before")
    @classmethod
    def _none_is_the_default(cls, value: Any, info: Any) -> Any:
        if value is not None:
            return value
        return cls.model_fields[info.field_name].get_default(call_default_factory=True)


class BaseRoomAcousticsBackend(ABC):
    """What puts a dialog into a room.

    Attributes:
        name: what it is called.
        requires_room: whether it needs a room.
    """

    name: str = ""
    requires_room: bool = True

    @abstractmethod
    def simulate(
        self,
        dialog: Any,
        room: Room | None,
        dialog_directory: str,
        room_name: str,
        audio_file_format: str = "wav",
        environment: Mapping[str, Any] | None = None,
        callback_mix_fn: Callable[..., Any] | None = None,
        callback_mix_kwargs: Mapping[str, Any] | None = None,
        sampling_rate: int = 44_100,
    ) -> Any:
        """Render the sources of a dialog, write the file, and return the dialog with its configuration.

        Args:
            dialog: an audio dialog, with ``get_audio_sources()``, ``audio_dir_path`` and ``audio_step_3_filepaths``.
            room: where.
            dialog_directory: folder of the dialog, below ``audio_dir_path``.
            room_name: what the rendering is called.
            audio_file_format: suffix of the file.
            environment: ``kwargs_pyroom``, ``source_volumes`` and effects.
            callback_mix_fn: mixes in place of a sum.
            callback_mix_kwargs: its arguments.
            sampling_rate: samples a second.
        """


class PyroomAcousticsBackend(BaseRoomAcousticsBackend):
    """A room by :class:`AcousticsSimulator`."""

    name = "pyroom"

    def simulate(
        self,
        dialog: Any,
        room: Room | None,
        dialog_directory: str,
        room_name: str,
        audio_file_format: str = "wav",
        environment: Mapping[str, Any] | None = None,
        callback_mix_fn: Callable[..., Any] | None = None,
        callback_mix_kwargs: Mapping[str, Any] | None = None,
        sampling_rate: int = 44_100,
    ) -> Any:
        """Render a dialog in a room; see :class:`BaseRoomAcousticsBackend`.

        Raises:
            UserError: if there is no room.
        """
        if not isinstance(room, Room):
            raise UserError(f"the pyroom backend needs a Room, such as Room(dimensions=(5, 4, 3)), not {room!r}")
        soundfile = need("soundfile", extra="audio", why="write sound files")
        around = dict(environment or {})
        simulator = AcousticsSimulator(room, sampling_rate, around.get("kwargs_pyroom"))
        heard = simulator.simulate(
            dialog.get_audio_sources(),
            around.get("source_volumes"),
            callback_mix_fn=callback_mix_fn,
            callback_mix_kwargs=callback_mix_kwargs,
        )
        folder = Path(dialog.audio_dir_path) / dialog_directory / "rooms"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"audio_pipeline_step3-{room_name}.{audio_file_format}"
        soundfile.write(str(path), heard, sampling_rate)
        kept: dict[str, Any] = {key: around.get(key) for key in _KEPT}
        # Without a value the configuration would name the published default, which nobody has heard.
        kept |= {key: around.get(key) or "none" for key in ("background_effect", "foreground_effect")}
        dialog.audio_step_3_filepaths[room_name] = RoomAcousticsConfig(
            audio_path=str(path),
            microphone_position=room.mic_position,
            room_name=room_name,
            room=room,
            **kept,
        )
        return dialog


_KEPT = (
    "source_volumes",
    "kwargs_pyroom",
    "background_effect",
    "foreground_effect",
    "foreground_effect_position",
)


def resolve_room_acoustics_backend(spec: Any = None, backend_kwargs: Mapping[str, Any] | None = None) -> Any:
    """Return the backend that is meant.

    Args:
        spec: None or ``pyroom``, ``telecommunications`` (also ``telecom``, ``telephone``), a backend, a class of
            backends, or anything that has ``simulate``.
        backend_kwargs: arguments of the class.

    Raises:
        UnknownNameError: if no backend has that name.
        UserError: if it is nothing of the kind.

    Example:
        >>> resolve_room_acoustics_backend().name
        'pyroom'
    """
    options = dict(backend_kwargs or {})
    if spec is None or isinstance(spec, str):
        return _class_of(spec or "pyroom")(**options)
    if isinstance(spec, type) and callable(getattr(spec, "simulate", None)):
        return spec(**options)
    if callable(getattr(spec, "simulate", None)):
        return spec
    raise UserError(f"a room acoustics backend is a name, such as 'pyroom', or has simulate(...); {spec!r} has not")


def _class_of(name: str) -> Any:
    known = [key for key, place in _BUILT_IN.items() if available(place.partition(":")[0])]
    if name not in known:
        raise UnknownNameError("room acoustics backend", name, known)
    module, _, attribute = _BUILT_IN[name].partition(":")
    return getattr(import_module(module), attribute)
