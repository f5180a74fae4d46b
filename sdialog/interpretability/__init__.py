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
    from sdialog.interpretability.attention_views import AttentionMaps as AttentionMaps
    from sdialog.interpretability.attention_views import attention_maps as attention_maps
    from sdialog.interpretability.attribution import Attribution as Attribution
    from sdialog.interpretability.attribution import direct_logit_attribution as direct_logit_attribution
    from sdialog.interpretability.attribution_patches import Agreement as Agreement
    from sdialog.interpretability.attribution_patches import Estimate as Estimate
    from sdialog.interpretability.attribution_patches import attribution_patching as attribution_patching
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
    from sdialog.interpretability.figures.page import write_page as write_page
    from sdialog.interpretability.figures.word_maps import word_map as word_map
    from sdialog.interpretability.finding import find_direction as find_direction
    from sdialog.interpretability.hooks import ActivationHook as ActivationHook
    from sdialog.interpretability.hooks import LogitsHook as LogitsHook
    from sdialog.interpretability.hooks import ResponseHook as ResponseHook
    from sdialog.interpretability.inspector import Inspector as Inspector
    from sdialog.interpretability.lens import Lens as Lens
    from sdialog.interpretability.lens import TunedLens as TunedLens
    from sdialog.interpretability.lens import logit_lens as logit_lens
    from sdialog.interpretability.lens_profiles import LensProfile as LensProfile
    from sdialog.interpretability.lens_profiles import lens_profile as lens_profile
    from sdialog.interpretability.loops.traces import ControlStep as ControlStep
    from sdialog.interpretability.loops.traces import ControlTrace as ControlTrace
    from sdialog.interpretability.loops.traces import control_traces as control_traces
    from sdialog.interpretability.loops.tracking import Tracking as Tracking
    from sdialog.interpretability.loops.tracking import tracking as tracking
    from sdialog.interpretability.metrics import AnswerLogProbability as AnswerLogProbability
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
    from sdialog.interpretability.spans import characters as characters
    from sdialog.interpretability.spans import choices as choices
    from sdialog.interpretability.spans import content as content
    from sdialog.interpretability.spans import everything as everything
    from sdialog.interpretability.spans import explain as explain
    from sdialog.interpretability.spans import generated as generated
    from sdialog.interpretability.spans import last_prompt as last_prompt
    from sdialog.interpretability.spans import message as message
    from sdialog.interpretability.spans import part as part
    from sdialog.interpretability.spans import prompt as prompt
    from sdialog.interpretability.spans import regex as regex
    from sdialog.interpretability.spans import role as role
    from sdialog.interpretability.spans import speaker as speaker
    from sdialog.interpretability.spans import special as special
    from sdialog.interpretability.spans import turn as turn
    from sdialog.interpretability.spans import words as words
    from sdialog.interpretability.steering import DirectionSteerer as DirectionSteerer
    from sdialog.interpretability.sweeps import Sweep as Sweep
    from sdialog.interpretability.sweeps import sweep as sweep
    from sdialog.interpretability.token_attribution import TokenAttribution as TokenAttribution
    from sdialog.interpretability.token_attribution import integrated_gradients as integrated_gradients
    from sdialog.interpretability.tokens.expressions import Span as Span
    from sdialog.interpretability.tokens.rendering import Rendering as Rendering

_PLACES = {
    "loops.tracking": "Tracking tracking",
    "loops.traces": "ControlStep ControlTrace control_traces",
    "figures.page": "write_page",
    "lens_profiles": "LensProfile lens_profile",
    "ablation": "Ablation ablate",
    "attention_views": "AttentionMaps attention_maps",
    "attribution": "Attribution direct_logit_attribution",
    "attribution_patches": "Agreement Estimate attribution_patching",
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
    "figures.word_maps": "word_map",
    "lens": "Lens TunedLens logit_lens",
    "metrics": "IsChosen LogProbability LogitDifference AnswerLogProbability",
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
    "spans": "characters choices content everything explain generated last_prompt message part prompt regex role "
    "speaker special turn words",
    "steering": "DirectionSteerer",
    "sweeps": "Sweep sweep",
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
