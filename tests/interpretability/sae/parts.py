"""What tests of sparse dictionaries share: random dictionaries, small worlds and dialogs of known words."""

from __future__ import annotations

import torch

from sdialog.interpretability.sae import (
    Crosscoder,
    Passage,
    SAEConfig,
    SparseAutoencoder,
    TrainingConfig,
    Transcoder,
)

ARCHITECTURES = ("standard", "gated", "topk", "batchtopk", "jumprelu")
WITH_K = ("topk", "batchtopk")

# What finds the planted features of a small world, with room to spare.
QUICK = {
    "standard": TrainingConfig(steps=600, learning_rate=4e-3, sparsity=3, sparsity_warm_up=50, warm_up=20),
    "gated": TrainingConfig(steps=1200, learning_rate=5e-3, sparsity=3, sparsity_warm_up=50, warm_up=20),
    "topk": TrainingConfig(steps=800, learning_rate=4e-3, warm_up=20, dead_after=5000),
    "batchtopk": TrainingConfig(steps=1200, learning_rate=4e-3, warm_up=20, dead_after=5000),
    "jumprelu": TrainingConfig(
        steps=1000,
        learning_rate=5e-3,
        sparsity=1,
        sparsity_warm_up=50,
        warm_up=20,
        bandwidth=0.5,
        threshold_start=0.5,
    ),
}
SMALL = {"features": 40, "d": 32, "active": 2.0}


def small_config(architecture: str, **changes) -> SAEConfig:
    k = 3 if architecture in WITH_K else None
    return SAEConfig(32, 80, architecture, k=k, **{"normalisation": "expected_norm", **changes})


def random_sae(architecture: str = "standard", d_in: int = 6, d_sae: int = 10, seed: int = 0, **changes):
    """Return a dictionary with random weights."""
    k = 3 if architecture in WITH_K else None
    config = SAEConfig(d_in, d_sae, architecture, k=k, **changes)
    draw = torch.Generator().manual_seed(seed)
    weights = {
        "W_enc": torch.randn(config.width_in, d_sae, generator=draw),
        "W_dec": torch.randn(d_sae, config.width_out, generator=draw),
        "b_dec": torch.randn(config.width_out, generator=draw),
    }
    names = ("b_gate", "b_mag", "r_mag") if architecture == "gated" else ("b_enc",)
    weights |= {name: torch.randn(d_sae, generator=draw) for name in names}
    if architecture == "jumprelu":
        weights["threshold"] = torch.rand(d_sae, generator=draw)
    if architecture == "batchtopk":
        weights["threshold"] = torch.tensor(0.8)
    if config.normalisation == "expected_norm":
        weights["scale"] = 0.5 + torch.rand(config.layers, generator=draw)
        if config.kind == "transcoder":
            weights["scale_out"] = torch.tensor([3.0])
    kinds = {"sae": SparseAutoencoder, "transcoder": Transcoder, "crosscoder": Crosscoder}
    return kinds[config.kind](config, weights)


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


WORDS = ["the ", "refund ", "please ", "hello ", "card ", "thanks "]


def identity_sae(d: int = 6) -> SparseAutoencoder:
    zeros = torch.zeros(d)
    return SparseAutoencoder(
        SAEConfig(d, d, "standard"), {"W_enc": torch.eye(d), "W_dec": torch.eye(d), "b_enc": zeros, "b_dec": zeros}
    )


def dialogs(n: int = 60, length: int = 30, seed: int = 0) -> list[Passage]:
    """Return passages of random words; feature w is active on word w, the more so the later it comes."""
    draw = torch.Generator().manual_seed(seed)
    made = []
    for number in range(n):
        words = torch.randint(0, 5, (length,), generator=draw)
        strength = 0.5 + torch.arange(length) / length + 0.01 * torch.rand(length, generator=draw)
        values = torch.nn.functional.one_hot(words, 6) * strength.unsqueeze(-1)
        made.append(Passage([WORDS[word] for word in words], values, f"d{number}"))
    return made
