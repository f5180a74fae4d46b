"""Churches: stone, a high vault, seconds of reverberation."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import RoomMaterials, WallMaterial
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("church")
class ChurchGenerator(FurnishedRoomGenerator):
    """Draws churches with a microphone at the altar and one in the nave.

    Example:
        >>> ChurchGenerator(seed=1).generate().rt60 > 1.5
        True
    """

    def design(self, **options: Any) -> Design:
        """Return a church without people."""
        size = Dimensions3D(self.between(10, 17), self.between(20, 34), self.between(8, 14))
        width, length = size.width, size.length
        altar = box("altar", width / 2 - 1.0, 2.0, (2.0, 0.9, 1.0), color="gray")
        pulpit = box("pulpit", width - 2.8, 4.2, (1.0, 1.0, 1.2), color="brown", seat=True)
        furniture = [altar, pulpit, door(size)]
        rows = [round(7 + 1.2 * number, 2) for number in range(int((length - 9) / 1.2))]
        for number, y in enumerate(rows, start=1):
            side = (width - 3.6) / 2
            furniture.append(box(f"pew {number} left", 1.0, y, (side, 0.5, 0.45), color="brown", seat=True))
            furniture.append(
                box(f"pew {number} right", width - 1.0 - side, y, (side, 0.5, 0.45), color="brown", seat=True)
            )
        places = {
            "altar": Place(Position3D(width / 2, 1.6, 1.6), "standing", "first pew"),
            "first pew": Place(Position3D(round(0.3 * width, 3), round(rows[0] + 0.25, 3), 1.2), "seated", "altar"),
            "pulpit": Place(Position3D(round(width - 2.3, 3), 4.7, 2.8), "standing", "first pew"),
            "last pew": Place(Position3D(round(0.7 * width, 3), round(rows[-1] + 0.25, 3), 1.2), "seated", "altar"),
            "aisle": Place(Position3D(width / 2, 5.2, 1.6), "standing", "altar"),
        }
        return Design(
            name="church",
            description=f"a stone church with {2 * len(rows)} pews",
            dimensions=size,
            materials=RoomMaterials(
                WallMaterial.ROUGH_LIME_WASH, WallMaterial.LIMESTONE_WALL, WallMaterial.MARBLE_FLOOR
            ),
            rt60=self.between(1.8, 4.0),
            furniture=furniture,
            places=places,
            microphones=[
                Microphone("altar", Position3D(width / 2, 2.2, 1.2), "cardioid", azimuth=-90.0, colatitude=55.0),
                Microphone("nave", Position3D(width / 2, round(length / 2, 3), 3.0)),
            ],
        )
