"""How evaluators draw: a set of axes that also takes the calls of pyplot, files, and the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.evaluation.plots import new_figure, save, show_figure

_PYPLOT = {
    "title": "set_title",
    "xlabel": "set_xlabel",
    "ylabel": "set_ylabel",
    "xlim": "set_xlim",
    "ylim": "set_ylim",
    "xscale": "set_xscale",
    "yscale": "set_yscale",
    "xticks": "set_xticks",
    "yticks": "set_yticks",
}


class Labels(NamedTuple):
    """Texts of a figure; None for its own."""

    title: str | None = None
    x: str | None = None
    y: str | None = None


class PlotAxes:
    """A matplotlib ``Axes`` that also takes the names of pyplot: ``title`` for ``set_title`` and so on."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.axes, _PYPLOT.get(name, name))

    def gca(self) -> Any:
        """Return the axes, as pyplot does."""
        return self.axes

    def gcf(self) -> Any:
        """Return the figure, as pyplot does."""
        return self.axes.figure


def draw_and_keep(
    draw: Callable[[PlotAxes], Any], title: str, labels: Labels, show: bool, path: str | Path | None
) -> Any:
    """Draw a figure, write it to a file and show it if that is asked for, and return it."""
    figure, axes = new_figure(title)
    draw(PlotAxes(axes))
    if labels.title is not None:
        axes.set_title(labels.title)
    if labels.x is not None:
        axes.set_xlabel(labels.x)
    if labels.y is not None:
        axes.set_ylabel(labels.y)
    if path is not None:
        save(figure, path)
    if show:
        show_figure(figure)
    return figure


def file_of(path: str | Path | None, metric: str) -> Path | None:
    """Return the file for one metric of several: ``a.png`` gives ``a-metric.png``."""
    if path is None:
        return None
    whole = Path(path)
    return whole.with_name(f"{whole.stem}-{safe_name(metric)}{whole.suffix}")


def safe_name(name: str) -> str:
    """Return a name that can be a file's: what is no letter, digit, point, dash or underscore becomes a dash.

    Example:
        >>> safe_name("a/b: c")
        'a-b--c'
    """
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name).strip(".") or "figure"
