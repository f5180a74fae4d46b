"""The graph of a flow: nodes and edges with counts and weights, pruned to what matters."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need
from sdialog.evaluation.flow.roles import DEFAULT_TOKEN_END, DEFAULT_TOKEN_START
from sdialog.evaluation.flow.trajectories import Trajectories
from sdialog.evaluation.flow.transitions import Transitions

EDGE_WEIGHTS = ("max", "max-out", "prob-out")
Edges = dict[tuple[str, str], int]


def flow_graph(
    trajectories: Trajectories,
    edges_weight: str = "prob-out",
    prune_threshold_nodes: float = 0.0,
    prune_threshold_edges: float = 0.0,
) -> Any:
    """Return the graph of a corpus.

    Self-loops and steps between utterances of the same role are kept. Pruning never takes away the widest path from
    start to end, so the graph always holds one.

    Args:
        trajectories: the corpus.
        edges_weight: ``prob-out`` (the share of all edges that leave a node), ``max-out`` (count over the largest of
            those) or ``max`` (count over the largest of all).
        prune_threshold_nodes: leave out nodes whose count is below this share of the largest.
        prune_threshold_edges: leave out edges whose weight is below this.

    Returns:
        A ``networkx.DiGraph``. Nodes have ``fr`` (how often), ``weight`` (share of the largest), ``role`` and
        ``label``; edges ``fr``, ``prob`` (share of all transitions that leave the node, before pruning) and ``weight``
        (among the edges that are left).

    Raises:
        ConfigError: if there is no such weight.
    """
    if edges_weight not in EDGE_WEIGHTS:
        raise ConfigError(f"edges are weighted by {', '.join(EDGE_WEIGHTS)}, not {edges_weight!r}")
    networkx = need("networkx", extra="metrics", why="build flow graphs")
    counts = Transitions.of(trajectories)
    ids = [*(node.id for node in trajectories.nodes), DEFAULT_TOKEN_START, DEFAULT_TOKEN_END]
    edges = {
        (ids[one], ids[other]): count
        for one, found in counts.following.items()
        for other, count in sorted(found.items())
    }
    kept = _pruned(edges, trajectories, edges_weight, prune_threshold_nodes, prune_threshold_edges)
    graph = networkx.DiGraph()
    ends = len(trajectories.ids)
    graph.add_node(DEFAULT_TOKEN_START, fr=ends, weight=1.0, role="", label=DEFAULT_TOKEN_START)
    most = max(node.count for node in trajectories.nodes)
    connected = {name for edge in kept for name in edge}
    for node in trajectories.nodes:
        if node.id in connected:
            label = node.name or node.utterances[0]
            graph.add_node(node.id, fr=node.count, weight=node.count / most, role=node.role, label=label)
    graph.add_node(DEFAULT_TOKEN_END, fr=ends, weight=1.0, role="", label=DEFAULT_TOKEN_END)
    shares, weights = _weights(edges, "prob-out"), _weights(kept, edges_weight)
    for edge, count in kept.items():
        graph.add_edge(*edge, fr=count, prob=shares[edge], weight=weights[edge])
    return graph


def widest_path(graph: Any) -> list[str]:
    """Return the path from start to end whose narrowest edge, by weight, is widest (Pollack, 1960).

    Returns:
        Ids of its nodes, the two ends included; an empty list if no path leads to the end.

    Example:
        >>> import networkx
        >>> graph = networkx.DiGraph()
        >>> steps = [("[start]", "u0", 1), ("u0", "s0", 0.7), ("u0", "s1", 0.3), ("s0", "[end]", 1), ("s1", "[end]", 1)]
        >>> graph.add_weighted_edges_from(steps)
        >>> widest_path(graph)
        ['[start]', 'u0', 's0', '[end]']
    """
    return _widest({(one, other): weight for one, other, weight in graph.edges(data="weight")})


def _widest(weights: dict[tuple[str, str], float]) -> list[str]:
    onward: dict[str, list[tuple[str, float]]] = {}
    for (one, other), weight in weights.items():
        onward.setdefault(one, []).append((other, weight))
    queue: list[tuple[float, int, list[str]]] = [(-float("inf"), 1, [DEFAULT_TOKEN_START])]
    done: set[str] = set()
    while queue:
        width, length, path = heapq.heappop(queue)
        if path[-1] == DEFAULT_TOKEN_END:
            return path
        if path[-1] not in done:
            done.add(path[-1])
            for other, weight in onward.get(path[-1], ()):
                if other not in done:
                    heapq.heappush(queue, (max(width, -weight), length + 1, [*path, other]))
    return []


def _pruned(edges: Edges, trajectories: Trajectories, kind: str, node_share: float, edge_weight: float) -> Edges:
    most = max(node.count for node in trajectories.nodes)
    dropped = {node.id for node in trajectories.nodes if node.count / most < node_share}
    left = {edge: count for edge, count in edges.items() if not dropped & {*edge}}
    path = _widest(_weights(left, kind)) or _widest(_weights(edges, kind))
    kept_anyway = {*pairwise(path)}
    weights = _weights(left, kind)
    strong = {edge: count for edge, count in edges.items() if weights.get(edge, -1.0) >= edge_weight}
    strong |= {edge: edges[edge] for edge in kept_anyway}
    ahead = _reached(strong, DEFAULT_TOKEN_START)
    back = _reached([(other, one) for one, other in strong], DEFAULT_TOKEN_END)
    return {edge: count for edge, count in strong.items() if {*edge} <= ahead & back}


def _reached(edges: Iterable[tuple[str, str]], origin: str) -> set[str]:
    onward: dict[str, list[str]] = {}
    for one, other in edges:
        onward.setdefault(one, []).append(other)
    found, waiting = {origin}, [origin]
    while waiting:
        for other in onward.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _weights(edges: Edges, kind: str) -> dict[tuple[str, str], float]:
    totals: dict[str, float] = {}
    for (one, _), count in edges.items():
        before = totals.get(one, 0.0)
        totals[one] = before + count if kind == "prob-out" else max(before, count)
    if kind == "max":
        totals = dict.fromkeys(totals, max(totals.values(), default=0.0))
    return {edge: count / totals[edge[0]] for edge, count in edges.items()}
