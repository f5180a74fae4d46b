"""Runs of training: interrupted and continued, checkpoints, seeds, batches, the log."""

from __future__ import annotations

import json
import math

import pytest
import torch
from interpretability.sae.parts import (
    ARCHITECTURES,
    SMALL,
    normal,
    small_config,
)
from interpretability.sparse_worlds import sparse_world

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.sae import (
    ActivationBatches,
    SAEConfig,
    TrainingConfig,
    TrainingLog,
    train,
)


class StoppedError(Exception):
    """Breaks a training off."""


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [*((name, "sae") for name in ARCHITECTURES), ("topk", "transcoder"), ("standard", "crosscoder")],
)
def test_an_interrupted_training_ends_in_the_same_bytes(architecture, kind, tmp_path):
    world = sparse_world(1000, **SMALL)
    if kind == "crosscoder":
        config = SAEConfig(16, 40, architecture, kind=kind, layers=2, normalisation="expected_norm")
        batches = ActivationBatches(world.values.unflatten(-1, (2, 16)), 128, seed=4)
    elif kind == "transcoder":
        config = SAEConfig(32, 80, architecture, k=3, kind=kind, d_out=40, normalisation="expected_norm")
        batches = ActivationBatches(world.values, 128, target=world.amounts, seed=4)
    else:
        config, batches = small_config(architecture), ActivationBatches(world.values, 128, seed=4)
    training = TrainingConfig(
        steps=60,
        learning_rate=5e-3,
        sparsity=2,
        dead_after=300,
        resample_every=14 if architecture in ("standard", "gated") else 0,
        log_every=10,
        checkpoint_every=7,
        warm_up=5,
    )

    def stop(entry):
        if entry.step == 30:
            raise StoppedError

    whole = train(batches, config, training, seed=2)
    with pytest.raises(StoppedError):
        train(batches, config, training, seed=2, folder=tmp_path / "run", progress=stop)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
    seen = []
    resumed = train(batches, config, training, seed=2, folder=tmp_path / "run", progress=seen.append)
    assert [entry.step for entry in seen] == [30, 40, 50, 60], "the last checkpoint was at step 28"
    assert resumed.log == whole.log
    one, two = (made.sae.save(tmp_path / name) for name, made in (("one", whole), ("two", resumed)))
    assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()
    again = train(batches, config, training, seed=2, folder=tmp_path / "run", progress=seen.append)
    assert again.log == whole.log, "a finished training is read"
    assert len(seen) == 4


def test_a_training_goes_on_where_a_run_through_the_data_ended(tmp_path):
    batches = ActivationBatches(sparse_world(500, **SMALL).values, 100)
    training = TrainingConfig(steps=15, checkpoint_every=5, log_every=1)

    def stop(entry):
        if entry.step == 11:
            raise StoppedError

    whole = train(batches, small_config("topk"), training, seed=0)
    with pytest.raises(StoppedError):
        train(batches, small_config("topk"), training, seed=0, folder=tmp_path, progress=stop)
    seen = []
    resumed = train(batches, small_config("topk"), training, seed=0, folder=tmp_path, progress=seen.append)
    assert [entry.step for entry in seen] == [11, 12, 13, 14, 15] and resumed.log == whole.log
    fewer = ActivationBatches(batches.values[:400], 100)
    with pytest.raises(StoppedError):
        train(batches, small_config("topk"), training, seed=0, folder=tmp_path / "short", progress=stop)
    with pytest.raises(UserError, match="there are 4 batches of activations, but 5 were seen"):
        train(fewer, small_config("topk"), training, seed=0, folder=tmp_path / "short")


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    world = sparse_world(500, **SMALL)
    batches, training = ActivationBatches(world.values, 100), TrainingConfig(steps=3)
    train(batches, small_config("topk"), training, seed=0, folder=tmp_path)
    with pytest.raises(ConfigError, match="its seed differs"):
        train(batches, small_config("topk"), training, seed=1, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"its training \(learning_rate\) differs"):
        train(batches, small_config("topk"), TrainingConfig(steps=3, learning_rate=1), seed=0, folder=tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not a checkpoint"):
        train(batches, small_config("topk"), training, seed=0, folder=tmp_path)


def test_seeds_decide_and_global_generators_do_not():
    batches = ActivationBatches(sparse_world(500, **SMALL).values, 100)
    made = []
    for seed in (0, 0, 1):
        torch.rand(3)
        made.append(train(batches, small_config("topk"), TrainingConfig(steps=5), seed=seed).sae.weights["W_enc"])
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_training_says_what_is_wrong_with_activations():
    values, config, training = sparse_world(100, **SMALL).values, small_config("topk"), TrainingConfig(steps=9)
    for wrong, said in (
        (iter([values]), "again and again"),
        (values, "again and again"),
        ([], "there are 0 batches"),
        ([values[:, :5]], r"shape \(n, 32\), not \(100, 5\)"),
        ([values * math.nan], "not finite"),
        ([0 * values], "all activations are zero"),
    ):
        with pytest.raises(UserError, match=said):
            train(wrong, config, training, seed=0)
    with pytest.raises(UserError, match="lower the learning rate"):
        train(
            [1e3 * values],
            small_config("standard", normalisation="none"),
            TrainingConfig(steps=500, learning_rate=1e20),
            seed=0,
        )
    with pytest.raises(UserError, match="pairs"):
        train([values], SAEConfig(32, 40, k=2, kind="transcoder"), training, seed=0)
    with pytest.raises(ConfigError, match="an anchor is a direction of width 32"):
        train([values], config, training, seed=0, anchors={0: [1.0]})


def test_batches_are_in_another_order_each_run_and_all_there():
    batches = ActivationBatches(torch.arange(10.0).unsqueeze(-1), 3, seed=1)
    runs = [[x for batch in batches.epoch(number) for x in batch.flatten().tolist()] for number in (0, 1, 0)]
    assert runs[0] == runs[2] != runs[1]
    assert sorted(runs[0]) == sorted(runs[1]) == list(range(10))
    assert len(batches) == 4
    with pytest.raises(UserError, match="3 activations and 2 targets"):
        ActivationBatches(normal(3, 2), 1, target=normal(2, 2))


def test_the_log_is_typed_shown_and_drawn():
    batches = ActivationBatches(sparse_world(500, **SMALL).values, 100)
    log = train(batches, small_config("gated"), TrainingConfig(steps=25, log_every=10), seed=0).log
    assert [entry.step for entry in log] == [10, 20, 25]
    assert log[-1].tokens == 2500
    assert log[0].loss == pytest.approx(log[0].squared_error + log[0].penalty + log[0].auxiliary)
    assert TrainingLog.from_json(json.loads(json.dumps(log.json()))) == log
    assert len(log.table().splitlines()) == 4
    assert len(log.plot().axes) == 3
    with pytest.raises(UnknownNameError):
        log.plot(["lose"])
