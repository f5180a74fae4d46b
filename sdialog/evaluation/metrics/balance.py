"""Who has the word: shares of turns and words, and how uneven they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import ClassVar

from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.transcript import Transcript


def evenness(counts: Collection[float]) -> float | None:
    """Return how evenly counts are spread: their entropy over its maximum, 0 to 1 (Shannon, 1948; Pielou, 1966).

    None for fewer than two counts, or for zeros only.

    Example:
        >>> evenness([5, 5]), round(evenness([3, 1]), 4), evenness([4, 0])
        (1.0, 0.8113, 0.0)
    """
    total = math.fsum(counts)
    if len(counts) < 2 or total <= 0:
        return None
    shares = [count / total for count in counts if count]
    return max(0.0, min(1.0, -math.fsum(share * math.log2(share) for share in shares) / math.log2(len(counts))))


def gini(counts: Sequence[float]) -> float | None:
    """Return Gini's coefficient (1912): 0 for equal counts, 1 - 1 / n where one of n has all.

    Half the mean difference between any two counts, over their mean. None for fewer than two, or for zeros only.

    Example:
        >>> gini([1, 1, 1]), gini([1, 3]), gini([0, 0, 4])
        (0.0, 0.25, 0.6666666666666666)
    """
    total, size = math.fsum(counts), len(counts)
    if size < 2 or total <= 0:
        return None
    weighted = math.fsum((2 * rank - size - 1) * count for rank, count in enumerate(sorted(counts), start=1))
    return max(0.0, weighted / (size * total))


@dataclass(frozen=True)
class Floor:
    """What the measures are computed from: who has how many turns and words, of the whole dialog."""

    transcript: Transcript

    @cached_property
    def turns(self) -> Counter[str]:
        """Number of turns of each speaker."""
        return Counter(self.transcript.speakers)

    @cached_property
    def words(self) -> Counter[str]:
        """Number of words of each speaker."""
        counts: Counter[str] = Counter(dict.fromkeys(self.turns, 0))
        for speaker, words in zip(self.transcript.speakers, self.transcript.words, strict=True):
            counts[speaker] += len(words)
        return counts

    def share(self, counts: Counter[str]) -> float | None:
        """Return the percentage of the speaker who is asked for; of the one who has most, if none is."""
        total, wanted = sum(counts.values()), self.transcript.speaker
        if len(counts) < 2 or not total:
            return None
        if wanted is None:
            return 100 * max(counts.values()) / total
        return 100 * counts[wanted.casefold()] / total if wanted.casefold() in counts else None

    @property
    def longest_run(self) -> float | None:
        """Number of turns in the longest row of turns by one speaker."""
        wanted = None if self.transcript.speaker is None else self.transcript.speaker.casefold()
        runs = ((speaker, len(list(run))) for speaker, run in groupby(self.transcript.speakers))
        return max((float(length) for speaker, length in runs if wanted in (None, speaker)), default=None)


class BalanceFeatures(FeatureScore[Floor]):
    """How the talk is divided among the speakers of the whole dialog.

    With a speaker, the shares and the longest run are that speaker's; without, those of the one who has most. The other
    measures are always of all. All but the longest run have no value for fewer than two speakers. Names are compared
    without regard to letter case.

    Args:
        feature: one or several of ``turn-share`` and ``word-share`` (percent), ``turn-entropy`` and ``word-entropy``
            (see :func:`evenness`), ``turn-gini`` and ``word-gini`` (see :func:`gini`), ``longest-run`` (turns in a
            row); None for all.
        name: what it is called in tables.
        speaker: whose shares.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="Ann", text="Hi! Are you there?"), Turn(speaker="Bob", text="Yes."),
        ...          Turn(speaker="Ann", text="Good."), Turn(speaker="Ann", text="So am I.")]
        >>> BalanceFeatures(["turn-share", "word-gini", "longest-run"])(Dialog(turns=turns))
        {'turn_share': 75.0, 'word_gini': 0.3888888888888889, 'longest_run': 2.0}
        >>> BalanceFeatures("turn-share", speaker="bob")(Dialog(turns=turns))
        25.0
    """

    own_name = "balance_features"
    features: ClassVar[dict[str, tuple[str, Feature[Floor]]]] = {
        "turn-share": (
            "turn_share",
            described(
                "Percent of the turns that the speaker has, or the one with most.",
                lambda floor: floor.share(floor.turns),
            ),
        ),
        "word-share": (
            "word_share",
            described(
                "Percent of the words that the speaker has, or the one with most.",
                lambda floor: floor.share(floor.words),
            ),
        ),
        "turn-entropy": (
            "turn_entropy",
            described(
                "How evenly the turns are spread over the speakers: normalised entropy, 0 to 1.",
                lambda floor: evenness(floor.turns.values()),
            ),
        ),
        "word-entropy": (
            "word_entropy",
            described(
                "How evenly the words are spread over the speakers: normalised entropy, 0 to 1.",
                lambda floor: evenness(floor.words.values()),
            ),
        ),
        "turn-gini": (
            "turn_gini",
            described(
                "How unevenly the turns are spread: Gini's coefficient (1912), 0 is even.",
                lambda floor: gini(list(floor.turns.values())),
            ),
        ),
        "word-gini": (
            "word_gini",
            described(
                "How unevenly the words are spread: Gini's coefficient (1912), 0 is even.",
                lambda floor: gini(list(floor.words.values())),
            ),
        ),
        "longest-run": (
            "longest_run",
            described("Most turns in a row by one speaker.", lambda floor: floor.longest_run),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Floor:
        """Return what the measures are computed from."""
        return Floor(transcript)
