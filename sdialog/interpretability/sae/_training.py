"""Training a sparse dictionary on activations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.sae import _checkpoints
from sdialog.interpretability.sae._batches import stream
from sdialog.interpretability.sae._dictionary import SparseDictionary
from sdialog.interpretability.sae._trainer import Trainer
from sdialog.interpretability.sae.config import RESAMPLED, SAEConfig, TrainingConfig
from sdialog.interpretability.sae.training_log import LogEntry, TrainingLog

Progress = Callable[[LogEntry], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained dictionary and how it came about."""

    sae: SparseDictionary
    log: TrainingLog


def train(
    activations: Iterable[Any],
    config: SAEConfig,
    training: TrainingConfig | None = None,
    *,
    seed: int,
    folder: str | Path | None = None,
    anchors: Mapping[int, Any] | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Trained:
    """Train a sparse dictionary.

    The same activations, configurations and seed give the same weights on the same kind of machine with the same
    number of threads, whether the training was interrupted or not.

    Args:
        activations: batches that can be iterated again and again: (n, d_in) each; (n, layers, d_in) for a crosscoder;
            pairs of read and predicted activations for a transcoder. See :class:`ActivationBatches`, and
            :meth:`~sdialog.interpretability.ActivationCache.batches` for all of them from a cache. An object with a
            method ``epoch(number)`` is asked for the batches of each run through the data.
        config: the dictionary.
        training: how; default ``TrainingConfig()``.
        seed: seed of the start and of resampling.
        folder: where checkpoints are kept. If it holds one of the same training, that training goes on from there.
        anchors: directions (width of what is rebuilt) by feature, at which these features start and to which they are
            held; an answer to hierarchies of features, which sparsity alone does not find. Against a strong penalty
            they need a larger ``anchor_strength``, or they die.
        progress: called with each new entry of the log.
        device: torch device to train on.

    Returns:
        The dictionary, in ``config.dtype``, and the log. Training itself is in float32.

    Raises:
        UserError: if the activations do not fit, are not finite or run out, or the training diverges.
        ConfigError: if the folder holds a checkpoint of another training, an anchor is of another width, or features
            were to be resampled of an architecture that does not do it.

    Example:
        >>> from sdialog.interpretability.sae._batches import ActivationBatches
        >>> draw = torch.Generator().manual_seed(0)
        >>> batches = ActivationBatches(torch.randn(256, 8, generator=draw), size=64, seed=0)
        >>> config = SAEConfig(d_in=8, d_sae=16, k=2, normalisation="expected_norm")
        >>> trained = train(batches, config, TrainingConfig(steps=20, learning_rate=1e-3, log_every=10), seed=0)
        >>> trained.log[-1].step, trained.log[-1].l0
        (20, 2.0)
    """
    training = training or TrainingConfig()
    if training.resample_every and config.architecture not in RESAMPLED:
        cure = "; they learn what the others leave, with the weight auxiliary" if config.k is not None else ""
        raise ConfigError(
            f"dead features of {config.architecture} are not resampled{cure}: leave resample_every at 0, or choose "
            f"{' or '.join(RESAMPLED)}"
        )
    held = _anchored(anchors or {}, config, torch.device(device))
    trainer = Trainer(config, training, seed, held, torch.device(device))
    signature = {"config": config.json(), "training": training.json(), "seed": seed, "anchors": _digest(held)}
    where = None if folder is None else Path(folder)
    entries = None if where is None else _checkpoints.read(where, trainer, signature)
    if entries is None:
        entries = []
        trainer.estimate(list(islice(stream(activations, config, trainer.device), training.estimation_batches)))
    batches = stream(activations, config, trainer.device, trainer.epoch, trainer.place)
    while trainer.step < training.steps:
        entry = trainer.make_step(next(batches))
        at_end = trainer.step == training.steps
        if trainer.step % training.log_every == 0 or at_end:
            entries.append(entry)
            trainer.resampled = 0
        due = bool(training.checkpoint_every) and trainer.step % training.checkpoint_every == 0
        if where is not None and (due or at_end):
            _checkpoints.write(where, trainer, signature, entries)
        if progress is not None and entries and entries[-1] is entry:
            progress(entry)
    return Trained(trainer.finished(), TrainingLog(tuple(entries)))


def _anchored(anchors: Mapping[int, Any], config: SAEConfig, device: torch.device) -> dict[int, torch.Tensor]:
    held = {}
    for place, direction in sorted(anchors.items()):
        vector = torch.as_tensor(direction, dtype=torch.float32, device=device).flatten()
        if not 0 <= place < config.d_sae or len(vector) != config.width_out:
            raise ConfigError(
                f"an anchor is a direction of width {config.width_out} of a feature from 0 to {config.d_sae - 1}, "
                f"not one of width {len(vector)} of feature {place}"
            )
        if not float(vector.norm()) > 0:
            raise ConfigError(f"the anchor of feature {place} is no direction: its length is {float(vector.norm())}")
        held[place] = vector / vector.norm()
    return held


def _digest(anchors: Mapping[int, torch.Tensor]) -> str | None:
    if not anchors:
        return None
    digest = hashlib.blake2b(digest_size=8)
    for place, vector in anchors.items():
        digest.update(f"{place}:".encode() + vector.cpu().numpy().tobytes())
    return digest.hexdigest()
