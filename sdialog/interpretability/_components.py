"""What each part of a model adds to a logit, with the scale of the last norm held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sdialog.interpretability.anatomy._unembedding import FrozenNorm, Unembedding
from sdialog.interpretability.anatomy.places import Anatomy
from sdialog.interpretability.running._causal_runs import held, in_thread
from sdialog.interpretability.running._inputs import Tokens
from sdialog.llm.interventions import Network


@dataclass(frozen=True, eq=False)
class Parts:
    """Contributions to a logit, or to a difference of two.

    Attributes:
        embed: of the embeddings.
        heads: shape (layers, heads).
        mlps: shape (layers,), biases of MLPs included.
        attention_biases: shape (layers,): of output projections and of norms after attention.
        final_bias: of the last norm and of the unembedding.
        neurons: shape (layers, neurons), if asked for.
        logit: what the model gave, before logits are bounded, where a family does that.
    """

    embed: float
    heads: torch.Tensor
    mlps: torch.Tensor
    attention_biases: torch.Tensor
    final_bias: float
    neurons: torch.Tensor | None
    logit: float


def parts_of(
    network: Network, tokens: Tokens, position: int, targets: Sequence[tuple[int, float]], neurons: bool
) -> Parts:
    """Return the contributions to a sum of logits.

    Args:
        network: the model.
        tokens: the conversation.
        position: of the token whose next one is meant.
        targets: tokens with their weights in the sum.
        neurons: tell those of neurons, too.
    """
    found: Parts = in_thread(network, lambda: _parts(network, tokens, position, targets, neurons))
    return found


def _parts(
    network: Network, tokens: Tokens, position: int, targets: Sequence[tuple[int, float]], neurons: bool
) -> Parts:
    anatomy = Anatomy(network)
    end, names = Unembedding(anatomy), _names(anatomy, neurons)
    values, logits = held(network, tokens, [anatomy.place(name) for name in names.values()])
    here = {key: values[str(anatomy.place(name).site)][position] for key, name in names.items()}
    end.check(values[str(anatomy.place(names["last"]).site)][None], logits)
    norm = FrozenNorm.at(end.norm, here["last"])
    wanted = sum((weight * end.weights(token) for token, weight in targets), torch.zeros(()).double())
    pull = norm.pull(wanted)
    heads, biases, mlps, units = [], [], [], []
    for layer in range(anatomy.layers):
        # Of a norm between attention and the stream, too, the scale is held.
        raised = _raised(anatomy, layer, "attention", here, pull)
        weight = _projection(anatomy, layer, "projection").view(anatomy.heads, anatomy.head_width, -1)
        each = torch.einsum("hk,hkd,d->h", here[f"z {layer}"].double(), weight, raised)
        heads.append(each)
        biases.append(here[f"attention {layer}"].double() @ pull - each.sum())
        mlps.append(here[f"mlp {layer}"].double() @ pull)
        if neurons:
            raised = _raised(anatomy, layer, "mlp", here, pull)
            units.append(here[f"neurons {layer}"].double() * (_projection(anatomy, layer, "down") @ raised))
    raw = end.uncapped(values[str(anatomy.place(names["last"]).site)][None])[0, position].double()
    return Parts(
        float(here["embed"].double() @ pull),
        torch.stack(heads).cpu(),
        torch.stack(mlps).cpu(),
        torch.stack(biases).cpu(),
        float(wanted @ norm.bias) + sum(weight * end.bias(token) for token, weight in targets),
        torch.stack(units).cpu() if neurons else None,
        float(sum(weight * raw[token] for token, weight in targets)),
    )


def _names(anatomy: Anatomy, neurons: bool) -> dict[str, str]:
    """Return the sites that are read."""
    family = anatomy.family
    assert family is not None  # a place of the stream was found
    names = {"embed": "layers.0.resid_pre", "last": "layers.-1.resid_post"}
    for layer in range(anatomy.layers):
        names[f"z {layer}"] = f"layers.{layer}.z"
        names[f"attention {layer}"] = f"layers.{layer}.attn_out"
        names[f"mlp {layer}"] = f"layers.{layer}.mlp_out"
        if family.attention_post_norm:
            names[f"attention before norm {layer}"] = f"{anatomy.path(layer, family.attention)}:out"
        if neurons:
            names[f"neurons {layer}"] = f"layers.{layer}.mlp_act"
            if family.mlp_post_norm:
                names[f"mlp before norm {layer}"] = f"{anatomy.path(layer, family.mlp)}:out"
    return names


def _raised(anatomy: Anatomy, layer: int, part: str, here: dict[str, torch.Tensor], pull: torch.Tensor) -> torch.Tensor:
    """Return the weights of the output of attention or MLP, seen through the norm that may come after it."""
    family = anatomy.family
    assert family is not None
    path = family.attention_post_norm if part == "attention" else family.mlp_post_norm
    if path is None:
        return pull
    return FrozenNorm.at(anatomy.part(layer, path), here[f"{part} before norm {layer}"]).pull(pull)


def _projection(anatomy: Anatomy, layer: int, which: str) -> torch.Tensor:
    """Return the weights of a projection, of shape (inputs, outputs), in float64."""
    module: Any = anatomy.part(layer, getattr(anatomy.family, which))
    # GPT-2's projections have their weights the other way round.
    weight: torch.Tensor = module.weight.T if hasattr(module, "in_features") else module.weight
    return weight.detach().double()
