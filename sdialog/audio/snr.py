"""Noise set against speech: a signal-to-noise ratio in the band of speech, on the parts where somebody speaks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.files import SUFFIXES
from sdialog.audio.levels import SPEECH_LEVEL_DB, active_level_db
from sdialog.audio.noises.base import in_band, in_band_power, noise_band, noises
from sdialog.audio.noises.recorded import recorded_noise
from sdialog.audio.peaks import SILENCE_DB
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

DEFAULT_KIND = "white"
DEFAULT_SNR_DB = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class AddedNoise:
    """A noise at the level at which it is added to speech.

    Attributes:
        samples: the noise alone, (n,) float32.
        kind: its name, or ``recorded``.
        snr_db: signal-to-noise ratio that was asked for.
        measured_snr_db: what it is, measured on the speech that was given; None where that was silent.
        speech_level_db: active level of the speech in the band, dBFS.
        band: lowest and highest frequency that are compared, Hz.
        source: of a recorded noise, the file and the offset in seconds.
        options: of the noise.
    """

    samples: Samples
    kind: str
    snr_db: float
    measured_snr_db: float | None
    speech_level_db: float
    band: tuple[float, float]
    source: Mapping[str, Any]
    options: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        """Return everything but the samples."""
        measured = None if self.measured_snr_db is None else round(self.measured_snr_db, 3)
        data: dict[str, Any] = {
            "type": self.kind,
            "snr": self.snr_db,
            "measured_snr": measured,
            "speech_level_db": round(self.speech_level_db, 3),
            "noise_level_db": round(self.speech_level_db - self.snr_db, 3),
            "band": list(self.band),
        }
        plain = {name: value for name, value in self.options.items() if isinstance(value, (int, float, str, bool))}
        return {**data, **self.source, **plain}


def in_band_snr_db(
    speech: Any, noise: Any, rate: int, *, speech_level_db: float | None = None, band: tuple[float, float] | None = None
) -> float | None:
    """Return the signal-to-noise ratio of speech and noise in the band of speech, in dB.

    It compares the active level of the speech in the band (see :func:`~sdialog.audio.levels.active_level_db`) with the
    mean power of the noise in the band. The band goes from 80 Hz to 7000 Hz, or to 0.45 times the rate: noise below
    it, which ears and microphones do not take for a disturbance of speech, does not count.

    Args:
        speech: array of shape (n,), without noise.
        noise: array of shape (m,), without speech.
        rate: samples a second of both.
        speech_level_db: of the speech in the band, where it is known, dBFS.
        band: another one, Hz.

    Returns:
        dB, or None if one of the two is silent.

    Example:
        >>> import numpy
        >>> tone = numpy.sin(numpy.arange(16000) * 0.3)
        >>> round(in_band_snr_db(tone, 0.1 * tone, 16000), 1)
        20.0
    """
    level = active_level_db(in_band(speech, rate, band), rate) if speech_level_db is None else speech_level_db
    power = in_band_power(noise, rate, band)
    if level <= SILENCE_DB or power <= 1e-20:
        return None
    return level - 10 * math.log10(power)


def noise_at(
    speech: Any,
    rate: int,
    generator: numpy.random.Generator,
    snr_db: float = DEFAULT_SNR_DB,
    kind: str | Path = DEFAULT_KIND,
    speech_level_db: float | None = None,
    **options: Any,
) -> AddedNoise:
    """Return a noise as long as some speech, at a signal-to-noise ratio in the band of speech.

    Args:
        speech: array of shape (n,).
        rate: samples a second.
        generator: where the noise is drawn from.
        snr_db: wanted ratio; see :func:`in_band_snr_db`.
        kind: name of a noise, or a sound file, or a folder of them.
        speech_level_db: active level of the speech in the band, dBFS, where the speech given is not what counts; silent
            speech is taken as -26 dBFS.
        options: of the noise.

    Raises:
        UnknownNameError: if the kind is neither a noise nor a path.
        UserError: if the ratio is no number, or the noise has no such option.

    Example:
        >>> import numpy
        >>> draw = numpy.random.Generator(numpy.random.PCG64(1))
        >>> speech = 0.1 * numpy.sin(numpy.arange(16000) * 0.3)
        >>> added = noise_at(speech, 16000, draw, 10, "brown")
        >>> round(added.measured_snr_db, 1)
        10.0
    """
    numpy = need("numpy", extra="audio", why="make noise")
    if isinstance(snr_db, bool) or not isinstance(snr_db, (int, float)) or not math.isfinite(snr_db):
        raise UserError(f"a signal-to-noise ratio is a number of dB such as 20, not {snr_db!r}")
    name, made, source = _made(str(kind), len(speech), rate, generator, options)
    level = active_level_db(in_band(speech, rate), rate) if speech_level_db is None else speech_level_db
    heard = level > SILENCE_DB
    if not heard:
        level = SPEECH_LEVEL_DB
    scaled: Samples = numpy.asarray(made, dtype=numpy.float32) * numpy.float32(10 ** ((level - snr_db) / 20))
    return AddedNoise(
        samples=scaled,
        kind=name,
        snr_db=float(snr_db),
        measured_snr_db=in_band_snr_db(speech, scaled, rate, speech_level_db=level) if heard else None,
        speech_level_db=level,
        band=noise_band(rate),
        source=source,
        options=options,
    )


def check_noise(kind: str, options: Mapping[str, Any]) -> str:
    """Return the kind of a noise, having made sure that it can be made.

    Args:
        kind: name of a noise, or a sound file, or a folder of them.
        options: of the noise.

    Raises:
        UnknownNameError: if the kind is neither a noise nor a path.
        FileNotFoundError: if there is no such file.
        UserError: if the noise has no such option.

    Example:
        >>> check_noise("pink", {})
        'pink'
    """
    if kind not in noises:
        if "/" not in kind and not kind.lower().endswith(SUFFIXES) and not Path(kind).exists():
            hint = "A sound file or a folder of them serves too."
            raise UnknownNameError("noise", kind, noises.names(), hint)
        if not Path(kind).exists():
            raise FileNotFoundError(f"there is no sound file or folder {kind} to take noise from")
        if options:
            raise UserError(f"a recorded noise has no options, and {', '.join(options)} is given")
        return kind
    try:
        inspect.signature(noises.get(kind)).bind(0, 0, None, **options)
    except TypeError as error:
        raise UserError(f"the noise {kind!r} has no such option, or lacks one: {error}") from error
    return kind


def _made(kind: str, n: int, rate: int, generator: Any, options: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    if check_noise(kind, options) not in noises:
        samples, source = recorded_noise(kind, n, rate, generator)
        return "recorded", samples, source
    if kind == "recorded" and "path" in options:
        samples, source = recorded_noise(options["path"], n, rate, generator)
        return kind, samples, source
    return kind, noises.get(kind)(n, rate, generator, **options), {}
