"""Sparse dictionaries of activations: autoencoders, transcoders and crosscoders, trained, measured and shown.

Importing this package loads nothing; each name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.interpretability.sae._batches import ActivationBatches as ActivationBatches
    from sdialog.interpretability.sae._cooccurrence import CoOccurrence as CoOccurrence
    from sdialog.interpretability.sae._cooccurrence import co_occurrence as co_occurrence
    from sdialog.interpretability.sae._dialog_losses import DialogLosses as DialogLosses
    from sdialog.interpretability.sae._dictionary import Crosscoder as Crosscoder
    from sdialog.interpretability.sae._dictionary import SparseAutoencoder as SparseAutoencoder
    from sdialog.interpretability.sae._dictionary import SparseDictionary as SparseDictionary
    from sdialog.interpretability.sae._dictionary import Transcoder as Transcoder
    from sdialog.interpretability.sae._examples import Passage as Passage
    from sdialog.interpretability.sae._examples import Window as Window
    from sdialog.interpretability.sae._examples import logit_effects as logit_effects
    from sdialog.interpretability.sae._examples import top_examples as top_examples
    from sdialog.interpretability.sae._feature_edits import feature_edit as feature_edit
    from sdialog.interpretability.sae._files import load as load
    from sdialog.interpretability.sae._measuring import absorption as absorption
    from sdialog.interpretability.sae._measuring import loss_recovered as loss_recovered
    from sdialog.interpretability.sae._measuring import measure as measure
    from sdialog.interpretability.sae._measuring import recovery as recovery
    from sdialog.interpretability.sae._passages import passages as passages
    from sdialog.interpretability.sae._predicate_naming import name_by_predicates as name_by_predicates
    from sdialog.interpretability.sae._training import Trained as Trained
    from sdialog.interpretability.sae._training import train as train
    from sdialog.interpretability.sae.cards import DetectionScore as DetectionScore
    from sdialog.interpretability.sae.cards import Effect as Effect
    from sdialog.interpretability.sae.cards import Example as Example
    from sdialog.interpretability.sae.cards import FeatureCard as FeatureCard
    from sdialog.interpretability.sae.cards import FeatureName as FeatureName
    from sdialog.interpretability.sae.cards import Quantile as Quantile
    from sdialog.interpretability.sae.config import SAEConfig as SAEConfig
    from sdialog.interpretability.sae.config import TrainingConfig as TrainingConfig
    from sdialog.interpretability.sae.metrics import Absorption as Absorption
    from sdialog.interpretability.sae.metrics import LossRecovered as LossRecovered
    from sdialog.interpretability.sae.metrics import Recovery as Recovery
    from sdialog.interpretability.sae.metrics import SAEReport as SAEReport
    from sdialog.interpretability.sae.naming import adetection_score as adetection_score
    from sdialog.interpretability.sae.naming import aname_feature as aname_feature
    from sdialog.interpretability.sae.naming import detection_score as detection_score
    from sdialog.interpretability.sae.naming import name_feature as name_feature
    from sdialog.interpretability.sae.page import page as page
    from sdialog.interpretability.sae.page import write_page as write_page
    from sdialog.interpretability.sae.predicate_names import PredicateName as PredicateName
    from sdialog.interpretability.sae.predicate_names import PredicateNames as PredicateNames
    from sdialog.interpretability.sae.predicates import Predicate as Predicate
    from sdialog.interpretability.sae.training_log import LogEntry as LogEntry
    from sdialog.interpretability.sae.training_log import TrainingLog as TrainingLog

_BY_HOME = {
    "_batches": "ActivationBatches",
    "_cooccurrence": "CoOccurrence co_occurrence",
    "_dialog_losses": "DialogLosses",
    "_dictionary": "Crosscoder SparseAutoencoder SparseDictionary Transcoder",
    "_examples": "Passage Window logit_effects top_examples",
    "_feature_edits": "feature_edit",
    "_files": "load",
    "_measuring": "absorption loss_recovered measure recovery",
    "_passages": "passages",
    "_predicate_naming": "name_by_predicates",
    "_training": "Trained train",
    "cards": "DetectionScore Effect Example FeatureCard FeatureName Quantile",
    "config": "SAEConfig TrainingConfig",
    "metrics": "Absorption LossRecovered Recovery SAEReport",
    "naming": "adetection_score aname_feature detection_score name_feature",
    "page": "page write_page",
    "predicate_names": "PredicateName PredicateNames",
    "predicates": "Predicate",
    "training_log": "LogEntry TrainingLog",
}
_HOMES = {name: home for home, names in _BY_HOME.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name].startswith("_"):
        from sdialog.core.optional import need

        need("torch", extra="local", why="work with sparse dictionaries")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
