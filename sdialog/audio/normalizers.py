"""Normalizers of texts and levels, one step each, as published; engines without one use ``speech_text.read``."""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.audio.speech_text.reading import ASCII_MARKS
from sdialog.core.errors import MissingDependencyError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

_STAGE = re.compile(r"<\s*stage\b[^>]*?(?:/\s*>|>.*?<\s*/\s*stage\s*>)", re.IGNORECASE | re.DOTALL)
_EVENT = re.compile(r"\[[^\[\]]*\]")
_ASCII = str.maketrans(ASCII_MARKS)


def normalize_audio(audio: Any, target_rms: float = 0.05) -> Samples:
    """Return samples whose root mean square is the target.

    Args:
        audio: array of any shape; silence is returned as it is.
        target_rms: of full scale 1; 0.05 is -26 dBFS.

    Raises:
        UserError: if the target is not positive.
        MissingDependencyError: if numpy is not installed.

    Example:
        >>> import numpy
        >>> loud = normalize_audio(numpy.array([0.5, -0.5], dtype=numpy.float32), 0.1)
        >>> [round(float(value), 3) for value in loud]
        [0.1, -0.1]
    """
    if not target_rms > 0:
        raise UserError(f"target_rms is a positive share of full scale, not {target_rms!r}")
    numpy = need("numpy", extra="audio", why="set levels")
    samples = numpy.asarray(audio, dtype=numpy.float32)
    # In float64: the squares of quiet samples would lose their digits.
    power = float(numpy.mean(numpy.square(samples, dtype=numpy.float64))) if samples.size else 0.0
    scaled: Samples = samples if power == 0.0 else (samples * (target_rms / power**0.5)).astype(numpy.float32)
    return scaled


class TextNormalizer(ABC):
    """A step from a written text to a spoken one: a subclass writes :meth:`normalize`."""

    @abstractmethod
    def normalize(self, text: str) -> str:
        """Return the text after this step."""


def normalize_text(text: str, normalizers: Sequence[TextNormalizer | type[TextNormalizer]]) -> str:
    """Return a text after each step, in order.

    Args:
        text: of a turn.
        normalizers: the steps, or their classes.

    Raises:
        TypeError: if one is not a normalizer.

    Example:
        >>> normalize_text("Hi [cough]\\nThere", [AudioEventTagsNormalizer(), DocumentFormatNormalizer()])
        'Hi There'
    """
    for given in normalizers:
        step = given() if isinstance(given, type) else given
        if not isinstance(step, TextNormalizer):
            raise TypeError(f"a text normalizer extends TextNormalizer; {step!r} does not")
        text = step.normalize(text)
    return text


class LowercaseNormalizer(TextNormalizer):
    """Writes everything in lower case.

    Example:
        >>> LowercaseNormalizer().normalize("HELLO You")
        'hello you'
    """

    def normalize(self, text: str) -> str:
        """Return the text in lower case."""
        return text.lower()


class StageNormalizer(TextNormalizer):
    """Removes stage tags, in either case, with what they enclose.

    Example:
        >>> StageNormalizer().normalize("Well, <STAGE>sits down</STAGE> tell me.")
        'Well, tell me.'
    """

    def normalize(self, text: str) -> str:
        """Return the text without stage tags."""
        return _closed_up(_STAGE.sub(" ", text), text)


class AudioEventTagsNormalizer(TextNormalizer):
    """Removes sounds in square brackets.

    Example:
        >>> AudioEventTagsNormalizer().normalize("Yes [door|far] come in [laughs].")
        'Yes come in.'
    """

    def normalize(self, text: str) -> str:
        """Return the text without brackets and what is in them."""
        return _closed_up(_EVENT.sub(" ", text), text)


class DocumentFormatNormalizer(TextNormalizer):
    """Puts a text on one line, a single space between its words.

    Example:
        >>> DocumentFormatNormalizer().normalize("one\\ntwo\\t three")
        'one two three'
    """

    def normalize(self, text: str) -> str:
        """Return the text on one line."""
        return " ".join(text.split())


class ReplaceCommaWithDotNormalizer(TextNormalizer):
    """Writes a full stop for each comma, for engines that pause at full stops alone; commas in numbers stay.

    Example:
        >>> ReplaceCommaWithDotNormalizer().normalize("Yes, 1,000 of them")
        'Yes. 1,000 of them'
    """

    def normalize(self, text: str) -> str:
        """Return the text with full stops for commas."""
        return re.sub(r",(?!\d)|(?<!\d),", ".", text)


class UnicodeToAsciiNormalizer(TextNormalizer):
    """Writes typographic quotes, dashes, spaces, dots, ligatures and fractions in ASCII; accents and emoji stay.

    Example:
        >>> UnicodeToAsciiNormalizer().normalize("“Café”… it’s 5°")
        '"Café"... it\\'s 5 degrees'
    """

    def normalize(self, text: str) -> str:
        """Return the text with plain marks."""
        return text.translate(_ASCII)


class WhisperNormalizer(TextNormalizer):
    """The English text normaliser of Whisper, from the package ``whisper-normalization``.

    Raises:
        MissingDependencyError: if the package is not installed.
    """

    def __init__(self) -> None:
        try:
            package: Any = importlib.import_module("whisper_normalization")
        except ImportError as error:
            raise MissingDependencyError(
                "whisper-normalization is needed to write as Whisper's scoring does and is not installed. "
                "Install it with: pip install whisper-normalization"
            ) from error
        self._normalize = package.EnglishTextNormalizer()

    def normalize(self, text: str) -> str:
        """Return the text as Whisper's scoring writes it."""
        return str(self._normalize(text))


def _closed_up(text: str, before: str) -> str:
    """Close the holes that removed tags leave; a text without tags stays as it is."""
    return text if text == before else re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))
