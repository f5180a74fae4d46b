"""Folders of sparse dictionaries: our own, and those of SAELens."""

from __future__ import annotations

import json

import pytest
import torch
from interpretability.sae.parts import (
    ARCHITECTURES,
    normal,
    random_sae,
)
from safetensors.torch import load_file, save_file

from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.interpretability.sae import (
    Transcoder,
    load,
)
from sdialog.interpretability.sae._codes import largest


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["sae", "transcoder", "crosscoder"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_folders_give_back_the_same_dictionary(architecture, kind, dtype, tmp_path):
    more = {"transcoder": {"d_out": 5}, "crosscoder": {"layers": 2}}.get(kind, {})
    sae = random_sae(architecture, kind=kind, normalisation="expected_norm", dtype=dtype, sites=("a", "b"), **more)
    again = load(sae.save(tmp_path / "made"))
    assert type(again) is type(sae)
    assert again.config == sae.config
    assert set(again.weights) == set(sae.weights)
    assert all(torch.equal(again.weights[name], value) for name, value in sae.weights.items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("normalisation", ["none", "expected_norm", "layer_norm", "token_norm"])
def test_the_folder_of_saelens_gives_back_the_same_function(architecture, normalisation, tmp_path):
    sae = random_sae(architecture, normalisation=normalisation, sites=("layers.3.resid_post",), model="gpt2")
    folder = sae.save(tmp_path / "made", format="saelens")
    again = load(folder)
    x = normal(40, 6)
    assert torch.allclose(again.encode(x), sae.encode(x), atol=1e-5)
    assert torch.allclose(again(x), sae(x), atol=1e-4)
    assert (again.config.sites, again.config.model) == (("layers.3.resid_post",), "gpt2")
    described = json.loads((folder / "cfg.json").read_text())
    assert described["metadata"]["hook_name"] == "blocks.3.hook_resid_post"
    assert described["architecture"] == ("jumprelu" if architecture == "batchtopk" else architecture)
    names = {"gated": {"b_gate", "b_mag", "r_mag"}, "jumprelu": {"b_enc", "threshold"}}
    wanted = names.get(described["architecture"], {"b_enc"}) | {"W_enc", "W_dec", "b_dec"}
    assert set(load_file(folder / "sae_weights.safetensors")) == wanted


def saelens_folder(path, described, weights):
    path.mkdir()
    (path / "cfg.json").write_text(json.dumps(described))
    save_file({name: value.contiguous() for name, value in weights.items()}, path / "sae_weights.safetensors")
    return path


OLD = {
    "d_in": 6,
    "d_sae": 10,
    "activation_fn_str": "relu",
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "context_size": 128,
    "model_name": "gemma-2-2b",
    "hook_name": "blocks.12.hook_resid_post",
    "hook_layer": 12,
    "hook_head_index": None,
    "prepend_bos": True,
    "dataset_path": "some/texts",
    "normalize_activations": "none",
    "dtype": "torch.float32",
    "device": "cuda",
    "sae_lens_training_version": "3.1.0",
}


def test_older_descriptions_of_saelens_are_read(tmp_path):
    weights = dict(random_sae("standard").weights)
    x = normal(20, 6)
    pre = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    plain = load(saelens_folder(tmp_path / "plain", OLD, weights))
    assert torch.equal(plain.encode(x), torch.relu(pre))
    assert plain.config.sites == ("layers.12.resid_post",)
    assert plain.config.model == "gemma-2-2b"
    topk = {**OLD, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
    assert load(saelens_folder(tmp_path / "topk", topk, weights)).config.k == 4
    no_bias = {**OLD, "architecture": "standard", "apply_b_dec_to_input": False}
    found = load(saelens_folder(tmp_path / "bias", no_bias, weights)).encode(x)
    assert torch.allclose(found, torch.relu(x @ weights["W_enc"] + weights["b_enc"]))
    factors = torch.rand(10) + 0.5
    scaled = {**OLD, "architecture": "standard", "finetuning_scaling_factor": True}
    tuned = load(saelens_folder(tmp_path / "tuned", scaled, {**weights, "scaling_factor": factors}))
    expected = (torch.relu(pre) * factors) @ weights["W_dec"] + weights["b_dec"]
    assert torch.allclose(tuned(x), expected, atol=1e-4)
    jump_weights = {**weights, "threshold": torch.rand(10)}
    jumping = load(saelens_folder(tmp_path / "jump", {**OLD, "architecture": "jumprelu"}, jump_weights))
    assert torch.equal(jumping.encode(x), torch.relu(pre) * (pre > jump_weights["threshold"]))


def test_newer_descriptions_of_saelens_are_read(tmp_path):
    weights = dict(random_sae("standard").weights)
    metadata = {"hook_name": "blocks.2.hook_mlp_out", "model_name": "pythia-70m", "sae_lens_version": "6.5.0"}
    new = {
        "architecture": "topk",
        "d_in": 6,
        "d_sae": 10,
        "k": 3,
        "rescale_acts_by_decoder_norm": True,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
    }
    sae = load(saelens_folder(tmp_path / "topk", new, weights))
    x = normal(20, 6)
    lengths = weights["W_dec"].norm(dim=-1)
    pre = ((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]) * lengths
    expected = largest(torch.relu(pre), 3)
    assert torch.allclose(sae.encode(x), expected, atol=1e-4)
    assert torch.allclose(sae(x), (expected / lengths) @ weights["W_dec"] + weights["b_dec"], atol=1e-4)
    assert (sae.config.sites, sae.config.model) == (("layers.2.mlp_out",), "pythia-70m")
    out = {**new, "architecture": "transcoder", "d_out": 6, "rescale_acts_by_decoder_norm": False}
    out["metadata"] = {**metadata, "hook_name_out": "blocks.3.hook_mlp_out"}
    coder = load(saelens_folder(tmp_path / "coder", out, weights))
    assert isinstance(coder, Transcoder)
    assert coder.config.sites == ("layers.2.mlp_out", "layers.3.mlp_out")
    again = load(coder.save(tmp_path / "again", format="saelens"))
    assert torch.equal(again(x), coder(x))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "temporal"}, "'temporal' of SAELens is not known"),
        ({"architecture": "skip_transcoder"}, "'skip_transcoder'"),
        ({"activation_fn_str": "tanh-relu"}, "'tanh-relu'"),
        ({"normalize_activations": "whiten"}, "'whiten'"),
        ({"reshape_activations": "hook_z"}, "'hook_z'"),
        ({"architecture": "topk"}, "needs k"),
    ],
)
def test_what_is_unknown_in_a_description_of_saelens_is_refused_by_name(changes, said, tmp_path):
    folder = saelens_folder(tmp_path / "odd", {**OLD, **changes}, random_sae("standard").weights)
    with pytest.raises(UserError, match=said):
        load(folder)


def test_what_saelens_has_not_is_not_written_and_broken_folders_are_named(tmp_path):
    with pytest.raises(UnsupportedFeatureError, match="SAELens has no topk crosscoder"):
        random_sae("topk", kind="crosscoder", layers=2).save(tmp_path / "x", format="saelens")
    with pytest.raises(UnknownNameError, match="saelens"):
        random_sae("topk").save(tmp_path / "x", format="sae-lens")
    with pytest.raises(UserError, match="holds no sparse dictionary"):
        load(tmp_path)
    folder = random_sae("topk").save(tmp_path / "made")
    (folder / "weights.safetensors").write_bytes(b"junk")
    with pytest.raises(UserError, match="cannot be read"):
        load(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="without its weights"):
        load(folder)
    (folder / "config.json").write_text('{"hello": 1}')
    with pytest.raises(ConfigError, match="does not describe"):
        load(folder)
