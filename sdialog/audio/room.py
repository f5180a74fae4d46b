"""The published import path of rooms and what is in them."""

from __future__ import annotations

from collections.abc import Sequence

from sdialog.audio.rooms import (
    AudioSource,
    BodyPosture,
    Dimensions3D,
    DirectivityType,
    Furniture,
    MicrophoneDirectivity,
    MicrophonePosition,
    Position3D,
    RGBAColor,
    Role,
    Room,
    RoomMaterials,
    RoomPosition,
    SoundEventPosition,
    SpeakerSide,
)
from sdialog.audio.rooms._reading import mic_position_of
from sdialog.audio.rooms.geometry import position_of
from sdialog.audio.rooms.mounting import mounting_point
from sdialog.core.errors import UserError

__all__ = [
    "AudioSource",
    "BodyPosture",
    "Dimensions3D",
    "DirectivityType",
    "Furniture",
    "MicrophoneDirectivity",
    "MicrophonePosition",
    "Position3D",
    "RGBAColor",
    "Role",
    "Room",
    "RoomMaterials",
    "RoomPosition",
    "SoundEventPosition",
    "SpeakerSide",
    "microphone_to_position",
]


def microphone_to_position(
    room: Room,
    mic_pos: MicrophonePosition | str,
    position_3D: Position3D | Sequence[float] | None = None,  # noqa: N803
) -> Position3D:
    """Return the point at which a microphone is that is kept in a published way.

    Args:
        room: the room.
        mic_pos: the way.
        position_3D: metres, for ``MicrophonePosition.CUSTOM``.

    Raises:
        UserError: if a custom position is missing, or furniture that the way needs.

    Example:
        >>> str(microphone_to_position(Room(dimensions=(4, 4, 3)), MicrophonePosition.CEILING_CENTERED))
        'pos: [2.0, 2.0, 2.9]'
    """
    place = mic_position_of(mic_pos)
    if place is not MicrophonePosition.CUSTOM:
        return mounting_point(room, place.value)
    if position_3D is None:
        raise UserError("Microphone position 3D is required for MicrophonePosition.CUSTOM: give x, y and z")
    return position_of(position_3D, "the position of the microphone")
