"""Plain data and files into the parts of a room, with errors that name what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.audio.assets import asset_names, named_file
from sdialog.audio.rooms.arrays import from_layout
from sdialog.audio.rooms.choices import DirectivityType, MicrophonePosition, Role
from sdialog.audio.rooms.furniture import Furniture
from sdialog.audio.rooms.materials import RoomMaterials
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.mouths import OTHERS, Mouth
from sdialog.audio.rooms.places import Place
from sdialog.core.errors import ConfigError, UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room

_DATA_KEYS = (
    "id", "name", "description", "dimensions", "rt60", "materials", "furniture", "places", "speakers", "microphones",
)  # fmt: skip
_ARGUMENTS = (
    "mic_position", "mic_position_3d", "directivity_type", "microphone_directivity", "furnitures",
    "reverberation_time_ratio", "speakers_positions", "seed",
)  # fmt: skip


def arguments(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``Room`` in plain data; ``furniture`` may also be called ``furnitures``.

    Raises:
        UserError: if a key is unknown, or the dimensions are missing.
    """
    if not isinstance(data, Mapping):
        raise UserError(f"a room is a mapping of keys such as 'dimensions', not {type(data).__name__}")
    for key in data:
        if key not in (*_DATA_KEYS, *_ARGUMENTS):
            raise UnknownNameError("key of a room", str(key), [*_DATA_KEYS, *_ARGUMENTS])
    if "dimensions" not in data:
        raise UserError("a room needs dimensions: width, length and height in metres")
    values = dict(data)
    if "furniture" in values:
        values["furnitures"] = values.pop("furniture")
    return values


def file_data(name: str | Path) -> tuple[Path, Mapping[str, Any]]:
    """Return the file of a room, of the package or of one's own, and what is in it.

    Raises:
        UnknownNameError: if there is no such file.
        ConfigError: if it cannot be read.
    """
    path = named_file("room", "rooms", name)
    return path, {"name": path.stem, **_parsed(path, path.stat().st_mtime_ns)}


@lru_cache(maxsize=64)
def _parsed(path: Path, _modified: int) -> Mapping[str, Any]:
    """Return what is in a file; reading YAML takes longer than all else about a room, so once for each state of it."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: a room is a mapping of keys such as 'dimensions'")
    return MappingProxyType(dict(data))


def names() -> list[str]:
    """Return the names of the rooms that ship with the package."""
    return asset_names("rooms")


def rt60(value: float | None, alias: float | None) -> float | None:
    """Return the wished RT60 in seconds from its two names.

    Raises:
        UserError: if they differ, or it is not a positive number.
    """
    if value is not None and alias is not None and value != alias:
        raise UserError(f"rt60={value!r} and reverberation_time_ratio={alias!r} are one setting: give one of them")
    wished = alias if value is None else value
    if wished is None:
        return None
    if isinstance(wished, bool) or not isinstance(wished, (int, float)) or not 0 < wished < 60:
        raise UserError(f"rt60 is seconds, more than 0, such as 0.4, not {wished!r}; None lets the materials decide")
    return float(wished)


def materials(value: RoomMaterials | Mapping[str, Any] | None) -> RoomMaterials:
    """Return the materials of a room from what was given for them."""
    if value is None:
        return RoomMaterials()
    return value if isinstance(value, RoomMaterials) else RoomMaterials.from_data(_mapping(value, "materials"))


def furniture(value: Mapping[str, Furniture | Mapping[str, Any]] | None) -> dict[str, Furniture]:
    """Return the furniture of a room by name."""
    return {
        str(name): thing if isinstance(thing, Furniture) else Furniture.from_data(_mapping(thing, name), str(name))
        for name, thing in _mapping(value or {}, "furniture").items()
    }


def places(value: Mapping[str, Place | Mapping[str, Any]] | None) -> dict[str, Place]:
    """Return the named places of a room."""
    return {
        str(name): place if isinstance(place, Place) else Place.from_data(_mapping(place, name))
        for name, place in _mapping(value or {}, "places").items()
    }


def microphones(value: Iterable[Microphone | Mapping[str, Any]]) -> list[Microphone]:
    """Return microphones from data; a mapping with ``layout`` is a whole array."""
    made: list[Microphone] = []
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise UserError(f"microphones is a list of them, not {value!r}")
    for each in value:
        if isinstance(each, Microphone):
            made.append(each)
        elif isinstance(each, Mapping):
            made.extend(from_layout(each) if "layout" in each else [Microphone.from_data(each)])
        else:
            raise UserError(f"a microphone is a Microphone or its data, not {each!r}")
    return made


def _mapping(value: Any, what: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"{what} of a room is given as a mapping, not as {value!r}")
    return value


def mic_position_of(value: MicrophonePosition | str) -> MicrophonePosition:
    """Return a published place of a microphone, given as such or by its value.

    Raises:
        UnknownNameError: if there is no such place.
    """
    known = [each.value for each in MicrophonePosition]
    if value not in known:
        raise UnknownNameError("microphone position", str(value), known)
    return MicrophonePosition(value)


def directivity_type_of(value: DirectivityType | str) -> DirectivityType:
    """Return a published direction, given as such or by its name in small letters.

    Raises:
        UnknownNameError: if there is no such direction.
    """
    if isinstance(value, DirectivityType):
        return value
    known = [each.lower() for each in DirectivityType.__members__]
    if str(value).lower() not in known:
        raise UnknownNameError("directivity type", str(value), known)
    return DirectivityType[str(value).upper()]


def recast(room: Room, names: Sequence[str], seed: int) -> Room:
    """Return a copy of a room with these speakers; see :meth:`Room.with_speakers`."""
    if isinstance(names, str):
        raise UserError(f"the speakers are a list of names, such as [{names!r}], not one name")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"two speakers are called {twice[0]!r}; give each its own name")
    spare = [each for each in room.speakers if each not in names]
    roles = {str(role): old for role, old in zip(Role, room.speakers, strict=False) if role not in room.speakers}
    renamed: dict[str, str] = {}
    for name in names:
        if name not in room.speakers and spare:
            renamed[spare.pop(0)] = name
    # A role is an alias of the one who has the place, also where this one is called otherwise from now on.
    renamed |= {role: renamed.get(old, old) for role, old in roles.items() if role not in names}
    there = {renamed.get(old, old): mouth for old, mouth in room.speakers.items() if old not in spare}
    kept = _listeners(room, renamed, spare, list(there))
    data = room.json() | {"speakers": {name: there[name] for name in names if name in there}, "microphones": kept}
    data["speakers"] = {name: _turned(mouth, renamed, spare) for name, mouth in data["speakers"].items()}
    made = type(room).from_data(data)
    for name in names:
        if name not in there:
            made.add_speaker(name, _free_place(made), seed=seed)
    return _in_order(made, names)


def _free_place(room: Room) -> str | None:
    people = [mouth.position for mouth in room.speakers.values()]
    for name, place in room.places.items():
        if all(place.position.distance_to(each) > 0.3 for each in people):
            return name
    return None


def _turned(mouth: Mouth, renamed: Mapping[str, str], gone: Sequence[str]) -> Mouth:
    facing = OTHERS if mouth.facing in gone else renamed.get(mouth.facing, mouth.facing)
    return replace(mouth, facing=facing)


def _listeners(room: Room, renamed: Mapping[str, str], gone: Sequence[str], people: Sequence[str]) -> list[Microphone]:
    """Return the microphones with their people renamed, without those whose wearers are gone."""
    kept = []
    for each in room.microphones:
        way, colon, who = each.place.partition(":")
        pocket = way.removeprefix("chest_pocket_") if way.startswith("chest_pocket_") else ""
        lost_pocket = bool(pocket) and list(Role).index(Role(pocket)) >= len(people)
        if (colon and who in gone) or lost_pocket:
            continue
        place = f"{way}:{renamed.get(who, who)}" if colon else each.place
        lost_aim = each.aim in gone or (each.aim in list(Role) and list(Role).index(Role(each.aim)) >= len(people))
        aim = "middle_speakers" if lost_aim else each.aim if each.aim in list(Role) else renamed.get(each.aim, each.aim)
        kept.append(replace(each, place=place, aim=aim))
    if not kept:
        wearers = ", ".join(map(repr, gone)) or "nobody"
        raise UserError(
            f"every microphone of room {room.name!r} is worn by a speaker who is not in the dialog ({wearers}): add a "
            f"microphone that stands in the room"
        )
    return kept


def _in_order(room: Room, names: Sequence[str]) -> Room:
    data = room.json()
    return type(room).from_data(data | {"speakers": {name: room.speakers[name] for name in names}})
