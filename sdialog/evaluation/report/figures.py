"""The figures of a report, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.optional import available
from sdialog.evaluation.plots import Gap, draw_bars, draw_boxes, draw_differences, draw_floor, new_figure, svg

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.result import Column, Comparison

_MOST, _ROWS = 48, 24


def figures(comparison: Comparison) -> list[tuple[str, str]]:
    """Return a title and a figure for each metric that has one: shares, values of dialogs, distances.

    Shares are bars with intervals, other means boxes with dots, and distances from a reference marks over the noise
    floor. There are none where matplotlib is not installed or all values of all sets are the same, and at most 48.
    """
    if not available("matplotlib"):
        return []
    drawn: list[tuple[str, str]] = []
    for name, column in comparison.columns.items():
        if len(drawn) == _MOST:
            break
        prefix = f"plot{len(drawn)}"
        figure = _of_mean(comparison, column, prefix) if column.mean else _of_distance(comparison, name, prefix)
        if figure is not None:
            drawn.append((name, figure))
    return drawn


def not_drawn(comparison: Comparison, drawn: list[tuple[str, str]]) -> list[str]:
    """Return the metrics that have values of dialogs or a noise floor, and no figure."""
    have = {name for name, _ in drawn}
    return [
        name
        for name, column in comparison.columns.items()
        if name not in have and (comparison.floors.get(name) or (column.mean and any(column.results.values())))
    ]


def _of_mean(comparison: Comparison, column: Column, prefix: str) -> str | None:
    samples = {dataset: comparison.samples(column.name, dataset) for dataset in comparison.about.datasets}
    some = {dataset: sample for dataset, sample in samples.items() if sample.result.values}
    if len({value for sample in some.values() for value in sample.result.values}) < 2:
        return None
    figure, axes = new_figure("", 6.2, 3.3)
    if column.share:
        cells = {dataset: comparison.cells[dataset, column.name] for dataset in some}
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
    return svg(figure, f"{column.name}: {kind} by set", prefix)


def _of_distance(comparison: Comparison, name: str, prefix: str) -> str | None:
    floor = comparison.floors.get(name)
    values = {dataset: comparison.cells[dataset, name].value for dataset in comparison.about.datasets}
    if floor is None or not any(value is not None for value in values.values()):
        return None
    figure, axes = new_figure("", 6.2, 1.2 + 0.5 * len(values))
    draw_floor(axes, values, floor.interval.low, floor.interval.high)
    alike = comparison.columns[name].similarity
    axes.set_xlabel(
        f"grey: halves of the reference; {'right is more alike' if alike else 'left is nearer'}", fontsize=9
    )
    return svg(figure, f"{name}: distance of each set from the reference, and its noise floor", prefix)


def overview_figures(comparison: Comparison) -> list[str]:
    """Return all differences, so many a figure, each in halves of its interval so that metrics of any unit fit.

    A difference without an interval, or with one without width, is left out.
    """
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
        return []
    ends = [end for gap in gaps for end in (gap.low, gap.high, 0.0) if end is not None]
    room = 0.04 * (max(ends) - min(ends))
    drawn = []
    for start in range(0, len(gaps), _ROWS):
        part = gaps[start : start + _ROWS]
        figure, axes = new_figure("", 8.5, 1.0 + 0.3 * len(part))
        draw_differences(axes, part)
        axes.set_xlim(min(ends) - room, max(ends) + room)  # the same for all
        axes.set_xlabel("difference, in halves of its interval", fontsize=9)
        drawn.append(svg(figure, "Differences between sets with their intervals", f"gaps{start}"))
    return drawn
