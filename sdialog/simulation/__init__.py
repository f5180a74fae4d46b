"""Simulation: one dialog between two or more parties, many dialogs side by side, and scenario files.

=====================  ==========================================================
:func:`converse`       one dialog
:func:`generate`       many dialogs, into a run folder or memory
:class:`Scenario`      a YAML file that says who talks, about what, by which rules
=====================  ==========================================================
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.simulation.batch import StopRequest, generate, generate_batch
    from sdialog.simulation.conversation import Conduct, Conversation, Labels, converse
    from sdialog.simulation.gate import Check, Gate, Verdict
    from sdialog.simulation.guards import DEFAULT_GUARDS, EmptyReplyGuard, RoleFlipGuard
    from sdialog.simulation.limits import Limits
    from sdialog.simulation.outcomes import Failure, Outcome
    from sdialog.simulation.plan import AgentsPlan, Casting, Plan
    from sdialog.simulation.repetition import LoopDetector
    from sdialog.simulation.run_result import Progress, RunResult
    from sdialog.simulation.scenario import Scenario
    from sdialog.simulation.scenario_errors import ScenarioError
    from sdialog.simulation.stop_reasons import STOP_REASONS
    from sdialog.simulation.turn_taking import TurnTaking

_HOMES = {
    "AgentsPlan": "plan",
    "Casting": "plan",
    "Check": "gate",
    "Conduct": "conversation",
    "Conversation": "conversation",
    "DEFAULT_GUARDS": "guards",
    "EmptyReplyGuard": "guards",
    "Failure": "outcomes",
    "Gate": "gate",
    "Labels": "conversation",
    "Limits": "limits",
    "LoopDetector": "repetition",
    "Outcome": "outcomes",
    "Plan": "plan",
    "Progress": "run_result",
    "RoleFlipGuard": "guards",
    "RunResult": "run_result",
    "STOP_REASONS": "stop_reasons",
    "Scenario": "scenario",
    "ScenarioError": "scenario_errors",
    "StopRequest": "batch",
    "TurnTaking": "turn_taking",
    "Verdict": "gate",
    "converse": "conversation",
    "generate": "batch",
    "generate_batch": "batch",
}

__all__ = [
    "DEFAULT_GUARDS",
    "STOP_REASONS",
    "AgentsPlan",
    "Casting",
    "Check",
    "Conduct",
    "Conversation",
    "EmptyReplyGuard",
    "Failure",
    "Gate",
    "Labels",
    "Limits",
    "LoopDetector",
    "Outcome",
    "Plan",
    "Progress",
    "RoleFlipGuard",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "StopRequest",
    "TurnTaking",
    "Verdict",
    "converse",
    "generate",
    "generate_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
