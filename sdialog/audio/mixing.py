"""From dry tracks to the recording: room, noise, line, level; and every part of it kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sdialog.audio.levels import to_loudness
from sdialog.audio.peaks import limit_true_peak
from sdialog.audio.snr import noise_at
from sdialog.audio.stems import Stems, recording_gain_db
from sdialog.audio.surroundings import NoisePlan, Space
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache
    from sdialog.audio.acoustics.motion import Way, WayResponses
    from sdialog.audio.acoustics.responses import RoomResponses
    from sdialog.audio.channels.base import Channel
    from sdialog.audio.sound import Samples


@dataclass(frozen=True, slots=True)
class Path:
    """What the sound goes through, from the mouths to the file.

    Attributes:
        spaces: rooms; speakers in none are before close microphones.
        speaker_noises: noise at the end of each speaker.
        speaker_channels: line of each speaker.
        noise: over the whole.
        channel: that all goes through together.
        stereo: one channel a speaker instead of one a microphone.
        loudness: wanted, in LUFS; None where the level stays.
        true_peak_db: ceiling.
        seed: of noises, lines and rooms.
        drr_db: direct-to-reverberant ratio of every speaker; None where room and distance decide.
        method: how rooms are simulated.
        ways: of the speakers who walk, by number.
        early: whether the early part of what is heard in rooms is kept apart, at the cost of a second convolution.
    """

    spaces: Sequence[Space]
    speaker_noises: Sequence[NoisePlan | None]
    speaker_channels: Sequence[Channel | None]
    noise: NoisePlan | None
    channel: Channel | None
    stereo: bool
    loudness: float | None
    true_peak_db: float
    seed: int
    drr_db: float | None = None
    method: Literal["ism", "hybrid"] = "ism"
    ways: Mapping[int, Way] = field(default_factory=dict)
    early: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A recording and its parts.

    Attributes:
        samples: array of shape (n,) for one channel, else (n, channels).
        stems: its parts.
    """

    samples: Samples
    stems: Stems


def mix(dry: Samples, speakers: Sequence[str], rate: int, path: Path, rirs: RirCache | None = None) -> Mixture:
    """Return the recording of dry tracks.

    Args:
        dry: array of shape (speakers, n).
        speakers: their names.
        rate: samples a second.
        path: what the sound goes through.
        rirs: where impulse responses are kept.

    Raises:
        UserError: if the spaces of two speakers have different numbers of microphones, or stereo is asked for with
            several microphones.
    """
    numpy = need("numpy", extra="audio", why="mix sound")
    stems, info = _in_rooms(dry, tuple(speakers), rate, path, rirs)
    stems, told = _through_lines(stems, path)
    info |= told
    mixed = stems.line[:, 0] if path.stereo else stems.line.sum(axis=0)
    clean = stems.wet[:, 0] if path.stereo else stems.wet.sum(axis=0)
    if path.noise is not None:
        stems, mixed = _noisy(stems, mixed, clean, path, info)
    if path.channel is not None:
        sent = [
            path.channel.apply(one, rate, derive_seed(path.seed, "line", number)) for number, one in enumerate(mixed)
        ]
        mixed = numpy.stack([one.samples for one in sent])
        info["channel"] = [one.json() for one in sent] if len(sent) > 1 else sent[0].json()
    samples, gains = _finished(mixed, rate, path, info)
    return Mixture(samples, replace(stems, gains=gains, info=info))


def _in_rooms(
    dry: Samples, speakers: tuple[str, ...], rate: int, path: Path, rirs: RirCache | None
) -> tuple[Stems, dict[str, Any]]:
    numpy = need("numpy", extra="audio", why="mix sound")
    heard = [(space, _responses(space, speakers, rate, path, rirs)) for space in path.spaces]
    microphones = _microphones([found for _, found in heard], path, len(speakers))
    walks = _walks(speakers, rate, path, rirs)
    dry = _with_tail(dry, [*(found for _, found in heard), *(walk.along for walk in walks.values())])
    shape = (len(speakers), len(microphones), dry.shape[1])
    wet = numpy.zeros(shape, dtype=numpy.float32)
    early = numpy.zeros(shape, dtype=numpy.float32) if heard and path.early else None
    inside = {number for space in path.spaces for number in space.speakers}
    for number in set(range(len(speakers))) - inside:
        wet[number] = dry[number]
        if early is not None:
            early[number] = dry[number]
    rooms = []
    for space, found in heard:
        own = list(space.speakers)
        images = _convolved(dry, own, speakers, found, walks)
        gain = numpy.float32(10 ** (recording_gain_db(images, rate) / 20))
        images *= gain
        wet[own] = images
        if early is not None:
            parts = {number: walk.early() for number, walk in walks.items()}
            early[own] = _convolved(dry, own, speakers, found.early(), parts) * gain
        told = {speakers[number]: walks[number].json() for number in own if number in walks}
        room = {**space.json(), "recording_gain_db": _db(float(gain)), "acoustics": found.json()}
        rooms.append({**room, "moves": told} if told else room)
    responses = {"+".join(found.speakers): found for _, found in heard}
    stems = Stems(rate, speakers, microphones, dry, wet, wet, early, responses=responses)
    return stems, {"rooms": rooms} if rooms else {}


def _responses(space: Space, speakers: Sequence[str], rate: int, path: Path, rirs: RirCache | None) -> RoomResponses:
    from sdialog.audio.acoustics import impulse_responses, recorded_responses

    if space.room is not None:
        seed = derive_seed(path.seed, "acoustics")
        found = impulse_responses(space.room, rate, method=path.method, seed=seed, cache=rirs)
    else:
        names = [speakers[number] for number in space.speakers]
        found = recorded_responses(space.response, names, rate, seed=derive_seed(path.seed, "response"))
    return found if path.drr_db is None else found.with_drr(path.drr_db)


def _microphones(found: Sequence[RoomResponses], path: Path, speakers: int) -> tuple[str, ...]:
    """Return the names of the microphones, the same for all speakers."""
    counts = {len(one.microphones) for one in found}
    inside = {number for space in path.spaces for number in space.speakers}
    if len(counts) > 1 or (counts - {1} and len(inside) < speakers):
        raise UserError(
            "speakers in rooms of their own are heard by one microphone each, and these rooms have "
            f"{' and '.join(str(len(one.microphones)) for one in found)}; give every room one microphone, or put all "
            "speakers into one room"
        )
    if path.stereo and counts - {1}:
        raise UserError("stereo gives each speaker a channel, and this room has several microphones; leave out stereo")
    return found[0].microphones if found else ("close",)


def _with_tail(dry: Samples, found: Sequence[RoomResponses]) -> Samples:
    """Return the tracks with enough silence at the end for the room to die away."""
    numpy = need("numpy", extra="audio", why="mix sound")
    longest = max((one.stack.shape[-1] for one in found), default=0)
    last = max((dry.shape[1] - int((track[::-1] != 0).argmax()) for track in dry if track.any()), default=0)
    missing = last + longest - dry.shape[1]
    padded: Samples = numpy.pad(dry, ((0, 0), (0, missing))) if missing > 0 else dry
    return padded


def _walks(speakers: Sequence[str], rate: int, path: Path, rirs: RirCache | None) -> dict[int, WayResponses]:
    """Return the responses along the ways of those who walk."""
    from sdialog.audio.acoustics import way_responses

    made = {}
    for number, way in path.ways.items():
        room = next(space.room for space in path.spaces if number in space.speakers)
        assert room is not None
        seed = derive_seed(path.seed, "acoustics")
        found = way_responses(room, speakers[number], way, rate, seed=seed, cache=rirs)
        made[number] = found if path.drr_db is None else found.with_drr(path.drr_db)
    return made


def _convolved(
    dry: Samples,
    own: Sequence[int],
    speakers: Sequence[str],
    responses: RoomResponses,
    walks: Mapping[int, WayResponses],
) -> Samples:
    """Return what the microphones hear of some speakers: an array of shape (speakers, microphones, n)."""
    from sdialog.audio.acoustics import convolve, convolve_along

    numpy = need("numpy", extra="audio", why="mix sound")
    tracks = {speakers[number]: dry[number] for number in own if number not in walks}
    heard = convolve(tracks, responses, length=dry.shape[1])
    for number in set(own) & set(walks):
        heard[speakers[number]] = convolve_along(dry[number], walks[number], length=dry.shape[1])
    images: Samples = numpy.stack([heard[speakers[number]].T for number in own])
    return images


def _through_lines(stems: Stems, path: Path) -> tuple[Stems, dict[str, Any]]:
    numpy = need("numpy", extra="audio", why="mix sound")
    if not any(path.speaker_noises) and not any(path.speaker_channels):
        return stems, {}
    line = numpy.array(stems.wet)
    noise = numpy.zeros_like(line) if any(path.speaker_noises) else None
    told: dict[str, dict[str, Any]] = {"speaker_noise": {}, "speaker_channel": {}}
    for number, (plan, channel) in enumerate(zip(path.speaker_noises, path.speaker_channels, strict=True)):
        name = stems.speakers[number]
        for place in range(len(stems.microphones)):
            if plan is not None and noise is not None:
                added = _noise(stems.wet[number, place], stems.rate, plan, path.seed, "speaker", number, place)
                noise[number, place] = added.samples
                line[number, place] += added.samples
                told["speaker_noise"].setdefault(name, []).append(added.json())
            if channel is not None:
                sent = channel.apply(
                    line[number, place], stems.rate, derive_seed(path.seed, "speaker line", number, place)
                )
                line[number, place] = sent.samples
                told["speaker_channel"].setdefault(name, []).append(sent.json())
    return replace(stems, line=line, speaker_noise=noise), {key: value for key, value in told.items() if value}


def _noisy(stems: Stems, mixed: Any, clean: Any, path: Path, info: dict[str, Any]) -> tuple[Stems, Any]:
    numpy = need("numpy", extra="audio", why="mix sound")
    assert path.noise is not None
    added = [_noise(speech, stems.rate, path.noise, path.seed, "whole", number) for number, speech in enumerate(clean)]
    noise = numpy.stack([one.samples for one in added])
    info["noise"] = [one.json() for one in added]
    if len(added) == len(stems.microphones):
        heard = zip(stems.microphones, added, strict=True)
        measured = {name: one.measured_snr_db for name, one in heard if one.measured_snr_db is not None}
        found = {name: one.with_snr(measured) for name, one in stems.responses.items()}
        stems = replace(stems, responses=found)
        for room, one in zip(info.get("rooms", ()), found.values(), strict=True):
            room["acoustics"] = one.json()
    return replace(stems, noise=noise), mixed + noise


def _noise(speech: Samples, rate: int, plan: NoisePlan, seed: int, *path: str | int) -> Any:
    numpy = need("numpy", extra="audio", why="mix sound")
    draw = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "noise", *path)))
    return noise_at(speech, rate, draw, plan.snr_db, plan.kind, **plan.options)


def _finished(mixed: Any, rate: int, path: Path, info: dict[str, Any]) -> tuple[Samples, Samples]:
    """Return the recording at its final level, and what it was multiplied by."""
    columns = mixed.T
    if path.loudness is None:
        limited = limit_true_peak(columns, rate, path.true_peak_db)
        samples, gains = limited.samples, limited.gains
        told: Mapping[str, Any] = {"ceiling_db": path.true_peak_db, "true_peak_db": limited.true_peak_db}
    else:
        result = to_loudness(columns, rate, path.loudness, path.true_peak_db)
        samples, gains, told = result.samples, result.gains, result.json()
    info["level"] = {**told, "true_peak_db": round(told["true_peak_db"], 3)}
    return samples[:, 0] if samples.shape[1] == 1 else samples, gains


def _db(factor: float) -> float:
    return round(20 * math.log10(factor), 3)
