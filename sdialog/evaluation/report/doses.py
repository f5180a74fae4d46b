"""Figures of metrics against a number that dialogs differ in, such as the strength of a steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.optional import available
from sdialog.evaluation.plots import colour, new_figure, svg

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.result import Comparison, Name, Slice

FEWEST, _MOST = 3, 48


class Dose(NamedTuple):
    """A mean at one value: where, what, its interval, and the number of dialogs."""

    at: float
    mean: float
    low: float | None
    high: float | None
    n: int | None


class DoseFigure(NamedTuple):
    """A figure of one metric: by which attribute, of which metric, as SVG."""

    by: str
    column: str
    drawing: str


def dose_figures(comparison: Comparison) -> list[DoseFigure]:
    """Return a figure for each metric and each attribute whose values are numbers, three of them or more.

    There are none where matplotlib is not installed, nor for metrics that have the same value everywhere, and at most
    48.
    """
    if not available("matplotlib"):
        return []
    drawn: list[DoseFigure] = []
    for by in dict.fromkeys(one.by for one in comparison.slices):
        slices = [one for one in comparison.slices if one.by == by]
        if len(slices) < FEWEST or not all(is_number(one.value) for one in slices):
            continue
        for name, column in comparison.columns.items():
            doses = doses_of(slices, list(comparison.about.datasets), name)
            if not column.mean or len({dose.mean for own in doses.values() for dose in own}) < 2:
                continue
            if len(drawn) < _MOST:
                drawn.append(DoseFigure(by, name, _drawing(by, name, doses, column.share, len(drawn))))
    return drawn


def is_number(value: Any) -> bool:
    """Tell whether dialogs were sliced by numbers: truth values are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def doses_of(slices: Sequence[Slice], names: Sequence[Name], column: str) -> dict[Name, list[Dose]]:
    """Return for each set its means by value, ascending; a slice without a value is left out.

    Args:
        slices: slices by one attribute, whose values are numbers.
        names: the sets.
        column: the metric.
    """
    found: dict[Name, list[Dose]] = {}
    for name in names:
        for one in sorted(slices, key=lambda one: float(one.value)):
            cell = one.cells.get((name, column))
            if cell is not None and cell.value is not None:
                low, high = (None, None) if cell.interval is None else cell.interval[:2]
                found.setdefault(name, []).append(Dose(float(one.value), float(cell.value), low, high, cell.n))
    return found


def draw_doses(axes: Any, doses: Mapping[Any, Sequence[Dose]], *, percent: bool = False) -> None:
    """Draw means against the value with their intervals, one line a set.

    Args:
        axes: where.
        doses: by set.
        percent: write shares in percent.
    """
    for place, (name, own) in enumerate(doses.items()):
        shade = colour(place)
        axes.plot([dose.at for dose in own], [dose.mean for dose in own], "o-", color=shade, linewidth=1.4,
                  markersize=5, label=_label(name, own))  # fmt: skip
        for dose in own:
            if dose.low is not None and dose.high is not None:
                reach = [[max(0.0, dose.mean - dose.low)], [max(0.0, dose.high - dose.mean)]]
                axes.errorbar(dose.at, dose.mean, yerr=reach, color=shade, capsize=3, linewidth=1.1)
    if percent:
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    if len(doses) > 1:
        axes.legend(fontsize=9, frameon=False)


def _label(name: Any, doses: Sequence[Dose]) -> str:
    counts = sorted({dose.n for dose in doses if dose.n is not None})
    told = "" if not counts else f" (n = {counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''} each)"
    return f"{name}{told}".replace("$", r"\$")


def _drawing(by: str, column: str, doses: Mapping[Name, Sequence[Dose]], share: bool, number: int) -> str:
    figure, axes = new_figure("", 6.2, 3.3)
    draw_doses(axes, doses, percent=share)
    axes.set_xlabel(by.replace("$", r"\$"), fontsize=9)
    counts = {dose.n for own in doses.values() for dose in own if dose.n is not None}
    if len(doses) == 1 and counts:
        spread = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
        axes.set_title(f"{spread} dialogs at each value", fontsize=9, loc="right")
    return svg(figure, f"{column}: mean with its interval against {by}", f"dose{number}")
