"""Orchestrators: they watch a conversation and tell their agent what to do next.

This folder is the list: each module not starting with an underscore is one orchestrator.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.orchestrators.base import BaseOrchestrator, BasePersistentOrchestrator, orchestrators
    from sdialog.orchestrators.change_mind import ChangeMindOrchestrator
    from sdialog.orchestrators.instruction_list import InstructionListOrchestrator
    from sdialog.orchestrators.length import LengthOrchestrator
    from sdialog.orchestrators.simple_reflex import SimpleReflexOrchestrator
    from sdialog.orchestrators.simple_response import SimpleResponseOrchestrator

_HOMES = {
    "BaseOrchestrator": "base",
    "BasePersistentOrchestrator": "base",
    "ChangeMindOrchestrator": "change_mind",
    "InstructionListOrchestrator": "instruction_list",
    "LengthOrchestrator": "length",
    "SimpleReflexOrchestrator": "simple_reflex",
    "SimpleResponseOrchestrator": "simple_response",
    "orchestrators": "base",
}

__all__ = [
    "BaseOrchestrator",
    "BasePersistentOrchestrator",
    "ChangeMindOrchestrator",
    "InstructionListOrchestrator",
    "LengthOrchestrator",
    "SimpleReflexOrchestrator",
    "SimpleResponseOrchestrator",
    "orchestrators",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
