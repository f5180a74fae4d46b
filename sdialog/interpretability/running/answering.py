"""Asking a local model many things at once, with the tokens of what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sdialog.core import sync
from sdialog.core.errors import UnsupportedFeatureError
from sdialog.interpretability.plan import Plan, Read
from sdialog.interpretability.running.traces import ReplyTokens
from sdialog.llm.interventions import Network
from sdialog.llm.protocol import Model
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message

TOKENS = "tokens of the reply"


class Answered(NamedTuple):
    """A reply and the tokens of it and of its prompt."""

    result: GenerateResult
    tokens: ReplyTokens


def model_of(source: Any) -> Model:
    """Return the model of an agent or of a name, or the model itself.

    Raises:
        UnsupportedFeatureError: of a bare network, which writes nothing.
    """
    if isinstance(source, Network):
        raise UnsupportedFeatureError("a network cannot write; give the agent, the model or its name")
    model = getattr(source, "model", source) if hasattr(source, "session") else source
    if isinstance(model, str):
        from sdialog.llm.get import resolve

        model = resolve(model).model
    found: Model = model
    return found


def asking(
    source: Any,
    messages: Sequence[Message],
    *plans: Any,
    seed: int,
    max_tokens: int | None = None,
    temperature: float | None = None,
    key: str = "",
) -> GenerateRequest:
    """Return a request with the options, tools and thinking of the source where that is an agent.

    Args:
        source: an agent, a model or its name.
        messages: the conversation.
        plans: what is read and changed on the way.
        seed: seed of the sampling.
        max_tokens, temperature: None takes the agent's.
        key: names the request in errors.
    """
    config = getattr(source, "config", None)
    config = config if isinstance(config, GenerateConfig) else GenerateConfig()
    config = config.merge(GenerateConfig(seed=seed, max_tokens=max_tokens, temperature=temperature))
    return GenerateRequest(
        tuple(messages),
        config,
        tuple(getattr(source, "tool_specs", ())),
        think=getattr(source, "think", None),
        key=key,
        interventions=plans,
    )


def answer(source: Any, requests: Sequence[GenerateRequest], speakers: Sequence[str | None] = ()) -> list[Answered]:
    """Return the replies to requests that run together.

    Args:
        source: an agent, a model or its name.
        requests: what is asked.
        speakers: for each what the assistant is called.

    Raises:
        LLMError: if one of them fails.
    """
    names = speakers or [None] * len(requests)
    watched = [
        replace(one, interventions=(*one.interventions, token_plan(name)))
        for one, name in zip(requests, names, strict=True)
    ]
    results = sync.run(model_of(source).generate(watched))
    for result in results:
        if result.error is not None:
            raise result.error
    return [Answered(result, result.captures[TOKENS].tokens) for result in results]


def token_plan(speaker: str | None = None) -> Plan:
    """Return a plan that records next to nothing, but tells the tokens of prompt and reply."""
    return Plan([Read("logits", "last_prompt", name=TOKENS, top=1)], speaker=speaker, feed_last=False)
