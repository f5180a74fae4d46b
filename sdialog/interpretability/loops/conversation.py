"""A closed loop in one conversation: its strengths follow from the replies so far and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdialog.agents.inspection import Note
from sdialog.core.errors import ConfigError
from sdialog.interpretability.loops.readings import is_settled, rounded
from sdialog.interpretability.loops.traces import HELD, STEERED, ControlStep, ControlTrace
from sdialog.interpretability.plan import Edit, Plan, Read
from sdialog.interpretability.plans.schedules import Anywhere
from sdialog.interpretability.tokens.expressions import Span

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.control import HoldReading
    from sdialog.interpretability.running.traces import Capture
    from sdialog.llm.interventions import Network
    from sdialog.llm.types import GenerateRequest, GenerateResult

_READING = "reading"


class HeldConversation:
    """What :class:`~sdialog.interpretability.control.HoldReading` does in one conversation; an inspector of its own.

    Where the agent is known, readings are rounded to four digits, and a reading that another batch could round to
    another number is taken again from a pass over the reply alone. So the next strength is the same whatever runs
    beside the dialog.

    Args:
        hold: target, gain and limits.
        agent: whose replies they are; None if that is not known.
        begun: called when the first reply has been read.
    """

    def __init__(self, hold: HoldReading, agent: Any = None, begun: Callable[[str], None] | None = None) -> None:
        self._hold, self._agent, self._begun = hold, agent, begun
        self._edit_span, self._read_span = (Anywhere(Span.parse(one)) for one in (hold.span, hold.read_span))
        self._prefix = f"hold {id(self)}/"
        self._steps: dict[int, ControlStep] = {}
        self._key = ""

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return what goes to the model with a call: the strength that the last reading asks for."""
        hold = self._hold
        strength = self._next(call.turn)[1]
        edits = [Edit(hold.site, "add", hold.direction.vector, strength, span=self._edit_span)] if strength else []
        reads = [] if call.lookahead else [Read(hold.read_site, self._read_span, name=_READING, reduce="mean")]
        return [Plan(reads, edits, prefix=self._prefix, speaker=call.speaker, feed_last=False)]

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take the reading of a reply; of several drafts that of the last counts."""
        name = f"{self._prefix}{_READING}"
        found = result.captures.get(name)
        if call.lookahead or found is None:
            return
        hold = self._hold
        wanted, strength, limits = self._next(call.turn)
        reading = self._read(name, found, request) if len(found.values) else None
        loss = None if hold.max_loss is None else self._loss(found.tokens)
        over = hold.max_loss is not None and loss is not None and loss > hold.max_loss
        if not self._steps and self._begun is not None:
            self._begun(call.session)
        self._key = call.key
        self._steps[call.turn] = ControlStep(
            call.turn, hold.target(call.turn), reading, strength, limits, loss, wanted, over, hold.name
        )

    def notes_of(self, turn: int) -> list[Note]:
        """Return the step of a reply, for the dialog to keep."""
        step = self._steps.get(turn)
        return [] if step is None else [Note(STEERED, step.json(), HELD)]

    @property
    def trace(self) -> ControlTrace:
        """What was asked, read and done so far."""
        steps = dict(self._steps)
        return ControlTrace(self._key, tuple(steps[turn] for turn in sorted(steps)), self._hold.name)

    def _next(self, turn: int) -> tuple[float, float, tuple[float, float]]:
        """Return the strength wanted in a reply, that within the limits, and the limits."""
        hold, summed, limits = self._hold, 0.0, self._hold.limits
        for before in sorted(one for one in self._steps if one < turn):
            step = self._steps[before]
            limits = _tightened(limits, step)
            push = 0.0 if step.error is None else -hold.correction * hold.gain * step.error
            beyond = step.strength >= step.limits[1] if push > 0 else step.strength <= step.limits[0]
            summed += 0.0 if beyond else push
        wanted = hold.start + hold.gain * (hold.target(turn) - hold.target(0)) + summed
        return wanted, min(max(wanted, limits[0]), limits[1]), limits

    def _read(self, name: str, found: Capture, request: GenerateRequest) -> float:
        reader = self._hold.reader
        reading = reader.read(found.values)
        if self._agent is None:
            return reading
        if not is_settled(reading, reader.slack(found.values)):
            from sdialog.interpretability.running._alone import captured_alone

            length = max(found.positions) + 1
            alone = captured_alone(self._network, request, found.tokens, length)[name]
            reading = reader.read(alone.values)
        return rounded(reading)

    def _loss(self, tokens: Any) -> float | None:
        from sdialog.interpretability.running._replaying import reply_losses

        return reply_losses(self._network, [(tokens.ids, tokens.prompt)])[0]

    @property
    def _network(self) -> Network:
        from sdialog.interpretability.networks import network_of

        source = self._hold.network if self._hold.network is not None else self._agent
        if source is None:
            raise ConfigError("max_loss needs the model that tells the loss: give network=, such as network_of(agent)")
        return network_of(source)


def _tightened(limits: tuple[float, float], step: ControlStep) -> tuple[float, float]:
    # An odd reply that was not steered says nothing about strengths.
    if not step.over or not step.strength:
        return limits
    bound = 0.8 * abs(step.strength)
    return max(limits[0], -bound), min(limits[1], bound)
