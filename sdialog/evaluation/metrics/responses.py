"""How turns answer turns: the length of replies, and what becomes of questions."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.politeness import is_courtesy
from sdialog.evaluation.metrics.text import mean, sentences, words
from sdialog.evaluation.metrics.transcript import Transcript, is_question

Fate = Literal["answered", "countered", "unanswered"]


@dataclass(frozen=True)
class Exchanges:
    """What the features are computed from."""

    transcript: Transcript

    @cached_property
    def lengths(self) -> list[tuple[int, int]]:
        """Words of each reply that counts, and of the turn it answers; without those where either has none."""
        words = self.transcript.words
        pairs = ((len(words[reply]), len(words[turn])) for reply, turn in self.transcript.replies())
        return [(reply, turn) for reply, turn in pairs if reply and turn]

    @cached_property
    def fates(self) -> Counter[Fate]:
        """What became of each question that counts."""
        texts = self.transcript.texts
        return Counter(self._fate(number) for number in self.transcript.own if is_question(texts[number]))

    def _fate(self, number: int) -> Fate:
        """Return what became of the question in a turn: what the next other speaker makes of it."""
        speakers = self.transcript.speakers
        later = range(number + 1, len(speakers))
        reply = next((other for other in later if speakers[other] != speakers[number]), None)
        text = "" if reply is None else self.transcript.lowered[reply]
        if not any(map(str.isalnum, text)):
            return "unanswered"
        parts = sentences(text)
        counters = any(map(is_question, parts)) and all(is_question(part) or is_courtesy(words(part)) for part in parts)
        return "countered" if counters else "answered"

    def share(self, fate: Fate) -> float | None:
        """Return the percentage of the questions that had a fate."""
        total = sum(self.fates.values())
        return 100 * self.fates[fate] / total if total else None


def response_length(exchanges: Exchanges) -> float | None:
    """Mean number of words of a reply."""
    return mean([reply for reply, _ in exchanges.lengths])


def response_length_ratio(exchanges: Exchanges) -> float | None:
    """How many times as long as the turn it answers a reply is: the geometric mean, so that 1 is even."""
    logarithm = mean([math.log(reply / turn) for reply, turn in exchanges.lengths])
    return None if logarithm is None else math.exp(logarithm)


def questions_asked(exchanges: Exchanges) -> float | None:
    """How many of the turns hold a question mark."""
    return float(sum(exchanges.fates.values())) if exchanges.transcript.own else None


class ResponseFeatures(FeatureScore[Exchanges]):
    """How turns answer turns.

    A turn is a reply if the turn before it is another speaker's. A turn with a question mark asks a question; the next
    turn of another speaker answers it, counters it if it holds nothing but questions and courtesies (sorry, thank you),
    or leaves it unanswered if there is no such turn or it says nothing.

    Args:
        feature: one or several of ``response-length`` (words), ``response-length-ratio`` (to the turn that is
            answered), ``questions-asked`` (turns), ``questions-answered``, ``questions-countered`` and
            ``questions-unanswered`` (percent of these turns); None for all.
        name: what it is called in tables.
        speaker: count only the replies and the questions of this speaker.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="Ann", text="Where is my blue lamp?"), Turn(speaker="Bob", text="Your name?"),
        ...          Turn(speaker="Ann", text="Ann Lee. Is it lost?")]
        >>> scores = ResponseFeatures(["response-length-ratio", "questions-asked", "questions-countered"])
        >>> {key: round(value, 3) for key, value in scores(Dialog(turns=turns)).items()}
        {'response_length_ratio': 1.0, 'questions_asked': 3.0, 'questions_countered': 33.333}
    """

    own_name = "response_features"
    features: ClassVar[dict[str, tuple[str, Feature[Exchanges]]]] = {
        "response-length": ("response_length", response_length),
        "response-length-ratio": ("response_length_ratio", response_length_ratio),
        "questions-asked": ("questions_asked", questions_asked),
        "questions-answered": (
            "questions_answered",
            described(
                "Percent of the questions that the next speaker answers.", lambda exchanges: exchanges.share("answered")
            ),
        ),
        "questions-countered": (
            "questions_countered",
            described(
                "Percent of the questions that the next speaker answers with nothing but questions.",
                lambda exchanges: exchanges.share("countered"),
            ),
        ),
        "questions-unanswered": (
            "questions_unanswered",
            described(
                "Percent of the questions after which no other speaker says anything.",
                lambda exchanges: exchanges.share("unanswered"),
            ),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Exchanges:
        """Return what the features are computed from."""
        return Exchanges(transcript)
