"""Looking into a model while it plays a persona, and changing what it computes.

Everything is found here and loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.interpretability.inspector import Inspector as Inspector
    from sdialog.interpretability.plan import Condition as Condition
    from sdialog.interpretability.plan import Edit as Edit
    from sdialog.interpretability.plan import Plan as Plan
    from sdialog.interpretability.plan import Read as Read
    from sdialog.interpretability.responses import InspectionResponse as InspectionResponse
    from sdialog.interpretability.responses import InspectionToken as InspectionToken
    from sdialog.interpretability.sites import Site as Site
    from sdialog.interpretability.steering import DirectionSteerer as DirectionSteerer
    from sdialog.interpretability.traces import Capture as Capture

_PLACES = {
    "inspector": "Inspector",
    "plan": "Condition Edit Plan Read",
    "responses": "InspectionResponse InspectionToken",
    "sites": "Site",
    "steering": "DirectionSteerer",
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
