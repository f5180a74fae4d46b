"""What the lens sees of each layer, and the training of a lens's translators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sdialog.core.seeds import derive_seed, rng
from sdialog.interpretability.anatomy._unembedding import Unembedding
from sdialog.interpretability.anatomy.places import Anatomy, Place
from sdialog.interpretability.running._causal_runs import gradients, held, in_thread
from sdialog.interpretability.running._inputs import Tokens
from sdialog.llm.interventions import Network

Translate = Callable[[int, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a lens sees, for each depth and position.

    Attributes:
        ids, probabilities: the most probable next tokens, of shape (depths, positions, top).
        kl: of the model's prediction from the lens's, in nats, of shape (depths, positions).
        entropy: in nats.
        target: probability of the target.
        rank: how many tokens the lens holds more probable than the target.
        targets: the target at each position.
        final_is_exact: whether the last depth is the model's output bit for bit.
    """

    ids: torch.Tensor
    probabilities: torch.Tensor
    kl: torch.Tensor
    entropy: torch.Tensor
    target: torch.Tensor
    rank: torch.Tensor
    targets: torch.Tensor
    final_is_exact: bool


def depths(anatomy: Anatomy) -> list[Place]:
    """Return the places between layers: the entrance of each, and the exit of the last."""
    return [
        *(anatomy.place(f"layers.{layer}.resid_pre") for layer in range(anatomy.layers)),
        anatomy.place("layers.-1.resid_post"),
    ]


def look(
    network: Network,
    tokens: Tokens,
    positions: Sequence[int],
    top: int,
    targets: Sequence[int] | None,
    translate: Translate | None,
) -> Seen:
    """Look at a conversation; ``translate`` changes the stream of a depth before it is unembedded."""
    seen: Seen = in_thread(network, lambda: _look(network, tokens, positions, top, targets, translate))
    return seen


def _look(
    network: Network,
    tokens: Tokens,
    positions: Sequence[int],
    top: int,
    targets: Sequence[int] | None,
    translate: Translate | None,
) -> Seen:
    anatomy = Anatomy(network)
    end, places = Unembedding(anatomy), depths(anatomy)
    streams, logits = held(network, tokens, places)
    last = streams[str(places[-1].site)][None]
    end.check(last, logits)
    at = list(positions)
    final = logits[0, at].float().log_softmax(-1)
    aim = final.argmax(-1) if targets is None else torch.tensor(list(targets), device=final.device)
    found: list[tuple[torch.Tensor, ...]] = []
    for number, place in enumerate(places):
        stream = streams[str(place.site)][None]
        if translate is not None and number < len(places) - 1:
            stream = translate(number, stream)
        # Whole sequences, so that the last depth is computed as the model does.
        here = end.logits(stream)[0, at].float().log_softmax(-1)
        best = here.topk(min(top, here.shape[-1]), -1)
        kl = (final.exp() * (final - here)).nansum(-1).clamp(min=0)
        of_target = here.gather(-1, aim[:, None])
        entropy = -(here.exp() * here).nansum(-1)
        rank = (here > of_target).sum(-1)
        found.append((best.indices, best.values.exp(), kl, entropy, of_target[:, 0].exp(), rank))
    exact = bool(torch.equal(end.logits(last), logits))
    ids, shares, kls, entropies, aims, ranks = (torch.stack(one).cpu() for one in zip(*found, strict=True))
    return Seen(ids, shares, kls, entropies, aims, ranks, aim.cpu(), exact)


class Translators:
    """One affine map for each depth but the last: ``x + x A + b``, at first the identity.

    Args:
        count: how many depths.
        size: length of the stream.
        device: where.
    """

    def __init__(self, count: int, size: int, device: Any) -> None:
        # As one map for all depths, so that one step trains all.
        self.matrices = torch.zeros(count, size, size, device=device)
        self.biases = torch.zeros(count, size, device=device)

    def __call__(self, depth: int, stream: torch.Tensor) -> torch.Tensor:
        """Return the stream of a depth as the last layer would have it."""
        x = stream.float()
        moved = x + x @ self.matrices[depth] + self.biases[depth]
        return moved.to(stream.dtype)


def fit(
    network: Network,
    corpus: Sequence[tuple[Tokens, Sequence[int]]],
    *,
    steps: int,
    tokens_a_step: int,
    rate: float,
    decay: float,
    seed: int,
) -> Translators:
    """Train translators to predict what the model predicts (Belrose et al., 2023).

    Args:
        network: the model.
        corpus: conversations with the positions to learn from.
        steps: how many.
        tokens_a_step: how many tokens each step sees.
        rate: of learning, at first; it falls to 0 in a straight line.
        decay: of weights.
        seed: of the order of tokens.
    """
    anatomy = Anatomy(network)
    places = depths(anatomy)
    streams, finals = in_thread(network, lambda: _gathered(network, corpus, places))
    translators = Translators(len(places) - 1, anatomy.width, network.model.device)
    learnt = [translators.matrices.requires_grad_(True), translators.biases.requires_grad_(True)]
    optimizer = torch.optim.AdamW(learnt, lr=rate, weight_decay=decay)
    end = Unembedding(anatomy)

    def train() -> None:
        with gradients(network):
            for step, rows in enumerate(_batches(streams.shape[1], tokens_a_step, steps, seed)):
                for group in optimizer.param_groups:
                    group["lr"] = rate * (1 - step / steps)
                optimizer.zero_grad()
                with torch.no_grad():
                    target = end.logits(finals[rows].to(network.model.dtype)).float().log_softmax(-1)
                for depth, stream in enumerate(streams[:, rows]):
                    # One depth after the other, so that the logits of only one are held.
                    moved = translators(depth, stream).to(network.model.dtype)
                    logits = end.logits(moved).float().log_softmax(-1)
                    (target.exp() * (target - logits)).sum(-1).mean().backward()
                optimizer.step()

    network.call(train)
    for one in learnt:
        one.requires_grad_(False)
    return translators


def _gathered(
    network: Network, corpus: Sequence[tuple[Tokens, Sequence[int]]], places: Sequence[Place]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the streams of all depths but the last, of shape (depths, tokens, d), and of the last, (tokens, d)."""
    parts: list[torch.Tensor] = []
    for tokens, positions in corpus:
        streams, _ = held(network, tokens, places)
        parts.append(torch.stack([streams[str(place.site)][list(positions)].float() for place in places]))
    whole = torch.cat(parts, 1)
    return whole[:-1], whole[-1]


def _batches(count: int, size: int, steps: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield tokens by number; all are seen once before any is seen again."""
    size = min(size, count)
    generator = torch.Generator().manual_seed(derive_seed(seed, "tuned lens"))
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(count, generator=generator)
        yield order[:size]
        order = order[size:]


def split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Return which conversations are learnt from and which are held out, at least one of each."""
    order = list(range(count))
    rng(seed, "tuned lens", "held out").shuffle(order)
    out = min(max(1, round(share * count)), count - 1)
    return sorted(order[out:]), sorted(order[:out])
