"""Tables and figures of what steering does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.interpretability.direction_effects import DIRECTION, RANDOM
from sdialog.interpretability.figures.heat_maps import markdown
from sdialog.interpretability.figures.probe_figures import ends, shown

if TYPE_CHECKING:
    from sdialog.interpretability.direction_effects import Effect
    from sdialog.interpretability.fitting.outcomes import Score
    from sdialog.interpretability.loops.traces import ControlTrace

_WHY = "draw figures"
_COLOURS = {DIRECTION: "#0072B2", RANDOM: "#888888"}  # of Okabe and Ito (2008), told apart by all
_TARGET = "#D55E00"


def effect_table(effect: Effect) -> str:
    """Return an effect as a Markdown table."""
    parsed = any(point.accepted is not None for point in effect.points)
    head = ["vector", "strength", effect.metric, "interval", "change", "loss", *(["accepted"] if parsed else [])]
    rows = []
    for point in effect.points:
        cells = [shown(point.metric), ends(point.metric), shown(point.change), shown(point.loss)]
        last = [shown(point.accepted)] if parsed and point.accepted is not None else []
        rows.append([point.vector, f"{point.strength:g}", *cells, *last])
    return markdown(head, rows)


def draw_effect(effect: Effect) -> Any:
    """Return a figure of metric and loss by strength."""
    figure, (above, below) = _figure(2)
    for vector in (DIRECTION, RANDOM):
        points = effect.of(vector)
        if not points:
            continue
        name = f"{effect.direction.negative} to {effect.direction.positive}" if vector == DIRECTION else "random"
        for axes, scores in ((above, [one.metric for one in points]), (below, [one.loss for one in points])):
            _line(axes, [one.strength for one in points], scores, _COLOURS[vector], name)
    above.set_ylabel(effect.metric)
    above.legend(frameon=False, fontsize=8)
    below.set_ylabel("loss, nats a token")
    below.set_xlabel(f"strength at {effect.site}")
    return figure


def draw_control(trace: ControlTrace) -> Any:
    """Return a figure of target, reading and strength by turn."""
    figure, (above, below) = _figure(2)
    turns = [step.turn for step in trace.steps]
    above.plot(turns, [step.target for step in trace.steps], color=_TARGET, drawstyle="steps-mid", label="target")
    read = [(step.turn, step.reading) for step in trace.steps if step.reading is not None]
    above.plot([turn for turn, _ in read], [value for _, value in read], color="#0072B2", marker="o", label="reading")
    above.legend(frameon=False, fontsize=8)
    above.set_ylabel("reading")
    below.plot(turns, [step.strength for step in trace.steps], color="#0072B2", marker="o")
    below.set_ylabel("strength")
    below.set_xlabel("turn of the agent")
    return figure


def _line(axes: Any, places: list[float], scores: list[Score], colour: str, name: str) -> None:
    known = [(place, one) for place, one in zip(places, scores, strict=True) if one.value is not None]
    axes.plot([place for place, _ in known], [one.value for _, one in known], color=colour, marker="o", label=name)
    for place, one in known:
        if one.interval is not None:
            axes.plot([place] * 2, [one.interval.low, one.interval.high], color=colour, linewidth=1.5, alpha=0.6)


def _figure(rows: int) -> tuple[Any, Any]:
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    made = need("matplotlib.figure", extra="plots", why=_WHY)
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = made.Figure(figsize=(6.5, 2.4 * rows), layout="constrained")
        found = figure.subplots(rows, 1, sharex=True)
    for axes in found:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    return figure, found
