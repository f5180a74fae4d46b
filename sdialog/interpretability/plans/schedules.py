"""Strengths that change from dialog to dialog, from reply to reply and from token to token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.interpretability.plan import Edit, Plan
from sdialog.interpretability.plans.data import BY_TOKEN, strength_from_data
from sdialog.interpretability.tokens.expressions import Span

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.tokens.rendering import Rendering
    from sdialog.interpretability.tokens.selectors import State
    from sdialog.llm.types import GenerateRequest, GenerateResult

BY_TURN = "by_turn"
_NOTHING_AT_ZERO = ("add", "project_out")


@dataclass(frozen=True)
class Schedule:
    """How strongly an agent is steered in one dialog.

    Attributes:
        turns: for each of the agent's replies a number, or one for each generated token; the last holds on.

    Example:
        >>> Schedule.read({"by_turn": [0, 2.5]}).at(7)
        2.5
    """

    turns: tuple[float | tuple[float, ...], ...]

    @classmethod
    def read(cls, given: Any) -> Schedule:
        """Read a strength as files have it: a number, ``{by_token: [...]}``, or ``{by_turn: [...]}`` of these.

        Raises:
            UnknownNameError: for another key.
            ConfigError: if it is none.
        """
        if isinstance(given, Mapping):
            for key in given:
                if key not in (BY_TURN, BY_TOKEN):
                    raise UnknownNameError("key of a strength", str(key), (BY_TURN, BY_TOKEN))
            if len(given) > 1:
                raise ConfigError(f"write strengths by turn and token as {{{BY_TURN}: [{{{BY_TOKEN}: [2, 1]}}, 0]}}")
            if BY_TURN in given:
                listed = given[BY_TURN]
                if not isinstance(listed, (list, tuple)) or not listed:
                    raise ConfigError(f"{BY_TURN} is a list of strengths, not {listed!r:.60}")
                return cls(tuple(strength_from_data(one) for one in listed))
        return cls((strength_from_data(given),))

    def at(self, reply: int) -> float | tuple[float, ...]:
        """Return the strength in one of the agent's replies, counted from 0, its first utterance included."""
        return self.turns[min(reply, len(self.turns) - 1)]

    @property
    def number(self) -> float | None:
        """The strength where it is one number; None where it changes."""
        only = self.turns[0]
        return only if len(self.turns) == 1 and isinstance(only, float) else None

    def data(self) -> Any:
        """Return it as files have it."""
        listed = [one if isinstance(one, float) else {BY_TOKEN: list(one)} for one in self.turns]
        return listed[0] if len(listed) == 1 else {BY_TURN: listed}


class ScheduledSteering:
    """Steers an agent by edits whose strengths follow schedules; an inspector, ``agent | ScheduledSteering(...)``.

    It remembers nothing, so one may serve any number of dialogs at once. An addition or projection of strength 0 is
    left out: such a dialog is that of the agent without it.

    Args:
        steps: edits, and the schedule that takes the place of each one's strength.

    Example:
        >>> from sdialog import Agent
        >>> push = Edit("layers.2.resid_post", "add", [0.1] * 192, span="choices")
        >>> steering = ScheduledSteering([(push, Schedule.read({"by_turn": [0, 3]}))])
        >>> agent = Agent(name="Ava", model="embedded:mini", max_tokens=5) | steering
        >>> len(steering.edits(0)), steering.edits(1)[0].strength
        (0, 3.0)
    """

    def __init__(self, steps: Sequence[tuple[Edit, Schedule]]) -> None:
        self.steps = tuple((replace(edit, span=Anywhere(Span.parse(edit.span))), plan) for edit, plan in steps)
        longest = max((len(schedule.turns) for _, schedule in self.steps), default=1)
        self._edits = [self._made(reply) for reply in range(longest)]

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return what goes to the model with a call."""
        edits = self.edits(call.turn)
        return [Plan(edits=edits, speaker=call.speaker, feed_last=False)] if edits else []

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take note of nothing: it reads nothing."""

    def edits(self, reply: int) -> Sequence[Edit]:
        """Return the changes in one of the agent's replies, counted from 0."""
        return self._edits[min(reply, len(self._edits) - 1)]

    def _made(self, reply: int) -> list[Edit]:
        made = [replace(edit, strength=schedule.at(reply)) for edit, schedule in self.steps]
        return [edit for edit in made if edit.op not in _NOTHING_AT_ZERO or _some(edit.strength)]


def _some(strength: float | Sequence[float]) -> bool:
    return any(strength) if isinstance(strength, (tuple, list)) else bool(strength)


@dataclass(frozen=True)
class Anywhere(Span):
    """A span that may also mean no token: in some replies there is nothing to steer, and that is no mistake."""

    span: Span

    def mask(self, rendering: Rendering) -> list[bool]:
        """Return for each token whether it is meant."""
        return self.span.mask(rendering)

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        """Tell whether the k-th generated token is meant."""
        return self.span.generated(k, n_prompt, rendering)

    def require(self, rendering: Rendering) -> list[bool]:
        """Return the mask, whatever is in it."""
        return self.span.mask(rendering)

    @property
    def state(self) -> State:
        """What is known of generated tokens."""
        return self.span.state

    @property
    def settled(self) -> bool:
        """Whether it means the same prompt tokens whatever is generated."""
        return self.span.settled

    @property
    def binding(self) -> int:
        """How tightly the expression binds."""
        return self.span.binding

    def __str__(self) -> str:
        return str(self.span)
