"""Features of several scores under one name, each dialog split into words once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from sdialog.evaluation.metrics.balance import BalanceFeatures
from sdialog.evaluation.metrics.conversational import ConversationalFeatures
from sdialog.evaluation.metrics.entrainment import EntrainmentScore
from sdialog.evaluation.metrics.features import Feature, FeatureScore
from sdialog.evaluation.metrics.lexical import LexicalFeatures
from sdialog.evaluation.metrics.politeness import PolitenessFeatures
from sdialog.evaluation.metrics.readability import ReadabilityScore
from sdialog.evaluation.metrics.repair import DisfluencyFeatures
from sdialog.evaluation.metrics.responses import ResponseFeatures
from sdialog.evaluation.metrics.sentiment import SentimentTrajectory
from sdialog.evaluation.metrics.transcript import Transcript

Family = type[FeatureScore[Any]]
FAMILIES: tuple[Family, ...] = (
    ConversationalFeatures,
    ReadabilityScore,
    LexicalFeatures,
    ResponseFeatures,
    BalanceFeatures,
    EntrainmentScore,
    DisfluencyFeatures,
    SentimentTrajectory,
    PolitenessFeatures,
)
_DOUBLED = {"turn-entropy"}  # the turn-taking ratio under another name


@dataclass(frozen=True)
class Sources:
    """What the features of each family are computed from, made when first wanted."""

    transcript: Transcript
    made: dict[Family, Any] = field(default_factory=dict)

    def of(self, family: Family) -> Any:
        """Return what the features of a family are computed from."""
        if family not in self.made:
            self.made[family] = family.of(self.transcript)
        return self.made[family]


def _compute(family: Family, feature: Feature[Any], sources: Sources) -> float | None:
    return feature(sources.of(family))


def _features() -> dict[str, tuple[str, Feature[Sources]]]:
    return {
        name: (key, partial(_compute, family, feature))
        for family in FAMILIES
        for name, (key, feature) in family.features.items()
        if name not in _DOUBLED
    }


class DialogFeatures(FeatureScore[Sources]):
    """All linguistic and conversational features at once: each dialog is split into words once for all of them.

    The features are those of :class:`ConversationalFeatures`, :class:`ReadabilityScore`, :class:`LexicalFeatures`,
    :class:`ResponseFeatures`, :class:`BalanceFeatures`, :class:`EntrainmentScore`, :class:`DisfluencyFeatures`,
    :class:`SentimentTrajectory` and :class:`PolitenessFeatures`, under the same names; ``turn-entropy`` is left out, as
    ``turn-taking-ratio`` is the same.

    Args:
        feature: one or several features; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Where is it?"), Turn(speaker="Bob", text="Here, thanks.")])
        >>> DialogFeatures(["question-rate", "gratitude-rate", "turn-gini"])(dialog)
        {'question_rate': 50.0, 'turn_gini': 0.0, 'gratitude_rate': 50.0}
    """

    own_name = "dialog_features"
    features: ClassVar[Mapping[str, tuple[str, Feature[Sources]]]] = _features()

    @classmethod
    def of(cls, transcript: Transcript) -> Sources:
        """Return what the features are computed from."""
        return Sources(transcript)


class LinguisticFeatureScore(DialogFeatures):
    """Four features under the name that scripts for older versions use.

    Args:
        feature: one or several of ``mean-turn-length``, ``hesitation-rate``, ``gunning-fog``,
            ``flesch-reading-ease``; None for all.
        name: what it is called in tables.
        speaker: count only what this speaker says.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> LinguisticFeatureScore(["mean-turn-length", "hesitation-rate"])(Dialog(turns=[Turn(text="Um, hello.")]))
        {'mean-turn-length': 2.0, 'hesitation_rate': 50.0}
    """

    own_name = "linguistic_features"
    features: ClassVar[Mapping[str, tuple[str, Feature[Sources]]]] = {
        name: DialogFeatures.features[name]
        for name in ("mean-turn-length", "hesitation-rate", "gunning-fog", "flesch-reading-ease")
    }
