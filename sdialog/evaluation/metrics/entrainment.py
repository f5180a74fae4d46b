"""How far speakers come to talk alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import ClassVar

from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.text import mean
from sdialog.evaluation.metrics.transcript import Transcript
from sdialog.evaluation.metrics.wordlists import word_list

FREQUENT_WORDS = 25
_Alike = Callable[[Mapping[str, int], Mapping[str, int]], float | None]


def frequent_word_entrainment(one: Mapping[str, int], other: Mapping[str, int]) -> float | None:
    """Return how alike two speakers use the most frequent words of their dialog; 0 is alike, lower is less so.

    Nenkova, Gravano and Hirschberg (2008), ACL: minus the sum, over the 25 most frequent words of the two together, of
    the difference between the shares that the word has among the words of each. Of equally frequent words at the
    border, the alphabet decides. At least -2. None if either says nothing.

    Args:
        one: how often one speaker says each word.
        other: how often the other does.

    Example:
        >>> frequent_word_entrainment({"the": 1, "lamp": 1}, {"the": 1, "lamp": 3})
        -0.5
    """
    mine, theirs = sum(one.values()), sum(other.values())
    if not mine or not theirs:
        return None
    together = {word: one.get(word, 0) + other.get(word, 0) for word in one.keys() | other.keys()}
    frequent = sorted(together, key=lambda word: (-together[word], word))[:FREQUENT_WORDS]
    return 0.0 - sum(abs(one.get(word, 0) / mine - other.get(word, 0) / theirs) for word in frequent)


def style_matching(one: Mapping[str, int], other: Mapping[str, int]) -> float | None:
    """Return how alike two speakers use function words, 0 to 1, for English.

    Gonzales, Hancock and Pennebaker (2010), Communication Research 37(1): for each of nine kinds of function words
    1 - abs(p - q) / (p + q + 0.0001), where p and q are the percentages of the speakers' words that are of the kind;
    the mean of the nine. The word lists are sdialog's own. None if neither uses a function word.

    Args:
        one: how often one speaker says each word.
        other: how often the other does.

    Example:
        >>> round(style_matching({"the": 1, "lamp": 3}, {"the": 1, "lamp": 1}), 4)
        0.963
    """
    mine, theirs = sum(one.values()), sum(other.values())
    if not mine or not theirs:
        return None
    found, use = False, []
    for kind in _kinds():
        p, q = (
            100 * sum(counts[word] for word in kind & counts.keys()) / total
            for counts, total in ((one, mine), (other, theirs))
        )
        found = found or p + q > 0
        use.append(1 - abs(p - q) / (p + q + 0.0001))
    return mean(use) if found else None


@lru_cache(maxsize=1)
def _kinds() -> tuple[frozenset[str], ...]:
    return tuple(map(frozenset, word_list("function_words").values()))


@dataclass(frozen=True)
class Voices:
    """What the measures are computed from."""

    transcript: Transcript

    @cached_property
    def pairs(self) -> list[tuple[Counter[str], Counter[str]]]:
        """Words of each two speakers; only the pairs of the speaker who is asked for, if one is."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for speaker, words in zip(self.transcript.speakers, self.transcript.plain_words, strict=True):
            counts[speaker].update(words)
        wanted = None if self.transcript.speaker is None else self.transcript.speaker.casefold()
        return [(counts[a], counts[b]) for a, b in combinations(counts, 2) if wanted in (None, a, b)]

    @cached_property
    def overlaps(self) -> list[tuple[float, float | None]]:
        """For each reply the share of its words that the turn it answers has, and that such turns have elsewhere."""
        exchanges: defaultdict[tuple[str, str], list[tuple[set[str], set[str]]]] = defaultdict(list)
        speakers, words = self.transcript.speakers, self.transcript.words
        for reply, turn in self.transcript.replies():
            if words[reply] and words[turn]:
                exchanges[speakers[turn], speakers[reply]].append((set(words[reply]), set(words[turn])))
        found: list[tuple[float, float | None]] = []
        for pairs in exchanges.values():
            holding = Counter(word for _, turn in pairs for word in turn)
            for said, answered in pairs:
                here = len(said & answered)
                elsewhere = sum(holding[word] for word in said) - here
                base = elsewhere / (len(pairs) - 1) / len(said) if len(pairs) > 1 else None
                found.append((here / len(said), base))
        return found


def adjacent_overlap(voices: Voices) -> float | None:
    """Share of the different words of a reply that the turn it answers has, 0 to 1; the mean over replies."""
    return mean([here for here, _ in voices.overlaps])


def local_entrainment(voices: Voices) -> float | None:
    """By how much the overlap exceeds that with the same speaker's other turns, -1 to 1; the mean over replies.

    What the turns share because of their topic is in both, so 0 means that nothing is taken up from the turn before.
    The comparison of adjacent with other turns follows Levitan and Hirschberg (2011), Interspeech; the mean over all
    other turns is what shuffled pairs give on average.
    """
    return mean([here - elsewhere for here, elsewhere in voices.overlaps if elsewhere is not None])


class EntrainmentScore(FeatureScore[Voices]):
    """How far speakers come to talk alike.

    No measure has a value for fewer than two speakers; ``local-entrainment`` needs two replies of one speaker to
    another. For more than two speakers, the last two are means over all pairs.

    Args:
        feature: one or several of ``adjacent-overlap``, ``local-entrainment`` (see the functions of these names),
            ``frequent-word-entrainment``, ``style-matching``; None for all.
        name: what it is called in tables.
        speaker: count only this speaker's replies, and the pairs that this speaker is in.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> lines = ["My lamp is broken.", "Which lamp is broken?", "The blue one.", "The blue one, I see."]
        >>> dialog = Dialog(turns=[Turn(speaker="AB"[n % 2], text=text) for n, text in enumerate(lines)])
        >>> EntrainmentScore("adjacent-overlap", speaker="B")(dialog)
        0.675
        >>> EntrainmentScore("local-entrainment", speaker="B")(dialog)
        0.675
    """

    own_name = "entrainment"
    features: ClassVar[dict[str, tuple[str, Feature[Voices]]]] = {
        "adjacent-overlap": ("adjacent_overlap", adjacent_overlap),
        "local-entrainment": ("local_entrainment", local_entrainment),
        "frequent-word-entrainment": (
            "frequent_word_entrainment",
            described(
                "How alike the 25 most frequent words are used, at most 0 (Nenkova et al., 2008).",
                lambda voices: _over_pairs(voices, frequent_word_entrainment),
            ),
        ),
        "style-matching": (
            "style_matching",
            described(
                "How alike function words are used, 0 to 1, for English (Gonzales et al., 2010).",
                lambda voices: _over_pairs(voices, style_matching),
            ),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Voices:
        """Return what the measures are computed from."""
        return Voices(transcript)


def _over_pairs(voices: Voices, measure: _Alike) -> float | None:
    return mean([value for one, other in voices.pairs if (value := measure(one, other)) is not None])
