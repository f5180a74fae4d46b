"""Trains the embedded model on the CPU: ``torchrun --nproc-per-node 2 -m training.trainer --out DIR``."""

from __future__ import annotations

import argparse
import os
import queue
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training import tokenizer as tokenizers
from training.encode import IGNORE, Batch, batches, encode, pack
from training.network import CONTEXT, Trunk, pool_heads
from training.optimizer import Muon
from training.rows import dialog_row, drill_row, interview_row, list_row

VALUE_WEIGHT = 2.0
# A third of the query heads: reading keys and values is most of a step when many dialogs run together.
KEY_HEADS = 2
CHECKS = {
    "dialog": (dialog_row, 40),
    "interview": (interview_row, 20),
    "drill": (drill_row, 40),
    "list": (list_row, 12),
}


@dataclass(frozen=True)
class Options:
    """What one run of training is given."""

    out: Path
    tokenizer: Path
    start: Path | None
    minutes: float
    lr: float
    tokens: int
    seed: int
    every: float
    decay_from: float
    warmup: int
    plain: bool = False


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return an untrained model of the embedded size."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=KEY_HEADS,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
            rope_theta=10000.0,
            initializer_range=0.02,
        )
    )


def start_model(tokenizer: PreTrainedTokenizerFast, start: Path | None) -> LlamaForCausalLM:
    """Return a new model, or the one in ``start`` moved to this tokenizer and number of key heads."""
    model = new_model(tokenizer)
    if start is None:
        return model
    old = LlamaForCausalLM.from_pretrained(str(start), dtype=torch.float32)
    table = old.get_input_embeddings().weight.detach()
    known = tokenizers.load(start)
    moved = table if known.get_vocab() == tokenizer.get_vocab() else tokenizers.transplant(known, table, tokenizer)
    weights = {k: v for k, v in old.state_dict().items() if "embed_tokens" not in k and "lm_head" not in k}
    if old.config.num_key_value_heads != KEY_HEADS:
        weights = pool_heads(weights, old.config.num_key_value_heads, KEY_HEADS)
    model.load_state_dict(weights, strict=False)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(moved)
    return model


def check(model: LlamaForCausalLM, trunk: Trunk, rows: dict[str, list[Batch]]) -> str:
    """Return loss and share of wholly right value spans on held-out rows, teacher forced."""
    parts = []
    with torch.no_grad():
        for name, packs in rows.items():
            loss, count, right, spans = 0.0, 0, 0, 0
            for batch in packs:
                labels, values = batch.labels[:, 1:], batch.values[:, 1:]
                own = labels != IGNORE
                logits = model.lm_head(trunk(batch.ids)[:, :-1][own])
                loss += F.cross_entropy(logits, labels[own], reduction="sum").item()
                count += int(own.sum())
                hits = torch.zeros_like(own)
                hits[own] = logits.argmax(-1) == labels[own]
                for marks, line in zip(values, hits, strict=True):
                    outcome = list(_spans(marks.tolist(), line.tolist()))
                    right, spans = right + sum(outcome), spans + len(outcome)
            parts.append(f"{name}: loss {loss / count:.3f} spans {100 * right / max(1, spans):.1f}% of {spans}")
    return " ".join(parts)


def _spans(marks: list[float], hits: list[bool]) -> Iterator[bool]:
    """Yield for each run of value tokens whether all of them were predicted."""
    current: bool | None = None
    for mark, hit in zip([*marks, 0.0], [*hits, False], strict=True):
        if mark:
            current = hit if current is None else current and hit
        elif current is not None:
            yield current
            current = None


def learning_rate(step: int, share: float, options: Options) -> float:
    """Warm up, hold, then fall linearly to 1 %: a factor for the step size at ``share`` of the time."""
    warm = min(1.0, (step + 1) / options.warmup)
    if share < options.decay_from:
        return warm
    return max(0.01, warm * (1 - share) / (1 - options.decay_from))


class Run:
    """One rank's part of a training run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ranks = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.ranks > 1:
            dist.init_process_group("gloo")
        torch.manual_seed(options.seed)
        self.tokenizer = tokenizers.load(options.tokenizer)
        self.model = start_model(self.tokenizer, options.start)
        self.trunk = Trunk(self.model)
        torch._dynamo.config.cache_size_limit = 32
        self.compiled = self.trunk if options.plain else torch.compile(self.trunk, dynamic=True)
        self.optimizers = self._optimizers()
        self.queue: queue.Queue[Batch] = queue.Queue(maxsize=8)
        self.log = (options.out.parent / f"{options.out.name}.{self.rank}.log").open("w")
        self.tokens = self.step = 0
        self.mean: tuple[float, float] | None = None

    def _optimizers(self) -> list[Muon | torch.optim.Optimizer]:
        named = list(self.model.named_parameters())
        matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name and "lm_head" not in name]
        chosen = {id(p) for p in matrices}
        rest = [p for _, p in named if id(p) not in chosen]
        lr = self.options.lr
        return [Muon(matrices, lr), torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)]

    def _produce(self) -> None:
        rng = random.Random(1000 + self.options.seed + 7919 * self.rank)
        for batch in batches(self.tokenizer.backend_tokenizer, rng, self.options.tokens):
            self.queue.put(batch)

    def _held_out(self) -> dict[str, list[Batch]]:
        rng = random.Random(424242)
        core = self.tokenizer.backend_tokenizer
        out = {}
        for name, (draw, count) in CHECKS.items():
            rows = sorted((encode(core, draw(rng)) for _ in range(count)), key=lambda row: len(row.ids))
            out[name] = [pack(rows[n : n + 12]) for n in range(0, count, 12)]
        return out

    def train(self) -> None:
        """Train for the given minutes; rank 0 logs, checks and saves."""
        threading.Thread(target=self._produce, daemon=True).start()
        held_out = self._held_out() if self.rank == 0 else {}
        begin = saved = checked = time.time()
        while (share := self._share(begin)) < 1:
            self._learn(share)
            if self.step % 25 == 0:
                self._report(begin)
            now = time.time()
            if self.rank == 0 and now - checked > 150:
                self._print(f"CHECK t {now - begin:.0f}s tok {self.tokens} {check(self.model, self.trunk, held_out)}")
                checked = time.time()
            if self.rank == 0 and now - saved > 60 * self.options.every:
                self.save(self.options.out / f"at-{(now - begin) / 60:03.0f}")
                saved = time.time()
        if self.rank == 0:
            self.save(self.options.out / "final")
            self._print(f"CHECK final tok {self.tokens} {check(self.model, self.trunk, held_out)}")
            self._print(f"DONE steps {self.step} tokens {self.tokens} seconds {time.time() - begin:.0f}")

    def _share(self, begin: float) -> float:
        """Return the share of the time that is spent, the same on every rank."""
        elapsed = torch.tensor([(time.time() - begin) / (60 * self.options.minutes)])
        if self.ranks > 1:
            dist.broadcast(elapsed, 0)
        return float(elapsed)

    def _learn(self, share: float) -> None:
        batch = self.queue.get()
        factor = learning_rate(self.step, share, self.options)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.options.lr * factor
        labels = batch.labels[:, 1:]
        own = labels != IGNORE
        values = batch.values[:, 1:][own] > 0
        weights = torch.where(values, VALUE_WEIGHT, 1.0)
        losses = F.cross_entropy(
            self.model.lm_head(self.compiled(batch.ids)[:, :-1][own]), labels[own], reduction="none"
        )
        ((losses * weights).sum() / weights.sum()).backward()
        plain = losses.detach()
        self._share_gradients(
            torch.tensor(
                [float(batch.tokens), plain.mean().item(), plain[values].mean().item() if values.any() else 0.0]
            )
        )
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.model.zero_grad(set_to_none=True)
        self.step += 1

    def _share_gradients(self, numbers: Tensor) -> None:
        """Average the gradients over the ranks and keep running means of the losses."""
        if self.ranks > 1:
            gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
            flat = torch.cat([*(g.reshape(-1) for g in gradients), numbers])
            dist.all_reduce(flat)
            start = 0
            for gradient in gradients:
                gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient) / self.ranks)
                start += gradient.numel()
            numbers = flat[start:]
        self.tokens += int(numbers[0])
        loss, value = float(numbers[1]) / self.ranks, float(numbers[2]) / self.ranks
        old = self.mean or (loss, value)
        self.mean = 0.97 * old[0] + 0.03 * loss, 0.97 * old[1] + 0.03 * value

    def _print(self, line: str) -> None:
        print(line, file=self.log, flush=True)

    def _report(self, begin: float) -> None:
        seconds = time.time() - begin
        loss, value = self.mean or (0.0, 0.0)
        self._print(
            f"step {self.step} t {seconds:.0f}s tok {self.tokens} loss {loss:.4f} value-loss {value:.4f} "
            f"tok/s {self.tokens / seconds:.0f}"
        )

    def save(self, path: Path) -> None:
        """Write the model in bfloat16 and its tokenizer."""
        save(self.model, self.tokenizer, path)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """Write a copy of the model in bfloat16, with the tokenizer, chat template and generation settings."""
    copy = LlamaForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.generation_config.eos_token_id = 1
    copy.generation_config.pad_token_id = 0
    copy.generation_config.max_new_tokens = 72
    copy.save_pretrained(str(path))
    tokenizer.save_pretrained(str(path))


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the final model")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder of the tokenizer")
    parser.add_argument("--warm-start", dest="start", type=Path, help="folder of a model to start from")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--lr", type=float, default=2.5e-3)
    parser.add_argument("--tokens", type=int, default=3072, help="padded tokens per rank and step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=8, help="minutes between checkpoints")
    parser.add_argument("--decay-from", type=float, default=0.1, help="share of the time after which the rate falls")
    parser.add_argument("--warmup", type=int, default=20, help="steps of warm-up")
    parser.add_argument("--plain", action="store_true", help="do not compile: starts at once, runs slower")
    options = Options(**vars(parser.parse_args()))
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    Run(options).train()
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
