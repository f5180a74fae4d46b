"""One microphone: where it is, how it is aimed, and which directions it hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdialog.audio.rooms.geometry import Position3D, position_of
from sdialog.audio.rooms.patterns import check_pattern
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need


@dataclass(frozen=True, slots=True)
class MicrophoneDirectivity:
    """The aim of a cardioid microphone, as published.

    Attributes:
        azimuth: degrees, 0 along x and 90 along y, from -180 to 360.
        colatitude: degrees from straight up, from 0 to 180; 90 is level.
        gain: linear.

    Raises:
        UserError: if a number is outside its range.
    """

    azimuth: float = 0
    colatitude: float = 0
    gain: float = 1.0

    def __post_init__(self) -> None:
        if not -360 <= self.azimuth <= 360:
            raise UserError(f"azimuth is degrees between -360 and 360, not {self.azimuth!r}")
        if not 0 <= self.colatitude <= 180:
            raise UserError(f"colatitude is degrees from 0 (up) to 180 (down), not {self.colatitude!r}")
        if not self.gain > 0:
            raise UserError(f"gain is a positive factor, not {self.gain!r}")

    def to_pyroomacoustics(self) -> Any:
        """Return the cardioid of pyroomacoustics with this aim.

        Raises:
            MissingDependencyError: if pyroomacoustics is not installed.
        """
        directivities = need("pyroomacoustics", extra="audio", why="aim a microphone").directivities
        aim = directivities.DirectionVector(azimuth=self.azimuth, colatitude=self.colatitude, degrees=True)
        return directivities.Cardioid(orientation=aim, gain=self.gain)


@dataclass(frozen=True, slots=True)
class Microphone:
    """A microphone in a room; an array is several.

    Attributes:
        name: what results call it; one name a room.
        position: of its capsule.
        directivity: a name of ``PATTERNS``.
        azimuth: degrees it is aimed at, 0 along x and 90 along y.
        colatitude: degrees from straight up; 90 is level.
        gain: linear.
        place: where it is kept, if the room computes its position: a ``MicrophonePosition``, or ``lapel:NAME``,
            ``headset:NAME`` or ``handset:NAME`` on a speaker; empty if the position is given.
        aim: what it is aimed at, if the room computes its angles: a fixed ``DirectivityType`` in small letters, or a
            speaker, a piece of furniture or a place by name; empty if the angles are given.
        array: name of the array it belongs to, if any.

    Raises:
        UnknownNameError: if the directivity is not known.
        UserError: if the name is empty or the gain not positive.

    Example:
        >>> Microphone("table", Position3D(2, 2, 0.8)).directivity
        'omnidirectional'
    """

    name: str
    position: Position3D
    directivity: str = "omnidirectional"
    azimuth: float = 0.0
    colatitude: float = 90.0
    gain: float = 1.0
    place: str = ""
    aim: str = ""
    array: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise UserError(f"a microphone needs a name, such as 'table', not {self.name!r}")
        object.__setattr__(self, "position", position_of(self.position, f"the position of microphone {self.name!r}"))
        check_pattern(self.directivity)
        if not self.gain > 0:
            raise UserError(f"the gain of microphone {self.name!r} is a positive factor, not {self.gain!r}")

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "position": self.position.to_list(),
            "directivity": self.directivity,
            "azimuth": self.azimuth,
            "colatitude": self.colatitude,
            "gain": self.gain,
            "place": self.place,
            "aim": self.aim,
            "array": self.array,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Microphone:
        """Return the microphone that :meth:`json` described; one with a place needs no position.

        Raises:
            UserError: if a key is unknown, or there is neither position nor place.
        """
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UnknownNameError("key of a microphone", str(key), known)
        if "position" not in data and not data.get("place"):
            raise UserError(f"microphone {data.get('name')!r} needs a position, three numbers in metres, or a place")
        return cls(**{"name": "microphone", "position": Position3D(), **data})
