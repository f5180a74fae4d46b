"""Muon for the matrices, spread over the ranks (Jordan et al., "Muon: an optimizer for hidden layers", 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class Muon:
    """Momentum whose update is made orthogonal by five Newton-Schulz steps.

    Matrices of one shape are handled in one batch; with several ranks each takes a share and sends the result round.

    Args:
        parameters: matrices to train.
        lr: step size, in units of the update's root mean square (about that of AdamW).
        decay: weight decay per step, times the step size.
        momentum: share of the running mean kept.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, decay: float = 0.01, momentum: float = 0.95) -> None:
        self.param_groups: list[dict[str, Any]] = [{"lr": lr}]
        self.decay, self.momentum = decay, momentum
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.ranks = dist.get_world_size() if dist.is_initialized() else 1
        self.groups: dict[tuple[int, int], list[Tensor]] = {}
        for matrix in parameters:
            self.groups.setdefault((min(matrix.shape), max(matrix.shape)), []).append(matrix)
        self.means = {shape: torch.zeros(len(self._share(group)), *shape) for shape, group in self.groups.items()}

    def _share(self, group: list[Tensor], rank: int | None = None) -> list[Tensor]:
        return group[self.rank if rank is None else rank :: self.ranks]

    @torch.no_grad()
    def step(self) -> None:
        """Update every matrix from its gradient."""
        lr = self.param_groups[0]["lr"]
        for shape, group in self.groups.items():
            own = self._share(group)
            if own:
                self._update(own, self.means[shape], max(shape), lr)
            for rank in range(self.ranks if self.ranks > 1 else 0):
                _broadcast(self._share(group, rank), rank)

    def _update(self, matrices: list[Tensor], mean: Tensor, longest: int, lr: float) -> None:
        gradient = torch.stack([_wide(m.grad) for m in matrices if m.grad is not None])
        mean.lerp_(gradient, 1 - self.momentum)
        x = gradient.lerp(mean, self.momentum)
        x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
        for _ in range(5):
            square = x @ x.mT
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
        x = x * (0.2 * longest**0.5)
        for matrix, update in zip(matrices, x, strict=True):
            turned = update if matrix.shape[0] <= matrix.shape[1] else update.T
            matrix.mul_(1 - lr * self.decay).add_(turned, alpha=-lr)


def _wide(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T


def _broadcast(matrices: list[Tensor], source: int) -> None:
    """Give every rank the matrices that ``source`` has just updated."""
    if not matrices:
        return
    flat = torch.cat([m.reshape(-1) for m in matrices])
    dist.broadcast(flat, source)
    start = 0
    for matrix in matrices:
        matrix.copy_(flat[start : start + matrix.numel()].view_as(matrix))
        start += matrix.numel()
