"""Where the microphones of a room are and what they are aimed at, computed from the people and things in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sdialog.audio.rooms.choices import DirectivityType, MicrophonePosition
from sdialog.audio.rooms.geometry import Position3D, direction_to, toward
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.mouths import Mouth
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room

WORN = ("lapel", "headset", "handset")
"""Ways of wearing a microphone; a microphone's place is one of them, a colon and the speaker's name."""

_WALL, _UNDER_CEILING = 0.1, 0.05


def mounted(room: Room, microphone: Microphone) -> Microphone:
    """Return a microphone where its place and aim put it.

    Raises:
        UnknownNameError: if its place or aim is not known in the room.
        UserError: if it would be outside the room.
    """
    position = mounting_point(room, microphone.place) if microphone.place else microphone.position
    moved = replace(microphone, position=position)
    check_microphone(room, moved)
    if not microphone.aim:
        return moved
    azimuth, colatitude = _angles(room, moved)
    return replace(moved, azimuth=azimuth, colatitude=colatitude)


def check_microphone(room: Room, microphone: Microphone) -> None:
    """Refuse a microphone outside the room.

    Raises:
        UserError: saying where the room ends.
    """
    size, point = room.dimensions, microphone.position
    for axis, value, end in zip("xyz", point.to_list(), size.to_list(), strict=True):
        if not 0 < value < end:
            raise UserError(
                f"microphone {microphone.name!r} at {point} is not inside room {room.name!r}: {axis} must be more "
                f"than 0 and less than {end:g} m"
            )


def mounting_point(room: Room, place: str) -> Position3D:
    """Return the point where a named way of keeping a microphone puts it.

    Raises:
        UnknownNameError: if there is no such way.
        UserError: if the furniture or the speaker it needs is not in the room.
    """
    kind, _, who = place.partition(":")
    if kind in WORN and who:
        return _within(room, _worn(room.speaker(who), kind))
    size = room.dimensions
    if place == MicrophonePosition.CEILING_CENTERED:
        return _within(room, Position3D(size.width / 2, size.length / 2, max(0.0, size.height - 0.1)))
    if place == MicrophonePosition.WALL_MOUNTED:
        return _within(room, Position3D(0.01 * size.width, size.length / 2, 1.7))
    if place == MicrophonePosition.MIDDLE_SPEAKERS:
        middle = room.point("middle_speakers")
        return _within(room, Position3D(middle.x, middle.y, 1.4))
    if place in (MicrophonePosition.CHEST_POCKET_SPEAKER_1, MicrophonePosition.CHEST_POCKET_SPEAKER_2):
        mouth = room.speaker(place.removeprefix("chest_pocket_")).position
        # A standing person's pocket is at 1.4 m; who sits has it below the mouth, too.
        height = 1.4 if mouth.z >= 1.5 else max(0.0, mouth.z - 0.2)
        return _within(room, Position3D(mouth.x, mouth.y, height))
    if place in (MicrophonePosition.DESK_SMARTPHONE, MicrophonePosition.MONITOR):
        return _within(room, _on_thing(room, place))
    known = [each.value for each in MicrophonePosition if each is not MicrophonePosition.CUSTOM]
    raise UnknownNameError("place of a microphone", place, [*known, *(f"{way}:NAME" for way in WORN)])


def _on_thing(room: Room, place: str) -> Position3D:
    name = "desk" if place == MicrophonePosition.DESK_SMARTPHONE else "monitor"
    thing = room.furnitures.get(name)
    if thing is None:
        raise UserError(
            f"a microphone at {place} needs furniture called {name!r}, and room {room.name!r} has "
            f"{', '.join(map(repr, room.furnitures)) or 'none'}: add one, or keep the microphone elsewhere"
        )
    right, inward = (0.3, 0.2) if name == "desk" else (0.1, 0.0)
    # A thing narrower than that holds it at its middle.
    x = thing.x + (right if right <= thing.width else thing.width / 2)
    y = thing.y + (inward if inward <= thing.depth else thing.depth / 2)
    return Position3D(x, y, thing.get_top_z())


def _worn(mouth: Mouth, kind: str) -> Position3D:
    ahead, side, down = {"lapel": (0.08, 0.0, 0.22), "headset": (0.02, 0.03, 0.01), "handset": (0.04, 0.02, 0.03)}[kind]
    x, y, _ = toward(mouth.azimuth)
    point = mouth.position
    return Position3D(
        max(0.0, point.x + ahead * x - side * y),
        max(0.0, point.y + ahead * y + side * x),
        max(0.0, point.z - down),
    )


def _within(room: Room, point: Position3D) -> Position3D:
    """Return the point moved inside: 0.1 m from walls and floor, 0.05 m under the ceiling, as far as it is wide."""
    size = room.dimensions
    ends = ((size.width, _WALL, _WALL), (size.length, _WALL, _WALL), (size.height, _WALL, _UNDER_CEILING))
    inside = [
        min(max(value, min(before, end / 4)), end - min(after, end / 4))
        for value, (end, before, after) in zip(point.to_list(), ends, strict=True)
    ]
    return Position3D(*inside)


def _angles(room: Room, microphone: Microphone) -> tuple[float, float]:
    fixed = fixed_directions().get(microphone.aim)
    if fixed is not None:
        return fixed
    return direction_to(microphone.position, room.point(microphone.aim))


def fixed_directions() -> dict[str, tuple[float, float]]:
    """Return the published directions that do not depend on the room, as azimuth and colatitude in degrees.

    Example:
        >>> fixed_directions()["north"]
        (0.0, 90.0)
    """
    return {
        each.name.lower(): (float(each.value[0]), float(each.value[1]))
        for each in DirectivityType
        if isinstance(each.value, tuple) and each is not DirectivityType.OMNIDIRECTIONAL
    }
