"""Names for the nodes of a flow, given by a language model that sees their utterances."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from sdialog.core.sync import run

_PROMPT = Path(__file__).with_name("label.j2")
_CONCURRENCY = 32


class NodeLabel(BaseModel):
    """The form of a model's answer."""

    label: str = Field(min_length=1, max_length=80)


def name_nodes(groups: Sequence[tuple[str, Sequence[str]]], model: Any) -> list[str]:
    """Ask a model for a short name of each group of utterances.

    Args:
        groups: role and utterances of each group.
        model: anything that :func:`sdialog.llm.get.resolve` takes.

    Returns:
        A name for each group, in order.

    Raises:
        LLMError: if a call fails, or a reply holds no name after one repair round.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> name_nodes([("user", ["Hi!", "Hello there."])], ScriptedModel(['{"label": "greet"}']))
        ['greet']
    """
    return run(_name_nodes(groups, model))


async def _name_nodes(groups: Sequence[tuple[str, Sequence[str]]], model: Any) -> list[str]:
    from sdialog.llm.get import resolve
    from sdialog.llm.prompts import render
    from sdialog.llm.structured import ask
    from sdialog.llm.types import GenerateRequest, Message
    from sdialog.llm.wrapping import PatientScheduler

    found = resolve(model)
    scheduler = PatientScheduler(concurrency=_CONCURRENCY)

    async def one(number: int, role: str, utterances: Sequence[str]) -> str:
        prompt = render(_PROMPT, role=role, utterances=list(utterances))
        request = GenerateRequest((Message("user", prompt),), config=found.config, key=f"flow/node/{number}")
        with scheduler.live():
            return " ".join((await ask(scheduler.client(found.model), request, NodeLabel)).value.label.split())

    tasks = [asyncio.create_task(one(number, *group)) for number, group in enumerate(groups)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()  # those that still run when one has failed
        await scheduler.aclose()
