"""A page that shows a flow: one file that needs no other, works by keyboard and prints."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdialog.evaluation.flow.drawing import caption, fill, path_edges
from sdialog.evaluation.flow.layout import BOX, Point, centres, curve, layered, middle
from sdialog.evaluation.flow.roles import DEFAULT_TOKEN_START, DEFAULT_USER_NAME

_TEMPLATE = Path(__file__).with_name("page.html")
_SHOWN_NEXT = 3


def write_flow_page(
    graph: Any, nodes: Mapping[str, Any], path: str | Path, *, title: str = "Dialogue flow", show_ids: bool = True
) -> Path:
    """Write a flow as an HTML page.

    Args:
        graph: what ``dialog2graph`` returned.
        nodes: likewise.
        path: where to.
        title: the page's title.
        show_ids: show ids beside labels.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(flow_page(graph, nodes, title=title, show_ids=show_ids), encoding="utf-8")
    return target


def flow_page(graph: Any, nodes: Mapping[str, Any], *, title: str = "Dialogue flow", show_ids: bool = True) -> str:
    """Return a flow as the text of an HTML page.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation.flow.build import dialog2graph
        >>> page = flow_page(*dialog2graph([Dialog(turns=[Turn(speaker="User", text="Is 1 < 2?")])]))
        >>> "Is 1 &lt; 2?" in page, "http" in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
        (True, False)
    """
    places = layered(graph)
    roles = dict.fromkeys(data["role"] for _, data in graph.nodes(data=True) if data["role"])
    legend = "".join(
        f'<span><i style="background:{fill(role)}"></i>{html.escape(role)}</span>' for role in sorted(roles)
    )
    legend += '<span style="color:var(--strong)">red: the widest path</span>'
    parts = {
        "TITLE": html.escape(title),
        "SUMMARY": _summary(graph, nodes),
        "LEGEND": legend,
        "PICTURE": _picture(graph, places, show_ids, title),
        "ROWS": "".join(_row(graph, nodes, id) for id in graph if id in nodes),
        "DATA": _data(graph, nodes, places),
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    # Split rather than replaced one by one: a text of the dialogs may hold such a mark.
    pieces = page.split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _summary(graph: Any, nodes: Mapping[str, Any]) -> str:
    known = sum(not id.startswith("_") for id in nodes)
    shown = sum(id in nodes for id in graph)
    model = html.escape(str(nodes["_metadata"]["model"]))
    return (
        f"{graph.nodes[DEFAULT_TOKEN_START]['fr']} dialogs. {shown} of {known} groups of utterances that say alike are "
        f"shown, and {graph.number_of_edges()} steps between them. Embedder: {model}."
    )


def _data(graph: Any, nodes: Mapping[str, Any], places: dict[str, tuple[float, int]]) -> str:
    shown = {
        id: {
            "label": data["label"],
            "name": nodes[id]["name"] if id in nodes else None,
            "role": data["role"],
            "count": data["fr"],
            "utterances": nodes[id]["utterances"] if id in nodes else [],
            "place": places[id],
        }
        for id, data in graph.nodes(data=True)
    }
    edges = [
        {"from": one, "to": other, "count": data["fr"], "weight": round(data["weight"], 4)}
        for one, other, data in graph.edges(data=True)
    ]
    # "<" would let a text end the script.
    return json.dumps({"nodes": shown, "edges": edges}, ensure_ascii=False).replace("<", "\\u003c")


def _row(graph: Any, nodes: Mapping[str, Any], id: str) -> str:
    onward = sorted(graph.out_edges(id, data="weight"), key=lambda edge: -edge[2])[:_SHOWN_NEXT]
    then = ", ".join(f"{other} {weight:.0%}" for _, other, weight in onward)
    named = "" if nodes[id]["name"] is None else f"<b>{html.escape(nodes[id]['name'])}</b>: "
    said = " / ".join(html.escape(text) for text in nodes[id]["utterances"][:3])
    cells = f"<td>{html.escape(id)}</td><td>{html.escape(nodes[id]['role'])}</td>"
    return (
        f'<tr>{cells}<td class="number">{nodes[id]["fr"]}</td><td>{named}{said}</td><td>{html.escape(then)}</td></tr>'
    )


def _picture(graph: Any, places: dict[str, tuple[float, int]], show_ids: bool, title: str) -> str:
    points, (wide, tall) = centres(places)
    strong = path_edges(graph)
    # Those of the widest path last, above the others.
    edges = sorted(graph.edges(data=True), key=lambda edge: ((edge[0], edge[1]) in strong, edge[2]["weight"]))
    drawn = [_edge(points, one, other, data["weight"], (one, other) in strong) for one, other, data in edges]
    order = sorted(graph, key=lambda id: (places[id][1], places[id][0]))
    drawn += [_node(points[id], id, graph.nodes[id], show_ids) for id in order]
    return (
        f'<svg viewBox="0 0 {wide:g} {tall:g}" width="{wide:g}" height="{tall:g}" role="group" '
        f'aria-label="{html.escape(title)}" xmlns="http://www.w3.org/2000/svg"><defs>{_arrow("a", "#5b6672")}'
        f"{_arrow('b', '#b0402c')}</defs>{''.join(drawn)}</svg>"
    )


def _arrow(id: str, colour: str) -> str:
    return (
        f'<marker id="{id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
    )


def _node(point: Point, id: str, data: Mapping[str, Any], show_ids: bool) -> str:
    (x, y), (wide, tall) = point, BOX
    lines = caption(id, data, show_ids, width=24, lines=2)
    first = y - (len(lines) - 1) * 7 + 4
    texts = "".join(
        f'<tspan x="{x:g}" y="{first + 14 * number:g}">{html.escape(line)}</tspan>' for number, line in enumerate(lines)
    )
    kind = " user" if data["role"] == DEFAULT_USER_NAME else ""
    told = html.escape(f"{id}, {data['role'] or 'end of a dialog'}, {data['fr']} times: {data['label']}", quote=True)
    return (
        f'<g class="node{kind}" data-id="{html.escape(id)}" tabindex="0" role="button" aria-label="{told}">'
        f'<rect x="{x - wide / 2:g}" y="{y - tall / 2:g}" width="{wide:g}" height="{tall:g}" rx="9" '
        f'fill="{fill(data["role"])}"/><text text-anchor="middle" font-size="12">{texts}</text></g>'
    )


def _edge(points: Mapping[str, Point], one: str, other: str, weight: float, strong: bool) -> str:
    line = curve(points[one], points[other])
    x, y = middle(line)
    (x0, y0), *rest = line
    shown = f"M{x0:g} {y0:g} C" + " ".join(f"{px:g} {py:g}" for px, py in rest)
    name = f'data-from="{html.escape(one)}" data-to="{html.escape(other)}" data-weight="{weight:.4f}"'
    return (
        f'<g class="edge{" path" if strong else ""}" {name}><path d="{shown}" stroke-width="{0.7 + 3.3 * weight:.2f}" '
        f'stroke-opacity="{0.35 + 0.65 * weight:.2f}" marker-end="url(#{"b" if strong else "a"})"/>'
        f'<text x="{x:g}" y="{y:g}" font-size="10.5" text-anchor="middle">{weight:.2f}</text></g>'
    )
