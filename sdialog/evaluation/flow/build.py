"""From reference dialogs to their flow graph."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.flow.encoding import Encoder
from sdialog.evaluation.flow.graph import EDGE_WEIGHTS, flow_graph, widest_path
from sdialog.evaluation.flow.roles import DEFAULT_SYS_NAME, Roles
from sdialog.evaluation.flow.trajectories import Grouping, Reading, Trajectories, trajectories_of

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Thresholds = float | Sequence[float] | Mapping[str, float]

TRAJECTORIES_FILE = "trajectories.json"
_log = logging.getLogger(__name__)


def dialog2graph(
    input_dialogues: str | Path | Iterable[Dialog],
    system_speaker_name: str | None = None,
    use_only_system_speaker: bool = False,
    output_path: str | Path | None = None,
    node_embedding_model: Any = None,
    node_thresholds: Thresholds | None = None,
    nodes_prune_threshold: float = 0.023,
    node_llm_labels_enabled: bool | None = None,
    node_llm_labels_model: Any = None,
    node_llm_labels_top_k: int = 5,
    node_show_ids: bool = True,
    edges_weight_type: str = "prob-out",
    edges_prune_threshold: float = 0.05,
    out_png: bool = True,
    out_interactive: bool = False,
    target_domains: Iterable[str] | None = None,
    batch_size: int = 128,
    use_closest_as_centroid_emb: bool = False,
    verbose: bool = False,
    *,
    roles: Mapping[str, str] | None = None,
    split_turns: bool = False,
    seed: int = 0,
) -> tuple[Any, dict[str, Any]]:
    """Learn how dialogs go: a graph whose nodes are groups of utterances that say alike.

    Everything happens in memory; files are written only if there is an ``output_path``.

    Args:
        input_dialogues: dialogs, or a file or folder of them.
        system_speaker_name: who is the system; everybody else is a user. Default: as told by
            :meth:`sdialog.evaluation.flow.roles.Roles.learn`.
        use_only_system_speaker: leave out what the others say.
        output_path: folder for ``trajectories.json``, ``graph.graphml``, ``widest_path.txt`` and the pictures.
        node_embedding_model: what :class:`sdialog.evaluation.flow.encoding.Encoder` takes; default hashed n-grams,
            which need no model and compare wording.
        node_thresholds: mean cosine distance up to which groups of utterances are merged, or a whole number of nodes
            above 1; one for all roles, ``[system, user]``, or by role. Default .55, for hashed n-grams .65.
        nodes_prune_threshold: leave out nodes rarer than this share of the most frequent one.
        node_llm_labels_enabled: name nodes by a language model. Default: if one is given.
        node_llm_labels_model: any model name or object of the package; None with labels enabled is the one of the
            settings.
        node_llm_labels_top_k: how many utterances a node shows, also to that model.
        node_show_ids: show ids in pictures.
        edges_weight_type: see :func:`sdialog.evaluation.flow.graph.flow_graph`.
        edges_prune_threshold: leave out edges whose weight is below this.
        out_png: draw ``graph.png``, if there is an ``output_path``.
        out_interactive: write ``graph.html``, a page that needs nothing else, likewise.
        target_domains: use dialogs of these domains only.
        batch_size: how many utterances are embedded at a time.
        use_closest_as_centroid_emb: let the utterance nearest to its centre stand for a node, not the mean.
        verbose: log how many dialogs, utterances and nodes there are.
        roles: the role of each speaker, where there are more than two sides; everybody else is a user.
        split_turns: make utterances of sentences, not of turns.
        seed: seed of what is random with thousands of different utterances.

    Returns:
        The graph (``networkx.DiGraph``), and for each node of it and each that was pruned, by id: ``name``,
        ``utterances``, ``role``, ``fr`` and ``centroid-embedding`` (and ``closest-embedding``, if it is to be used);
        ``_metadata`` holds ``model``, ``speakers``, ``output_folder``, ``encoder`` and ``trajectories``.

    Raises:
        UserError: if nothing is said in the dialogs.
        UnknownNameError: if the system named is in none of them.
        MissingDependencyError: if a package is not installed.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="User", text="Good morning!"), Turn(speaker="Bot", text="How can I help?")]
        >>> graph, nodes = dialog2graph([Dialog(turns=turns), Dialog(turns=turns)])
        >>> list(graph.edges(data="weight"))
        [('[start]', 'u0', 1.0), ('s0', '[end]', 1.0), ('u0', 's0', 1.0)]
        >>> nodes["s0"]["utterances"], nodes["s0"]["fr"]
        (['How can I help?'], 2)
    """
    if edges_weight_type not in EDGE_WEIGHTS:  # before the work, not after it
        raise ConfigError(f"edges_weight_type is one of {', '.join(EDGE_WEIGHTS)}, not {edges_weight_type!r}")
    if output_path is not None and out_png:
        need("matplotlib", extra="plots", why="draw flow graphs (or say out_png=False)")
    named = node_llm_labels_model is not None if node_llm_labels_enabled is None else node_llm_labels_enabled
    trajectories = _learnt(
        _listed(input_dialogues),
        (system_speaker_name, use_only_system_speaker, roles, split_turns),
        Encoder(node_embedding_model, batch_size),
        Grouping(node_thresholds, node_llm_labels_top_k, named, node_llm_labels_model, seed),
        target_domains,
    )
    graph = flow_graph(trajectories, edges_weight_type, nodes_prune_threshold, edges_prune_threshold)
    nodes = node_table(trajectories, use_closest_as_centroid_emb)
    if verbose:
        _say(trajectories, graph)
    if output_path is not None:
        nodes["_metadata"]["output_folder"] = str(output_path)
        trajectories.write(Path(output_path) / TRAJECTORIES_FILE)
        pictures = write_files(graph, nodes, output_path, out_png, out_interactive, node_show_ids)
        nodes["_metadata"] |= pictures
    return graph, nodes


def dialog2trajectories(
    input_dialogues: str | Path | Iterable[Dialog],
    system_speaker_name: str | None = None,
    use_only_system_speaker: bool = False,
    output_path: str | Path | None = None,
    node_embedding_model: Any = None,
    thresholds: Thresholds | None = 0.6,
    node_llm_labels_enabled: bool | None = None,
    node_llm_labels_model: Any = None,
    node_llm_labels_top_k: int = 5,
    target_domains: Iterable[str] | None = None,
    batch_size: int = 128,
    verbose: bool = False,
    *,
    roles: Mapping[str, str] | None = None,
    split_turns: bool = False,
    seed: int = 0,
) -> Trajectories | Path:
    """Turn dialogs into paths through groups of utterances that say alike; the first half of :func:`dialog2graph`.

    Args and Raises: those of :func:`dialog2graph`, ``thresholds`` being its ``node_thresholds``.

    Returns:
        The paths; if there is an ``output_path``, the path of the JSON file they were written to, in that folder.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="Bot", text="Please wait."), Turn(speaker="Bot", text="Please wait.")]
        >>> found = dialog2trajectories([Dialog(turns=turns)])
        >>> [[found.nodes[place].id for place in path] for path in found.paths]
        [['s0', 's0']]
    """
    named = node_llm_labels_model is not None if node_llm_labels_enabled is None else node_llm_labels_enabled
    trajectories = _learnt(
        _listed(input_dialogues),
        (system_speaker_name, use_only_system_speaker, roles, split_turns),
        Encoder(node_embedding_model, batch_size),
        Grouping(thresholds, node_llm_labels_top_k, named, node_llm_labels_model, seed),
        target_domains,
    )
    if verbose:
        _say(trajectories)
    return trajectories if output_path is None else trajectories.write(Path(output_path) / TRAJECTORIES_FILE)


def trajectory2graph(
    path_trajectories: str | Path | Trajectories,
    output_folder: str | Path | None = None,
    edges_weight: str = "prob-out",
    prune_threshold_nodes: float = 0.023,
    prune_threshold_edges: float = 0.2,
    png_show_ids: bool = True,
    png_visualization: bool = True,
    interactive_visualization: bool = False,
    target_domains: Iterable[str] | None = None,
    verbose: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Build the graph of paths; the second half of :func:`dialog2graph`.

    Args:
        path_trajectories: what :func:`dialog2trajectories` returned.
        output_folder: where files are written; None for none.
        edges_weight: see :func:`sdialog.evaluation.flow.graph.flow_graph`.
        prune_threshold_nodes: leave out nodes rarer than this share of the most frequent one.
        prune_threshold_edges: leave out edges whose weight is below this.
        png_show_ids: show ids in pictures.
        png_visualization: draw ``graph.png``.
        interactive_visualization: write ``graph.html``.
        target_domains: not used here: paths know no domains.
        verbose: log how large the graph is.

    Returns:
        As :func:`dialog2graph` does.

    Raises:
        ConfigError: if ``target_domains`` is given; :func:`dialog2trajectories` takes it.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="User", text="Good morning!"), Turn(speaker="Bot", text="How can I help?")]
        >>> graph, nodes = trajectory2graph(dialog2trajectories([Dialog(turns=turns)]))
        >>> sorted(graph)
        ['[end]', '[start]', 's0', 'u0']
    """
    if target_domains is not None:
        raise ConfigError("give target_domains to dialog2trajectories: trajectories no longer tell a dialog's domain")
    given = path_trajectories
    trajectories = given if isinstance(given, Trajectories) else Trajectories.read(given)
    graph = flow_graph(trajectories, edges_weight, prune_threshold_nodes, prune_threshold_edges)
    nodes = node_table(trajectories)
    if verbose:
        _say(trajectories, graph)
    if output_folder is not None:
        nodes["_metadata"]["output_folder"] = str(output_folder)
        nodes["_metadata"] |= write_files(
            graph, nodes, output_folder, png_visualization, interactive_visualization, png_show_ids
        )
    return graph, nodes


def node_table(trajectories: Trajectories, closest: bool = False) -> dict[str, Any]:
    """Return what is known of each node, by id, and ``_metadata``; see :func:`dialog2graph`."""
    table: dict[str, Any] = {}
    for number, node in enumerate(trajectories.nodes):
        table[node.id] = {
            "name": node.name,
            "utterances": list(node.utterances),
            "role": node.role,
            "fr": node.count,
            "centroid-embedding": trajectories.centroids[number],
        }
        if closest:
            table[node.id]["closest-embedding"] = trajectories.closest[number]
    table["_metadata"] = {
        "model": trajectories.encoder.name,
        "speakers": dict(trajectories.reading.roles.by_name),
        "output_folder": None,
        "encoder": trajectories.encoder,
        "trajectories": trajectories,
    }
    return table


def write_files(
    graph: Any, nodes: Mapping[str, Any], folder: str | Path, png: bool, interactive: bool, show_ids: bool
) -> dict[str, str]:
    """Write a graph and its pictures to a folder; returns the paths of the pictures by kind."""
    networkx = need("networkx", extra="metrics", why="write flow graphs")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    networkx.write_graphml(graph, target / "graph.graphml")
    lines = [f"{id}: {graph.nodes[id]['label']}" for id in widest_path(graph)[1:-1]]
    (target / "widest_path.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    written = {}
    if png:
        from sdialog.evaluation.flow.drawing import draw_flow

        written["png"] = str(draw_flow(graph, target / "graph.png", show_ids=show_ids))
    if interactive:
        from sdialog.evaluation.flow.page import write_flow_page

        written["html"] = str(write_flow_page(graph, nodes, target / "graph.html", show_ids=show_ids))
    return written


def _listed(dialogs: str | Path | Iterable[Dialog]) -> list[Dialog]:
    found = list(Dataset(dialogs))
    if not found:
        raise UserError("there are no reference dialogs to learn a flow from")
    return found


def _learnt(
    dialogs: Sequence[Dialog],
    who: tuple[str | None, bool, Mapping[str, str] | None, bool],
    encoder: Encoder,
    grouping: Grouping,
    domains: Iterable[str] | None,
) -> Trajectories:
    system, only_system, roles, split = who
    if system is not None and roles is not None:
        raise ConfigError("say who the system is by system_speaker_name or by roles, not by both")
    known = Roles.learn(dialogs, system, roles)
    reading = Reading(known, DEFAULT_SYS_NAME if only_system else None, split)
    return trajectories_of(dialogs, reading, encoder, grouping, domains)


def _say(trajectories: Trajectories, graph: Any = None) -> None:
    shown = "" if graph is None else f", {graph.number_of_nodes()} of them or ends and {graph.number_of_edges()} edges"
    said = sum(map(len, trajectories.paths))
    text = "%d dialogs, %d utterances, %d nodes%s"
    _log.info(text, len(trajectories.ids), said, len(trajectories.nodes), shown)
