"""One training under way: what is learned, the optimiser, and what both remember between steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.sae import _codes
from sdialog.interpretability.sae._batches import Batch
from sdialog.interpretability.sae._dictionary import SparseDictionary, make
from sdialog.interpretability.sae._losses import Loss, loss
from sdialog.interpretability.sae._resampling import resample
from sdialog.interpretability.sae.config import SAEConfig, TrainingConfig
from sdialog.interpretability.sae.training_log import LogEntry

_THRESHOLD_RATE = 0.01


class Trainer:
    """State of a training; :func:`sdialog.interpretability.sae.train` drives it.

    Attributes:
        weights: what is learned, by name.
        scales: factors of ``expected_norm``, by name.
        silent: tokens since each feature was active.
        threshold: of ``batchtopk``: running mean of the smallest active feature of a batch.
        step, tokens, epoch, place: how far it is.
        resampled: features that started anew since the last entry of the log.
    """

    def __init__(
        self,
        config: SAEConfig,
        training: TrainingConfig,
        seed: int,
        anchors: Mapping[int, torch.Tensor],
        device: torch.device,
    ) -> None:
        self.config, self.training, self.seed, self.anchors, self.device = config, training, seed, anchors, device
        start = _start(config, training, seed)
        for place, direction in anchors.items():
            start["W_dec"][place] = direction.cpu()
            if config.kind != "transcoder":
                start["W_enc"][:, place] = direction.cpu()
        self.weights = {name: value.to(device).requires_grad_() for name, value in start.items()}
        self.adam = torch.optim.Adam(self.weights.values(), betas=training.betas, foreach=False)
        self.scales: dict[str, torch.Tensor] = {}
        self.silent = torch.zeros(config.d_sae, dtype=torch.int64, device=device)
        self.threshold = torch.zeros((), device=device)
        self.step = self.tokens = self.epoch = self.place = self.resampled = 0

    def estimate(self, first: list[Batch]) -> None:
        """Set the factors of the normalisation and the start of the decoder's bias from first batches."""
        with torch.no_grad():
            read, target = (torch.cat([getattr(one, side) for one in first]) for side in ("read", "target"))
            if self.config.normalisation == "expected_norm":
                self.scales["scale"] = _codes.scale_of(read, self.config.layers)
                if self.config.kind == "transcoder":
                    self.scales["scale_out"] = _codes.scale_of(target, 1)
            self.weights["b_dec"].copy_(self._normalised(read, target)[1].mean(dim=0))

    def make_step(self, batch: Batch) -> LogEntry:
        """Learn from a batch.

        Raises:
            UserError: if the loss is no longer finite.
        """
        read, target = self._normalised(batch.read, batch.target)
        dead = self.silent >= self.training.dead_after
        found = loss(
            self.weights,
            self.config,
            self.training,
            (read, target),
            self.training.penalty(self.step),
            dead,
            self.anchors,
        )
        total = found.total
        if not math.isfinite(float(total.detach())):
            raise UserError(f"the loss became {float(total.detach())} at step {self.step + 1}; lower the learning rate")
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        rate = self.training.rate(self.step)
        self._learn(rate)
        self.step, self.epoch, self.place = self.step + 1, batch.epoch, batch.place
        self.tokens += len(read)
        self._remember(found.features, len(read))
        if self._resampling_is_due():
            self.resampled += resample(self, read, target)
        return self._entry(found, target, rate, dead)

    def finished(self) -> SparseDictionary:
        """Return the dictionary as it is now."""
        weights = {**self._settled(), **self.scales}
        return make(self.config, {name: value.clone() for name, value in weights.items()})

    def features(self, values: torch.Tensor) -> torch.Tensor:
        """Return the features of normalised activations, as the dictionary is now."""
        return _codes.features(self._settled(), self.config, values)

    def _settled(self) -> dict[str, torch.Tensor]:
        """Return what is learned as a finished dictionary has it."""
        weights = {name: value.detach() for name, value in self.weights.items()}
        if self.config.architecture == "jumprelu":
            weights["threshold"] = weights.pop("log_threshold").exp()
        if self.config.architecture == "batchtopk":
            weights["threshold"] = self.threshold
        return weights

    def _normalised(self, read: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = _codes.normalise(read, self.config, self.scales.get("scale")).values
        if self.config.kind != "transcoder":
            return values, values
        return values, _codes.normalise(target, self.config, self.scales.get("scale_out")).values

    def _learn(self, rate: float) -> None:
        with torch.no_grad():
            for group in self.adam.param_groups:
                group["lr"] = rate
            decoder = self.weights["W_dec"]
            unit = self.config.decoder_norm == "unit"
            if unit and decoder.grad is not None:
                # Steps along a row would only change the length that is set back below.
                decoder.grad -= (decoder.grad * decoder).sum(dim=-1, keepdim=True) * decoder
            self.adam.step()
            if unit:
                decoder /= decoder.norm(dim=-1, keepdim=True)

    def _remember(self, features: torch.Tensor, tokens: int) -> None:
        with torch.no_grad():
            active = features > 0
            self.silent = torch.where(active.any(dim=0), 0, self.silent + tokens)
            if self.config.architecture == "batchtopk" and bool(active.any()):
                smallest = features[active].min()
                first = bool(self.threshold == 0)
                self.threshold = smallest if first else self.threshold + _THRESHOLD_RATE * (smallest - self.threshold)

    def _resampling_is_due(self) -> bool:
        every = self.training.resample_every
        return bool(every) and self.step % every == 0 and self.step <= self.training.steps // 2

    def _entry(self, found: Loss, target: torch.Tensor, rate: float, dead: torch.Tensor) -> LogEntry:
        with torch.no_grad():
            variance = (target - target.mean(dim=0)).square().sum(dim=-1).mean()
            error, penalty, auxiliary, anchoring = (float(part.detach()) for part in found[:4])
            return LogEntry(
                step=self.step,
                tokens=self.tokens,
                loss=error + penalty + auxiliary + anchoring,
                squared_error=error,
                penalty=penalty,
                auxiliary=auxiliary,
                anchoring=anchoring,
                unexplained=error / float(variance) if float(variance) else None,
                l0=float((found.features > 0).sum(dim=-1).float().mean()),
                dead=float(dead.float().mean()),
                resampled=self.resampled,
                learning_rate=rate,
            )


def _start(config: SAEConfig, training: TrainingConfig, seed: int) -> dict[str, torch.Tensor]:
    """Return the weights that training starts with."""
    draw = torch.Generator().manual_seed(derive_seed(seed, "start"))
    decoder = _unit(torch.randn(config.d_sae, config.width_out, generator=draw))
    encoder = decoder if config.tied_start else _unit(torch.randn(config.d_sae, config.width_in, generator=draw))
    zeros = torch.zeros(config.d_sae)
    made = {"W_enc": encoder.T.contiguous(), "W_dec": decoder.clone()}
    if config.architecture == "gated":
        made.update(b_gate=zeros, b_mag=zeros.clone(), r_mag=zeros.clone())
    else:
        made["b_enc"] = zeros
    if config.architecture == "jumprelu":
        made["log_threshold"] = torch.full((config.d_sae,), math.log(training.threshold_start))
    made["b_dec"] = torch.zeros(config.width_out)
    return made


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return rows / rows.norm(dim=-1, keepdim=True)
