"""Offices: a meeting room, a cubicle, and an open-plan floor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.generators.base import Design, FurnishedRoomGenerator, box, door, generators, seat_at
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import CeilingMaterial, FloorMaterial, RoomMaterials, WallMaterial
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.places import Place
from sdialog.core.errors import UnknownNameError

STYLES = ("meeting_room", "cubicle", "open_plan")

_OFFICE = RoomMaterials(
    ceiling=CeilingMaterial.FISSURED_TILE, walls=WallMaterial.PLASTERBOARD, floor=FloorMaterial.CARPET_THIN
)


@generators.register("office")
class OfficeGenerator(FurnishedRoomGenerator):
    """Draws offices.

    Options: ``style``, one of ``meeting_room``, ``cubicle`` and ``open_plan``, None for any; and those of every
    furnished room.

    Example:
        >>> room = OfficeGenerator(seed=1).generate({"style": "meeting_room", "speakers": ["Ann", "Bo", "Cy"]})
        >>> [mouth.posture for mouth in room.speakers.values()]
        ['seated', 'seated', 'seated']
    """

    options: ClassVar[Mapping[str, Any]] = {**FurnishedRoomGenerator.options, "style": None}

    def design(self, **options: Any) -> Design:
        """Return an office without people."""
        style = options["style"] or self.rng.choice(STYLES)
        if style not in STYLES:
            raise UnknownNameError("style of an office", str(style), STYLES)
        made: Design = getattr(self, f"_{style}")()
        return made

    def _meeting_room(self) -> Design:
        size = Dimensions3D(self.between(4.2, 7.5), self.between(3.4, 5.5), self.between(2.5, 3.0))
        long = min(size.width - 2.0, 3.6)
        table = box("table", (size.width - long) / 2, size.length / 2 - 0.6, (long, 1.2, 0.74), color="brown")
        furniture: list[Furniture] = [table, door(size)]
        places: dict[str, Place] = {}
        count = int(long / 0.75)
        for number in range(count):
            x = table.x + long * (number + 0.5) / count
            for y in (table.y - 0.3, table.y + 1.5):
                chair, place = seat_at(f"chair {len(places) + 1}", x, y)
                furniture.append(chair)
                places[chair.name] = place
        board = box("whiteboard", size.width - 0.06, size.length / 2 - 0.9, (0.06, 1.8, 1.2), z=0.9, color="gray")
        furniture.append(board)
        places["whiteboard"] = Place(Position3D(round(size.width - 0.6, 3), size.length / 2, 1.6), "standing")
        return Design(
            name="meeting_room",
            description=f"a meeting room with a table for {len(places) - 1}",
            dimensions=size,
            materials=RoomMaterials(_OFFICE.ceiling, _OFFICE.walls, _OFFICE.floor, front="glass_window"),
            rt60=self.between(0.35, 0.6),
            furniture=furniture,
            places=places,
            microphones=[Microphone("table", Position3D(size.width / 2, size.length / 2, 0.76))],
        )

    def _cubicle(self) -> Design:
        size = Dimensions3D(self.between(2.2, 2.8), self.between(2.2, 2.8), self.between(2.4, 2.7))
        desk = box("desk", 0.02, size.length - 0.72, (size.width - 0.04, 0.7, 0.73), color="brown")
        monitor = box("monitor", size.width / 2 - 0.27, size.length - 0.22, (0.54, 0.06, 0.36), z=0.83, color="black")
        chair, worker = seat_at("chair", size.width / 2, desk.y - 0.35, "monitor")
        visitor, guest = seat_at("visitor's chair", 0.45, 0.75)
        return Design(
            name="cubicle",
            description="a cubicle with a desk and a visitor's chair",
            dimensions=size,
            materials=RoomMaterials(_OFFICE.ceiling, "panel_fabric_covered_6pcf", _OFFICE.floor),
            rt60=self.between(0.18, 0.3),
            furniture=[desk, monitor, chair, visitor],
            places={chair.name: worker, visitor.name: guest},
            microphones=[Microphone("laptop", Position3D(size.width / 2, round(desk.y + 0.2, 3), 0.76))],
        )

    def _open_plan(self) -> Design:
        size = Dimensions3D(self.between(12, 20), self.between(8, 14), self.between(2.7, 3.3))
        furniture: list[Furniture] = [door(size)]
        places: dict[str, Place] = {}
        columns, rows = int((size.width - 2) / 2.6), int((size.length - 2) / 3.0)
        for row in range(rows):
            for column in range(columns):
                name = f"desk {len(places) + 1}"
                x, y = 1.2 + 2.6 * column, 1.4 + 3.0 * row
                desk = box(name, x, y, (1.6, 0.8, 0.73), color="brown")
                chair, place = seat_at(f"chair {len(places) + 1}", x + 0.8, y - 0.3, name)
                furniture += [desk, chair]
                places[name] = place
        first = furniture[1]
        return Design(
            name="open_plan_office",
            description=f"an open-plan office with {len(places)} desks",
            dimensions=size,
            materials=RoomMaterials(_OFFICE.ceiling, _OFFICE.walls, _OFFICE.floor, back="glass_window"),
            rt60=self.between(0.4, 0.7),
            furniture=furniture,
            places=places,
            microphones=[Microphone("desk telephone", Position3D(first.x + 1.3, first.y + 0.3, 0.76))],
        )
