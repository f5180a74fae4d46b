"""The plan of a rendering: everything that is chosen before a sound is made, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.scene import Scene, drawn, told
from sdialog.audio.script import Line, Script
from sdialog.audio.surroundings import NoisePlan, Space, channels_of, noises_of, spaces_of, stream
from sdialog.audio.timeline import Timing, plan_backchannels
from sdialog.core.errors import ConfigError
from sdialog.core.seeds import derive_seed, rng

if TYPE_CHECKING:
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
        spaces, noise, speaker_noises, channel, speaker_channels, drr_db: what the scene means, drawn.
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
            "level_offsets_db": list(self.level_offsets_db),
            "spaces": [space.json() for space in self.spaces],
            "drr": self.drr_db,
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
    timing = timing_of(scene)
    names = script.speakers
    noise, speaker_noises = noises_of(scene.noise, names, seed)
    channel, speaker_channels = channels_of(scene.channel, names, seed)
    jitter = _jitter(scene.level_jitter_db)
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
        spaces=spaces_of(scene.reverb, names, seed),
        noise=noise,
        speaker_noises=speaker_noises,
        channel=channel,
        speaker_channels=speaker_channels,
        drr_db=_drr(scene.drr, seed),
    )


def timing_of(scene: Scene) -> Timing:
    """Return the timing that a scene means."""
    if scene.timing is not None:
        return Timing.from_data(scene.timing)
    pauses = scene.pauses
    if isinstance(pauses, Mapping) and set(pauses) == {"between"}:
        pauses = tuple(pauses["between"])
    return Timing.from_pauses(pauses, scene.overlap, scene.max_overlap)


def _spoken(script: Script, timing: Timing, seed: int) -> list[Spoken]:
    names = script.speakers
    turns = [(names[line.speaker], line.text) for line in script.lines]
    responses = plan_backchannels(turns, timing, derive_seed(seed, "backchannels"), language=script.language)
    listeners = [
        Spoken(Line(script.lines[one.turn].turn, names.index(one.speaker), one.text), "backchannel", one.at)
        for one in responses
    ]
    return [*(Spoken(line) for line in script.lines), *listeners]


def _jitter(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 60:
        raise ConfigError(f"level_jitter_db is a number of dB from 0 to 60, not {value!r}")
    return float(value)


def _drr(value: Any, seed: int) -> float | None:
    found = drawn(value, stream(seed, "drr"))
    if found is None or (isinstance(found, (int, float)) and not isinstance(found, bool) and -40 <= found <= 60):
        return None if found is None else float(found)
    raise ConfigError(f"drr is a number of dB from -40 to 60, not {found!r}")


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
    return f"<{type(value).__name__}>"
