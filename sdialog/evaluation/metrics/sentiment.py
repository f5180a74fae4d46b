"""The mood of what is said, by a word list, and its course through a dialog."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, ClassVar

from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.text import mean, mostly_latin, sentences, words
from sdialog.evaluation.metrics.transcript import Transcript
from sdialog.evaluation.metrics.wordlists import Phrases, word_list

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_REACH = 3  # words that a negation reaches over
_NEGATED = -0.75  # "not bad" is good, but less so than "good"
_STRONGER, _WEAKER = 1.4, 0.6
_HALFWAY = 15.0  # so that one word of weight 3 gives 0.61, and no sum exceeds 1
_SMALLEST_COURSE = 3


@dataclass(frozen=True)
class Lexicon:
    """The word list, ready to look in."""

    weights: dict[str, float]
    negations: frozenset[str]
    factors: dict[str, float]
    neutral: Phrases


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the word list."""
    entries = word_list("sentiment")
    weights = {word: float(title) for title, found in entries.items() if title.lstrip("-").isdigit() for word in found}
    strong = dict.fromkeys(entries["intensifiers"], _STRONGER)
    factors = strong | dict.fromkeys(entries["downtoners"], _WEAKER)
    return Lexicon(weights, frozenset(entries["negations"]), factors, Phrases(entries["without a mood"]))


def sentiment(text: str) -> float | None:
    """Return the mood of an English text, -1 to 1; 0 if no word has one, None if most words are not in Latin letters.

    The weights of its words are summed to s; the mood is s / sqrt(s * s + 15), the form of Hutto and Gilbert (2014),
    ICWSM. The words and their weights, 3 to -3, are sdialog's own. A negation among the three words before turns a
    weight round and takes a quarter off it, an intensifier just before adds to it, a downtoner takes from it.

    Example:
        >>> [round(sentiment(text), 2) for text in ("I love it!", "Not good.", "Where is it?")]
        [0.61, -0.36, 0.0]
    """
    return _mood([words(part) for part in sentences(text.lower().replace("’", "'"))])


def _mood(parts: Sequence[Sequence[str]]) -> float | None:
    if not mostly_latin(list(chain.from_iterable(parts))):
        return None
    total, known = 0.0, lexicon().weights
    for part in parts:
        if not known.keys().isdisjoint(part):
            total += sum(map(_weight, repeat(part), _places(part)))
    return total / math.sqrt(total * total + _HALFWAY)


def _places(part: Sequence[str]) -> list[int]:
    """Return the places of the words with a mood, without what only makes the next one stronger, as in "pretty bad"."""
    known = lexicon()
    neutral = known.neutral.places(part)
    found = [place for place, word in enumerate(part) if word in known.weights and place not in neutral]
    modified = {place - 1 for place in found}
    return [place for place in found if not (part[place] in known.factors and place in modified)]


def _weight(part: Sequence[str], place: int) -> float:
    """Return the weight of a word in its sentence."""
    known = lexicon()
    before = part[max(0, place - _REACH) : place]
    weight = known.weights[part[place]]
    if before:
        weight *= known.factors.get(before[-1], 1.0)
    negated = any(word in known.negations or word.endswith("n't") for word in before)
    return weight * _NEGATED if negated else weight


def slope(numbers: Sequence[float]) -> float | None:
    """Return the slope of the line through numbers by least squares, their places running from 0 to 1.

    It is the change over the whole row that the line shows. None for fewer than two numbers.

    Example:
        >>> slope([0.0, 0.5, 1.0]), slope([3.0])
        (1.0, None)
    """
    last = len(numbers) - 1
    if last < 1:
        return None
    middle = math.fsum(numbers) / len(numbers)
    spread = math.fsum((place / last - 0.5) ** 2 for place in range(len(numbers)))
    return math.fsum((place / last - 0.5) * (number - middle) for place, number in enumerate(numbers)) / spread


@dataclass(frozen=True)
class Course:
    """What the features are computed from."""

    transcript: Transcript

    @cached_property
    def moods(self) -> list[float]:
        """The mood of each turn that counts and has one, in order."""
        straight = self.transcript.plain_sentences
        found = (_mood(straight[number]) for number in self.transcript.own)
        return [mood for mood in found if mood is not None]

    @property
    def third(self) -> int:
        """Number of turns in the first and in the last third; 0 if there are too few for thirds."""
        return len(self.moods) // 3 if len(self.moods) >= _SMALLEST_COURSE else 0


def _start(course: Course) -> float | None:
    return mean(course.moods[: course.third])


def _end(course: Course) -> float | None:
    return mean(course.moods[-course.third :]) if course.third else None


def _change(course: Course) -> float | None:
    start, end = _start(course), _end(course)
    return None if start is None or end is None else end - start


class SentimentTrajectory(FeatureScore[Course]):
    """The mood of what is said and its course, by English word lists; each turn's is :func:`sentiment`.

    Turns that are not mostly in Latin letters are left out. The start and the end need three turns with one, the
    slope two.

    Args:
        feature: one or several of ``sentiment`` (mean over turns), ``sentiment-start`` and ``sentiment-end`` (mean over
            the first and the last third of the turns), ``sentiment-change`` (end less start), ``sentiment-slope`` (see
            :func:`slope`), ``sentiment-lowest``; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> texts = ["This is terrible.", "I am sorry. Let me look.", "It works now, thank you, wonderful!"]
        >>> dialog = Dialog(turns=[Turn(speaker="AB"[n % 2], text=text) for n, text in enumerate(texts)])
        >>> SentimentTrajectory("sentiment-change")(dialog) > 1
        True
    """

    own_name = "sentiment_trajectory"
    features: ClassVar[dict[str, tuple[str, Feature[Course]]]] = {
        "sentiment": (
            "sentiment",
            described("Mean mood of the turns by English word lists, -1 to 1.", lambda course: mean(course.moods)),
        ),
        "sentiment-start": ("sentiment_start", described("Mean mood of the first third of the turns.", _start)),
        "sentiment-end": ("sentiment_end", described("Mean mood of the last third of the turns.", _end)),
        "sentiment-change": (
            "sentiment_change",
            described("Mean mood of the last third of the turns less that of the first.", _change),
        ),
        "sentiment-slope": (
            "sentiment_slope",
            described(
                "Change of the mood over the dialog, by the line of least squares.", lambda course: slope(course.moods)
            ),
        ),
        "sentiment-lowest": (
            "sentiment_lowest",
            described("Mood of the turn with the worst.", lambda course: min(course.moods, default=None)),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Course:
        """Return what the features are computed from."""
        return Course(transcript)


class TurnSentiment(BaseDialogScore):
    """The mood of each turn, see :func:`sentiment`: a list, so that evaluators see all turns.

    Args:
        name: what it is called in tables.
        speaker: only this speaker's turns.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> [round(mood, 2) for mood in TurnSentiment()(Dialog(turns=[Turn(text="Great!"), Turn(text="Bad.")]))]
        [0.46, -0.46]
    """

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__(name or "turn-sentiment", ai_speaker=speaker)

    def score(self, dialog: Dialog) -> list[float] | None:
        """Return the mood of each turn that has one, None if none has."""
        return Course(Transcript.of(dialog, self.ai_speaker)).moods or None
