"""A speaker in a room is a mouth: where it is, which way it points, and how it spreads sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sdialog.audio.rooms.choices import BodyPosture
from sdialog.audio.rooms.geometry import Position3D, position_of
from sdialog.audio.rooms.patterns import check_pattern
from sdialog.core.errors import UnknownNameError, UserError

POSTURES: Mapping[str, float] = MappingProxyType({"seated": 1.2, "standing": 1.6, "lying": 0.7})
"""Height of the mouth of an adult above the floor, in metres, by posture."""

OTHERS = "others"
"""What ``facing`` says of somebody who looks at the middle of all others, or at the middle of the room if alone."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """Where a speaker speaks.

    Attributes:
        position: of the mouth.
        azimuth: degrees it points to; 0 is along x, 90 along y.
        posture: a name of ``POSTURES``.
        directivity: a name of ``PATTERNS``, such as ``omnidirectional`` or ``subcardioid`` (a talker, about 6 dB
            quieter behind the head).
        colatitude: degrees from straight up; 90 is level.
        facing: whom or what it points at: the name of a speaker, a microphone, a piece of furniture or a place, or
            ``others``; empty if the angles are given. The room keeps the angles in step with it.

    Raises:
        UnknownNameError: if posture or directivity are not known.

    Example:
        >>> Mouth(Position3D(1, 1, 1.2), azimuth=90, posture="seated").json()["position"]
        [1.0, 1.0, 1.2]
    """

    position: Position3D
    azimuth: float = 0.0
    posture: str = "standing"
    directivity: str = "omnidirectional"
    colatitude: float = 90.0
    facing: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", position_of(self.position, "the position of a mouth"))
        object.__setattr__(self, "posture", posture_of(self.posture))
        check_pattern(self.directivity)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "position": self.position.to_list(),
            "azimuth": self.azimuth,
            "colatitude": self.colatitude,
            "posture": self.posture,
            "directivity": self.directivity,
            "facing": self.facing,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Mouth:
        """Return the mouth that :meth:`json` described.

        Raises:
            UserError: if a key is unknown or the position is missing.
        """
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UnknownNameError("key of a speaker", str(key), known)
        if "position" not in data:
            raise UserError("a speaker needs a position, three numbers in metres, or a place by its name")
        return cls(**data)


def posture_of(value: Any) -> str:
    """Return the name of a posture, given by name or as a published ``BodyPosture``.

    Raises:
        UnknownNameError: if there is no such posture.

    Example:
        >>> posture_of(BodyPosture.SITTING)
        'seated'
    """
    if isinstance(value, BodyPosture):
        return {BodyPosture.SITTING: "seated", BodyPosture.STANDING: "standing"}[value]
    value = {"sitting": "seated"}.get(value, value) if isinstance(value, str) else value
    if value not in POSTURES:
        raise UnknownNameError("posture", str(value), POSTURES)
    return str(value)
