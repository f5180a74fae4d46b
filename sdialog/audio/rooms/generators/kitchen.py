"""Kitchens: hard surfaces, a counter, a table for two."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators, seat_at
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, FloorMaterial, RoomMaterials, WallMaterial
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("kitchen")
class KitchenGenerator(FurnishedRoomGenerator):
    """Draws kitchens with a telephone on the counter.

    Example:
        >>> list(KitchenGenerator(seed=1).generate().places)
        ['chair 1', 'chair 2', 'stove', 'sink']
    """

    def design(self, **options: Any) -> Design:
        """Return a kitchen without people."""
        size = Dimensions3D(self.between(3.0, 4.5), self.between(3.0, 4.0), self.between(2.4, 2.7))
        width, length = size.width, size.length
        counter = box("counter", 0.0, length - 0.6, (width - 0.65, 0.6, 0.9), color="gray")
        fridge = box("refrigerator", width - 0.63, length - 0.63, (0.6, 0.6, 1.8), color="gray")
        table = box("table", width - 1.35, 0.6, (0.75, 0.75, 0.74), color="brown")
        middle = round(table.y + 0.375, 3)
        (one, left), (two, right) = (
            seat_at("chair 1", table.x - 0.25, middle, "table"),
            seat_at("chair 2", table.x + 1.0, middle, "table"),
        )
        places = {
            "chair 1": left,
            "chair 2": right,
            "stove": Place(Position3D(round(0.3 * width, 3), round(length - 0.9, 3), 1.6), "standing"),
            "sink": Place(Position3D(round(0.6 * width, 3), round(length - 0.9, 3), 1.6), "standing"),
        }
        return Design(
            name="kitchen",
            description="a kitchen with a table for two",
            dimensions=size,
            materials=RoomMaterials(
                CeilingMaterial.PLASTERBOARD,
                WallMaterial.ROUGH_LIME_WASH,
                FloorMaterial.LINOLEUM_ON_CONCRETE,
                back=WallMaterial.CERAMIC_TILES,
                right="glass_window",
            ),
            rt60=self.between(0.4, 0.7),
            furniture=[counter, fridge, table, one, two, door(size)],
            places=places,
            microphones=[Microphone("counter", Position3D(round(0.45 * width, 3), round(length - 0.4, 3), 0.93))],
        )
