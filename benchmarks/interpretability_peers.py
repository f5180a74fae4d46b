"""Do we see in a model what others see in it? Random tiny Llama and GPT-2 models, the same weights for both.

What is compared with TransformerLens: values in the stream, in attention and in MLPs; direct logit attribution by
component; activation patching of the stream and of heads. Every number has to agree to 1e-4 of its scale.

Run ``python -m benchmarks.interpretability_peers``; prints a table and writes
``runs/benchmarks/interpretability_peers.json``. The peer needs an environment of its own, since it brings many
packages: ``python -m venv peer && peer/bin/pip install transformer_lens``; then ``--peer peer/bin/python``. Its
versions from 4 on put hooks on transformers' own modules, so that one that computes everything anew is the harder
test: ``"transformer_lens<3" "transformers<5" "pyarrow<21" "pandas<3"``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

FAMILIES = ("llama", "gpt2")
CLEAN, CORRUPT = [5, 17, 42, 8, 33, 60, 21], [5, 17, 11, 8, 33, 60, 21]
TOKENS = (7, 30)  # of the logit difference after the last token
BOUND = 1e-4
INSTALL = "python -m venv peer && peer/bin/pip install transformer_lens, then --peer peer/bin/python"
# Our site: the peer's hook. Queries and keys of Llama differ by design: the peer shows them before rotary positions.
HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "mlp_pre": "mlp.hook_pre",
    "z": "attn.hook_z",
    "v": "attn.hook_v",
    "pattern": "attn.hook_pattern",
}


# -- the peer, in its own interpreter: it may not import sdialog


def peer_values(folder: Path) -> dict[str, Any]:
    """Return what the peer sees in the model of a folder, by name."""
    import torch

    model = peer_model(folder)
    layers = model.cfg.n_layers
    clean, corrupt = torch.tensor([CLEAN]), torch.tensor([CORRUPT])
    with torch.no_grad():
        logits, cache = model.run_with_cache(clean)
        found = {"logits": logits[0]}
        for layer in range(layers):
            for site, hook in HOOKS.items():
                found[f"layers.{layer}.{site}"] = cache[f"blocks.{layer}.{hook}"][0]
            post = cache[f"blocks.{layer}.mlp.hook_post"][0]
            found[f"layers.{layer}.mlp_act"] = post
        found |= peer_patching(model, corrupt, cache)
        found |= peer_attribution(folder, clean)
    return {name: value.detach().float().clone().contiguous() for name, value in found.items()}


def peer_patching(model: Any, corrupt: Any, cache: Any) -> dict[str, Any]:
    """Return the logit difference of the corrupt run with parts of the clean one put in."""
    from transformer_lens import patching

    def difference(logits: Any) -> Any:
        return logits[0, -1, TOKENS[0]] - logits[0, -1, TOKENS[1]]

    return {
        "patched resid_pre": patching.get_act_patch_resid_pre(model, corrupt, cache, difference),
        "patched heads": patching.get_act_patch_attn_head_out_all_pos(model, corrupt, cache, difference),
    }


def peer_attribution(folder: Path, clean: Any) -> dict[str, Any]:
    """Return what heads and MLPs add to the logit difference."""
    import torch

    model = peer_model(folder, folded=True)
    _, cache = model.run_with_cache(clean)
    heads = cache.stack_head_results(layer=-1, pos_slice=-1)
    mlps = torch.stack([cache[f"blocks.{layer}.hook_mlp_out"][:, -1] for layer in range(model.cfg.n_layers)])
    way = model.W_U[:, TOKENS[0]] - model.W_U[:, TOKENS[1]]
    scale = cache["ln_final.hook_scale"][:, -1]
    found = {}
    for name, stack in (("heads", heads), ("mlps", mlps)):
        if "RMS" not in str(model.cfg.normalization_type):
            stack = stack - stack.mean(-1, keepdim=True)
        found[f"attributed {name}"] = (stack / scale @ way)[:, 0]
    return found


def peer_model(folder: Path, *, folded: bool = False) -> Any:
    """Load the model of a folder as the peer does; folded: with the weights of norms in those of what reads them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    if int(metadata.version("transformer_lens").split(".")[0]) < 3:
        return _computed_anew(model, folded)
    from transformer_lens import TransformerBridge

    tokenizer = AutoTokenizer.from_pretrained(folder)
    bridge = TransformerBridge.boot_transformers(str(folder), hf_model=model, tokenizer=tokenizer, device="cpu")
    if folded:
        quiet = {"center_writing_weights": False, "center_unembed": False, "fold_value_biases": False}
        bridge.enable_compatibility_mode(disable_warnings=True, **quiet)
    bridge.set_use_attn_result(True)
    return bridge


def _computed_anew(model: Any, folded: bool) -> Any:
    """Return a HookedTransformer, which has modules of its own."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained import weight_conversions

    given, llama = model.config, model.config.model_type == "llama"
    common = {
        "n_layers": given.num_hidden_layers,
        "d_model": given.hidden_size,
        "n_heads": given.num_attention_heads,
        "d_head": given.hidden_size // given.num_attention_heads,
        "d_vocab": given.vocab_size,
        "n_ctx": given.max_position_embeddings,
        "device": "cpu",
        "original_architecture": type(model).__name__,
        "use_attn_result": True,
    }
    if llama:
        own = {
            "d_mlp": given.intermediate_size,
            "act_fn": "silu",
            "normalization_type": "RMS",
            "positional_embedding_type": "rotary",
            "rotary_dim": common["d_head"],
            "rotary_adjacent_pairs": False,
            "rotary_base": int((getattr(given, "rope_parameters", None) or {}).get("rope_theta", 10000)),
            "n_key_value_heads": given.num_key_value_heads,
            "gated_mlp": True,
            "final_rms": True,
            "eps": given.rms_norm_eps,
        }
        convert = weight_conversions.convert_llama_weights
    else:
        own = {
            "d_mlp": given.n_inner,
            "act_fn": "gelu_new",
            "normalization_type": "LN",
            "positional_embedding_type": "standard",
            "eps": given.layer_norm_epsilon,
        }
        convert = weight_conversions.convert_gpt2_weights
    config = HookedTransformerConfig(**common, **own)
    made = HookedTransformer(config)
    plain = {"center_writing_weights": False, "center_unembed": False, "fold_value_biases": False}
    made.load_and_process_state_dict(convert(model, config), fold_ln=folded, **plain)
    return made.eval()


# -- ours


def our_values(folder: Path) -> dict[str, Any]:
    """Return what we see in the model of a folder, by the same names."""
    import torch
    from transformers import AutoModelForCausalLM

    from sdialog.interpretability.anatomy.taps import read
    from sdialog.interpretability.attribution import direct_logit_attribution
    from sdialog.interpretability.metrics import LogitDifference
    from sdialog.interpretability.patching import patch
    from sdialog.llm.interventions import Network

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32).eval()
    network = Network(model, None, "tiny")
    sites = [f"layers.*.{site}" for site in (*HOOKS, "mlp_act")]
    with torch.no_grad():
        found = {name: value[0] for name, value in read(network, [*sites, "logits"], torch.tensor([CLEAN])).items()}
    metric = LogitDifference(*TOKENS)
    for name, site, spans in (("resid_pre", "layers.*.resid_pre", "tokens"), ("heads", "layers.*.head.*.z", "prompt")):
        effects = patch(network, CLEAN, CORRUPT, site, spans, metric=metric)
        values = torch.tensor(effects.effects.values)
        values = effects.corrupt + values * (effects.clean - effects.corrupt)
        found[f"patched {name}"] = values if name == "resid_pre" else values[..., 0]
    parts = direct_logit_attribution(network, CLEAN, tokens=TOKENS)
    found["attributed heads"] = torch.tensor(parts.heads.values).flatten()
    found["attributed mlps"] = torch.tensor(parts.mlps.values)
    return found


# -- the comparison


def compare(python: str) -> tuple[dict[str, float], dict[str, str]]:
    """Return the largest difference of each kind of value, as a share of its scale, and the peer's versions."""
    from backends import tiny_models
    from interpretability import tiny
    from safetensors.torch import load_file

    worst: dict[str, float] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        for family in FAMILIES:
            folder = Path(place) / family
            tiny.build(family).save_pretrained(folder)
            tiny_models.tokenizer().save_pretrained(folder)
            subprocess.run([python, __file__, "--as-peer", str(folder)], check=True)
            theirs, ours = load_file(folder / "peer.safetensors"), our_values(folder)
            versions = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
            for name, value in theirs.items():
                mine = ours[name].float().reshape(value.shape)
                off = float((mine - value).abs().max() / value.abs().max().clamp(min=1.0))
                kind = f"{family} {name.rpartition('.')[2]}"
                worst[kind] = max(worst.get(kind, 0.0), off)
    return worst, versions


def main() -> int:
    """Compare, and report."""
    from benchmarks.report import Row, report

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer", default=sys.executable, help="interpreter that has the peer")
    arguments.add_argument("--as-peer", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if subprocess.run([given.peer, "-c", "import transformer_lens"], capture_output=True).returncode:
        print(f"{given.peer} has no transformer_lens. {INSTALL}", file=sys.stderr)
        return 2
    worst, versions = compare(given.peer)
    rows = [Row(kind, value, f"<= {BOUND:g}") for kind, value in worst.items()]
    return report("interpretability_peers", rows, max(worst.values()) <= BOUND, **versions)


def as_peer(folder: Path) -> None:
    """Write what the peer sees, and its versions, into the folder."""
    from safetensors.torch import save_file

    save_file(peer_values(folder), folder / "peer.safetensors")
    versions = {name: metadata.version(name) for name in ("transformer_lens", "transformers", "torch")}
    (folder / "peer.json").write_text(json.dumps(versions), encoding="utf-8")


if __name__ == "__main__":
    if "--as-peer" in sys.argv:
        as_peer(Path(sys.argv[sys.argv.index("--as-peer") + 1]))
    else:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        sys.exit(main())
