"""Where the nodes of a flow stand in a picture: in layers from start to end, with few crossings."""

from __future__ import annotations

from collections import deque
from typing import Any

from sdialog.evaluation.flow.roles import DEFAULT_TOKEN_END, DEFAULT_TOKEN_START

Point = tuple[float, float]

BOX = (168.0, 58.0)
"""Width and height of a node's box."""

_STEP = (212.0, 128.0)
_MARGIN = (100.0, 20.0)
_BOW = 190.0
_SWEEPS = 8
_WIDEST = 9


def layered(graph: Any) -> dict[str, tuple[float, int]]:
    """Return the place of each node: (across, layer), layers from 0 for the start, places centred on 0.

    A node's layer is its least number of steps from the start; the end has the last layer to itself. Within a layer
    nodes are ordered by the mean place of their neighbours, a few times over (Sugiyama, Tagawa and Toda, 1981). A layer
    too wide for a page becomes several.

    Args:
        graph: what :func:`sdialog.evaluation.flow.graph.flow_graph` returned.

    Example:
        >>> import networkx
        >>> graph = networkx.DiGraph([("[start]", "u0"), ("[start]", "u1"), ("u0", "[end]"), ("u1", "[end]")])
        >>> layered(graph)
        {'[start]': (0.0, 0), 'u0': (-0.5, 1), 'u1': (0.5, 1), '[end]': (0.0, 2)}
    """
    depth = {DEFAULT_TOKEN_START: 0}
    waiting = deque([DEFAULT_TOKEN_START])
    while waiting:
        one = waiting.popleft()
        for other in graph.successors(one):
            if other not in depth:
                depth[other] = depth[one] + 1
                waiting.append(other)
    last = max((level for node, level in depth.items() if node != DEFAULT_TOKEN_END), default=0) + 1
    depth[DEFAULT_TOKEN_END] = last
    layers: list[list[str]] = [[] for _ in range(last + 1)]
    for node, level in depth.items():
        layers[level].append(node)
    places = {node: place for layer in layers for node, place in _placed(layer).items()}
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else reversed(layers):
            layer.sort(key=lambda node: (_mean(graph, node, places), places[node]))
            places |= _placed(layer)
    rows = [layer[start : start + _WIDEST] for layer in layers for start in range(0, len(layer), _WIDEST)]
    return {node: (place, level) for level, row in enumerate(rows) for node, place in _placed(row).items()}


def centres(places: dict[str, tuple[float, int]]) -> tuple[dict[str, Point], Point]:
    """Return the centre of each node's box, y growing downwards, and the width and height of the whole picture."""
    left = min(x for x, _ in places.values())
    right, last = max(x for x, _ in places.values()), max(y for _, y in places.values())
    size = (right - left) * _STEP[0] + BOX[0] + 2 * _MARGIN[0], last * _STEP[1] + BOX[1] + 2 * _MARGIN[1]
    points = {
        id: ((x - left) * _STEP[0] + BOX[0] / 2 + _MARGIN[0], y * _STEP[1] + BOX[1] / 2 + _MARGIN[1])
        for id, (x, y) in places.items()
    }
    return points, size


def curve(start: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    """Return the four points of the Bezier curve from a node's box to another's, or around to its own."""
    (x, y), (x2, y2) = start, end
    half, tall = BOX[0] / 2, BOX[1] / 2
    if start == end:
        return (x + half, y - 14), (x + half + 44, y - 34), (x + half + 44, y + 34), (x + half, y + 14)
    if y2 > y:
        # Steps over a layer bow out, so as not to run through the boxes between.
        bow = 0.0 if y2 - y < 1.5 * _STEP[1] else -_BOW if x2 > x else _BOW
        reach = (y2 - y) * 0.4
        return (x, y + tall), (x + bow, y + tall + reach), (x2 + bow, y2 - tall - reach), (x2, y2 - tall)
    # Steps back leave at the side; straight up, they come in at the same side.
    side = 1 if x2 >= x else -1
    into = side if x2 == x else -side
    out, rise = (90, 0) if y2 < y else (40, -50)
    return (
        (x + side * half, y),
        (x + side * (half + out), y + rise),
        (x2 + into * (half + out), y2 + rise),
        (x2 + into * half, y2),
    )


def middle(points: tuple[Point, Point, Point, Point]) -> Point:
    """Return the middle of a Bezier curve."""
    x, y = ((points[0][axis] + 3 * points[1][axis] + 3 * points[2][axis] + points[3][axis]) / 8 for axis in (0, 1))
    return x, y


def _placed(layer: list[str]) -> dict[str, float]:
    return {node: place - (len(layer) - 1) / 2 for place, node in enumerate(layer)}


def _mean(graph: Any, node: str, places: dict[str, float]) -> float:
    """Return the mean place of a node's neighbours, by how often it meets them."""
    met = [(other, data.get("fr", 1)) for _, other, data in graph.out_edges(node, data=True)]
    met += [(other, data.get("fr", 1)) for other, _, data in graph.in_edges(node, data=True)]
    near = [(places[other], count) for other, count in met if other != node and other in places]
    total = sum(count for _, count in near)
    return sum(place * count for place, count in near) / total if total else places[node]
