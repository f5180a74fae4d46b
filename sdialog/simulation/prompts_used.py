"""Which prompt templates a run can use: their hashes belong to its plan, so that a changed one is noticed on resume."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.orchestrators import BaseOrchestrator

OF_ORCHESTRATORS = {
    "ChangeMindOrchestrator": ("orchestrate/change_mind",),
    "LengthOrchestrator": ("orchestrate/finish", "orchestrate/keep_going"),
    "SimpleResponseOrchestrator": ("orchestrate/suggest_actions", "orchestrate/suggest_responses"),
}
"""Templates by the class that renders them; subclasses render them too."""

_STRUCTURED = ("structured/instruct", "structured/repair")


def prompt_hashes(agents: Iterable[Agent], written: Iterable[str] = ()) -> dict[str, str]:
    """Return the hash of each template that conversations of ``agents`` can use, by its built-in name.

    A template that the settings put in the place of a built-in one is hashed under the name of that one.

    Args:
        agents: the parties.
        written: what a model writes for the run: ``persona``, ``context`` or both.

    Raises:
        UnknownNameError: if the settings name a template that is not there.
    """
    from sdialog.core.settings import current
    from sdialog.llm.prompts import template_hash

    overrides = current().prompts
    used: dict[str, str | Path] = {"agent/persona": overrides.get("persona_agent") or "agent/persona"}
    for agent in agents:
        for orchestrator in agent.orchestrators:
            used.update({name: name for name in _of(orchestrator)})
        if agent.tools and agent.model.batching == "batched":  # a model in this process, which may lack words for tools
            used["agent/tool_calls"] = "agent/tool_calls"
    for kind in written:
        used[f"generate/{kind}"] = overrides.get(f"{kind}_generator") or f"generate/{kind}"
        used.update({name: name for name in ("generate/attributes", *_STRUCTURED)})
    return {name: template_hash(template) for name, template in sorted(used.items())}


def _of(orchestrator: BaseOrchestrator) -> Iterable[str]:
    return (name for cls in type(orchestrator).__mro__ for name in OF_ORCHESTRATORS.get(cls.__name__, ()))
