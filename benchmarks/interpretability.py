"""What does it cost to look into a model while it writes, and to steer it?

Batches of 32 requests are answered plainly, with captures of one site and of every layer, and with 32 steering
strengths; the ways take turns, and the median of the ratios to the plain batch beside each is told. Steering of the
prompt has no bound: the prompts begin alike, and what is computed once of plain ones is then different in each row.
Once with the embedded model, and once with a random Llama of 100 million parameters.

Run ``python -m benchmarks.interpretability``; prints a table and writes ``runs/benchmarks/interpretability.json``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report import Row, report
from sdialog.backends.embedded import EmbeddedBackend
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.sync import run
from sdialog.interpretability import Edit, Plan, Read
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

ROWS = 32
LIMITS = {"one site captured": 1.10, "every resid_post captured": 1.35, "32 strengths of steering": 1.15}


def requests(length: int, plan: Callable[[int], Sequence[Plan]]) -> list[GenerateRequest]:
    """Return a batch; greedy, so that all ways write about as much."""
    told = "Hello, I ordered a blue lamp, and it has not arrived. Could you look it up for me, please?"
    return [
        GenerateRequest(
            (Message("system", "You are Ava, a support agent."), Message("user", f"{told} My number is {1000 + row}.")),
            GenerateConfig(temperature=0.8, seed=row, max_tokens=length),
            interventions=tuple(plan(row)),
        )
        for row in range(ROWS)
    ]


def ways(backend: HuggingFaceBackend) -> dict[str, Callable[[int], Sequence[Plan]]]:
    """Return what is done to each row, by name."""
    config = backend.network().model.config
    middle = config.num_hidden_layers // 2
    site = f"layers.{middle}.resid_post"
    # So small that what is written, and so the work, stays the same.
    push = [1e-6] * config.hidden_size
    one, every = Plan([Read(site)]), Plan([Read("layers.*.resid_post")])
    return {
        "plain again": lambda row: (),
        "one site captured": lambda row: (one,),
        "every resid_post captured": lambda row: (every,),
        "32 strengths of steering": lambda row: (
            Plan(edits=[Edit(site, "add", push, strength=row / ROWS, span="choices")]),
        ),
        "32 strengths, prompt and all": lambda row: (Plan(edits=[Edit(site, "add", push, strength=row / ROWS)]),),
    }


def seconds_a_token(backend: HuggingFaceBackend, length: int, plan: Callable[[int], Sequence[Plan]]) -> float:
    """Answer a batch and return the time it took for each token."""
    asked = requests(length, plan)
    start = time.perf_counter()
    results = run(backend.generate(asked))
    taken = time.perf_counter() - start
    assert not any(result.error for result in results), results[0].error
    return taken / sum(result.usage.output_tokens for result in results)


def ratios(backend: HuggingFaceBackend, length: int, rounds: int) -> dict[str, float]:
    """Return how many times as long each way takes as the plain way."""
    found: dict[str, list[float]] = {}
    todo = ways(backend)
    seconds_a_token(backend, length, lambda row: ())
    for _ in range(rounds):
        for name, plan in todo.items():
            before = seconds_a_token(backend, length, lambda row: ())
            own = seconds_a_token(backend, length, plan)
            after = seconds_a_token(backend, length, lambda row: ())
            found.setdefault(name, []).append(2 * own / (before + after))
    return {name: statistics.median(values) for name, values in found.items()}


def random_llama(folder: Path) -> str:
    """Save a random Llama of about 100 million parameters, with the embedded model's tokenizer."""
    import torch
    import transformers

    tokenizer = EmbeddedBackend().network().tokenizer
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=768, intermediate_size=2048, num_hidden_layers=14,
        num_attention_heads=12, num_key_value_heads=12, max_position_embeddings=1024, eos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = {
        f"embedded:mini: {name}": ratio for name, ratio in ratios(EmbeddedBackend(), 48, 3 * options.rounds).items()
    }
    with tempfile.TemporaryDirectory() as folder:
        large = HuggingFaceBackend(random_llama(Path(folder)), dtype="float32", device="cpu")
        found |= {f"random Llama, 100 M: {name}": r for name, r in ratios(large, 24, options.rounds).items()}
    most = {name: LIMITS.get(name.split(": ")[1]) for name in found}
    rows = [
        Row(f"{name}, times as long", ratio, None if most[name] is None else f"at most {most[name]:g}")
        for name, ratio in found.items()
    ]
    met = all(ratio <= limit for name, ratio in found.items() if (limit := most[name]) is not None)
    return report("interpretability", rows, met, **vars(options))


if __name__ == "__main__":
    raise SystemExit(main())
