"""A quality report as one HTML page that needs nothing else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog._version import __version__
from sdialog.audio.quality.figures import figures, svg
from sdialog.core.optional import available

if TYPE_CHECKING:
    from sdialog.audio.quality.report import QualityReport

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_MOST_ROWS = 500


def page(report: QualityReport, title: str) -> str:
    """Return the text of the page; the same report gives the same text."""
    from sdialog.audio.quality.report import shown

    tables = []
    for by in ("group", "recording"):
        rows, columns = report.rows(by)
        lines = [
            {"name": name, "count": count, "cells": [shown(values[column], form) for column, _, form in columns]}
            for name, count, values in rows[:_MOST_ROWS]
        ]
        heads = [f"{name} ({unit})" if unit else name for name, unit, _ in columns]
        tables.append({"by": by, "heads": heads, "lines": lines, "more": max(0, len(rows) - _MOST_ROWS)})
    drawn = figures(report) if available("matplotlib") else {}
    wrong = [
        {"name": one.name, "speaker": b.speaker, "turn": b.turn, "edge": b.edge, "at": f"{b.labelled:.3f}",
         "error": f"{1000 * (b.error or 0):+.1f}"}
        for one in report.recordings
        for check in (one.starts, one.stems)
        if check is not None
        for b in check.wrong
    ]  # fmt: skip
    return str(
        _template().render(
            title=title,
            version=__version__,
            about=report.about,
            seconds=f"{sum(one.duration for one in report.recordings):.0f}",
            count=len(report.recordings),
            tables=tables,
            remarks=report.remarks,
            wrong=wrong[:_MOST_ROWS],
            figures=[
                {"title": name, "svg": svg(figure, name, f"figure{number}")}
                for number, (name, figure) in enumerate(drawn.items())
            ],
        )
    )


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
