"""Measuring dialogs: scores with their uncertainty, over dialogs from anywhere.

Importing this package loads nothing; each name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore as BaseDialogScore
    from sdialog.evaluation.base import Measured as Measured
    from sdialog.evaluation.flow.base import BaseDialogFlowScore as BaseDialogFlowScore
    from sdialog.evaluation.flow.build import dialog2graph as dialog2graph
    from sdialog.evaluation.flow.build import dialog2trajectories as dialog2trajectories
    from sdialog.evaluation.flow.build import trajectory2graph as trajectory2graph
    from sdialog.evaluation.flow.drawing import draw_flow as draw_flow
    from sdialog.evaluation.flow.page import write_flow_page as write_flow_page
    from sdialog.evaluation.flow.scores import DialogFlowPPL as DialogFlowPPL
    from sdialog.evaluation.flow.scores import DialogFlowScore as DialogFlowScore
    from sdialog.evaluation.metrics.balance import BalanceFeatures as BalanceFeatures
    from sdialog.evaluation.metrics.conversational import BackChannelRateScore as BackChannelRateScore
    from sdialog.evaluation.metrics.conversational import ConversationalFeatures as ConversationalFeatures
    from sdialog.evaluation.metrics.conversational import FillerWordDensityScore as FillerWordDensityScore
    from sdialog.evaluation.metrics.conversational import HesitationRateScore as HesitationRateScore
    from sdialog.evaluation.metrics.conversational import LexicalDiversityScore as LexicalDiversityScore
    from sdialog.evaluation.metrics.conversational import MeanTurnLengthScore as MeanTurnLengthScore
    from sdialog.evaluation.metrics.conversational import QuestionRateScore as QuestionRateScore
    from sdialog.evaluation.metrics.conversational import TurnLength as TurnLength
    from sdialog.evaluation.metrics.conversational import TurnTakingRatioScore as TurnTakingRatioScore
    from sdialog.evaluation.metrics.entrainment import EntrainmentScore as EntrainmentScore
    from sdialog.evaluation.metrics.everything import DialogFeatures as DialogFeatures
    from sdialog.evaluation.metrics.everything import LinguisticFeatureScore as LinguisticFeatureScore
    from sdialog.evaluation.metrics.lexical import LexicalFeatures as LexicalFeatures
    from sdialog.evaluation.metrics.politeness import PolitenessFeatures as PolitenessFeatures
    from sdialog.evaluation.metrics.readability import ColemanLiauScore as ColemanLiauScore
    from sdialog.evaluation.metrics.readability import DaleChallScore as DaleChallScore
    from sdialog.evaluation.metrics.readability import FleschReadingEaseScore as FleschReadingEaseScore
    from sdialog.evaluation.metrics.readability import GunningFogScore as GunningFogScore
    from sdialog.evaluation.metrics.readability import LinsearWriteScore as LinsearWriteScore
    from sdialog.evaluation.metrics.readability import ReadabilityScore as ReadabilityScore
    from sdialog.evaluation.metrics.repair import DisfluencyFeatures as DisfluencyFeatures
    from sdialog.evaluation.metrics.responses import ResponseFeatures as ResponseFeatures
    from sdialog.evaluation.metrics.sentiment import SentimentTrajectory as SentimentTrajectory
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
    "BalanceFeatures": "metrics.balance",
    "BaseDialogFlowScore": "flow.base",
    "BaseDialogScore": "base",
    "BaseValidator": "validators.base",
    "CacheDialogScore": "score_cache",
    "ColemanLiauScore": "metrics.readability",
    "ConversationalFeatures": "metrics.conversational",
    "DaleChallScore": "metrics.readability",
    "DialogFeatures": "metrics.everything",
    "DialogFlowPPL": "flow.scores",
    "DialogFlowScore": "flow.scores",
    "DisfluencyFeatures": "metrics.repair",
    "EntrainmentScore": "metrics.entrainment",
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
    "LinguisticFeatureScore": "metrics.everything",
    "LinsearWriteScore": "metrics.readability",
    "MeanTurnLengthScore": "metrics.conversational",
    "Measured": "base",
    "PolitenessFeatures": "metrics.politeness",
    "QuestionRateScore": "metrics.conversational",
    "ReadabilityScore": "metrics.readability",
    "ResponseFeatures": "metrics.responses",
    "Running": "runner",
    "ScoreCache": "score_cache",
    "SentimentTrajectory": "metrics.sentiment",
    "ToolCalled": "validators.tool_sequence",
    "ToolSequenceValidator": "validators.tool_sequence",
    "TurnLength": "metrics.conversational",
    "TurnTakingRatioScore": "metrics.conversational",
    "ascore_dialogs": "runner",
    "dialog2graph": "flow.build",
    "dialog2trajectories": "flow.build",
    "draw_flow": "flow.drawing",
    "score_dialogs": "runner",
    "trajectory2graph": "flow.build",
    "write_flow_page": "flow.page",
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
