"""Speakers who walk through their room: what a scene says about it, and how they are heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.audio.scene import by_speaker, chosen
from sdialog.core.errors import ConfigError, UserError

if TYPE_CHECKING:
    from sdialog.audio.acoustics.motion import Way
    from sdialog.audio.rooms.room import Room
    from sdialog.audio.surroundings import Space

_EXAMPLE = "{'Ann': {'times': [0, 8], 'points': [[1, 1, 1.6], [4, 2, 1.6]], 'facing': True}}"


def ways_of(
    value: Any, speakers: Sequence[str], spaces: Sequence[Space], method: str, generator: Any
) -> tuple[list[Space], dict[int, Way]]:
    """Return the spaces with everybody who walks at the beginning of their way, and the ways by number of the speaker.

    Args:
        value: ``moves`` of a scene: a way for each speaker who walks, by number or name.
        speakers: their names.
        spaces: where they are heard.
        method: how rooms are simulated.
        generator: random numbers, for ways of which one is drawn.

    Raises:
        ConfigError: if a way means nothing, or its speaker is in no room.
        UnknownNameError: if there is no such speaker.
        UserError: if a way leads out of the room.
    """
    if value is None:
        return list(spaces), {}
    each = by_speaker(value, speakers)
    if each is None:
        raise ConfigError(f"moves has a way for each speaker who walks, such as {_EXAMPLE}, not {value!r:.80}")
    if method != "ism":
        raise ConfigError("moves goes with acoustics 'ism' alone: rays would be drawn anew at each step")
    drawn = {number: chosen(one, generator) for number, one in enumerate(each)}
    ways = {number: _way(one, speakers[number]) for number, one in drawn.items() if one is not None}
    placed = []
    for space in spaces:
        own = {speakers[number]: ways[number] for number in space.speakers if number in ways}
        placed.append(replace(space, room=_at_start(space.room, own)) if own and space.room is not None else space)
    walking = {number for space in spaces if space.room is not None for number in space.speakers}
    for number in ways:
        if number not in walking:
            raise ConfigError(f"{speakers[number]!r} walks and is in no room; give reverb a room")
    return placed, ways


def _way(value: Any, speaker: str) -> Way:
    from sdialog.audio.acoustics.motion import Way

    if isinstance(value, Way):
        return value
    try:
        return Way(**value)
    except TypeError as error:
        raise ConfigError(f"the way of {speaker!r} is times and points, such as {_EXAMPLE}: {error}") from error
    except UserError as error:
        raise ConfigError(f"the way of {speaker!r}: {error}") from error


def _at_start(room: Room, ways: Mapping[str, Way]) -> Room:
    """Return the room with those who walk at the first point of their ways."""
    from sdialog.audio.acoustics.simulation import check_inside

    data = room.json()
    for name, way in ways.items():
        for point in way.points:
            check_inside(room, name, replace(room.speakers[name], position=point))
        data["speakers"][name] = {**data["speakers"][name], "position": way.points[0].to_list()}
    return type(room).from_data(data)
