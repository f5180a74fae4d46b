"""How well the loops of a run kept their readings on target: means over dialogs, reply by reply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.optional import need
from sdialog.interpretability.fitting.outcomes import Score
from sdialog.interpretability.loops.traces import ControlStep, ControlTrace, control_traces

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


class TrackedTurn(NamedTuple):
    """One reply, over dialogs.

    Attributes:
        turn: which of the agent's replies, from 0.
        target: what the readings should have been.
        reading: their mean, with its interval; its value is None where nothing was read.
        strength: mean strength, with its interval.
        clipped: share of the dialogs whose loop wanted a strength beyond the limits.
        over: share of the dialogs whose reply was above the fluency limit.
        dialogs: how many dialogs came so far.
    """

    turn: int
    target: float
    reading: Score
    strength: Score
    clipped: float
    over: float
    dialogs: int

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self._asdict(), "reading": self.reading.json(), "strength": self.strength.json()}


@dataclass(frozen=True)
class Tracking:
    """How dialogs with one target followed it.

    Attributes:
        agent: who was steered.
        name: what tells several loops of one agent apart; empty where there is one.
        target: as the scenario has it; None where the dialogs do not tell.
        error: mean over dialogs of the root of the mean squared error, with its interval.
        turns: by reply.
        traces: of each dialog.
    """

    agent: str
    name: str
    target: Any
    error: Score
    turns: tuple[TrackedTurn, ...]
    traces: tuple[ControlTrace, ...]

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without the traces."""
        facts = {"agent": self.agent, "name": self.name, "target": self.target, "error": self.error.json()}
        return {**facts, "turns": [one.json() for one in self.turns]}

    def table(self) -> str:
        """Return the replies as a Markdown table."""
        from sdialog.interpretability.figures.heat_maps import markdown

        rows = []
        for one in self.turns:
            numbers = [f"{one.target:.3f}", *(_shown(score) for score in (one.reading, one.strength))]
            rows.append([str(one.turn), *numbers, f"{one.clipped:.0%}", f"{one.over:.0%}", str(one.dialogs)])
        return markdown(["reply", "target", "reading", "strength", "clipped", "not fluent", "dialogs"], rows)

    def plot(self) -> Any:
        """Return a matplotlib figure: target and mean reading by reply, and the strength below; bars are intervals.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return _drawn(self)


def tracking(dialogs: Iterable[Dialog]) -> list[Tracking]:
    """Return how the loops of dialogs kept their readings on target, from the dialogs alone.

    Args:
        dialogs: such as those of a run folder.

    Returns:
        One for each agent, loop and target, in the order in which they first come.

    Example:
        >>> from sdialog import Dialog, Event
        >>> def dialog(reading):
        ...     step = ControlStep(0, target=1.0, reading=reading, strength=0.2, limits=(-1.0, 1.0))
        ...     event = Event(agent="Ava", action="steer", actionLabel="hold", content=step.json(), timestamp=0)
        ...     return Dialog(events=[event])
        >>> found = tracking([dialog(0.5), dialog(0.75)])
        >>> found[0].error.value, found[0].turns[0].reading.value
        (0.375, 0.625)
    """
    groups: dict[tuple[str, str, str], list[ControlTrace]] = {}
    for dialog in dialogs:
        for trace in control_traces(dialog):
            agent = trace.key.removeprefix(f"{dialog.id}/")
            told = json.dumps(_target(dialog, agent, trace.name), sort_keys=True)
            groups.setdefault((agent, trace.name, told), []).append(trace)
    return [_tracking(*key, traces) for key, traces in groups.items()]


def _target(dialog: Dialog, agent: str, name: str) -> Any:
    """Return the target that a dialog's scenario tells of a loop."""
    scenario = dialog.scenario if isinstance(dialog.scenario, Mapping) else {}
    for entry in scenario.get("steering") or ():
        if entry.get("op") == "hold" and entry.get("agent") == agent and entry.get("name") in (name, name or "target"):
            return entry.get("target")
    return None


def _tracking(agent: str, name: str, told: str, traces: Sequence[ControlTrace]) -> Tracking:
    steps: dict[int, list[ControlStep]] = {}
    for trace in traces:
        for step in trace.steps:
            steps.setdefault(step.turn, []).append(step)
    errors = [trace.tracking_error for trace in traces]
    turns = tuple(_turn(turn, steps[turn]) for turn in sorted(steps))
    return Tracking(agent, name, json.loads(told), _mean("error", errors), turns, tuple(traces))


def _turn(turn: int, steps: Sequence[ControlStep]) -> TrackedTurn:
    return TrackedTurn(
        turn,
        sum(step.target for step in steps) / len(steps),
        _mean("reading", [step.reading for step in steps]),
        _mean("strength", [step.strength for step in steps]),
        sum(step.clipped for step in steps) / len(steps),
        sum(step.over for step in steps) / len(steps),
        len(steps),
    )


def _mean(name: str, values: Sequence[float | None]) -> Score:
    from sdialog.statistics.intervals import mean_interval

    known = [value for value in values if value is not None]
    return Score(name, sum(known) / len(known), mean_interval(known, method="t")) if known else Score(name, None)


def _shown(score: Score) -> str:
    if score.value is None:
        return "-"
    ends = "" if score.interval is None else f" ({score.interval.low:.3f} to {score.interval.high:.3f})"
    return f"{score.value:.3f}{ends}"


def _drawn(one: Tracking) -> Any:
    made = need("matplotlib.figure", extra="plots", why="draw figures")
    figure = made.Figure(figsize=(6.5, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    places = [turn.turn + 1 for turn in one.turns]
    above.plot(places, [turn.target for turn in one.turns], color="#D55E00", drawstyle="steps-mid", label="target")
    _line(above, places, [turn.reading for turn in one.turns], "mean reading")
    above.legend(frameon=False, fontsize=8)
    above.set_ylabel("reading")
    _line(below, places, [turn.strength for turn in one.turns], "mean strength")
    below.set_ylabel("strength")
    below.set_xlabel(f"reply of {one.agent}" if one.agent else "reply")
    below.set_xticks(places)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    return figure


def _line(axes: Any, places: Sequence[int], scores: Sequence[Score], label: str) -> None:
    known = [(place, score) for place, score in zip(places, scores, strict=True) if score.value is not None]
    axes.plot(
        [place for place, _ in known], [score.value for _, score in known], color="#0072B2", marker="o", label=label
    )
    for place, score in known:
        if score.interval is not None:
            axes.plot([place] * 2, [score.interval.low, score.interval.high], color="#0072B2", linewidth=1.5, alpha=0.6)
