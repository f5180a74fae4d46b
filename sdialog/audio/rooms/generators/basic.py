"""The published basic room: a floor area, a random ratio and height, and a door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sdialog.audio.rooms.choices import MicrophonePosition, RGBAColor
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.generators.base import RoomGenerator, generators
from sdialog.audio.rooms.geometry import Dimensions3D
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UserError


@generators.register("basic")
class BasicRoomGenerator(RoomGenerator):
    """Draws rooms with a door and nothing else.

    Args:
        seed: of all rooms.

    Attributes:
        aspect_ratio: the ratios of width to length to draw from.
        floor_heights: the heights to draw from, in metres.

    Example:
        >>> BasicRoomGenerator(seed=3).generate({"room_size": 20}).get_square_meters()
        20.0
    """

    options: ClassVar[Mapping[str, Any]] = {"room_size": None}

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        self.aspect_ratio: list[tuple[float, float]] = [(1.0, 1.0), (1.5, 1.0), (2.0, 1.0)]
        self.floor_heights: list[float] = [2.5, 3.0, 3.5]

    def generate(self, args: Mapping[str, Any] | None = None) -> Room:
        """Return the next room.

        Args:
            args: ``{"room_size": square metres}``.

        Raises:
            UserError: if it is missing, or anything else is there.
        """
        if set(args or {}) - {"room_size"}:
            raise UserError(f"Only room_size is allowed, and here are also {sorted(set(args or {}) - {'room_size'})}")
        if "room_size" not in (args or {}):
            raise UserError("room_size is required: the floor area in square metres")
        return super().generate(args)

    def make(self, **options: Any) -> Room:
        """Return one room."""
        size = options["room_size"]
        if isinstance(size, bool) or not isinstance(size, (int, float)) or not size >= 1:
            raise UserError(f"room_size is the floor area in square metres, at least 1, not {size!r}")
        ratio = self.rng.choice(self.aspect_ratio)
        width, length = self.calculate_room_dimensions(size, ratio)
        height = self.rng.choice(self.floor_heights)
        thing = Furniture(name="door", x=0.1, y=0.1, width=0.7, height=2.1, depth=0.5, color=RGBAColor.BROWN)
        fits = width > 2.0 and length > 1.5
        return Room(
            name="basic_room",
            description=f"a room of {size:g} square metres and {height:g} m height",
            dimensions=Dimensions3D(width, length, height),
            mic_position=MicrophonePosition.CEILING_CENTERED,
            furnitures={"door": thing} if fits else {},
            seed=self.room_seed(),
        )
