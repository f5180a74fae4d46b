"""Tables and figures of probes and sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.interpretability.figures.heat_maps import markdown

if TYPE_CHECKING:
    from sdialog.interpretability.fitting.outcomes import Score
    from sdialog.interpretability.probes import ProbeResult
    from sdialog.interpretability.sweeps import Sweep

_WHY = "draw figures"
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#888888"  # of Okabe and Ito (2008), told apart by all


def score_table(result: ProbeResult) -> str:
    """Return the scores of a probe as a Markdown table."""
    controls = result.controls
    head = ["score", "value", "interval", *(["majority"] if controls else [])]
    rows = []
    for name, score in result.scores.items():
        usual = [shown(controls.majority.scores[name])] if controls else []
        rows.append([name, shown(score), ends(score), *usual])
    lines = [markdown(head, rows), *_alike(list(result.scores.values()))]
    if controls is not None:
        for title, null in (("shuffled labels", controls.shuffled), ("random directions", controls.random)):
            low, high = null.band()
            lines += ["", f"{title}: {null.score} {low:.3f} to {high:.3f}, p = {null.p_value:.3g}"]
        if controls.task is not None:
            task = controls.task
            lines += ["", f"control task: selectivity {task.selectivity:.3f} ({task.score}, {task.types} types)"]
    return "\n".join(lines)


def sweep_table(found: Sweep) -> str:
    """Return the scores of a sweep as a Markdown table."""
    head = ["site", found.points[0].score.name, "interval", "shuffled", "p (corrected)"]
    rows = [
        [
            point.site,
            shown(point.score),
            ends(point.score),
            "-" if point.band is None else f"{point.band[0]:.3f} to {point.band[1]:.3f}",
            "-" if point.p_value is None else f"{point.p_value:.3g}",
        ]
        for point in found.points
    ]
    best = found.best
    told = f"best: {best.site}; with the choice inside the folds {best.score}"
    return "\n".join([markdown(head, rows), *_alike([point.score for point in found.points]), "", told])


def _alike(scores: list[Score]) -> list[str]:
    """Return what to say where a perfect score, or another that all dialogs share, has no interval."""
    if not any(score.interval is None and score.value is not None for score in scores):
        return []
    return ["", "no interval: the dialogs are too few or too much alike to tell how sure the score is"]


def draw_result(result: ProbeResult) -> Any:
    """Return a figure of a probe's scores, with those of its controls beside the headline."""
    shown = [(name, score) for name, score in result.scores.items() if name != "mae" and score.value is not None]
    figure, axes = _figure(0.45 * len(shown) + 1.4)
    for place, (_, score) in enumerate(shown):
        _dot(axes, score, place)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.invert_yaxis()
    if result.controls is not None:
        place = [name for name, _ in shown].index(result.headline.name)
        for offset, title, colour, null in (
            (0.2, "shuffled labels", _GREY, result.controls.shuffled),
            (0.35, "random directions", _ORANGE, result.controls.random),
        ):
            axes.plot(null.band(), [place + offset] * 2, color=colour, linewidth=4, alpha=0.6, label=title)
        axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("score on dialogs not seen" if result.split == "dialogs" else "score on rows not seen")
    return figure


def draw_sweep(found: Sweep) -> Any:
    """Return a figure of scores by site with the band of shuffled labels."""
    figure, axes = _figure(3.6)
    places = list(range(len(found.points)))
    known = [place for place in places if found.points[place].score.value is not None]
    values = [found.points[place].score.value for place in known]
    axes.plot(known, values, color=_BLUE, marker="o", markersize=4, label="held out")
    for place in known:
        interval = found.points[place].score.interval
        if interval is not None:
            axes.plot([place] * 2, [interval.low, interval.high], color=_BLUE, linewidth=1.5, alpha=0.6)
    bands = [(place, band) for place in places if (band := found.points[place].band) is not None]
    if bands:
        where, lows, highs = [one for one, _ in bands], [low for _, (low, _) in bands], [high for _, (_, high) in bands]
        axes.fill_between(where, lows, highs, color=_GREY, alpha=0.3, linewidth=0, label="shuffled labels")
    if found.best.score.value is not None:
        place = next(place for place in places if found.points[place].site == found.best.site)
        style = {"marker": "D", "markersize": 6, "linestyle": "none", "label": "best, chosen inside the folds"}
        axes.plot([place], [found.best.score.value], color=_ORANGE, **style)
    figure.legend(loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    turned = max(len(point.site) for point in found.points) * len(places) > 90
    axes.set_xticks(places, [point.site for point in found.points], rotation=90 if turned else 0)
    axes.set_ylabel(found.points[0].score.name)
    return figure


def _figure(height: float) -> tuple[Any, Any]:
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    made = need("matplotlib.figure", extra="plots", why=_WHY)
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = made.Figure(figsize=(7.5, height), layout="constrained")
        axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _dot(axes: Any, score: Score, place: int) -> None:
    axes.plot([score.value], [place], color=_BLUE, marker="o")
    if score.interval is not None:
        axes.plot([score.interval.low, score.interval.high], [place] * 2, color=_BLUE, linewidth=1.5)


def shown(score: Score) -> str:
    """Return the value of a score for a table."""
    return "-" if score.value is None else f"{score.value:.3f}"


def ends(score: Score) -> str:
    """Return the interval of a score for a table."""
    return "-" if score.interval is None else f"{score.interval.low:.3f} to {score.interval.high:.3f}"
