"""How polite turns are, by the words and phrases that mark it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

from sdialog.evaluation.metrics.features import Feature, FeatureScore, described
from sdialog.evaluation.metrics.transcript import Transcript
from sdialog.evaluation.metrics.wordlists import Phrases, word_list

Marker = Literal[
    "gratitude",
    "apology",
    "please",
    "greeting",
    "deference",
    "hedge",
    "indirect request",
    "imperative",
    "insult",
    "demand",
]
POLITE: frozenset[Marker] = frozenset(
    ("gratitude", "apology", "please", "greeting", "deference", "hedge", "indirect request")
)
RUDE: frozenset[Marker] = frozenset(("imperative", "insult", "demand"))
_LISTED: tuple[Marker, ...] = ("gratitude", "apology", "deference", "hedge", "indirect request", "insult", "demand")
_NAMES = 2


@lru_cache(maxsize=1)
def _phrases() -> dict[str, Phrases]:
    return {title: Phrases(entries) for title, entries in word_list("politeness").items()}


def markers(sentences: list[list[str]]) -> set[Marker]:
    """Return the markers of politeness, and of its lack, in the sentences of a turn.

    The kinds are among those of Danescu-Niculescu-Mizil et al. (2013), ACL; the words are sdialog's own. A greeting is
    one at the beginning of the turn. An imperative is a sentence that begins with a bare verb and holds no "please"; a
    kind one, such as "take your time", is none.

    Args:
        sentences: words of each sentence, in lower case with straight apostrophes.

    Example:
        >>> sorted(markers([["hello"], ["could", "you", "help", "me", "please"]]))
        ['greeting', 'indirect request', 'please']
        >>> sorted(markers([["give", "me", "my", "money"]]))
        ['imperative']
    """
    known = _phrases()
    found: set[Marker] = {kind for kind in _LISTED if any(map(known[kind].within, sentences))}
    if any("please" in sentence for sentence in sentences):
        found.add("please")
    if sentences and known["greeting"].begin(sentences[0]):
        found.add("greeting")
    if any(map(_is_imperative, sentences)):
        found.add("imperative")
    return found


def _is_imperative(sentence: list[str]) -> bool:
    known = _phrases()
    if "please" in sentence or not known["imperative"].begin(sentence):
        return False
    return not known["imperative that is kind"].begin(sentence)


def is_courtesy(sentence: list[str]) -> bool:
    """Return whether a sentence is a short greeting, apology or thanks, which says nothing else.

    Example:
        >>> is_courtesy(["i'm", "sorry"]), is_courtesy(["sorry", "it", "is", "lost"]), is_courtesy(["hello", "ann"])
        (True, False, True)
    """
    known = _phrases()
    said = set[int]().union(*(known[kind].places(sentence) for kind in ("greeting", "apology", "gratitude")))
    around = word_list("politeness")["around a courtesy"]
    left = [word for place, word in enumerate(sentence) if place not in said and word not in around]
    # Who is greeted may be named.
    return bool(said) and len(left) <= (_NAMES if known["greeting"].begin(sentence) else 0)


@dataclass(frozen=True)
class Manners:
    """What the features are computed from."""

    transcript: Transcript

    @cached_property
    def turns(self) -> list[set[Marker]]:
        """Markers of each turn that counts and has a word."""
        straight = self.transcript.plain_sentences
        return [markers(straight[number]) for number in self.transcript.own if straight[number]]

    @cached_property
    def counts(self) -> Counter[Marker]:
        """How many turns have each marker."""
        return Counter(marker for turn in self.turns for marker in turn)

    def rate(self, marker: Marker) -> float | None:
        """Return how many of a hundred turns have a marker; None where English lists say nothing."""
        return 100 * self.counts[marker] / len(self.turns) if self.transcript.latin else None


def politeness(manners: Manners) -> float | None:
    """Turns with a polite marker less turns with a rude one, in percent of all: -100 to 100."""
    if not manners.transcript.latin:
        return None
    balance = sum((not turn.isdisjoint(POLITE)) - (not turn.isdisjoint(RUDE)) for turn in manners.turns)
    return 100 * balance / len(manners.turns)


class PolitenessFeatures(FeatureScore[Manners]):
    """How many of a hundred turns hold the words that mark politeness, or its lack, in English.

    None has a value for turns that are not mostly in Latin letters. Words are taken as they stand: "no
    thanks to you" is gratitude.

    Args:
        feature: one or several of ``politeness`` (see the function of this name), ``gratitude-rate``,
            ``apology-rate``, ``please-rate``, ``greeting-rate``, ``deference-rate``, ``hedge-rate``,
            ``indirect-request-rate``, ``imperative-rate``, ``insult-rate``, ``demand-rate``; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Give me my money!"),
        ...                        Turn(speaker="Bob", text="I’m sorry. Could you tell me the order number?")])
        >>> PolitenessFeatures(["politeness", "apology-rate", "imperative-rate"])(dialog)
        {'politeness': 0.0, 'apology_rate': 50.0, 'imperative_rate': 50.0}
    """

    own_name = "politeness_features"
    features: ClassVar[dict[str, tuple[str, Feature[Manners]]]] = {
        "politeness": ("politeness", politeness),
        "gratitude-rate": (
            "gratitude_rate",
            described("How many of a hundred turns hold thanks.", lambda manners: manners.rate("gratitude")),
        ),
        "apology-rate": (
            "apology_rate",
            described("How many of a hundred turns hold an apology.", lambda manners: manners.rate("apology")),
        ),
        "please-rate": (
            "please_rate",
            described("How many of a hundred turns hold the word please.", lambda manners: manners.rate("please")),
        ),
        "greeting-rate": (
            "greeting_rate",
            described(
                "How many of a hundred turns hold a greeting at their beginning.",
                lambda manners: manners.rate("greeting"),
            ),
        ),
        "deference-rate": (
            "deference_rate",
            described(
                "How many of a hundred turns hold praise or readiness to serve.",
                lambda manners: manners.rate("deference"),
            ),
        ),
        "hedge-rate": (
            "hedge_rate",
            described(
                "How many of a hundred turns hold a hedge (perhaps, I think, ...).",
                lambda manners: manners.rate("hedge"),
            ),
        ),
        "indirect-request-rate": (
            "indirect_request_rate",
            described(
                "How many of a hundred turns hold an indirect request (could you, I would like, ...).",
                lambda manners: manners.rate("indirect request"),
            ),
        ),
        "imperative-rate": (
            "imperative_rate",
            described(
                "How many of a hundred turns hold a sentence that begins with a bare verb.",
                lambda manners: manners.rate("imperative"),
            ),
        ),
        "insult-rate": (
            "insult_rate",
            described("How many of a hundred turns hold an insult.", lambda manners: manners.rate("insult")),
        ),
        "demand-rate": (
            "demand_rate",
            described(
                "How many of a hundred turns hold a demand (you must, how dare you, ...).",
                lambda manners: manners.rate("demand"),
            ),
        ),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Manners:
        """Return what the features are computed from."""
        return Manners(transcript)
