"""Which features are active on the same tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.sae._dictionary import SparseDictionary


@dataclass(frozen=True, eq=False)
class CoOccurrence:
    """How often features are active together.

    Attributes:
        features: which ones, in the order of rows and columns.
        tokens: how many tokens were read.
        counts: tokens on which both are active (features, features); the diagonal counts each by itself.
    """

    features: tuple[int, ...]
    tokens: int
    counts: torch.Tensor

    def jaccard(self) -> torch.Tensor:
        """Return tokens with both by tokens with either (Jaccard, 1901); 0 where neither is ever active."""
        alone = self.counts.diagonal()
        either = alone.unsqueeze(0) + alone.unsqueeze(1) - self.counts
        return self.counts / either.clamp_min(1)

    def pmi(self) -> torch.Tensor:
        """Return pointwise mutual information in bits (Church and Hanks, 1990); -inf where never together."""
        alone = self.counts.diagonal()
        expected = alone.unsqueeze(0) * alone.unsqueeze(1) / self.tokens
        return torch.where(expected > 0, self.counts / expected.clamp_min(1e-300), 0.0).log2()

    def neighbours(
        self, feature: int, count: int = 5, by: Literal["jaccard", "pmi"] = "jaccard"
    ) -> tuple[tuple[int, float], ...]:
        """Return the features most often active with one, with their values, most first; none that never are.

        Raises:
            UserError: if the feature was not counted.
            UnknownNameError: if there is no such measure.
        """
        if feature not in self.features:
            raise UserError(f"feature {feature} was not counted")
        if by not in ("jaccard", "pmi"):
            raise UnknownNameError("measure of co-occurrence", str(by), ("jaccard", "pmi"))
        row = self.features.index(feature)
        values = (self.jaccard() if by == "jaccard" else self.pmi())[row].tolist()
        together = self.counts[row].tolist()
        others = [place for place in range(len(self.features)) if place != row and together[place] > 0]
        others.sort(key=lambda place: (-values[place], self.features[place]))
        return tuple((self.features[place], values[place]) for place in others[:count])

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"features": list(self.features), "tokens": self.tokens, "counts": self.counts.long().tolist()}


def co_occurrence(
    sae: SparseDictionary, activations: Iterable[Any], features: Sequence[int] | None = None
) -> CoOccurrence:
    """Count on how many tokens features are active together.

    Args:
        sae: the dictionary.
        activations: batches (n, d_in) of what it reads.
        features: which ones; default all, which takes d_sae squared numbers.

    Raises:
        UserError: if there are no activations.
    """
    with torch.no_grad():
        chosen = tuple(sae.chosen(features))
        counts = torch.zeros(len(chosen), len(chosen), dtype=torch.float64)
        tokens = 0
        for batch in activations:
            active = (sae.encode(batch)[..., list(chosen)] > 0).flatten(0, -2).float()
            # Exact in single precision: a batch has fewer tokens than it can count to.
            counts += (active.T @ active).double().cpu()
            tokens += len(active)
        if not tokens:
            raise UserError("there are no activations to count features on")
        return CoOccurrence(chosen, tokens, counts)
