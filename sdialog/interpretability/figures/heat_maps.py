"""Tables and figures of labelled arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.interpretability.figures.labelled_arrays import LabelledArray

_WHY = "draw figures"
_BLUE, _ORANGE = "#0072B2", "#D55E00"  # of Okabe and Ito (2008), told apart by all
_PANELS = 36


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; what would break its lines is written so that it can be seen."""
    rows = [[_plain(cell) for cell in row] for row in (head, *body)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (lines[0], rule, *lines[1:]))


def draw(array: LabelledArray, words: Sequence[Sequence[str]] | None = None) -> Any:
    """Return a figure of an array.

    Args:
        array: of one to three axes.
        words: of two axes: what is written into each cell.

    Raises:
        UserError: if there are more axes, or too many places on the first of three.
    """
    if len(array.axes) == 1:
        return _bars(array)
    if len(array.axes) == 2:
        lines, columns = array.shape
        wide = 0.75 if words is not None else 0.45
        size = (min(2.5 + wide * columns, 40.0), min(1.6 + 0.3 * lines, 40.0))
        figure, panels = blank_figure(size, 1)
        _map(figure, panels[0], array, _limit(array), words)
        return figure
    if len(array.axes) > 3 or len(array.axes[0]) > _PANELS:
        shape = ", ".join(f"{axis.name} {len(axis)}" for axis in array.axes)
        raise UserError(f"a figure shows up to three axes and {_PANELS} maps, not {shape}; pick some with .at(...)")
    panels_wide = math.ceil(math.sqrt(len(array.axes[0])))
    size = (min(2 + 2.6 * panels_wide, 30.0), min(1.5 + 2.2 * math.ceil(len(array.axes[0]) / panels_wide), 30.0))
    figure, panels = blank_figure(size, len(array.axes[0]))
    limit = _limit(array)
    for place, axes in enumerate(panels):
        _map(figure, axes, array.at(**{array.axes[0].name: place}), limit, None, bar=place == len(panels) - 1)
        axes.set_title(f"{array.axes[0].name} {_drawn(array.axes[0].labels[place])}", fontsize=8)
    return figure


def _bars(array: LabelledArray) -> Any:
    figure, (axes,) = blank_figure((6.5, min(1.2 + 0.24 * len(array.axes[0]), 40.0)), 1)
    values = array.values.tolist()
    places = range(len(values))
    axes.barh(places, values, color=[_ORANGE if value < 0 else _BLUE for value in values])
    axes.set_yticks(places, [_drawn(label) for label in array.axes[0].labels])
    axes.invert_yaxis()
    axes.set_xlabel(array.name)
    axes.set_ylabel(array.axes[0].name)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure


def _map(
    figure: Any, axes: Any, array: LabelledArray, limit: float, words: Sequence[Sequence[str]] | None, bar: bool = True
) -> None:
    signed = bool((array.values < 0).any())
    lowest = -limit if signed else 0.0
    image = axes.imshow(array.values, aspect="auto", cmap="RdBu_r" if signed else "Blues", vmin=lowest, vmax=limit)
    for place, axis in enumerate(array.axes):
        step = max(1, math.ceil(len(axis) / 80))
        ticks = list(range(0, len(axis), step))
        labels = [_drawn(axis.labels[tick])[:24] for tick in ticks]
        if place == 0:
            axes.set_yticks(ticks, labels)
            axes.set_ylabel(axis.name)
        else:
            axes.set_xticks(ticks, labels, rotation=90 if max(map(len, labels)) * len(ticks) > 12 else 0)
            axes.set_xlabel(axis.name)
    axes.tick_params(labelsize=8)
    for line, row in enumerate(words or ()):
        for column, word in enumerate(row):
            dark = abs(float(array.values[line, column])) > 0.6 * limit
            colour = "white" if dark else "black"
            axes.text(column, line, _drawn(word)[:10], ha="center", va="center", fontsize=7.5, color=colour)
    if bar:
        figure.colorbar(image, ax=axes, label=array.name)


def _limit(array: LabelledArray) -> float:
    return max((abs(cell.value) for cell in array.top(1)), default=0.0) or 1.0


def blank_figure(size: tuple[float, float], panels: int) -> tuple[Any, list[Any]]:
    """Return a figure of a size in inches with so many panels, whatever matplotlib's settings are."""
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    made = need("matplotlib.figure", extra="plots", why=_WHY)
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = made.Figure(figsize=size, layout="constrained")
        columns = math.ceil(math.sqrt(panels))
        grid = figure.subplots(math.ceil(panels / columns), columns, squeeze=False)
    flat = list(grid.flat)
    for spare in flat[panels:]:
        spare.set_visible(False)
    return figure, flat[:panels]


def _plain(text: str) -> str:
    """Return a text on one line, without what would end a cell of a table."""
    return _visible(text).replace("|", "¦")


def _drawn(text: str) -> str:
    return _visible(text).replace("$", r"\$")  # matplotlib reads formulas between dollars


def _visible(text: str) -> str:
    shown = text.replace("\n", "↵").replace("\r", "↵").replace("\t", "⇥")
    return shown if shown.strip() else shown.replace(" ", "␣")
