"""What the microphones of a room hear of each source of an audio dialog."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics import convolve, impulse_responses
from sdialog.audio.acoustics.recorded import read_response
from sdialog.audio.acoustics.simulation import Method, responses_from
from sdialog.audio.legacy.environment import volume_of
from sdialog.audio.legacy.tracks import speech_level_db
from sdialog.audio.rooms.choices import RoomPosition, SourceType
from sdialog.audio.rooms.geometry import Position3D
from sdialog.audio.rooms.mouths import Mouth
from sdialog.audio.rooms.room import Room
from sdialog.audio.rooms.sources import AudioSource
from sdialog.audio.snr import in_band_snr_db
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache
    from sdialog.audio.acoustics.responses import RoomResponses

KNOWN_OPTIONS = ("ray_tracing", "air_absorption")

_APART = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a room makes of the sources.

    Attributes:
        images: array of shape (sources, microphones, n), in the order of the sources.
        room: with the speakers in it.
        info: acoustics, requested and measured, and level and signal-to-noise ratio of each source.
    """

    images: Any
    room: Room
    info: dict[str, Any]


def hear(
    sources: Sequence[AudioSource],
    room: Room,
    names: Mapping[str, str],
    rate: int,
    *,
    volumes: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    rirs: RirCache | None = None,
) -> Heard:
    """Return what the microphones of a room hear of sources in files.

    A background, which comes from everywhere, reaches all microphones alike, so much below the speech there as its
    volume says; any other source is at a point, and the room does the rest.

    Args:
        sources: sounds in files, and where they are.
        room: where; speakers sit in it by name, or else by role.
        names: name of each role.
        rate: samples a second.
        volumes: gains; see :func:`~sdialog.audio.legacy.environment.volume_of`.
        options: ``ray_tracing`` and ``air_absorption``, true or false.
        seed: of what is random in the room.
        rirs: where impulse responses are kept.

    Raises:
        UserError: if there is no source, or somebody is in a microphone.
        AcousticsError: if the simulation fails.
    """
    numpy = need("numpy", extra="audio", why="simulate a room")
    if not sources:
        raise UserError("there is nothing to hear: the dialog has no audio sources; run the pipeline's first steps")
    given = _options(options or {})
    seated, people = seat(room, names)
    common: dict[str, Any] = {**given, "seed": derive_seed(seed, "acoustics"), "cache": rirs}
    responses = impulse_responses(seated, rate, **common)
    tracks = {source.name: read_response(source.source_file, rate) for source in sources}
    length = max(map(len, tracks.values())) + responses.stack.shape[-1] - 1
    images = {
        source.name: convolve({people[source.position]: tracks[source.name]}, responses, length=length)[
            people[source.position]
        ].T
        for source in sources
        if source.position in people
    }
    points = {
        source.name: Mouth(_place(seated, source))
        for source in sources
        if source.position not in people and not _everywhere(source)
    }
    if points:
        others = responses_from(seated, rate, points, **common)
        heard = convolve({name: tracks[name] for name in points}, others, length=length)
        images |= {name: heard[name].T for name in points}
    follows = _follows(sources, tracks, images, rate)
    shape = (len(seated.microphones), length)
    for source in sources:
        if _everywhere(source):
            track = numpy.pad(tracks[source.name], (0, length - len(tracks[source.name])))
            images[source.name] = numpy.broadcast_to(track * numpy.float32(follows), shape)
    gains = {source.name: volume_of(source, volumes or {}) for source in sources}
    stack = numpy.stack([images[source.name] * numpy.float32(gains[source.name]) for source in sources])
    return Heard(stack, seated, {"acoustics": _told(responses, given), "sources": _levels(sources, stack, gains, rate)})


def seat(room: Room, names: Mapping[str, str]) -> tuple[Room, dict[str, str]]:
    """Return the room with the speakers of a dialog in it, and who in it each role is.

    Args:
        room: whose speakers have names of the dialog, or roles, or other names, whose places the roles take.
        names: name of each role.
    """
    if any(name in room.speakers for name in names.values()):
        return room.with_speakers(list(names.values())), dict(names)
    if all(role in room.speakers for role in names):
        return room, {role: role for role in names}
    return room.with_speakers(list(names)), {role: role for role in names}


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    ignored = sorted(set(options) - set(KNOWN_OPTIONS))
    if ignored:
        warnings.warn(
            f"of kwargs_pyroom, {', '.join(ignored)} is ignored, since reflections and walls are chosen to meet the "
            f"room's RT60; known are {', '.join(KNOWN_OPTIONS)}",
            stacklevel=4,
        )
    method: Method = "hybrid" if options.get("ray_tracing") else "ism"
    return {"method": method, "air": bool(options.get("air_absorption", True))}


def _everywhere(source: AudioSource) -> bool:
    return source.position.startswith(SourceType.BACKGROUND)


def _place(room: Room, source: AudioSource) -> Position3D:
    """Return where a source is, a little beside a microphone that is at the same point."""
    if source._position3d is not None:
        return source._position3d
    try:
        point = room.point(source.position)
    except UnknownNameError as error:
        warnings.warn(f"source {source.name!r} is put in the middle of the room: {error}", stacklevel=4)
        point = room.point(RoomPosition.CENTER.value)
    size = room.dimensions
    inside = [min(max(at, 0.01), side - 0.01) for at, side in zip(point.to_list(), size.to_list(), strict=True)]
    near = any(Position3D(*inside).distance_to(each.position) < _APART for each in room.microphones)
    if near:
        inside[2] += _APART if inside[2] + 2 * _APART < size.height else -_APART
    return Position3D(*inside)


def _follows(sources: Sequence[AudioSource], tracks: Mapping[str, Any], images: Mapping[str, Any], rate: int) -> float:
    """Return the gain of speech from its file to the first microphone, which backgrounds follow."""
    spoken = [source.name for source in sources if source.name.startswith("speaker_") and source.name in images]
    if not spoken:
        return 1.0
    before = speech_level_db([tracks[name] for name in spoken], rate)
    after = speech_level_db([images[name][0] for name in spoken], rate)
    return float(10 ** ((after - before) / 20))


def _levels(sources: Sequence[AudioSource], stack: Any, gains: Mapping[str, float], rate: int) -> dict[str, Any]:
    """Return the volume of each source, and how far the speech is above it at the first microphone."""
    voices = [row for row, source in enumerate(sources) if source.name.startswith("speaker_")]
    speech = stack[voices, 0].sum(axis=0) if voices else None
    told = {}
    for row, source in enumerate(sources):
        gain = gains[source.name]
        told[source.name] = {
            "position": source.position,
            "volume_db": round(20 * math.log10(gain), 3) if gain > 0 else None,
        }
        if row not in voices and speech is not None:
            ratio = in_band_snr_db(speech, stack[row, 0], rate)
            told[source.name]["measured_snr"] = None if ratio is None else round(ratio, 3)
    return told


def _told(responses: RoomResponses, given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, **responses.json()}
