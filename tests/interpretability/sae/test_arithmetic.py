"""What each architecture computes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from interpretability.sae.parts import (
    ARCHITECTURES,
    normal,
    random_sae,
)

from sdialog.core.errors import ConfigError, UnsupportedFeatureError, UserError
from sdialog.interpretability.sae import (
    Crosscoder,
    SAEConfig,
    SparseAutoencoder,
)
from sdialog.interpretability.sae._codes import count_over, jump, largest, largest_of_batch


def test_each_architecture_computes_its_formula():
    x = normal(50, 6)
    for architecture in ARCHITECTURES:
        sae = random_sae(architecture)
        w = sae.weights
        raw = (x - w["b_dec"]) @ w["W_enc"]
        if architecture == "gated":
            expected = ((raw + w["b_gate"]) > 0) * torch.relu(raw * w["r_mag"].exp() + w["b_mag"])
        else:
            pre = raw + w["b_enc"]
            expected = torch.relu(pre)
            if architecture == "topk":
                expected = torch.where(pre >= pre.sort(dim=-1).values[:, -3:-2], expected, 0)
            elif architecture != "standard":
                expected = torch.where(pre > w["threshold"], expected, 0)
        assert torch.equal(sae.encode(x), expected), architecture
        assert torch.allclose(sae(x), expected @ w["W_dec"] + w["b_dec"], atol=1e-5)
        assert torch.equal(sae.decode(sae.encode(x)), sae(x))


def test_topk_has_exactly_k_features():
    sae = random_sae("topk", d_in=16, d_sae=200)
    assert set((sae.encode(normal(300, 16)) > 0).sum(dim=-1).tolist()) == {3}


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 6))
def test_selection_keeps_the_largest_and_as_many_as_asked(seed, k, rows):
    values = torch.rand(rows, 12, generator=torch.Generator().manual_seed(seed)) + 0.1
    kept = largest(values, k)
    assert ((kept > 0).sum(dim=-1) == k).all()
    assert torch.allclose(kept.sum(dim=-1), values.sort(dim=-1, descending=True).values[:, :k].sum(dim=-1))
    of_batch = largest_of_batch(values, k)
    assert int((of_batch > 0).sum()) == k * rows
    dropped = values[of_batch == 0]
    assert not len(dropped) or float(dropped.max()) <= float(of_batch[of_batch > 0].min())


def test_jumprelu_gradients_are_those_of_the_expected_loss():
    """The straight-through estimate against central differences of the mean over four million normal draws."""
    z = torch.randn(4_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for at in (0.4, 1.0):

        def expected(threshold: float) -> float:
            out = torch.where(z > threshold, z, 0.0)
            return float(((out - 0.7 * z) ** 2).mean() + 0.3 * (z > threshold).double().mean())

        difference = (expected(at + 0.02) - expected(at - 0.02)) / 0.04
        threshold = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        loss = ((jump(z, threshold, 0.04) - 0.7 * z) ** 2).mean() + 0.3 * count_over(z, threshold, 0.04).mean()
        loss.backward()
        density = math.exp(-(at**2) / 2) / math.sqrt(2 * math.pi)
        exact = density * (0.4 * at**2 - 0.3)
        assert float(loss.detach()) == pytest.approx(expected(at))
        assert float(threshold.grad) == pytest.approx(exact, abs=0.004)
        assert difference == pytest.approx(exact, abs=0.004)


def test_jumprelu_passes_gradients_to_active_features_only():
    z = torch.tensor([0.2, 0.9, 1.1, 5.0], requires_grad=True)
    threshold = torch.tensor(1.0)
    (jump(z, threshold, 0.5).sum() + count_over(z, threshold, 0.5).sum()).backward()
    assert z.grad.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("normalisation", ["none", "expected_norm", "layer_norm", "token_norm"])
def test_normalisation_is_undone(normalisation):
    """A dictionary that is the identity on its normalised inputs gives its inputs back."""
    config = SAEConfig(4, 8, "standard", normalisation=normalisation)
    eye = torch.eye(4)
    weights = {"W_enc": torch.cat([eye, -eye], 1), "W_dec": torch.cat([eye, -eye]), "b_enc": torch.zeros(8)}
    weights["b_dec"] = torch.zeros(4)
    if normalisation == "expected_norm":
        weights["scale"] = torch.tensor([0.25])
    sae = SparseAutoencoder(config, weights)
    x = 5 * normal(20, 4) + 3
    assert torch.allclose(sae(x), x, atol=1e-5)
    features = sae.encode(x)
    if normalisation == "layer_norm":
        assert torch.allclose(sae.encode(7 * x + 2), features, atol=1e-4)
    if normalisation == "token_norm":
        assert torch.allclose(features.norm(dim=-1), torch.full((20,), 2.0), atol=1e-5)
        assert torch.allclose(sae.encode(7 * x), features, atol=1e-5)
    if normalisation in ("layer_norm", "token_norm"):
        with pytest.raises(UserError, match="undone with the activations"):
            sae.decode(features)
        with pytest.raises(UnsupportedFeatureError, match="differs from token to token"):
            sae.folded()
    assert torch.allclose(sae.decode(features, x), x, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["sae", "transcoder", "crosscoder"])
def test_folding_the_normalisation_changes_nothing(architecture, kind):
    more = {"transcoder": {"d_out": 5}, "crosscoder": {"layers": 3}}.get(kind, {})
    sae = random_sae(architecture, kind=kind, normalisation="expected_norm", **more)
    x = normal(30, 3, 6) if kind == "crosscoder" else normal(30, 6)
    folded = sae.folded()
    assert folded.config.normalisation == "none"
    assert torch.allclose(folded.encode(x), sae.encode(x), atol=1e-4)
    assert torch.allclose(folded(x), sae(x), atol=1e-4)
    assert torch.allclose(folded.feature_vectors, sae.feature_vectors, atol=1e-6)
    unit = torch.zeros(sae.config.d_sae)
    unit[2] = 1.0
    assert torch.allclose(sae.decode(unit) - sae.decode(0 * unit), sae.feature_vectors[2], atol=1e-5)


def test_expected_norm_makes_the_mean_length_the_root_of_the_width():
    sae = random_sae("standard", normalisation="expected_norm")
    del sae.weights["scale"]
    with pytest.raises(UserError, match="estimate_scale"):
        sae.encode(normal(5, 6))
    x = 9 * normal(500, 6)
    scale = sae.estimate_scale(x).weights["scale"]
    assert float((x * scale).norm(dim=-1).mean()) == pytest.approx(math.sqrt(6), rel=1e-5)
    with pytest.raises(UnsupportedFeatureError):
        random_sae("standard").estimate_scale(x)


def test_what_does_not_fit_is_refused():
    sae = random_sae("standard")
    with pytest.raises(UserError, match=r"reads activations of shape \(..., 6\), not \(2, 5\)"):
        sae.encode(normal(2, 5))
    with pytest.raises(UserError, match="has 10 features, not 9"):
        sae.decode(normal(2, 9))
    with pytest.raises(ConfigError, match="lack b_enc and have b_mag too many"):
        SparseAutoencoder(sae.config, {"b_mag" if n == "b_enc" else n: w for n, w in sae.weights.items()})
    with pytest.raises(ConfigError, match="W_dec must be of shape"):
        SparseAutoencoder(sae.config, {**sae.weights, "W_dec": torch.zeros(6, 10)})
    with pytest.raises(ConfigError, match="of the kind crosscoder, not sae"):
        Crosscoder(sae.config, sae.weights)


def test_gradients_pass_through_a_dictionary():
    x = normal(4, 6).requires_grad_()
    random_sae("jumprelu")(x).sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_to_changes_device_and_dtype_of_a_copy():
    sae = random_sae("batchtopk")
    half = sae.to(dtype="bfloat16")
    assert half.weights["W_enc"].dtype == torch.bfloat16
    assert sae.weights["W_enc"].dtype == torch.float32
    assert half.encode(normal(3, 6)).dtype == torch.bfloat16
