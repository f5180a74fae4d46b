"""Flow graphs: a known flow is found again, whoever speaks, whatever the dialogs are called, and at any size."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import networkx
import numpy as np
import pytest
from evaluation.flow_corpus import CHAIN, STEPS, corpus, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipy_linkage

from sdialog import Dialog, Turn
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, DialogFormatError, OutputParseError, UnknownNameError, UserError
from sdialog.core.io import write_jsonl
from sdialog.core.settings import use
from sdialog.evaluation.dialog2flow import (
    DEFAULT_SYS_NAME,
    DEFAULT_TOKEN_END,
    DEFAULT_TOKEN_START,
    DEFAULT_USER_NAME,
    dialog2graph,
    dialog2trajectories,
    trajectory2graph,
)
from sdialog.evaluation.flow.clustering import cluster
from sdialog.evaluation.flow.encoding import Encoder
from sdialog.evaluation.flow.graph import widest_path
from sdialog.evaluation.flow.roles import Roles
from sdialog.evaluation.flow.transitions import Transitions


def talk(*turns: tuple[str | None, str], **fields) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns], **fields)


def state_of(nodes: dict, id: str) -> str:
    """Return which state of the chain a node's utterances belong to, which must be one."""
    found = set()
    for text in nodes[id]["utterances"]:
        for state, (_, wordings) in CHAIN.items():
            if any(all(part in text for part in wording.replace("{1}", "{0}").split("{0}")) for wording in wordings):
                found.add(state)
    assert len(found) == 1, (id, found)
    return found.pop()


# -- a known flow


def test_a_planted_chain_is_recovered_within_sampling_error():
    graph, nodes = dialog2graph(corpus(400), nodes_prune_threshold=0, edges_prune_threshold=0)
    states = {id: state_of(nodes, id) for id in nodes if id != "_metadata"}
    assert sorted(states.values()) == sorted(CHAIN)
    states |= {DEFAULT_TOKEN_START: None, DEFAULT_TOKEN_END: None}
    found = {}
    for one, other, data in graph.edges(data=True):
        found[states[one], states[other]] = data["weight"]
        total = sum(edge["fr"] for _, _, edge in graph.out_edges(one, data=True))
        true = STEPS[states[one]][states[other]]
        # Four standard errors of a share of so many.
        assert abs(data["weight"] - true) <= 4 * (true * (1 - true) / total) ** 0.5 + 1e-9
    assert set(found) == {(one, other) for one, steps in STEPS.items() for other in steps}
    counts = Counter(state for number in range(400) for state in walk(7, number))
    assert {states[id]: nodes[id]["fr"] for id in nodes if id != "_metadata"} == counts
    assert {nodes[id]["role"] for id in nodes if id.startswith("s")} == {DEFAULT_SYS_NAME}
    assert {nodes[id]["role"] for id in nodes if id.startswith("u")} == {DEFAULT_USER_NAME}


def test_the_order_of_the_references_makes_no_difference():
    dialogs = corpus(60)
    one, _ = dialog2graph(dialogs)
    other, _ = dialog2graph(dialogs[::-1])

    def edges(graph):
        named = {id: frozenset([data["fr"], data["role"]]) for id, data in graph.nodes(data=True)}
        return sorted(
            (sorted(map(str, named[a])), sorted(map(str, named[b])), d["fr"]) for a, b, d in graph.edges(data=True)
        )

    assert edges(one) == edges(other)


def test_dialogs_that_share_an_id_all_count():
    graph, nodes = dialog2graph([talk(("User", "Hi!"), ("Bot", "Hello."), id=1) for _ in range(10)])
    assert nodes["u0"]["fr"] == nodes["s0"]["fr"] == 10
    assert graph.edges[DEFAULT_TOKEN_START, "u0"]["fr"] == 10


# -- who speaks


def test_usual_names_tell_their_roles_in_any_order():
    dialogs = [talk(("Human", "Hi!"), ("Bot", "Hello."))] * 3
    _, nodes = dialog2graph(dialogs)
    assert nodes["s0"]["utterances"] == ["Hello."]
    assert nodes["_metadata"]["speakers"] == {"human": "user", "bot": "system"}


def test_the_named_system_is_the_system_and_may_be_the_only_one():
    dialogs = [talk(("Human", "Hi!"), ("Bot", "Hello."))] * 3
    _, nodes = dialog2graph(dialogs, system_speaker_name="HUMAN")
    assert nodes["s0"]["utterances"] == ["Hi!"]
    graph, nodes = dialog2graph(dialogs, "Bot", use_only_system_speaker=True)
    assert set(graph) == {DEFAULT_TOKEN_START, "s0", DEFAULT_TOKEN_END} and nodes["s0"]["utterances"] == ["Hello."]
    with pytest.raises(UnknownNameError, match="Bott"):
        dialog2graph(dialogs, "Bott")


def test_an_agent_who_talks_to_ever_new_people_is_the_system():
    dialogs = [
        talk((f"pat{n}", "I am ill."), ("Dr. Roe", "Since when?"), (f"pat{n}", "Since Monday.")) for n in range(5)
    ]
    roles = Roles.learn(dialogs)
    assert {tuple(roles.of(dialog)) for dialog in dialogs} == {("user", "system", "user")}
    assert roles.of(talk(("Zoe", "Hi"), ("dr. roe", "Hello"))) == ["user", "system"]


def test_names_that_stay_keep_their_role_whoever_begins():
    roles = Roles.learn([talk(("Ann", "Hi"), ("Bea", "Hi")), talk(("Bea", "Hi"), ("Ann", "Hi"))])
    assert roles.of(talk(("Bea", "Hi"), ("Ann", "Hi"))) == ["user", "system"]


def test_names_that_change_are_told_apart_dialog_by_dialog():
    dialogs = [talk((f"a{n}", "Hi"), (f"b{n}", "Hello"), (f"a{n}", "Bye")) for n in range(4)]
    assert {tuple(Roles.learn(dialogs).of(dialog)) for dialog in dialogs} == {("system", "user", "system")}


def test_one_speaker_system_and_customer_nobody_and_three_speakers():
    graph, _ = dialog2graph([talk(("User", "One."), ("User", "Two apples."))])
    assert list(graph.successors("u0")) and not any(id.startswith("s") for id in graph)
    _, nodes = dialog2graph([talk(("system", "Welcome."), ("customer", "Hi."))])
    assert {nodes["s0"]["role"], nodes["u0"]["role"]} == {"system", "user"}
    graph, _ = dialog2graph([talk((None, "Just this."))])
    assert len(graph) == 3
    panel = [talk(("Doc", "Welcome."), ("Pat", "My arm hurts."), ("Nina", "I bring ice."))] * 2
    roles = {"doc": "system", "pat": "user", "nina": "nurse"}
    graph, nodes = dialog2graph(panel, roles=roles)
    assert nodes["nurse-0"]["role"] == "nurse" and graph.has_edge("nurse-0", DEFAULT_TOKEN_END)
    with pytest.raises(ConfigError, match="not by both"):
        dialog2graph(panel, "Doc", roles=roles)


# -- odd dialogs


def test_runs_of_one_role_and_steps_to_the_same_node_are_kept():
    dialogs = [talk(("Bot", "Please wait."), ("Bot", "Please wait."), ("Bot", "Here it is."), ("User", "Thanks!"))] * 5
    graph, _ = dialog2graph(dialogs)
    assert graph.edges["s0", "s0"]["prob"] == 0.5
    assert widest_path(graph) == [DEFAULT_TOKEN_START, "s0", "s1", "u0", DEFAULT_TOKEN_END]


def test_empty_dialogs_are_left_out_and_nothing_but_them_is_refused():
    graph, _ = dialog2graph([Dialog(), talk(("User", "  ")), talk(("User", "Hi!"))])
    assert graph.nodes[DEFAULT_TOKEN_START]["fr"] == 1
    with pytest.raises(UserError, match="nothing is said in the reference"):
        dialog2graph([Dialog()])
    with pytest.raises(UserError, match="by the system"):
        dialog2graph([talk(("User", "Hi!"))], use_only_system_speaker=True)
    with pytest.raises(UserError, match="no reference dialogs"):
        dialog2graph([])


def test_sentences_may_be_the_units():
    dialogs = [talk(("Bot", "Good morning! What is your name?"), ("User", "Ann."))] * 2
    assert set(dialog2graph(dialogs)[0]) >= {"s0", "u0"} and "s1" not in dialog2graph(dialogs)[0]
    graph, _ = dialog2graph(dialogs, split_turns=True)
    assert graph.has_edge("s0", "s1")


def test_dialogs_of_one_domain():
    dialogs = [talk(("User", "A bed, please."), scenario={"Domains": ["hotel"]}), talk(("User", "A taxi, please."))]
    _, nodes = dialog2graph(dialogs, target_domains=["Hotel"])
    assert nodes["u0"]["utterances"] == ["A bed, please."]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["User", "Bot", "Cy", None]), st.text(max_size=12)), max_size=5),
        min_size=1,
        max_size=5,
    )
)
def test_any_dialogs_give_a_graph_from_start_to_end_or_are_refused(drawn):
    dialogs = [talk(*turns) for turns in drawn]
    if not any(text.split() for turns in drawn for _, text in turns):
        with pytest.raises(UserError):
            dialog2graph(dialogs)
        return
    graph, nodes = dialog2graph(dialogs)
    path = widest_path(graph)
    assert path[0] == DEFAULT_TOKEN_START and path[-1] == DEFAULT_TOKEN_END
    for node in graph:
        assert networkx.has_path(graph, DEFAULT_TOKEN_START, node) and networkx.has_path(graph, node, DEFAULT_TOKEN_END)
        onward = [data["weight"] for _, _, data in graph.out_edges(node, data=True)]
        assert node == DEFAULT_TOKEN_END or sum(onward) == pytest.approx(1)
    said = sum(bool(text.split()) for turns in drawn for _, text in turns)
    assert sum(node["fr"] for id, node in nodes.items() if id != "_metadata") == said


# -- pruning and weights


def test_pruning_leaves_out_what_is_rare_and_always_leaves_a_path():
    dialogs = corpus(200)
    whole, nodes = dialog2graph(dialogs, nodes_prune_threshold=0, edges_prune_threshold=0)
    small, same = dialog2graph(dialogs, nodes_prune_threshold=0.5, edges_prune_threshold=0.35)
    assert set(small) < set(whole) and set(nodes) == set(same)
    assert all(data["fr"] == whole.edges[one, other]["fr"] for one, other, data in small.edges(data=True))
    bare, _ = dialog2graph(dialogs, nodes_prune_threshold=1.1, edges_prune_threshold=1.1)
    assert list(bare) and networkx.has_path(bare, DEFAULT_TOKEN_START, DEFAULT_TOKEN_END)


def test_weights_of_edges():
    # By hand: from u0 three steps to s0 and one to the end.
    dialogs = [talk(("User", "Hi!"), ("Bot", "Hello."))] * 3 + [talk(("User", "Hi!"))]
    wanted = {"prob-out": (0.75, 0.25), "max-out": (1.0, 1 / 3), "max": (0.75, 0.25)}
    for kind, (onward, out) in wanted.items():
        graph, _ = dialog2graph(dialogs, edges_weight_type=kind)
        assert graph.edges["u0", "s0"]["weight"] == pytest.approx(onward)
        assert graph.edges["u0", DEFAULT_TOKEN_END]["weight"] == pytest.approx(out)
    with pytest.raises(ConfigError, match="prob-out"):
        dialog2graph(dialogs, edges_weight_type="prob")


def test_thresholds_and_embedders_that_are_none_are_refused():
    dialogs = corpus(3)
    for wrong in (-0.1, 1.5, True, [0.5], {"user": 0.5}):
        with pytest.raises(ConfigError):
            dialog2graph(dialogs, node_thresholds=wrong)
    with pytest.raises(ConfigError, match="cannot embed"):
        dialog2graph(dialogs, node_embedding_model=3)
    with pytest.raises(ConfigError, match="one row"):
        dialog2graph(dialogs, node_embedding_model=lambda texts: [1.0])
    _, nodes = dialog2graph(corpus(40), node_thresholds=[2, 3])
    assert {id for id in nodes if id != "_metadata"} == {"s0", "s1", "u0", "u1", "u2"}


# -- files


def test_files_are_written_only_where_they_are_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dialogs = corpus(30)
    dialog2graph(dialogs)
    assert list(tmp_path.iterdir()) == []
    graph, nodes = dialog2graph(dialogs, output_path=tmp_path / "out", out_interactive=True)
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"trajectories.json", "graph.graphml", "widest_path.txt", "graph.png", "graph.html"}
    assert nodes["_metadata"]["output_folder"] == str(tmp_path / "out")
    read = networkx.read_graphml(tmp_path / "out" / "graph.graphml")
    assert set(read.edges) == set(graph.edges)


def test_dialogs_come_from_a_file_too(tmp_path: Path):
    dialogs = corpus(20)
    write_jsonl(dialogs, tmp_path / "some.jsonl")
    one, _ = dialog2graph(tmp_path / "some.jsonl")
    other, _ = dialog2graph(dialogs)
    assert dict(one.edges) == dict(other.edges)


def test_the_two_halves_give_the_whole_through_memory_and_through_a_file(tmp_path: Path):
    dialogs = corpus(40)
    whole, nodes = dialog2graph(dialogs, node_thresholds=0.6, edges_prune_threshold=0.2)
    for half in (dialog2trajectories(dialogs), dialog2trajectories(dialogs, output_path=tmp_path)):
        graph, same = trajectory2graph(half)
        assert dict(graph.edges) == dict(whole.edges)
        assert np.allclose(same["s0"]["centroid-embedding"], nodes["s0"]["centroid-embedding"], atol=1e-6)
    (tmp_path / "other.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(DialogFormatError, match="other"):
        trajectory2graph(tmp_path / "other.json")
    with pytest.raises(ConfigError, match="target_domains"):
        trajectory2graph(tmp_path / "trajectories.json", target_domains=["x"])


# -- names by a model


def test_a_model_names_the_nodes_and_equal_names_are_one_node():
    dialogs = [talk(("User", "Hi!"), ("Bot", "Hello."), ("User", "Zebra question?"), ("Bot", "Yes."))] * 3
    names = {"Hello.": "answer", "Yes.": "Answer", "Hi!": "greet", "Zebra question?": "ask"}

    def model(messages) -> str:
        return json.dumps({"label": next(name for text, name in names.items() if text in messages[-1].content)})

    graph, nodes = dialog2graph(dialogs, node_llm_labels_model=model)
    named = {id: node["name"] for id, node in nodes.items() if id != "_metadata"}
    assert named == {"s0": "answer", "u0": "greet", "u1": "ask"}
    assert nodes["s0"]["fr"] == 6 and graph.nodes["s0"]["label"] == "answer"
    assert dialog2graph(dialogs)[1]["s0"]["name"] is None
    with use(llm=ScriptedModel([json.dumps({"label": "talk"})])):
        _, nodes = dialog2graph(dialogs, node_llm_labels_enabled=True)
    assert {id: node["name"] for id, node in nodes.items() if id != "_metadata"} == {"s0": "talk", "u0": "talk"}
    with pytest.raises(OutputParseError):
        dialog2graph(dialogs, node_llm_labels_model=ScriptedModel(["no name"]))


# -- clustering


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_clusters_are_those_of_average_linkage(count: int, seed: int, threshold: float):
    """Against SciPy's linkage, where no merge lies so near the threshold that rounding decides."""
    vectors = np.random.default_rng(seed).normal(size=(count, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    heights = scipy_linkage(vectors, "average", metric="cosine")
    if np.abs(heights[:, 2] - threshold).min() < 1e-4:
        return
    wanted = fcluster(heights, threshold, "distance")
    found = cluster(vectors.astype(np.float32), np.ones(count), threshold)
    assert len(set(zip(wanted, found, strict=True))) == len(set(wanted)) == len(set(found))


def test_weights_count_as_copies():
    vectors = np.random.default_rng(3).normal(size=(12, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weights = np.arange(1, 13)
    copies = np.repeat(np.arange(12), weights)
    for threshold in (0.2, 0.5, 0.8, 4):
        found = cluster(vectors, weights, threshold)
        assert (cluster(vectors[copies], np.ones(len(copies)), threshold) == found[copies]).all()


def test_many_vectors_are_gathered_first_and_give_the_same_groups():
    draw = np.random.default_rng(5)
    centres = draw.normal(size=(30, 200))
    truth = draw.integers(30, size=3000)
    vectors = centres[truth] + 0.4 * draw.normal(size=(3000, 200))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = cluster(vectors, np.ones(3000), 0.4, exact_up_to=400)
    assert len(set(zip(truth, found, strict=True))) == len(set(found)) == 30
    assert (found == cluster(vectors, np.ones(3000), 0.4, exact_up_to=400)).all()


# -- smoothing


def test_probabilities_by_hand():
    """Witten and Bell (1991), interpolated; user = 0, system = 1, 2; three dialogs 0-1, 0-1, 0-2-0."""
    counts = Transitions(["user", "system", "system"], [[0, 1], [0, 1], [0, 2, 0]])
    # After a user: system 3 times, the end once; two roles and the end may follow. System: 1 twice, 2 once.
    lower = (3 + 1) / (4 + 3) * 2 / 3
    # Node 0 is left 4 times, for 3 different nodes (1, 2, the end).
    assert counts.probability(0, 1) == pytest.approx((2 + 3 * lower) / (4 + 3))
    # Never seen: from 1 (left twice, always for the end) to 2. After a system: the end twice, the user once.
    assert counts.probability(1, 2) == pytest.approx((0 + 1 * (0 + 1) / (3 + 3) * 1 / 3) / (2 + 1))
    assert counts.probability(counts.start, counts.end) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=8))
def test_probabilities_of_what_may_follow_add_up_to_one(paths: list[list[int]]):
    roles = ["user", "system", "user", "system", "nurse"]
    used = sorted({node for path in paths for node in path})
    place = {node: number for number, node in enumerate(used)}
    counts = Transitions([roles[node] for node in used], [[place[node] for node in path] for path in paths])
    for one in range(len(used) + 1):
        chances = [counts.probability(one, other) for other in [*range(len(used)), counts.end]]
        assert sum(chances) == pytest.approx(1)
        assert all(chance > 0 for chance in chances[:-1])


def test_texts_without_a_letter_have_a_direction_too():
    vectors = Encoder()(["...", "!", "Hello"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert Encoder()([]).shape[0] == 0


def test_many_vectors_that_have_nothing_in_common_stay_alone():
    found = cluster(np.eye(600, dtype=np.float32), np.ones(600), 0.6, exact_up_to=50)
    assert len(set(found)) == 600


def test_a_number_of_clusters_is_kept_for_many_vectors_too():
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(700, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert len(set(cluster(vectors, np.ones(700), 12, exact_up_to=60))) == 12


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 0.9), st.integers(5, 60))
def test_near_vectors_are_grouped_as_exactly_as_may_be(seed: int, threshold: float, limit: int):
    """Tight groups far from each other are found whatever the limit; nothing is put with a stranger."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(8, size=200)
    vectors = np.eye(32)[truth] + 0.005 * draw.normal(size=(200, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = cluster(vectors, np.ones(200), threshold, exact_up_to=max(limit, 8))
    assert len(set(zip(truth, found, strict=True))) == len(set(found)) == len(set(truth))
