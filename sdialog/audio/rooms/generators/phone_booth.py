"""Telephone booths: a square metre, somebody standing, a telephone on the wall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sdialog.audio.rooms.choices import Role
from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import FloorMaterial, RoomMaterials
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("phone_booth")
class PhoneBoothGenerator(FurnishedRoomGenerator):
    """Draws telephone booths for one, with space for one more.

    Example:
        >>> list(PhoneBoothGenerator(seed=1).generate().speakers)
        ['speaker_1']
    """

    options: ClassVar[Mapping[str, Any]] = {**FurnishedRoomGenerator.options, "speakers": (Role.SPEAKER_1,)}

    def design(self, **options: Any) -> Design:
        """Return a booth without people."""
        size = Dimensions3D(self.between(1.0, 1.4), self.between(1.0, 1.4), self.between(2.1, 2.3))
        width, length = size.width, size.length
        telephone = box("telephone", width / 2 - 0.12, length - 0.12, (0.24, 0.12, 0.3), z=1.25, color="black")
        caller = Place(Position3D(width / 2, round(0.55 * length, 3), 1.6), "standing", "telephone")
        return Design(
            name="phone_booth",
            description="a telephone booth",
            dimensions=size,
            materials=RoomMaterials(
                "panel_fabric_covered_6pcf",
                "glass_window",
                FloorMaterial.CARPET_THIN,
                back="panel_fabric_covered_6pcf",
            ),
            rt60=self.between(0.12, 0.25),
            furniture=[telephone],
            places={"telephone": caller},
            microphones=[
                Microphone("telephone", Position3D(width / 2, round(length - 0.16, 3), 1.45), "cardioid", azimuth=-90.0)
            ],
        )
