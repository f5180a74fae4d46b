"""The end of a response, where reflections are too many to be counted: a diffuse field.

The images of a small live room grow into millions before its sound has died away. What they make by then is noise that
falls as the images before it did (Lehmann and Johansson, Diffuse reverberation model for efficient image-source
simulation of room impulse responses, IEEE Trans. Audio, Speech, Lang. Process. 18, 2010). Here that noise is made of
images at random places, so that it reaches the microphones of an array from directions, as a diffuse field does,
instead of as an independent noise in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdialog.audio.acoustics.air import SOUND_SPEED
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

PULSES = 10_000
"""Random images a second; above some 4,000 a second single ones are no longer heard (Karjalainen and Jarvelainen,
Reverberation modeling using velvet noise, AES 30th conference, 2007)."""

FADE = 0.08
"""Seconds in which images give way to random ones. All images of rigid walls push the same way, random ones do not: a
sudden change would be a step that is heard as a thump."""


def add_tail(room: Any, start: float, end: float, seed: int, streams: Sequence[int]) -> None:
    """Replace the images of a pyroomacoustics room that come after a time by random ones.

    Args:
        room: after its ``image_source_model()``.
        start: seconds up to which its images are complete.
        end: seconds at which the responses end.
        seed: of the random images.
        streams: the number of the random images of each source; sources with one number share them.
    """
    numpy = need("numpy", extra="audio", why="simulate a room")
    middle = room.mic_array.R.mean(axis=1)
    for source, stream in zip(room.sources, streams, strict=True):
        distances = numpy.linalg.norm(source.images - middle[:, None], axis=0)
        near = distances <= start * SOUND_SPEED
        fall = _fall(distances, numpy.square(source.damping / distances), start)
        if fall is None:
            continue
        begin = start - min(FADE, start / 3)
        draw = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "diffuse", stream)))
        count = max(1, round(PULSES * (end - begin)))
        times = numpy.sort(draw.uniform(begin, end, count))
        signs = draw.choice([-1.0, 1.0], count)
        ways = times * SOUND_SPEED
        images = middle[:, None] + ways * _directions(draw, count)
        power, rate = fall
        heights = numpy.sqrt(power[:, None] * numpy.exp(-rate[:, None] * (times - start)) / PULSES)
        heights *= numpy.sin(_angle(times, begin, start))
        leaving = numpy.broadcast_to(_directions(draw, count), (len(source.directions), 3, count))
        number = room.sources.index(source)
        seen = room.visibility[number][:, near]
        source.images = _joined(source.images[:, near], images)
        kept = source.damping[:, near] * numpy.cos(_angle(distances[near] / SOUND_SPEED, begin, start))
        source.damping = _joined(kept.astype(source.damping.dtype), heights * ways * signs)
        source.directions = _joined(source.directions[..., near], leaving)
        room.visibility[number] = _joined(seen, numpy.ones((len(seen), count)))


def _angle(times: Any, begin: float, end: float) -> Any:
    """Return an angle that goes from 0 to a quarter turn between two times: its sine and cosine share the power."""
    numpy = need("numpy", extra="audio", why="simulate a room")
    return numpy.clip((times - begin) / (end - begin), 0.0, 1.0) * numpy.pi / 2


def _fall(distances: Any, energies: Any, start: float) -> tuple[Any, Any] | None:
    """Return the power at the end of the complete images and the rate at which it falls, by band.

    Both come from the energies of the last quarter of the time and of the quarter before it.
    """
    numpy = need("numpy", extra="audio", why="simulate a room")
    quarter = start / 4
    times = distances / SOUND_SPEED
    late = energies[:, (times > start - quarter) & (times <= start)].sum(axis=1)
    before = energies[:, (times > start - 2 * quarter) & (times <= start - quarter)].sum(axis=1)
    if quarter <= 0 or (late <= 0).any() or (before <= 0).any():
        return None
    rate = numpy.clip(numpy.log(before / late) / quarter, 0.5, None)
    # The power whose integral over the last quarter, rising backwards at this rate, is the energy there.
    return late * rate / numpy.expm1(rate * quarter), rate


def _directions(draw: Any, count: int) -> Any:
    numpy = need("numpy", extra="audio", why="simulate a room")
    vectors = draw.standard_normal((3, count))
    return vectors / numpy.linalg.norm(vectors, axis=0)


def _joined(some: Any, more: Any) -> Any:
    numpy = need("numpy", extra="audio", why="simulate a room")
    return numpy.ascontiguousarray(numpy.concatenate([some, more.astype(some.dtype)], axis=-1))
