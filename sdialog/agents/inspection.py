"""What agents and inspectors, which look into the agents' models, say to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sdialog.llm.types import GenerateRequest, GenerateResult


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of the model that a session makes.

    Attributes:
        session: opaque name of the conversation; equal for all calls of one agent in one dialog.
        key: names the agent and its dialog in logs and files, such as ``dialog/7/Ava``.
        speaker: what the agent is called in the conversation.
        seed: seed of the session.
        turn: how many replies the agent has made before, its first utterances among them.
        number: which call of this reply it is: calls after a tool's result and drafts that a guard refused count.
        lookahead: whether the reply is only looked at, not said.
    """

    session: str
    key: str
    speaker: str
    seed: int
    turn: int
    number: int
    lookahead: bool = False


@runtime_checkable
class AgentInspector(Protocol):
    """What ``agent | inspector`` takes: it says what goes to the model with a call, and is told what came back.

    One inspector may belong to many agents in many dialogs at once, and is called from the threads of all of them.
    """

    def interventions(self, call: ModelCall) -> Sequence[Any]:
        """Return what goes to the model with a call; see :mod:`sdialog.llm.interventions`."""

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take note of a call that went well, with what the interventions recorded in ``result.captures``."""
