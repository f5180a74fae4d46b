"""Lecture halls: a lectern and rows of upholstered seats."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, RoomMaterials, WallMaterial
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("hall")
class HallGenerator(FurnishedRoomGenerator):
    """Draws lecture halls with a microphone at the lectern and one over the audience.

    Example:
        >>> list(HallGenerator(seed=1).generate().places)[:2]
        ['lectern', 'first row']
    """

    def design(self, **options: Any) -> Design:
        """Return a hall without people."""
        size = Dimensions3D(self.between(14, 24), self.between(18, 30), self.between(5.5, 9.5))
        width, length = size.width, size.length
        lectern = box("lectern", width / 2 - 0.3, 2.6, (0.6, 0.45, 1.1), color="brown")
        furniture = [lectern, box("screen", width / 2 - 3, 0.0, (6.0, 0.08, 2.6), z=1.8, color="gray"), door(size)]
        rows = [round(6 + 1.1 * number, 2) for number in range(int((length - 7.5) / 1.1))]
        for number, y in enumerate(rows, start=1):
            furniture.append(box(f"row {number}", 1.5, y, (width - 3.0, 0.55, 0.45), color="blue", seat=True))
        chosen = {"first row": rows[0], "middle row": rows[len(rows) // 2], "last row": rows[-1]}
        places = {"lectern": Place(Position3D(width / 2, 2.3, 1.6), "standing", "middle row")}
        for number, (name, y) in enumerate(chosen.items()):
            x = round(width * (0.35 + 0.15 * number), 3)
            places[name] = Place(Position3D(x, round(y + 0.25, 3), 1.2), "seated", "lectern")
        places["panel"] = Place(Position3D(round(width / 2 + 2.0, 3), 2.6, 1.6), "standing", "first row")
        return Design(
            name="hall",
            description=f"a lecture hall with {len(rows)} rows",
            dimensions=size,
            materials=RoomMaterials(
                CeilingMaterial.PERFORATED_GYPSUM_BOARD, WallMaterial.WOODEN_LINING, "audience_upholstered_chairs_1"
            ),
            rt60=self.between(0.9, 1.7),
            furniture=furniture,
            places=places,
            microphones=[
                Microphone("lectern", Position3D(width / 2, 2.7, 1.3), "cardioid", azimuth=-90.0, colatitude=55.0),
                Microphone("audience", Position3D(width / 2, round(length / 2, 3), round(size.height - 1.5, 3))),
            ],
        )
