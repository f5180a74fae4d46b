"""A published description of one sound in a room: a file, where it is, how loud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdialog.audio.rooms.choices import SoundEventPosition
from sdialog.audio.rooms.geometry import Position3D
from sdialog.core.errors import UserError


@dataclass
class AudioSource:
    """One sound in a room.

    Attributes:
        name: what it is.
        position: where it is: ``no_type``, a ``RoomPosition``, a speaker, or a piece of furniture.
        snr: dB.
        source_file: path of its sound.
        directivity: a name of ``PATTERNS``.
    """

    name: str = ""
    position: str = SoundEventPosition.BACKGROUND.value
    snr: float = 0.0
    source_file: str = "no_file"
    directivity: str = "omnidirectional"
    _position3d: Position3D | None = None

    @property
    def x(self) -> float:
        """Metres along the width.

        Raises:
            UserError: if it has not been put anywhere yet.
        """
        return self._placed().x

    @property
    def y(self) -> float:
        """Metres along the length; raises as :attr:`x`."""
        return self._placed().y

    @property
    def z(self) -> float:
        """Metres above the floor; raises as :attr:`x`."""
        return self._placed().z

    @property
    def distance(self) -> float:
        """Metres from the corner where the room begins; raises as :attr:`x`."""
        return self._placed().distance_to(Position3D())

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        place = self._position3d.to_list() if self._position3d else None
        names = ("name", "position", "snr", "source_file", "directivity")
        return {**{key: getattr(self, key) for key in names}, "position3d": place}

    def _placed(self) -> Position3D:
        if self._position3d is None:
            raise UserError(
                f"The 3D position of source {self.name!r} is not set: call room.room_position_to_position3d(...) "
                f"and assign the result to its _position3d"
            )
        return self._position3d
