"""Patching, ablation and path patching: the planted read gate, invariants on random models, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interpretability import read_gate, tiny
from interpretability.read_gate import ENTITY, LAST, READER, answer, messages, question

from sdialog.backends.embedded import EmbeddedBackend
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.ablation import ablate
from sdialog.interpretability.anatomy.taps import edit, read
from sdialog.interpretability.attribution_patches import attribution_patching
from sdialog.interpretability.metrics import IsChosen, LogitDifference, LogProbability
from sdialog.interpretability.patching import patch
from sdialog.interpretability.path_patching import patch_paths
from sdialog.interpretability.running._inputs import tokens_of
from sdialog.interpretability.tokens.alignment import partners
from sdialog.llm.interventions import Network
from sdialog.llm.types import Message


@pytest.fixture(scope="module")
def gate() -> Network:
    return read_gate.load()


PAIRS = ((0, 1), (17, 42), (63, 5))


@pytest.mark.parametrize(("clean", "corrupt"), PAIRS)
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_patching_the_read_gate_is_a_step(gate: Network, clean: int, corrupt: int, direction: Any) -> None:
    metric = LogitDifference(answer(clean), answer(corrupt))
    found = patch(gate, question(clean), question(corrupt), metric=metric, direction=direction)
    expected = np.zeros((4, 6))
    expected[: READER[0] + 1, ENTITY] = 1
    expected[READER[0] + 1 :, LAST] = 1
    assert np.abs(found.effects.values - expected).max() < 0.05
    assert found.clean > 5 and found.corrupt < -5


def test_ablation_singles_out_the_reading_head(gate: Network) -> None:
    facts = range(0, 64, 4)
    asked, wanted = [question(fact) for fact in facts], [IsChosen(answer(fact)) for fact in facts]
    for how in ("zero", "mean", "resample"):
        found = ablate(gate, asked, metric=wanted, how=how)  # type: ignore[arg-type]
        assert found.whole == 1.0
        accuracy = found.values.values.copy()
        assert accuracy[READER] < 0.1
        accuracy[READER] = 1.0
        assert (accuracy == 1.0).all()


def test_one_path_leads_to_the_logits(gate: Network) -> None:
    metric = LogitDifference(answer(3), answer(9))
    receivers = ["logits", *(f"layers.3.head.*.{kind}" for kind in "qkv"), "layers.3.mlp_act"]
    found = patch_paths(gate, question(3), question(9), receivers=receivers, metric=metric)
    strong = [cell.labels for cell in found.effects.cells() if cell.value >= 0.9]
    assert strong == [("layers.2.head.1.z", "logits")]


# -- invariants on random models


@pytest.fixture(scope="module")
def mini() -> Network:
    return EmbeddedBackend("mini").network()


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "phi", "gpt_neox", "olmo2"])
def test_the_whole_stream_is_the_whole_difference(family: str) -> None:
    """Whatever the weights: the stream at all tokens of any layer brings the other run, and what is alike nothing."""
    model = tiny.build(family)
    network = Network(model, None)
    clean, corrupt = tiny.tokens(2, 6, seed=5).tolist()
    corrupt[:3] = clean[:3]
    sites = ["embed", "layers.*.resid_pre", "layers.*.resid_post"]
    options: dict[str, Any] = {"metric": LogitDifference(5, 9), "batch": 4}
    whole = patch(network, clean, corrupt, sites, "prompt", **options)
    np.testing.assert_allclose(whole.effects.values, 1, atol=1e-4)
    each = patch(network, clean, corrupt, sites, **options)
    np.testing.assert_allclose(each.effects.values[:, :3], 0, atol=1e-5)
    # In the last layer's output only the token that is asked matters.
    np.testing.assert_allclose(each.effects.at(site="layers.2.resid_post").values, [0, 0, 0, 0, 0, 1], atol=1e-4)
    with torch.no_grad():
        ends = options["metric"](model(torch.tensor([clean, corrupt])).logits)
    assert (each.clean, each.corrupt) == pytest.approx(tuple(ends.tolist()), abs=1e-4)
    assert tiny.hooks_of(model) == 0


@pytest.mark.parametrize("site", ["layers.1.q", "layers.1.k", "layers.1.head.1.v", "layers.1.pattern", "layers.1.z",
                                  "layers.1.resid_mid", "layers.1.mlp_act", "layers.2.head.3.pattern"])  # fmt: skip
def test_a_cell_is_what_an_edit_by_hand_gives(site: str) -> None:
    network = Network(tiny.build("llama"), None)
    clean, corrupt = tiny.tokens(2, 6, seed=5).tolist()
    metric = LogProbability(11, position=4)
    found = patch(network, clean, corrupt, site, ["first(3)", "everything[2:5]"], metric=metric)
    with torch.no_grad():
        donor = read(network, [site], torch.tensor([clean]))[site]
        for cell, places in enumerate((slice(0, 3), slice(2, 5))):
            where = (0, slice(None), places) if site == "layers.1.pattern" else (0, places)

            def put(x: torch.Tensor, where: Any = where) -> torch.Tensor:
                x[where] = donor[where]
                return x

            value = float(metric(edit(network, {site: put}, torch.tensor([corrupt])))[0])
            share = (value - found.corrupt) / (found.clean - found.corrupt)
            assert found.effects.values.reshape(-1, 2)[0, cell] == pytest.approx(share, abs=1e-5)


def test_batches_and_pairs_change_nothing(gate: Network) -> None:
    pairs = [(question(one), question(other)) for one, other in PAIRS]
    metrics = [LogitDifference(answer(one), answer(other)) for one, other in PAIRS]
    cleans, corrupts = [one for one, _ in pairs], [other for _, other in pairs]
    together = patch(gate, cleans, corrupts, metric=metrics, batch=3)
    alone = [patch(gate, one, other, metric=metric) for (one, other), metric in zip(pairs, metrics, strict=True)]
    np.testing.assert_allclose(together.each, [one.effects.values for one in alone], atol=1e-5)
    np.testing.assert_allclose(together.effects.values, together.each.values.mean(0))
    assert together.effects.axes[1].labels == ("<s>", "<sys>", "<user>", "[3]", "?", "<assistant>")
    paths = patch_paths(gate, cleans, corrupts, "layers.2.head.*.z", metric=metrics, batch=3)
    assert paths.each.shape == (3, 4, 1)
    np.testing.assert_allclose(paths.effects.values[:, 0], [0, 1, 0, 0], atol=0.05)


# -- conversations


def test_dialogs_are_aligned_by_turn(mini: Network) -> None:
    def told(thing: str) -> Dialog:
        said = [("Ann", "Hello!"), ("Bob", "How can I help?"), ("Ann", f"My {thing} is broken."), ("Bob", "I see.")]
        return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in said])

    options: dict[str, Any] = {"metric": LogProbability("Hello"), "speaker": "Bob", "system": "You are Bob."}
    spans = {"first": "turn(0)", "complaint": "turn(2)", "all": "everything"}
    alike = patch(mini, told("lamp"), told("desk"), "layers.0.resid_pre", spans, **options)
    assert alike.effects.axes[1].labels == ("first", "complaint", "all")
    np.testing.assert_allclose(alike.effects.values, [[0, 1, 1]], atol=1e-3)
    with pytest.raises(UserError, match=r"tokens of message 3 \(user, content\) are \d in one"):
        patch(mini, told("refrigerator door"), told("lamp"), "layers.0.resid_pre", spans, **options)
    last = patch(mini, told("refrigerator door"), told("lamp"), "layers.3.resid_post", spans, align="last", **options)
    np.testing.assert_allclose(last.effects.at(layer=0).values[2], 1, atol=1e-3)
    with pytest.raises(UserError, match="differ in more than words"):
        patch(mini, told("lamp"), told("lamp")[:2], "layers.0.resid_pre", spans, **options)
    with pytest.raises(UserError, match="does not fit"):
        patch(mini, told("refrigerator door"), told("lamp"), "layers.1.pattern", spans, align="last", **options)


def test_texts_of_other_lengths_stand_for_each_other_at_one_end(mini: Network) -> None:
    one, other = (
        tokens_of(mini, [Message("user", text)]) for text in ("The old brown lamp is here", "My lamp is here")
    )
    last, first = partners(one, other, "last"), partners(one, other, "first")
    said = [one.positions("content"), other.positions("content")]
    assert len(said[0]) > len(said[1])
    assert [last[place] for place in said[0][-len(said[1]) :]] == said[1]
    assert [first[place] for place in said[0][: len(said[1])]] == said[1]
    assert all(one.strings[place] == other.strings[last[place]] for place in said[0][-3:])
    assert said[0][0] not in last and said[0][-1] not in first
    for align, pairs in (("last", last), ("first", first)):
        assert partners(other, one, align) == {there: here for here, there in pairs.items()}  # type: ignore[arg-type]
    # What the template writes stands for itself.
    outside = [place for place in range(len(one)) if place not in said[0]]
    assert [one.strings[place] for place in outside] == [other.strings[last[place]] for place in outside]


def test_estimates_and_patching_change_the_same_tokens(mini: Network) -> None:
    clean, corrupt = ([Message("user", text)] for text in ("My old brown lamp is broken.", "My desk is broken."))
    options: dict[str, Any] = {"metric": LogitDifference("Hello", "You"), "align": "last", "direction": "noise"}
    exact = patch(mini, clean, corrupt, "layers.3.resid_post", "everything", **options)
    found = attribution_patching(mini, clean, corrupt, "layers.3.resid_post", "everything", check="all", **options)
    assert found.exact is not None
    np.testing.assert_allclose(found.exact.values, exact.effects.values, atol=1e-5)
    np.testing.assert_allclose(exact.effects.values, 1, atol=1e-4)
    many = attribution_patching(
        mini, clean, corrupt, "layers.1.resid_pre", "everything", steps=64, check="all", **options
    )
    assert many.agreement is not None and many.agreement.error < 0.05


def test_results_can_be_shown(gate: Network) -> None:
    metric = LogitDifference(answer(0), answer(1))
    found = patch(gate, messages(0), messages(1), metric=metric)
    plain = json.loads(json.dumps(found.json()))
    assert plain["effects"]["axes"][1]["labels"] == ["<s>", "<sys>", "<user>", "k01", "?", "<assistant>"]
    assert plain["kind"] == "patching" and plain["pairs"] == 1
    assert found.table().splitlines()[2].startswith("| 0 ")
    heads = ablate(gate, [messages(0), messages(1)], metric=metric)
    paths = patch_paths(gate, messages(0), messages(1), "layers.2.head.*.z", metric=metric)
    for result in (found, heads, paths):
        assert json.dumps(result.json()) and "|" in result.table() and result.plot().axes
    assert heads.change.values[READER] == pytest.approx(heads.values.values[READER] - heads.whole)


def test_what_is_wrong_is_told(gate: Network) -> None:
    metric = LogitDifference(answer(0), answer(1))
    with pytest.raises(UserError, match="both runs measure the same"):
        patch(gate, question(0), question(0), metric=metric)
    with pytest.raises(UserError, match="tokens are 5 in one conversation and 6"):
        patch(gate, question(0), question(1)[:5], metric=metric)
    with pytest.raises(UserError, match="2 clean and 1 corrupt"):
        patch(gate, [question(0), question(1)], question(2), metric=metric)
    with pytest.raises(UserError, match="2 metrics for 1"):
        patch(gate, question(0), question(1), metric=[metric, metric])
    with pytest.raises(UserError, match="one number a row"):
        patch(gate, question(0), question(1), metric=lambda logits: logits.sum())
    with pytest.raises(UserError, match="does not fit logits"):
        patch(gate, question(0), question(1), metric=LogitDifference(3, 4, position=17))
    with pytest.raises(UnknownNameError, match="denoise"):
        patch(gate, question(0), question(1), metric=metric, direction="denoised")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="is no sender"):
        patch_paths(gate, question(0), question(1), "layers.1.resid_pre", metric=metric)
    with pytest.raises(UserError, match="give reference="):
        ablate(gate, question(0), metric=metric, how="resample")
    with pytest.raises(UnknownNameError, match="mean"):
        ablate(gate, question(0), metric=metric, how="median")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="a conversation is a Dialog"):
        patch(gate, 3.5, question(1), metric=metric)


# -- ablation


def test_ablation_by_the_own_mean_of_what_is_constant_changes_nothing() -> None:
    network = Network(tiny.build("llama"), None)
    ids = [7] * 5  # the embeddings of equal tokens are equal
    found = ablate(network, ids, "embed", metric=LogProbability(11), how="mean")
    assert found.values.values[0] == pytest.approx(found.whole, abs=1e-5)
    assert ablate(network, ids, "embed", metric=LogProbability(11)).values.values[0] != pytest.approx(found.whole)


def test_ablations_are_what_edits_by_hand_give() -> None:
    network = Network(tiny.build("gpt2"), None)
    given, other = tiny.tokens(2, 6, seed=8).tolist()
    metric = LogProbability(11)
    for site in ("layers.1.head.2.z", "layers.1.mlp_out"):
        with torch.no_grad():
            values = read(network, [site], torch.tensor([given, other]))[site]
            wanted = {
                "zero": edit(network, {site: torch.zeros_like}, torch.tensor([given])),
                "mean": edit(network, {site: lambda x, v=values: v[1].mean(0).expand_as(x)}, torch.tensor([given])),
                "resample": edit(network, {site: lambda x, v=values: v[1:]}, torch.tensor([given])),
            }
        for how, logits in wanted.items():
            found = ablate(network, given, site, metric=metric, how=how, reference=other)  # type: ignore[arg-type]
            assert found.values.values.item() == pytest.approx(float(metric(logits)), abs=1e-5), (site, how)


# -- paths


def test_what_goes_to_the_logits_by_no_head_is_the_direct_effect() -> None:
    """With heads and MLPs held, the logits before the norm's scale change by what the sender adds to the stream."""
    network = Network(tiny.build("llama"), None)
    clean, corrupt = tiny.tokens(2, 6, seed=2).tolist()
    metric = LogitDifference(5, 9)
    found = patch_paths(
        network, clean, corrupt, "layers.1.head.*.z", ["logits", "layers.2.resid_post"], metric=metric, freeze_mlps=True
    )
    np.testing.assert_allclose(found.effects.values[:, 0], found.effects.values[:, 1], atol=1e-5)
    model = network.model
    with torch.no_grad():
        both = read(network, ["layers.2.resid_post", "layers.1.z"], torch.tensor([clean, corrupt]))
        change = both["layers.1.z"][0] - both["layers.1.z"][1]
        for head in range(tiny.HEADS):
            alone = torch.zeros_like(change)
            alone[:, head] = change[:, head]
            stream = both["layers.2.resid_post"][1] + model.model.layers[1].self_attn.o_proj(alone.flatten(1))
            value = float(metric(model.lm_head(model.model.norm(stream))[None])[0])
            share = (value - found.corrupt) / (found.clean - found.corrupt)
            assert found.effects.values[head, 0] == pytest.approx(share, abs=1e-4)


def test_no_path_goes_backwards() -> None:
    network = Network(tiny.build("gpt2"), None)
    clean, corrupt = tiny.tokens(2, 6, seed=2).tolist()
    found = patch_paths(
        network, clean, corrupt, ["layers.1.head.0.z", "layers.2.mlp_out"],
        ["layers.0.head.1.q", "layers.1.head.2.v", "layers.2.head.2.k", "layers.2.mlp_act"],
        metric=LogitDifference(5, 9),
    )  # fmt: skip
    np.testing.assert_allclose(found.effects.values[0, :2], 0, atol=1e-5)
    np.testing.assert_allclose(found.effects.values[1], 0, atol=1e-5)
    assert (np.abs(found.effects.values[0, 2:]) > 1e-4).all()


# -- the fixture


@pytest.mark.long
def test_the_read_gate_can_be_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_gate, "WEIGHTS", tmp_path / "read_gate.safetensors")
    read_gate.main()
    assert read_gate.WEIGHTS.stat().st_size < 2_000_000
    again = read_gate.load()
    metric = LogitDifference(answer(0), answer(1))
    found = patch(again, question(0), question(1), metric=metric)
    assert found.effects.at(layer=0, token=ENTITY) > 0.95 and found.effects.at(layer=3, token=LAST) > 0.95
