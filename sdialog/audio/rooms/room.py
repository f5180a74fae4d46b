"""A room as data: its size and materials, what stands in it, who speaks in it, and what listens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdialog.audio.rooms import _reading as reading
from sdialog.audio.rooms._published import PublishedRoom
from sdialog.audio.rooms.choices import DirectivityType, MicrophonePosition
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D, dimensions_of
from sdialog.audio.rooms.materials import RoomMaterials
from sdialog.audio.rooms.microphones import Microphone, MicrophoneDirectivity
from sdialog.audio.rooms.mouths import Mouth
from sdialog.audio.rooms.places import Place
from sdialog.core.errors import ConfigError, UserError

CENTER = "center"


class Room(PublishedRoom):
    """A box-shaped room with people and microphones in it.

    Everything is in metres and degrees; x runs along the width, y along the length, z up, from the left front floor
    corner. Positions and aims that depend on each other are kept in step when somebody is placed anew.

    Args:
        id: what tells it from others; None derives it from the rest.
        name: what it is called; ``Room`` becomes ``Room_<id>``.
        description: one line.
        dimensions: size, as :class:`Dimensions3D` or width, length, height.
        mic_position: where the published single microphone is.
        mic_position_3d: its position, for ``MicrophonePosition.CUSTOM``.
        directivity_type: where it is aimed.
        microphone_directivity: its aim, for ``DirectivityType.CUSTOM``.
        furnitures: what stands in it, by name; a point ``center`` in the middle is added.
        materials: of floor, ceiling and walls.
        reverberation_time_ratio: another name of ``rt60``.
        speakers_positions: where the mouths of ``speaker_1`` and ``speaker_2`` are.
        rt60: seconds in which sound falls by 60 dB; None lets the materials decide.
        speakers: mouths by name, any number; a value is a :class:`Mouth`, a position, the name of a place, or data.
            A list of names puts them at random (by ``seed``). None with no ``speakers_positions`` means the two roles.
        microphones: several microphones, in place of the published one.
        places: points with names, such as ``driver's seat``.
        seed: of every place that is left to chance.

    Raises:
        UserError: if somebody or something is not inside, or two settings contradict each other.

    Example:
        >>> room = Room(dimensions=(5, 4, 3), rt60=0.4, speakers={"Ann": (1, 1, 1.2), "Bo": (4, 3, 1.6)})
        >>> round(room.speakers["Ann"].azimuth), room.microphones[0].name
        (34, 'ceiling_centered')
        >>> Room.from_data(room.json()) == room
        True
    """

    def __init__(
        self,
        *,
        id: str | None = None,
        name: str = "Room",
        description: str = "",
        dimensions: Dimensions3D | Sequence[float] = (2.0, 2.5, 3.0),
        mic_position: MicrophonePosition | str = MicrophonePosition.CEILING_CENTERED,
        mic_position_3d: Position3D | Sequence[float] | None = None,
        directivity_type: DirectivityType | str = DirectivityType.OMNIDIRECTIONAL,
        microphone_directivity: MicrophoneDirectivity | None = None,
        furnitures: Mapping[str, Furniture | Mapping[str, Any]] | None = None,
        materials: RoomMaterials | Mapping[str, Any] | None = None,
        reverberation_time_ratio: float | None = None,
        speakers_positions: Mapping[Any, Position3D | Sequence[float]] | None = None,
        rt60: float | None = None,
        speakers: Mapping[str, Any] | Iterable[str] | None = None,
        microphones: Iterable[Microphone | Mapping[str, Any]] | None = None,
        places: Mapping[str, Place | Mapping[str, Any]] | None = None,
        seed: int = 0,
    ) -> None:
        self.dimensions = dimensions_of(dimensions)
        self.materials = reading.materials(materials)
        self.rt60 = reading.rt60(rt60, reverberation_time_ratio)
        self.description = str(description)
        self._furniture = self._with_center(reading.furniture(furnitures))
        self._places = reading.places(places)
        self._speakers: dict[str, Mouth] = {}
        self._microphones: list[Microphone] = []
        self.name, self.id = str(name), ""
        self._seat(speakers, speakers_positions, seed)
        if microphones is None:
            self.set_mic_position(mic_position, mic_position_3d)
            self.set_directivity(directivity_type, microphone_directivity)
        else:
            self.set_microphones(reading.microphones(microphones))
        self.id = str(id) if id is not None else f"room-{self.digest()[:12]}"
        self.name = f"Room_{self.id}" if name == "Room" else str(name)

    @property
    def speakers(self) -> Mapping[str, Mouth]:
        """The mouths by speaker, in order; to be read, and changed by :meth:`place_speaker` and the like."""
        return MappingProxyType(self._speakers)

    @property
    def microphones(self) -> list[Microphone]:
        """The microphones, in order; a copy."""
        return list(self._microphones)

    @property
    def places(self) -> Mapping[str, Place]:
        """The places that have names."""
        return MappingProxyType(self._places)

    @property
    def furnitures(self) -> Mapping[str, Furniture]:
        """What stands in the room, by name, with the point ``center``."""
        return MappingProxyType(self._furniture)

    def set_microphones(self, microphones: Iterable[Microphone]) -> None:
        """Put these microphones into the room, in place of all others.

        Raises:
            UserError: if there is none, two have one name, or one is outside the room.
        """
        wanted = list(microphones)
        names = [each.name for each in wanted]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not wanted or twice:
            wrong = f"two microphones are called {twice[0]!r}; give each its own name" if twice else "no microphone"
            raise UserError(f"room {self.name!r}: {wrong}" + ("" if twice else "; give at least one"))
        before, self._microphones = self._microphones, wanted
        try:
            self._settle()
        except Exception:
            self._microphones = before
            raise

    def add_microphones(self, *microphones: Microphone | Iterable[Microphone]) -> None:
        """Put more microphones into the room; an array, a list of microphones, may be given whole.

        Raises:
            UserError: if a name is taken, or one is outside the room.
        """
        more = [one for each in microphones for one in ([each] if isinstance(each, Microphone) else each)]
        self.set_microphones([*self._microphones, *more])

    def with_speakers(self, names: Sequence[str], seed: int = 0) -> Room:
        """Return a copy of the room in which exactly these people speak.

        Who is there by name stays; the others take, in order, the mouths of the speakers who are not among them, then
        the free places that have names, then random free points. What is aimed at or worn by somebody follows.

        Args:
            names: of the speakers, in order.
            seed: of random points.

        Raises:
            UserError: if the room is too small for them.

        Example:
            >>> list(Room(dimensions=(5, 4, 3)).with_speakers(["Ann", "Bo", "Cy"]).speakers)
            ['Ann', 'Bo', 'Cy']
        """
        return reading.recast(self, names, seed)

    def digest(self) -> str:
        """Return a name for all that its sound depends on: size, materials, RT60, mouths and microphones."""
        keys = ("dimensions", "materials", "rt60", "speakers", "microphones")
        data = self.json()
        text = json.dumps({key: data[key] for key in keys}, sort_keys=True)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :meth:`from_data` makes an equal room."""
        center = self._with_center({})[CENTER]
        things = {name: each.json() for name, each in self._furniture.items() if (name, each) != (CENTER, center)}
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "dimensions": self.dimensions.to_list(),
            "rt60": self.rt60,
            "materials": self.materials.json(),
            "furniture": things,
            "places": {name: place.json() for name, place in self._places.items()},
            "speakers": {name: mouth.json() for name, mouth in self._speakers.items()},
            "microphones": [each.json() for each in self._microphones],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Room:
        """Return the room that plain data describe: what :meth:`json` returned, or the keys of the constructor.

        Raises:
            UserError: naming what is wrong in them.
        """
        return cls(**reading.arguments(data))

    @classmethod
    def load(cls, name: str | Path) -> Room:
        """Return a room that ships with the package by its name, or the one in a YAML file.

        Raises:
            UnknownNameError: if there is none; names near ones.
            ConfigError: if the file is broken.

        Example:
            >>> Room.load("meeting_room").dimensions.height
            2.8
        """
        path, data = reading.file_data(name)
        try:
            return cls.from_data(data)
        except UserError as error:
            raise ConfigError(f"{path}: {error}") from error

    @staticmethod
    def names() -> list[str]:
        """Return the names of the rooms that ship with the package."""
        return reading.names()

    def copy(self) -> Room:
        """Return an equal room that can be changed on its own."""
        return type(self).from_data(self.json())

    def __eq__(self, other: object) -> bool:
        return self.json() == other.json() if isinstance(other, Room) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        size, people = self.dimensions, ", ".join(map(repr, self._speakers)) or "nobody"
        return f"<Room {self.name!r} {size.width:g} x {size.length:g} x {size.height:g} m with {people}>"

    def _with_center(self, things: dict[str, Furniture]) -> dict[str, Furniture]:
        size = self.dimensions
        middle = Furniture(name=CENTER, x=size.width / 2, y=size.length / 2, width=0.0, height=0.0, depth=0.0)
        return things if CENTER in things else {**things, CENTER: middle}
