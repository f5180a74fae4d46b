"""The published import path of enumerations and small models of rooms."""

from __future__ import annotations

from sdialog.audio.rooms import (
    BodyPosture,
    CaseInsensitiveDict,
    CeilingMaterial,
    FloorMaterial,
    Furniture,
    RGBAColor,
    Role,
    RoomMaterials,
    SourceType,
    SourceVolume,
    SpeakerSide,
    WallMaterial,
)

__all__ = [
    "BodyPosture",
    "CaseInsensitiveDict",
    "CeilingMaterial",
    "FloorMaterial",
    "Furniture",
    "RGBAColor",
    "Role",
    "RoomMaterials",
    "SourceType",
    "SourceVolume",
    "SpeakerSide",
    "WallMaterial",
    "default_dscaper_datasets",
    "default_sound_effects_datasets",
]


def default_dscaper_datasets() -> list[str]:
    """Return the names of the published sets of background and foreground sounds; nothing is downloaded for them."""
    return ["sdialog/background", "sdialog/foreground"]


def default_sound_effects_datasets() -> list[str]:
    """Return the names of the published sets of sound effects; nothing is downloaded for them."""
    return ["sdialog/sound_events"]
