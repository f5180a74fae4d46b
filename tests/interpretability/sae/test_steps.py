"""Single steps of training: gates, dead features, resampling, thresholds."""

from __future__ import annotations

import pytest
import torch
from interpretability.sae.parts import (
    SMALL,
    small_config,
)
from interpretability.sparse_worlds import sparse_world

from sdialog.interpretability.sae import (
    TrainingConfig,
)
from sdialog.interpretability.sae._batches import Batch
from sdialog.interpretability.sae._losses import loss
from sdialog.interpretability.sae._trainer import Trainer


def trainer_of(architecture: str, training: TrainingConfig, **changes) -> tuple[Trainer, list[Batch]]:
    """Return a training before its first step, and two batches for it."""
    trainer = Trainer(small_config(architecture, **changes), training, 0, {}, torch.device("cpu"))
    values = sparse_world(400, **SMALL).values
    batches = [Batch(part, part, 0, number) for number, part in enumerate(values.split(200), start=1)]
    trainer.estimate(batches)
    return trainer, batches


def test_the_gates_learn_through_a_decoder_that_does_not():
    """Rajamanoharan et al. (2024a): the auxiliary loss passes the decoder without changing it."""
    training = TrainingConfig()
    trainer, batches = trainer_of("gated", training, normalisation="none")
    pair = batches[0].read, batches[0].target
    dead = torch.zeros(80, dtype=torch.bool)
    loss(trainer.weights, trainer.config, training, pair, 1.0, dead, {}).auxiliary.backward()
    assert trainer.weights["W_dec"].grad is None
    assert float(trainer.weights["b_gate"].grad.abs().sum()) > 0
    assert trainer.weights["r_mag"].grad is None


def test_dead_features_explain_what_is_left_and_living_ones_do_not_move_for_them():
    training = TrainingConfig()
    trainer, batches = trainer_of("topk", training, normalisation="none")
    dead = torch.arange(80) >= 60
    pair = batches[0].read, batches[0].target
    loss(trainer.weights, trainer.config, training, pair, 1.0, dead, {}).auxiliary.backward()
    lengths = trainer.weights["W_dec"].grad.norm(dim=-1)
    assert float(lengths[:60].max()) == 0
    assert float(lengths[60:].min()) > 0


def test_steps_do_not_go_along_decoder_rows():
    trainer, batches = trainer_of("topk", TrainingConfig())
    before = trainer.weights["W_dec"].detach().clone()
    trainer.make_step(batches[0])
    along = (trainer.weights["W_dec"].grad * before).sum(dim=-1)
    assert float(along.abs().max()) < 1e-4 < float(trainer.weights["W_dec"].grad.norm(dim=-1).max())


def test_resampled_features_are_forgotten_by_the_optimiser():
    training = TrainingConfig(steps=4, dead_after=200, resample_every=1, sparsity=5)
    trainer, batches = trainer_of("standard", training)
    with torch.no_grad():
        trainer.weights["b_enc"][:20] = -100.0
        for name in trainer.weights:  # what Adam would remember of earlier steps
            ones = torch.ones_like(trainer.weights[name])
            trainer.adam.state[trainer.weights[name]] = {"step": torch.tensor(5.0), "exp_avg": ones, "exp_avg_sq": ones}
    assert trainer.make_step(batches[0]).resampled == 20
    for name, rows in (("W_enc", trainer.weights["W_enc"].T), ("W_dec", trainer.weights["W_dec"])):
        kept = trainer.adam.state[trainer.weights[name]]["exp_avg"]
        kept = kept.T if name == "W_enc" else kept
        assert float(kept[:20].abs().max()) == 0 < float(kept[20:].abs().min())
        lengths = rows.detach().norm(dim=-1)
        expected = 1.0 if name == "W_dec" else 0.2 * float(lengths[20:].mean())
        assert torch.allclose(lengths[:20], torch.full((20,), expected), rtol=1e-4)
    assert float(trainer.weights["b_enc"].detach()[:20].abs().max()) == 0


def test_the_threshold_is_a_running_mean_of_the_smallest_features():
    trainer, batches = trainer_of("batchtopk", TrainingConfig(learning_rate=1e-12), normalisation="none")
    start = {name: value.detach().clone() for name, value in trainer.weights.items()}
    smallest = []
    for batch in batches:
        pre = (batch.read - start["b_dec"]) @ start["W_enc"] + start["b_enc"]
        smallest.append(float(torch.relu(pre).flatten().sort(descending=True).values[3 * 200 - 1]))
        trainer.make_step(batch)
    assert smallest[0] != pytest.approx(smallest[1])
    assert float(trainer.threshold) == pytest.approx(0.99 * smallest[0] + 0.01 * smallest[1], rel=1e-4)
