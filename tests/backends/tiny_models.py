"""Tiny random models of several architectures, saved as folders a backend can load."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ["<pad>", "<end>", "<system>", "<user>", "<assistant>", "<tool>"]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
ARCHITECTURES = {
    "llama": ("LlamaConfig", {"num_key_value_heads": 2}),
    "qwen2": ("Qwen2Config", {"num_key_value_heads": 2}),
    "gpt2": ("GPT2Config", {}),
    "mistral-sliding": ("MistralConfig", {"num_key_value_heads": 2, "sliding_window": 24}),
    "gemma3-sliding": ("Gemma3TextConfig", {"num_key_value_heads": 2, "sliding_window": 24, "head_dim": 16}),
    "mamba": ("MambaConfig", {"state_size": 8}),
}
"""Name -> configuration class and what it needs besides the common sizes."""


def tokenizer(template: str | None = TEMPLATE) -> transformers.PreTrainedTokenizerFast:
    """Return a byte-level tokenizer without merges: every byte is a token, any text survives."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*SPECIAL, *alphabet])}
    inner = Tokenizer(models.BPE(vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(SPECIAL)
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", pad_token="<pad>", padding_side="left"
    )
    if template is not None:
        made.chat_template = template
    return made


def build(kind: str, seed: int = 0, **changes: object) -> transformers.PreTrainedModel:
    """Return a random model; wide enough weights that its choices vary with what it reads."""
    name, own = ARCHITECTURES[kind]
    sizes = {
        "vocab_size": len(SPECIAL) + 256,
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    config = getattr(transformers, name)(**{**sizes, **own, **changes})
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(seed)
        return transformers.AutoModelForCausalLM.from_config(config).eval()


def save(folder: Path, kind: str = "llama", template: str | None = TEMPLATE, **changes: object) -> str:
    """Save a model with its tokenizer and return the folder."""
    build(kind, **changes).save_pretrained(folder)
    tokenizer(template).save_pretrained(folder)
    return str(folder)
