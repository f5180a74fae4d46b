"""The published lists of choices: places of microphones, directions, roles, sides, postures, volumes, colours."""

from __future__ import annotations

from enum import Enum, StrEnum


class Role(StrEnum):
    """The two speakers of a published room; in any room, its first and its second speaker."""

    SPEAKER_1 = "speaker_1"
    SPEAKER_2 = "speaker_2"


class RoomPosition(StrEnum):
    """Points of every room that sounds can be put at; the top is where y is small."""

    CENTER = "room-center"
    TOP_LEFT = "room-top_left"
    TOP_RIGHT = "room-top_right"
    BOTTOM_LEFT = "room-bottom_left"
    BOTTOM_RIGHT = "room-bottom_right"


class SpeakerSide(StrEnum):
    """On which side of a piece of furniture: front is smaller y, back larger y, left smaller x, right larger x."""

    FRONT = "front"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"


class BodyPosture(Enum):
    """The published postures with their published heights in metres; mouths follow ``POSTURES`` instead."""

    SITTING = 0.5
    STANDING = 1.7


class MicrophonePosition(StrEnum):
    """Where a microphone is kept."""

    DESK_SMARTPHONE = "desk_smartphone"
    MONITOR = "monitor"
    WALL_MOUNTED = "wall_mounted"
    CEILING_CENTERED = "ceiling_centered"
    CHEST_POCKET_SPEAKER_1 = "chest_pocket_speaker_1"
    CHEST_POCKET_SPEAKER_2 = "chest_pocket_speaker_2"
    MIDDLE_SPEAKERS = "middle_speakers"
    CUSTOM = "custom"


class DirectivityType(Enum):
    """Where a microphone is aimed: fixed directions as (azimuth, colatitude) in degrees, or by whom it is aimed at.

    As published, north is along x (azimuth 0) and east along y.
    """

    CUSTOM = "custom"
    OMNIDIRECTIONAL = (0, 0)
    NORTH = (0, 90)
    SOUTH = (180, 90)
    EAST = (90, 90)
    WEST = (-90, 90)
    NORTH_EAST = (45, 90)
    NORTH_WEST = (-45, 90)
    SOUTH_EAST = (135, 90)
    SOUTH_WEST = (-135, 90)
    SPEAKER_1 = "speaker_1"
    SPEAKER_2 = "speaker_2"
    MIDDLE_SPEAKERS = "middle_speakers"


class SourceType(StrEnum):
    """How the position of a published audio source begins."""

    BACKGROUND = "no_type"
    ROOM = "room-"
    EVENT = "soundevent-"


class SoundEventPosition(StrEnum):
    """Positions of sounds that are not speech."""

    BACKGROUND = "no_type"
    NOT_DEFINED = "soundevent-not_defined"
    DEFINED = "soundevent-defined"


class SourceVolume(Enum):
    """Published gains of sources; -140 dB (VERY_LOW) is below what 16 bits hold, so choose LOW for what is heard."""

    VERY_LOW = 1e-7
    LOW = 0.01
    MEDIUM = 0.02
    HIGH = 0.05
    VERY_HIGH = 0.07
    EXTREMELY_HIGH = 0.10


class RGBAColor(Enum):
    """Colours of furniture in plans: red, green, blue, and an opacity of 255."""

    RED = (255, 0, 0, 50)
    GREEN = (0, 255, 0, 50)
    BLUE = (0, 0, 255, 50)
    YELLOW = (255, 255, 0, 50)
    BLACK = (0, 0, 0, 50)
    WHITE = (255, 255, 255, 50)
    GRAY = (128, 128, 128, 50)
    BROWN = (165, 42, 42, 50)
    ORANGE = (255, 165, 0, 50)
    PURPLE = (128, 0, 128, 50)
    PINK = (255, 192, 203, 50)
