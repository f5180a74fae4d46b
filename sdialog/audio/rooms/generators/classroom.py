"""Classrooms: a teacher in front and rows of pupils."""

from __future__ import annotations

from typing import Any

from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators, seat_at
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, FloorMaterial, RoomMaterials, WallMaterial
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place


@generators.register("classroom")
class ClassroomGenerator(FurnishedRoomGenerator):
    """Draws classrooms; the teacher stands at small y, and a microphone hangs over the pupils.

    Example:
        >>> room = ClassroomGenerator(seed=1).generate({"speakers": ["Ms Day", "Kim"]})
        >>> room.speakers["Ms Day"].posture, room.speakers["Kim"].posture
        ('standing', 'seated')
    """

    def design(self, **options: Any) -> Design:
        """Return a classroom without people."""
        size = Dimensions3D(self.between(7.0, 10.0), self.between(7.0, 9.5), self.between(2.8, 3.4))
        width, length = size.width, size.length
        board = box("blackboard", width / 2 - 1.5, 0.0, (3.0, 0.06, 1.2), z=0.9, color="green")
        desk = box("teacher's desk", width / 2 + 0.9, 1.0, (1.4, 0.7, 0.74), color="brown")
        furniture: list[Furniture] = [board, desk, door(size)]
        pupils: dict[str, Place] = {}
        columns, rows = int((width - 1.4) / 1.9), int((length - 3.4) / 1.4)
        for row in range(rows):
            for column in range(columns):
                x = (column + 0.5) * width / columns
                y = 2.6 + 1.4 * row
                number = row * columns + column + 1
                table = box(f"table {number}", x - 0.6, y, (1.2, 0.5, 0.7), color="brown")
                chair, place = seat_at(f"chair {number}", x, y + 0.75, "blackboard")
                furniture += [table, chair]
                pupils[f"pupil {number}"] = place
        teacher = Place(Position3D(width / 2, 0.9, 1.6), "standing")
        middle = Position3D(width / 2, round(length / 2 + 0.5, 3), round(size.height - 0.3, 3))
        return Design(
            name="classroom",
            description=f"a classroom for {len(pupils)} pupils",
            dimensions=size,
            materials=RoomMaterials(
                CeilingMaterial.FISSURED_TILE,
                WallMaterial.ROUGH_LIME_WASH,
                FloorMaterial.LINOLEUM_ON_CONCRETE,
                right="glass_window",
            ),
            rt60=self.between(0.5, 0.8),
            furniture=furniture,
            places={"teacher": teacher, **pupils},
            microphones=[
                Microphone("teacher's desk", Position3D(desk.x + 0.2, desk.y + 0.3, 0.77)),
                Microphone("ceiling", middle),
            ],
        )
