"""Vectors that edits and conditions bring, checked against the places that they are for."""

from __future__ import annotations

from typing import Any

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.anatomy.places import Place


def axes(place: Place) -> int:
    """Return how many axes one token has at a place."""
    whole_heads = place.site.kind in ("z", "q", "k", "v", "pattern") and place.site.head is None
    return 2 if whole_heads else 1


def vector(value: Any, device: torch.device, place: Place, *, many: bool = False) -> torch.Tensor:
    """Return a value as a tensor.

    Args:
        value: numbers, or what has them as its ``vector``, such as a direction.
        device: where the model is.
        place: what it is for.
        many: whether it may be one for each token.

    Raises:
        ConfigError: if it has not the size of the place, or holds anything but finite numbers.
    """
    given = getattr(value, "vector", value)
    try:
        found = torch.as_tensor(given, device=device).detach()
    except (TypeError, ValueError, RuntimeError):
        raise ConfigError(f"{place.site}: the value is no array of numbers: {given!r:.60}") from None
    if not found.is_floating_point():
        found = found.float()
    width = place.width
    fits = width is None or (found.dim() and found.shape[-1] == width)
    if not fits or not (1 <= found.dim() <= axes(place) + int(many)):
        raise ConfigError(misfit(place, found, width))
    if not bool(torch.isfinite(found).all()):
        raise ConfigError(f"{place.site}: the value holds numbers that are not finite")
    return found


def with_length(found: torch.Tensor, place: Place) -> torch.Tensor:
    """Return a vector that has to have a direction.

    Raises:
        ConfigError: if it has none, because all of it is 0.
    """
    if not bool(found.any()):
        raise ConfigError(f"{place.site}: the vector has length 0, so that it points nowhere")
    return found


def misfit(place: Place, found: torch.Tensor, width: int | None) -> str:
    """Return what is to be said of a value that has not the size of the place."""
    return f"{place.site} has vectors of {width} numbers; the value has the shape {tuple(found.shape)}"
