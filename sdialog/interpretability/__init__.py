"""Looking into a model while it plays a persona, and changing what it computes.

Everything is found here and loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.interpretability.ablation import Ablation as Ablation
    from sdialog.interpretability.ablation import ablate as ablate
    from sdialog.interpretability.anatomy.families import Family as Family
    from sdialog.interpretability.anatomy.families import families as families
    from sdialog.interpretability.anatomy.places import sites_of as sites_of
    from sdialog.interpretability.anatomy.taps import edit as edit
    from sdialog.interpretability.anatomy.taps import read as read
    from sdialog.interpretability.attention_maps import AttentionMaps as AttentionMaps
    from sdialog.interpretability.attribution import Attribution as Attribution
    from sdialog.interpretability.attribution import direct_logit_attribution as direct_logit_attribution
    from sdialog.interpretability.attribution_patching import Agreement as Agreement
    from sdialog.interpretability.attribution_patching import Estimate as Estimate
    from sdialog.interpretability.base import BaseHook as BaseHook
    from sdialog.interpretability.base import BaseSteerer as BaseSteerer
    from sdialog.interpretability.cache import ActivationCache as ActivationCache
    from sdialog.interpretability.contrasts import ContrastSet as ContrastSet
    from sdialog.interpretability.contrasts import vary as vary
    from sdialog.interpretability.control import HoldReading as HoldReading
    from sdialog.interpretability.direction_effects import Effect as Effect
    from sdialog.interpretability.direction_effects import evaluate_direction as evaluate_direction
    from sdialog.interpretability.directions import Direction as Direction
    from sdialog.interpretability.erasure import Eraser as Eraser
    from sdialog.interpretability.figures.labelled_arrays import LabelledArray as LabelledArray
    from sdialog.interpretability.finding import find_direction as find_direction
    from sdialog.interpretability.hooks import ActivationHook as ActivationHook
    from sdialog.interpretability.hooks import LogitsHook as LogitsHook
    from sdialog.interpretability.hooks import ResponseHook as ResponseHook
    from sdialog.interpretability.inspector import Inspector as Inspector
    from sdialog.interpretability.lens import Lens as Lens
    from sdialog.interpretability.lens import TunedLens as TunedLens
    from sdialog.interpretability.lens import logit_lens as logit_lens
    from sdialog.interpretability.metrics import IsChosen as IsChosen
    from sdialog.interpretability.metrics import LogitDifference as LogitDifference
    from sdialog.interpretability.metrics import LogProbability as LogProbability
    from sdialog.interpretability.networks import network_of as network_of
    from sdialog.interpretability.patching import Patching as Patching
    from sdialog.interpretability.patching import patch as patch
    from sdialog.interpretability.path_patching import Paths as Paths
    from sdialog.interpretability.path_patching import patch_paths as patch_paths
    from sdialog.interpretability.plan import Condition as Condition
    from sdialog.interpretability.plan import Edit as Edit
    from sdialog.interpretability.plan import Plan as Plan
    from sdialog.interpretability.plan import Read as Read
    from sdialog.interpretability.plans.data import plan_from_data as plan_from_data
    from sdialog.interpretability.plans.data import plan_to_data as plan_to_data
    from sdialog.interpretability.plans.schedules import Schedule as Schedule
    from sdialog.interpretability.plans.schedules import ScheduledSteering as ScheduledSteering
    from sdialog.interpretability.probes import Probe as Probe
    from sdialog.interpretability.probes import ProbeResult as ProbeResult
    from sdialog.interpretability.responses import InspectionResponse as InspectionResponse
    from sdialog.interpretability.responses import InspectionToken as InspectionToken
    from sdialog.interpretability.running.traces import Capture as Capture
    from sdialog.interpretability.sites import Site as Site
    from sdialog.interpretability.spans import explain as explain
    from sdialog.interpretability.steering import DirectionSteerer as DirectionSteerer
    from sdialog.interpretability.sweep import Sweep as Sweep
    from sdialog.interpretability.token_attribution import TokenAttribution as TokenAttribution
    from sdialog.interpretability.token_attribution import integrated_gradients as integrated_gradients
    from sdialog.interpretability.tokens.expressions import Span as Span
    from sdialog.interpretability.tokens.rendering import Rendering as Rendering

_PLACES = {
    "ablation": "Ablation ablate",
    "attention_maps": "AttentionMaps",
    "attribution": "Attribution direct_logit_attribution",
    "attribution_patching": "Agreement Estimate",
    "base": "BaseHook BaseSteerer",
    "cache": "ActivationCache",
    "contrasts": "ContrastSet vary",
    "control": "HoldReading",
    "direction_effects": "Effect evaluate_direction",
    "directions": "Direction",
    "erasure": "Eraser",
    "tokens.expressions": "Span",
    "anatomy.families": "Family families",
    "finding": "find_direction",
    "hooks": "ActivationHook LogitsHook ResponseHook",
    "inspector": "Inspector",
    "figures.labelled_arrays": "LabelledArray",
    "lens": "Lens TunedLens logit_lens",
    "metrics": "IsChosen LogProbability LogitDifference",
    "networks": "network_of",
    "patching": "Patching patch",
    "path_patching": "Paths patch_paths",
    "anatomy.places": "sites_of",
    "plan": "Condition Edit Plan Read",
    "plans.data": "plan_from_data plan_to_data",
    "probes": "Probe ProbeResult",
    "tokens.rendering": "Rendering",
    "responses": "InspectionResponse InspectionToken",
    "plans.schedules": "Schedule ScheduledSteering",
    "sites": "Site",
    "spans": "explain",
    "steering": "DirectionSteerer",
    "sweep": "Sweep",
    "anatomy.taps": "edit read",
    "token_attribution": "TokenAttribution integrated_gradients",
    "running.traces": "Capture",
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
