"""The parts a recording is made of: each speaker dry, in the room and through the line, and the noises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sdialog.audio.levels import SPEECH_LEVEL_DB, active_level_db
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Clip, Samples
    from sdialog.audio.timeline import Placed

FADE_IN = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Stems:
    """The parts of a recording, each as long as the whole.

    Attributes:
        rate: samples a second.
        speakers: their names.
        microphones: names of the microphones.
        dry: (speakers, n): speech as it leaves the mouth.
        early: (speakers, microphones, n): direct sound and early reflections; None where there is no room.
        wet: (speakers, microphones, n): all that reaches the microphones.
        speaker_noise: (speakers, microphones, n): noise at the end of each speaker; None where there is none.
        line: (speakers, microphones, n): speech and that noise after the speaker's channel; what is mixed.
        noise: (outputs, n): noise over the whole; None where there is none.
        gains: (n,): what the final level and limiter multiply the mixture by.
        responses: name of the speakers' space and its impulse responses.
        info: what was requested and measured.
    """

    rate: int
    speakers: tuple[str, ...]
    microphones: tuple[str, ...]
    dry: Samples
    wet: Samples
    line: Samples
    early: Samples | None = None
    speaker_noise: Samples | None = None
    noise: Samples | None = None
    gains: Samples | None = None
    responses: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


def dry_tracks(
    placed: Sequence[Placed], clips: Sequence[Clip], speakers: Sequence[str], length: int, rate: int
) -> Samples:
    """Return one track a speaker, with each clip at its place.

    Args:
        placed: where the utterances are.
        clips: the clip of each, by its position in the list that was laid out.
        speakers: their names.
        length: samples of the tracks.
        rate: samples a second.

    Returns:
        Array of shape (speakers, length), float32.
    """
    numpy = need("numpy", extra="audio", why="mix sound")
    tracks: Samples = numpy.zeros((len(speakers), length), dtype=numpy.float32)
    for one in placed:
        samples = heard_part(clips[one.utterance].samples, one, rate)
        start = round(one.start * rate)
        until = min(length, start + len(samples))
        tracks[speakers.index(one.speaker), start:until] += samples[: until - start]
    return tracks


def heard_part(samples: Any, placed: Placed, rate: int) -> Any:
    """Return what is heard of a clip: all of it, or, where it is cut, its beginning, faded out so that nothing clicks.

    Args:
        samples: array of shape (n,).
        placed: where the clip is, and how much of it is kept.
        rate: samples a second.
    """
    if placed.cut is None:
        return samples
    numpy = need("numpy", extra="audio", why="mix sound")
    kept = numpy.array(samples[: round(placed.cut * rate)])
    fade = min(round(placed.fade * rate), len(kept))
    if fade:
        kept[-fade:] *= numpy.cos(numpy.linspace(0, numpy.pi / 2, fade, dtype=numpy.float32)) ** 2
    return kept


def levelled(
    clips: Sequence[Clip], speakers: Sequence[int], offsets_db: Sequence[float]
) -> tuple[list[Clip], list[Any]]:
    """Return the clips with each speaker's active level at -26 dBFS, moved by the speaker's offset.

    One gain a speaker, so that a turn that was spoken softly stays softer than the others.

    Args:
        clips: of all utterances.
        speakers: number of the speaker of each.
        offsets_db: of each speaker.

    Returns:
        The clips, and the gain of each speaker in dB, None for one who makes no sound.
    """
    numpy = need("numpy", extra="audio", why="mix sound")
    gains: list[float | None] = []
    for number, offset in enumerate(offsets_db):
        own = [clip for clip, speaker in zip(clips, speakers, strict=True) if speaker == number and len(clip.samples)]
        level = active_level_db(numpy.concatenate([clip.samples for clip in own]), own[0].rate) if own else -120.0
        gains.append(None if level <= -120.0 else SPEECH_LEVEL_DB + offset - level)
    made = []
    for clip, speaker in zip(clips, speakers, strict=True):
        gain = gains[speaker]
        factor = numpy.float32(1.0 if gain is None else 10 ** (gain / 20))
        made.append(replace(clip, samples=clip.samples * factor))
    return made, [None if gain is None else round(gain, 3) for gain in gains]


def recording_gain_db(wet: Any, rate: int) -> float:
    """Return the gain at which the speakers together have an active level of -26 dBFS at the first microphone.

    Far speech is faint, and whoever records it turns the level up; differences between speakers and microphones stay.

    Args:
        wet: array of shape (speakers, microphones, n).
        rate: samples a second.
    """
    levels = [active_level_db(track[0], rate) for track in wet]
    powers = [10 ** (level / 10) for level in levels if level > -120.0]
    return SPEECH_LEVEL_DB - 10 * math.log10(sum(powers) / len(powers)) if powers else 0.0
