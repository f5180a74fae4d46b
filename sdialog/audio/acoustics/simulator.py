"""The published simulator: files at places of a room become one signal at its microphone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.convolution import convolve
from sdialog.audio.acoustics.recorded import read_response
from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.audio.acoustics.simulation import Method, responses_from
from sdialog.audio.rooms.choices import RoomPosition, SourceVolume
from sdialog.audio.rooms.geometry import Position3D
from sdialog.audio.rooms.mouths import Mouth
from sdialog.audio.rooms.room import Room
from sdialog.audio.rooms.sources import AudioSource
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

PEAK_DB = -0.03

_KNOWN = ("ray_tracing", "air_absorption")


class AcousticsSimulator:
    """Sound sources in a room, heard by its first microphone.

    Args:
        room: where.
        sampling_rate: samples a second.
        kwargs_pyroom: ``ray_tracing`` and ``air_absorption``, true or false; others are ignored with a warning, since
            the number of reflections and the walls are chosen to meet the room's RT60.

    Raises:
        UserError: if there is no room.
    """

    def __init__(
        self,
        room: Room | None = None,
        sampling_rate: int = 44_100,
        kwargs_pyroom: Mapping[str, Any] | None = None,
    ) -> None:
        if room is None:
            raise UserError("Room is required: give a Room, such as Room(dimensions=(5, 4, 3), rt60=0.4)")
        self.room, self.sampling_rate = room, sampling_rate
        self.kwargs_pyroom = dict(kwargs_pyroom or {})
        ignored = sorted(set(self.kwargs_pyroom) - set(_KNOWN))
        if ignored:
            warnings.warn(f"of kwargs_pyroom, {', '.join(ignored)} is ignored; known: {_KNOWN}", stacklevel=2)
        self.responses: RoomResponses | None = None

    def reset(self) -> None:
        """Forget the responses of the last simulation."""
        self.responses = None

    def simulate(
        self,
        sources: Sequence[AudioSource] = (),
        source_volumes: Mapping[str, SourceVolume | float] | None = None,
        reset: bool = False,
        callback_mix_fn: Callable[..., Any] | None = None,
        callback_mix_kwargs: Mapping[str, Any] | None = None,
    ) -> Floats:
        """Return what the first microphone hears of all sources, its peak at ``PEAK_DB``.

        Args:
            sources: sounds in files, and where they are.
            source_volumes: gain by name, position or ``SourceType`` of a source; without one, a speaker is untouched, a
                sound at a point of the room is ``SourceVolume.HIGH``, a background ``SourceVolume.LOW``.
            reset: forget the responses of the call before.
            callback_mix_fn: mixes in place of a sum: gets an array of shape (sources, microphones, n) and returns
                one of shape (microphones, n).
            callback_mix_kwargs: its arguments.

        Returns:
            Array of shape (n,). The direct sound of each source is where its file has it.

        Raises:
            UserError: if there are no sources, or a file cannot be read.
        """
        numpy = need("numpy", extra="audio", why="simulate a room")
        if not sources:
            raise UserError("there is nothing to simulate: give at least one AudioSource with a source_file")
        if reset:
            self.reset()
        names = [f"{number} {source.name}" for number, source in enumerate(sources)]
        mouths = {name: self._mouth(source) for name, source in zip(names, sources, strict=True)}
        tracks = {}
        for name, source in zip(names, sources, strict=True):
            tracks[name] = read_response(source.source_file, self.sampling_rate)
            tracks[name] = tracks[name] * _gain(source, source_volumes or {})
        if self.responses is None or self.responses.speakers != tuple(names):
            method: Method = "hybrid" if self.kwargs_pyroom.get("ray_tracing") else "ism"
            air = bool(self.kwargs_pyroom.get("air_absorption", True))
            self.responses = responses_from(self.room, self.sampling_rate, mouths, method=method, air=air)
        heard = convolve(tracks, self.responses)
        premix = numpy.stack([heard[name].T for name in names])
        mix = callback_mix_fn(premix, **(callback_mix_kwargs or {})) if callback_mix_fn else premix.sum(axis=0)
        return self.apply_snr(numpy.asarray(mix)[0], PEAK_DB)

    @staticmethod
    def apply_snr(x: Any, snr: float) -> Floats:
        """Return a signal whose peak is at so many dB of full scale; silence stays silence.

        Example:
            >>> import numpy
            >>> round(float(AcousticsSimulator.apply_snr(numpy.array([0.0, 0.5]), -20)[1]), 3)
            0.1
        """
        numpy = need("numpy", extra="audio", why="simulate a room")
        samples: Floats = numpy.asarray(x, dtype=numpy.float32)
        peak = float(numpy.abs(samples).max(initial=0.0))
        return samples if peak == 0 else samples * numpy.float32(10 ** (snr / 20) / peak)

    def _mouth(self, source: AudioSource) -> Mouth:
        return Mouth(self._place(source), directivity=source.directivity)

    def _place(self, source: AudioSource) -> Position3D:
        if source._position3d is not None:
            return source._position3d
        if source.position.startswith("no_type"):
            return self.room.point(RoomPosition.CENTER.value)
        try:
            return self.room.point(source.position)
        except UnknownNameError as error:
            warnings.warn(f"source {source.name!r} is put in the middle of the room: {error}", stacklevel=4)
            return self.room.point(RoomPosition.CENTER.value)


def _gain(source: AudioSource, volumes: Mapping[str, SourceVolume | float]) -> float:
    # SourceType is the beginning of a position, such as ``room-``.
    kinds = [key for key in volumes if key and source.position.startswith(key)]
    for key in (source.name, source.position, *kinds):
        if key in volumes:
            value = volumes[key]
            return float(value.value if isinstance(value, SourceVolume) else value)
    if source.position.startswith("room-"):
        return float(SourceVolume.HIGH.value)
    return float(SourceVolume.LOW.value) if source.position.startswith("no_type") else 1.0
