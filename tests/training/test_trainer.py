"""The trainer's parts: the fused forward pass, the optimizer, the schedule, and a short run that learns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training import tokenizer as tokenizers
from training.encode import batches
from training.make import PACKED
from training.network import Trunk, pool_heads
from training.optimizer import Muon
from training.trainer import KEY_HEADS, Options, learning_rate, new_model

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_fused_forward_pass_is_the_stock_one():
    model = new_model(tokenizers.load(PACKED)).eval()
    ids = torch.randint(8, 3000, (2, 70), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        assert torch.allclose(Trunk(model)(ids), model.model(ids).last_hidden_state, atol=1e-5)


def test_averaging_heads_that_are_alike_changes_nothing():
    weights = new_model(tokenizers.load(PACKED)).state_dict()
    width = 192 // 6
    many = dict(weights)
    for name, weight in weights.items():
        if ".k_proj." in name or ".v_proj." in name:
            many[name] = weight.view(KEY_HEADS, width, -1).repeat_interleave(6 // KEY_HEADS, 0).reshape(192, -1)
    pooled = pool_heads(many, heads=6, key_heads=KEY_HEADS)
    assert pooled.keys() == weights.keys()
    assert all(torch.allclose(pooled[name], weight) for name, weight in weights.items())


def test_muon_fits_matrices_of_both_shapes():
    generator = torch.Generator().manual_seed(3)
    goals = [torch.randn(6, 4, generator=generator), torch.randn(4, 6, generator=generator)]
    matrices = [torch.zeros_like(goal, requires_grad=True) for goal in goals]
    optimizer = Muon(matrices, lr=0.05)

    def distance() -> torch.Tensor:
        return sum(((m - g) ** 2).sum() for m, g in zip(matrices, goals, strict=True))

    start = distance().item()
    for _ in range(150):
        for matrix in matrices:
            matrix.grad = None
        distance().backward()
        optimizer.step()
    assert distance().item() < start / 10


def test_the_rate_warms_up_holds_and_falls():
    options = Options(Path(), Path(), None, 1, 1e-3, 1, 0, 1, decay_from=0.5, warmup=10)
    assert learning_rate(0, 0.0, options) == pytest.approx(0.1)
    assert learning_rate(50, 0.4, options) == 1
    assert learning_rate(50, 0.75, options) == pytest.approx(0.5)
    assert learning_rate(50, 1.0, options) == pytest.approx(0.01)


def test_batches_keep_to_their_size():
    import random

    stream = batches(tokenizers.load(PACKED).backend_tokenizer, random.Random(1), tokens=2048, pool=24)
    for _ in range(6):
        batch = next(stream)
        assert batch.ids.numel() <= 2048 or batch.ids.shape[0] <= 2
        assert batch.ids.shape == batch.labels.shape == batch.values.shape


@pytest.mark.slow
def test_a_short_run_writes_a_model_that_loads(tmp_path):
    command = [sys.executable, "-m", "training.trainer", "--out", str(tmp_path / "run"), "--tokenizer", str(PACKED),
               "--warm-start", str(PACKED), "--minutes", "0.02", "--tokens", "600", "--plain"]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, timeout=120)
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "final", dtype=torch.float32)
    assert model.config.vocab_size == len(tokenizers.load(tmp_path / "run" / "final"))
    assert "DONE steps" in (tmp_path / "run.0.log").read_text()
