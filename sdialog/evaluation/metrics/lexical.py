"""How varied the words are: measures that do not fall with length, and repetition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.self_bleu import self_bleu
from sdialog.evaluation.metrics.transcript import Transcript

MATTR_WINDOW = 50
MTLD_THRESHOLD = 0.72
MTLD_LEAST = 50
HDD_SAMPLE = 42
VOCABULARY_SIZE = 30_000


def mattr(tokens: Sequence[str], window: int = MATTR_WINDOW) -> float | None:
    """Return the moving-average type-token ratio: its mean over all windows of so many words.

    Covington and McFall (2010), Journal of Quantitative Linguistics 17(2). None for a text shorter than one window.

    Example:
        >>> mattr("a b a c".split(), window=2), mattr("a a b b".split(), window=2)
        (1.0, 0.6666666666666666)
    """
    if len(tokens) < window or window < 1:
        return None
    counts = Counter(tokens[:window])
    total = len(counts)
    for gone, come in zip(tokens, tokens[window:], strict=False):
        counts[gone] -= 1
        if not counts[gone]:
            del counts[gone]
        counts[come] += 1
        total += len(counts)
    return total / (window * (len(tokens) - window + 1))


def mtld(tokens: Sequence[str], threshold: float = MTLD_THRESHOLD) -> float | None:
    """Return the measure of textual lexical diversity: words until the type-token ratio has fallen to the threshold.

    McCarthy and Jarvis (2010), Behavior Research Methods 42(2): the mean of a pass forwards and one backwards, what is
    left at the end counted as part of a stretch. None if no word comes twice. A short text may have any value, since
    the part is then most of it: :class:`LexicalFeatures` wants 50 words.

    Example:
        >>> mtld("a b a b a b a b".split())
        4.0
    """
    passes = [_stretches(part, threshold) for part in (tokens, tokens[::-1])]
    if not all(passes):
        return None
    return sum(len(tokens) / stretches for stretches in passes) / len(passes)


def _stretches(tokens: Iterable[str], threshold: float) -> float:
    stretches, seen, length = 0.0, set[str](), 0
    for token in tokens:
        seen.add(token)
        length += 1
        if len(seen) / length <= threshold:
            stretches, seen, length = stretches + 1, set(), 0
    return stretches + ((1 - len(seen) / length) / (1 - threshold) if length else 0.0)


def hdd(tokens: Sequence[str], sample: int = HDD_SAMPLE) -> float | None:
    """Return HD-D: the type-token ratio to be expected of so many words drawn without putting back.

    McCarthy and Jarvis (2007), Language Testing 24(4). None for a text shorter than the sample.

    Example:
        >>> hdd("a b c d".split(), sample=2), round(hdd("a a b b".split(), sample=2), 4)
        (1.0, 0.8333)
    """
    size = len(tokens)
    if size < sample or sample < 1:
        return None
    draws = math.comb(size, sample)
    by_count = Counter(Counter(tokens).values())
    drawn = (number * (1 - math.comb(size - count, sample) / draws) for count, number in by_count.items())
    return math.fsum(drawn) / sample


def expectation_adjusted_distinct(tokens: Sequence[str], vocabulary: int = VOCABULARY_SIZE) -> float | None:
    """Return different words over the number to be expected of so many drawn from a vocabulary, each alike often.

    Liu et al. (2022), ACL: N / (V (1 - ((V - 1) / V) ** C)) for N different among C words. Unlike distinct-1 it does
    not fall only because a long text cannot have new words all the time. It can exceed 1. None of nothing.

    Args:
        tokens: words.
        vocabulary: V, how many words there are to draw from; one number for all that is to be compared.

    Example:
        >>> expectation_adjusted_distinct("a b".split(), vocabulary=2), expectation_adjusted_distinct([])
        (1.3333333333333333, None)
    """
    if not tokens:
        return None
    # 1 - (1 - 1 / V) ** C, written so that no digits are lost
    drawn = -math.expm1(len(tokens) * math.log1p(-1 / vocabulary)) if vocabulary > 1 else 1.0
    return len(set(tokens)) / (vocabulary * drawn)


@dataclass(frozen=True)
class Vocabulary:
    """What the measures are computed from.

    Attributes:
        turns: words of each utterance.
    """

    turns: list[list[str]]

    @cached_property
    def tokens(self) -> list[str]:
        """Words of all utterances."""
        return [token for turn in self.turns for token in turn]

    def distinct(self, n: int) -> float | None:
        """Return different n-grams over n-grams (Li et al., 2016); none reaches over the end of an utterance."""
        grams = [gram for turn in self.turns for gram in zip(*(turn[place:] for place in range(n)), strict=False)]
        return len(set(grams)) / len(grams) if grams else None

    @property
    def repetition(self) -> float | None:
        """Share of the utterances whose words were said before in just this order, in percent."""
        spoken = [tuple(turn) for turn in self.turns if turn]
        return 100 * (1 - len(set(spoken)) / len(spoken)) if spoken else None


class LexicalFeatures(FeatureScore[Vocabulary]):
    """Variety of the words that are said, without the speakers' labels.

    ``mattr``, ``mtld`` and ``hdd`` do not depend on the length of a dialog, and have no value for one that is too short
    (50, 50, 42 words); below 100 words ``mtld`` scatters widely and lies some percent high.
    ``expectation-adjusted-distinct`` depends on length less than ``distinct-1``; ``distinct-2``, ``repetition`` and
    ``self-bleu`` (how much the utterances are like one another) depend on it too.

    Args:
        feature: one or several of these; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(text="No, no!"), Turn(text="No no.")])
        >>> LexicalFeatures(["distinct-2", "repetition"])(dialog)
        {'distinct_2': 0.5, 'repetition': 50.0}
    """

    own_name = "lexical_features"
    features: ClassVar[dict[str, tuple[str, Feature[Vocabulary]]]] = {
        "mattr": (
            "mattr",
            described(
                "Moving-average type-token ratio over 50 words (Covington and McFall, 2010).",
                lambda vocabulary: mattr(vocabulary.tokens),
            ),
        ),
        "mtld": (
            "mtld",
            described(
                "Words until the type-token ratio has fallen to 0.72 (McCarthy and Jarvis, 2010).",
                lambda vocabulary: mtld(vocabulary.tokens) if len(vocabulary.tokens) >= MTLD_LEAST else None,
            ),
        ),
        "hdd": (
            "hdd",
            described(
                "Type-token ratio expected of 42 words drawn (McCarthy and Jarvis, 2007).",
                lambda vocabulary: hdd(vocabulary.tokens),
            ),
        ),
        "distinct-1": (
            "distinct_1",
            described("Different words over words (Li et al., 2016).", lambda vocabulary: vocabulary.distinct(1)),
        ),
        "distinct-2": (
            "distinct_2",
            described(
                "Different pairs of words over pairs (Li et al., 2016).", lambda vocabulary: vocabulary.distinct(2)
            ),
        ),
        "expectation-adjusted-distinct": (
            "expectation_adjusted_distinct",
            described(
                "Different words over those to be expected (Liu et al., 2022).",
                lambda vocabulary: expectation_adjusted_distinct(vocabulary.tokens),
            ),
        ),
        "repetition": (
            "repetition",
            described(
                "Percent of the utterances that were said before in the same words.",
                lambda vocabulary: vocabulary.repetition,
            ),
        ),
        "self-bleu": (
            "self_bleu",
            described(
                "Mean BLEU-4 of each utterance against the others (Zhu et al., 2018).",
                lambda vocabulary: self_bleu(vocabulary.turns),
            ),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Vocabulary:
        """Return what the measures are computed from."""
        return Vocabulary([transcript.words[number] for number in transcript.own])
