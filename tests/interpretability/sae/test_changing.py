"""Losses of dialogs under changed activations, and edits of single features."""

from __future__ import annotations

import pytest
import torch
from interpretability.sae.parts import normal, random_sae

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnsupportedFeatureError, UserError
from sdialog.core.sync import run
from sdialog.interpretability import ActivationCache, Plan, Read, network_of
from sdialog.interpretability.sae import (
    DialogLosses,
    SAEConfig,
    TrainingConfig,
    feature_edit,
    loss_recovered,
    measure,
    name_by_predicates,
    passages,
    top_examples,
    train,
)
from sdialog.llm.get import resolve
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

SITE = "layers.2.resid_post"
DIALOGS = [
    Dialog(turns=[Turn(speaker="Ann", text=one), Turn(speaker="Ava", text=other)], id=one)
    for one, other in (("Hello!", "Hi, how can I help you?"), ("Where is my order now, please?", "One moment."))
]


def wide_sae(**changes):
    return random_sae("topk", d_in=192, d_sae=40, sites=(SITE,), **changes)


def test_the_loss_without_a_change_is_the_models_own():
    losses = DialogLosses("embedded:mini", DIALOGS, SITE)
    network = network_of("embedded:mini")
    for dialog, found in zip(DIALOGS, losses(None), strict=True):
        (user, reply) = (turn.text for turn in dialog)
        messages = [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
        ids = network.tokenizer.apply_chat_template(messages, return_dict=False)
        own = network.tokenizer.encode(reply, add_special_tokens=False)
        start = next(at for at in range(len(ids)) if ids[at : at + len(own)] == own)
        labels = [token if start <= at < start + len(own) else -100 for at, token in enumerate(ids)]
        with torch.no_grad():
            expected = network.model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
        assert found == pytest.approx(float(expected), abs=1e-4)
    assert len(losses) == 2
    assert losses.tokens == sum(
        len(network.tokenizer.encode(list(one)[1].text, add_special_tokens=False)) for one in DIALOGS
    )


def test_changes_reach_the_span_alone_and_batches_do_not_matter():
    shapes = []

    def turned(x):
        shapes.append(x.shape)
        return -x

    together = DialogLosses("embedded:mini", DIALOGS, SITE, "role(user)")
    alone = DialogLosses("embedded:mini", DIALOGS, SITE, "role(user)", batch_tokens=1)
    assert together(None) == pytest.approx(together(lambda x: x), abs=1e-6)
    assert together(turned) == pytest.approx(alone(turned), abs=1e-5)
    assert [len(shapes), shapes[0][0]] == [3, shapes[1][0] + shapes[2][0]]
    assert together(turned) != pytest.approx(together(None), abs=1e-3)
    nowhere = DialogLosses("embedded:mini", DIALOGS, SITE, "role(tool)")
    assert nowhere(turned) == nowhere(None)


def test_a_dictionary_that_rebuilds_nothing_recovers_nothing():
    losses = DialogLosses("embedded:mini", DIALOGS, SITE)
    sae = wide_sae()
    blank = type(sae)(sae.config, {**sae.weights, "W_dec": torch.zeros(40, 192), "b_dec": torch.zeros(192)})
    found = loss_recovered(blank, losses)
    assert found.recovered == pytest.approx(0)
    assert found.ablated > found.original


def test_a_function_may_be_given_what_is_at_another_site():
    there = "layers.1.resid_mid"
    losses = DialogLosses("embedded:mini", DIALOGS, "layers.1.mlp_out", read=there)
    layer = network_of("embedded:mini").model.model.layers[1]
    assert losses.sites == (there, "layers.1.mlp_out")
    same = losses(lambda x: layer.mlp.forward(layer.post_attention_layernorm.forward(x)))
    assert same == pytest.approx(losses(None), abs=1e-5), "what the MLP itself would have given"
    assert losses(torch.zeros_like) == DialogLosses("embedded:mini", DIALOGS, "layers.1.mlp_out")(torch.zeros_like)
    alone = DialogLosses("embedded:mini", DIALOGS, "layers.1.mlp_out", read=there, batch_tokens=1)
    assert losses(lambda x: x) == pytest.approx(alone(lambda x: x), abs=1e-5)
    with pytest.raises(ConfigError, match=r"resid_post comes after layers\.1\.mlp_out"):
        DialogLosses("embedded:mini", DIALOGS, "layers.1.mlp_out", read="layers.1.resid_post")(torch.zeros_like)


def test_transcoders_and_crosscoders_are_trained_from_a_cache_and_measured():
    read, written = "layers.1.resid_mid", "layers.1.mlp_act"
    layers = ("layers.1.resid_post", SITE)
    cache = ActivationCache.record("embedded:mini", DIALOGS * 4, [read, written, *layers])
    training = TrainingConfig(steps=300, learning_rate=1e-2)
    config = SAEConfig(192, 48, k=8, kind="transcoder", d_out=512, normalisation="expected_norm", sites=(read, written))
    coder = train(cache.batches(read, 16, target=written), config, training, seed=0).sae
    assert measure(coder, cache.batches(read, 16, target=written)).explained > 0.6
    losses = DialogLosses("embedded:mini", DIALOGS, written, read=read)
    found = loss_recovered(coder, losses)
    average = loss_recovered(coder, losses, ablation="mean", average=cache[written].mean(axis=0))
    assert found.recovered > 0.5 and average.rebuilt == found.rebuilt and average.ablated != found.ablated
    with pytest.raises(UserError, match="say from which"):
        loss_recovered(coder, DialogLosses("embedded:mini", DIALOGS, written))
    config = SAEConfig(192, 48, k=8, kind="crosscoder", layers=2, normalisation="expected_norm", sites=layers)
    both = train(cache.batches(layers, 16), config, training, seed=0).sae
    assert measure(both, cache.batches(layers, 16)).explained > 0.8
    for made, sites in ((coder, read), (both, layers)):
        shown = top_examples(made, passages(cache, sites), [0, 1], seed=0, count=2)
        names = name_by_predicates(made, cache, support=2, seed=0)
        assert len(shown) == 2 and len(names.names) == 48
        assert names.json() == name_by_predicates(made, cache, site=sites, support=2, seed=0).json()
    with pytest.raises(UserError, match="say which site"):
        passages(cache)
    with pytest.raises(UnsupportedFeatureError, match="look at measure"):
        loss_recovered(both, DialogLosses("embedded:mini", DIALOGS, SITE))


def test_losses_say_what_is_missing():
    with pytest.raises(UserError, match="no dialogs"):
        DialogLosses("embedded:mini", [], SITE)
    with pytest.raises(ConfigError, match="stands for 4"):
        DialogLosses("embedded:mini", DIALOGS, "layers.*.resid_post")
    with pytest.raises(UserError, match="none; leave it out"):
        DialogLosses("embedded:mini", DIALOGS, SITE, own="role(tool)")


@pytest.mark.parametrize("normalisation", ["none", "expected_norm", "layer_norm", "token_norm"])
def test_an_edit_changes_one_feature_by_what_it_writes(normalisation):
    sae, x = random_sae("standard", sites=("layers.0.resid_post",), normalisation=normalisation), 3 * normal(50, 6)
    found = sae.encode(x)
    wanted = found.clone()
    wanted[:, 4] = 1.5
    change = sae.decode(wanted, x) - sae.decode(found, x)
    assert torch.allclose(feature_edit(sae, 4, 1.5).value(x), x + change, atol=1e-5)
    off = feature_edit(sae, 4, 0.0).value(x)
    silent = found[:, 4] == 0
    assert 0 < int(silent.sum()) < 50
    assert torch.equal(off[silent], x[silent]), "where it is silent there is nothing to take out"
    assert not torch.equal(off[~silent], x[~silent])
    only = feature_edit(sae, 4, 1.5, only_active=True).value(x)
    assert torch.equal(only[silent], x[silent])
    assert torch.allclose(only[~silent], (x + change)[~silent], atol=1e-5)


def test_an_edit_runs_while_the_model_writes():
    sae = wide_sae()
    edit = feature_edit(sae, 7, 50.0, "choices")
    assert edit.site == SITE
    request = GenerateRequest(
        (Message("user", "Hello!"),),
        GenerateConfig(temperature=0.0, max_tokens=4),
        interventions=(Plan([Read(SITE, "choices", before_edits=True, name="before"), Read(SITE, "choices")], [edit]),),
    )
    (found,) = run(resolve("embedded:mini").model.generate([request]))
    before, after = found.captures["before"].values, found.captures[SITE].values
    assert torch.allclose(after, edit.value(before), atol=1e-4)
    assert not torch.allclose(after, before, atol=1.0)


def test_edits_that_make_no_sense_are_refused():
    sae = wide_sae()
    with pytest.raises(UserError, match="features from 0 to 39, not 40"):
        feature_edit(sae, 40, 1.0)
    with pytest.raises(ConfigError, match="at least 0"):
        feature_edit(sae, 1, -1.0)
    with pytest.raises(ConfigError, match="no site"):
        feature_edit(random_sae("topk"), 1, 1.0)
    with pytest.raises(UnsupportedFeatureError, match="feature_vectors"):
        feature_edit(random_sae("topk", kind="transcoder"), 1, 1.0, site=SITE)
