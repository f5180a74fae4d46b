"""A comparison as one HTML page: no other file, no network, and fit for A4 paper."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog._version import __version__
from sdialog.evaluation.comparison.tables import (
    NO_WIDTH,
    effect_text,
    floor_text,
    interval_text,
    labelled,
    number,
    p_text,
    without_width,
)
from sdialog.evaluation.report.doses import dose_figures
from sdialog.evaluation.report.extremes import extremes, shown_id, transcripts
from sdialog.evaluation.report.figures import figures, not_drawn, overview_figures
from sdialog.evaluation.report.reading import counted_pairs, in_short, methods, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdialog.evaluation.comparison.differences import Difference
    from sdialog.evaluation.comparison.result import Cell, Comparison

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_DIGITS = 3


def write_report(comparison: Comparison, path: str | Path, title: str = "Comparison") -> Path:
    """Write a comparison as an HTML page.

    Args:
        comparison: what :func:`sdialog.evaluation.compare.compare` returned.
        path: file to write; its folder is made.
        title: the page's title.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(comparison, title), encoding="utf-8")
    return target


def page(comparison: Comparison, title: str = "Comparison") -> str:
    """Return a comparison as the text of an HTML page; the same comparison gives the same text.

    Figures need matplotlib and are left out where it is not installed.

    Args:
        comparison: what :func:`sdialog.evaluation.compare.compare` returned.
        title: the page's title.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> from sdialog.evaluation.compare import compare
        >>> some = [Dialog(id=n, turns=[Turn(speaker="A", text="is 1 < 2? " * n)]) for n in (1, 2, 3)]
        >>> text = page(compare({"A & B": some}, MeanTurnLengthScore()), "Lengths")
        >>> "<h1>Lengths</h1>" in text, "A &amp; B" in text, "is 1 &lt; 2?" in text, "1 < 2" in text
        (True, True, True, False)
    """
    chosen = extremes(comparison)
    told = transcripts(comparison, chosen)
    about, drawn = comparison.about, figures(comparison)
    return str(
        _template().render(
            title=title,
            version=__version__,
            level=f"{100 * (1 - comparison.alpha):g} %",
            names=list(about.datasets),
            sets=[
                {"name": name, "n": about.sizes[name], "hash": about.hashes[name], "path": _path(about.datasets[name])}
                for name in about.datasets
            ],
            in_short=in_short(comparison),
            values=_values(comparison),
            has_intervals=any(cell.interval for cell in comparison.cells.values()),
            no_width=f"{NO_WIDTH}." if without_width(comparison) else "",
            labelled=labelled(comparison),
            has_floors=any(floor is not None for floor in comparison.floors.values()),
            differences=_differences(comparison.differences, comparison.alpha),
            tested=sum(one.p_value is not None for one in comparison.differences),
            overview=overview_figures(comparison),
            figures=drawn,
            not_drawn=not_drawn(comparison, drawn),
            doses=dose_figures(comparison),
            slices=_slices(comparison),
            missing=_missing(comparison),
            extremes={
                column: [
                    {"one": one, "id": shown_id(one.dialog_id), "value": short(one.value), "told": told.get(_at(one))}
                    for one in entries
                ]
                for column, entries in chosen.items()
            },
            transcripts=list(told.values()),
            methods=methods(comparison),
        )
    )


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _at(one: Any) -> tuple[Any, int]:
    return one.dataset, one.place


def _path(dataset: Any) -> str | None:
    return None if dataset.path is None else str(dataset.path)


def _values(comparison: Comparison) -> list[dict[str, Any]]:
    rows = []
    for column in comparison.columns:
        cells = [comparison.cells[name, column] for name in comparison.about.datasets]
        shown = [
            {
                "value": short(cell.value),
                "interval": "" if cell.interval is None else interval_text(cell.interval, _DIGITS),
                "n": f"n = {cell.n}" if cell.n_missing else "",
            }
            for cell in cells
        ]
        rows.append(
            {
                "column": column,
                "cells": shown,
                "floor": floor_text(comparison, column, _DIGITS) if comparison.floors.get(column) else "",
            }
        )
    return rows


def _differences(found: Sequence[Difference], alpha: float) -> list[dict[str, Any]]:
    return [
        {
            "column": one.column,
            "sets": f"{one.b} − {one.a}",
            "difference": number(one.difference, _DIGITS),
            "interval": interval_text(one.interval, _DIGITS),
            "p": p_text(one.p_value),
            "adjusted": p_text(one.p_adjusted),
            "found": bool(one.significant(alpha)),
            "effect": effect_text(one),
            "n": f"{one.n_b}, {one.n_a}" if one.pairs is None else counted_pairs(one),
            "detectable": number(one.detectable, _DIGITS),
            "note": one.note or "",
        }
        for one in found
    ]


def _slices(comparison: Comparison) -> list[dict[str, Any]]:
    made = []
    for one in comparison.slices:
        columns = list(dict.fromkeys(column for _, column in one.cells))
        rows = [
            {
                "column": column,
                "cells": [_slice_cell(one.cells.get((name, column))) for name in comparison.about.datasets],
            }
            for column in columns
        ]
        made.append(
            {
                "by": one.by,
                "value": one.value,
                "rows": rows,
                "differences": _differences(one.differences, comparison.alpha),
            }
        )
    return made


def _slice_cell(cell: Cell | None) -> dict[str, str]:
    if cell is None:
        return {"value": "-", "rest": ""}
    interval = "" if cell.interval is None else f"{interval_text(cell.interval, _DIGITS)}, "
    return {"value": short(cell.value), "rest": f"{interval}n = {cell.n}"}


def _missing(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "set": name,
            "column": column,
            "n": cell.n_missing,
            "of": comparison.about.sizes[name],
            "reasons": "; ".join(f"{reason} ({count})" for reason, count in cell.reasons.items()),
        }
        for (name, column), cell in comparison.cells.items()
        if cell.n_missing
    ]
