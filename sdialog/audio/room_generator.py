"""The published import path of the room generators."""

from __future__ import annotations

from sdialog.audio.rooms.generators.base import RoomGenerator, generators
from sdialog.audio.rooms.generators.basic import BasicRoomGenerator

__all__ = ["BasicRoomGenerator", "RoomGenerator", "generators"]
