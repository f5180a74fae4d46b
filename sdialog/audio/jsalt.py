"""The published import path of the medical rooms."""

from __future__ import annotations

from sdialog.audio.rooms.generators.medical import MedicalRoomGenerator, RoomRole

__all__ = ["MedicalRoomGenerator", "RoomRole"]
