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
    from sdialog.evaluation.pass_k import PassK as PassK
    from sdialog.evaluation.pass_k import Trials as Trials
    from sdialog.evaluation.pass_k import pass_at_k as pass_at_k
    from sdialog.evaluation.pass_k import pass_hat_k as pass_hat_k
    from sdialog.evaluation.results import EvalResult as EvalResult
    from sdialog.evaluation.results import ItemResult as ItemResult
    from sdialog.evaluation.runner import Running as Running
    from sdialog.evaluation.runner import ascore_dialogs as ascore_dialogs
    from sdialog.evaluation.runner import score_dialogs as score_dialogs
    from sdialog.evaluation.score_cache import CacheDialogScore as CacheDialogScore
    from sdialog.evaluation.score_cache import ScoreCache as ScoreCache
    from sdialog.evaluation.statistics.intervals import Interval as Interval
    from sdialog.evaluation.validators._sandbox import CodeLimits as CodeLimits
    from sdialog.evaluation.validators.base import BaseValidator as BaseValidator
    from sdialog.evaluation.validators.base import Explanation as Explanation
    from sdialog.evaluation.validators.callable import CallableValidator as CallableValidator
    from sdialog.evaluation.validators.code import CodeValidator as CodeValidator
    from sdialog.evaluation.validators.code import code_blocks as code_blocks
    from sdialog.evaluation.validators.json_schema import JsonSchemaValidator as JsonSchemaValidator
    from sdialog.evaluation.validators.regex import RegexValidator as RegexValidator
    from sdialog.evaluation.validators.state import StateValidator as StateValidator
    from sdialog.evaluation.validators.state import task_of as task_of
    from sdialog.evaluation.validators.tool_sequence import ToolCalled as ToolCalled
    from sdialog.evaluation.validators.tool_sequence import ToolSequenceValidator as ToolSequenceValidator

_HOMES = {
    "BackChannelRateScore": "metrics.conversational",
    "BalanceFeatures": "metrics.balance",
    "BaseDialogFlowScore": "flow.base",
    "BaseDialogScore": "base",
    "BaseValidator": "validators.base",
    "CacheDialogScore": "score_cache",
    "CallableValidator": "validators.callable",
    "CodeLimits": "validators._sandbox",
    "CodeValidator": "validators.code",
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
    "JsonSchemaValidator": "validators.json_schema",
    "LexicalDiversityScore": "metrics.conversational",
    "LexicalFeatures": "metrics.lexical",
    "LinguisticFeatureScore": "metrics.everything",
    "LinsearWriteScore": "metrics.readability",
    "MeanTurnLengthScore": "metrics.conversational",
    "Measured": "base",
    "PassK": "pass_k",
    "PolitenessFeatures": "metrics.politeness",
    "QuestionRateScore": "metrics.conversational",
    "ReadabilityScore": "metrics.readability",
    "RegexValidator": "validators.regex",
    "ResponseFeatures": "metrics.responses",
    "Running": "runner",
    "ScoreCache": "score_cache",
    "SentimentTrajectory": "metrics.sentiment",
    "StateValidator": "validators.state",
    "ToolCalled": "validators.tool_sequence",
    "ToolSequenceValidator": "validators.tool_sequence",
    "Trials": "pass_k",
    "TurnLength": "metrics.conversational",
    "TurnTakingRatioScore": "metrics.conversational",
    "ascore_dialogs": "runner",
    "code_blocks": "validators.code",
    "dialog2graph": "flow.build",
    "dialog2trajectories": "flow.build",
    "draw_flow": "flow.drawing",
    "pass_at_k": "pass_k",
    "pass_hat_k": "pass_k",
    "score_dialogs": "runner",
    "task_of": "validators.state",
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
