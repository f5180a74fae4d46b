"""What a room generator is: seeded, and each call draws the next room."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sdialog.audio.rooms.choices import Role
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import RoomMaterials
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.registry import Registry
from sdialog.core.seeds import derive_seed, fresh_seed, rng


class RoomGenerator(ABC):
    """Draws rooms of one kind: a subclass writes :meth:`make`.

    The first room of a seed is always the same, and so is the second; furniture, speakers and all else come from it.

    Args:
        seed: of all rooms; None takes one nobody has asked for, kept in ``seed``.

    Attributes:
        options: what :meth:`generate` takes, with what each is if it is not given.
    """

    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, seed: int | None = None) -> None:
        self.seed = fresh_seed() if seed is None else int(seed)
        self.rng: random.Random = rng(self.seed, "room", 0)
        self._made = 0

    def generate(self, args: Mapping[str, Any] | None = None) -> Room:
        """Return the next room.

        Args:
            args: options by name.

        Raises:
            UnknownNameError: if there is no such option.
            UserError: if its value is wrong.
        """
        for key in args or {}:
            if key not in self.options:
                raise UnknownNameError(f"option of {type(self).__name__}", str(key), self.options)
        self.rng = rng(self.seed, "room", self._made)
        self._made += 1
        return self.make(**{**self.options, **(args or {})})

    @abstractmethod
    def make(self, **options: Any) -> Room:
        """Return one room, with ``self.rng`` for whatever is random in it."""

    def room_seed(self) -> int:
        """Return the seed of the room that is being made, for what in it draws on its own."""
        return derive_seed(self.seed, "places", self._made)

    def calculate_room_dimensions(
        self, floor_area: float, aspect_ratio: float | Sequence[float]
    ) -> tuple[float, float]:
        """Return width and length of a floor in metres.

        Args:
            floor_area: square metres.
            aspect_ratio: width over length, or the two parts of it such as (1.5, 1).

        Raises:
            UserError: if one is not positive.

        Example:
            >>> from sdialog.audio.rooms.generators.basic import BasicRoomGenerator
            >>> BasicRoomGenerator(seed=1).calculate_room_dimensions(32, (2, 1))
            (8.0, 4.0)
        """
        parts = (aspect_ratio, 1.0) if isinstance(aspect_ratio, (int, float)) else tuple(aspect_ratio)
        if len(parts) != 2 or min(parts) <= 0 or floor_area <= 0:
            raise UserError(
                f"a floor is square metres and a ratio of width to length, both more than 0, not {floor_area!r} and "
                f"{aspect_ratio!r}"
            )
        length = math.sqrt(floor_area * parts[1] / parts[0])
        return floor_area / length, length

    def between(self, low: float, high: float) -> float:
        """Return a random number of the room that is being made, to the centimetre."""
        return round(self.rng.uniform(low, high), 2)


class FurnishedRoomGenerator(RoomGenerator):
    """Draws rooms with furniture and places that have names: a subclass writes :meth:`design`.

    Options of all of them: ``speakers`` (names, put at the places in their order, and at random when these are
    used up) and ``rt60`` (seconds; None draws one that is usual for the kind).
    """

    options: ClassVar[Mapping[str, Any]] = {"speakers": (Role.SPEAKER_1, Role.SPEAKER_2), "rt60": None}

    def make(self, **options: Any) -> Room:
        """Return one room."""
        speakers, rt60 = options.pop("speakers"), options.pop("rt60")
        if isinstance(speakers, str):
            raise UserError(f"speakers is a list of names, such as [{speakers!r}], not one name")
        design = self.design(**options)
        room = Room(
            name=design.name,
            description=design.description,
            dimensions=design.dimensions,
            materials=design.materials,
            rt60=design.rt60 if rt60 is None else rt60,
            furnitures={each.name: each for each in design.furniture},
            places=design.places,
            microphones=design.microphones,
            speakers={},
        )
        free = [*design.places, *[None] * len(speakers)]
        for name, place in zip(speakers, free, strict=False):
            room.add_speaker(str(name), place, seed=self.room_seed())
        return room

    @abstractmethod
    def design(self, **options: Any) -> Design:
        """Return what a room of this kind is like, with ``self.rng`` for whatever is random in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A room without people: the fields are those of :class:`Room`."""

    name: str
    description: str
    dimensions: Dimensions3D
    materials: RoomMaterials
    rt60: float
    furniture: Sequence[Furniture]
    places: Mapping[str, Place]
    microphones: Sequence[Microphone]


def box(name: str, x: float, y: float, size: Sequence[float], **options: Any) -> Furniture:
    """Return furniture from its corner and its width, depth and height in metres."""
    width, depth, height = size
    x, y, width, depth, height = (round(value, 4) for value in (max(0.0, x), max(0.0, y), width, depth, height))
    return Furniture(name=name, x=x, y=y, width=width, depth=depth, height=height, **options)


def seat_at(name: str, x: float, y: float, facing: str = "others", height: float = 1.2) -> tuple[Furniture, Place]:
    """Return a chair with its middle at a point of the floor, and the place of who sits on it."""
    chair = box(name, x - 0.22, y - 0.22, (0.44, 0.44, 0.46), color="blue", seat=True)
    return chair, Place(Position3D(round(x, 3), round(y, 3), height), "seated", facing)


def door(dimensions: Dimensions3D) -> Furniture:
    """Return a door in the front wall, as high as the room allows."""
    size = (min(0.9, dimensions.width / 3), 0.06, min(2.05, 0.9 * dimensions.height))
    return box("door", 0.15, 0.0, size, color="brown")


generators: Registry[type[RoomGenerator]] = Registry("room generator", "sdialog.audio.rooms.generators")
"""Room generators by name, such as ``generators.get("office")(seed=7).generate()``."""
