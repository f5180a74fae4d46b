"""Rooms as data: size, materials, furniture, mouths and microphones; generators, named rooms and pictures."""

from __future__ import annotations

from sdialog.audio.rooms.arrays import (
    circular_array,
    linear_array,
    scattered_microphones,
    tetrahedral_array,
    worn_by,
)
from sdialog.audio.rooms.case_insensitive import CaseInsensitiveDict
from sdialog.audio.rooms.choices import (
    BodyPosture,
    DirectivityType,
    MicrophonePosition,
    RGBAColor,
    Role,
    RoomPosition,
    SoundEventPosition,
    SourceType,
    SourceVolume,
    SpeakerSide,
)
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.generators.base import RoomGenerator
from sdialog.audio.rooms.generators.base import generators as room_generators
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.materials import (
    BANDS,
    SURFACES,
    CeilingMaterial,
    FloorMaterial,
    Material,
    RoomMaterials,
    WallMaterial,
    material_of,
)
from sdialog.audio.rooms.microphones import Microphone, MicrophoneDirectivity
from sdialog.audio.rooms.mouths import POSTURES, Mouth
from sdialog.audio.rooms.patterns import PATTERNS, pattern_gain
from sdialog.audio.rooms.places import Place
from sdialog.audio.rooms.room import Room
from sdialog.audio.rooms.shoeboxes import SIZES, shoebox
from sdialog.audio.rooms.sources import AudioSource

__all__ = [
    "BANDS",
    "PATTERNS",
    "POSTURES",
    "SIZES",
    "SURFACES",
    "AudioSource",
    "BodyPosture",
    "CaseInsensitiveDict",
    "CeilingMaterial",
    "Dimensions3D",
    "DirectivityType",
    "FloorMaterial",
    "Furniture",
    "Material",
    "Microphone",
    "MicrophoneDirectivity",
    "MicrophonePosition",
    "Mouth",
    "Place",
    "Position3D",
    "RGBAColor",
    "Role",
    "Room",
    "RoomGenerator",
    "RoomMaterials",
    "RoomPosition",
    "SoundEventPosition",
    "SourceType",
    "SourceVolume",
    "SpeakerSide",
    "WallMaterial",
    "circular_array",
    "linear_array",
    "material_of",
    "pattern_gain",
    "room_generators",
    "scattered_microphones",
    "shoebox",
    "tetrahedral_array",
    "worn_by",
]
