"""The sources of an audio dialog, each in a file of its own: speech by role, sounds at words, surroundings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.files import write_audio
from sdialog.audio.legacy.environment import Around, Environment
from sdialog.audio.legacy.sound_effects import HUMAN
from sdialog.audio.legacy.sounds import NONE, SoundLibrary
from sdialog.audio.levels import SPEECH_LEVEL_DB, active_level_db
from sdialog.audio.noises.base import in_band
from sdialog.audio.rooms.choices import SoundEventPosition
from sdialog.audio.rooms.sources import AudioSource
from sdialog.audio.sound import Clip, resample
from sdialog.audio.stems import levelled
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.dialog import AudioDialog
    from sdialog.audio.sound import Samples

OVER_SPEECH_DB = 10.0
"""How much louder than speech the file of a background is; with the published volume LOW (-40 dB) the speech is then
30 dB above it, with EXTREMELY_HIGH (-20 dB) 10 dB."""

EFFECT_DB = -10.0
"""Level of a sound at a word against that of the speech, as published."""


def make_tracks(
    dialog: AudioDialog,
    around: Environment,
    library: SoundLibrary,
    rate: int,
    seed: int,
    *,
    normalize: bool = True,
    each: bool = False,
) -> dict[str, tuple[AudioSource, Samples]]:
    """Return the sources of a dialog whose turns are placed, by name, in the order speech, effects, surroundings.

    Args:
        dialog: the effects of its turns get their durations.
        around: what is heard beside it.
        library: sounds by name.
        rate: samples a second.
        seed: of the sounds; each has numbers of its own.
        normalize: bring each speaker to -26 dBFS.
        each: surroundings for each role, as of people in rooms of their own.

    Raises:
        UnknownNameError: if there is no sound of a name.
    """
    speech = _speech(dialog, rate, normalize)
    level = speech_level_db(list(speech.values()), rate)
    effects = _effects(dialog, library, rate, level, seed, each)
    length = max((len(track) for track in [*speech.values(), *(samples for _, samples in effects)]), default=0)
    made = {
        role: (AudioSource(role, role, source_file=f"{role}.wav"), _padded(track, length))
        for role, track in speech.items()
    }
    made |= {source.name: (source, _padded(samples, length)) for source, samples in effects}
    gain = 10 ** ((level + OVER_SPEECH_DB) / 20)
    for role in dialog.speakers_names if each else [""]:
        for source, name in _surroundings(around.around(role), role):
            draw = _stream(seed, "surroundings", source.name)
            made[source.name] = (source, library.find(name).lasting(length, rate, draw) * gain)
    return made


def dry_mix(tracks: Mapping[str, tuple[AudioSource, Samples]]) -> Samples:
    """Return speech and effects together, wherever they are in a room; surroundings are left out."""
    numpy = need("numpy", extra="audio", why="mix sound")
    heard = [samples for name, (_, samples) in tracks.items() if name.startswith(("speaker_", "sfx_"))]
    mixed: Samples = numpy.sum(heard, axis=0, dtype=numpy.float32)
    return mixed


def write_tracks(tracks: Mapping[str, tuple[AudioSource, Samples]], folder: Path, rate: int) -> list[AudioSource]:
    """Write each source to a file, and return the sources with their files.

    Args:
        tracks: sources and samples by name.
        folder: where; files of 32-bit floats, so that nothing is lost.
        rate: samples a second.
    """
    for name, (source, samples) in tracks.items():
        path = folder / f"{name}.wav"
        write_audio(path, samples, rate, "wav32f")
        source.source_file = str(path)
    for left in set(folder.glob("*.wav")) - {folder / f"{name}.wav" for name in tracks}:
        left.unlink()  # of an earlier rendering, with other sounds
    return [source for source, _ in tracks.values()]


def speech_level_db(tracks: Sequence[Any], rate: int) -> float:
    """Return the mean active level of tracks of speech in the band of speech, in dBFS; -26 where all are silent."""
    levels = [active_level_db(in_band(track, rate), rate) for track in tracks]
    powers = [10 ** (level / 10) for level in levels if level > -120.0]
    return 10 * math.log10(sum(powers) / len(powers)) if powers else SPEECH_LEVEL_DB


def _speech(dialog: AudioDialog, rate: int, normalize: bool) -> dict[str, Samples]:
    """Return the track of each role."""
    numpy = need("numpy", extra="audio", why="mix sound")
    roles = list(dialog.speakers_names)
    turns = [turn for turn in dialog.turns if turn.audio_duration >= 0]
    clips = [Clip(resample(turn.get_audio(), turn.sampling_rate, rate), rate) for turn in turns]
    if normalize:
        clips, _ = levelled(clips, [roles.index(dialog.role(turn)) for turn in turns], [0.0] * len(roles))
    ends = [round(turn.audio_start_time * rate) + len(clip.samples) for turn, clip in zip(turns, clips, strict=True)]
    length = max([*ends, round(dialog.total_duration * rate)])
    tracks = {role: numpy.zeros(length, dtype=numpy.float32) for role in roles}
    for turn, clip in zip(turns, clips, strict=True):
        start = round(turn.audio_start_time * rate)
        tracks[dialog.role(turn)][start : start + len(clip.samples)] += clip.samples
    return tracks


def _effects(
    dialog: AudioDialog, library: SoundLibrary, rate: int, level: float, seed: int, each: bool
) -> list[tuple[AudioSource, Samples]]:
    numpy = need("numpy", extra="audio", why="mix sound")
    gain = 10 ** ((level + EFFECT_DB) / 20)
    found = []
    for number, turn in enumerate(dialog.turns):
        for place, event in enumerate(turn.sound_effects):
            name = f"sfx_{number}_{place}"
            sound = library.find(event["tag"]).once(rate, _stream(seed, "effect", number, place)) * gain
            event["duration"] = round(len(sound) / rate, 6)
            start = round((turn.audio_start_time + event["start_time"]) * rate)
            samples = numpy.zeros(start + len(sound), dtype=numpy.float32)
            samples[start:] = sound
            where = _effect_place(event["position"], dialog.role(turn), list(dialog.speakers_names), each)
            found.append((AudioSource(name, where, snr=EFFECT_DB), samples))
    return found


def _effect_place(position: str, speaker: str, roles: Sequence[str], each: bool) -> str:
    """Return where an effect is: in a call in the room of the role it names, else in that of whoever speaks."""
    if position == HUMAN:
        return speaker
    if position in roles:
        return position
    role = next((one for one in roles if position.startswith(f"{one}_")), None)
    place = position.removeprefix(f"{role}_") if role else position
    if place == HUMAN:
        return role or speaker
    return f"{role or speaker}_{place}" if each else place


def _surroundings(around: Around, role: str) -> list[tuple[AudioSource, str]]:
    """Return background and foreground, as far as there are; of a role, its name is part of theirs."""
    before, after = (f"{role}_", f"_{role}") if role else ("", "")
    found = []
    if around.background != NONE:
        source = AudioSource(f"background{after}", before + SoundEventPosition.BACKGROUND.value)
        found.append((source, around.background))
    if around.foreground != NONE:
        found.append((AudioSource(f"foreground{after}", before + around.position), around.foreground))
    return found


def _padded(samples: Any, length: int) -> Any:
    numpy = need("numpy", extra="audio", why="mix sound")
    return numpy.pad(samples, (0, length - len(samples)))


def _stream(seed: int, *path: str | int) -> Any:
    numpy = need("numpy", extra="audio", why="make sounds")
    return numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "tracks", *path)))
