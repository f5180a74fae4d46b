"""Looking into a model while it plays a persona, and changing what it computes.

Everything is found here and loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.interpretability.base import BaseHook as BaseHook
    from sdialog.interpretability.base import BaseSteerer as BaseSteerer
    from sdialog.interpretability.directions import Direction as Direction
    from sdialog.interpretability.erasure import Eraser as Eraser
    from sdialog.interpretability.expressions import Span as Span
    from sdialog.interpretability.families import Family as Family
    from sdialog.interpretability.families import families as families
    from sdialog.interpretability.hooks import ActivationHook as ActivationHook
    from sdialog.interpretability.hooks import LogitsHook as LogitsHook
    from sdialog.interpretability.hooks import ResponseHook as ResponseHook
    from sdialog.interpretability.inspector import Inspector as Inspector
    from sdialog.interpretability.networks import network_of as network_of
    from sdialog.interpretability.places import sites_of as sites_of
    from sdialog.interpretability.plan import Condition as Condition
    from sdialog.interpretability.plan import Edit as Edit
    from sdialog.interpretability.plan import Plan as Plan
    from sdialog.interpretability.plan import Read as Read
    from sdialog.interpretability.probes import Probe as Probe
    from sdialog.interpretability.probes import ProbeResult as ProbeResult
    from sdialog.interpretability.rendering import Rendering as Rendering
    from sdialog.interpretability.responses import InspectionResponse as InspectionResponse
    from sdialog.interpretability.responses import InspectionToken as InspectionToken
    from sdialog.interpretability.sites import Site as Site
    from sdialog.interpretability.spans import explain as explain
    from sdialog.interpretability.steering import DirectionSteerer as DirectionSteerer
    from sdialog.interpretability.sweep import Sweep as Sweep
    from sdialog.interpretability.taps import edit as edit
    from sdialog.interpretability.taps import read as read
    from sdialog.interpretability.traces import Capture as Capture

_PLACES = {
    "base": "BaseHook BaseSteerer",
    "directions": "Direction",
    "erasure": "Eraser",
    "expressions": "Span",
    "families": "Family families",
    "hooks": "ActivationHook LogitsHook ResponseHook",
    "inspector": "Inspector",
    "networks": "network_of",
    "places": "sites_of",
    "plan": "Condition Edit Plan Read",
    "probes": "Probe ProbeResult",
    "rendering": "Rendering",
    "responses": "InspectionResponse InspectionToken",
    "sites": "Site",
    "spans": "explain",
    "steering": "DirectionSteerer",
    "sweep": "Sweep",
    "taps": "edit read",
    "traces": "Capture",
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
