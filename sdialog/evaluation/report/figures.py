"""The figures of a report, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.optional import available
from sdialog.evaluation.plots import Gap, draw_bars, draw_boxes, draw_differences, new_figure, svg

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.result import Comparison

_MOST = 24


def figures(comparison: Comparison) -> list[tuple[str, str]]:
    """Return a title and a figure for each mean: shares as bars with intervals, other numbers as boxes with dots.

    There are none where matplotlib is not installed.
    """
    if not available("matplotlib"):
        return []
    drawn = []
    for place, (name, column) in enumerate((n, c) for n, c in comparison.columns.items() if c.mean):
        if place >= _MOST:
            break
        samples = {dataset: comparison.samples(name, dataset) for dataset in comparison.about.datasets}
        some = {dataset: sample for dataset, sample in samples.items() if sample.result.values}
        if not some:
            continue
        figure, axes = new_figure("", 6.2, 3.3)
        if column.share:
            cells = {dataset: comparison.cells[dataset, name] for dataset in some}
            draw_bars(
                axes,
                {dataset: cell.value for dataset, cell in cells.items()},
                {dataset: cell.interval for dataset, cell in cells.items()},
                percent=True,
            )
            kind = "shares of dialogs with their intervals"
        else:
            draw_boxes(axes, {dataset: list(sample.by_dialog().values()) for dataset, sample in some.items()})
            kind = "values of dialogs"
        drawn.append((column.name, svg(figure, f"{name}: {kind} by set", f"plot{place}")))
    return drawn


def overview_figure(comparison: Comparison) -> str | None:
    """Return all differences in one figure, in standard errors so that metrics of any unit fit; None without any."""
    gaps = []
    for one in comparison.differences:
        interval = one.interval
        if one.difference is None or interval is None or interval.high <= interval.low:
            continue
        unit = (interval.high - interval.low) / 2
        gaps.append(
            Gap(
                f"{one.column}: {one.b} - {one.a}",
                one.difference / unit,
                interval.low / unit,
                interval.high / unit,
                bool(one.significant(comparison.alpha)),
            )
        )
    if not gaps or not available("matplotlib"):
        return None
    gaps = gaps[: 2 * _MOST]
    figure, axes = new_figure("", 8.5, 1.0 + 0.3 * len(gaps))
    draw_differences(axes, gaps)
    axes.set_xlabel("difference, in halves of its interval", fontsize=9)
    return svg(figure, "Differences between sets with their intervals", "gaps")
