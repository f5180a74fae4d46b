"""Held-out cases for the evaluation: personas, tools and instructions drawn from seeds that training never uses."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from training.dialogs import draw_script
from training.domains import DOMAINS
from training.prompts import draw_context, persona_fields
from training.script import ASKABLE, Order, Script, Side, draw_order
from training.sentences import INSTRUCTIONS

RARE = 0.12
KINDS = tuple(INSTRUCTIONS)


@dataclass(frozen=True)
class Case:
    """One dialog to simulate.

    Attributes:
        script: parties, tools and truth; its own steps are not shown to anyone.
        fields: persona fields of each side.
        context: text about the situation, or None.
        first: who speaks first.
        order, side, turn: an instruction, to whom, and before which of their own turns (from 0).
    """

    script: Script
    fields: dict[Side, dict[str, Any]]
    context: str | None
    first: Side
    order: Order | None = None
    side: Side = "I"
    turn: int = 0


def draw_cases(count: int, *, instructions: bool = False, kind: str | None = None, seed: int = 990_001) -> list[Case]:
    """Draw cases.

    Args:
        count: how many.
        instructions: whether each gets one instruction; the kinds take turns.
        kind: give all of them this kind.
        seed: training draws from other seeds, so the personas are new.
    """
    rng = random.Random(seed)
    cases = []
    for number in range(count):
        script = draw_script(rng, orders=False, rare=RARE)
        parties = script.parties
        fields = {side: persona_fields(rng, party, script.domain) for side, party in parties.items()}
        context = draw_context(rng, parties["I"], parties["R"]) if rng.random() < 0.15 else None
        first: Side = "I" if script.domain == "smalltalk" or rng.random() < 0.5 else "R"
        script.result = None
        case = Case(script, fields, context, first)
        if instructions or kind:
            side: Side = rng.choice("IR")
            chosen = kind or KINDS[number % len(KINDS)]
            near = tuple(key for key in DOMAINS[script.domain].asks if key in ASKABLE)
            order = draw_order(rng, chosen, parties[side].mood, RARE, near)
            case = replace(case, order=replace(order, persistent=False), side=side, turn=rng.randint(1, 3))
        cases.append(case)
    return cases
