"""Many conversations at once: batches change nothing, what is missing is told, means say how sure they are."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from interpretability import read_gate, tiny
from interpretability.read_gate import ENTITY, LAST, READER, answer, messages, question

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.ablation import ablate
from sdialog.interpretability.attribution import direct_logit_attribution
from sdialog.interpretability.attribution_patches import attribution_patching
from sdialog.interpretability.lens import logit_lens
from sdialog.interpretability.lens_profiles import lens_profile
from sdialog.interpretability.metrics import AnswerLogProbability, IsChosen, LogitDifference, LogProbability
from sdialog.interpretability.patching import patch
from sdialog.interpretability.path_patching import patch_paths
from sdialog.llm.interventions import Network
from sdialog.llm.types import Message

FACTS = ((0, 1), (17, 42), (63, 5), (3, 9), (8, 20), (30, 31), (33, 7), (50, 51))
CLEANS, CORRUPTS = [question(one) for one, _ in FACTS], [question(other) for _, other in FACTS]
METRICS = [LogitDifference(answer(one), answer(other)) for one, other in FACTS]


@pytest.fixture(scope="module")
def gate() -> Network:
    return read_gate.load()


def _of_lengths(*lengths: int, seed: int = 0) -> list[list[int]]:
    return [tiny.tokens(1, length, seed=seed + place)[0].tolist() for place, length in enumerate(lengths)]


# -- patching


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
def test_pairs_of_different_lengths_share_batches_and_get_what_they_get_alone(family: str) -> None:
    network = Network(tiny.build(family), None)
    cleans, corrupts = _of_lengths(4, 9, 6, 5), _of_lengths(4, 9, 6, 5, seed=50)
    sites = ["layers.1.resid_mid", "layers.1.head.1.pattern", "layers.2.z", "layers.1.pattern"]
    options: dict[str, Any] = {"metric": LogProbability(11), "normalise": "none"}
    spans = ["first(2)", "last(1)"]
    together = patch(network, cleans, corrupts, sites, spans, batch=64, **options)
    alone = [patch(network, *pair, sites, spans, **options) for pair in zip(cleans, corrupts, strict=True)]
    np.testing.assert_allclose(together.each.values, [one.effects.values for one in alone], atol=1e-5)
    assert together.each.axes[0].name == "pair" and together.each.shape == (4, 4, 2)


def test_means_over_pairs_say_how_sure_they_are(gate: Network) -> None:
    found = patch(gate, CLEANS, CORRUPTS, metric=METRICS)
    spread = found.effects.spread
    assert spread is not None and spread.over == "pair" and (spread.n == len(FACTS)).all()
    step = np.zeros((4, 6), dtype=bool)
    step[: READER[0] + 1, ENTITY] = True
    step[READER[0] + 1 :, LAST] = True
    assert (spread.sure & (found.effects.values > 0.01) == step).all()
    assert (spread.low <= found.effects.values + 1e-9).all() and (spread.high >= found.effects.values - 1e-9).all()
    assert {cell.labels for cell in found.effects.strongest(4)} == {
        ("0", "[3]"), ("1", "[3]"), ("2", "[3]"), ("3", "<assistant>")
    }  # fmt: skip
    assert "1.000*" in found.table() and "corrected for 24 cells" in found.table()


def test_few_pairs_are_said_to_be_too_few(gate: Network) -> None:
    found = patch(gate, CLEANS[:3], CORRUPTS[:3], metric=METRICS[:3], control=None)
    assert found.effects.strongest() == [] and "3 are too few" in found.table()
    assert found.effects.strongest(1, sure=False)[0].n == 3


def test_a_difference_of_logits_is_half_restored_by_any_other_donor(gate: Network) -> None:
    """The wrong answer is taken away; a log probability tells what puts the right one there."""
    found = patch(gate, CLEANS, CORRUPTS, metric=METRICS)
    control = found.effects.controls["base of another pair"]
    assert control.values[0, ENTITY] == pytest.approx(0.5, abs=0.1)
    above = found.above_control()
    assert above.values[0, ENTITY] == pytest.approx(0.5, abs=0.1) and above.spread is not None
    assert above.spread.sure[0, ENTITY] and not above.controls
    right = [LogProbability(answer(one)) for one, _ in FACTS]
    log = patch(gate, CLEANS, CORRUPTS, metric=right, control="donor", normalise="mean")
    assert abs(log.effects.controls["donor of another pair"].values[0, ENTITY]) < 0.3
    given = patch(gate, CLEANS[0], CORRUPTS[0], metric=METRICS[0], control=[question(12)])
    assert given.effects.controls["unrelated donor"].values[0, ENTITY] == pytest.approx(0.5, abs=0.2)
    with pytest.raises(UserError, match="there is no control"):
        patch(gate, CLEANS[0], CORRUPTS[0], metric=METRICS[0]).above_control()
    with pytest.raises(UnknownNameError, match="control"):
        patch(gate, CLEANS, CORRUPTS, metric=METRICS, control="bass")


def test_effects_on_three_scales(gate: Network) -> None:
    options: dict[str, Any] = {"metric": METRICS, "sites": "layers.0.resid_pre", "spans": {"k": "everything[3:4]"}}
    plain, mean, pair = (
        patch(gate, CLEANS, CORRUPTS, normalise=one, control=None, **options)  # type: ignore[arg-type]
        for one in ("none", "mean", "pair")
    )
    ways = plain.ends.values[:, 0] - plain.ends.values[:, 1]
    np.testing.assert_allclose(plain.each.values[:, 0, 0] / ways, pair.each.values[:, 0, 0], rtol=1e-9)
    np.testing.assert_allclose(plain.each.values / ways.mean(), mean.each.values, rtol=1e-9)
    lost = patch(gate, CLEANS, CORRUPTS, normalise="none", direction="noise", control=None, **options)
    assert (lost.each.values > 10).all() and lost.each.name == "fall of the metric"
    with pytest.raises(UserError, match="on average over 2 pairs, both runs measure the same"):
        swapped = {"metric": METRICS[0], "normalise": "mean", "sites": "embed"}
        patch(gate, [CLEANS[0], CORRUPTS[0]], [CORRUPTS[0], CLEANS[0]], **swapped)  # type: ignore[arg-type]


def test_what_is_missing_is_told_and_the_rest_is_measured(gate: Network) -> None:
    cleans, corrupts = [*CLEANS[:3], question(5)], [CORRUPTS[0], CORRUPTS[1][:5], CORRUPTS[2], question(5)]
    groups = ["a", "b", "c", "d"]
    options: dict[str, Any] = {"metric": [*METRICS[:3], METRICS[0]], "groups": groups}
    found = patch(gate, cleans, corrupts, spans=["everything[3:4]", "last(1)"], **options)
    assert [(one.what, one.cell) for one in found.missing] == [("1", None), ("3", None)]
    assert "tokens are 6" in found.missing[0].why or "tokens are 5" in found.missing[0].why
    assert "both runs measure the same" in found.missing[1].why
    assert found.each.axes[0].labels == ("0", "2", "3") and found.each.axes[0].groups == ("a", "c", "d")
    assert np.isnan(found.each.values[2]).all() and found.effects.values[0, 0] == pytest.approx(1, abs=0.05)
    assert found.effects.spread is not None and (found.effects.spread.n == 2).all()
    assert "2 of 4 are missing" in found.table()
    estimate = attribution_patching(gate, cleans, corrupts, spans=["everything[3:4]", "last(1)"], **options)
    assert [one.what for one in estimate.missing] == ["1", "3"] and "2 of 4 are missing" in estimate.table()
    assert estimate.agreement is not None and not math.isnan(estimate.agreement.error)
    paths = patch_paths(gate, cleans, corrupts, "layers.2.head.1.z", **options)
    assert [one.what for one in paths.missing] == ["1", "3"]
    assert paths.effects.values[0, 0] == pytest.approx(1, abs=0.05)
    assert paths.effects.controls["base of another pair"].values[0, 0] < 0.9
    with pytest.raises(UserError, match="none of the 2 pairs can be compared; 0: the tokens"):
        patch(gate, CLEANS[:2], [one[:4] for one in CORRUPTS[:2]], metric=METRICS[0])
    with pytest.raises(UserError, match="3 groups for 4"):
        patch(gate, cleans, corrupts, **{**options, "groups": groups[:3]})


def test_pairs_of_one_dialog_count_once(gate: Network) -> None:
    twice = [*CLEANS, *CLEANS]
    options: dict[str, Any] = {"sites": "layers.2.z", "spans": ["last(1)"], "control": None}
    metrics = [LogProbability(answer(one)) for one, _ in FACTS]
    once = patch(gate, CLEANS, CORRUPTS, metric=metrics, **options)
    doubled = patch(
        gate, twice, [*CORRUPTS, *CORRUPTS], metric=[*metrics, *metrics], groups=[*range(8), *range(8)], **options
    )
    assert once.effects.spread is not None and doubled.effects.spread is not None
    np.testing.assert_array_equal(doubled.effects.spread.n, once.effects.spread.n)
    np.testing.assert_allclose(doubled.effects.spread.p_values, once.effects.spread.p_values)
    np.testing.assert_allclose(doubled.effects.spread.low, once.effects.spread.low, atol=1e-6)


def test_dialogs_are_called_by_their_ids_and_count_once() -> None:
    from sdialog.backends.embedded import EmbeddedBackend

    def told(name: str, thing: str) -> Dialog:
        return Dialog(
            id=name, turns=[Turn(speaker="Ann", text=f"My {thing} is late."), Turn(speaker="Bob", text="Oh.")]
        )

    mini = EmbeddedBackend("mini").network()
    cleans = [told("d1", "lamp"), told("d1", "desk"), told("d2", "lamp")]
    corrupts = [told("e", "bag"), told("e", "kettle"), told("e", "desk")]
    options: dict[str, Any] = {"speaker": "Bob", "align": "last", "control": None, "metric": LogProbability("Hello")}
    found = patch(mini, cleans, corrupts, "layers.1.resid_pre", ["turn(0)"], **options)
    assert found.each.axes[0].labels == ("d1", "d1", "d2") and found.each.axes[0].groups == ("d1", "d1", "d2")
    assert found.effects.spread is not None and found.effects.spread.n.tolist() == [[2]]
    tokens = patch(mini, cleans[0], corrupts[2], "layers.1.resid_pre", metric=LogProbability("Hello"), speaker="Bob")
    assert set(tokens.effects.axes[1].groups) == {"template", "0 Ann", "1 Bob"}


# -- ablation


def test_ablations_of_conversations_of_different_lengths_are_those_of_each_alone() -> None:
    network = Network(tiny.build("llama"), None)
    given = _of_lengths(4, 9, 6)
    for how in ("zero", "mean"):
        options: dict[str, Any] = {"metric": LogProbability(11), "how": how, "reference": given}
        together = ablate(network, given, "layers.*.head.*.z", batch=64, **options)
        alone = [ablate(network, one, "layers.*.head.*.z", batch=64, **options) for one in given]
        np.testing.assert_allclose(together.each.values, [one.values.values for one in alone], atol=1e-5)
        np.testing.assert_allclose(together.wholes.values, [one.whole for one in alone], atol=1e-5)
    assert together.each.shape == (3, tiny.LAYERS, tiny.HEADS)
    equal = [*given, *_of_lengths(6, seed=9)]
    resampled = ablate(network, equal, "layers.1.z", metric=LogProbability(11), how="resample")
    assert [one.what for one in resampled.missing] == ["0", "1"] and "none of 3 can" not in resampled.table()
    by_hand = ablate(network, equal[2], "layers.1.z", metric=LogProbability(11), how="resample", reference=equal[3])
    assert resampled.each.values[2] == pytest.approx(by_hand.each.values[0], abs=1e-5)


def test_the_reading_head_is_sure_and_other_heads_are_no_match(gate: Network) -> None:
    metrics = [LogProbability(answer(one)) for one, _ in FACTS]
    found = ablate(gate, CLEANS, metric=metrics, how="mean")
    best = found.change.strongest(1)[0]
    assert best.labels == tuple(str(one) for one in READER) and best.sure and best.n == len(FACTS) and best.value < -5
    assert set(found.change.controls) == {"random direction"}
    assert found.beyond_control().values[READER] < -1
    only = ablate(gate, CLEANS, "layers.2.head.1.z", metric=metrics, control="site")
    assert abs(only.change.controls["other site"].values[0]) < 0.01 and only.beyond_control().values[0] < -5
    assert "control, other site" in only.table()
    with pytest.raises(UserError, match="none is left for a control"):
        ablate(gate, CLEANS, metric=metrics, control="site")


def test_the_control_moves_as_far_as_the_ablation() -> None:
    network = Network(tiny.build("llama"), None)
    (ids,) = _of_lengths(6)
    streams: list[torch.Tensor] = []
    hook = network.model.model.norm.register_forward_pre_hook(lambda _module, args: streams.append(args[0].detach()))
    try:
        site, metric = "layers.2.resid_post", LogProbability(11)
        found = ablate(network, ids, site, metric=metric)
    finally:
        hook.remove()
    (whole,), (zero, astray) = streams
    assert (zero == 0).all()
    torch.testing.assert_close((astray - whole).norm(dim=-1), whole.norm(dim=-1))
    assert float(torch.cosine_similarity(astray - whole, whole, dim=-1).abs().max()) < 0.9
    control = found.each.controls["random direction"]
    same, other = (ablate(network, ids, site, metric=metric, seed=seed) for seed in (0, 1))
    assert same.each.controls["random direction"].values == control.values
    assert other.each.controls["random direction"].values != control.values
    pattern = ablate(network, ids, "layers.1.pattern", metric=metric)  # attention has no directions
    assert np.isnan(pattern.each.controls["random direction"].values).all() and not np.isnan(pattern.each.values).any()


def test_conversations_without_the_span_are_missing(gate: Network) -> None:
    asked = [messages(3), [*messages(4), Message("assistant", "f01"), Message("user", "k05?")]]
    found = ablate(gate, asked, "layers.2.z", metric=LogProbability(answer(3)), span="turn(1)")
    assert [one.what for one in found.missing] == ["0"] and "selects no token" in found.missing[0].why
    assert np.isnan(found.each.values[0]).all() and not np.isnan(found.each.values[1]).any()
    with pytest.raises(UserError, match=r"nothing could be measured of 2 conversations; the span 'turn\(7\)'"):
        ablate(gate, asked, "layers.2.z", metric=LogProbability(answer(3)), span="turn(7)")


# -- attribution and lenses


def test_parts_of_several_conversations_are_those_of_each() -> None:
    network = Network(tiny.build("gpt_neox"), None)
    given = _of_lengths(4, 9, 6)
    pairs = [(7, 30), (8, 3), (9, 12)]
    found = direct_logit_attribution(network, given, tokens=pairs, neurons=True)
    alone = [
        direct_logit_attribution(network, one, tokens=pair, neurons=True)
        for one, pair in zip(given, pairs, strict=True)
    ]
    np.testing.assert_allclose(found.heads.values, np.mean([one.heads.values for one in alone], axis=0))
    np.testing.assert_allclose(found.each.values, [one.components.values for one in alone])
    assert found.neurons is not None
    np.testing.assert_allclose(found.neurons.values, np.mean([one.neurons.values for one in alone], axis=0))  # type: ignore[union-attr]
    assert found.error < 1e-4 and found.heads.spread is not None and found.positions == (3, 8, 5)
    assert found.layers.values.sum() + found.embed + found.final_bias == pytest.approx(found.logit, abs=1e-4)
    with pytest.raises(UserError, match="2 pairs of tokens for 3"):
        direct_logit_attribution(network, given, tokens=pairs[:2])


def test_a_lens_over_conversations_is_the_mean_of_lenses(gate: Network) -> None:
    said = [messages(fact) for fact in (3, 8, 21)]
    found = lens_profile(gate, [*said, [Message("system", "k01")]], "role(user)")
    each = [logit_lens(gate, one, "role(user)").kl.values.mean(1) for one in said]
    np.testing.assert_allclose(found.each.values, each, atol=1e-9)
    np.testing.assert_allclose(found.kl.values, np.mean(each, axis=0), atol=1e-9)
    assert found.kl.values[-1] == 0 and found.agreement.values[-1] == 1 and found.by_turn.axes[1].labels == ("0",)
    assert [one.what for one in found.missing] == ["3"] and "1 of 4 are missing" in found.table()
    assert json.dumps(found.json()) and found.plot().axes


# -- number formats and metrics


def test_small_differences_of_large_logits_are_not_rounded_away() -> None:
    logits = torch.tensor([[[16.125, 0.0625]]], dtype=torch.bfloat16)
    assert LogitDifference(0, 1)(logits).item() == 16.0625


@pytest.mark.parametrize("family", ["llama", "gemma", "gpt2"])
def test_a_model_in_bfloat16_can_be_looked_into(family: str) -> None:
    network = Network(tiny.build(family).to(torch.bfloat16), None)
    clean, corrupt = tiny.tokens(2, 6, seed=5).tolist()
    metric = LogitDifference(5, 9)
    found = patch(network, clean, corrupt, spans="prompt", metric=metric)
    np.testing.assert_allclose(found.effects.values, 1, atol=1e-6)  # the same numbers put in give the same run
    assert ablate(network, [clean, corrupt], metric=metric).values.shape == (tiny.LAYERS, tiny.HEADS)
    parts = direct_logit_attribution(network, clean, tokens=(5, 9))
    assert parts.error < 0.05 * float(np.abs(parts.components.values).sum())
    estimate = attribution_patching(network, clean, corrupt, metric=metric, steps=2, check="all")
    assert not np.isnan(estimate.effects.values).any()
    assert logit_lens(network, clean).kl.at(depth="layers.2.resid_post", token=3) == pytest.approx(0, abs=1e-6)


def test_an_answer_of_several_tokens_is_the_sum_of_its_tokens() -> None:
    model = tiny.build("llama")
    network = Network(model, None)
    given = [*tiny.tokens(1, 5)[0].tolist(), 7, 8, 9, 2]
    found = ablate(network, given, "embed", metric=AnswerLogProbability((7, 8, 9), end=1), control=None)
    with torch.no_grad():
        logs = model(torch.tensor([given])).logits[0].log_softmax(-1)
    expected = sum(float(logs[place - 1, given[place]]) for place in (5, 6, 7))
    assert found.whole == pytest.approx(expected, abs=1e-5)
    with pytest.raises(UserError, match="do not fit"):
        ablate(network, given[:3], "embed", metric=AnswerLogProbability((7, 8, 9)))


def test_words_of_several_tokens_are_refused_where_one_is_due() -> None:
    from sdialog.backends.embedded import EmbeddedBackend

    mini, said = EmbeddedBackend("mini").network(), [Message("user", "Hello!")]
    for metric in (LogProbability("refrigerator"), LogitDifference("refrigerator", "You"), IsChosen("refrigerator")):
        with pytest.raises(UserError, match=r"'refrigerator' is .* tokens of this model"):
            ablate(mini, said, "layers.0.z", metric=metric)
    answered = [*said, Message("assistant", "Hello, how can I help?")]
    fine = ablate(mini, answered, "embed", metric=AnswerLogProbability(" can I help?", end=1), control=None)
    assert -20 < fine.whole < 0
