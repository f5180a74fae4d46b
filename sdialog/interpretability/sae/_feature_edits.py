"""Changing single features of a model's activations while it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sdialog.core.errors import ConfigError, UnsupportedFeatureError
from sdialog.interpretability.plan import Edit
from sdialog.interpretability.sae._dictionary import SparseDictionary

if TYPE_CHECKING:
    from sdialog.interpretability.spans import Span


def feature_edit(
    sae: SparseDictionary,
    feature: int,
    value: float,
    span: str | Span = "everything",
    *,
    site: str | None = None,
    only_active: bool = False,
) -> Edit:
    """Return an edit that gives one feature a value; 0 takes it out.

    What the dictionary does not explain, and what all other features write, stays: the activation changes by what the
    feature writes at the value less what it writes now.

    Args:
        sae: the dictionary, of one site that it reads and writes.
        feature: its number.
        value: of the feature, at least 0, such as ``card.largest``.
        span: on which tokens.
        site: where; default the dictionary's own.
        only_active: leave tokens on which it is not active as they are.

    Raises:
        UserError: if there is no such feature.
        ConfigError: if the value is below 0, or no site is known.
        UnsupportedFeatureError: of a transcoder or a crosscoder.

    Example:
        >>> config = {"d_in": 2, "d_sae": 2, "architecture": "standard", "sites": ("layers.0.resid_post",)}
        >>> from sdialog.interpretability.sae._dictionary import SparseAutoencoder
        >>> from sdialog.interpretability.sae.config import SAEConfig
        >>> weights = {"W_enc": torch.eye(2), "b_enc": torch.zeros(2), "W_dec": torch.eye(2), "b_dec": torch.zeros(2)}
        >>> edit = feature_edit(SparseAutoencoder(SAEConfig(**config), weights), 1, 5.0)
        >>> edit.site, edit.value(torch.tensor([[3.0, 4.0]]))
        ('layers.0.resid_post', tensor([[3., 5.]]))
    """
    if sae.kind != "sae":
        raise UnsupportedFeatureError(f"{sae!r} does not write where it reads; add rows of its feature_vectors instead")
    (place,) = sae.chosen([feature])
    where = site or (sae.config.sites[0] if sae.config.sites else "")
    if not where or value < 0:
        raise ConfigError(f"a feature gets a value of at least 0 at a site, not {value} at {where or 'no site'}")

    def changed(x: torch.Tensor) -> torch.Tensor:
        # Worked out in the dictionary's own precision, then added, so that activations without a change stay the same.
        found = sae.encode(x)
        wanted = found.clone()
        wanted[..., place] = torch.where(found[..., place] > 0, value, 0.0) if only_active else value
        difference = sae.decode(wanted, x) - sae.decode(found, x)
        same = (wanted[..., place] == found[..., place]).unsqueeze(-1)
        return torch.where(same.to(x.device), x, x + difference.to(x))

    return Edit(where, "call", changed, span=span)
