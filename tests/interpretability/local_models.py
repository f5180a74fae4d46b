"""Folders with tiny random models of several families and a tokenizer, for backends to load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends import tiny_models
from interpretability import tiny

from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.sync import run
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message

FAMILIES = ("llama", "qwen2", "qwen3", "gemma2", "gpt2", "gpt_neox")
VOCABULARY = len(tiny_models.SPECIAL) + 256


def save(folder: Path, family: str) -> str:
    """Save a model of a family with a byte-level tokenizer and return the folder."""
    sizes = {"vocab_size": VOCABULARY, "bos_token_id": None, "eos_token_id": 1}
    longest = "n_positions" if family == "gpt2" else "max_position_embeddings"
    tiny.build(family, **{**sizes, longest: 512}).save_pretrained(folder)
    tiny_models.tokenizer().save_pretrained(folder)
    return str(folder)


def ask(text: str, *plans: Any, seed: int = 0, length: int = 10, **options: Any) -> GenerateRequest:
    """Return a request of a user's text."""
    config = GenerateConfig(max_tokens=length, seed=seed, temperature=options.pop("temperature", 0.8))
    return GenerateRequest((Message("user", text),), config, interventions=plans, **options)


def answers(backend: HuggingFaceBackend, *requests: GenerateRequest) -> list[GenerateResult]:
    """Return the results of requests that run together; none may fail."""
    results = run(backend.generate(requests))
    assert not [str(result.error) for result in results if result.error]
    return results
