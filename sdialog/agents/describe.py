"""What an agent says of itself: its system prompt and its description as data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sdialog.agents.stopping import STOP_WORD
from sdialog.core import settings
from sdialog.llm.prompts import render

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent

TEMPLATE = "agent/persona"


def system_prompt(agent: Agent, context: Any = None, example_dialogs: Iterable[Any] | None = None) -> str | None:
    """Return the agent's system prompt, or None if it has neither a persona nor a prompt of its own.

    Args:
        agent: whose prompt.
        context: stands in for the agent's own context, when given.
        example_dialogs: stand in for the agent's own examples, when given.

    Raises:
        ConfigError: if the template is broken.
        UnknownNameError: if the settings name a template that is not there.
    """
    if agent.system_prompt is not None or agent.persona is None:
        return agent.system_prompt
    template = settings.current().prompts.get("persona_agent") or TEMPLATE
    shown = agent.context if context is None else context
    examples = agent.example_dialogs if example_dialogs is None else example_dialogs
    return render(
        template,
        persona=agent.persona.prompt(),
        context=context_text(shown),
        dialogue_details=agent.dialogue_details,
        response_details=agent.response_details,
        example_dialogs=list(examples or ()),
        can_finish=agent.can_finish,
        stop_word=STOP_WORD,
    )


def context_text(context: Any) -> str:
    """Return a context as a prompt shows it: text as it is, a ``Context`` as its bullet list, other data as JSON."""
    if context is None or isinstance(context, str):
        return context or ""
    describe = getattr(context, "description", None)
    return str(describe()) if callable(describe) else json.dumps(context, ensure_ascii=False, default=str)


def agent_data(agent: Agent) -> dict[str, Any]:
    """Return name, model, first utterances, persona and orchestrators as plain data, without secrets."""
    data: dict[str, Any] = {"name": agent.name} if agent.name else {}
    data["model"] = dict(agent.model_info)
    if agent.first_utterances:
        data["first_utterances"] = agent.first_utterances
    persona = {} if agent.persona is None else dict(agent.persona.json())
    if agent.orchestrators:
        persona["orchestrators"] = [orchestrator.json() for orchestrator in agent.orchestrators]
    data["persona"] = persona
    return data


def agent_dependencies(agent: Agent) -> dict[str, Any]:
    """Return, as plain data, what an agent's words depend on, as far as it can be seen from outside.

    Beyond :func:`agent_data` that is the system prompt, the tools as the model sees them, the options, and the names
    of the functions it was given. What a tool, a function, an orchestrator or an inspector does inside is not seen.
    """
    given = agent._given
    named = ("thinking_pattern", "preprocessing_fn", "postprocess_fn")
    return {
        **agent_data(agent),
        "system_prompt": system_prompt(agent),
        "tools": [
            {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
            for spec in agent.tool_specs
        ],
        "instructions": [
            {"label": orchestrator.get_event_label(), "persistent": orchestrator.is_persistent()}
            for orchestrator in agent.orchestrators
        ],
        "inspectors": [type(inspector).__qualname__ for inspector in agent.inspectors],
        "think": agent.think,
        "can_finish": agent.can_finish,
        "max_tool_rounds": agent.max_tool_rounds,
        "tool_timeout": agent.tool_timeout,
        **{name: _name_of(given[name]) for name in named if given.get(name) is not None},
        **_environment(agent),
    }


def _environment(agent: Agent) -> dict[str, Any]:
    """Name what the tools act on, and the state it begins in."""
    factory = agent.environment
    return {} if factory is None else {"environment": {"name": factory.name, "state": factory().state_hash()}}


def _name_of(given: Any) -> str:
    """Name a function or pattern without its address in memory, which differs from run to run."""
    if isinstance(given, str):
        return given
    return str(getattr(given, "__qualname__", None) or getattr(given, "pattern", None) or type(given).__qualname__)
