"""A place with a name, such as a chair or the driver's seat, where somebody can be put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.geometry import Position3D, position_of
from sdialog.audio.rooms.mouths import OTHERS, posture_of
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody's mouth is who sits, stands or lies there.

    Attributes:
        position: of the mouth.
        posture: a name of ``POSTURES``.
        facing: what one looks at there: a name in the room, or ``others``.

    Example:
        >>> Place(Position3D(1, 2, 1.2), "seated").json()["posture"]
        'seated'
    """

    position: Position3D
    posture: str = "standing"
    facing: str = OTHERS

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", position_of(self.position, "the position of a place"))
        object.__setattr__(self, "posture", posture_of(self.posture))

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"position": self.position.to_list(), "posture": self.posture, "facing": self.facing}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Place:
        """Return the place that :meth:`json` described.

        Raises:
            UserError: if a key is unknown or the position is missing.
        """
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UnknownNameError("key of a place", str(key), known)
        if "position" not in data:
            raise UserError("a place needs a position, three numbers in metres")
        return cls(**data)

    @classmethod
    def beside(cls, room: Room, thing: Furniture) -> Place:
        """Return a place at a piece of furniture: on it if it is a seat, else beside it, away from the people there.

        Raises:
            UserError: if there is no free point beside it.
        """
        from sdialog.audio.rooms.placement import around_furniture, mouth_height, natural_posture

        posture = natural_posture(thing)
        if thing.seat:
            middle, posture = thing.center, "seated"
            height = max(mouth_height(room, posture), middle.z + 0.2)
            return cls(Position3D(middle.x, middle.y, height), posture)
        people = [mouth.position for mouth in room.speakers.values()]
        draw = rng(0, "place", thing.name, len(people))
        height = mouth_height(room, posture)
        point = around_furniture(room, thing, max_distance=0.6, side=None, height=height, draw=draw, others=people)
        return cls(point, posture)
