"""Levels of sound: of active speech, of the whole as ears weigh it, and how to set them.

Levels are dB against full scale: the RMS of a constant 1 is 0 dBFS. Loudness is in LUFS.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.peaks import SILENCE_DB, limit_true_peak
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

FRAME = 0.02
SPEECH_LEVEL_DB = -26.0
# The gated block of BS.1770; shorter sound is measured as one block.
BLOCK = 0.4
MOST_WEIGHED = 5
ROUNDS = 6
NEAR_ENOUGH = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Levelled:
    """Sound at a wanted loudness.

    Attributes:
        samples: array of the shape that was given, float32.
        rate: samples a second.
        requested: integrated loudness that was asked for, LUFS.
        loudness: what it is, LUFS; None for silence.
        gain_db: of the linear part.
        ceiling_db: what the true peak may reach, dBTP.
        true_peak_db: what it is, dBTP.
        reduction_db: the most that the limiter lowered the gain, dB.
        limited: share of the samples whose gain the limiter lowered.
        gains: array of shape (n,), what each sample was multiplied by, the linear part included.
    """

    samples: Samples
    rate: int
    requested: float
    loudness: float | None
    gain_db: float
    ceiling_db: float
    true_peak_db: float
    reduction_db: float
    limited: float
    gains: Samples

    def json(self) -> dict[str, Any]:
        """Return what was asked and what was reached, without the samples."""
        numbers = {name: getattr(self, name) for name in self.__slots__ if name not in ("samples", "rate", "gains")}
        return {name: value if value is None else round(value, 4) for name, value in numbers.items()}


def active_level_db(x: Any, sr: int, rel_db: float = 35.0) -> float:
    """Return the level of the parts of sound in which somebody speaks.

    It is the mean power of the 20 ms frames that are at most ``rel_db`` below the loudest: a simple relative of ITU-T
    P.56 (2011), which needs no state and gives the same value for a signal in any order of its frames.

    Args:
        x: array of shape (n,).
        sr: samples a second.
        rel_db: how far below the loudest frame speech may be.

    Returns:
        dBFS; -120 for silence or nothing.

    Raises:
        MissingDependencyError: if numpy is not installed.

    Example:
        >>> import numpy
        >>> tone = 0.1 * numpy.sqrt(2) * numpy.sin(numpy.arange(16000) * 0.5)
        >>> round(active_level_db(numpy.concatenate([tone, numpy.zeros(16000)]), 16000), 1)
        -20.0
    """
    powers = _frame_powers(x, sr)
    if not len(powers) or powers.max() <= 0:
        return SILENCE_DB
    active = powers[powers >= powers.max() * 10 ** (-rel_db / 10)]
    return max(SILENCE_DB, 10 * math.log10(float(active.mean())))


def set_active_level(x: Any, sr: int, target_db: float = SPEECH_LEVEL_DB) -> Samples:
    """Return sound whose active level is ``target_db`` dBFS; silence stays as it is.

    Example:
        >>> import numpy
        >>> speech = numpy.sin(numpy.arange(16000) / 3)
        >>> round(active_level_db(set_active_level(speech, 16000, -30), 16000), 3)
        -30.0
    """
    numpy = need("numpy", extra="audio", why="set levels")
    array: Samples = numpy.asarray(x, dtype=numpy.float32)
    level = active_level_db(array, sr)
    if level <= SILENCE_DB:
        return array
    changed: Samples = (array * 10 ** ((target_db - level) / 20)).astype(numpy.float32)
    return changed


def rms_db(samples: Any) -> float:
    """Return the level of all samples together in dBFS; -120 for silence or nothing.

    Example:
        >>> round(rms_db([0.1, -0.1, 0.1]), 6)
        -20.0
    """
    numpy = need("numpy", extra="audio", why="measure levels")
    array = numpy.asarray(samples, dtype=numpy.float64)
    power = float(numpy.mean(array**2)) if array.size else 0.0
    return max(SILENCE_DB, 10 * math.log10(power)) if power > 0 else SILENCE_DB


def set_rms(samples: Any, target_db: float = SPEECH_LEVEL_DB) -> Samples:
    """Return sound whose RMS is ``target_db`` dBFS; silence stays as it is.

    Example:
        >>> round(rms_db(set_rms([0.5, -0.5], -26.0)), 3)
        -26.0
    """
    numpy = need("numpy", extra="audio", why="set levels")
    array: Samples = numpy.asarray(samples, dtype=numpy.float32)
    level = rms_db(array)
    if level <= SILENCE_DB:
        return array
    changed: Samples = (array * 10 ** ((target_db - level) / 20)).astype(numpy.float32)
    return changed


def loudness_lufs(samples: Any, rate: int) -> float | None:
    """Return the integrated loudness of sound in LUFS (ITU-R BS.1770-4, 2015), or None for silence.

    Sound shorter than the 0.4 s of a gated block is measured as one block. The standard weighs up to five channels; of
    more, as an array of microphones has, the first counts.

    Args:
        samples: array of shape (n,) or (n, channels).
        rate: samples a second.

    Raises:
        MissingDependencyError: if pyloudnorm is not installed.

    Example:
        >>> import numpy
        >>> tone = numpy.sin(2 * numpy.pi * 997 * numpy.arange(48000) / 48000)
        >>> round(loudness_lufs(tone, 48000), 1)  # BS.1770: a full-scale sine at 997 Hz in one channel
        -3.0
    """
    numpy = need("numpy", extra="audio", why="measure loudness")
    pyloudnorm = need("pyloudnorm", extra="audio", why="measure loudness")
    array = numpy.asarray(samples, dtype=numpy.float64)
    if array.ndim == 2 and array.shape[1] > MOST_WEIGHED:
        array = array[:, 0]
    if len(array) < 2 or not numpy.any(array):
        return None
    # De Man's form of the K filter holds at every rate; the default of pyloudnorm is 0.04 to 0.2 LU off.
    meter = pyloudnorm.Meter(rate, filter_class="DeMan", block_size=min(BLOCK, (len(array) - 1) / rate))
    with warnings.catch_warnings(), numpy.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean over no gated block, answered below
        value = float(meter.integrated_loudness(array))
    return value if math.isfinite(value) else None


def to_loudness(samples: Any, rate: int, lufs: float, true_peak_db: float = -1.0) -> Levelled:
    """Return sound at an integrated loudness, with its true peak at or below a ceiling.

    A limiter takes some loudness away, so gain and limiter are applied again until the result is right. Where the
    ceiling forbids the loudness, the ceiling wins, and ``loudness`` says what was reached.

    Args:
        samples: array of shape (n,) or (n, channels).
        rate: samples a second.
        lufs: wanted integrated loudness, such as -23 (EBU R 128).
        true_peak_db: what the true peak may reach, dBTP, 0 or less.

    Raises:
        UserError: if a number is out of range.
        MissingDependencyError: if pyloudnorm is not installed.

    Example:
        >>> import numpy
        >>> noise = numpy.random.Generator(numpy.random.PCG64(1)).normal(0, 0.01, 32000)
        >>> result = to_loudness(noise, 16000, -23.0, -1.0)
        >>> abs(result.loudness + 23) < 0.1 and result.true_peak_db <= -1
        True
    """
    numpy = need("numpy", extra="audio", why="set loudness")
    if isinstance(lufs, bool) or not isinstance(lufs, (int, float)) or not -70 < lufs <= 0:
        raise UserError(f"loudness is a number of LUFS above -70 and up to 0, such as -23, not {lufs!r}")
    array = numpy.asarray(samples, dtype=numpy.float32)
    before = loudness_lufs(array, rate)
    if before is None:
        limited = limit_true_peak(array, rate, true_peak_db)
        peak, lowered = limited.true_peak_db, limited.reduction_db
        return Levelled(
            limited.samples, rate, lufs, None, 0.0, true_peak_db, peak, lowered, limited.share, limited.gains
        )
    gain_db, reached, best = lufs - before, before, None
    for _round in range(ROUNDS):
        limited = limit_true_peak(array * numpy.float32(10 ** (gain_db / 20)), rate, true_peak_db)
        measured = loudness_lufs(limited.samples, rate)
        reached = SILENCE_DB if measured is None else measured
        if best is None or abs(reached - lufs) < abs(best[1] - lufs):
            best = (limited, reached, gain_db)
        if abs(reached - lufs) <= NEAR_ENOUGH or limited.reduction_db > 24:
            break
        gain_db += lufs - reached
    assert best is not None
    limited, reached, gain_db = best
    return Levelled(
        limited.samples,
        rate,
        lufs,
        reached,
        gain_db,
        true_peak_db,
        limited.true_peak_db,
        limited.reduction_db,
        limited.share,
        limited.gains * numpy.float32(10 ** (gain_db / 20)),
    )


def _frame_powers(x: Any, sr: int) -> Any:
    numpy = need("numpy", extra="audio", why="measure levels")
    array = numpy.asarray(x)
    array = array if array.dtype == numpy.float32 else array.astype(numpy.float64)
    if array.ndim != 1:
        raise UserError(f"the level of speech is measured in one channel, an array of shape (n,), not {array.shape}")
    if not len(array):
        return numpy.zeros(0)
    size = max(1, min(len(array), round(FRAME * sr)))
    whole = len(array) // size * size
    frames = array[:whole].reshape(-1, size)
    return numpy.einsum("ij,ij->i", frames, frames).astype(numpy.float64) / size
