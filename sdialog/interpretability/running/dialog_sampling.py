"""Replies and dialogs of an agent under several plans at once, with equal random numbers under each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core import sync
from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.running.answering import TOKENS, answer, asking, token_plan
from sdialog.llm.types import Message

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent
    from sdialog.agents.inspection import ModelCall
    from sdialog.core.dialog import Dialog
    from sdialog.interpretability.plan import Plan
    from sdialog.llm.scheduler import Scheduler
    from sdialog.llm.types import GenerateRequest, GenerateResult

Plans = tuple["Plan", ...]


class Said(NamedTuple):
    """A reply or a dialog.

    Attributes:
        matter: the text of the reply, or the dialog.
        tokens: of each reply of the agent the ids of prompt and reply, and how many of them are the prompt.
        group: what belongs together: the prompt, or the dialog's place.
    """

    matter: Any
    tokens: tuple[tuple[tuple[int, ...], int], ...]
    group: str


class Fixed:
    """An inspector that gives every call of an agent's model the same plans, and keeps the tokens of each reply.

    Args:
        plans: the plans.

    Attributes:
        tokens: ids of prompt and reply of each call, and how many of them are the prompt.
    """

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self.tokens: list[tuple[tuple[int, ...], int]] = []

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return the plans."""
        return [*self._plans, token_plan(call.speaker)]

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Keep the tokens."""
        found = result.captures[TOKENS].tokens
        if not call.lookahead:
            self.tokens.append((found.ids, found.prompt))


def sample(
    agent: Any,
    plans: Sequence[Plans],
    prompts: Sequence[Any] | None,
    partner: Any,
    *,
    n: int,
    max_turns: int,
    max_tokens: int | None,
    seed: int,
) -> list[list[Said]]:
    """Return for each of several plans what the agent says; see :func:`.evaluate_direction`."""
    if n < 1:
        raise UserError(f"n is at least 1, not {n}")
    agents = [agent] if hasattr(agent, "session") or not isinstance(agent, Sequence) else list(agent)
    if not agents:
        raise UserError("there is no agent to steer; give one or several")
    if partner is not None:
        if prompts is not None:
            raise UserError("give prompts or a partner, not both")
        partners = [partner] if hasattr(partner, "session") else list(partner)
        if not partners:
            raise UserError("there is no partner to talk to; give one or several")
        return sync.run(_dialogs(agents, partners, plans, n, max_turns, seed))
    asked = [""] if prompts is None else list(prompts)
    if not asked:
        raise UserError("prompts is empty; leave it out for an agent that speaks first")
    return _replies(agents, plans, asked, n, max_tokens, seed)


def _replies(
    agents: Sequence[Any], plans: Sequence[Plans], prompts: Sequence[Any], n: int, max_tokens: int | None, seed: int
) -> list[list[Said]]:
    jobs = [(place, number) for place in range(max(len(prompts), len(agents))) for number in range(n)]
    memories = [tuple(one.session(0).memory) for one in agents]
    requests = []
    for intervention in plans:
        for place, number in jobs:
            speaker = agents[place % len(agents)]
            messages = _conversation(memories[place % len(agents)], prompts[place % len(prompts)])
            own = derive_seed(seed, "prompt", place, number)
            key = f"prompt/{place}/{number}"
            requests.append(asking(speaker, messages, *intervention, seed=own, max_tokens=max_tokens, key=key))
    names = [agents[place % len(agents)].name for place, _ in jobs] * len(plans)
    found = iter(answer(agents[0], requests, names))
    rows = []
    for _ in plans:
        row = []
        for place, _number in jobs:
            reply = next(found)
            row.append(Said(reply.result.text, ((reply.tokens.ids, reply.tokens.prompt),), str(place)))
        rows.append(row)
    return rows


def _conversation(memory: tuple[Message, ...], prompt: Any) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (*memory, Message("user", prompt)) if prompt else memory
    return tuple(prompt)


async def _dialogs(
    agents: Sequence[Agent], partners: Sequence[Agent], plans: Sequence[Plans], n: int, max_turns: int, seed: int
) -> list[list[Said]]:
    from sdialog.llm.scheduler import Scheduler

    scheduler = Scheduler()

    async def one(intervention: Plans, number: int) -> Said:
        fixed = Fixed(intervention)
        steered = agents[number % len(agents)] | fixed
        own = derive_seed(seed, "dialog", number)
        dialog = await talk([steered, partners[number % len(partners)]], max_turns, own, scheduler, f"dialog/{number}")
        return Said(dialog, tuple(fixed.tokens), str(number))

    jobs = [one(intervention, number) for intervention in plans for number in range(n)]
    found = iter(await asyncio.gather(*jobs))
    return [[next(found) for _ in range(n)] for _ in plans]


async def talk(agents: Sequence[Agent], max_turns: int, seed: int, scheduler: Scheduler, key: str = "") -> Dialog:
    """Let two agents take turns until one ends it or has nothing to say, and return the dialog."""
    from sdialog.core.dialog import Dialog, Turn

    names = [agent.get_name("Me" if place == 0 else "Other") for place, agent in enumerate(agents)]
    if names[0] == names[1]:
        names[1] = f"{names[1]} 2"
    sessions = [
        agent.session(derive_seed(seed, "party", place), name=names[place], scheduler=scheduler, key=key)
        for place, agent in enumerate(agents)
    ]
    dialog = Dialog(turns=[], seed=seed, timestamp=None, id=key or None)
    turns: list[Turn] = []
    with scheduler.live():
        for number in range(max_turns):
            reply = await sessions[number % 2].respond(turns[-1:], dialog=dialog)
            if reply.text:
                turns.append(Turn(speaker=names[number % 2], text=reply.text))
                dialog.turns = list(turns)
            # After silence the other would hear its own words.
            if reply.finished or not reply.text:
                break
    return dialog
