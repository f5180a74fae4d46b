"""Training finds planted features: each architecture, transcoders, crosscoders, hierarchies."""

from __future__ import annotations

import pytest
import torch
from interpretability.sae.parts import (
    ARCHITECTURES,
    QUICK,
    SMALL,
    WITH_K,
    normal,
    small_config,
)
from interpretability.sparse_worlds import family_world, sparse_world

from sdialog.core.errors import ConfigError
from sdialog.interpretability.sae import (
    ActivationBatches,
    Crosscoder,
    SAEConfig,
    TrainingConfig,
    Transcoder,
    absorption,
    measure,
    recovery,
    train,
)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_finds_the_features_of_a_small_world(architecture):
    world = sparse_world(8000, **SMALL)
    batches = ActivationBatches(world.values, 256, seed=1)
    trained = train(batches, small_config(architecture), QUICK[architecture], seed=0)
    found = recovery(trained.sae, world.directions)
    report = measure(trained.sae, [sparse_world(4000, **SMALL, sample=1).values])
    assert found.found_matched >= 0.9
    assert report.l0 < 6
    assert report.unexplained < 0.3
    lengths = trained.sae.weights["W_dec"].norm(dim=-1)
    assert torch.allclose(lengths, torch.ones(80), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", WITH_K)
def test_training_finds_the_features_of_an_overcomplete_world(architecture):
    """128 features in 64 dimensions, four at a time, with noise; and not in a dictionary that was not trained."""
    world = sparse_world(60_000)
    config = SAEConfig(64, 256, architecture, k=4, normalisation="expected_norm")
    training = TrainingConfig(steps=2500, learning_rate=3e-3, warm_up=50, dead_after=20_000)
    start = train(
        [world.values[:512]], config, TrainingConfig(steps=1, learning_rate=1e-9), seed=0
    )  # fmt: skip
    trained = train(ActivationBatches(world.values, 512, seed=1), config, training, seed=0)
    assert recovery(start.sae, world.directions).found == 0
    assert recovery(trained.sae, world.directions).found_matched >= 0.95
    report = measure(trained.sae, [sparse_world(8000, sample=1).values])
    assert report.l0 == pytest.approx(4, abs=0.3)
    assert report.unexplained < 0.2


def test_a_threshold_does_at_inference_what_the_batch_did_in_training():
    world = sparse_world(8000, **SMALL)
    training = TrainingConfig(steps=600, learning_rate=3e-3, dead_after=5000)
    sae = train(ActivationBatches(world.values, 256, seed=1), small_config("batchtopk"), training, seed=0).sae
    assert sae.weights["threshold"].ndim == 0
    features = sae.encode(sparse_world(8000, **SMALL, sample=1).values)
    per_token = (features > 0).sum(dim=-1).float()
    assert float(per_token.mean()) == pytest.approx(3, abs=0.3)
    assert float(per_token.std()) > 0.5, "tokens share the batch's features unequally"
    alone, among = sae.encode(world.values[:1]), sae.encode(world.values[:9])[:1]
    assert torch.allclose(alone, among, atol=1e-5), "no token depends on others"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_with_expected_norm_the_size_of_activations_does_not_matter(architecture):
    world = sparse_world(2000, **SMALL)
    training = TrainingConfig(steps=40, learning_rate=3e-3)
    made = [
        train(ActivationBatches(size * world.values, 250), small_config(architecture), training, seed=3).sae
        for size in (1.0, 1024.0)  # a power of two, so that every digit is the same
    ]
    x = world.values[:100]
    assert torch.equal(made[0].encode(x), made[1].encode(1024 * x))
    assert torch.equal(1024 * made[0](x), made[1](1024 * x))


def test_resampling_revives_dead_features():
    world = sparse_world(8000, **SMALL)
    config = small_config("standard", decoder_bias_on_input=False)
    batches = ActivationBatches(world.values, 256, seed=1)
    found = {}
    for every in (0, 150):
        # A learning rate as large as this kills features.
        training = TrainingConfig(
            steps=600,
            learning_rate=4e-2,
            sparsity=5,
            dead_after=4000,
            resample_every=every,
            log_every=50,
            decay=0.5,
        )
        trained = train(batches, config, training, seed=0)
        found[every] = recovery(trained.sae, world.directions).found
        by_step = {entry.step: entry for entry in trained.log}
        if every:
            assert by_step[150].resampled == round(80 * by_step[150].dead)
            assert by_step[200].dead < by_step[150].dead - 0.2
            assert not any(entry.resampled for entry in trained.log if entry.step > 300)
        else:
            assert by_step[600].dead > 0.8
    assert found[150] >= found[0] + 0.1


def test_dead_gates_are_resampled_too():
    world = sparse_world(4000, **SMALL)
    found = {}
    for every in (0, 50):
        # A learning rate as large as this kills features.
        training = TrainingConfig(
            steps=400, learning_rate=4e-2, sparsity=5, dead_after=1500, resample_every=every, log_every=50, decay=0.5
        )
        trained = train(ActivationBatches(world.values, 256, seed=1), small_config("gated"), training, seed=0)
        found[every] = recovery(trained.sae, world.directions).found
        by_step = {entry.step: entry for entry in trained.log}
        if every:
            assert by_step[50].resampled == pytest.approx(80 * by_step[50].dead, abs=4)
        assert (sum(entry.resampled for entry in trained.log) > 0) == (every > 0)
    assert found[50] > found[0] + 0.05


@pytest.mark.parametrize("architecture", ["topk", "batchtopk", "jumprelu"])
def test_resampling_is_refused_where_it_is_not_done(architecture):
    with pytest.raises(ConfigError, match="leave resample_every at 0, or choose standard or gated"):
        train([torch.zeros(4, 32)], small_config(architecture), TrainingConfig(resample_every=10), seed=0)


def test_the_auxiliary_loss_keeps_features_alive_and_finds_more():
    world = sparse_world(20_000)
    dead, found = {}, {}
    for auxiliary in (0.0, 1 / 32):
        # A learning rate as large as this kills features that are needed.
        training = TrainingConfig(steps=500, learning_rate=2e-2, dead_after=2000, auxiliary=auxiliary)
        config = SAEConfig(64, 160, "topk", k=4, normalisation="expected_norm")
        trained = train(ActivationBatches(world.values, 256, seed=1), config, training, seed=0)
        dead[auxiliary], found[auxiliary] = (
            trained.log[-1].dead,
            recovery(trained.sae, world.directions).found_matched,
        )
    assert dead[1 / 32] < dead[0.0] - 0.03
    assert found[1 / 32] > found[0.0] + 0.05


def test_a_transcoder_learns_what_features_write_elsewhere():
    world = sparse_world(8000, **SMALL)
    draw = torch.Generator().manual_seed(5)
    written = torch.nn.functional.normalize(torch.randn(40, 16, generator=draw), dim=-1)
    config = SAEConfig(32, 80, k=3, kind="transcoder", d_out=16, normalisation="expected_norm")
    batches = ActivationBatches(world.values, 256, target=world.amounts @ written, seed=1)
    sae = train(batches, config, TrainingConfig(steps=1000, learning_rate=4e-3, dead_after=5000), seed=0).sae
    assert isinstance(sae, Transcoder)
    assert recovery(sae, written).found >= 0.85
    other = sparse_world(4000, **SMALL, sample=1)
    assert measure(sae, [(other.values, other.amounts @ written)]).unexplained < 0.2


def test_a_crosscoder_tells_in_which_layers_a_feature_is():
    world = sparse_world(8000, **SMALL, noise=0.0)
    there = torch.ones(40, 3)
    there[20:30], there[30:] = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0])
    vectors = torch.stack([world.directions.roll(by, 1) for by in (0, 3, 7)], 1) * there.unsqueeze(-1)
    values = torch.einsum("nf,fld->nld", world.amounts, vectors) + 0.01 * normal(8000, 3, 32)
    config = SAEConfig(32, 80, k=3, kind="crosscoder", layers=3, normalisation="expected_norm")
    sae = train(ActivationBatches(values, 256, seed=1), config, QUICK["topk"], seed=0).sae
    assert isinstance(sae, Crosscoder)
    assert sae(values[:2]).shape == (2, 3, 32)
    found = recovery(sae, vectors.flatten(1))
    assert found.found_matched >= 0.9
    shares = sae.layer_shares[[place for place in found.partners if place is not None]]
    assert torch.allclose(shares[:20].mean(dim=0), torch.full((3,), 1 / 3), atol=0.1)
    assert float(shares[20:30, 0].mean()) > 0.8
    assert float(shares[30:, 2].mean()) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sparsity_alone_gives_parents_to_their_children_and_anchors_do_not(seed):
    """Perfect reconstruction does not mean that the features are found: a child swallows its parent."""
    world, other = family_world(40_000, seed=seed), family_world(6000, seed=seed, sample=1)
    training = TrainingConfig(steps=2500, learning_rate=3e-3, sparsity=0.1, sparsity_warm_up=125, warm_up=50)
    recall, absorbed, children = {}, {}, {}
    for anchored in (False, True):
        anchors = {place: world.directions[place] for place in range(8)} if anchored else None
        batches = ActivationBatches(world.values, 512, seed=seed)
        sae = train(batches, SAEConfig(48, 96, "standard"), training, seed=seed, anchors=anchors).sae
        assert measure(sae, [other.values]).unexplained <= 0.01
        best = recovery(sae, world.directions).best
        assert min(best[:8]) > 0.9
        recall[anchored], absorbed[anchored], children[anchored] = [], [], sum(best[8:]) / 32
        for parent in range(8):
            with_parent = other.amounts[:, parent] > 0
            with_child = (other.amounts[:, 8 + 4 * parent : 12 + 4 * parent] > 0).any(dim=1)
            found = absorption(sae, other.values, with_parent.tolist(), direction=world.directions[parent])
            active = sae.encode(other.values)[:, found.mains[0]] > 0
            assert float(active[with_parent & ~with_child].float().mean()) > 0.9
            recall[anchored].append(float(active[with_child].float().mean()))
            absorbed[anchored].append(found.absorbed)
    assert max(recall[False]) <= 0.1 < 0.9 <= min(recall[True])
    assert min(absorbed[False]) >= 0.6 > 0.1 >= max(absorbed[True])
    # Only parents are anchored; their children are found all the same.
    assert children[False] < 0.8 < 0.9 < children[True]
