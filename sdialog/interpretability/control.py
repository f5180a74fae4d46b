"""Closed loops: steering whose strength follows what a probe reads of the agent's own replies, turn by turn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.loops.conversation import HeldConversation
from sdialog.interpretability.loops.readings import Reader
from sdialog.interpretability.loops.traces import ControlTrace
from sdialog.interpretability.probes import Probe

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.plan import Plan
    from sdialog.interpretability.spans import Span
    from sdialog.llm.types import GenerateRequest, GenerateResult

_KEPT_DIALOGS = 1024
Target = Callable[[int], float] | Sequence[float] | float


class HoldReading:
    """Steers an agent so that what a probe reads of its replies follows a target over its turns.

    ``agent | HoldReading(...)``. The strength of reply t is

        start + gain (target[t] - target[0]) + correction gain (sum of target[i] - reading[i] over earlier replies i)

    kept within the limits: a schedule that follows the target, and integral control (Minorsky, 1922) of what is left.
    With a gain of 1 over the slope of the reading against the strength, a step of the target is met in the turn in
    which it comes. What would push a strength beyond its limit is not summed up. Each dialog has a loop of its own, and
    keeps its steps as events (see :func:`~sdialog.interpretability.loops.traces.control_traces`).

    Args:
        direction: what is added.
        target: reading wanted at each of the agent's replies, of which the last holds on; a number; or a function of
            the reply's number.
        probe: what is read, as the mean over tokens of the reply: of a probe of two classes the probability of the
            positive one (or with ``logit`` its logit), of a probe of numbers the number, of a direction the
            projection on it in units of its length. Default: the direction.
        gain: change of strength for each unit of the reading.
        correction: which share of each error the strengths of later replies take back: 1 takes back all of the last
            error at once, which is best where replies of equal strength read alike; the more they scatter, the less.
        limits: between which ends the strength is kept.
        start: strength of the first reply; None: ``gain`` times (target - ``rest``).
        rest: what is read without steering, for the first reply.
        site, read_site: where it is added and where it is read; default where direction and probe were found. Where
            they are the same place, what is read is what the edit has made of it.
        span: on which tokens it is added.
        read_span: which tokens of the reply are read.
        logit: read the logit of a probe of two classes.
        max_loss: fluency limit: when a steered reply's mean loss under the model without steering is above it, in
            nats a token, the limits of that dialog shrink to 0.8 of the strength that it had. It costs a pass over
            each reply.
        network: the model, for ``max_loss``, where it is not the agent's; see
            :func:`~sdialog.interpretability.networks.network_of`.
        name: tells several loops of one agent apart.

    Raises:
        ConfigError: if limits or target are none, or the probe has no one number to read.
        UserError: if it is not known where to add or to read.

    Example:
        >>> from sdialog import Agent
        >>> direction = Direction([1.0] + [0.0] * 191)
        >>> hold = HoldReading(direction, [2.0, 4.0], site="layers.1.resid_post", read_site="layers.1.resid_post",
        ...                    limits=(-9, 9))
        >>> agent = Agent(name="Ava", model="embedded:mini", max_tokens=5, temperature=0) | hold
        >>> _ = agent("Hello."), agent("Who are you?")
        >>> [(step.turn, step.target, round(step.reading, 1)) for step in hold.traces[0].steps][1:]
        [(1, 4.0, 9.7)]
    """

    def __init__(
        self,
        direction: Direction,
        target: Target,
        *,
        probe: Probe | Direction | None = None,
        gain: float = 1.0,
        correction: float = 0.5,
        limits: tuple[float, float] = (-2.0, 2.0),
        start: float | None = None,
        rest: float = 0.0,
        site: str | None = None,
        read_site: str | None = None,
        span: str | Span = "choices",
        read_span: str | Span = "generated",
        logit: bool = False,
        max_loss: float | None = None,
        network: Any = None,
        name: str = "",
    ) -> None:
        self.direction, self.probe = direction, direction if probe is None else probe
        self.site, self.read_site = site or direction.site, read_site or self.probe.source.site
        for missing, place in (("site", self.site), ("read_site", self.read_site)):
            if not place:
                raise UserError(f"it is not known where this was found; give {missing}=")
        if not limits[0] <= limits[1]:
            raise ConfigError(f"limits are a lower and an upper end, not {limits}")
        if not 0 <= correction <= 1:
            raise ConfigError(f"correction is a share from 0 to 1, not {correction}")
        self.target, self.correction = _target(target), float(correction)
        self.gain, self.limits, self.rest, self.logit = float(gain), (float(limits[0]), float(limits[1])), rest, logit
        self.span, self.read_span, self.max_loss = span, read_span, max_loss
        self.start = self.gain * (self.target(0) - rest) if start is None else float(start)
        self.reader, self.network, self.name = Reader(self.probe, logit), network, name
        self._conversations: OrderedDict[str, HeldConversation] = OrderedDict()
        self._lock = threading.Lock()

    # -- what agents ask

    def for_session(self, agent: Agent) -> HeldConversation:
        """Return the loop of one conversation."""

        def begun(session: str) -> None:
            self._keep(session, own)

        own = HeldConversation(self, agent, begun)
        return own

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return what goes to the model with a call of a conversation that has no loop of its own made."""
        return self._of(call).interventions(call)

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take the reading of a reply in such a conversation."""
        self._of(call).received(call, request, result)

    # -- what was done

    @property
    def traces(self) -> list[ControlTrace]:
        """What was asked, read and done in the last 1,024 conversations, in the order in which they began."""
        with self._lock:
            found = [one.trace for one in self._conversations.values()]
        return [trace for trace in found if trace.steps]

    def json(self) -> dict[str, Any]:
        """Return what it does and has done as a plain dict."""
        return {
            "direction": self.direction.json(),
            "probe": self.probe.json(),
            "site": self.site,
            "read_site": self.read_site,
            "span": str(self.span),
            "read_span": str(self.read_span),
            "gain": self.gain,
            "correction": self.correction,
            "limits": list(self.limits),
            "start": self.start,
            "max_loss": self.max_loss,
            "traces": [trace.json() for trace in self.traces],
        }

    # -- inside

    def _of(self, call: ModelCall) -> HeldConversation:
        with self._lock:
            known = self._conversations.get(call.session)
        return known or self._keep(call.session, HeldConversation(self))

    def _keep(self, session: str, one: HeldConversation) -> HeldConversation:
        with self._lock:
            kept = self._conversations.setdefault(session, one)
            while len(self._conversations) > _KEPT_DIALOGS:
                self._conversations.popitem(last=False)
        return kept


def _target(given: Target) -> Callable[[int], float]:
    if callable(given):
        return given
    if isinstance(given, (int, float)):
        return lambda _: float(given)
    values = [float(one) for one in given]
    if not values:
        raise ConfigError("a target has a number for at least one turn")
    return lambda turn: values[min(turn, len(values) - 1)]
