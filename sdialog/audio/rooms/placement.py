"""Where people may be in a room, and finding places for them: around furniture, and at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from sdialog.audio.rooms.choices import SpeakerSide
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.geometry import Position3D
from sdialog.audio.rooms.mouths import POSTURES
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room

TRIES = 2000
_APART = 0.4
_ROOMY, _CROWDED = 0.6, 0.3


def margin(room: Room) -> float:
    """Return how far from the walls a mouth stays, in metres: 0.2, or a tenth of the smaller side if that is less."""
    return min(0.2, 0.1 * min(room.dimensions.width, room.dimensions.length))


def is_free(room: Room, position: Position3D) -> bool:
    """Tell whether a mouth can be at a point: away from the walls, and not within furniture that is no seat."""
    return not _obstacle(room, position)


def check_mouth(room: Room, name: str, position: Position3D) -> None:
    """Refuse a point where no mouth can be.

    Raises:
        UserError: saying what is in the way.
    """
    wrong = _obstacle(room, position)
    if wrong:
        raise UserError(f"Position {position} is not valid, the speaker wasn't placed: {name!r} {wrong}")


def _obstacle(room: Room, position: Position3D) -> str:
    size, edge = room.dimensions, margin(room)
    inside_x = edge <= position.x <= size.width - edge
    inside_y = edge <= position.y <= size.length - edge
    if not (inside_x and inside_y):
        return (
            f"must be {edge:.2g} m from the walls: x from {edge:.2f} to {size.width - edge:.2f}, "
            f"y from {edge:.2f} to {size.length - edge:.2f}"
        )
    if position.z >= size.height:
        return f"is above the ceiling, which is {size.height:g} m high"
    for thing in room.furnitures.values():
        if thing.covers(position.x, position.y) and not (thing.seat and position.z > thing.get_top_z()):
            return f"is within furniture {thing.name!r}; move one of them, or give the furniture seat=True to sit on it"
    return ""


def mouth_height(room: Room, posture: str) -> float:
    """Return the height of a mouth in a posture, in metres, kept under a low ceiling."""
    return min(POSTURES[posture], room.dimensions.height - 0.15)


def natural_posture(thing: Furniture) -> str:
    """Return how people are at a piece of furniture: seated at what is as high as a table, else standing."""
    return "seated" if 0.3 <= thing.get_top_z() <= 1.0 else "standing"


def around_furniture(
    room: Room,
    thing: Furniture,
    *,
    max_distance: float,
    side: SpeakerSide | str | None,
    height: float,
    draw: random.Random,
    others: Sequence[Position3D] = (),
) -> Position3D:
    """Return a free point beside a piece of furniture.

    Args:
        room: the room.
        thing: the furniture.
        max_distance: metres from its edge at most.
        side: on which side, in a corridor as wide as it; None for any.
        height: of the mouth, in metres.
        draw: chooses the point.
        others: mouths to keep away from, as far as there is space.

    Raises:
        UnknownNameError: if there is no such side.
        UserError: if there is no free point.
    """
    sides = [each.value for each in SpeakerSide]
    if side is not None and side not in sides:
        raise UnknownNameError("side of furniture", str(side), sides)
    if not max_distance > 0:
        raise UserError(f"max_distance is metres, more than 0, not {max_distance!r}")

    def point() -> Position3D | None:
        x, y = _beside(thing, max_distance, str(side)) if side else _about(thing, max_distance)
        if x < 0 or y < 0 or (not side and not 0 < thing.edge_distance(x, y) <= max_distance):
            return None
        return Position3D(round(x, 3), round(y, 3), height)

    def _beside(thing: Furniture, far: float, side: str) -> tuple[float, float]:
        across = draw.random()
        away = draw.uniform(0, far)
        if side in ("front", "back"):
            x = thing.x + across * thing.width
            return x, thing.y - away if side == "front" else thing.y + thing.depth + away
        y = thing.y + across * thing.depth
        return thing.x - away if side == "left" else thing.x + thing.width + away, y

    def _about(thing: Furniture, far: float) -> tuple[float, float]:
        return (
            draw.uniform(thing.x - far, thing.x + thing.width + far),
            draw.uniform(thing.y - far, thing.y + thing.depth + far),
        )

    found = _search(room, point, others)
    if found is None:
        where = f"at the {side} of" if side else "around"
        raise UserError(
            f"there is no free place {where} {thing.name!r} within {max_distance:g} m in room {room.name!r}: take "
            f"another side, a larger max_distance, or move furniture"
        )
    return found


def at_random(
    room: Room,
    posture: str,
    draw: random.Random,
    *,
    others: Sequence[Position3D] = (),
    apart: float | None = None,
    from_microphones: tuple[float, float] | None = None,
    wall: float = 0.3,
) -> Position3D:
    """Return a free point anywhere in a room.

    Args:
        room: the room.
        posture: gives the height.
        draw: chooses the point.
        others: mouths already there.
        apart: metres to keep from each of them; None keeps 0.6, and in a crowded room 0.3.
        from_microphones: least and most metres from the nearest microphone; None for 0.2 and more.
        wall: metres to keep from the walls, where the room is wide enough.

    Raises:
        UserError: if no such point is found.
    """
    size = room.dimensions
    edge = max(margin(room), min(wall, 0.2 * min(size.width, size.length)))
    near, far = from_microphones or (0.2, float("inf"))
    height = mouth_height(room, posture)

    def point() -> Position3D | None:
        x, y = draw.uniform(edge, size.width - edge), draw.uniform(edge, size.length - edge)
        spot = Position3D(round(x, 3), round(y, 3), height)
        distances = [spot.distance_to(each.position) for each in room.microphones] or [near]
        return spot if near <= min(distances) <= far else None

    found = _search(room, point, others, apart=apart or _ROOMY, least=apart or _CROWDED)
    if found is None:
        raise UserError(
            f"no free place in room {room.name!r} ({size.width:g} x {size.length:g} m) that is "
            f"{apart or _CROWDED:g} m from the {len(others)} people there and {near:g} to {far:g} m from a microphone: "
            f"take a larger room, fewer speakers, a smaller apart, or a wider range"
        )
    return found


def _search(
    room: Room,
    point: Callable[[], Position3D | None],
    others: Iterable[Position3D],
    *,
    apart: float = _APART,
    least: float = 0.0,
) -> Position3D | None:
    """Return the first free point so far apart from others, else the farthest one found that is not too near."""
    people = list(others)
    best: tuple[float, Position3D] | None = None
    for _ in range(TRIES):
        spot = point()
        if spot is None or not is_free(room, spot):
            continue
        nearest = min((spot.distance_to(each) for each in people), default=apart)
        if nearest >= apart:
            return spot
        if best is None or nearest > best[0]:
            best = nearest, spot
    return best[1] if best and best[0] >= least else None
