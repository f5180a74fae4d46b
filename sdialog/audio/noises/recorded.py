"""Recorded noise: a file, or one of the files of a folder, as long as wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.files import audio_files, read_audio
from sdialog.audio.noises.base import noises, unit_power
from sdialog.audio.sound import mono, resample
from sdialog.core.errors import AudioError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# How long one end of a recording fades into its beginning, seconds; at most a quarter of it.
CROSSFADE = 0.25


def looped(samples: Any, n: int, offset: int, fade: int) -> Samples:
    """Return ``n`` samples of a recording from ``offset`` on, going round as often as needed without a seam.

    The end fades into the beginning over ``fade`` samples, with the power kept (sine and cosine), so that a round is
    that much shorter than the recording.

    Example:
        >>> import numpy
        >>> looped(numpy.ones(100, dtype=numpy.float32), 250, 30, 10).shape
        (250,)
    """
    numpy = need("numpy", extra="audio", why="loop a recording")
    array = numpy.asarray(samples, dtype=numpy.float32)
    fade = min(fade, len(array) // 4)
    if offset + n <= len(array):
        whole: Samples = array[offset : offset + n]
        return whole
    round_ = array[: len(array) - fade].copy()
    if fade:
        rise = numpy.sin(numpy.linspace(0, numpy.pi / 2, fade)).astype(numpy.float32)
        round_[:fade] = array[:fade] * rise + array[len(array) - fade :] * rise[::-1]
    start = offset % len(round_)
    # The first way into the recording begins at the recording itself, whatever the place.
    repeats = -(-(start + n) // len(round_))
    joined: Samples = numpy.tile(round_, repeats)[start : start + n]
    return joined


def recorded_noise(
    path: str | Path, n: int, rate: int, generator: numpy.random.Generator
) -> tuple[Samples, dict[str, Any]]:
    """Return a stretch of a recording from a random place, and which.

    Args:
        path: a sound file, or a folder from which one is drawn.
        n: samples.
        rate: samples a second.
        generator: where the choices come from.

    Returns:
        Array of shape (n,) with power 1 in the band of speech, and the file and the offset in seconds.

    Raises:
        FileNotFoundError: if there is no sound file.
        AudioError: if the file is silent.
    """
    found = audio_files(path)
    file = found[int(generator.integers(len(found)))]
    samples, own = read_audio(file)
    one = resample(mono(samples), own, rate)
    if not len(one) or not one.any():
        raise AudioError(f"{file} is silent, so it cannot serve as noise")
    offset = int(generator.integers(len(one)))
    made = looped(one, n, offset, round(CROSSFADE * rate))
    return unit_power(made, rate, str(file)), {"file": str(file), "offset": round(offset / rate, 4)}


@noises.register("recorded")
def recorded(n: int, rate: int, generator: numpy.random.Generator, *, path: str | Path | None = None) -> Samples:
    """Return a stretch of a recording; see :func:`recorded_noise`.

    Raises:
        UserError: if no path is given.
    """
    if path is None:
        raise UserError("the noise 'recorded' needs a file or a folder: give path=...")
    return recorded_noise(path, n, rate, generator)[0]
