"""Somebody who walks while they speak: impulse responses along a way, and speech faded from one to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.convolution import _in_room, _track
from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.audio.acoustics.simulation import responses_from
from sdialog.audio.rooms.geometry import Position3D, direction_to, position_of
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

STEP = 0.1
"""Metres between two responses of a way."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a mouth is, when; in between it moves straight and evenly, before and after it stands still.

    Attributes:
        times: seconds, rising.
        points: positions, one a time.
        facing: whether the mouth points where it goes; otherwise it keeps its direction.

    Raises:
        UserError: if the times do not rise, or there is not one point a time.

    Example:
        >>> Way((0.0, 2.0), ((1, 1, 1.6), (3, 1, 1.6))).at(0.5).x
        1.5
    """

    times: Sequence[float]
    points: Sequence[Any]
    facing: bool = False

    def __post_init__(self) -> None:
        times = tuple(float(time) for time in self.times)
        points = tuple(position_of(point, "a point of a way") for point in self.points)
        if not times or len(times) != len(points):
            raise UserError(f"a way has one point a time, and these are {len(points)} points and {len(times)} times")
        if any(later <= time for time, later in pairwise(times)):
            raise UserError(f"the times of a way rise from each to the next, unlike {list(times)}")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "points", points)

    def at(self, time: float) -> Position3D:
        """Return where the mouth is at a time."""
        number, share = self._leg(time)
        here, there = self.points[number], self.points[min(number + 1, len(self.points) - 1)]
        pairs = zip(here.to_list(), there.to_list(), strict=True)
        return Position3D(*(one + share * (other - one) for one, other in pairs))

    def heading(self, time: float) -> tuple[float, float] | None:
        """Return azimuth and colatitude of where it goes at a time, in degrees; None where it stands for good."""
        number, _ = self._leg(time)
        number = min(number, len(self.points) - 2)
        if number < 0 or self.points[number] == self.points[number + 1]:
            return None
        return direction_to(self.points[number], self.points[number + 1])

    def stops(self, step: float) -> list[float]:
        """Return the times of points so many metres apart at most, from the first time of the way to the last."""
        stops = [self.times[0]]
        legs = zip(self.times, self.times[1:], self.points, self.points[1:], strict=False)
        for start, end, here, there in legs:
            parts = max(1, math.ceil(here.distance_to(there) / step))
            stops += [start + (end - start) * part / parts for part in range(1, parts + 1)]
        return stops

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        points = [point.to_list() for point in self.points]
        return {"times": list(self.times), "points": points, "facing": self.facing}

    def _leg(self, time: float) -> tuple[int, float]:
        if time <= self.times[0]:
            return 0, 0.0
        for number, (start, end) in enumerate(zip(self.times, self.times[1:], strict=False)):
            if time <= end:
                return number, (time - start) / (end - start)
        return len(self.times) - 1, 0.0


@dataclass(frozen=True, eq=False)
class WayResponses:
    """The impulse responses along the way of one speaker.

    Attributes:
        speaker: who goes.
        way: where.
        times: seconds of each response.
        along: the responses; its speakers are the places, one a time.
    """

    speaker: str
    way: Way
    times: tuple[float, ...]
    along: RoomResponses

    def early(self) -> WayResponses:
        """Return the early parts alone; see :meth:`RoomResponses.early`."""
        return replace(self, along=self.along.early())

    def with_drr(self, decibels: float) -> WayResponses:
        """Return responses with one direct-to-reverberant ratio; see :meth:`RoomResponses.with_drr`."""
        return replace(self, along=self.along.with_drr(decibels))

    def json(self) -> dict[str, Any]:
        """Return what they measure as JSON data, without the samples."""
        return {"speaker": self.speaker, "way": self.way.json(), "times": list(self.times), **self.along.json()}


def way_responses(
    room: Room, speaker: str, way: Way, rate: int = 16_000, *, step: float = STEP, seed: int = 0, **options: Any
) -> WayResponses:
    """Return the impulse responses along the way of a speaker.

    The walls are those of the room with everybody at their places, and the diffuse field is the same all along the
    way. Image sources are used: rays would be drawn anew at each point.

    Args:
        room: with the speaker, whose position does not count.
        speaker: who goes.
        way: where, inside the room.
        rate: samples a second.
        step: metres between two responses at most.
        seed: of the diffuse field.
        options: ``surfaces``, ``air``, ``reference`` and ``cache`` of ``impulse_responses``.

    Raises:
        UserError: if the way leads out of the room, or through a microphone.
        UnknownNameError: if nobody has that name.

    Example:
        >>> room = Room(dimensions=(5, 4, 3), rt60=0.2, speakers={"Ann": (1, 1, 1.6)})
        >>> len(way_responses(room, "Ann", Way((0, 1), ((1, 1, 1.6), (2, 1, 1.6))), step=0.25).times)
        5
    """
    if not step > 0:
        raise UserError(f"the step along a way is metres, more than 0, not {step!r}")
    mouth = room.speaker(speaker)
    times = tuple(way.stops(step))
    mouths = {}
    for number, time in enumerate(times):
        heading = way.heading(time) if way.facing else None
        azimuth, colatitude = heading or (mouth.azimuth, mouth.colatitude)
        name = _named(speaker, number, time)
        mouths[name] = replace(mouth, position=way.at(time), azimuth=azimuth, colatitude=colatitude)
    stream = list(room.speakers.values()).index(mouth)
    along = responses_from(room, rate, mouths, method="ism", seed=seed, stream=stream, **options)
    return WayResponses(speaker, way, times, along)


def convolve_along(dry: Any, responses: WayResponses, *, length: int | None = None, aligned: bool = True) -> Floats:
    """Return the track of a speaker who moves, as the microphones hear it.

    The track is cut into parts that fade into one another, each convolved with the response of its place; the parts
    add up to the track exactly, so that nothing clicks. At the reference microphone the direct sound of all parts
    comes at the time of the labels, so that it does not interfere with itself where parts overlap.

    Args:
        dry: array of shape (n,); its first sample is time 0 of the way.
        responses: along the way.
        length: samples of the result; None keeps the reverberation after the track.
        aligned: whether the labels stay valid; see :func:`convolve`. Without, the direct sound comes later the
            farther away the speaker is, in steps.

    Returns:
        Array of shape (length, microphones), float32.
    """
    numpy = need("numpy", extra="audio", why="work with sound")
    track = _track(responses.speaker, dry)
    along = responses.along
    if length is None:
        length = len(track) + along.stack.shape[-1] - 1
    heard: Floats = numpy.zeros((length, len(along.microphones)), dtype=numpy.float32)
    seconds = numpy.arange(len(track)) / along.rate
    for number in range(len(responses.times)):
        part = track * _window(seconds, responses.times, number)
        shift = along.shift(along.speakers[number]) if aligned else along.lead
        heard += _in_room(part, along.stack[number], shift, length, along.rate // 10)
    return heard


def _window(seconds: Any, times: Sequence[float], number: int) -> Any:
    """Return how much of a track belongs to a response: raised cosines between the times, which add up to one."""
    numpy = need("numpy", extra="audio", why="work with sound")

    def rising(start: float, end: float) -> Any:
        share = numpy.clip((seconds - start) / (end - start), 0.0, 1.0)
        return 0.5 - 0.5 * numpy.cos(numpy.pi * share)

    window = numpy.ones(len(seconds))
    if number > 0:
        window = rising(times[number - 1], times[number])
    if number < len(times) - 1:
        window = window - rising(times[number], times[number + 1])
    return window.astype(numpy.float32)


def _named(speaker: str, number: int, time: float) -> str:
    return f"{speaker} {number} at {time:.2f} s"
