"""Figures of evaluations: bars with intervals, boxes with dots, curves, maps of embeddings, differences.

Each ``draw_...`` function draws on a matplotlib ``Axes`` it is given. Nothing here touches pyplot's figures or the
settings of matplotlib, except :func:`show_figure`, which closes what it opens.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.statistics.intervals import Interval

_WHY = "draw figures"
# Okabe and Ito (2008): eight colours told apart with every common kind of colour vision; yellow is too pale for lines.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")
_GREY = "#444444"
_DOTS, _LONGEST = 200, 28
PROJECTIONS = ("pca", "tsne")


def colour(place: int) -> str:
    """Return the colour of the set at a place; they repeat after seven."""
    return COLOURS[place % len(COLOURS)]


def new_figure(title: str = "", width: float = 7.5, height: float = 4.2) -> tuple[Any, Any]:
    """Return a figure (inches) and its axes, known to nobody else.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    made = need("matplotlib.figure", extra="plots", why=_WHY)
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = made.Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def save(figure: Any, path: str | Path) -> None:
    """Write a figure to a file, its type by the suffix (``.png`` if there is none); folders are made."""
    target = Path(path)
    target = target if target.suffix else target.with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=200)


def svg(figure: Any, description: str = "", prefix: str = "") -> str:
    """Return a figure as an SVG element for a page: text stays text, ids are made unique by ``prefix``.

    Args:
        figure: a matplotlib figure.
        description: what it shows, for those who do not see it.
        prefix: what ids begin with; one of its own for each figure of a page.
    """
    from html import escape

    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"sdialog{prefix}"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    drawn = written.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    if prefix:
        drawn = re.sub(r'\bid="', f'id="{prefix}-', drawn)
        drawn = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", drawn)
    label = f' role="img" aria-label="{escape(description, quote=True)}"' if description else ""
    return drawn.replace("<svg", f"<svg{label}", 1).strip()


def show_figure(figure: Any) -> None:
    """Show a figure in a notebook or on the screen; where there is neither, do nothing."""
    shell = sys.modules.get("IPython")
    if shell is not None and shell.get_ipython() is not None and "ZMQ" in type(shell.get_ipython()).__name__:
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=110)
        display = need("IPython.display", extra="plots", why="show figures in a notebook")
        display.display(display.Image(image.getvalue()))
        return
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    pyplot = need("matplotlib.pyplot", extra="plots", why=_WHY)
    if matplotlib.get_backend().lower() not in {
        name.lower()
        for name in matplotlib.backends.backend_registry.list_builtin(matplotlib.backends.BackendFilter.INTERACTIVE)
    }:
        return
    window = pyplot.figure()
    canvas, own = window.canvas.manager.canvas, figure.canvas
    canvas.figure = figure
    figure.set_canvas(canvas)
    try:
        pyplot.show()
    finally:
        pyplot.close(window)
        figure.set_canvas(own)


# -- drawing


def draw_bars(
    axes: Any,
    values: Mapping[Any, float | None],
    intervals: Mapping[Any, Interval | None] | None = None,
    *,
    percent: bool = False,
) -> None:
    """Draw a bar from zero for each set, with its interval and its number.

    Args:
        axes: where.
        values: one number a set; None is written as having no value.
        intervals: lower and upper end for each set; None for none.
        percent: write shares in percent.
    """
    known = intervals or {}
    ends = [end for pair in known.values() if pair is not None for end in pair[:2]]
    top = max([0.0, *ends, *(value for value in values.values() if value is not None)])
    bottom = min([0.0, *ends, *(value for value in values.values() if value is not None)])
    room = (top - bottom or 1.0) * 0.12
    for place, (name, value) in enumerate(values.items()):
        if value is None:
            axes.text(place, room / 4, "no value", ha="center", va="bottom", fontsize=9, color=_GREY)
            continue
        axes.bar(place, value, width=0.62, color=colour(place), alpha=0.85)
        pair = known.get(name)
        if pair is not None:
            low, high = pair[0], pair[1]
            reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
            axes.errorbar(place, value, yerr=reach, color="black", capsize=4, linewidth=1.2)
        edge = max(value, pair[1] if pair else value) if value >= 0 else min(value, pair[0] if pair else value)
        written = f"{100 * value:.1f} %" if percent else f"{value:.3g}"
        axes.text(place, edge + math.copysign(room / 6, value), written, ha="center", fontsize=9,
                  va="bottom" if value >= 0 else "top")  # fmt: skip
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.set_ylim(bottom - (room if bottom < 0 else 0), top + room)
    if percent:
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    _name_places(axes, list(values))


def draw_boxes(axes: Any, samples: Mapping[Any, Sequence[float]]) -> None:
    """Draw a box plot for each set, with its values as dots (evenly chosen ones, of more than two hundred)."""
    for place, sample in enumerate(samples.values()):
        box = axes.boxplot([list(sample)], positions=[place], widths=0.5, showfliers=False, patch_artist=True,
                           medianprops={"color": "black"})  # fmt: skip
        box["boxes"][0].set(facecolor=colour(place), alpha=0.35)
        shown = _chosen(sorted(sample))
        spread = [place + 0.36 * (_scatter(number) - 0.5) for number in range(len(shown))]
        axes.scatter(spread, shown, s=9, color=colour(place), alpha=0.7, linewidths=0)
    _name_places(axes, [f"{name}\nn = {len(sample)}" for name, sample in samples.items()])


def draw_curves(
    axes: Any,
    samples: Mapping[Any, Sequence[float]],
    *,
    bandwidth: float | str | None = None,
    zoom: bool = False,
    reference: Any = None,
) -> None:
    """Draw a density for each set; one whose values are all the same is a line upright.

    Args:
        axes: where.
        samples: values of each set.
        bandwidth: what scipy's ``gaussian_kde`` takes; None for Scott's rule.
        zoom: leave out what lies beyond the 2nd and 98th percentile, and 5 % more on either side.
        reference: name of the set to draw in black.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    together = numpy.concatenate([numpy.asarray(sample, dtype=float) for sample in samples.values()])
    low, high = numpy.percentile(together, [2, 98]) if zoom else (together.min(), together.max())
    margin = (high - low or 1.0) * (0.05 if zoom else 0.15)
    grid = numpy.linspace(low - margin, high + margin, 400)
    for place, (name, sample) in enumerate(samples.items()):
        look = {"color": "black" if name == reference else colour(place), "label": f"{name} (n = {len(sample)})",
                "linestyle": "--" if name == reference else "-"}  # fmt: skip
        if len(sample) < 2 or numpy.ptp(sample) == 0:
            axes.axvline(float(numpy.mean(sample)), **look)
            continue
        density = stats.gaussian_kde(sample, bw_method=bandwidth)(grid)
        axes.plot(grid, density, linewidth=1.8, **look)
        axes.fill_between(grid, density, color=look["color"], alpha=0.08)
    axes.set_xlim(grid[0], grid[-1])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("density", fontsize=9)
    _legend(axes)


def draw_map(
    axes: Any, embeddings: Mapping[Any, Any], *, projection: str = "pca", seed: int = 0, reference: Any = None
) -> None:
    """Draw embeddings in the plane, with a cross at the centre of each set.

    Args:
        axes: where.
        embeddings: arrays of shape (n, dimensions) by the names of their sets.
        projection: ``pca``, or ``tsne`` (van der Maaten and Hinton, 2008) with a perplexity of at most a third of the
            points.
        seed: seed of ``tsne``.
        reference: name of the set to draw in black.

    Raises:
        UnknownNameError: if there is no such projection.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    if projection not in PROJECTIONS:
        raise UnknownNameError("projection", projection, PROJECTIONS)
    stacked = numpy.concatenate([numpy.asarray(rows, dtype=float) for rows in embeddings.values()])
    centres = numpy.stack([numpy.asarray(rows, dtype=float).mean(axis=0) for rows in embeddings.values()])
    plane = _plane(numpy, numpy.concatenate([stacked, centres]), projection, seed)
    start = 0
    for place, (name, rows) in enumerate(embeddings.items()):
        shade = "black" if name == reference else colour(place)
        part = plane[start : start + len(rows)]
        axes.scatter(
            part[:, 0], part[:, 1], s=14, alpha=0.55, color=shade, linewidths=0, label=f"{name} (n = {len(rows)})"
        )
        centre = plane[len(stacked) + place]
        axes.scatter(*centre, s=140, marker="X", color=shade, edgecolors="white", linewidths=1.2, zorder=3)
        start += len(rows)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(f"{'PCA' if projection == 'pca' else 't-SNE'}; crosses are centres", fontsize=9)
    _legend(axes)


class Gap(NamedTuple):
    """A difference to draw: what it is of, how large, its interval, and whether it counts as found."""

    label: str
    difference: float
    low: float | None
    high: float | None
    found: bool


def draw_differences(axes: Any, gaps: Sequence[Gap]) -> None:
    """Draw differences from zero with their intervals, the first on top; hollow marks are not significant."""
    for place, gap in enumerate(reversed(gaps)):
        shade = COLOURS[0] if gap.found else _GREY
        if gap.low is not None and gap.high is not None:
            axes.plot([gap.low, gap.high], [place, place], color=shade, linewidth=1.6)
        axes.plot(
            gap.difference, place, "o", color=shade, markerfacecolor=shade if gap.found else "white", markersize=7
        )
    axes.axvline(0, color=_GREY, linewidth=0.9, linestyle=":")
    axes.set_yticks(range(len(gaps)), [_short(gap.label, 64) for gap in reversed(gaps)])
    axes.set_ylim(-0.6, len(gaps) - 0.4)


def draw_floor(axes: Any, values: Mapping[Any, float | None], low: float, high: float) -> None:
    """Draw how far sets are from a reference, a mark each, over the range of the reference's own halves.

    Args:
        axes: where.
        values: one number a set; sets without one are left out.
        low, high: ends of the range.
    """
    known = {name: value for name, value in values.items() if value is not None}
    axes.axvspan(low, high, color=_GREY, alpha=0.15, linewidth=0, label="noise floor")
    for place, value in enumerate(reversed(known.values())):
        shade = colour(len(known) - 1 - place)
        axes.plot(value, place, "o", color=shade, markersize=8)
        axes.annotate(f"{value:.3g}", (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=9)
    axes.set_yticks(range(len(known)), [_short(str(name)) for name in reversed(known)])
    axes.set_ylim(-0.6, len(known) - 0.2)
    axes.margins(x=0.1)
    axes.locator_params(axis="x", nbins=6)


# -- parts


def _plane(numpy: Any, points: Any, projection: str, seed: int) -> Any:
    if projection == "tsne" and len(points) > 3:
        manifold = need("sklearn.manifold", extra="metrics", why="draw a t-SNE map")
        state = derive_seed(seed, "tsne") % 2**32
        fitted = manifold.TSNE(perplexity=min(30.0, (len(points) - 1) / 3), init="random", random_state=state)
        return fitted.fit_transform(points)
    away = points - points.mean(axis=0)
    _, _, axes = numpy.linalg.svd(away, full_matrices=False)
    placed = away @ axes[:2].T
    return numpy.pad(placed, ((0, 0), (0, 2 - placed.shape[1])))


def _chosen(ordered: Sequence[float]) -> Sequence[float]:
    if len(ordered) <= _DOTS:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (_DOTS - 1))] for place in range(_DOTS)]


def _scatter(number: int) -> float:
    """Return the number-th of points that fill 0 to 1 evenly (multiples of the golden ratio)."""
    return (number * 0.6180339887498949) % 1.0


def _name_places(axes: Any, names: Sequence[Any]) -> None:
    shown = [_short(str(name)) for name in names]
    crowded = sum(max(len(line) for line in name.split("\n")) for name in shown) > 64
    turned = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(shown)), shown, **turned)


def _short(name: str, longest: int = _LONGEST) -> str:
    lines = (line if len(line) <= longest else f"{line[: longest - 1]}…" for line in name.split("\n"))
    # a dollar would start a formula
    return "\n".join(lines).replace("$", r"\$")


def _legend(axes: Any) -> None:
    handles, names = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, [_short(str(name), 40) for name in names], fontsize=9, frameon=False)
