"""Small models with random weights, one for every family that sites are known of."""

from __future__ import annotations

from typing import Any

import torch
import transformers

LAYERS, WIDTH, HEADS, KEY_HEADS, INNER, VOCABULARY = 3, 32, 4, 2, 48, 61

_SHARED = {
    "num_hidden_layers": LAYERS,
    "hidden_size": WIDTH,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.2,
}
_GROUPED = {**_SHARED, "num_key_value_heads": KEY_HEADS}
_GEMMA = {**_GROUPED, "head_dim": 12}
_SLIDING = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_GPT2 = {
    "n_layer": LAYERS,
    "n_embd": WIDTH,
    "n_head": HEADS,
    "n_inner": INNER,
    "n_positions": 128,
    **{key: _SHARED[key] for key in ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id")},
    "initializer_range": 0.2,
}

# Name -> class of the configuration, its values.
_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "qwen2": ("Qwen2Config", _GROUPED),
    "qwen3": ("Qwen3Config", {**_GROUPED, "head_dim": 12}),
    "mistral": ("MistralConfig", {**_GROUPED, "sliding_window": 4}),
    "gemma": ("GemmaConfig", _GEMMA),
    "gemma2": ("Gemma2Config", {**_GEMMA, **_SLIDING, "query_pre_attn_scalar": 12, "final_logit_softcapping": 5.0}),
    "gemma3_text": ("Gemma3TextConfig", {**_GEMMA, **_SLIDING, "query_pre_attn_scalar": 12}),
    "phi": ("PhiConfig", {**_GROUPED, "partial_rotary_factor": 0.5}),
    "phi3": ("Phi3Config", _GROUPED),
    "gpt2": ("GPT2Config", _GPT2),
    "gpt_neox": ("GPTNeoXConfig", {**_SHARED, "use_parallel_residual": True}),
    "gpt_neox_sequential": ("GPTNeoXConfig", {**_SHARED, "use_parallel_residual": False}),
    "olmo": ("OlmoConfig", _GROUPED),
    "olmo2": ("Olmo2Config", _GROUPED),
}
NAMES = tuple(_CONFIGS)
PARALLEL = ("phi", "gpt_neox")
POST_NORMS = ("gemma2", "gemma3_text", "olmo2")


def build(name: str = "llama", *, attention: str = "eager", seed: int = 0, **changes: Any) -> Any:
    """Return a model in evaluation mode, in float32 on the CPU, the same for the same arguments.

    Args:
        name: one of ``NAMES``.
        attention: attention implementation of transformers; ``eager`` is the one that reports its probabilities.
        seed: seed of the weights.
        changes: values of the configuration to change.
    """
    kind, values = _CONFIGS[name]
    config = getattr(transformers, kind)(**{**values, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(
            config, attn_implementation=attention, dtype=torch.float32
        )
        with torch.no_grad():
            for parameter in model.parameters():
                # Norms start at one and biases at zero, where mistakes would not show.
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def tokens(rows: int = 2, length: int = 9, *, seed: int = 0) -> Any:
    """Return random token ids of shape (rows, length), none of them special."""
    return torch.randint(3, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def hooks_of(model: Any) -> int:
    """Return how many hooks the modules of a model have."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
