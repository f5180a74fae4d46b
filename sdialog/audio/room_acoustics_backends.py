"""The published path of the backends that put a dialog into a room."""

from __future__ import annotations

from sdialog.audio.acoustics.backends import (
    BaseRoomAcousticsBackend,
    PyroomAcousticsBackend,
    RoomAcousticsConfig,
    resolve_room_acoustics_backend,
)
from sdialog.audio.telecommunications import TelecommunicationsBackend

__all__ = [
    "BaseRoomAcousticsBackend",
    "PyroomAcousticsBackend",
    "RoomAcousticsConfig",
    "TelecommunicationsBackend",
    "resolve_room_acoustics_backend",
]
