"""What surrounds an audio dialog: room, background, a sound in the room, volumes; the published mapping, checked."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.audio.legacy.sounds import NONE
from sdialog.audio.rooms.choices import RoomPosition, SourceVolume
from sdialog.audio.rooms.room import Room
from sdialog.audio.rooms.sources import AudioSource
from sdialog.core.errors import UserError, near_names

_KEYS = (
    "room",
    "speaker_rooms",
    "background_effect",
    "foreground_effect",
    "foreground_effect_position",
    "source_volumes",
    "kwargs_pyroom",
)
_MISSPELT = {"foreround_effect_position": "foreground_effect_position"}  # as the published tutorials have it
_OF_ROLE = re.compile(r"(background_effect|foreground_effect_position|foreground_effect)_(speaker_\d+)")


@dataclass(frozen=True, slots=True)
class Around:
    """What is heard around the speakers of one room.

    Attributes:
        background: name of what is heard from everywhere, or ``none``.
        foreground: name of what is heard from one point, or ``none``.
        position: the point.
    """

    background: str = NONE
    foreground: str = NONE
    position: str = RoomPosition.TOP_RIGHT


@dataclass(frozen=True, slots=True)
class Environment:
    """What surrounds a dialog.

    Attributes:
        room: where everybody is.
        rooms: of the roles that have one of their own.
        whole: around everybody.
        roles: around the roles for which something else is given.
        volumes: by name, position or kind of a source.
        options: of the simulation.
    """

    room: Room | None = None
    rooms: Mapping[str, Room] = field(default_factory=dict)
    whole: Around = field(default_factory=Around)
    roles: Mapping[str, Around] = field(default_factory=dict)
    volumes: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def around(self, role: str) -> Around:
        """Return what is around a role."""
        return self.roles.get(role, self.whole)

    @classmethod
    def from_data(cls, data: Mapping[str, Any] | None) -> Environment:
        """Return the environment that the published mapping means.

        A key that is not known is left out with a warning that names near ones.

        Raises:
            UserError: if a room is none.

        Example:
            >>> Environment.from_data({"background_effect": "white_noise"}).whole.background
            'white_noise'
        """
        known: dict[str, Any] = {}
        for key, value in (data or {}).items():
            name = _MISSPELT.get(str(key), str(key))
            if name in _KEYS or _OF_ROLE.fullmatch(name):
                known[name] = value
                continue
            near = near_names(name, _KEYS)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(_KEYS)}"
            warnings.warn(f"the environment has no key {name!r}, which is left out{hint}", stacklevel=3)
        whole = _around(known, "", Around())
        roles = {found[2] for key in known if (found := _OF_ROLE.fullmatch(key))}
        rooms = {str(role): _room(room, str(role)) for role, room in (known.get("speaker_rooms") or {}).items()}
        room = known.get("room")
        return cls(
            room=None if room is None else _room(room, "room"),
            rooms=rooms,
            whole=whole,
            roles={role: _around(known, f"_{role}", whole) for role in sorted(roles)},
            volumes={str(key): value for key, value in (known.get("source_volumes") or {}).items()},
            options=dict(known.get("kwargs_pyroom") or {}),
        )


def _around(known: Mapping[str, Any], suffix: str, other: Around) -> Around:
    def value(key: str, default: str) -> str:
        given = known.get(key + suffix)
        return default if given is None else str(given)

    return Around(
        value("background_effect", other.background),
        value("foreground_effect", other.foreground),
        value("foreground_effect_position", other.position),
    )


def _room(value: Any, what: str) -> Room:
    if isinstance(value, Room):
        return value
    if isinstance(value, Mapping):
        return Room.from_data(value)
    if isinstance(value, str):
        return Room.load(value)
    raise UserError(f"the {what} of the environment is a Room, such as Room(dimensions=(5, 4, 3)), not {value!r:.60}")


def volume_of(source: AudioSource, volumes: Mapping[str, Any]) -> float:
    """Return the gain of a source: what is given for its name, its position or its kind, else the published default.

    Speech and sounds at words are as they are, a sound at a point of the room is ``HIGH``, a background ``LOW``.

    Args:
        source: with its name and position.
        volumes: numbers or ``SourceVolume`` by name, position or beginning of a position, such as ``room-``.

    Example:
        >>> volume_of(AudioSource("hum", "room-top_left"), {"room-": SourceVolume.MEDIUM})
        0.02
    """
    names = [source.name, source.position, *_beginnings(source.position, volumes)]
    for name in names:
        if name in volumes:
            value = volumes[name]
            if value is SourceVolume.VERY_LOW:
                warnings.warn(
                    f"{source.name!r} is at SourceVolume.VERY_LOW, -140 dB, so that nobody will hear it; take LOW, or "
                    "a number such as 0.01",
                    stacklevel=4,
                )
            return float(value.value if isinstance(value, SourceVolume) else value)
    if source.name.startswith(("speaker_", "sfx_")):
        return 1.0
    return float(SourceVolume.LOW.value if source.position.endswith("no_type") else SourceVolume.HIGH.value)


def _beginnings(position: str, volumes: Mapping[str, Any]) -> Sequence[str]:
    own = re.sub(r"^speaker_\d+_", "", position)
    return [key for key in volumes if key and (own == key or (own.startswith(key) and not key.startswith("speaker_")))]
