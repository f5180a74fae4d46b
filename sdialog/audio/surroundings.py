"""What a scene's words for noise and room mean for each speaker of a dialog."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdialog.audio.rooms.room import Room
from sdialog.audio.scene import by_speaker, chosen, drawn
from sdialog.audio.snr import check_noise
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

_SIZES = ("small", "medium", "large")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """A noise and how loud it is against the speech.

    Attributes:
        kind: name of a noise, or a file or folder.
        snr_db: signal-to-noise ratio in the band of speech.
        options: of the noise.
    """

    kind: str
    snr_db: float = 20.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": self.kind, "snr": self.snr_db, **self.options}


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where somebody is heard.

    Attributes:
        speakers: numbers of those in it.
        room: the room; None for a measured response.
        response: file, folder or array of a measured impulse response; None for a room.
    """

    speakers: tuple[int, ...]
    room: Room | None = None
    response: Any = None

    def json(self) -> dict[str, Any]:
        """Return plain data; an array is told by a digest of what it holds."""
        told: Any = None if self.room is None else self.room.json()
        what = self.response
        if hasattr(what, "tobytes"):
            what = f"array {hashlib.blake2b(what.tobytes(), digest_size=8).hexdigest()}"
        return {"speakers": list(self.speakers), "room": told, "response": None if what is None else str(what)}


def noises_of(value: Any, speakers: Sequence[str], seed: int) -> tuple[NoisePlan | None, list[NoisePlan | None]]:
    """Return the noise over the whole and the noise of each speaker that a scene means.

    Args:
        value: ``noise`` of a scene.
        speakers: their names.
        seed: of what is drawn; each speaker has numbers of their own.
    """
    each = by_speaker(value, speakers)
    if each is None:
        return noise_plan(drawn(value, stream(seed, "noise"))), [None] * len(speakers)
    plans = [noise_plan(drawn(one, stream(seed, "noise", number))) for number, one in enumerate(each)]
    return None, plans


def noise_plan(value: Any) -> NoisePlan | None:
    """Return the noise that one value means, with nothing left to draw.

    Raises:
        ConfigError: if it means none.

    Example:
        >>> noise_plan(15).json(), noise_plan({"type": "cafe", "snr": 5}).kind
        ({'type': 'white', 'snr': 15.0}, 'cafe')
        >>> noise_plan(True).snr_db
        20.0
    """
    if value is None or value is False:
        return None
    if value is True:
        return NoisePlan("white")
    if isinstance(value, (int, float)) and math.isfinite(value):
        return NoisePlan("white", float(value))
    if isinstance(value, (str, Path)):
        return NoisePlan(check_noise(str(value), {}))
    if isinstance(value, Mapping):
        options = dict(value)
        kind, snr = options.pop("type", "white"), options.pop("snr", 20.0)
        if isinstance(snr, (int, float)) and not isinstance(snr, bool) and math.isfinite(snr):
            return NoisePlan(check_noise(str(kind), options), float(snr), options)
    raise ConfigError(
        f"noise is a ratio in dB such as 20, a name such as 'pink', or {{'type': 'pink', 'snr': 20}}, not {value!r}"
    )


def channels_of(value: Any, speakers: Sequence[str], seed: int) -> tuple[Any, list[Any]]:
    """Return the channel of the whole and that of each speaker that a scene means."""
    each = by_speaker(value, speakers)
    if each is None:
        return _channel(value, seed), [None] * len(speakers)
    return None, [_channel(one, seed, number) for number, one in enumerate(each)]


def _channel(value: Any, seed: int, *path: int) -> Any:
    from sdialog.audio.channels.base import channel_from

    one = drawn(value, stream(seed, "channel", *path))
    return None if one is None or one is False else channel_from(one)


def spaces_of(value: Any, speakers: Sequence[str], seed: int) -> list[Space]:
    """Return the spaces that a scene's reverb means; none for close microphones.

    One value is one room in which all speakers are; a value for each speaker is a room each.

    Raises:
        ConfigError: if a value means neither a room nor a response.
        UnknownNameError: if there is no room of that name.
    """
    each = None if _is_room(value) else by_speaker(value, speakers)
    if each is None:
        one = _space(chosen(value, stream(seed, "reverb")), tuple(range(len(speakers))), speakers, seed)
        return [] if one is None else [one]
    found = []
    for number, given in enumerate(each):
        one = _space(
            chosen(given, stream(seed, "reverb", number)), (number,), speakers, derive_seed(seed, "own", number)
        )
        if one is not None:
            found.append(one)
    return found


def _is_room(value: Any) -> bool:
    """Tell whether a mapping is the data of a room, whose keys are no names of speakers."""
    return isinstance(value, Mapping) and "dimensions" in value


def _space(value: Any, who: tuple[int, ...], speakers: Sequence[str], seed: int) -> Space | None:
    names = [speakers[number] for number in who]
    if value is None or value is False:
        return None
    if value is True:
        value = "medium"
    if isinstance(value, str) and value in _SIZES:
        from sdialog.audio.rooms.shoeboxes import shoebox

        return Space(who, shoebox(value, derive_seed(seed, "room"), names))
    if isinstance(value, Mapping):
        value = Room.from_data(value)
    elif isinstance(value, (str, Path)):
        if Path(value).exists() and Path(value).suffix not in (".yaml", ".yml", ".json"):
            return Space(who, response=str(value))
        try:
            value = Room.load(value)
        except UnknownNameError as error:
            raise UnknownNameError("room", error.name, [*error.known, *_SIZES], error.hint) from None
    if isinstance(value, Room):
        return Space(who, value.with_speakers(names, derive_seed(seed, "places")))
    if hasattr(value, "shape"):
        return Space(who, response=value)
    raise ConfigError(
        f"reverb is small, medium or large, a Room or the name of one, or an impulse response, not {value!r:.80}"
    )


def stream(seed: int, *path: str | int) -> Any:
    """Return the random numbers of one choice in a scene."""
    numpy = need("numpy", extra="audio", why="plan a scene")
    return numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "scene", *path)))
