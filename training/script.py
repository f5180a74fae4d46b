"""The parts of a dialog: parties, instructions, steps and the script that holds them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from training.domains import Tool, anything, free_issue
from training.sentences import ASK_ANYTHING, ASK_FOR, INSTRUCTIONS, MOODS, REQUESTS

Side = Literal["I", "R"]
Answer = Mapping[str, str] | str
SLOT = re.compile(r"\{([^}]+)\}")
ASKABLE = [key for key in ASK_FOR if key not in ("since", "issue")]


@dataclass
class Party:
    """One side of a dialog: who they are, what is true of them, and which of it their prompt tells."""

    side: Side
    name: str
    role: str
    mood: str
    facts: dict[str, str]
    known: list[str]
    wants: str | None = None
    day: str | None = None
    treatment: str | None = None


@dataclass(frozen=True)
class Order:
    """An instruction to one side: what the prompt says and what the reply must hold (``key`` or ``text``)."""

    kind: str
    wording: str
    key: str = ""
    text: str = ""
    mood: str = ""
    persistent: bool = False


@dataclass(frozen=True)
class Step:
    """One thing that happens: an instruction, an utterance, a tool call or a tool result.

    An utterance with ``given`` was put into the speaker's mouth, as a first utterance is.
    """

    kind: Literal["order", "say", "call", "result"]
    side: Side
    text: str
    order: Order | None = None
    given: bool = False


@dataclass
class Script:
    """A whole dialog with everything needed to judge it."""

    domain: str
    parties: dict[Side, Party]
    tool: Tool | None
    tools: list[Tool]
    steps: list[Step] = field(default_factory=list)
    result: Mapping[str, str] | None = None
    outcome: list[Answer] = field(default_factory=list)


def capital(text: str) -> str:
    """Return the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def draw_order(rng: random.Random, kind: str, mood: str, rare: float, near: tuple[str, ...] = ()) -> Order:
    """Draw an instruction of a kind; ``near`` holds the facts of the domain, likely ones to be asked for."""
    key, text, new_mood = "", "", ""
    if kind == "ask":
        choice = rng.random()
        key = rng.choice(near) if near and choice < 0.35 else rng.choice(ASKABLE)
        key = anything(rng, rare) if choice > 0.6 else key
    if kind in ("mention", "change because"):
        text = free_issue(rng, rare)
    if kind == "mood":
        new_mood = rng.choice([m for m in MOODS if m != mood])
    wording = rng.choice(INSTRUCTIONS[kind]).format(k=key, x=text, m=new_mood)
    if rng.random() < 0.25 and not text:
        wording = wording.lower().rstrip(".")
    persistent = rng.random() < (0.5 if kind == "mood" else 0.05)
    return Order(kind, wording, key, text, new_mood, persistent)


def request(rng: random.Random, mood: str, key: str, *, anyhow: bool = False) -> str:
    """Ask for a fact; ``anyhow`` uses the wording that fits anything."""
    phrase = rng.choice(ASK_ANYTHING).format(k=key) if anyhow or key not in ASK_FOR else rng.choice(ASK_FOR[key])
    return capital(rng.choice(REQUESTS[mood]).replace("{vp}", phrase))


def other(side: Side) -> Side:
    """Return the opposite side."""
    return "R" if side == "I" else "I"
