"""Giving dead features a new start where inputs are rebuilt badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sdialog.core.seeds import derive_seed
from sdialog.interpretability.sae import _codes

if TYPE_CHECKING:
    from sdialog.interpretability.sae._trainer import Trainer

_LENGTH = 0.2
# What is learned of each feature, with the axis along which features lie.
_OF_A_FEATURE = {"W_enc": 1, "W_dec": 0, "b_enc": 0, "b_gate": 0, "b_mag": 0, "r_mag": 0}


def resample(trainer: Trainer, read: torch.Tensor, target: torch.Tensor) -> int:
    """Point dead features of ``standard`` and ``gated`` at inputs of a batch drawn by the square of their error.

    Bricken et al. (2023): the decoder row gets the input's direction at length 1, the encoder column the same at a
    fifth of the mean length of the living ones, and the optimiser forgets what it knew of the feature. Biases and
    gates of the feature are 0 again, as at the start.

    Returns:
        How many features started anew.
    """
    with torch.no_grad():
        config, weights = trainer.config, trainer.weights
        dead = (trainer.silent >= trainer.training.dead_after).nonzero().flatten()
        if not len(dead):
            return 0
        error = (_codes.rebuilt(weights, trainer.features(read)) - target).square().sum(dim=-1)
        draw = torch.Generator().manual_seed(derive_seed(trainer.seed, "resample", trainer.step))
        # On the CPU, so that a device draws what another one draws.
        odds = error.square().double().cpu()
        odds = odds / odds.sum() if float(odds.sum()) > 0 else torch.ones_like(odds)
        chosen = torch.multinomial(odds, len(dead), replacement=True, generator=draw).to(read.device)
        living = torch.ones(config.d_sae, dtype=torch.bool, device=read.device)
        living[dead] = False
        lengths = weights["W_enc"][:, living].norm(dim=0)
        length = _LENGTH * float(lengths.mean()) if len(lengths) else 1.0
        inward = read[chosen] - (weights["b_dec"] if config.decoder_bias_on_input else 0)
        weights["W_enc"][:, dead] = (_unit(inward) * length).T
        weights["W_dec"][dead] = _unit(target[chosen] - weights["b_dec"])
        for name, axis in _OF_A_FEATURE.items():
            if name not in weights:
                continue
            if weights[name].ndim == 1:
                weights[name][dead] = 0
            for kept in ("exp_avg", "exp_avg_sq"):
                trainer.adam.state[weights[name]][kept].index_fill_(axis, dead, 0)
        trainer.silent[dead] = 0
        return len(dead)


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return rows / rows.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
