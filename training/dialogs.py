"""Draws a dialog: two parties, a domain, tools, and a plan of instructions to throw in."""

from __future__ import annotations

import random

from training import words
from training.domains import DOMAINS, Domain, Tool, choose_domain, draw_facts, draw_tools, full_name, with_articles
from training.player import Player
from training.script import Party, Script
from training.sentences import MOODS

KIND_WEIGHTS = {
    "ask": 5.0, "mention": 1.5, "apologize": 1.0, "brief": 1.2, "refuse": 1.2, "thank": 1.0, "mood": 1.0, "end": 1.0,
    "keep": 0.8, "change": 0.7, "change because": 1.0,
}  # fmt: skip


def draw_script(
    rng: random.Random, *, domain: str | None = None, orders: bool = True, rare: float = 0.15, tool: bool | None = None
) -> Script:
    """Draw parties and play a dialog between them.

    Args:
        rng: source of all chance.
        domain: what it is about; drawn by weight when None.
        orders: whether instructions may come in.
        rare: probability of invented names and words.
        tool: whether the helper has tools; drawn when None.
    """
    name = domain or choose_domain(rng)
    spec = DOMAINS[name]
    caller, helper = _draw_parties(rng, name, spec, rare)
    needed: Tool | None = None
    listed: list[Tool] = []
    if spec.tools and (rng.random() < 0.6 if tool is None else tool):
        needed, listed = draw_tools(rng, name)
    elif name != "smalltalk" and rng.random() < 0.6:
        helper.day = rng.choice(words.DAYS)
        helper.treatment = rng.choice(words.TREATMENTS) if name == "doctor" else None
    script = Script(name, {"I": caller, "R": helper}, needed, listed)
    Player(rng, script, _draw_plan(rng) if orders else {}, rare).play()
    return script


def _draw_parties(rng: random.Random, name: str, spec: Domain, rare: float) -> tuple[Party, Party]:
    """Draw both sides; their prompts lack a fact now and then, and some hold facts of no use."""
    names = full_name(rng, rare), full_name(rng, rare)
    facts = draw_facts(rng, names[0], rare)
    known = [k for k in spec.facts if k in spec.core or rng.random() >= 0.12]
    extras = [k for k in ("age", "hobby", "city", "occupation") if k not in spec.facts]
    wants = rng.choice(spec.wants) if spec.wants and rng.random() < 0.5 else None
    if wants and rng.random() < 0.3:
        wants = "a " + draw_facts(rng, names[0], rare)["item"]
    wants = with_articles(wants) if wants else None
    mood = rng.choice(MOODS)
    known += [k for k in extras if rng.random() < 0.15]
    caller = Party("I", names[0], spec.roles[0], mood, facts, known, wants)
    known = list(spec.facts) if name == "smalltalk" else []
    mood = rng.choices(MOODS, [3, 3, 2, 1])[0]
    facts = draw_facts(rng, names[1], rare)
    known += [k for k in extras if rng.random() < 0.12]
    helper = Party("R", names[1], spec.roles[1], mood, facts, known)
    if name == "smalltalk" and rng.random() < 0.45:
        for party in (caller, helper):
            party.role = rng.choice(words.ROLES)
            party.known = [k for k in party.known if rng.random() < 0.5]
    return caller, helper


def _draw_plan(rng: random.Random) -> dict[int, str]:
    """Say at which utterances an instruction comes in, and of which kind."""
    if rng.random() < 0.45:
        return {}
    if rng.random() < 0.08:
        start = rng.randint(1, 4)
        return dict.fromkeys(range(start, start + 2 * rng.randint(1, 3), 2), "keep")
    kinds, weights = list(KIND_WEIGHTS), list(KIND_WEIGHTS.values())
    return {rng.randint(1, 9): rng.choices(kinds, weights)[0] for _ in range(1 if rng.random() < 0.8 else 2)}
