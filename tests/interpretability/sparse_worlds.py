"""Activations whose features are known: planted dictionaries for tests of sparse coders."""

from __future__ import annotations

from typing import NamedTuple

import torch

from sdialog.core.seeds import derive_seed


class World(NamedTuple):
    """Activations ``values = amounts @ directions + noise``.

    Attributes:
        values: activations (n, d).
        directions: unit feature directions (features, d).
        amounts: how much of each feature is in each activation (n, features).
    """

    values: torch.Tensor
    directions: torch.Tensor
    amounts: torch.Tensor


def directions(features: int, d: int, seed: int) -> torch.Tensor:
    """Return random unit directions."""
    draw = torch.Generator().manual_seed(derive_seed(seed, "directions"))
    rows = torch.randn(features, d, generator=draw)
    return rows / rows.norm(dim=-1, keepdim=True)


def sparse_world(
    n: int, features: int = 128, d: int = 64, active: float = 4.0, noise: float = 0.02, seed: int = 0, sample: int = 0
) -> World:
    """Return a world whose features are independent, each present with the same chance.

    Amounts are uniform from 0.5 to 1.5; ``active`` is the mean number of features an activation; ``sample`` draws
    other activations of the same world.
    """
    rows = directions(features, d, seed)
    draw = torch.Generator().manual_seed(derive_seed(seed, "amounts", sample))
    present = torch.rand(n, features, generator=draw) < active / features
    amounts = present * (0.5 + torch.rand(n, features, generator=draw))
    values = amounts @ rows + noise * torch.randn(n, d, generator=draw)
    return World(values, rows, amounts)


def family_world(n: int, parents: int = 8, children: int = 4, d: int = 48, seed: int = 0, sample: int = 0) -> World:
    """Return a world of hierarchies: a child is there only with its parent, at most one child a parent.

    Features are the parents first, then the children of the first parent, of the second, and so on.
    """
    count = parents * (1 + children)
    draw = torch.Generator().manual_seed(derive_seed(seed, "family"))
    rows = torch.linalg.qr(torch.randn(d, d, generator=draw))[0][:count]
    draw = torch.Generator().manual_seed(derive_seed(seed, "family amounts", sample))
    there = torch.rand(n, parents, generator=draw) < 0.15
    child = torch.randint(0, children + 1, (n, parents), generator=draw)  # the last number is no child
    hot = torch.nn.functional.one_hot(child, children + 1)[..., :children].bool() & there.unsqueeze(-1)
    present = torch.cat([there, hot.flatten(1)], dim=1)
    amounts = present * 1.0
    return World(amounts @ rows, rows, amounts)
