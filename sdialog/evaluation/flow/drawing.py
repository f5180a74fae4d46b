"""Pictures of a flow: drawn by Graphviz where it is installed, else by matplotlib."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

from sdialog.core.errors import ConfigError, EvaluationError, UnsupportedFeatureError
from sdialog.core.optional import need
from sdialog.evaluation.flow.graph import widest_path
from sdialog.evaluation.flow.layout import BOX, Point, centres, curve, layered, middle
from sdialog.evaluation.flow.roles import DEFAULT_SYS_NAME, DEFAULT_USER_NAME

ENGINES = ("auto", "graphviz", "matplotlib")
# Blue and orange of Okabe and Ito (2008), lightened: told apart by colour-blind readers, and in print by the outline.
FILLS = {DEFAULT_SYS_NAME: "#cfe4f2", DEFAULT_USER_NAME: "#fbe3c0", "": "#e6e6e6"}
OTHER_FILL = "#d5ecd9"
_STRONG, _WEAK = "#b0402c", "#5b6672"
_DOTS = 90
_PATIENCE = 120


def draw_flow(graph: Any, path: str | Path, *, engine: str = "auto", show_ids: bool = True) -> Path:
    """Draw a flow to a file; the type of picture is told by the file's name (``.png``, ``.svg``, ``.pdf``).

    The widest path is red; wider lines are likelier steps.

    Args:
        graph: what ``dialog2graph`` returned.
        path: where to.
        engine: ``graphviz``, ``matplotlib``, or ``auto`` for Graphviz if its program ``dot`` is there.
        show_ids: show ids beside labels.

    Returns:
        The path.

    Raises:
        ConfigError: if there is no such engine.
        UnsupportedFeatureError: if Graphviz is asked for and not installed.
        EvaluationError: if Graphviz fails.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine is one of {', '.join(ENGINES)}, not {engine!r}")
    target = Path(path)
    program = None if engine == "matplotlib" else shutil.which("dot")
    if engine == "graphviz" and program is None:
        raise UnsupportedFeatureError("Graphviz is not installed: its program dot is not on the path")
    target.parent.mkdir(parents=True, exist_ok=True)
    if program is not None:
        _run_dot(program, to_dot(graph, show_ids=show_ids), target)
    else:
        figure = flow_figure(graph, show_ids=show_ids)
        figure.savefig(target, dpi=150)
    return target


def to_dot(graph: Any, *, show_ids: bool = True) -> str:
    """Return a flow in Graphviz's language.

    Example:
        >>> import networkx
        >>> graph = networkx.DiGraph()
        >>> graph.add_node("u0", role="user", label='say "hi"')
        >>> graph.add_edge("[start]", "u0", weight=1.0)
        >>> "label=\\"u0\\\\nsay \\\\\\"hi\\\\\\"\\"" in to_dot(graph)
        True
    """
    strong = path_edges(graph)
    lines = ["digraph flow {", '  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11];']
    lines.append('  edge [fontname="Helvetica" fontsize=9];')
    for id, data in graph.nodes(data=True):
        outline = ' style="rounded,filled,dashed"' if data.get("role") == DEFAULT_USER_NAME else ""
        label = _quoted("\n".join(caption(id, data, show_ids)))
        lines.append(f'  {_quoted(id)} [label={label} fillcolor="{fill(data.get("role", ""))}"{outline}];')
    for one, other, data in graph.edges(data=True):
        colour = _STRONG if (one, other) in strong else _WEAK
        width = 0.6 + 3.4 * data["weight"]
        lines.append(
            f"  {_quoted(one)} -> {_quoted(other)} "
            f'[label="{data["weight"]:.2f}" penwidth={width:.2f} color="{colour}"];'
        )
    return "\n".join([*lines, "}", ""])


def flow_figure(graph: Any, *, show_ids: bool = True) -> Any:
    """Return a flow as a ``matplotlib.figure.Figure``, which belongs to the caller: no window, no global state."""
    figures = need("matplotlib.figure", extra="plots", why="draw flow graphs")
    patches = need("matplotlib.patches", extra="plots", why="draw flow graphs")
    points, (wide, tall) = centres(layered(graph))
    figure = figures.Figure(figsize=(wide / _DOTS, tall / _DOTS))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(tall, 0))
    axes.axis("off")
    strong = path_edges(graph)
    for one, other, data in sorted(graph.edges(data=True), key=lambda edge: (edge[:2] in strong, edge[2]["weight"])):
        _draw_edge(axes, (points[one], points[other]), data["weight"], _STRONG if (one, other) in strong else _WEAK)
    for id, data in graph.nodes(data=True):
        (x, y), (width, height) = points[id], BOX
        outline = "--" if data["role"] == DEFAULT_USER_NAME else "-"
        style = {"boxstyle": "round,pad=0,rounding_size=9", "fc": fill(data["role"]), "ec": "#333333", "ls": outline}
        box = patches.FancyBboxPatch((x - width / 2, y - height / 2), width, height, **style, zorder=3)
        axes.add_patch(box)
        lines = caption(id, data, show_ids, width=24, lines=2)
        axes.text(x, y, "\n".join(lines), ha="center", va="center", fontsize=8.5, zorder=4, parse_math=False)
    return figure


def caption(id: str, data: Any, show_ids: bool, width: int = 26, lines: int = 3) -> list[str]:
    """Return the lines of text in a node's box: its id, if shown, and its label, cut where it is too long."""
    label = data.get("label") or id
    shown = textwrap.wrap(label, width, max_lines=lines, placeholder=" ...") or [""]
    return [id, *shown] if show_ids and label != id else shown


def fill(role: str) -> str:
    """Return the colour of a role's nodes."""
    return FILLS.get(role, OTHER_FILL)


def _draw_edge(axes: Any, ends: tuple[Point, Point], weight: float, colour: str) -> None:
    patches = need("matplotlib.patches", extra="plots", why="draw flow graphs")
    paths = need("matplotlib.path", extra="plots", why="draw flow graphs")
    line = curve(*ends)
    path = paths.Path(line, [paths.Path.MOVETO, *[paths.Path.CURVE4] * 3])
    arrow = patches.FancyArrowPatch(
        path=path, arrowstyle="-|>", mutation_scale=9, color=colour, lw=0.6 + 2 * weight, alpha=0.35 + 0.65 * weight
    )
    axes.add_patch(arrow)
    halo = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8}
    axes.text(*middle(line), f"{weight:.2f}", fontsize=7, ha="center", va="center", color=colour, zorder=2, bbox=halo)


def path_edges(graph: Any) -> set[tuple[str, str]]:
    """Return the edges of the widest path."""
    path = widest_path(graph)
    return {*pairwise(path)}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _run_dot(program: str, source: str, target: Path) -> None:
    kind = target.suffix.lstrip(".") or "png"
    done = subprocess.run(
        [program, f"-T{kind}", "-Gdpi=150", "-o", str(target)],
        input=source.encode(),
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise EvaluationError(f"Graphviz could not draw {target}: {done.stderr.decode(errors='replace').strip()[:300]}")
