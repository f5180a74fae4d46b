"""Gradients of a metric with respect to what is at places of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from sdialog.core.errors import UserError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.anatomy.taps import Tap, forward
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.running._causal_runs import by_token, gradients, ids_of, one_each, token_axis
from sdialog.interpretability.running._inputs import Tokens
from sdialog.llm.interventions import Network


def at_once(network: Network, tokens: Tokens, places: Sequence[Place], metric: Metric) -> dict[str, torch.Tensor]:
    """Return the gradient at every place, of shape (tokens, ...), from one run forth and back."""

    def run() -> dict[str, torch.Tensor]:
        pushes: dict[str, torch.Tensor] = {}

        def adding(place: Place) -> Callable[[torch.Tensor], torch.Tensor]:
            def add(x: torch.Tensor) -> torch.Tensor:
                # Zeros that are added cut nothing off, so that earlier places have their gradients, too.
                pushes[str(place.site)] = torch.zeros_like(x, requires_grad=True)
                return x + pushes[str(place.site)]

            return add

        with gradients(network):
            logits = forward(network, ids_of(network, tokens), taps=[Tap(place, adding(place)) for place in places])
            value = one_each(metric, logits)
            _check(value, metric)
            found = torch.autograd.grad(value.sum(), list(pushes.values()), allow_unused=True)
        return {
            str(place.site): by_token(place, _or_zeros(grad, pushes[str(place.site)]))[0]
            for place, grad in zip(_in_order(places, pushes), found, strict=True)
        }

    result: dict[str, torch.Tensor] = network.call(run)
    return result


def along(
    network: Network,
    tokens: Tokens,
    place: Place,
    metric: Metric,
    start: torch.Tensor,
    end: torch.Tensor,
    *,
    steps: int,
    batch: int,
) -> torch.Tensor:
    """Return the mean gradient at a place on the straight way between two values, each of shape (tokens, ...).

    It is taken in the middle of ``steps`` equal parts of the way (Sundararajan et al., 2017).
    """

    def run() -> torch.Tensor:
        total = torch.zeros_like(start)
        for first in range(0, steps, batch):
            shares = [(step + 0.5) / steps for step in range(first, min(first + batch, steps))]
            total += _at(network, tokens, place, metric, start, end, shares)
        return total / steps

    result: torch.Tensor = network.call(run)
    return result


def _at(
    network: Network,
    tokens: Tokens,
    place: Place,
    metric: Metric,
    start: torch.Tensor,
    end: torch.Tensor,
    shares: Sequence[float],
) -> torch.Tensor:
    """Return the sum of the gradients at shares of the way."""
    leaves: list[torch.Tensor] = []

    def put(whole: torch.Tensor) -> torch.Tensor:
        way = torch.tensor(shares, device=whole.device, dtype=torch.float32).view(-1, *[1] * start.dim())
        values = (start + way * (end - start)).to(whole.dtype)
        # The axis of tokens back to where the place has it.
        leaf = values.detach().movedim(1, token_axis(place)).contiguous()
        leaves.append(leaf.requires_grad_(True))
        return leaves[-1]

    with gradients(network):
        logits = forward(network, ids_of(network, tokens, len(shares)), taps=[Tap(place, put)])
        value = one_each(metric, logits)
        _check(value, metric)
        (found,) = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    return by_token(place, _or_zeros(found, leaves[0])).sum(0)


def _check(value: torch.Tensor, metric: Metric) -> None:
    if not value.requires_grad:
        raise UserError(f"{metric} has no gradient; use a smooth metric such as LogitDifference, or patch()")


def _or_zeros(found: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(like) if found is None else found


def _in_order(places: Sequence[Place], pushes: Mapping[str, Any]) -> list[Place]:
    """Return the places in the order in which the model came to them."""
    by_name = {str(place.site): place for place in places}
    silent = [name for name in by_name if name not in pushes]
    if silent:
        raise UserError(f"nothing passed {', '.join(silent)} in a forward call: the model does not call the module")
    return [by_name[name] for name in pushes]
