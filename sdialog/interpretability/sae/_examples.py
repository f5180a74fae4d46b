"""Finding the examples that show what a feature stands for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from sdialog.core.errors import UnsupportedFeatureError, UserError
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.sae._dictionary import SparseDictionary
from sdialog.interpretability.sae.cards import Effect, Example, FeatureCard, Quantile

# Dialogs repeat themselves; so many more candidates are kept that enough remain when copies are dropped.
_SPARE = 3


class Passage(NamedTuple):
    """Tokens that belong together, such as those of a dialog, with their activations.

    Attributes:
        tokens: texts of the tokens, which joined make the passage.
        values: activations (tokens, d_in) of what the dictionary reads; of a crosscoder (tokens, layers, d_in).
        source: what it is called in examples.
    """

    tokens: Sequence[str]
    values: Any
    source: str = ""


class Window(NamedTuple):
    """How many tokens an example shows before and after its peak."""

    before: int = 16
    after: int = 8

    def around(self, position: int, length: int) -> tuple[int, int]:
        """Return where the window around a position starts and ends."""
        return max(0, position - self.before), min(length, position + self.after + 1)


class _Board:
    """For each feature, the passages with the largest keys, and a position in each."""

    def __init__(self, count: int, features: int) -> None:
        self.keys = torch.full((count, features), -math.inf)
        self.passages = torch.full((count, features), -1)
        self.positions = torch.full((count, features), -1)

    def add(self, keys: torch.Tensor, passage: int, positions: torch.Tensor) -> None:
        """Put a passage on the board of each feature whose key is above 0 and large enough."""
        keys = torch.where(keys > 0, keys, -math.inf)
        all_keys = torch.cat([self.keys, keys.unsqueeze(0)])
        self.keys, kept = all_keys.topk(len(self.keys), dim=0)
        self.passages = torch.cat([self.passages, torch.full_like(positions, passage).unsqueeze(0)]).gather(0, kept)
        self.positions = torch.cat([self.positions, positions.unsqueeze(0)]).gather(0, kept)

    def places(self, column: int) -> list[tuple[int, int]]:
        """Return passages and positions of a feature, largest key first."""
        known = self.keys[:, column] > -math.inf
        return list(zip(self.passages[known, column].tolist(), self.positions[known, column].tolist(), strict=True))


def top_examples(
    sae: SparseDictionary,
    passages: Sequence[Passage],
    features: Sequence[int] | None = None,
    *,
    seed: int,
    count: int = 20,
    quantiles: int = 4,
    per_quantile: int = 5,
    window: Window = Window(),  # noqa: B008 - immutable
) -> list[FeatureCard]:
    """Return for each feature the examples that show it: the strongest, others by activation, and silent ones.

    Passages are read one by one, and those with chosen examples once more.

    Args:
        sae: the dictionary.
        passages: tokens with activations.
        features: which features; default all.
        seed: seed of the drawn examples.
        count: how many of the strongest, and how many silent.
        quantiles: into how many equal groups the drawn active examples are sorted.
        per_quantile: how many examples a group has at most.
        window: how much an example shows.

    Returns:
        A card for each feature, in order.

    Raises:
        UserError: if a passage has not one activation a token, or there are no tokens.

    Example:
        >>> from sdialog.interpretability.sae._dictionary import SparseAutoencoder
        >>> from sdialog.interpretability.sae.config import SAEConfig
        >>> weights = {"W_enc": torch.eye(2), "b_enc": torch.zeros(2), "W_dec": torch.eye(2), "b_dec": torch.zeros(2)}
        >>> sae = SparseAutoencoder(SAEConfig(2, 2, "standard"), weights)
        >>> said = Passage(["My ", "refund", "!"], [[0.0, 0.0], [3.0, 0.0], [0.0, 0.0]], "dialog 7")
        >>> card = top_examples(sae, [said], [0], seed=0)[0]
        >>> card.density, card.top[0].text, card.top[0].activations
        (0.3333333333333333, 'My refund!', (0.0, 3.0, 0.0))
    """
    with torch.no_grad():
        chosen = sae.chosen(features)
        drawn = quantiles * per_quantile
        boards = {
            name: _Board(_SPARE * size, len(chosen))
            for name, size in (("top", count), ("drawn", drawn), ("silent", count))
        }
        tokens, active, total = 0, torch.zeros(len(chosen)).double(), torch.zeros(len(chosen)).double()
        for number, passage in enumerate(passages):
            found = _found(sae, passage, number, chosen)
            if not len(found):
                continue
            tokens += len(found)
            active += (found > 0).double().sum(dim=0)
            total += found.double().sum(dim=0)
            _enter(boards, found, number, seed, window)
        if not tokens:
            raise UserError("there are no tokens to take examples from")
        largest = boards["top"].keys[0].clamp_min(0).tolist()
        kept = {
            (name, column): board.places(column) for name, board in boards.items() for column in range(len(chosen))
        }  # fmt: skip
        shown = _cut(sae, passages, chosen, kept, window)
        return [
            FeatureCard(
                feature=feature,
                tokens=tokens,
                density=float(active[column]) / tokens,
                largest=largest[column],
                mean_active=float(total[column] / active[column]) if active[column] else None,
                top=tuple(shown["top", column][:count]),
                quantiles=_grouped(shown["drawn", column][:drawn], quantiles),
                silent=tuple(shown["silent", column][:count]),
            )
            for column, feature in enumerate(chosen)
        ]


def logit_effects(
    sae: SparseDictionary,
    unembedding: Any,
    vocabulary: Sequence[str],
    features: Sequence[int] | None = None,
    *,
    count: int = 10,
) -> dict[int, tuple[tuple[Effect, ...], tuple[Effect, ...]]]:
    """Return which tokens' logits each feature raises and lowers most, by its direct path to the output.

    Args:
        sae: a dictionary that writes to the residual stream.
        unembedding: the model's output matrix (vocabulary, d_out), with the gain of the final norm multiplied in if
            that is to count.
        vocabulary: texts of the tokens.
        features: which features; default all.
        count: how many tokens each way.

    Returns:
        For each feature (promoted, suppressed), largest change first.

    Raises:
        UserError: if the matrix is not of the shape that it should be.
        UnsupportedFeatureError: for a crosscoder, which writes to several layers.
    """
    if sae.kind == "crosscoder":
        raise UnsupportedFeatureError(
            "a crosscoder writes to several layers; choose one of its feature_vectors[:, layer]"
        )
    matrix = torch.as_tensor(unembedding).detach().to(sae.device, torch.float32)
    vectors = sae.feature_vectors.to(torch.float32)
    if tuple(matrix.shape) != (len(vocabulary), vectors.shape[1]):
        raise UserError(
            f"the unembedding is to be of shape ({len(vocabulary)}, {vectors.shape[1]}), not {tuple(matrix.shape)}"
        )
    chosen = sae.chosen(features)
    wanted = min(count, len(vocabulary))
    made = {}
    for feature in chosen:
        changes = matrix @ vectors[feature]
        sides = [(changes.topk(wanted), 1), ((-changes).topk(wanted), -1)]
        raised, lowered = (
            tuple(
                Effect(vocabulary[token], sign * value)
                for value, token in zip(side.values.tolist(), side.indices.tolist(), strict=True)
            )
            for side, sign in sides
        )
        made[feature] = (raised, lowered)
    return made


def _found(sae: SparseDictionary, passage: Passage, number: int, chosen: list[int]) -> torch.Tensor:
    values = torch.as_tensor(passage.values)
    if len(values) != len(passage.tokens):
        raise UserError(f"passage {number} has {len(passage.tokens)} tokens and {len(values)} activations")
    if not len(values):
        return torch.zeros(0, len(chosen))
    return sae.encode(values)[:, chosen].float().cpu()


def _enter(boards: Mapping[str, _Board], found: torch.Tensor, number: int, seed: int, window: Window) -> None:
    """Put one passage on the boards."""
    draw = torch.Generator().manual_seed(derive_seed(seed, "examples", number))
    peaks = found.max(dim=0)
    boards["top"].add(peaks.values, number, peaks.indices)
    # The largest of random keys of its active tokens gives every active token of all passages the same chance.
    keys = torch.where(found > 0, torch.rand(found.shape, generator=draw), 0.0).max(dim=0)
    boards["drawn"].add(keys.values, number, keys.indices)
    middle = int(torch.randint(len(found), (), generator=draw))
    start, end = window.around(middle, len(found))
    off = (found[start:end] == 0).all(dim=0)
    chance = torch.rand(found.shape[1], generator=draw) + torch.finfo(torch.float32).tiny
    boards["silent"].add(torch.where(off, chance, 0.0), number, torch.full_like(peaks.indices, middle))


def _cut(
    sae: SparseDictionary,
    passages: Sequence[Passage],
    chosen: list[int],
    kept: Mapping[tuple[str, int], list[tuple[int, int]]],
    window: Window,
) -> dict[tuple[str, int], list[Example]]:
    """Return the examples at the kept places, copies of one text dropped."""
    needed = defaultdict(set)
    for (_, column), places in kept.items():
        for passage, _ in places:
            needed[passage].add(column)
    columns = {number: sorted(wanted) for number, wanted in needed.items()}
    cut: dict[tuple[int, int], torch.Tensor] = {}
    for number, wanted in columns.items():
        found = _found(sae, passages[number], number, [chosen[column] for column in wanted])
        cut.update({(number, column): found[:, place] for place, column in enumerate(wanted)})
    made = {}
    for key, places in kept.items():
        seen: dict[tuple[str, ...], Example] = {}
        for number, position in places:
            example = _example(passages[number], number, position, cut[number, key[1]], window)
            seen.setdefault(example.tokens, example)
        made[key] = list(seen.values())
    return made


def _example(passage: Passage, number: int, position: int, found: torch.Tensor, window: Window) -> Example:
    start, end = window.around(position, len(found))
    return Example(
        tokens=tuple(passage.tokens[start:end]),
        activations=tuple(found[start:end].tolist()),
        peak=position - start,
        source=passage.source,
        passage=number,
        position=position,
    )


def _grouped(examples: list[Example], groups: int) -> tuple[Quantile, ...]:
    """Sort examples by activation and cut them into groups of about one size, strongest first."""
    ranked = sorted(examples, key=lambda one: -one.activation)
    made = []
    for number in range(groups):
        part = ranked[number * len(ranked) // groups : (number + 1) * len(ranked) // groups]
        if part:
            made.append(Quantile(part[-1].activation, part[0].activation, tuple(part)))
    return tuple(made)
