"""From the residual stream to logits: as the model does it, and as a linear map with the norm's scale held."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from sdialog.core.errors import UnsupportedFeatureError
from sdialog.interpretability.anatomy.places import Anatomy

_LARGE = 1e3


class Unembedding:
    """The end of a model: its last norm, its unembedding and what bounds the logits.

    Args:
        anatomy: the model.

    Raises:
        UnsupportedFeatureError: if the family is not known or has no unembedding.
    """

    def __init__(self, anatomy: Anatomy) -> None:
        self.norm = anatomy.place("final_norm").module
        self.head = anatomy.model.get_output_embeddings()
        if self.head is None:
            raise UnsupportedFeatureError(f"this {anatomy.model_type} model has no unembedding")
        config = anatomy.model.config.get_text_config(decoder=True)
        self.cap: float | None = getattr(config, "final_logit_softcapping", None)

    def logits(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the logits of a residual stream of shape (..., tokens, d)."""
        raw = self.uncapped(stream)
        return raw if self.cap is None else self.cap * torch.tanh(raw / self.cap)

    def uncapped(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the logits before they are bounded, where a family does that."""
        found: torch.Tensor = self.head(self.norm(stream))
        return found

    def check(self, stream: torch.Tensor, logits: torch.Tensor) -> None:
        """Compare with what the model gave.

        Raises:
            UnsupportedFeatureError: if this family does something else after its last layer.
        """
        ours, scale = self.logits(stream).float(), logits.float().abs().max()
        if float((ours - logits.float()).abs().max()) > 1e-3 * float(scale) + 1e-6:
            raise UnsupportedFeatureError(
                "logits of this model are not its unembedding of the last norm; a lens would show something else"
            )

    def weights(self, token: int) -> torch.Tensor:
        """Return the row of the unembedding that a token has, of shape (d,), in float64."""
        row: torch.Tensor = self.head.weight[token]
        return row.detach().double()

    def bias(self, token: int) -> float:
        """Return what the unembedding adds for a token."""
        bias = getattr(self.head, "bias", None)
        return 0.0 if bias is None else float(bias[token])


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    """A norm with the scale that it has for one input, and so an affine map: ``factor * (x - mean x) + bias``.

    Attributes:
        factor: shape (d,), float64.
        bias: shape (d,).
        centred: whether the mean is taken away (layer norm; not with RMS norm).
    """

    factor: torch.Tensor
    bias: torch.Tensor
    centred: bool

    @classmethod
    def at(cls, norm: Any, x: torch.Tensor) -> FrozenNorm:
        """Return a norm as it acts on an input of shape (d,).

        It is found out by what it does, since norms of families differ in what they call their parts.

        Raises:
            UnsupportedFeatureError: if it is no layer norm and no RMS norm.
        """
        size, x = x.shape[-1], x.double()
        # In double precision, since what is computed from it are differences.
        norm = deepcopy(norm).double()
        with torch.no_grad():
            bias = norm(torch.zeros_like(x)).double()
            # Large, so that the norm's epsilon does not count; of length sqrt(size) times that, with mean 0.
            signs = torch.ones_like(x)
            signs[1::2] = -1
            if size % 2:
                signs[-1] = 0
            length = signs.double().square().mean().sqrt()
            weight = (norm(signs * _LARGE).double() - bias) * signs.double() * length
            if size % 2:
                weight[-1] = (
                    (norm(torch.roll(signs, 1) * _LARGE).double() - bias)[-1] * length * torch.roll(signs, 1)[-1]
                )
            shift = torch.full_like(x, float(x.float().std()) + 1.0)
            centred = bool(torch.allclose(norm(x + shift).float(), norm(x).float(), atol=1e-2, rtol=1e-2))
            inner = x.double() - (x.double().mean() if centred else 0.0)
            result = norm(x).double() - bias
            direction = weight * inner
            scale = (direction @ result) / (direction @ direction).clamp(min=1e-30)
            frozen = cls(weight * scale, bias, centred)
            error = (frozen.linear(x.double()) + bias - norm(x).double()).abs().max()
        if float(error) > 1e-2 * float(result.abs().max()) + 1e-6:
            raise UnsupportedFeatureError(f"{type(norm).__name__} is neither a layer norm nor an RMS norm")
        return frozen

    def linear(self, part: torch.Tensor) -> torch.Tensor:
        """Return what a part of the input, of shape (..., d), becomes, without the bias."""
        part = part.double()
        return self.factor * (part - part.mean(-1, keepdim=True) if self.centred else part)

    def pull(self, weights: torch.Tensor) -> torch.Tensor:
        """Return w with ``w @ x = weights @ linear(x)``, of shape (d,)."""
        back = self.factor * weights
        return back - back.mean() if self.centred else back
