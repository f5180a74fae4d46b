"""Activations as training reads them: batches that can be gone through again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch

from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.sae.config import SAEConfig


class Batch(NamedTuple):
    """One batch: what is read, what is to be rebuilt, and where in the run through the data it was."""

    read: torch.Tensor
    target: torch.Tensor
    epoch: int
    place: int


class ActivationBatches:
    """Activations in memory, cut into batches in another order in each run through them.

    Args:
        values: activations (n, d_in), of a crosscoder (n, layers, d_in).
        size: activations a batch; the last batch of a run may have fewer.
        target: what a transcoder is to predict from them (n, d_out).
        seed: seed of the orders.

    Raises:
        UserError: if there is nothing, the size is below 1, or there is not one target an activation.

    Example:
        >>> batches = ActivationBatches([[0.0], [1.0], [2.0]], size=2, seed=1)
        >>> [len(batch) for batch in batches], sorted(x for batch in batches.epoch(7) for x in batch.flatten().tolist())
        ([2, 1], [0.0, 1.0, 2.0])
    """

    def __init__(self, values: Any, size: int, *, target: Any = None, seed: int = 0) -> None:
        self.values = torch.as_tensor(values)
        self.target = None if target is None else torch.as_tensor(target)
        if not len(self.values) or size < 1:
            raise UserError(f"batches need activations and a size of at least 1, not {len(self.values)} and {size}")
        if self.target is not None and len(self.target) != len(self.values):
            raise UserError(f"there are {len(self.values)} activations and {len(self.target)} targets")
        self.size, self.seed = size, seed

    def __len__(self) -> int:
        return -(-len(self.values) // self.size)

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(0)

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of the run of that number, from 0: tensors, or pairs of them with a target."""
        draw = torch.Generator().manual_seed(derive_seed(self.seed, "order", number))
        order = torch.randperm(len(self.values), generator=draw)
        for chosen in order.split(self.size):
            yield self.values[chosen] if self.target is None else (self.values[chosen], self.target[chosen])


def stream(
    activations: Iterable[Any], config: SAEConfig, device: torch.device, epoch: int = 0, skip: int = 0
) -> Iterator[Batch]:
    """Yield batches without end, beginning after the first ``skip`` batches of the run ``epoch``.

    Raises:
        UserError: if the batches cannot be gone through again, are none, or do not fit the dictionary.
    """
    if hasattr(activations, "ndim") or iter(activations) is activations:
        raise UserError(
            "training goes through the activations again and again and needs them as a list of batches, "
            "ActivationBatches(values, size), or another object that can be iterated anew"
        )
    while True:
        seen = 0
        run = activations.epoch(epoch) if hasattr(activations, "epoch") else activations
        for found in run:
            seen += 1
            if seen > skip:
                yield Batch(*read_batch(found, config, device), epoch, seen)
        # As many as were seen: the checkpoint was written at the end of a run through them, and the next one begins.
        if seen < skip or not seen:
            raise UserError(
                f"there are {seen} batches of activations"
                + (f", but {skip} were seen before the checkpoint: these are not the same activations" if skip else "")
            )
        epoch, skip = epoch + 1, 0


def read_batch(found: Any, config: SAEConfig, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch as two float matrices, the layers of a crosscoder side by side."""
    if config.kind == "transcoder":
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise UserError("a transcoder is trained on pairs: activations read, and activations to predict")
        return _matrix(found[0], (config.d_in,), device), _matrix(found[1], (config.width_out,), device)
    shape = (config.layers, config.d_in) if config.kind == "crosscoder" else (config.d_in,)
    values = _matrix(found, shape, device)
    return values, values


def _matrix(values: Any, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    tensor = torch.as_tensor(values).detach().to(device, torch.float32)
    if tensor.ndim != 1 + len(shape) or tuple(tensor.shape[1:]) != shape:
        raise UserError(f"batches must be of shape (n, {', '.join(map(str, shape))}), not {tuple(tensor.shape)}")
    if not bool(tensor.isfinite().all()):
        raise UserError("a batch of activations holds values that are not finite; record them in another dtype")
    return tensor.flatten(1)
