"""Measuring dialogs: scores with their uncertainty, over dialogs from anywhere.

Importing this package loads nothing; each name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore as BaseDialogScore
    from sdialog.evaluation.base import Measured as Measured
    from sdialog.evaluation.metrics.conversational import BackChannelRateScore as BackChannelRateScore
    from sdialog.evaluation.metrics.conversational import ConversationalFeatures as ConversationalFeatures
    from sdialog.evaluation.metrics.conversational import FillerWordDensityScore as FillerWordDensityScore
    from sdialog.evaluation.metrics.conversational import HesitationRateScore as HesitationRateScore
    from sdialog.evaluation.metrics.conversational import LexicalDiversityScore as LexicalDiversityScore
    from sdialog.evaluation.metrics.conversational import MeanTurnLengthScore as MeanTurnLengthScore
    from sdialog.evaluation.metrics.conversational import QuestionRateScore as QuestionRateScore
    from sdialog.evaluation.metrics.conversational import TurnLength as TurnLength
    from sdialog.evaluation.metrics.conversational import TurnTakingRatioScore as TurnTakingRatioScore
    from sdialog.evaluation.metrics.lexical import LexicalFeatures as LexicalFeatures
    from sdialog.evaluation.metrics.readability import ColemanLiauScore as ColemanLiauScore
    from sdialog.evaluation.metrics.readability import DaleChallScore as DaleChallScore
    from sdialog.evaluation.metrics.readability import FleschReadingEaseScore as FleschReadingEaseScore
    from sdialog.evaluation.metrics.readability import GunningFogScore as GunningFogScore
    from sdialog.evaluation.metrics.readability import LinsearWriteScore as LinsearWriteScore
    from sdialog.evaluation.metrics.readability import ReadabilityScore as ReadabilityScore
    from sdialog.evaluation.results import EvalResult as EvalResult
    from sdialog.evaluation.results import ItemResult as ItemResult
    from sdialog.evaluation.runner import Running as Running
    from sdialog.evaluation.runner import ascore_dialogs as ascore_dialogs
    from sdialog.evaluation.runner import score_dialogs as score_dialogs
    from sdialog.evaluation.score_cache import CacheDialogScore as CacheDialogScore
    from sdialog.evaluation.score_cache import ScoreCache as ScoreCache
    from sdialog.evaluation.statistics.intervals import Interval as Interval
    from sdialog.evaluation.validators.base import BaseValidator as BaseValidator
    from sdialog.evaluation.validators.base import Explanation as Explanation
    from sdialog.evaluation.validators.tool_sequence import ToolCalled as ToolCalled
    from sdialog.evaluation.validators.tool_sequence import ToolSequenceValidator as ToolSequenceValidator

_HOMES = {
    "BackChannelRateScore": "metrics.conversational",
    "BaseDialogScore": "base",
    "BaseValidator": "validators.base",
    "CacheDialogScore": "score_cache",
    "ColemanLiauScore": "metrics.readability",
    "ConversationalFeatures": "metrics.conversational",
    "DaleChallScore": "metrics.readability",
    "EvalResult": "results",
    "Explanation": "validators.base",
    "FillerWordDensityScore": "metrics.conversational",
    "FleschReadingEaseScore": "metrics.readability",
    "GunningFogScore": "metrics.readability",
    "HesitationRateScore": "metrics.conversational",
    "Interval": "statistics.intervals",
    "ItemResult": "results",
    "LexicalDiversityScore": "metrics.conversational",
    "LexicalFeatures": "metrics.lexical",
    "LinsearWriteScore": "metrics.readability",
    "MeanTurnLengthScore": "metrics.conversational",
    "Measured": "base",
    "QuestionRateScore": "metrics.conversational",
    "ReadabilityScore": "metrics.readability",
    "Running": "runner",
    "ScoreCache": "score_cache",
    "ToolCalled": "validators.tool_sequence",
    "ToolSequenceValidator": "validators.tool_sequence",
    "TurnLength": "metrics.conversational",
    "TurnTakingRatioScore": "metrics.conversational",
    "ascore_dialogs": "runner",
    "score_dialogs": "runner",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
