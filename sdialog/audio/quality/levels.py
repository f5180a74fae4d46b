"""How loud a recording is: as a whole, for each speaker, and against the background."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sdialog.audio.labels import Labels
from sdialog.audio.levels import active_level_db, loudness_lufs
from sdialog.audio.peaks import true_peak_db
from sdialog.core.optional import need

FULL_SCALE = 1 - 2**-15
_TAIL = 0.2  # seconds after speech that do not tell the background


@dataclass(frozen=True)
class LevelMeasures:
    """How loud a recording is.

    Attributes:
        loudness: integrated, LUFS (ITU-R BS.1770); None for silence.
        true_peak_db: dBTP.
        clipped: share of the samples at full scale (at least 1 - 2^-15, the greatest number of 16 bits).
        offset: greatest mean of a channel, full scale 1.
        speech_db: active level of each speaker in dBFS, where nobody else speaks; None where that is never.
        noise_db: RMS of the background, from 0.2 s after speech until the next, dBFS; None where there is none.
        snr_db: by how much the speech is above the background, dB; None where either is unknown. The end of a long
            reverberation counts as background.
    """

    loudness: float | None
    true_peak_db: float
    clipped: float
    offset: float
    speech_db: Mapping[str, float | None]
    noise_db: float | None
    snr_db: float | None

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def levels(audio: Any, rate: int, labels: Labels) -> LevelMeasures:
    """Return how loud a recording is.

    Args:
        audio: array of shape (n,) or (n, channels).
        rate: samples a second.
        labels: of the recording.

    Raises:
        MissingDependencyError: if numpy, scipy or pyloudnorm is not installed.

    Example:
        >>> import numpy
        >>> from sdialog.audio.segments import Island
        >>> noise = numpy.random.Generator(numpy.random.PCG64(1)).normal(0, 0.001, 48000)
        >>> noise[16000:32000] += 0.1 * numpy.sin(numpy.arange(16000))
        >>> found = levels(noise, 16000, Labels([], [Island("Ann", 1.0, 2.0)], 16000, 3.0))
        >>> round(found.noise_db), round(found.snr_db), round(found.speech_db["Ann"])
        (-60, 37, -23)
    """
    numpy = need("numpy", extra="audio", why="measure levels")
    array = numpy.asarray(audio, dtype=numpy.float32)
    columns = array[:, None] if array.ndim == 1 else array
    speech: dict[str, float | None] = {}
    for speaker in labels.speakers:
        own = labels.of(speaker).islands
        channel = next((one.channel for one in own if one.channel is not None), None)
        others = [
            (one.start, one.end)
            for one in labels.islands
            if one.speaker != speaker and (channel is None or one.channel in (None, channel))
        ]
        alone = _mask(len(columns), rate, [(one.start, one.end) for one in own]) & ~_mask(len(columns), rate, others)
        speech[speaker] = active_level_db(columns[alone, channel or 0], rate) if alone.any() else None
    quiet = ~_mask(len(columns), rate, [(one.start, one.end + _TAIL) for one in labels.islands])
    power = float(numpy.mean(numpy.square(columns[quiet], dtype=numpy.float64))) if quiet.any() else 0.0
    noise = 10 * math.log10(power) if power > 0 else None
    known = [value for value in speech.values() if value is not None]
    return LevelMeasures(
        loudness=loudness_lufs(array if columns.shape[1] <= 5 else columns[:, 0], rate),
        true_peak_db=true_peak_db(array),
        clipped=float((numpy.abs(columns) >= FULL_SCALE).mean()) if columns.size else 0.0,
        offset=float(numpy.abs(columns.mean(axis=0, dtype=numpy.float64)).max()) if columns.size else 0.0,
        speech_db=speech,
        noise_db=noise,
        snr_db=_above(known, noise),
    )


def _above(speech: list[float], noise: float | None) -> float | None:
    if not speech or noise is None:
        return None
    power = sum(10 ** (level / 10) for level in speech) / len(speech) - 10 ** (noise / 10)
    return 10 * math.log10(power) - noise if power > 0 else None


def _mask(length: int, rate: int, spans: Iterable[tuple[float, float]]) -> Any:
    numpy = need("numpy", extra="audio", why="measure levels")
    mask = numpy.zeros(length, dtype=bool)
    for start, end in spans:
        mask[max(0, round(start * rate)) : max(0, round(end * rate))] = True
    return mask
