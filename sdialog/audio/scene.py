"""Scenes: in which surroundings a dialog is heard, and named ones, called presets.

A value in a scene may be drawn for each dialog: a list means one of its items, ``{"between": [low, high]}`` a number
between two (as does a tuple, where it stands for a number); of ``pauses`` both are a range. A mapping whose keys are
all speaker names or numbers gives each speaker a value of its own; a speaker it leaves out has none.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from sdialog.audio.assets import asset_names, named_file
from sdialog.core.errors import ConfigError, UnknownNameError, near_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The surroundings of a dialog.

    Attributes:
        pauses: between turns: ``natural``, the median of a log-normal in seconds, or a range.
        overlap: chance that a change of speaker overlaps, 0 to 1.
        max_overlap: longest overlap, as a share of the turn before, 0 to 1.
        timing: a ``Timing``, its name or its data, in place of the three above.
        gaps: the seconds between turns, in place of those of the timing; or a callable that tells them, such as a
            language model, see :func:`~sdialog.audio.timeline.ask_gaps`.
        reverb: ``small``, ``medium`` or ``large`` (``True`` is medium), a ``Room``, the name or file of one, or a
            measured impulse response: a file, a folder or an array.
        drr: direct-to-reverberant ratio in dB that every speaker has; None is what distance and room give.
        moves: ways of speakers who walk through their room, by number or name, each a
            :class:`~sdialog.audio.acoustics.Way` or its data: times in seconds of the recording, points, ``facing``.
        acoustics: how rooms are simulated, ``ism`` or ``hybrid``.
        noise: a signal-to-noise ratio in dB, the name of a noise, a file or folder, or ``{"type": ..., "snr": ...}``.
        channel: a codec or a chain, such as ``g711`` or ``handset+amr_nb+loss``; ``True`` is ``g711``.
        level_jitter_db: how much the levels of speakers differ, in dB from the quietest to the loudest.
        loudness: integrated loudness of the result in LUFS; None leaves speech at -26 dBFS.
        true_peak_db: what the true peak stays below, in dBTP.
        summary: one line about it.
    """

    pauses: Any = "natural"
    overlap: Any = 0.0
    max_overlap: Any = 0.3
    timing: Any = None
    gaps: Any = None
    reverb: Any = None
    drr: Any = None
    moves: Any = None
    acoustics: Any = "ism"
    noise: Any = None
    channel: Any = None
    level_jitter_db: Any = 0.0
    loudness: Any = None
    true_peak_db: Any = -1.0
    summary: str = ""


_KEYS = tuple(field.name for field in fields(Scene))
_registered: dict[str, Scene] = {}


def scene_from(data: Mapping[str, Any], what: str = "a scene") -> Scene:
    """Return the scene that plain data describe.

    Raises:
        ConfigError: if a key is unknown; names near ones.

    Example:
        >>> scene_from({"reverb": "small"}).reverb
        'small'
    """
    for key in data:
        if key not in _KEYS:
            near = near_names(str(key), _KEYS)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(_KEYS)}"
            raise ConfigError(f"{what} has no key {key!r}{hint}")
    return Scene(**{key: _copied(value) for key, value in data.items()})


def register_preset(name: str, **scene: Any) -> None:
    """Keep a scene under a name, for this process.

    Args:
        name: what ``preset=`` takes.
        scene: keys of a :class:`Scene`; the others keep their defaults.

    Raises:
        ConfigError: if a key is unknown.

    Example:
        >>> register_preset("kitchen", reverb="small", noise={"type": "hum", "snr": 25})
        >>> resolve_scene("kitchen").reverb
        'small'
    """
    _registered[name] = scene_from(scene, f"preset {name!r}")


def list_presets() -> dict[str, dict[str, Any]]:
    """Return every preset by name, with the keys in which it differs from silence and a close microphone.

    Example:
        >>> sorted(list_presets())[:3]
        ['call_center', 'clean', 'conversational']
    """
    names = sorted({*asset_names("scenes"), *_registered})
    return {name: told(_preset(name)) for name in names}


def told(scene: Scene) -> dict[str, Any]:
    """Return the keys in which a scene differs from the default, as data of its own."""
    values = {key: getattr(scene, key) for key in _KEYS}
    return {key: _copied(value) for key, value in values.items() if not _is_default(key, value)}


def _is_default(key: str, value: Any) -> bool:
    default = Scene.__dataclass_fields__[key].default
    # An array compares element by element; it is never a default.
    return value is default or (not hasattr(value, "shape") and bool(value == default))


def _copied(value: Any) -> Any:
    """Return data that nobody else can change; what is called, such as a model's client, is shared."""
    return value if callable(value) else copy.deepcopy(value)


def resolve_scene(preset: Any = None, **overrides: Any) -> Scene:
    """Return the scene that a preset and arguments mean together.

    Args:
        preset: a name, the path of a YAML file, a mapping, a :class:`Scene`, or None for the default scene.
        overrides: keys of a scene; None keeps what the preset says, False switches an effect off.

    Raises:
        UnknownNameError: if no preset has that name; names near ones.
        ConfigError: if a key is unknown.

    Example:
        >>> resolve_scene("room", noise=False, overlap=0.3).noise is None
        True
    """
    scene = Scene() if preset is None else _preset(preset)
    scene_from(overrides)
    changes = {key: value for key, value in overrides.items() if value is not None}
    for key, value in changes.items():
        if value is False:
            changes[key] = Scene.__dataclass_fields__[key].default
    return replace(scene, **changes)


def within(preset: Any, speakers: int) -> Scene:
    """Return the scene of a preset for a dialog of some speakers: what it has for those beyond them is left out.

    So a call center of two suits a dialog in which only one speaks.

    Args:
        preset: as :func:`resolve_scene` takes it.
        speakers: how many there are.

    Example:
        >>> within({"channel": {0: "opus", 1: "g711"}}, 1).channel
        {0: 'opus'}
    """
    scene = Scene() if preset is None else _preset(preset)
    changes: dict[str, Any] = {}
    for key in ("reverb", "moves", "noise", "channel"):
        value = getattr(scene, key)
        if isinstance(value, Mapping):
            kept = {who: one for who, one in value.items() if not _is_number(who) or who < speakers}
            changes[key] = kept or None
    return replace(scene, **changes)


def _preset(preset: Any) -> Scene:
    if isinstance(preset, Scene):
        return preset
    if isinstance(preset, Mapping):
        return scene_from(preset)
    name = str(preset)
    if name in _registered:
        return _registered[name]
    try:
        path = named_file("preset", "scenes", name)
    except UnknownNameError as error:
        raise UnknownNameError("preset", name, [*error.known, *_registered], error.hint) from None
    return _read(path)


@lru_cache(maxsize=64)
def _read(path: Any) -> Scene:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: a scene is a mapping of keys such as 'reverb'")
    return scene_from(data, str(path))


def by_speaker(value: Any, speakers: Sequence[str]) -> list[Any] | None:
    """Return the value of each speaker where a value tells them apart, else None.

    A number is looked up before the name. Speakers that are left out get None.

    Raises:
        UnknownNameError: if a key is neither a number of a speaker nor a name.

    Example:
        >>> by_speaker({1: "g711"}, ["Ann", "Bob"])
        [None, 'g711']
        >>> by_speaker({"type": "pink"}, ["Ann", "Bob"]) is None
        True
    """
    if not isinstance(value, Mapping) or not value:
        return None
    if not all(_means_speaker(key, speakers) for key in value):
        if any(isinstance(key, int) or key in speakers for key in value):
            wrong = next(key for key in value if not _means_speaker(key, speakers))
            raise UnknownNameError("speaker", str(wrong), speakers)
        return None
    return [value.get(number, value.get(name)) for number, name in enumerate(speakers)]


def _means_speaker(key: Any, speakers: Sequence[str]) -> bool:
    return (_is_number(key) and 0 <= key < len(speakers)) or key in speakers


def _is_number(key: Any) -> bool:
    return isinstance(key, int) and not isinstance(key, bool)


def chosen(value: Any, generator: Any) -> Any:
    """Return one of the items where a value is a list, else the value as it is.

    Args:
        value: as a scene holds it; nothing inside it is drawn, since a room or a timing has lists of its own.
        generator: a ``numpy.random.Generator``.
    """
    if not isinstance(value, list):
        return value
    if not value:
        raise ConfigError("a list in a scene means one of its items, and this one is empty")
    return chosen(value[int(generator.integers(len(value)))], generator)


def drawn(value: Any, generator: Any) -> Any:
    """Return a value with everything random in it drawn: lists, ranges, and those inside mappings.

    Args:
        value: as a scene holds it.
        generator: a ``numpy.random.Generator``.

    Example:
        >>> import numpy
        >>> draw = numpy.random.Generator(numpy.random.PCG64(1))
        >>> 20 <= drawn({"type": "pink", "snr": {"between": [20, 30]}}, draw)["snr"] <= 30
        True
    """
    if isinstance(value, list):
        if not value:
            raise ConfigError("a list in a scene means one of its items, and this one is empty")
        return drawn(value[int(generator.integers(len(value)))], generator)
    if isinstance(value, tuple):
        value = {"between": list(value)}
    if isinstance(value, Mapping):
        if set(value) == {"between"}:
            low, high = _range(value["between"])
            return round(float(generator.uniform(low, high)), 6)
        return {key: drawn(item, generator) for key, item in value.items()}
    return value


def _range(value: Any) -> tuple[float, float]:
    numbers = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if len(numbers) != 2 or not all(isinstance(one, (int, float)) for one in numbers) or numbers[0] > numbers[1]:
        raise ConfigError(f"'between' takes the lowest and the highest number, such as [10, 20], not {value!r}")
    return float(numbers[0]), float(numbers[1])
