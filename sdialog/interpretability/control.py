"""Closed loops: steering whose strength follows what a probe reads of the agent's own replies, turn by turn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.plan import Edit, Plan, Read
from sdialog.interpretability.probes import Probe

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.spans import Span
    from sdialog.llm.types import GenerateRequest, GenerateResult

_READING = "reading"
_KEPT_DIALOGS = 1024
Target = Callable[[int], float] | Sequence[float] | float


class ControlStep(NamedTuple):
    """One reply under control.

    Attributes:
        turn: which of the agent's replies, from 0.
        target: what the reading should have been.
        reading: what it was; None where the reply had no token to read.
        strength: how strongly the reply was steered.
        limits: between which ends the strength was kept.
        loss: mean negative log-likelihood of the reply under the model without steering, in nats a token; None where
            it was not asked for.
    """

    turn: int
    target: float
    reading: float | None
    strength: float
    limits: tuple[float, float]
    loss: float | None = None

    @property
    def error(self) -> float | None:
        """Reading less target."""
        return None if self.reading is None else self.reading - self.target

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self._asdict(), "limits": list(self.limits)}


@dataclass(frozen=True)
class ControlTrace:
    """The replies of one agent in one dialog.

    Attributes:
        key: names the agent and its dialog.
        steps: one a reply.
    """

    key: str
    steps: tuple[ControlStep, ...]

    @property
    def tracking_error(self) -> float | None:
        """Root of the mean squared error of the readings; None where nothing was read."""
        errors = [step.error for step in self.steps if step.error is not None]
        return (sum(error * error for error in errors) / len(errors)) ** 0.5 if errors else None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"key": self.key, "tracking_error": self.tracking_error, "steps": [one.json() for one in self.steps]}

    def table(self) -> str:
        """Return the steps as a Markdown table."""
        from sdialog.interpretability.figures.effect_figures import markdown

        rows = []
        for one in self.steps:
            numbers = (one.target, one.reading, one.strength, one.loss)
            rows.append([str(one.turn), *("-" if number is None else f"{number:.3f}" for number in numbers)])
        return markdown(["turn", "target", "reading", "strength", "loss"], rows)

    def plot(self) -> Any:
        """Return a matplotlib figure of target, reading and strength by turn.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.effect_figures import draw_control

        return draw_control(self)


@dataclass
class _Loop:
    """What is known of one dialog."""

    key: str
    strength: float
    limits: tuple[float, float]
    reading: float | None = None
    tries: dict[int, ControlStep] = field(default_factory=dict)


class HoldReading:
    """Steers an agent so that what a probe reads of its replies follows a target over its turns.

    ``agent | HoldReading(...)``. The strength of reply t is

        start + gain (target[t] - target[0]) + correction gain (sum of target[i] - reading[i] over earlier replies i)

    kept within the limits: a schedule that follows the target, and integral control (Minorsky, 1922) of what is left.
    With a gain of 1 over the slope of the reading against the strength, a step of the target is met in the turn in
    which it comes. What would push a strength beyond its limit is not summed up. Each dialog has a loop of its own.

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
        max_loss: fluency limit: when a reply's mean loss under the model without steering is above it, in nats a
            token, the limits of that dialog shrink to 0.8 of the strength that it had. It costs a pass over each
            reply.
        network: the model, for ``max_loss``; see :func:`~sdialog.interpretability.networks.network_of`.

    Raises:
        ConfigError: if limits or target are none.
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
    ) -> None:
        self.direction, self.probe = direction, direction if probe is None else probe
        self.site, self.read_site = site or direction.site, read_site or self.probe.source.site
        for name, place in (("site", self.site), ("read_site", self.read_site)):
            if not place:
                raise UserError(f"it is not known where this was found; give {name}=")
        if not limits[0] <= limits[1]:
            raise ConfigError(f"limits are a lower and an upper end, not {limits}")
        if not 0 <= correction <= 1:
            raise ConfigError(f"correction is a share from 0 to 1, not {correction}")
        if max_loss is not None and network is None:
            raise ConfigError("max_loss needs the model that tells the loss: give network=, such as network_of(agent)")
        self.target, self.correction = _target(target), float(correction)
        self.gain, self.limits, self.rest, self.logit = float(gain), (float(limits[0]), float(limits[1])), rest, logit
        self.span, self.read_span, self.max_loss = span, read_span, max_loss
        self.start = self.gain * (self.target(0) - rest) if start is None else float(start)
        self._network = network
        self._loops: OrderedDict[str, _Loop] = OrderedDict()
        self._lock = threading.Lock()

    # -- what agents ask

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return what goes to the model with a call: the strength that the last reading asks for."""
        with self._lock:
            strength = self._next(self._loop(call), call.turn)
        edits = [Edit(self.site, "add", self.direction.vector, strength, span=self.span)] if strength else []
        reads = [] if call.lookahead else [Read(self.read_site, self.read_span, name=_READING, reduce="mean")]
        return [Plan(reads, edits, prefix=self._prefix, speaker=call.speaker, feed_last=False)]

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take the reading of a reply; of several drafts that of the last counts."""
        found = result.captures.get(f"{self._prefix}{_READING}")
        if call.lookahead or found is None:
            return
        reading = self._read(found.values) if len(found.values) else None
        loss = self._loss(found.tokens) if self.max_loss is not None else None
        with self._lock:
            loop = self._loop(call)
            strength = self._next(loop, call.turn)
            loop.tries[call.turn] = ControlStep(call.turn, self.target(call.turn), reading, strength, loop.limits, loss)

    # -- what was done

    @property
    def traces(self) -> list[ControlTrace]:
        """What was asked, read and done in each dialog, in the order in which they began."""
        with self._lock:
            return [
                ControlTrace(loop.key, tuple(loop.tries[turn] for turn in sorted(loop.tries)))
                for loop in self._loops.values()
                if loop.tries
            ]

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

    @property
    def _prefix(self) -> str:
        return f"hold {id(self)}/"

    def _loop(self, call: ModelCall) -> _Loop:
        loop = self._loops.get(call.session)
        if loop is None:
            loop = self._loops[call.session] = _Loop(call.key, self.start, self.limits)
            while len(self._loops) > _KEPT_DIALOGS:
                self._loops.popitem(last=False)
        return loop

    def _next(self, loop: _Loop, turn: int) -> float:
        """Return the strength of a reply, from what those before have shown."""
        summed = 0.0
        for before in sorted(one for one in loop.tries if one < turn):
            step = loop.tries[before]
            loop.limits = self._tightened(loop.limits, step)
            push = 0.0 if step.error is None else -self.correction * self.gain * step.error
            beyond = step.strength >= step.limits[1] if push > 0 else step.strength <= step.limits[0]
            summed += 0.0 if beyond else push
        return _within(self.start + self.gain * (self.target(turn) - self.target(0)) + summed, loop.limits)

    def _tightened(self, limits: tuple[float, float], step: ControlStep) -> tuple[float, float]:
        if self.max_loss is None or step.loss is None or step.loss <= self.max_loss:
            return limits
        bound = 0.8 * abs(step.strength)
        return max(limits[0], -bound), min(limits[1], bound)

    def _read(self, values: Any) -> float:
        """Return the reading of a mean activation of shape (1, ...)."""
        rows = values.reshape(1, -1)
        if isinstance(self.probe, Direction):
            return float(self.probe.project(rows)[0]) / self.probe.norm
        if len(self.probe.classes) == 2 and not self.logit:
            return float(self.probe.predict_proba(rows)[0, 1])
        return float(self.probe.outputs(rows)[0, 0])

    def _loss(self, tokens: Any) -> float | None:
        from sdialog.interpretability.running._replaying import reply_losses

        return reply_losses(self._network, [(tokens.ids, tokens.prompt)])[0]


def _target(given: Target) -> Callable[[int], float]:
    if callable(given):
        return given
    if isinstance(given, (int, float)):
        return lambda _: float(given)
    values = [float(one) for one in given]
    if not values:
        raise ConfigError("a target has a number for at least one turn")
    return lambda turn: values[min(turn, len(values) - 1)]


def _within(strength: float, limits: tuple[float, float]) -> float:
    return min(max(strength, limits[0]), limits[1])
