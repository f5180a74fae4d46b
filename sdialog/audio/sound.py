"""Sound as plain data: samples, and when each word in them is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Samples = NDArray[numpy.float32]


@dataclass(frozen=True, slots=True)
class Phoneme:
    """A sound of speech.

    Attributes:
        symbol: what the engine calls it.
        start: seconds from the beginning of the clip.
        end: seconds from the beginning of the clip.
    """

    symbol: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a turn's text and when it is said.

    Attributes:
        text: the word as the dialog writes it, with its punctuation.
        start: seconds from the beginning of the clip.
        end: seconds from the beginning of the clip.
        phonemes: the sounds in it, where the engine tells them.
    """

    text: str
    start: float
    end: float
    phonemes: tuple[Phoneme, ...] = ()

    def moved(self, seconds: float) -> Word:
        """Return the word, so many seconds later."""
        sounds = tuple(Phoneme(one.symbol, one.start + seconds, one.end + seconds) for one in self.phonemes)
        return Word(self.text, self.start + seconds, self.end + seconds, sounds)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One utterance as sound.

    Attributes:
        samples: array of shape (n,), float32, full scale is 1.
        rate: samples a second.
        words: the words with their times, in order; empty where the engine tells no times.

    Raises:
        UserError: if the samples are not one channel, or the rate is not a positive integer.

    Example:
        >>> import numpy
        >>> clip = Clip(numpy.zeros(16000, dtype=numpy.float32), 16000, (Word("Hello.", 0.1, 0.5),))
        >>> clip.duration
        1.0
    """

    samples: Samples
    rate: int
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        if getattr(self.samples, "ndim", None) != 1:
            shape = getattr(self.samples, "shape", type(self.samples).__name__)
            raise UserError(f"a clip is one channel, an array of shape (samples,), not {shape}")
        if not isinstance(self.rate, int) or self.rate < 1:
            raise UserError(f"a sample rate is a positive whole number of samples a second, not {self.rate!r}")

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate

    def resampled(self, rate: int) -> Clip:
        """Return the clip at another rate (soxr, very high quality); word times stay.

        Raises:
            MissingDependencyError: if soxr is not installed.
        """
        if rate == self.rate:
            return self
        return Clip(resample(self.samples, self.rate, rate), rate, self.words)


def resample(samples: Any, rate: int, wanted: int) -> Samples:
    """Return samples at another rate, without delay.

    Args:
        samples: array of shape (n,) or (n, channels).
        rate: samples a second now.
        wanted: samples a second of the result.

    Raises:
        MissingDependencyError: if soxr is not installed.

    Example:
        >>> import numpy
        >>> resample(numpy.zeros(22050, dtype=numpy.float32), 22050, 16000).shape
        (16000,)
    """
    numpy = need("numpy", extra="audio", why="work with sound")
    if rate == wanted:
        same: Samples = numpy.asarray(samples, dtype=numpy.float32)
        return same
    soxr = need("soxr", extra="audio", why="change the sample rate of sound")
    changed: Samples = soxr.resample(numpy.asarray(samples, dtype=numpy.float32), rate, wanted, quality="VHQ")
    return changed


def mono(samples: Any) -> Samples:
    """Return one channel: the mean of those there are.

    Args:
        samples: array of shape (n,) or (n, channels), of any number type; integers are scaled to full scale 1.
    """
    numpy = need("numpy", extra="audio", why="work with sound")
    array = numpy.asarray(samples)
    if numpy.issubdtype(array.dtype, numpy.integer):
        array = array / -float(numpy.iinfo(array.dtype).min)
    if array.ndim == 2:
        array = array.mean(axis=1)
    one: Samples = array.astype(numpy.float32)
    return one


def words_evenly(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Return the words of a text, spread over a span of time by their lengths.

    For engines that tell no times; it is a guess, and whoever uses it says so.

    Example:
        >>> [(word.text, round(word.start, 2)) for word in words_evenly("Oh hello", 0.0, 1.0)]
        [('Oh', 0.0), ('hello', 0.29)]
    """
    parts: Sequence[str] = text.split()
    total = sum(len(part) for part in parts)
    words, now = [], start
    for part in parts:
        until = now + (end - start) * len(part) / total
        words.append(Word(part, now, until))
        now = until
    return tuple(words)
