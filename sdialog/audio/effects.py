"""The published functions on sound in memory; what they do is done elsewhere, and without their faults.

Random numbers come from the ``numpy.random.Generator`` that is passed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio import files, sound
from sdialog.audio.channels.base import channel_from
from sdialog.audio.levels import active_level_db, set_active_level, set_rms
from sdialog.audio.noises.base import noises
from sdialog.audio.noises.recorded import recorded_noise
from sdialog.audio.snr import noise_at
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

COLOURS = ("white", "pink", "brown", "blue", "speech_shaped")
FRAME = 0.02
_ROOMS = ("apply_rir", "load_rir", "simulate_rirs")

__all__ = [
    "active_level_db",
    "add_noise",
    "apply_rir",  # noqa: F822 - reached late, see __getattr__
    "colored_noise",
    "list_audio_files",
    "load_audio",
    "load_rir",  # noqa: F822
    "noise_from_files",
    "resample",
    "set_active_level",
    "simulate_rirs",  # noqa: F822
    "soft_limit",
    "telephone",
    "to_mono",
    "trim_silence",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        from sdialog.audio import acoustics

        return getattr(acoustics, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def resample(x: Any, sr_in: int, sr_out: int) -> Samples:
    """Return sound at another rate, without delay; see :func:`sdialog.audio.sound.resample`."""
    return sound.resample(x, sr_in, sr_out)


def to_mono(x: Any) -> Samples:
    """Return one channel: the mean of those there are, (n,) or (n, channels)."""
    return sound.mono(x)


def load_audio(path: str | Path, sr: int) -> Samples:
    """Return a sound file as one channel at a rate.

    Args:
        path: of a WAV, FLAC, OGG or MP3 file.
        sr: samples a second.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    samples, own = files.read_audio(path)
    return sound.resample(sound.mono(samples), own, sr)


def list_audio_files(path: str | Path) -> list[str]:
    """Return the sound files of a folder and the folders in it, sorted; of a file, itself.

    Raises:
        FileNotFoundError: if there is none.
    """
    return [str(found) for found in files.audio_files(path)]


def trim_silence(x: Any, sr: int, top_db: float = 40.0, pad: float = 0.05) -> tuple[Samples, int]:
    """Return sound without the quiet at its ends, and how many samples were removed from its beginning.

    Args:
        x: array of shape (n,).
        sr: samples a second.
        top_db: how far below the loudest frame of 20 ms is quiet.
        pad: seconds of quiet that are kept at each end.

    Example:
        >>> import numpy
        >>> kept, removed = trim_silence(numpy.pad(numpy.ones(1600), 8000), 16000)
        >>> removed, len(kept)
        (7200, 3200)
    """
    numpy = need("numpy", extra="audio", why="trim sound")
    array: Samples = numpy.asarray(x, dtype=numpy.float32)
    if not len(array) or not numpy.any(array):
        return array, 0
    size = max(1, round(FRAME * sr))
    whole = numpy.pad(array, (0, -len(array) % size)).reshape(-1, size).astype(numpy.float64)
    powers = (whole**2).mean(axis=1)
    loud = numpy.flatnonzero(powers >= powers.max() * 10 ** (-top_db / 10))
    margin = round(pad * sr)
    first = max(0, int(loud[0]) * size - margin)
    last = min(len(array), (int(loud[-1]) + 1) * size + margin)
    return array[first:last], first


def soft_limit(x: Any, threshold: float = 0.9) -> Samples:
    """Return sound whose samples above a threshold approach full scale and never pass it.

    It bends the wave and looks at samples only; :func:`sdialog.audio.peaks.limit_true_peak` does neither.

    Raises:
        UserError: if the threshold is not between 0 and 1.

    Example:
        >>> [round(float(one), 3) for one in soft_limit([0.5, 2.0, -2.0])]
        [0.5, 1.0, -1.0]
    """
    numpy = need("numpy", extra="audio", why="limit sound")
    if not 0 < threshold < 1:
        raise UserError(f"the threshold of a limiter is between 0 and 1, not {threshold!r}")
    array = numpy.asarray(x, dtype=numpy.float32)
    size = numpy.abs(array)
    bent = threshold + (1 - threshold) * numpy.tanh((size - threshold) / (1 - threshold))
    limited: Samples = numpy.where(size > threshold, numpy.sign(array) * bent, array).astype(numpy.float32)
    return limited


def colored_noise(n: int, rng: numpy.random.Generator, kind: str = "white", sr: int = 16000) -> Samples:
    """Return noise of a colour with RMS 1 and nothing below 50 Hz.

    Args:
        n: samples.
        rng: where the numbers come from.
        kind: ``white``, ``pink``, ``brown``, ``blue`` or ``speech_shaped``.
        sr: samples a second, by which 50 Hz is known.

    Raises:
        UnknownNameError: if the colour is another.
    """
    if kind not in COLOURS:
        raise UnknownNameError("colour of noise", kind, COLOURS)
    return set_rms(noises.get(kind)(n, sr, rng), 0.0)


def noise_from_files(path: str | Path, n: int, sr: int, rng: numpy.random.Generator) -> Samples:
    """Return a stretch of a recording with RMS 1, from a random place, going round without a seam.

    Args:
        path: a sound file, or a folder from which one is drawn.
        n: samples.
        sr: samples a second.
        rng: where the choices come from.

    Raises:
        FileNotFoundError: if there is no sound file.
        AudioError: if it is silent.
    """
    return set_rms(recorded_noise(path, n, sr, rng)[0], 0.0)


def add_noise(
    x: Any,
    sr: int,
    rng: numpy.random.Generator,
    snr_db: float = 20.0,
    kind: str | Path = "white",
    speech_level_db: float | None = None,
) -> tuple[Samples, dict[str, Any]]:
    """Return speech with noise, and what was added; see :func:`sdialog.audio.snr.noise_at`.

    The ratio holds in the band of speech: 80 to 7000 Hz, or to 0.45 times the rate.

    Example:
        >>> import numpy
        >>> speech = numpy.sin(numpy.arange(16000) * 0.3)
        >>> noisy, info = add_noise(speech, 16000, numpy.random.Generator(numpy.random.PCG64(1)), 10, "brown")
        >>> round(info["measured_snr"], 1)
        10.0
    """
    numpy = need("numpy", extra="audio", why="add noise")
    array = numpy.asarray(x, dtype=numpy.float32)
    added = noise_at(array, sr, rng, snr_db, kind, speech_level_db)
    return array + added.samples, added.json()


def telephone(x: Any, sr: int, codec: str = "g711", seed: int = 0) -> Samples:
    """Return speech after a codec of a telephone, as long and in time.

    Args:
        x: array of shape (n,).
        sr: samples a second.
        codec: name of a channel or a chain; see :func:`sdialog.audio.channels.channel_from`.
        seed: of whatever is random in it.

    Raises:
        UnknownNameError: if there is no such codec; names near ones.
        MissingDependencyError: if a package that it needs is not installed.
    """
    return channel_from(codec).apply(x, sr, seed).samples
