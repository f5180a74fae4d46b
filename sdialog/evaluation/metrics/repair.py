"""How speakers stumble and mend: repetitions, false starts, self-repair, clarification, misunderstanding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import and_, eq
from typing import ClassVar

from sdialog.evaluation.metrics.features import Feature, FeatureScore
from sdialog.evaluation.metrics.text import words as _words
from sdialog.evaluation.metrics.transcript import Transcript, is_question
from sdialog.evaluation.metrics.wordlists import Phrases, word_list

# All read text in lower case. A full stop between two equal words ends a sentence; an ellipsis or a dash does not.
_WORD = r"[^\W\d_]+(?:'[^\W\d_]+)*"
_AGAIN = re.compile(rf"(?<![\w'-])({_WORD}(?: {_WORD})?)(?:[\s,–—…-]|\.{{2,}}(?!\.))*(?<=\s)\1(?![\w'-])")
_STUTTER = re.compile(r"(?<![\w'-])([^\W\d_]{1,3})(?:-\1)*-(?=\1)[^\W\d_]*")
_CUT_OFF = re.compile(r"(?<![\w'-])[^\W\d_]+(?:'[^\W\d_]+)?--?(?=\s+(?!(?:and|or|to|und|et|y)\b)[^\W\d_])")
_CORRECTED = re.compile(r"(?<=\w)(?:,|\s*[–—…-]+|\.{2,})\s*(?:no|sorry|rather|err?)(?:,|\s*[–—…-]+|\.{2,})\s*(?=\w)")
_SHORT = 4


@dataclass(frozen=True)
class Lists:
    """The word lists, ready to look in."""

    self_repair: Phrases
    clarification: Phrases
    misunderstanding: Phrases
    whole_turns: frozenset[str]
    doubled: frozenset[str]


@lru_cache(maxsize=1)
def lists() -> Lists:
    """Return the word lists."""
    entries = word_list("repair")
    return Lists(
        Phrases(entries["self-repair"]),
        Phrases(entries["clarification"]),
        Phrases(entries["misunderstanding"]),
        frozenset(entries["clarification: whole turn"]),
        frozenset(entries["doubled on purpose"]),
    )


def repetitions(text: str, words: list[str]) -> int:
    """Return how often a word, or two, is said again at once, as in "I, I want to"; not what is doubled on purpose.

    Example:
        >>> [repetitions(text, text.split()) for text in ("i- i want the the lamp", "very very nice", "it is. is it?")]
        [2, 0, 0]
    """
    alternate = list(map(eq, words, words[2:]))
    if not any(map(eq, words, words[1:])) and not any(map(and_, alternate, alternate[1:])):
        return 0
    doubled = lists().doubled
    return sum(match.group(1) not in doubled for match in _AGAIN.finditer(text))


def false_starts(text: str) -> int:
    """Return how many words are broken off or stuttered, marked by a hyphen, as in "wa- want" and "b-but".

    Example:
        >>> [false_starts(text) for text in ("i wa- want it", "b-but i", "a well-known lamp", "pre- and post-war")]
        [1, 1, 0, 0]
    """
    if "-" not in text:
        return 0
    stutters = sum(not _is_doubled(*match.group(0, 1)) for match in _STUTTER.finditer(text))
    return stutters + len(_CUT_OFF.findall(text))


def _is_doubled(found: str, part: str) -> bool:
    """Return whether what looks like a stutter is a word that is doubled on purpose, as "so-so"."""
    return found == f"{part}-{part}" and part in lists().doubled


def self_repairs(text: str, words: list[str]) -> int:
    """Return how often a speaker corrects what was just said, as in "on Monday, no, Tuesday" or "I mean".

    Example:
        >>> [self_repairs(text, text.replace(",", "").split()) for text in ("monday, no, tuesday", "no, i want it")]
        [1, 0]
    """
    mended, hits = _CORRECTED.subn(" . ", text)
    # "Monday, no, wait, Tuesday" is one repair: what has been counted is not looked at again.
    return hits + lists().self_repair.count(_words(mended) if hits else words)


def asks_for_clarification(text: str, words: list[str]) -> bool:
    """Return whether a turn asks what was meant or said, as "Huh?" and "What do you mean?" do.

    Example:
        >>> [asks_for_clarification(text, words) for text, words in (("huh?", ["huh"]), ("sorry.", ["sorry"]))]
        [True, False]
    """
    if len(words) <= _SHORT + 1 and is_question(text) and " ".join(words) in lists().whole_turns:
        return True
    return lists().clarification.within(words)


def owns_to_misunderstanding(words: list[str]) -> bool:
    """Return whether a turn says that something was misunderstood, by either side.

    Example:
        >>> owns_to_misunderstanding("oh i misunderstood you".split())
        True
    """
    return lists().misunderstanding.within(words)


@dataclass(frozen=True)
class Stumbles:
    """What the rates are computed from."""

    transcript: Transcript

    @cached_property
    def turns(self) -> list[tuple[str, list[str]]]:
        """Text and words of each turn that counts."""
        return [
            (self.transcript.lowered[number], self.transcript.plain_words[number]) for number in self.transcript.own
        ]

    @cached_property
    def total(self) -> int:
        """Number of words, as blanks separate them."""
        return sum(len(text.split()) for text, _ in self.turns)

    def per_hundred_words(self, hits: int) -> float | None:
        """Return how many hits there are in a hundred words."""
        return 100 * hits / self.total if self.total else None

    def per_hundred_turns(self, hits: int) -> float | None:
        """Return how many of a hundred turns are hits; None where English lists say nothing."""
        return 100 * hits / len(self.turns) if self.transcript.latin else None


def repetition_rate(stumbles: Stumbles) -> float | None:
    """Repetitions in a hundred words (Shriberg, 1994)."""
    return stumbles.per_hundred_words(sum(repetitions(text, words) for text, words in stumbles.turns))


def false_start_rate(stumbles: Stumbles) -> float | None:
    """Words broken off or stuttered in a hundred words (Shriberg, 1994)."""
    return stumbles.per_hundred_words(sum(false_starts(text) for text, _ in stumbles.turns))


def self_repair_rate(stumbles: Stumbles) -> float | None:
    """Self-repairs in a hundred words (Schegloff, Jefferson and Sacks, 1977)."""
    if not stumbles.transcript.latin:
        return None
    return stumbles.per_hundred_words(sum(self_repairs(text, words) for text, words in stumbles.turns))


def clarification_rate(stumbles: Stumbles) -> float | None:
    """How many of a hundred turns ask for clarification (Purver, 2004)."""
    return stumbles.per_hundred_turns(sum(asks_for_clarification(text, words) for text, words in stumbles.turns))


def misunderstanding_rate(stumbles: Stumbles) -> float | None:
    """How many of a hundred turns say that something was misunderstood."""
    return stumbles.per_hundred_turns(sum(owns_to_misunderstanding(words) for _, words in stumbles.turns))


class DisfluencyFeatures(FeatureScore[Stumbles]):
    """How speakers stumble and mend what they said, from the text alone.

    Hesitations and fillers are in ``ConversationalFeatures``. The last three features are found by English word lists
    and have no value for turns that are not mostly in Latin letters.

    Args:
        feature: one or several of ``word-repetition-rate``, ``false-start-rate``, ``self-repair-rate`` (in a hundred
            words), ``clarification-rate``, ``misunderstanding-rate`` (of a hundred turns); None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="I, I want it on Monday, no, Tuesday."),
        ...                        Turn(speaker="Bob", text="What do you mean?")])
        >>> {key: round(value, 2) for key, value in DisfluencyFeatures()(dialog).items() if value}
        {'word_repetition_rate': 8.33, 'self_repair_rate': 8.33, 'clarification_rate': 50.0}
    """

    own_name = "disfluency_features"
    features: ClassVar[dict[str, tuple[str, Feature[Stumbles]]]] = {
        "word-repetition-rate": ("word_repetition_rate", repetition_rate),
        "false-start-rate": ("false_start_rate", false_start_rate),
        "self-repair-rate": ("self_repair_rate", self_repair_rate),
        "clarification-rate": ("clarification_rate", clarification_rate),
        "misunderstanding-rate": ("misunderstanding_rate", misunderstanding_rate),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Stumbles:
        """Return what the rates are computed from."""
        return Stumbles(transcript)
