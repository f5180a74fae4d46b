"""The plan of a rendering: everything that is chosen before a sound is made, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sdialog.audio.moving import ways_of
from sdialog.audio.scene import Scene, chosen, drawn, told
from sdialog.audio.script import Line, Script
from sdialog.audio.surroundings import NoisePlan, Space, channels_of, noises_of, spaces_of, stream
from sdialog.audio.timeline import Timing, plan_backchannels
from sdialog.audio.timeline.layout import checked_gaps
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.seeds import derive_seed, rng

if TYPE_CHECKING:
    from sdialog.audio.acoustics.motion import Way
    from sdialog.audio.channels.base import Channel
    from sdialog.audio.voices import Casting


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something to be spoken.

    Attributes:
        line: turn, speaker and text; of a back-channel, the turn that is listened to.
        kind: ``turn`` or ``backchannel``.
        at: of a back-channel, after which share of its turn it comes.
    """

    line: Line
    kind: str = "turn"
    at: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class AudioPlan:
    """Everything that is chosen before a sound is made.

    Attributes:
        script: speakers and lines.
        seed: of the whole; every choice has numbers of its own under it.
        sample_rate: of the result.
        stereo: one channel a speaker.
        engine: what the speech depends on.
        casting: the voice of each speaker.
        spoken: turns, then back-channels.
        scene: the scene, as it was asked for.
        timing: of the turns.
        level_offsets_db: of each speaker.
        spaces, noise, speaker_noises, channel, speaker_channels, drr_db, acoustics, loudness, true_peak_db, gaps,
            ways: what the scene means, drawn.
    """

    script: Script
    seed: int
    sample_rate: int
    stereo: bool
    engine: Mapping[str, Any]
    casting: Casting
    spoken: Sequence[Spoken]
    scene: Scene
    timing: Timing
    level_offsets_db: Sequence[float]
    spaces: Sequence[Space]
    noise: NoisePlan | None
    speaker_noises: Sequence[NoisePlan | None]
    channel: Channel | None
    speaker_channels: Sequence[Channel | None]
    drr_db: float | None = None
    acoustics: Literal["ism", "hybrid"] = "ism"
    loudness: float | None = None
    true_peak_db: float = -1.0
    gaps: Any = None
    ways: Mapping[int, Way] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        names = self.script.speakers
        each = zip(names, self.speaker_noises, self.speaker_channels, strict=True)
        return {
            "dialog_id": self.script.dialog_id,
            "seed": self.seed,
            "sample_rate": self.sample_rate,
            "stereo": self.stereo,
            "speakers": list(names),
            "engine": dict(self.engine),
            "voices": self.casting.json(),
            "spoken": [[one.kind, one.line.turn, one.line.speaker, one.line.text, one.at] for one in self.spoken],
            "scene": _plain(told(self.scene)),
            "timing": self.timing.json(),
            "gaps": _plain(self.gaps),
            "level_offsets_db": list(self.level_offsets_db),
            "spaces": [space.json() for space in self.spaces],
            "drr": self.drr_db,
            "moves": {names[number]: way.json() for number, way in self.ways.items()},
            "acoustics": self.acoustics,
            "loudness": self.loudness,
            "true_peak_db": self.true_peak_db,
            "noise": None if self.noise is None else self.noise.json(),
            "channel": _channel(self.channel),
            "by_speaker": {
                name: {"noise": None if noise is None else noise.json(), "channel": _channel(channel)}
                for name, noise, channel in each
            },
        }

    def digest(self) -> str:
        """Return a name for all that the sound depends on."""
        text = json.dumps(self.json(), sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def plan_audio(
    script: Script,
    scene: Scene,
    casting: Casting,
    *,
    seed: int,
    sample_rate: int,
    stereo: bool,
    engine: Mapping[str, Any],
) -> AudioPlan:
    """Return the plan of a script in a scene.

    Raises:
        ConfigError: if the scene holds a value that means nothing; says which.
        UnknownNameError: if a name in it is unknown.
    """
    timing = timing_of(scene, seed)
    names = script.speakers
    noise, speaker_noises = noises_of(scene.noise, names, seed)
    channel, speaker_channels = channels_of(scene.channel, names, seed)
    jitter = _number("level_jitter_db", scene.level_jitter_db, 0, 60, seed) or 0.0
    method = _method(chosen(scene.acoustics, stream(seed, "acoustics")))
    spaces, ways = ways_of(scene.moves, names, spaces_of(scene.reverb, names, seed), method, stream(seed, "moves"))
    offsets = [round(rng(seed, "level", number).uniform(-1, 1) * jitter / 2, 3) for number in range(len(names))]
    return AudioPlan(
        script=script,
        seed=seed,
        sample_rate=sample_rate,
        stereo=stereo,
        engine=engine,
        casting=casting,
        spoken=_spoken(script, timing, seed),
        scene=scene,
        timing=timing,
        level_offsets_db=offsets,
        spaces=spaces,
        noise=noise,
        speaker_noises=speaker_noises,
        channel=channel,
        speaker_channels=speaker_channels,
        drr_db=_number("drr", scene.drr, -40, 60, seed),
        acoustics=method,
        loudness=_number("loudness", scene.loudness, -69, 0, seed),
        true_peak_db=_number("true_peak_db", scene.true_peak_db, -60, 0, seed) or 0.0,
        gaps=_gaps(scene.gaps, len(script.lines), timing),
        ways=ways,
    )


def timing_of(scene: Scene, seed: int = 0) -> Timing:
    """Return the timing that a scene means, drawn where it says so."""
    if scene.timing is not None:
        return Timing.from_data(chosen(scene.timing, stream(seed, "timing")))
    pauses = scene.pauses
    if isinstance(pauses, Mapping) and set(pauses) == {"between"}:
        pauses = tuple(pauses["between"])
    overlap, most = (drawn(getattr(scene, key), stream(seed, key)) for key in ("overlap", "max_overlap"))
    return Timing.from_pauses(pauses, overlap, most)


def _spoken(script: Script, timing: Timing, seed: int) -> list[Spoken]:
    names = script.speakers
    turns = [(names[line.speaker], line.text) for line in script.lines]
    responses = plan_backchannels(turns, timing, derive_seed(seed, "backchannels"), language=script.language)
    listeners = [
        Spoken(Line(script.lines[one.turn].turn, names.index(one.speaker), one.text), "backchannel", one.at)
        for one in responses
    ]
    return [*(Spoken(line) for line in script.lines), *listeners]


def _number(key: str, value: Any, low: float, high: float, seed: int) -> float | None:
    """Return the number that a key of a scene means, drawn; None where it has none."""
    found = drawn(value, stream(seed, key))
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not low <= found <= high:
        raise ConfigError(f"{key} is a number from {low} to {high}, not {found!r}")
    return float(found)


def _method(name: Any) -> Literal["ism", "hybrid"]:
    if name not in ("ism", "hybrid"):
        raise UnknownNameError("way to simulate rooms", str(name), ["ism", "hybrid"])
    return "ism" if name == "ism" else "hybrid"


def _gaps(value: Any, turns: int, timing: Timing) -> Any:
    """Return the gaps between turns, or who tells them once the lengths are known."""
    if value is None:
        return None
    if timing.silence is not None or timing.overlapped is not None:
        raise ConfigError("gaps are given and the timing has a target; leave out the one or the other")
    return value if callable(value) else tuple(checked_gaps(value, turns))


def _channel(channel: Channel | None) -> Any:
    return None if channel is None else {"type": channel.name, **channel.json()}


def _plain(value: Any) -> Any:
    """Return data that JSON can hold; what it cannot is told by its kind."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if hasattr(value, "json"):
        return _plain(value.json())
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return f"<{type(value).__name__}>"
