"""Figures of a quality report."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.quality.report import QualityReport

_WHY = "draw figures"
# Okabe and Ito (2008): colours that are told apart with every common kind of colour vision.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")


def figures(report: QualityReport) -> dict[str, Any]:
    """Return matplotlib figures by their titles, each with what was measured; see :class:`QualityReport`."""
    groups = report.groups
    drawn: dict[str, Any] = {}
    understood = {
        "word error rate": {group: [one.word_error_rate for one in own] for group, own in groups.items()},
        "STOI": {group: [one.stoi for one in own] for group, own in groups.items()},
        "ESTOI": {group: [one.estoi for one in own] for group, own in groups.items()},
    }
    for title, values in understood.items():
        if any(value is not None for own in values.values() for value in own):
            drawn[title] = _dots(values, title)
    levels = {group: [one.levels.loudness for one in own] for group, own in groups.items()}
    if any(value is not None for own in levels.values() for value in own):
        drawn["loudness"] = _dots(levels, "integrated loudness (LUFS)")
    speech = {group: [value for one in own for value in one.levels.speech_db.values()] for group, own in groups.items()}
    if any(value is not None for own in speech.values() for value in own):
        drawn["level of each speaker"] = _dots(speech, "active level (dBFS)")
    errors = {
        group: [1000 * b.error for one in own for b in (one.stems or one.starts).boundaries if b.error is not None]
        for group, own in groups.items()
    }
    if any(errors.values()):
        drawn["error of the labels"] = _dots(errors, "sound later than label (ms)")
    filled = {group: [100 * one.conversation.overlap_ratio for one in own] for group, own in groups.items()}
    drawn["overlapping speech"] = _dots(filled, "share of the speech (%)")
    return drawn


def _dots(values: Mapping[str, Sequence[float | None]], label: str) -> Any:
    """Return a figure with a row a group: a dot a value, and a line at their mean."""
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    made = need("matplotlib.figure", extra="plots", why=_WHY)
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = made.Figure(figsize=(6.2, 0.9 + 0.42 * len(values)), layout="constrained")
        axes = figure.add_subplot()
    for row, own in enumerate(values.values()):
        known = [value for value in own if value is not None]
        colour = _COLOURS[row % len(_COLOURS)]
        axes.plot(known, [row] * len(known), "o", color=colour, alpha=0.45, markersize=6, markeredgewidth=0)
        if known:
            middle = sum(known) / len(known)
            axes.plot([middle, middle], [row - 0.3, row + 0.3], "-", color=colour, linewidth=2)
    axes.set_yticks(range(len(values)), [(name or "all").replace("$", r"\$") for name in values])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlabel(label, fontsize=9)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def svg(figure: Any, description: str, prefix: str) -> str:
    """Return a figure as an SVG element for a page; ids are made unique by the prefix."""
    matplotlib = need("matplotlib", extra="plots", why=_WHY)
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"sdialog{prefix}"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    drawn = written.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r'\bid="', f'id="{prefix}-', drawn)
    drawn = re.sub(r'(url\(#|href="#)', rf"\1{prefix}-", drawn)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)
