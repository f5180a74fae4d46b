"""The folder format of SAELens: what its ``cfg.json`` and ``sae_weights.safetensors`` say in our words, and back.

Up to version 5 the description is one flat object; version 6 keeps where a dictionary belongs under ``metadata``. Both
are read. Written is the form of version 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from sdialog._version import __version__
from sdialog.core.errors import ConfigError, UnsupportedFeatureError, UserError
from sdialog.interpretability.sae import _codes
from sdialog.interpretability.sae._dictionary import SparseDictionary, make
from sdialog.interpretability.sae.config import DTYPES, SAEConfig

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"

_KINDS = {
    "standard": ("sae", "standard"),
    "gated": ("sae", "gated"),
    "topk": ("sae", "topk"),
    "jumprelu": ("sae", "jumprelu"),
    "transcoder": ("transcoder", "standard"),
    "jumprelu_transcoder": ("transcoder", "jumprelu"),
}
_NORMALISATIONS = {
    "none": "none",
    "expected_average_only_in": "expected_norm",
    "constant_norm_rescale": "token_norm",
    "layer_norm": "layer_norm",
}
_HOOKS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "z",
    "mlp.hook_post": "mlp_act",
}
_HOOK = re.compile(r"blocks\.(\d+)\.(.+)")
_SITE = re.compile(r"layers\.(\d+)\.(\w+)")


def read(described: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> SparseDictionary:
    """Return the dictionary that a description and weights of SAELens make.

    Raises:
        UnsupportedFeatureError: if the architecture or a transformation of activations is not known here.
        ConfigError: if the description lacks something.
    """
    about = {**described, **(described.get("metadata") or {})}
    kind, architecture = _architecture(about)
    if about.get("reshape_activations", "none") not in (None, "none"):
        raise UnsupportedFeatureError(f"activations reshaped by {about['reshape_activations']!r} cannot be read")
    found = {name: value for name, value in weights.items() if name not in ("scaling_factor", "log_threshold")}
    if "W_enc" not in found or "W_dec" not in found:
        raise ConfigError("weights of a sparse dictionary have at least W_enc and W_dec")
    if architecture == "jumprelu" and "threshold" not in found and "log_threshold" in weights:
        found["threshold"] = weights["log_threshold"].exp()
    if architecture == "gated":
        found.pop("b_enc", None)
    _fold_factors(about, found, weights)
    decoder = found["W_dec"]
    sites = tuple(_site(about, name) for name in ("hook_name", "hook_name_out") if about.get(name))
    config = SAEConfig(
        d_in=int(about.get("d_in", found["W_enc"].shape[0])),
        d_sae=int(about.get("d_sae", decoder.shape[0])),
        architecture=architecture,
        k=_k(about) if architecture == "topk" else None,
        kind=kind,
        d_out=int(about.get("d_out") or decoder.shape[1]) if kind == "transcoder" else None,
        normalisation=_normalisation(about),
        # Before there was a word for it, the decoder's bias was always taken off the input.
        decoder_bias_on_input=bool(about.get("apply_b_dec_to_input", True)) if kind == "sae" else False,
        decoder_norm="free",
        dtype=_dtype(about, decoder),
        sites=sites if kind == "transcoder" else sites[:1],
        model=str(about.get("model_name") or ""),
    )
    return make(config, found)


def written(sae: SparseDictionary) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return description and weights as SAELens reads them; ``expected_norm`` is folded into the weights.

    Raises:
        UnsupportedFeatureError: if SAELens has nothing like it.
        UserError: if ``expected_norm`` has no factor yet.
    """
    if sae.config.normalisation == "expected_norm":
        if "scale" not in sae.weights:
            raise UserError("expected_norm has no factor yet to fold: set it with estimate_scale(activations)")
        sae = sae.folded()
    config = sae.config
    weights = dict(sae.weights)
    architecture: str = config.architecture
    if architecture == "batchtopk":
        # After training it is a JumpReLU with one threshold for all features.
        architecture = "jumprelu"
        weights["threshold"] = weights["threshold"].expand(config.d_sae).clone()
    if config.kind == "transcoder":
        architecture = {"standard": "transcoder", "jumprelu": "jumprelu_transcoder"}.get(architecture, "")
    if architecture not in _KINDS or _KINDS[architecture][0] != config.kind:
        raise UnsupportedFeatureError(f"SAELens has no {config.architecture} {config.kind}; save it as 'sdialog'")
    described: dict[str, Any] = {
        "architecture": architecture,
        "d_in": config.d_in,
        "d_sae": config.d_sae,
        "dtype": config.dtype,
        "device": "cpu",
        "apply_b_dec_to_input": bool(config.decoder_bias_on_input),
        "normalize_activations": {ours: theirs for theirs, ours in _NORMALISATIONS.items()}[config.normalisation],
        "reshape_activations": "none",
        "metadata": _metadata(config),
    }
    if config.architecture == "topk":
        described |= {"k": config.k, "rescale_acts_by_decoder_norm": False}
    if config.kind == "transcoder":
        described["d_out"] = config.d_out
    return described, weights


def _architecture(about: Mapping[str, Any]) -> tuple[Any, Any]:
    # Early files name only the activation function.
    function = about.get("activation_fn_str") or about.get("activation_fn") or "relu"
    name = about.get("architecture") or ("topk" if function == "topk" else "standard")
    if name == "standard" and function == "topk":
        name = "topk"
    if name not in _KINDS:
        raise UnsupportedFeatureError(
            f"the architecture {name!r} of SAELens is not known here; known are {', '.join(_KINDS)}"
        )
    if name in ("standard", "transcoder") and function != "relu":
        raise UnsupportedFeatureError(f"the activation function {function!r} of SAELens is not known here")
    return _KINDS[name]


def _k(about: Mapping[str, Any]) -> int:
    k = about.get("k") or (about.get("activation_fn_kwargs") or {}).get("k")
    if k is None:
        raise ConfigError("a topk dictionary of SAELens needs k, or activation_fn_kwargs with it")
    return int(k)


def _normalisation(about: Mapping[str, Any]) -> Any:
    name = about.get("normalize_activations") or "none"
    if name is True:
        name = "expected_average_only_in"
    if name not in _NORMALISATIONS:
        known = ", ".join(_NORMALISATIONS)
        raise UnsupportedFeatureError(f"the normalisation {name!r} of SAELens is not known here; known are {known}")
    return _NORMALISATIONS[name]


def _fold_factors(
    about: Mapping[str, Any], found: dict[str, torch.Tensor], weights: Mapping[str, torch.Tensor]
) -> None:
    """Put factors a feature that SAELens applies between encoder and decoder into the weights."""
    if about.get("finetuning_scaling_factor") and "scaling_factor" in weights:
        found["W_dec"] = found["W_dec"] * weights["scaling_factor"].unsqueeze(-1)
    if about.get("rescale_acts_by_decoder_norm"):
        lengths = _codes.row_lengths(found["W_dec"], 1)
        found["W_enc"], found["b_enc"] = found["W_enc"] * lengths, found["b_enc"] * lengths
        found["W_dec"] = found["W_dec"] / lengths.unsqueeze(-1)


def _dtype(about: Mapping[str, Any], decoder: torch.Tensor) -> str:
    name = str(about.get("dtype") or decoder.dtype).removeprefix("torch.")
    return name if name in DTYPES else str(decoder.dtype).removeprefix("torch.")


def _site(about: Mapping[str, Any], name: str) -> str:
    """Return a hook of TransformerLens as the name of a site; what is not known is kept as it is."""
    hook = str(about[name])
    found = _HOOK.fullmatch(hook)
    kind = _HOOKS.get(found[2]) if found else None
    if found is None or kind is None:
        return hook
    head = about.get("hook_head_index")
    return f"layers.{found[1]}.{kind}" if head is None else f"layers.{found[1]}.head.{head}.{kind}"


def _metadata(config: SAEConfig) -> dict[str, Any]:
    hooks = [_hook(site) for site in config.sites]
    names = ("hook_name", "hook_name_out")
    return {
        "model_name": config.model or None,
        **dict(zip(names, hooks, strict=False)),
        "hook_head_index": None,
        "trained_with": f"sdialog {__version__}",
    }


def _hook(site: str) -> str:
    found = _SITE.fullmatch(site)
    hooks = {ours: theirs for theirs, ours in _HOOKS.items()}
    return f"blocks.{found[1]}.{hooks[found[2]]}" if found and found[2] in hooks else site
