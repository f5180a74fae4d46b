"""The published medical rooms: eight kinds from a consultation room to an office."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

from sdialog.audio.rooms.choices import MicrophonePosition
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.generators.base import RoomGenerator, box, generators
from sdialog.audio.rooms.geometry import Dimensions3D
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UserError

HEIGHT = 2.5


class RoomRole(StrEnum):
    """What a medical room is for."""

    CONSULTATION = "consultation"
    EXAMINATION = "examination"
    TREATMENT = "treatment"
    PATIENT_ROOM = "patient_room"
    SURGERY = "surgery"
    WAITING_ROOM = "waiting_room"
    EMERGENCY = "emergency"
    OFFICE = "office"


AREAS: Mapping[str, float] = MappingProxyType(
    {
        RoomRole.CONSULTATION: 4.5,
        RoomRole.EXAMINATION: 6.0,
        RoomRole.TREATMENT: 8.0,
        RoomRole.PATIENT_ROOM: 9.5,
        RoomRole.SURGERY: 12.0,
        RoomRole.WAITING_ROOM: 15.0,
        RoomRole.EMERGENCY: 18.0,
        RoomRole.OFFICE: 20.0,
    }
)
"""Square metres by role."""

RATIOS: Mapping[float, float] = MappingProxyType(
    {4.5: 1.5, 6.0: 1.5, 8.0: 1.6, 9.5: 1.7, 12.0: 1.8, 15.0: 2.0, 18.0: 2.2, 20.0: 2.5, 24.0: 2.4, 32.0: 2.8}
)
"""Width over length by square metres."""


@generators.register("medical")
class MedicalRoomGenerator(RoomGenerator):
    """Draws medical rooms, furnished, with a microphone at the ceiling.

    Args:
        seed: of all rooms.

    Example:
        >>> room = MedicalRoomGenerator(seed=5).generate({"room_type": RoomRole.EXAMINATION})
        >>> room.name, round(room.get_square_meters(), 3)
        ('examination_room', 6.0)
    """

    options: ClassVar[Mapping[str, Any]] = {"room_type": None}
    ROOM_SIZES: ClassVar[Mapping[str, float]] = AREAS

    def generate(self, args: Mapping[str, Any] | None = None) -> Room:
        """Return the next room.

        Args:
            args: ``{"room_type": ...}``, a :class:`RoomRole` or ``random``.

        Raises:
            UserError: if it is missing or unknown, or anything else is there.
        """
        given = dict(args or {})
        if "room_type" not in given:
            raise UserError(f"room_type is required: one of {', '.join(RoomRole)} or random")
        if set(given) - {"room_type"}:
            raise UserError(f"Only room_type is allowed, and here are also {sorted(set(given) - {'room_type'})}")
        return super().generate(given)

    def make(self, **options: Any) -> Room:
        """Return one room."""
        wished = options["room_type"]
        if wished != "random" and wished not in list(RoomRole):
            raise UserError(f"Unsupported room size {wished!r}: take one of {', '.join(RoomRole)} or random")
        role = self.rng.choice(list(RoomRole)) if wished == "random" else RoomRole(wished)
        area = AREAS[role]
        width, length = self.calculate_room_dimensions(area, RATIOS[area])
        size = Dimensions3D(width, length, HEIGHT)
        return Room(
            name=str(role) if str(role).endswith("_room") else f"{role}_room",
            description=f"a medical room for {str(role).replace('_', ' ')}, {area:g} square metres",
            dimensions=size,
            mic_position=MicrophonePosition.CEILING_CENTERED,
            furnitures=_furniture(size),
            seed=self.room_seed(),
        )


def _furniture(size: Dimensions3D) -> dict[str, Furniture]:
    """Return what stands in every medical room; what would stick out of a small one is moved inwards."""
    width, length = size.width, size.length
    things = [
        box("desk", 0.01 * width, 0.15 * length, (1.22, 0.76, 0.76), color="brown"),
        box("monitor", 0.01 * width, 0.15 * length, (0.5, 0.1, 0.4), z=0.8, color="black"),
        _inside(size, "bench", 0.65 * width, 0.01 * length, (0.82, 1.95, 0.75), color="green"),
        box("sink", 0.35 * width, 0.75 * length, (0.4, 0.4, 1.0), color="gray"),
        box("cupboard", 0.01 * width, 0.75 * length, (0.9, 0.4, 1.85), color="orange"),
        box("door", 0.01, 0.01, (0.7, 0.1, 2.1), color="black"),
    ]
    return {each.name: each for each in things}


def _inside(
    size: Dimensions3D, name: str, x: float, y: float, form: tuple[float, float, float], **options: Any
) -> Furniture:
    width, depth, height = form
    if y + depth > size.length:  # a bench longer than the room is deep stands the other way
        depth, width = min(form[0], size.length - 0.02), min(form[1], 0.35 * size.width)
    return box(name, min(x, size.width - width - 0.01), y, (width, depth, height), **options)
