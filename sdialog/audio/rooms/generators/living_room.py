"""Living rooms: a sofa, an armchair, and a smart speaker on the sideboard."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.arrays import circular_array
from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, FloorMaterial, RoomMaterials, WallMaterial
from sdialog.audio.rooms.places import Place


@generators.register("living_room")
class LivingRoomGenerator(FurnishedRoomGenerator):
    """Draws living rooms with a smart speaker of seven microphones.

    Example:
        >>> room = LivingRoomGenerator(seed=1).generate()
        >>> len(room.microphones), list(room.places)[0]
        (7, 'sofa left')
    """

    def design(self, **options: Any) -> Design:
        """Return a living room without people."""
        size = Dimensions3D(self.between(4.0, 6.5), self.between(3.6, 5.5), self.between(2.4, 2.8))
        width, length = size.width, size.length
        sofa = box("sofa", width / 2 - 1.0, length - 0.95, (2.0, 0.9, 0.45), color="blue", seat=True)
        armchair = box("armchair", 0.3, length / 2 - 0.4, (0.85, 0.85, 0.45), color="blue", seat=True)
        table = box("low table", width / 2 - 0.5, length - 1.9, (1.0, 0.55, 0.42), color="brown")
        sideboard = box("sideboard", width / 2 - 0.2, 0.02, (1.6, 0.4, 0.75), color="brown")
        screen = box("television", width / 2 + 0.1, 0.1, (1.1, 0.08, 0.65), z=0.8, color="black")
        shelf = box("bookcase", width - 0.37, length / 2 - 0.6, (0.35, 1.4, 2.0), color="orange")
        on_sofa = round(length - 0.55, 3)
        places = {
            "sofa left": Place(Position3D(round(width / 2 - 0.5, 3), on_sofa, 1.15), "seated"),
            "armchair": Place(Position3D(0.75, length / 2, 1.15), "seated"),
            "sofa right": Place(Position3D(round(width / 2 + 0.5, 3), on_sofa, 1.15), "seated"),
            "by the bookcase": Place(Position3D(round(width - 0.8, 3), length / 2, 1.6), "standing"),
            "by the door": Place(Position3D(0.6, 0.6, 1.6), "standing"),
        }
        speaker = Position3D(round(sideboard.x + 0.12, 3), 0.22, 0.84)
        return Design(
            name="living_room",
            description="a living room with a smart speaker on the sideboard",
            dimensions=size,
            materials=RoomMaterials(
                CeilingMaterial.PLASTERBOARD,
                WallMaterial.PLASTERBOARD,
                FloorMaterial.CARPET_TUFTED_9_5MM,
                right="curtains_cotton_0.5",
            ),
            rt60=self.between(0.3, 0.55),
            furniture=[sofa, armchair, table, sideboard, screen, shelf, door(size)],
            places=places,
            microphones=circular_array(speaker, name="smart speaker"),
        )
