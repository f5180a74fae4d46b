"""What is measured of sparse dictionaries."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from interpretability.sae.parts import (
    normal,
    random_sae,
)

from sdialog.core.errors import UserError
from sdialog.interpretability.sae import (
    SAEConfig,
    SparseAutoencoder,
    absorption,
    co_occurrence,
    loss_recovered,
    measure,
    recovery,
)


def test_measures_are_what_they_say():
    sae, x = random_sae("jumprelu"), normal(101, 6) + 100
    features, rebuilt = sae.encode(x).double(), sae(x).double()
    report = measure(sae, [x[:40], x[40:]])
    y = x.double()
    fvu = float(((y - rebuilt) ** 2).sum() / ((y - y.mean(dim=0)) ** 2).sum())
    assert report.unexplained == pytest.approx(fvu, rel=1e-5)
    assert report.explained == pytest.approx(1 - fvu, rel=1e-5)
    assert report.mse == pytest.approx(float(((y - rebuilt) ** 2).mean()), rel=1e-5)
    assert report.cosine == pytest.approx(float(torch.cosine_similarity(y, rebuilt).mean()), rel=1e-5)
    assert report.l0 == pytest.approx(float((features > 0).double().sum(dim=-1).mean()))
    assert report.l1 == pytest.approx(float(features.sum(dim=-1).mean()), rel=1e-5)
    assert report.dead == pytest.approx(float((features == 0).all(dim=0).double().mean()))
    assert report.densities == pytest.approx((features > 0).double().mean(dim=0).tolist())
    assert sum(count for _, count in report.histogram()) == sum(density > 0 for density in report.densities)
    assert report.tokens == 101
    assert json.loads(json.dumps(report.json()))["tokens"] == 101
    assert "unexplained" in report.table()
    assert report.plot().axes
    with pytest.raises(UserError, match="no activations"):
        measure(sae, [])
    assert measure(sae, [x[:1]]).unexplained is None, "one activation has no variance"


def test_the_loss_recovered_is_the_share_of_the_ablations_harm():
    """A model whose loss is the distance from its own activations, so that each number is known."""
    texts = [normal(4, 6, seed=seed) for seed in range(30)]
    sae = random_sae("standard")

    def loss(edit):
        return [float(((x if edit is None else edit(x)) - x).square().mean()) + 1.0 for x in texts]

    eye = torch.eye(6)
    weights = {"W_enc": torch.cat([eye, -eye], 1), "W_dec": torch.cat([eye, -eye]), "b_enc": torch.zeros(12)}
    perfect = SparseAutoencoder(SAEConfig(6, 12, "standard"), {**weights, "b_dec": torch.zeros(6)})
    found = loss_recovered(perfect, loss)
    assert (found.original, found.rebuilt, found.texts) == (1.0, pytest.approx(1.0), 30)
    assert found.recovered == pytest.approx(1.0)
    nothing = SparseAutoencoder(perfect.config, {**perfect.weights, "W_dec": torch.zeros(12, 6)})
    assert loss_recovered(nothing, loss).recovered == pytest.approx(0.0)
    half = SparseAutoencoder(perfect.config, {**perfect.weights, "W_dec": 0.5 * perfect.weights["W_dec"]})
    found = loss_recovered(half, loss)
    assert found.recovered == pytest.approx(0.75)
    assert found.interval is not None
    assert found.json()["interval"]["level"] == 0.95
    average = torch.cat(texts).mean(dim=0)
    assert loss_recovered(half, loss, ablation="mean", average=average).ablated < found.ablated
    with pytest.raises(UserError, match="needs an average"):
        loss_recovered(sae, loss, ablation="mean")
    with pytest.raises(UserError, match="one loss a text"):
        loss_recovered(sae, lambda edit: [])


def test_recovery_matches_one_to_one_and_names_splits_and_compositions():
    eye = torch.eye(4)
    learned = torch.stack([eye[0], eye[0] + 0.1 * eye[3], eye[1] + eye[2], -eye[3]])
    found = recovery(learned, eye)
    assert found.best == pytest.approx((1, math.sqrt(0.5), math.sqrt(0.5), 0.1 / math.sqrt(1.01)), abs=1e-6)
    assert found.found == 0.25
    assert found.split == {0: (0, 1)}
    assert found.composed == {2: (1, 2)}
    assert len(set(found.partners)) == 4
    few = recovery(eye[:2], eye)
    assert few.partners == (0, 1, None, None)
    assert few.matched == (1, 1, 0, 0)
    assert few.mean_max_cosine == pytest.approx(0.5)
    assert json.loads(json.dumps(few.json()))["found_matched"] == 0.5
    with pytest.raises(UserError, match="width"):
        recovery(eye, torch.eye(3))


@given(st.permutations(range(6)))
def test_recovery_does_not_depend_on_the_order_of_features(order):
    truth = normal(6, 8)
    found = recovery(3.0 * truth[list(order)], truth)
    assert found.matched == pytest.approx([1.0] * 6)
    assert [order[place] for place in found.partners] == list(range(6))


def test_absorption_sees_who_took_over():
    """Concept 0 is written by feature 0 except where concept 1 is there, too: then feature 1 writes both."""
    weights = {"W_enc": torch.tensor([[1.0, 0], [-5.0, 1.0], [0, 0]]), "b_enc": torch.zeros(2)}
    weights |= {"W_dec": torch.tensor([[1.0, 0, 0], [1.0, 1.0, 0]]), "b_dec": torch.zeros(3)}
    sae = SparseAutoencoder(SAEConfig(3, 2, "standard"), weights)
    alone, both, other = [1.0, 0, 0], [1.0, 1.0, 0], [0, 0, 1.0]
    found = absorption(sae, [alone] * 6 + [both] * 2 + [other] * 8, [True] * 8 + [False] * 8, direction=[1.0, 0, 0])
    assert found.mains == (0,)
    assert (found.positives, found.missed, found.absorbed, found.absorbers) == (8, 0.25, 0.25, ((1, 2),))
    both_mains = absorption(sae, [alone, both, other], [True, True, False], mains=(0, 1))
    assert (both_mains.missed, both_mains.absorbed) == (0, 0)
    assert found.json()["absorbers"] == [[1, 2]]
    with pytest.raises(UserError, match="with it and without it"):
        absorption(sae, [alone], [True])
    with pytest.raises(UserError, match="to be of width 3, not 2"):
        absorption(sae, [alone, other], [True, False], direction=[1.0, 0])
    coder = random_sae("standard", kind="transcoder", d_out=5)
    with pytest.raises(UserError, match="needs the direction"):
        absorption(coder, normal(2, 6), [True, False])
    stacked = random_sae("standard", kind="crosscoder", layers=2)
    assert absorption(stacked, normal(9, 2, 6), [True] * 4 + [False] * 5).positives == 4


def test_co_occurrence_counts():
    eye = torch.eye(3)
    config = SAEConfig(3, 3, "standard")
    zeros = torch.zeros(3)
    sae = SparseAutoencoder(config, {"W_enc": eye, "W_dec": eye, "b_enc": zeros, "b_dec": zeros})
    found = co_occurrence(sae, [[[1.0, 1, 0], [1, 0, 0]], [[1.0, 1, 0], [0, 0, 0]]])
    assert found.tokens == 4
    assert found.counts.tolist() == [[3, 2, 0], [2, 2, 0], [0, 0, 0]]
    assert found.jaccard()[0, 1] == pytest.approx(2 / 3)
    assert found.pmi()[0, 1] == pytest.approx(math.log2(2 * 4 / (3 * 2)))
    assert float(found.pmi()[0, 2]) == -math.inf
    assert found.neighbours(0) == ((1, pytest.approx(2 / 3)),)
    assert found.neighbours(2) == ()
    assert co_occurrence(sae, [[[1.0, 1, 0]]], features=[1, 0]).features == (1, 0)
    assert found.json()["counts"][0] == [3, 2, 0]
    with pytest.raises(UserError, match="not counted"):
        found.neighbours(7)
    with pytest.raises(UserError, match="features from 0 to 2, not 3"):
        co_occurrence(sae, [], features=[3])
