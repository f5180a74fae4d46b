"""The arithmetic of sparse dictionaries, on plain tensors: normalisation, features, and what is learned through them.

All activations here are of shape (..., layers * width): a crosscoder's layers lie side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch

from sdialog.core.errors import UserError
from sdialog.interpretability.sae.config import SAEConfig

Weights = Mapping[str, torch.Tensor]
_SMALL = 1e-5


class Normalised(NamedTuple):
    """Normalised activations, and what undoes it: x = values * spread + centre, a layer at a time."""

    values: torch.Tensor
    centre: torch.Tensor | None
    spread: torch.Tensor | None


def normalise(x: torch.Tensor, config: SAEConfig, scale: torch.Tensor | None) -> Normalised:
    """Normalise activations as the configuration says; ``scale`` has a factor a layer, for ``expected_norm``."""
    if config.normalisation == "none":
        return Normalised(x, None, None)
    rows = x.unflatten(-1, (config.layers, -1))
    centre = None
    if config.normalisation == "expected_norm":
        if scale is None:
            raise UserError("expected_norm has no factor yet: train, or set it with estimate_scale(activations)")
        spread = (1 / scale).unsqueeze(-1)
    elif config.normalisation == "token_norm":
        spread = rows.norm(dim=-1, keepdim=True).clamp_min(_SMALL) / rows.shape[-1] ** 0.5
    else:
        centre = rows.mean(dim=-1, keepdim=True)
        spread = (rows - centre).square().mean(dim=-1, keepdim=True).sqrt() + _SMALL
    values = (rows if centre is None else rows - centre) / spread
    return Normalised(values.flatten(-2), centre, spread)


def undo(values: torch.Tensor, how: Normalised, layers: int) -> torch.Tensor:
    """Return normalised activations as they were."""
    if how.spread is None:
        return values
    rows = values.unflatten(-1, (layers, -1)) * how.spread
    return (rows if how.centre is None else rows + how.centre).flatten(-2)


def scale_of(x: torch.Tensor, layers: int) -> torch.Tensor:
    """Return the factors, one a layer, that make the mean length of activations the root of their width."""
    rows = x.unflatten(-1, (layers, -1)).reshape(-1, layers, x.shape[-1] // layers)
    mean = rows.norm(dim=-1).mean(dim=0)
    if not bool((mean > 0).all()):
        raise UserError("all activations are zero, which no factor can scale; check the site that was recorded")
    return rows.shape[-1] ** 0.5 / mean


def projected(weights: Weights, config: SAEConfig, x: torch.Tensor) -> torch.Tensor:
    """Return the encoder's products with normalised activations, without its bias."""
    if config.decoder_bias_on_input:
        x = x - weights["b_dec"]
    return x @ weights["W_enc"]


def largest(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return values with all but the k largest of each row set to 0."""
    found = values.topk(k, dim=-1, sorted=False)
    return torch.zeros_like(values).scatter(-1, found.indices, found.values)


def largest_of_batch(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return values with all but the k * rows largest of all set to 0."""
    rows = values.reshape(-1, values.shape[-1])
    return largest(rows.reshape(1, -1), k * len(rows)).reshape(values.shape)


def gates(weights: Weights, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pre-activations of the gates of a gated dictionary, and its magnitudes."""
    magnitude = torch.relu(raw * weights["r_mag"].exp() + weights["b_mag"])
    return raw + weights["b_gate"], magnitude


def features(weights: Weights, config: SAEConfig, x: torch.Tensor) -> torch.Tensor:
    """Return the features of normalised activations, as a finished dictionary computes them."""
    raw = projected(weights, config, x)
    if config.architecture == "gated":
        gate, magnitude = gates(weights, raw)
        return magnitude * (gate > 0)
    pre = raw + weights["b_enc"]
    positive = torch.relu(pre)
    if config.architecture == "standard":
        return positive
    if config.architecture == "topk":
        return largest(positive, config.k or 1)
    return positive * (pre > weights["threshold"])


def rebuilt(weights: Weights, found: torch.Tensor) -> torch.Tensor:
    """Return normalised activations rebuilt from features."""
    return found @ weights["W_dec"] + weights["b_dec"]


def row_lengths(decoder: torch.Tensor, layers: int) -> torch.Tensor:
    """Return for each feature the length of its decoder row, summed over layers."""
    return decoder.unflatten(-1, (layers, -1)).norm(dim=-1).sum(dim=-1)


def jump(pre: torch.Tensor, threshold: torch.Tensor, bandwidth: float) -> torch.Tensor:
    """Return JumpReLU with its straight-through gradient to the threshold.

    Rajamanoharan et al. (2024b): value ``z H(z - t)``; gradient ``H(z - t)`` to z and ``-(t / e) K((z - t) / e)`` to
    t, where K is the rectangle of width and area 1 and e the bandwidth.

    Example:
        >>> t = torch.tensor(1.0, requires_grad=True)
        >>> jump(torch.tensor([0.5, 1.01, 3.0]), t, 0.1).sum().backward()
        >>> t.grad
        tensor(-10.)
    """
    over = (pre > threshold).to(pre.dtype)
    slope = -threshold.detach() / bandwidth * _kernel(pre, threshold, bandwidth)
    return torch.relu(pre) * over + _attached(slope, threshold)


def count_over(pre: torch.Tensor, threshold: torch.Tensor, bandwidth: float) -> torch.Tensor:
    """Return ``H(z - t)`` with the straight-through gradient ``-(1 / e) K((z - t) / e)`` to t, and none to z."""
    over = (pre.detach() > threshold).to(pre.dtype)
    return over + _attached(-_kernel(pre, threshold, bandwidth) / bandwidth, threshold)


def _kernel(pre: torch.Tensor, threshold: torch.Tensor, bandwidth: float) -> torch.Tensor:
    return ((pre.detach() - threshold.detach()).abs() < bandwidth / 2).to(pre.dtype)


def _attached(slope: torch.Tensor, variable: torch.Tensor) -> torch.Tensor:
    """Return zeros whose gradient to the variable is the slope."""
    return slope * (variable - variable.detach())
