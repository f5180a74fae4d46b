"""How people talk: turn lengths, hesitations, fillers, questions, back-channels, variety of words, who has the word."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.metrics.balance import evenness
from sdialog.evaluation.metrics.features import Feature, FeatureScore
from sdialog.evaluation.metrics.text import joined, mean, utterances
from sdialog.evaluation.metrics.transcript import Transcript, is_question

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

# Both read text in lower case.
# "uh-" and "I--um" hesitate; "uh-oh" and "re-er" do not.
_HESITATION = re.compile(
    r"(?<!\w)(?<!\w-)(?:uh+-huh+|um+-hum+|mm+-hm+|uh+|um+|er+m*|ah+|oh+|hm{2,}|huh+|mm+|mhm+)(?!\w|-\w)"
)
_FILLER = re.compile(
    r"\b(?:you know|i mean|sort of|kind of|stuff like that|or something|like|basically|actually|literally|whatever"
    r"|anyway)\b"
)
_BACK_CHANNELS = frozenset(
    (
        *("yeah", "yes", "yep", "yup", "uh-huh", "mhm", "mm-hmm", "okay", "ok", "right", "sure", "alright"),
        *("oh", "ah", "hmm", "huh", "i see", "got it"),
    )
)
# The longest back-channel, and room for punctuation around it.
_LONGEST = 24
_EDGES = re.compile(r"^[^\w]+|[^\w]+$")


@dataclass(frozen=True)
class Talk:
    """What the features are computed from."""

    transcript: Transcript

    @property
    def texts(self) -> list[str]:
        """What is said in the turns that count."""
        return self.transcript.own_texts

    @cached_property
    def lengths(self) -> list[int]:
        """Number of words of each turn, as blanks separate them."""
        return [len(text.split()) for text in self.texts]

    @cached_property
    def text(self) -> str:
        """All that is said, in lower case."""
        return joined(self.texts).lower()

    @cached_property
    def all_words(self) -> list[str]:
        """Words of all turns."""
        return self.transcript.own_words

    def per_hundred_words(self, pattern: re.Pattern[str]) -> float | None:
        """Return how often an English pattern occurs in a hundred words; None where English lists say nothing."""
        return 100 * len(pattern.findall(self.text)) / sum(self.lengths) if self.transcript.latin else None

    def per_hundred_turns(self, hits: int) -> float | None:
        """Return how many of a hundred turns are hits."""
        return 100 * hits / len(self.texts) if self.texts else None


def mean_turn_length(talk: Talk) -> float | None:
    """Mean number of words of a turn."""
    return mean(talk.lengths)


def hesitation_rate(talk: Talk) -> float | None:
    """Hesitations (uh, um, hmm, uh-huh, ...) in a hundred words."""
    return talk.per_hundred_words(_HESITATION)


def turn_taking_ratio(talk: Talk) -> float | None:
    """How evenly the turns are spread over the speakers: their entropy over its maximum (Shannon, 1948), 0 to 1."""
    return evenness(Counter(talk.transcript.speakers).values())


def question_rate(talk: Talk) -> float | None:
    """How many of a hundred turns hold a question mark."""
    return talk.per_hundred_turns(sum(map(is_question, talk.texts)))


def lexical_diversity(talk: Talk) -> float | None:
    """Type-token ratio: different words over words. It falls with length; MATTR, MTLD and HD-D do not."""
    return len(set(talk.all_words)) / len(talk.all_words) if talk.all_words else None


def back_channel_rate(talk: Talk) -> float | None:
    """How many of a hundred turns are nothing but a back-channel such as "yeah" or "I see"."""
    if not talk.transcript.latin:
        return None
    return talk.per_hundred_turns(sum(map(ConversationalFeatures.is_back_channel, talk.texts)))


def filler_word_density(talk: Talk) -> float | None:
    """Filler words and phrases (you know, I mean, like, ...) in a hundred words, whatever they mean there."""
    return talk.per_hundred_words(_FILLER)


class ConversationalFeatures(FeatureScore[Talk]):
    """Features of spoken conversation, computed from what is said, without the speakers' labels.

    Turn taking is always that of the whole dialog, and has no value for fewer than two speakers. Turn length and
    questions have none without a turn, the other features none without a word; hesitations, fillers and back-channels
    are found by English lists and have none for turns that are not mostly in Latin letters. Letter case of names does
    not matter.

    Args:
        feature: one or several of ``mean-turn-length``, ``hesitation-rate``, ``turn-taking-ratio``, ``question-rate``,
            ``lexical-diversity``, ``back-channel-rate``, ``filler-word-density``; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Um, where is it?"), Turn(speaker="Bob", text="Yeah.")])
        >>> ConversationalFeatures(["hesitation-rate", "back-channel-rate"])(dialog)
        {'hesitation_rate': 20.0, 'back_channel_rate': 50.0}
        >>> ConversationalFeatures("question-rate", speaker="bob")(dialog)
        0.0
    """

    own_name = "conversational_features"
    features: ClassVar[dict[str, tuple[str, Feature[Talk]]]] = {
        "mean-turn-length": ("mean-turn-length", mean_turn_length),
        "hesitation-rate": ("hesitation_rate", hesitation_rate),
        "turn-taking-ratio": ("turn_taking_ratio", turn_taking_ratio),
        "question-rate": ("question_rate", question_rate),
        "lexical-diversity": ("lexical_diversity", lexical_diversity),
        "back-channel-rate": ("back_channel_rate", back_channel_rate),
        "filler-word-density": ("filler_word_density", filler_word_density),
    }

    @classmethod
    def of(cls, transcript: Transcript) -> Talk:
        """Return what the features are computed from."""
        return Talk(transcript)

    @staticmethod
    def count_hesitations(text: str) -> int:
        """Return the number of hesitations in a text; "uh-huh" is one."""
        return len(_HESITATION.findall(text.lower()))

    @staticmethod
    def count_filler_words(text: str) -> int:
        """Return the number of filler words and phrases in a text."""
        return len(_FILLER.findall(text.lower()))

    @staticmethod
    def is_back_channel(turn_text: str) -> bool:
        """Return whether a turn is nothing but a back-channel; punctuation around it does not matter."""
        return len(turn_text) <= _LONGEST and _EDGES.sub("", turn_text).lower() in _BACK_CHANNELS

    @staticmethod
    def calculate_turn_taking_ratio(dialog: Dialog) -> float | None:
        """Return how evenly a dialog's turns are spread over its speakers."""
        return turn_taking_ratio(Talk(Transcript.of(dialog)))


class MeanTurnLengthScore(ConversationalFeatures):
    """Mean number of words of a turn; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("mean-turn-length", name, speaker)


class HesitationRateScore(ConversationalFeatures):
    """Hesitations in a hundred words; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("hesitation-rate", name, speaker)


class TurnTakingRatioScore(ConversationalFeatures):
    """How evenly the turns are spread over the speakers; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__("turn-taking-ratio", name)


class QuestionRateScore(ConversationalFeatures):
    """How many of a hundred turns hold a question; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("question-rate", name, speaker)


class LexicalDiversityScore(ConversationalFeatures):
    """Type-token ratio; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("lexical-diversity", name, speaker)


class BackChannelRateScore(ConversationalFeatures):
    """How many of a hundred turns are back-channels; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("back-channel-rate", name, speaker)


class FillerWordDensityScore(ConversationalFeatures):
    """Filler words in a hundred words; see :class:`ConversationalFeatures`."""

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__("filler-word-density", name, speaker)


class TurnLength(BaseDialogScore):
    """Number of words of each turn: a list, so that evaluators see all turns.

    Args:
        name: what it is called in tables.
        speaker: only this speaker's turns.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> TurnLength()(Dialog(turns=[Turn(text="Hi!"), Turn(text="How are you?")]))
        [1, 3]
    """

    def __init__(self, name: str | None = None, speaker: str | None = None) -> None:
        super().__init__(name or "turn-length", ai_speaker=speaker)

    def score(self, dialog: Dialog) -> list[int] | None:
        """Return the words of each turn, None if there is no turn."""
        return [len(text.split()) for text in utterances(dialog, self.ai_speaker)] or None
