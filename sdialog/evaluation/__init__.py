"""Measuring dialogs: scores with their uncertainty, over dialogs from anywhere.

Importing this package loads nothing; each name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore as BaseDialogScore
    from sdialog.evaluation.base import Measured as Measured
    from sdialog.evaluation.calibration import Calibration as Calibration
    from sdialog.evaluation.calibration import Share as Share
    from sdialog.evaluation.calibration import calibrate as calibrate
    from sdialog.evaluation.compare import ClaimError as ClaimError
    from sdialog.evaluation.compare import Comparator as Comparator
    from sdialog.evaluation.compare import DatasetComparator as DatasetComparator
    from sdialog.evaluation.compare import assert_at_least as assert_at_least
    from sdialog.evaluation.compare import assert_better as assert_better
    from sdialog.evaluation.comparison.differences import Difference as Difference
    from sdialog.evaluation.comparison.result import Comparison as Comparison
    from sdialog.evaluation.dataset import Dataset as Dataset
    from sdialog.evaluation.distances.centroid import centroid_similarity as centroid_similarity
    from sdialog.evaluation.distances.corpus import corpus_distances as corpus_distances
    from sdialog.evaluation.distances.densities import cauchy_schwarz_divergence as cauchy_schwarz_divergence
    from sdialog.evaluation.distances.densities import js_divergence as js_divergence
    from sdialog.evaluation.distances.densities import kl_divergence as kl_divergence
    from sdialog.evaluation.distances.frechet import frechet_distance as frechet_distance
    from sdialog.evaluation.distances.frechet import frechet_distance_1d as frechet_distance_1d
    from sdialog.evaluation.distances.frechet import frechet_distance_infinity as frechet_distance_infinity
    from sdialog.evaluation.distances.frechet import frechet_report as frechet_report
    from sdialog.evaluation.distances.neighbors import neighbor_coverage as neighbor_coverage
    from sdialog.evaluation.distances.noise_floor import NoiseFloor as NoiseFloor
    from sdialog.evaluation.distances.noise_floor import above_floor as above_floor
    from sdialog.evaluation.distances.noise_floor import split_half_floor as split_half_floor
    from sdialog.evaluation.distances.one_dimensional import ks_statistic as ks_statistic
    from sdialog.evaluation.distances.one_dimensional import wasserstein_distance as wasserstein_distance
    from sdialog.evaluation.diversity.corpus import corpus_diversity as corpus_diversity
    from sdialog.evaluation.diversity.duplicates import Duplicate as Duplicate
    from sdialog.evaluation.diversity.duplicates import near_duplicate_rate as near_duplicate_rate
    from sdialog.evaluation.diversity.duplicates import near_duplicates as near_duplicates
    from sdialog.evaluation.diversity.duplicates import near_duplicates_by_embedding as near_duplicates_by_embedding
    from sdialog.evaluation.diversity.overlap import Leak as Leak
    from sdialog.evaluation.diversity.overlap import Leakage as Leakage
    from sdialog.evaluation.diversity.overlap import leakage as leakage
    from sdialog.evaluation.diversity.overlap import novelty as novelty
    from sdialog.evaluation.diversity.repetition import compression_ratio as compression_ratio
    from sdialog.evaluation.diversity.repetition import ngram_entropy as ngram_entropy
    from sdialog.evaluation.diversity.repetition import self_bleu as self_bleu
    from sdialog.evaluation.diversity.vendi import vendi_score as vendi_score
    from sdialog.evaluation.embeddings.base import BaseDialogEmbedder as BaseDialogEmbedder
    from sdialog.evaluation.embeddings.callable import CallableDialogEmbedder as CallableDialogEmbedder
    from sdialog.evaluation.embeddings.choice import get_embedder as get_embedder
    from sdialog.evaluation.embeddings.hashed import HashedNgramEmbedder as HashedNgramEmbedder
    from sdialog.evaluation.embeddings.sentence_transformer import (
        SentenceTransformerDialogEmbedder as SentenceTransformerDialogEmbedder,
    )
    from sdialog.evaluation.evaluators.base import BaseDatasetEvaluator as BaseDatasetEvaluator
    from sdialog.evaluation.evaluators.embeddings import BaseDatasetEmbeddingEvaluator as BaseDatasetEmbeddingEvaluator
    from sdialog.evaluation.evaluators.embeddings import EmbeddingDistanceEvaluator as EmbeddingDistanceEvaluator
    from sdialog.evaluation.evaluators.embeddings import (
        ReferenceCentroidEmbeddingEvaluator as ReferenceCentroidEmbeddingEvaluator,
    )
    from sdialog.evaluation.evaluators.pairs import FrechetBERTDistanceEvaluator as FrechetBERTDistanceEvaluator
    from sdialog.evaluation.evaluators.pairs import PrecisionRecallDistanceEvaluator as PrecisionRecallDistanceEvaluator
    from sdialog.evaluation.evaluators.references import FrechetDistanceEvaluator as FrechetDistanceEvaluator
    from sdialog.evaluation.evaluators.references import KDEDistanceEvaluator as KDEDistanceEvaluator
    from sdialog.evaluation.evaluators.references import ScoreDistanceEvaluator as ScoreDistanceEvaluator
    from sdialog.evaluation.evaluators.scores import BaseDatasetScoreEvaluator as BaseDatasetScoreEvaluator
    from sdialog.evaluation.evaluators.summaries import FrequencyEvaluator as FrequencyEvaluator
    from sdialog.evaluation.evaluators.summaries import MeanEvaluator as MeanEvaluator
    from sdialog.evaluation.evaluators.summaries import StatsEvaluator as StatsEvaluator
    from sdialog.evaluation.flow.base import BaseDialogFlowScore as BaseDialogFlowScore
    from sdialog.evaluation.flow.build import dialog2graph as dialog2graph
    from sdialog.evaluation.flow.build import dialog2trajectories as dialog2trajectories
    from sdialog.evaluation.flow.build import trajectory2graph as trajectory2graph
    from sdialog.evaluation.flow.drawing import draw_flow as draw_flow
    from sdialog.evaluation.flow.page import write_flow_page as write_flow_page
    from sdialog.evaluation.flow.scores import DialogFlowPPL as DialogFlowPPL
    from sdialog.evaluation.flow.scores import DialogFlowScore as DialogFlowScore
    from sdialog.evaluation.hf.metric import HFCorpusMetric as HFCorpusMetric
    from sdialog.evaluation.hf.metric import HFMetric as HFMetric
    from sdialog.evaluation.hf.module import as_evaluation_module as as_evaluation_module
    from sdialog.evaluation.integrity.base import Fault as Fault
    from sdialog.evaluation.integrity.base import Inspection as Inspection
    from sdialog.evaluation.integrity.base import IntegrityDetector as IntegrityDetector
    from sdialog.evaluation.integrity.early_disclosure import EarlyDisclosureDetector as EarlyDisclosureDetector
    from sdialog.evaluation.integrity.echo import EchoDetector as EchoDetector
    from sdialog.evaluation.integrity.empty_turn import EmptyTurnDetector as EmptyTurnDetector
    from sdialog.evaluation.integrity.goodbye_loop import GoodbyeLoopDetector as GoodbyeLoopDetector
    from sdialog.evaluation.integrity.leaked_reasoning import LeakedReasoningDetector as LeakedReasoningDetector
    from sdialog.evaluation.integrity.premature_stop import PrematureStopDetector as PrematureStopDetector
    from sdialog.evaluation.integrity.repeated_turn import RepeatedTurnDetector as RepeatedTurnDetector
    from sdialog.evaluation.integrity.role_flip import RoleFlipDetector as RoleFlipDetector
    from sdialog.evaluation.integrity.role_integrity import DETECTORS as DETECTORS
    from sdialog.evaluation.integrity.role_integrity import RoleIntegrity as RoleIntegrity
    from sdialog.evaluation.judges.agents import LLMJudgeGoalCompletion as LLMJudgeGoalCompletion
    from sdialog.evaluation.judges.agents import LLMJudgeKnowledgeRetention as LLMJudgeKnowledgeRetention
    from sdialog.evaluation.judges.agents import LLMJudgePersonaConsistency as LLMJudgePersonaConsistency
    from sdialog.evaluation.judges.agents import LLMJudgeTopicAdherence as LLMJudgeTopicAdherence
    from sdialog.evaluation.judges.base import BaseLLMJudge as BaseLLMJudge
    from sdialog.evaluation.judges.category import LLMJudgeCategory as LLMJudgeCategory
    from sdialog.evaluation.judges.outputs import Evidence as Evidence
    from sdialog.evaluation.judges.outputs import LLMJudgeCategoryOutput as LLMJudgeCategoryOutput
    from sdialog.evaluation.judges.outputs import LLMJudgePairwiseOutput as LLMJudgePairwiseOutput
    from sdialog.evaluation.judges.outputs import LLMJudgeRubricOutput as LLMJudgeRubricOutput
    from sdialog.evaluation.judges.outputs import LLMJudgeScoreOutput as LLMJudgeScoreOutput
    from sdialog.evaluation.judges.outputs import LLMJudgeYesNoOutput as LLMJudgeYesNoOutput
    from sdialog.evaluation.judges.pairwise import LLMJudgePairwise as LLMJudgePairwise
    from sdialog.evaluation.judges.panel import JudgePanel as JudgePanel
    from sdialog.evaluation.judges.probes import ProbeResult as ProbeResult
    from sdialog.evaluation.judges.probes import order_probe as order_probe
    from sdialog.evaluation.judges.probes import retest_probe as retest_probe
    from sdialog.evaluation.judges.probes import self_preference_probe as self_preference_probe
    from sdialog.evaluation.judges.probes import verbosity_probe as verbosity_probe
    from sdialog.evaluation.judges.rubric import LLMJudgeRubric as LLMJudgeRubric
    from sdialog.evaluation.judges.scores import LLMJudgeRealDialogLikertScore as LLMJudgeRealDialogLikertScore
    from sdialog.evaluation.judges.scores import LLMJudgeRealDialogScore as LLMJudgeRealDialogScore
    from sdialog.evaluation.judges.scores import LLMJudgeScore as LLMJudgeScore
    from sdialog.evaluation.judges.spec import judge_from_spec as judge_from_spec
    from sdialog.evaluation.judges.yes_no import LLMJudgePersonaAttributes as LLMJudgePersonaAttributes
    from sdialog.evaluation.judges.yes_no import LLMJudgeRealDialog as LLMJudgeRealDialog
    from sdialog.evaluation.judges.yes_no import LLMJudgeRefusal as LLMJudgeRefusal
    from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo as LLMJudgeYesNo
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
    from sdialog.evaluation.metrics.sentiment import TurnSentiment as TurnSentiment
    from sdialog.evaluation.pass_k import PassK as PassK
    from sdialog.evaluation.pass_k import Trials as Trials
    from sdialog.evaluation.pass_k import pass_at_k as pass_at_k
    from sdialog.evaluation.pass_k import pass_hat_k as pass_hat_k
    from sdialog.evaluation.report.page import write_report as write_report
    from sdialog.evaluation.results import EvalResult as EvalResult
    from sdialog.evaluation.results import ItemResult as ItemResult
    from sdialog.evaluation.runner import Running as Running
    from sdialog.evaluation.runner import ascore_dialogs as ascore_dialogs
    from sdialog.evaluation.runner import score_dialogs as score_dialogs
    from sdialog.evaluation.score_cache import CacheDialogScore as CacheDialogScore
    from sdialog.evaluation.score_cache import ScoreCache as ScoreCache
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
    from sdialog.statistics.agreement import Agreement as Agreement
    from sdialog.statistics.agreement import Confusion as Confusion
    from sdialog.statistics.agreement import cohen_kappa as cohen_kappa
    from sdialog.statistics.agreement import confusion as confusion
    from sdialog.statistics.agreement import fleiss_kappa as fleiss_kappa
    from sdialog.statistics.agreement import krippendorff_alpha as krippendorff_alpha
    from sdialog.statistics.conformal import Abstention as Abstention
    from sdialog.statistics.conformal import abstain_below as abstain_below
    from sdialog.statistics.corrected_rates import Estimate as Estimate
    from sdialog.statistics.corrected_rates import prediction_powered_mean as prediction_powered_mean
    from sdialog.statistics.corrected_rates import rogan_gladen as rogan_gladen
    from sdialog.statistics.corrections import adjust as adjust
    from sdialog.statistics.effects import cliffs_delta as cliffs_delta
    from sdialog.statistics.effects import cohens_h as cohens_h
    from sdialog.statistics.effects import difference_interval as difference_interval
    from sdialog.statistics.effects import hedges_g as hedges_g
    from sdialog.statistics.effects import newcombe_interval as newcombe_interval
    from sdialog.statistics.effects import paired_newcombe_interval as paired_newcombe_interval
    from sdialog.statistics.hypotheses import mcnemar_test as mcnemar_test
    from sdialog.statistics.hypotheses import paired_permutation_test as paired_permutation_test
    from sdialog.statistics.hypotheses import permutation_test as permutation_test
    from sdialog.statistics.intervals import Interval as Interval
    from sdialog.statistics.margins import WeightedMean as WeightedMean
    from sdialog.statistics.margins import rake as rake
    from sdialog.statistics.margins import weighted_mean as weighted_mean
    from sdialog.statistics.power import Design as Design
    from sdialog.statistics.power import minimum_detectable_difference as minimum_detectable_difference
    from sdialog.statistics.power import power as power
    from sdialog.statistics.power import required_n as required_n

_PLACES = {
    "base": "BaseDialogScore Measured",
    "calibration": "Calibration Share calibrate",
    "compare": "ClaimError Comparator DatasetComparator assert_at_least assert_better",
    "comparison.differences": "Difference",
    "comparison.result": "Comparison",
    "dataset": "Dataset",
    "distances.centroid": "centroid_similarity",
    "distances.corpus": "corpus_distances",
    "distances.densities": "cauchy_schwarz_divergence js_divergence kl_divergence",
    "distances.frechet": "frechet_distance frechet_distance_1d frechet_distance_infinity frechet_report",
    "distances.neighbors": "neighbor_coverage",
    "distances.noise_floor": "NoiseFloor above_floor split_half_floor",
    "distances.one_dimensional": "ks_statistic wasserstein_distance",
    "diversity.corpus": "corpus_diversity",
    "diversity.duplicates": "Duplicate near_duplicate_rate near_duplicates near_duplicates_by_embedding",
    "diversity.overlap": "Leak Leakage leakage novelty",
    "diversity.repetition": "compression_ratio ngram_entropy self_bleu",
    "diversity.vendi": "vendi_score",
    "embeddings.base": "BaseDialogEmbedder",
    "embeddings.callable": "CallableDialogEmbedder",
    "embeddings.choice": "get_embedder",
    "embeddings.hashed": "HashedNgramEmbedder",
    "embeddings.sentence_transformer": "SentenceTransformerDialogEmbedder",
    "evaluators.base": "BaseDatasetEvaluator",
    "evaluators.embeddings": "BaseDatasetEmbeddingEvaluator EmbeddingDistanceEvaluator "
    "ReferenceCentroidEmbeddingEvaluator",
    "evaluators.pairs": "FrechetBERTDistanceEvaluator PrecisionRecallDistanceEvaluator",
    "evaluators.references": "FrechetDistanceEvaluator KDEDistanceEvaluator ScoreDistanceEvaluator",
    "evaluators.scores": "BaseDatasetScoreEvaluator",
    "evaluators.summaries": "FrequencyEvaluator MeanEvaluator StatsEvaluator",
    "flow.base": "BaseDialogFlowScore",
    "flow.build": "dialog2graph dialog2trajectories trajectory2graph",
    "flow.drawing": "draw_flow",
    "flow.page": "write_flow_page",
    "flow.scores": "DialogFlowPPL DialogFlowScore",
    "hf.metric": "HFCorpusMetric HFMetric",
    "hf.module": "as_evaluation_module",
    "integrity.base": "Fault Inspection IntegrityDetector",
    "integrity.early_disclosure": "EarlyDisclosureDetector",
    "integrity.echo": "EchoDetector",
    "integrity.empty_turn": "EmptyTurnDetector",
    "integrity.goodbye_loop": "GoodbyeLoopDetector",
    "integrity.leaked_reasoning": "LeakedReasoningDetector",
    "integrity.premature_stop": "PrematureStopDetector",
    "integrity.repeated_turn": "RepeatedTurnDetector",
    "integrity.role_flip": "RoleFlipDetector",
    "integrity.role_integrity": "DETECTORS RoleIntegrity",
    "judges.agents": "LLMJudgeGoalCompletion LLMJudgeKnowledgeRetention LLMJudgePersonaConsistency "
    "LLMJudgeTopicAdherence",
    "judges.base": "BaseLLMJudge",
    "judges.category": "LLMJudgeCategory",
    "judges.outputs": "Evidence LLMJudgeCategoryOutput LLMJudgePairwiseOutput LLMJudgeRubricOutput "
    "LLMJudgeScoreOutput LLMJudgeYesNoOutput",
    "judges.pairwise": "LLMJudgePairwise",
    "judges.panel": "JudgePanel",
    "judges.probes": "ProbeResult order_probe retest_probe self_preference_probe verbosity_probe",
    "judges.rubric": "LLMJudgeRubric",
    "judges.scores": "LLMJudgeRealDialogLikertScore LLMJudgeRealDialogScore LLMJudgeScore",
    "judges.spec": "judge_from_spec",
    "judges.yes_no": "LLMJudgePersonaAttributes LLMJudgeRealDialog LLMJudgeRefusal LLMJudgeYesNo",
    "metrics.balance": "BalanceFeatures",
    "metrics.conversational": "BackChannelRateScore ConversationalFeatures FillerWordDensityScore HesitationRateScore "
    "LexicalDiversityScore MeanTurnLengthScore QuestionRateScore TurnLength TurnTakingRatioScore",
    "metrics.entrainment": "EntrainmentScore",
    "metrics.everything": "DialogFeatures LinguisticFeatureScore",
    "metrics.lexical": "LexicalFeatures",
    "metrics.politeness": "PolitenessFeatures",
    "metrics.readability": "ColemanLiauScore DaleChallScore FleschReadingEaseScore GunningFogScore LinsearWriteScore "
    "ReadabilityScore",
    "metrics.repair": "DisfluencyFeatures",
    "metrics.responses": "ResponseFeatures",
    "metrics.sentiment": "SentimentTrajectory TurnSentiment",
    "pass_k": "PassK Trials pass_at_k pass_hat_k",
    "report.page": "write_report",
    "results": "EvalResult ItemResult",
    "runner": "Running ascore_dialogs score_dialogs",
    "score_cache": "CacheDialogScore ScoreCache",
    ".statistics.agreement": "Agreement Confusion cohen_kappa confusion fleiss_kappa krippendorff_alpha",
    ".statistics.conformal": "Abstention abstain_below",
    ".statistics.corrected_rates": "Estimate prediction_powered_mean rogan_gladen",
    ".statistics.corrections": "adjust",
    ".statistics.effects": "cliffs_delta cohens_h difference_interval hedges_g newcombe_interval "
    "paired_newcombe_interval",
    ".statistics.hypotheses": "mcnemar_test paired_permutation_test permutation_test",
    ".statistics.intervals": "Interval",
    ".statistics.margins": "WeightedMean rake weighted_mean",
    ".statistics.power": "Design minimum_detectable_difference power required_n",
    "validators._sandbox": "CodeLimits",
    "validators.base": "BaseValidator Explanation",
    "validators.callable": "CallableValidator",
    "validators.code": "CodeValidator code_blocks",
    "validators.json_schema": "JsonSchemaValidator",
    "validators.regex": "RegexValidator",
    "validators.state": "StateValidator task_of",
    "validators.tool_sequence": "ToolCalled ToolSequenceValidator",
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
