"""How hard a text is to read: the classical formulas, for English."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from sdialog.evaluation.metrics.features import Feature, FeatureScore
from sdialog.evaluation.metrics.text import mostly_latin, sentences, syllables, words
from sdialog.evaluation.metrics.transcript import Transcript

_LINSEAR_SAMPLE = 100


@dataclass(frozen=True)
class Passage:
    """What the formulas are computed from.

    Attributes:
        sentences: words of each sentence.
    """

    sentences: list[list[str]]

    @classmethod
    def of(cls, text: str) -> Passage:
        """Return a text's sentences; a line ends a sentence."""
        return cls([found for sentence in sentences(text) if (found := words(sentence))])

    @cached_property
    def words(self) -> list[str]:
        """All words."""
        return [word for sentence in self.sentences for word in sentence]

    @cached_property
    def readable(self) -> bool:
        """Whether there are words, mostly in Latin letters: formulas for English say nothing of other scripts."""
        return mostly_latin(self.words)

    @cached_property
    def syllables(self) -> list[int]:
        """Syllables of each word."""
        return list(map(syllables, self.words))

    @property
    def sentence_length(self) -> float:
        """Words in a sentence, on average."""
        return len(self.words) / len(self.sentences)

    @property
    def long_words(self) -> int:
        """How many words have three or more syllables."""
        return sum(count >= 3 for count in self.syllables)


def gunning_fog(text: Passage) -> float | None:
    """Gunning (1952): 0.4 (words / sentences + 100 words of three or more syllables / words); years of school.

    Gunning's exceptions (names, compounds, words long by a suffix) need a dictionary and are not made.
    """
    if not text.readable:
        return None
    return 0.4 * (text.sentence_length + 100 * text.long_words / len(text.words))


def flesch_reading_ease(text: Passage) -> float | None:
    """Flesch (1948): 206.835 - 1.015 words / sentences - 84.6 syllables / words; higher is easier."""
    if not text.readable:
        return None
    return 206.835 - 1.015 * text.sentence_length - 84.6 * sum(text.syllables) / len(text.words)


def coleman_liau(text: Passage) -> float | None:
    """Coleman and Liau (1975): 0.0588 L - 0.296 S - 15.8, letters and sentences a hundred words; a school grade."""
    if not text.readable:
        return None
    together = "".join(text.words)
    letters = len(together) - sum(map(together.count, "'’-"))
    per_hundred = 100 / len(text.words)
    return 0.0588 * letters * per_hundred - 0.296 * len(text.sentences) * per_hundred - 15.8


def linsear_write(text: Passage) -> float | None:
    """Linsear Write, as O'Hayre (1966) gives it: on a sample of 100 words, a school grade.

    Words of up to two syllables count 1, others 3; the sum over the sample's sentences is halved if it is above 20,
    else lowered by 2 and halved. The sample is the first 100 words and whole sentences to hold them, or the whole text
    if it is shorter.
    """
    if not text.readable:
        return None
    sample: list[str] = []
    count = 0
    for sentence in text.sentences:
        sample += sentence
        count += 1
        if len(sample) >= _LINSEAR_SAMPLE:
            break
    points = sum(1 if syllables(word) <= 2 else 3 for word in sample) / count
    return points / 2 if points > 20 else (points - 2) / 2


def dale_chall_proxy(text: Passage) -> float | None:
    """A stand-in for Dale and Chall (1948): their formula, with long words in place of words not on their list.

    0.1579 p + 0.0496 words / sentences, plus 3.6365 if p is above 5, where p is the percentage of words of more than
    seven letters or at least three syllables. The list of 3,000 familiar words itself is not free to be shipped.
    """
    if not text.readable:
        return None
    hard = sum(len(word) > 7 or count >= 3 for word, count in zip(text.words, text.syllables, strict=True))
    percent = 100 * hard / len(text.words)
    return 0.1579 * percent + 0.0496 * text.sentence_length + (3.6365 if percent > 5 else 0.0)


class ReadabilityScore(FeatureScore[Passage]):
    """Readability of what is said, without the speakers' labels; every turn ends a sentence.

    The formulas are for English and for running prose: on dialog they mostly follow the length of turns, so compare
    only dialogs of one kind. They have no value without a word, or where most words are not in Latin letters.

    Args:
        feature: one or several of ``gunning-fog``, ``flesch-reading-ease``, ``coleman-liau``, ``linsear-write``,
            ``dale-chall`` (a proxy, see :func:`dale_chall_proxy`); None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(text="The cat sat on the mat. It was happy.")])
        >>> round(ReadabilityScore("flesch-reading-ease")(dialog), 2)
        108.27
    """

    own_name = "readability_score"
    features: ClassVar[dict[str, tuple[str, Feature[Passage]]]] = {
        "gunning-fog": ("gunning_fog", gunning_fog),
        "flesch-reading-ease": ("flesch_reading_ease", flesch_reading_ease),
        "coleman-liau": ("coleman_liau", coleman_liau),
        "linsear-write": ("linsear_write", linsear_write),
        "dale-chall": ("dale_chall", dale_chall_proxy),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Passage:
        """Return what the formulas are computed from."""
        return Passage([sentence for number in transcript.own for sentence in transcript.sentences[number]])

    @staticmethod
    def calculate_gunning_fog(text: str) -> float | None:
        """Return the Fog index of a text."""
        return gunning_fog(Passage.of(text))

    @staticmethod
    def calculate_flesch_reading_ease(text: str) -> float | None:
        """Return the reading ease of a text."""
        return flesch_reading_ease(Passage.of(text))

    @staticmethod
    def calculate_coleman_liau(text: str) -> float | None:
        """Return the Coleman-Liau index of a text."""
        return coleman_liau(Passage.of(text))

    @staticmethod
    def calculate_linsear_write(text: str) -> float | None:
        """Return the Linsear Write grade of a text."""
        return linsear_write(Passage.of(text))

    @staticmethod
    def calculate_dale_chall(text: str) -> float | None:
        """Return the Dale-Chall proxy of a text."""
        return dale_chall_proxy(Passage.of(text))


class GunningFogScore(ReadabilityScore):
    """Gunning's Fog index; see :class:`ReadabilityScore`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("gunning-fog", name, speaker)


class FleschReadingEaseScore(ReadabilityScore):
    """Flesch's reading ease; see :class:`ReadabilityScore`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("flesch-reading-ease", name, speaker)


class ColemanLiauScore(ReadabilityScore):
    """Coleman and Liau's index; see :class:`ReadabilityScore`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("coleman-liau", name, speaker)


class LinsearWriteScore(ReadabilityScore):
    """Linsear Write; see :class:`ReadabilityScore`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("linsear-write", name, speaker)


class DaleChallScore(ReadabilityScore):
    """A stand-in for Dale and Chall's formula; see :class:`ReadabilityScore`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("dale-chall", name, speaker)
