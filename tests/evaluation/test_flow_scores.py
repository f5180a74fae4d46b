"""Scores of flow: worked by hand, and what they must prefer to what."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest
from evaluation.flow_corpus import corpus
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.io import write_jsonl
from sdialog.core.seeds import rng
from sdialog.evaluation import Running, ScoreCache, score_dialogs
from sdialog.evaluation.flow.base import BaseDialogFlowScore
from sdialog.evaluation.flow.build import dialog2graph
from sdialog.evaluation.flow.scores import DialogFlowPPL, DialogFlowScore
from sdialog.evaluation.flow.transitions import Transitions

LETTERS = "abcdefgh"


def letters(texts: list[str]) -> list[list[float]]:
    """Embed a text by its first letter: texts of different letters have nothing in common."""
    return [[float(text[0] == letter) for letter in LETTERS] for text in texts]


def spoken(text: str, **fields) -> Dialog:
    """Return a dialog of one-letter utterances: small letters are the user's, capitals the system's."""
    turns = [Turn(speaker="Bot" if letter.isupper() else "User", text=letter.lower()) for letter in text]
    return Dialog(turns=turns, **fields)


def ppl(references: list[str], **options) -> DialogFlowPPL:
    return DialogFlowPPL([spoken(text) for text in references], **{"node_embedding_model": letters, **options})


@pytest.fixture(scope="module")
def score() -> DialogFlowPPL:
    return DialogFlowPPL(corpus(300))


# -- by hand


def test_perplexity_by_hand():
    """References aB, aB, aC: user node a, system nodes B and C; smoothing as in Witten and Bell (1991)."""
    found = ppl(["aB", "aB", "aC"], use_softmax=False)
    # The start leads to the user 3 times of 3; two roles may follow, and the user has one node.
    start = (3 + 1 * (3 + 1) / (3 + 2) * 1) / (3 + 1)
    # From a, left 3 times for 2 different nodes: to B twice. A user is followed by the system 3 times of 3.
    lower = (3 + 1) / (3 + 2 + 1) * 2 / 3
    to_b = (2 + 2 * lower) / (3 + 2)
    # From B, left twice, always for the end; the system is followed by the end 3 times of 3.
    end = (2 + 1 * (3 + 1) / (3 + 2 + 1)) / (2 + 1)
    wanted = math.log(start) + math.log(to_b) + math.log(end)
    assert found.compute_dialog_log_likelihood(spoken("aB")) == pytest.approx((wanted, 3, wanted, 3))
    assert found(spoken("aB")) == pytest.approx(math.exp(-wanted / 3))
    assert [step.probability for step in found.trace(spoken("aB"))] == pytest.approx([start, to_b, end])
    # An utterance as near to B as to C is half the one and half the other.
    halves = ppl(["aB", "aB", "aC"], node_embedding_model=lambda texts: [two(text) for text in texts])
    lower = (3 + 1) / (3 + 2 + 1) * 1 / 3
    to_c = (1 + 2 * lower) / (3 + 2)
    step = halves.trace(spoken("aD"))[1]
    assert step.probability == pytest.approx((to_b + to_c) / 2) and step.confidence == pytest.approx(0.5)


def two(text: str) -> list[float]:
    return {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [0.0, 0.0, 1.0], "d": [0.0, 1.0, 1.0]}[text]


def test_the_score_is_one_over_the_perplexity_and_graphs_are_shared(score: DialogFlowPPL):
    shared = DialogFlowScore(None, graph=score.graph, nodes=score.nodes)
    assert shared.graph is score.graph and shared.encoder is score.encoder
    for dialog in corpus(10, seed=8):
        assert shared(dialog) == pytest.approx(1 / score(dialog))
    other = DialogFlowPPL(score.reference_dialogues, graph=score.graph, nodes=score.nodes)
    assert other(corpus(1)[0]) == score(corpus(1)[0])


def test_what_it_tells_of_itself(score: DialogFlowPPL):
    assert score.vocab_size == 8 and set(score.outbound_totals) == {*score.graph} - {"[end]"}
    assert score.outbound_totals["[start]"] == 300
    assert score.speakers == {"user": "user", "bot": "system"}
    names = {DialogFlowPPL: "dfppl", DialogFlowScore: "dfs"}
    for kind, name in names.items():
        made = kind(corpus(5), "Bot", use_softmax=False, use_only_known_edges=True)
        assert made.name == f"{name}-hard-ai-only-known"
    assert DialogFlowPPL(corpus(2), name="flow").name == "flow"


def test_node_sequences():
    found = ppl(["aBcD", "aBcD"])
    ids, chances = found.get_node_sequence(spoken("aDcB"), probs=True)
    assert ids == found.get_node_sequence(spoken("aDcB")) and len(set(ids)) == 4
    assert chances[0] is not None and chances[1] is None


# -- what must be better than what


def test_a_step_that_was_seen_beats_one_that_was_not_even_among_near_nodes():
    """Four system nodes that are hard to tell apart, which made an unseen step likelier than a seen one."""
    near = {
        letter: [0.0] + [1.0 + (0.35 if place == own else 0.0) for place in range(4)]
        for own, letter in enumerate("bcde")
    }
    embed = {"a": [1.0, 0.0, 0.0, 0.0, 0.0], "g": [-1.0, 0.0, 0.0, 0.0, 0.0], **near}
    references = ["aB"] * 3 + ["gC"] * 3 + ["gD", "gE"]
    found = ppl(references, node_embedding_model=lambda texts: [embed[text] for text in texts], node_thresholds=0.001)
    assert found.vocab_size == 6
    seen, unseen = found.trace(spoken("aB"))[1], found.trace(spoken("aC"))[1]
    assert seen.confidence < 0.5 and seen.known and not unseen.known
    assert seen.probability > unseen.probability


def test_a_dialog_that_breaks_off_or_lacks_its_beginning_is_worse():
    found = ppl(["aBcD"] * 20)
    whole = found(spoken("aBcD"))
    for part in ("a", "aB", "aBc", "BcD", "cD", "D"):
        assert found(spoken(part)) > 1.5 * whole


def test_worse_the_more_of_it_is_shuffled(score: DialogFlowPPL):
    """The mean perplexity rises as more of the turns of held-out dialogs change places."""

    def shuffled(dialog: Dialog, share: float) -> Dialog:
        draw = rng(1, "shuffle", int(dialog.id))
        turns = list(dialog)
        moved = sorted(draw.sample(range(len(turns)), round(share * len(turns))))
        for place, turn in zip(moved, draw.sample([turns[place] for place in moved], len(moved)), strict=True):
            turns[place] = turn
        return Dialog(id=dialog.id, turns=turns)

    means = [
        statistics.fmean(score(shuffled(dialog, share)) for dialog in corpus(60, seed=9)) for share in (0, 0.4, 0.7, 1)
    ]
    assert means == sorted(means) and means[-1] > 3 * means[0]


def test_worse_under_references_that_are_shuffled():
    held_out = corpus(40, seed=9)
    means = []
    for share in (0.0, 0.5, 1.0):
        references = []
        for dialog in corpus(150):
            draw, turns = rng(2, "refs", int(dialog.id)), list(dialog)
            if draw.random() < share:
                turns = draw.sample(turns, len(turns))
            references.append(Dialog(id=dialog.id, turns=turns))
        found = DialogFlowScore(references)
        means.append(statistics.fmean(found(dialog) for dialog in held_out))
    assert means[0] > means[1] > means[2]


def test_copies_of_the_references_do_not_make_what_is_likely_unlikely():
    dialog = spoken("aBcD")
    values = [ppl(["aBcD"] * count)(dialog) for count in (1, 3, 10, 100)]
    assert values == sorted(values, reverse=True) and values[1] < 1.25 and values[-1] < 1.01


def test_pruning_changes_no_score():
    dialogs, odd = corpus(80), corpus(3, seed=5)
    one, other = (
        DialogFlowPPL(dialogs, nodes_prune_threshold=share, edges_prune_threshold=share) for share in (0, 0.6)
    )
    assert len(one.graph) > len(other.graph)
    assert [one(dialog) for dialog in odd] == [other(dialog) for dialog in odd]


def test_staying_where_one_is_is_known():
    found = ppl(["aBBB", "aBBB"])
    assert all(step.known for step in found.trace(spoken("aBB")))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("aBcD", min_size=1, max_size=6), min_size=1, max_size=6), st.text("aBcD", min_size=1, max_size=8)
)
def test_values_are_in_their_range_and_add_up(references: list[str], text: str):
    if {letter.isupper() for letter in text} - {letter.isupper() for part in references for letter in part}:
        return
    found, dialog = ppl(references), spoken(text)
    steps = found.trace(dialog)
    assert len(steps) == len(text) + 1 and all(0 < step.probability <= 1 for step in steps)
    assert found(dialog) == pytest.approx(2 ** statistics.fmean(step.surprise for step in steps))
    assert found(dialog) >= 1


# -- one speaker


def test_only_steps_to_the_ai_speaker_and_the_end_count():
    found = ppl(["aBcD"] * 9, ai_speaker="Bot")
    steps = found.trace(spoken("aBcD"))
    assert [step.scored for step in steps] == [False, True, False, True, True]
    assert found.compute_dialog_log_likelihood(spoken("aBcD"))[3] == 3
    # A user who begins in a way of their own costs the system nothing; a system that answers wrongly pays.
    assert found(spoken("aBcB")) > found(spoken("aBcD"))
    assert found.trace(spoken("cBcD"))[0].scored is False
    (result,) = score_dialogs([found], [spoken("ac"), spoken("aB")])
    assert result.n == 1 and list(result.missing_reasons) == ["Bot says nothing in the dialog"]
    with pytest.raises(UnknownNameError):
        ppl(["aB"], ai_speaker="Robot")


def test_the_others_may_be_left_out_altogether():
    found = ppl(["aBcD"] * 4, ai_speaker="Bot", use_only_ai_speaker=True)
    assert set(found.graph) == {"[start]", "s0", "s1", "[end]"}
    assert found(spoken("aBcD")) == found(spoken("BD")) == found(spoken("cBaD"))
    both = ppl(["aBcD"] * 4)
    with pytest.raises(ConfigError, match="use_only_system_speaker"):
        DialogFlowPPL(None, use_only_ai_speaker=True, graph=both.graph, nodes=both.nodes)
    with pytest.raises(ConfigError, match="not built with"):
        DialogFlowPPL(None, "Riley", graph=both.graph, nodes=both.nodes)


def test_three_roles():
    dialogs = [
        Dialog(turns=[Turn(speaker=name, text=text) for name, text in (("Doc", "a"), ("Pat", "b"), ("Nina", "c"))])
    ] * 5
    roles = {"Doc": "system", "Pat": "user", "Nina": "nurse"}
    found = DialogFlowPPL(dialogs, node_embedding_model=letters, roles=roles)
    assert found.get_node_sequence(dialogs[0]) == ["s0", "u0", "nurse-0"]
    assert found(dialogs[0]) < found(Dialog(turns=list(dialogs[0])[::-1]))
    of_nina = DialogFlowPPL(dialogs, "Nina", node_embedding_model=letters, roles=roles)
    assert [step.scored for step in of_nina.trace(dialogs[0])] == [False, False, True, True]


# -- no value


def test_where_there_is_nothing_to_score_there_is_no_value_and_a_reason():
    (result,) = score_dialogs([ppl(["aB", "aC"])], [Dialog(), Dialog(turns=[Turn(speaker="Bot", text=" ")])])
    assert result.n == 0 and list(result.missing_reasons) == ["nothing is said in the dialog"]
    known = ppl(["aB", "cD"], use_only_known_edges=True)
    assert known(spoken("aB")) is not None
    off = Dialog(turns=[Turn(speaker="Bot", text="b"), Turn(speaker="User", text="a")])
    assert known(off) is None
    (result,) = score_dialogs([known], [off])
    assert list(result.missing_reasons) == ["the references hold none of the dialog's transitions"]
    users = ppl(["a", "ac"])
    assert users(spoken("aB")) is None
    broken = ppl(["aB"])
    broken.encoder._embed = lambda texts: [[math.nan] * len(LETTERS)] * len(texts)
    with pytest.raises(ConfigError, match="finite"):
        broken(spoken("aB"))
    with pytest.raises(UserError, match="the system speaks in the dialog"):
        users.trace(spoken("aB"))


def test_long_dialogs_do_not_vanish():
    found = DialogFlowScore([spoken("aB"), spoken("cD")], node_embedding_model=letters)
    value = found(spoken("aDcB" * 2000))
    assert 0.01 < value < 1


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="k_neighbors"):
        ppl(["aB"], k_neighbors=0)
    graph, nodes = dialog2graph([spoken("aB")])
    with pytest.raises(ConfigError, match="belong together"):
        DialogFlowPPL(None, graph=graph)
    with pytest.raises(ConfigError, match="no counts"):
        DialogFlowPPL(None, graph=graph, nodes={"s0": {}})
    with pytest.raises(ConfigError, match="needs reference_dialogues"):
        DialogFlowPPL(None)
    assert DialogFlowPPL(None, graph=graph, nodes=nodes)(spoken("aB")) > 1


# -- with the rest of the evaluation


def test_in_an_evaluation_with_details_and_cache(score: DialogFlowPPL, tmp_path: Path):
    dialogs = corpus(12, seed=4)
    cache = ScoreCache(tmp_path / "scores.sqlite")
    first, again = (score_dialogs([score], dialogs, Running(cache=cache))[0] for _ in range(2))
    cache.close()
    assert again.values == first.values == [score(dialog) for dialog in dialogs]
    assert all(item.cached for item in again.items) and not any(item.cached for item in first.items)
    item = first.items[0]
    assert item.details["transitions"] == len(dialogs[0]) + 1 == len(item.details["surprise"])
    assert first.ci() is not None


def test_identities_tell_references_and_options_apart(tmp_path: Path):
    dialogs = corpus(8)
    write_jsonl(dialogs, tmp_path / "refs.jsonl")
    base = DialogFlowPPL(dialogs).identity()
    assert base == DialogFlowPPL(dialogs).identity() == DialogFlowPPL(tmp_path / "refs.jsonl").identity()
    others = [
        DialogFlowPPL(corpus(9)),
        DialogFlowPPL(dialogs, k_neighbors=2),
        DialogFlowPPL(dialogs, node_thresholds=2),
        DialogFlowPPL(dialogs, ai_speaker="Bot"),
        DialogFlowPPL(dialogs, split_turns=True),
        DialogFlowPPL(dialogs, use_only_known_edges=True),
        DialogFlowScore(dialogs),
    ]
    whole = DialogFlowPPL(corpus(30))
    others.append(DialogFlowPPL(dialogs, graph=whole.graph, nodes=whole.nodes))
    identities = [other.identity() for other in others]
    assert all(identity is not None and identity != base for identity in identities)
    shared = DialogFlowPPL(dialogs)
    assert DialogFlowPPL(None, graph=shared.graph, nodes=shared.nodes).identity() == base
    assert DialogFlowPPL(dialogs, node_embedding_model=lambda texts: [[1.0]] * len(texts)).identity() is None


def test_the_perplexity_of_a_corpus_weighs_steps_not_dialogs():
    found = ppl(["aB"] * 5)
    dialogs = [spoken("aB"), spoken("aBaBaBaB")]
    sums = [found.compute_dialog_log_likelihood(dialog) for dialog in dialogs]
    wanted = math.exp(-sum(one[2] for one in sums) / sum(one[3] for one in sums))
    assert found.perplexity(dialogs) == pytest.approx(wanted)
    assert found.perplexity([Dialog()]) is None


class LongestSurprise(BaseDialogFlowScore):
    """The most surprising step, in bits."""

    def score(self, dialog: Dialog) -> float | None:
        return max((step.surprise for step in self.trace(dialog)), default=None)


def test_scores_of_ones_own_read_the_trace():
    found = LongestSurprise([spoken("aB")] * 5, node_embedding_model=letters, name="longest")
    (result,) = score_dialogs([found], [spoken("aB"), spoken("Ba"), Dialog()])
    assert result.name == "longest" and result.n == 2 and result.values[0] < result.values[1]


@given(st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=1, max_size=6), st.lists(st.sampled_from("us")))
def test_the_chances_of_all_that_may_follow_add_up_to_one(paths: list[list[int]], drawn: list[str]) -> None:
    places = {node: number for number, node in enumerate(sorted({node for path in paths for node in path}))}
    if not places:
        return
    roles = [(drawn + ["u"] * 5)[node] for node in places]
    flow = Transitions(roles, [[places[node] for node in path] for path in paths])
    for before in (*places.values(), flow.start):
        assert sum(flow.probability(before, after) for after in (*places.values(), flow.end)) == pytest.approx(1)


def test_what_are_no_dialogs_is_refused_and_one_dialog_is_a_corpus() -> None:
    with pytest.raises(UserError, match="no Dialog"):
        DialogFlowPPL(["a", "b"])  # type: ignore[list-item]
    alone = DialogFlowPPL(spoken("aB"), node_embedding_model=letters)
    assert alone(spoken("aB")) == ppl(["aB"])(spoken("aB"))
    graph, _ = dialog2graph(spoken("aB"), node_embedding_model=letters)
    assert sorted(graph) == ["[end]", "[start]", "s0", "u0"]
