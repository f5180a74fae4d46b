"""What is minimised in training a sparse dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch

from sdialog.interpretability.sae import _codes
from sdialog.interpretability.sae.config import SAEConfig, TrainingConfig


class Loss(NamedTuple):
    """The parts of a loss, each with its weight; ``features`` are detached."""

    squared_error: torch.Tensor
    penalty: torch.Tensor
    auxiliary: torch.Tensor
    anchoring: torch.Tensor
    features: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """Their sum."""
        return self.squared_error + self.penalty + self.auxiliary + self.anchoring


def loss(
    weights: Mapping[str, torch.Tensor],
    config: SAEConfig,
    training: TrainingConfig,
    batch: tuple[torch.Tensor, torch.Tensor],
    weight: float,
    dead: torch.Tensor,
    anchors: Mapping[int, torch.Tensor],
) -> Loss:
    """Return the loss of a batch.

    Args:
        weights: what is learned.
        config: the dictionary.
        training: how it is trained.
        batch: normalised activations, and what is to be rebuilt.
        weight: of the sparsity penalty at this step.
        dead: which features are dead.
        anchors: unit directions by feature.
    """
    x, target = batch
    raw = _codes.projected(weights, config, x)
    none = x.new_zeros(())
    auxiliary = none
    if config.architecture == "gated":
        found, penalty, auxiliary = _gated(weights, config, raw, target, weight)
    else:
        pre = raw + weights["b_enc"]
        found, penalty = _sparse(weights, config, training, pre, weight)
    rebuilt = _codes.rebuilt(weights, found)
    if config.k is not None and training.auxiliary and bool(dead.any()):
        auxiliary = training.auxiliary * _dead_loss(weights, pre, (target - rebuilt).detach(), dead)
    anchoring = training.anchor_strength * _anchor_loss(weights, config, anchors) if anchors else none
    return Loss(_squared(rebuilt, target), penalty, auxiliary, anchoring, found.detach())


def _squared(rebuilt: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (rebuilt - target).square().sum(dim=-1).mean()


def _sparse(
    weights: Mapping[str, torch.Tensor],
    config: SAEConfig,
    training: TrainingConfig,
    pre: torch.Tensor,
    weight: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features and penalty of an ungated dictionary."""
    none = pre.new_zeros(())
    if config.architecture == "jumprelu":
        threshold = weights["log_threshold"].exp()
        found = _codes.jump(pre, threshold, training.bandwidth)
        return found, weight * _codes.count_over(pre, threshold, training.bandwidth).sum(dim=-1).mean()
    positive = torch.relu(pre)
    if config.architecture == "topk":
        return _codes.largest(positive, config.k or 1), none
    if config.architecture == "batchtopk":
        return _codes.largest_of_batch(positive, config.k or 1), none
    return positive, weight * _weighed(weights, config, positive)


def _gated(
    weights: Mapping[str, torch.Tensor], config: SAEConfig, raw: torch.Tensor, target: torch.Tensor, weight: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return features, penalty and the loss that trains the gates, which pass no gradient themselves."""
    gate, magnitude = _codes.gates(weights, raw)
    opened = torch.relu(gate)
    frozen = {name: weights[name].detach() for name in ("W_dec", "b_dec")}
    return magnitude * (gate > 0), weight * _weighed(weights, config, opened), _squared(
        _codes.rebuilt(frozen, opened), target
    )  # fmt: skip


def _weighed(weights: Mapping[str, torch.Tensor], config: SAEConfig, found: torch.Tensor) -> torch.Tensor:
    """Return the L1 norm of features, weighed with decoder lengths where these are free or of several layers."""
    if config.decoder_norm == "unit" and config.layers == 1:
        return found.sum(dim=-1).mean()
    return (found @ _codes.row_lengths(weights["W_dec"], config.layers)).mean()


def _dead_loss(
    weights: Mapping[str, torch.Tensor], pre: torch.Tensor, rest: torch.Tensor, dead: torch.Tensor
) -> torch.Tensor:
    """Return how badly the dead features that are nearest to being active explain the rest (Gao et al., 2024)."""
    count = int(dead.sum())
    # Half of the width, as in the paper; fewer dead features cannot explain as much and weigh less.
    wanted = max(1, rest.shape[-1] // 2)
    found = _codes.largest(torch.relu(pre[..., dead]), min(wanted, count))
    return min(1.0, count / wanted) * _squared(found @ weights["W_dec"][dead], rest)


def _anchor_loss(
    weights: Mapping[str, torch.Tensor], config: SAEConfig, anchors: Mapping[int, torch.Tensor]
) -> torch.Tensor:
    places = list(anchors)
    aims = torch.stack([anchors[place] for place in places])
    held = (weights["W_dec"][places] - aims).square().sum()
    if config.kind != "transcoder":
        held = held + (weights["W_enc"][:, places].T - aims).square().sum()
    return held
