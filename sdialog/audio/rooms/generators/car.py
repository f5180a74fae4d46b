"""The cabin of a car: two seats in front and three behind."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, FloorMaterial, RoomMaterials
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("car")
class CarGenerator(FurnishedRoomGenerator):
    """Draws cabins of cars; the windscreen is the wall y = 0 and the driver sits at small x.

    Example:
        >>> room = CarGenerator(seed=1).generate()
        >>> list(room.places)[:2], 0.04 < room.rt60 < 0.12
        (["driver's seat", "passenger's seat"], True)
    """

    def design(self, **options: Any) -> Design:
        """Return a cabin without people."""
        size = Dimensions3D(self.between(1.4, 1.6), self.between(2.4, 2.9), self.between(1.15, 1.3))
        width, length = size.width, size.length
        front, rear = round(0.38 * length, 3), round(0.78 * length, 3)
        mouth = round(size.height - 0.28, 3)
        spots = {
            "driver's seat": (0.26, front),
            "passenger's seat": (0.74, front),
            "back seat left": (0.22, rear),
            "back seat right": (0.78, rear),
            "back seat middle": (0.5, rear),
        }
        places, furniture = {}, [box("dashboard", 0.02, 0.02, (width - 0.04, 0.35, 0.25), z=0.4, color="black")]
        for name, (share, y) in spots.items():
            x = round(share * width, 3)
            wide = 0.46 if y == front else 0.4
            furniture.append(box(name, x - wide / 2, y - 0.1, (wide, 0.5, 0.35), color="gray", seat=True))
            places[name] = Place(Position3D(x, y, mouth), "seated", "dashboard")
        return Design(
            name="car",
            description="the cabin of a car",
            dimensions=size,
            materials=RoomMaterials(
                CeilingMaterial.MELAMINE_FOAM,
                "panel_fabric_covered_6pcf",
                FloorMaterial.CARPET_HAIRY,
                left="glass_3mm",
                right="glass_3mm",
                front="glass_3mm",
            ),
            rt60=self.between(0.05, 0.1),
            furniture=furniture,
            places=places,
            microphones=[
                Microphone("mirror", Position3D(width / 2, round(0.2 * length, 3), round(size.height - 0.12, 3))),
                Microphone("dashboard", Position3D(width / 2, 0.35, 0.68)),
            ],
        )
