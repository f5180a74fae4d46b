"""What agents and inspectors, which look into the agents' models, say to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from sdialog.core.registry import Registry
from sdialog.llm.types import GenerateRequest, GenerateResult

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent


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

    One inspector may belong to many agents in many dialogs at once, and is called from the threads of all of them; one
    that has to remember a conversation has :meth:`SessionInspector.for_session`.
    """

    def interventions(self, call: ModelCall) -> Sequence[Any]:
        """Return what goes to the model with a call; see :mod:`sdialog.llm.interventions`."""

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take note of a call that went well, with what the interventions recorded in ``result.captures``."""


class Note(NamedTuple):
    """What an inspector has to say of one reply; the dialog keeps it as an event.

    Attributes:
        action: what kind of event, such as ``steer``.
        content: plain data.
        label: tells notes of one kind apart.
    """

    action: str
    content: Any
    label: str | None = None


@runtime_checkable
class SessionInspector(Protocol):
    """An inspector that keeps something of a conversation: each session has one of its own made.

    What is made is an :class:`AgentInspector`; it may also have ``notes_of`` (see :class:`NotingInspector`).
    """

    def for_session(self, agent: Agent) -> AgentInspector:
        """Return what looks into the agent's model in one conversation, and in no other."""


@runtime_checkable
class NotingInspector(Protocol):
    """An inspector that has something to say of replies."""

    def notes_of(self, turn: int) -> Sequence[Note]:
        """Return what the dialog is to keep of a reply that has just been made; counted as in :class:`ModelCall`.

        It depends on the conversation alone, not on what runs beside it: dialogs of one plan are equal in every byte.
        """


class OwnInspectors:
    """The inspectors of an agent as one session has them: its own where they keep something of a conversation.

    Args:
        agent: the agent; inspectors that it gets later count, too.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._own: list[tuple[Any, AgentInspector]] = []

    def __iter__(self) -> Iterator[AgentInspector]:
        for one in self._agent.inspectors:
            own = next((made for given, made in self._own if given is one), None)
            if own is None:
                own = one.for_session(self._agent) if isinstance(one, SessionInspector) else one
                self._own.append((one, own))
            yield own

    def notes_of(self, turn: int) -> Iterator[Note]:
        """Yield what they have to say of a reply."""
        for one in self:
            if isinstance(one, NotingInspector):
                yield from one.notes_of(turn)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of an agent's dialogs before they begin.

    Attributes:
        agent: the agent, with its model.
        speaker: what it is called; None if that is drawn for each dialog.
        speakers: what all parties are called, itself included; None if one of the names is drawn.
        turns: most turns of a dialog.
    """

    agent: Agent
    speaker: str | None = None
    speakers: tuple[str, ...] | None = None
    turns: int = 1


@runtime_checkable
class InspectorRecipe(Protocol):
    """What an entry of a scenario file becomes: it makes the inspector of an agent for each dialog of a run."""

    @property
    def choices(self) -> int:
        """How many different inspectors it makes; the dialogs of a run take them in turn."""

    @property
    def label(self) -> str:
        """What dialogs record the choice as, such as ``strength``."""

    @property
    def files(self) -> Mapping[str, Path]:
        """The files that it was read from, by their names as the entry spells them."""

    def check(self, scene: Scene) -> None:
        """Check, before anything runs, that it fits the agent's model; loads the model if need be.

        Raises:
            UserError: if it does not.
        """

    def make(self, choice: int) -> AgentInspector:
        """Return the inspector of a choice, counted from 0; one may serve many dialogs at once."""

    def value(self, choice: int) -> Any:
        """Return what a dialog records under the label: a number, or other plain data; None for nothing."""

    def record(self, choice: int) -> Mapping[str, Any]:
        """Return all that a dialog records of the inspector, as plain data."""


RecipeMaker: TypeAlias = Callable[[Mapping[str, Any], Sequence[Path]], InspectorRecipe]
"""Makes a recipe of an entry's keys and the folders in which files are looked for, the first before the others."""

inspectors: Registry[RecipeMaker] = Registry("inspector", "sdialog.interpretability.inspectors")
"""What makes recipes, by the names that scenario files use: simulations know nothing of what looks into models."""
