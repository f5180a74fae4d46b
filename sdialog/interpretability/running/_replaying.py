"""Conversations run through a model in padded batches, and what is at sites for the tokens that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from sdialog.core.errors import ConfigError, UnsupportedFeatureError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.anatomy.places import Anatomy, Place
from sdialog.interpretability.anatomy.taps import Tap, attached
from sdialog.interpretability.caching.recipes import WHY
from sdialog.llm.interventions import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH_TOKENS = 8192


@dataclass(frozen=True, eq=False)
class Sequenced:
    """A conversation as tokens, and which of them are meant.

    Attributes:
        ids: token ids.
        positions: places of the tokens that are meant, in order; not empty.
        groups: for each of these the row that it goes into, from 0 without gaps; None for a row each.
        rows: how many rows that makes.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    groups: tuple[int, ...] | None = None

    @property
    def rows(self) -> int:
        return len(self.positions) if self.groups is None else max(self.groups) + 1


class Replayer:
    """Runs conversations through a model and returns what is at sites.

    Args:
        network: the model.
        sites: names; ``*`` stands for several.
        dtype: numpy type of what is returned.
        batch_tokens: most tokens of a batch, padding included; a longer conversation is a batch of its own.
        max_bytes: most bytes that the activations of one batch may take, where a conversation alone does not.

    Attributes:
        names: the sites, one by one.
        shapes: shape of one token's activation at each.

    Raises:
        UserError: if a site is not there, or ``float16`` is too small for what is at it.
        UnsupportedFeatureError: for attention patterns, which have another shape in each conversation.
    """

    def __init__(
        self,
        network: Network,
        sites: Iterable[str],
        *,
        dtype: str = "float32",
        batch_tokens: int = BATCH_TOKENS,
        max_bytes: int | None = None,
    ) -> None:
        if batch_tokens < 1:
            raise ConfigError(f"batch_tokens is at least 1, not {batch_tokens}")
        anatomy = Anatomy(network)
        found = [site for one in sites for site in anatomy.expand(one)]
        if not found:
            raise ConfigError("name at least one site, such as layers.*.resid_post")
        wrong = next((site for site in found if site.kind == "pattern"), None)
        if wrong is not None:
            raise UnsupportedFeatureError(
                f"{wrong} has another shape in each conversation and is not kept; record it with a Read, or keep z"
            )
        self.network, self.dtype = network, dtype
        self._places: dict[str, Place] = {str(site): anatomy.place(site) for site in found}
        self._whole = any(site.is_path or site.kind == "logits" for site in found)
        self.names = tuple(self._places)
        self.shapes: dict[str, tuple[int, ...]] = {}
        probe = self._batch([Sequenced((0,), (0,))])
        self.shapes = {name: tuple(values[0].shape[1:]) for name, values in probe.items()}
        fitting = batch_tokens if max_bytes is None else max_bytes // max(self.row_bytes, 1)
        self.batch_tokens = max(1, min(batch_tokens, fitting))

    @property
    def row_bytes(self) -> int:
        """How many bytes one row takes at all sites."""
        numpy = need("numpy", extra="local", why=WHY)
        sizes = [int(numpy.prod(shape, dtype=int)) for shape in self.shapes.values()]
        return sum(sizes) * int(numpy.dtype(self.dtype).itemsize)

    def run(self, given: Sequence[Sequenced]) -> dict[str, NDArray[Any]]:
        """Return for each site the rows of all conversations, one after the other.

        Raises:
            UserError: if a conversation is longer than the model can read, or a site is not passed.
        """
        numpy = need("numpy", extra="local", why=WHY)
        self._check_length(given)
        starts = numpy.cumsum([0, *(one.rows for one in given)])
        out = {name: numpy.empty((int(starts[-1]), *shape), self.dtype) for name, shape in self.shapes.items()}
        for batch in self._batches(given):
            for name, values in self._batch([given[place] for place in batch]).items():
                for place, rows in zip(batch, values, strict=True):
                    out[name][starts[place] : starts[place + 1]] = rows.numpy()
        return out

    def _check_length(self, given: Sequence[Sequenced]) -> None:
        most = getattr(self.network.model.config, "max_position_embeddings", None)
        longest = max((len(one.ids) for one in given), default=0)
        if most is not None and longest > most:
            raise UserError(
                f"a conversation has {longest} tokens and {self.network.name or 'the model'} reads {most}; cut the "
                "dialog, such as dialog[:20]"
            )

    def _batches(self, given: Sequence[Sequenced]) -> Iterator[list[int]]:
        """Yield which conversations run together: neighbours in length."""
        order = sorted(range(len(given)), key=lambda place: (len(given[place].ids), place))
        batch: list[int] = []
        for place in order:
            if batch and (len(batch) + 1) * len(given[place].ids) > self.batch_tokens:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _batch(self, given: Sequence[Sequenced]) -> dict[str, list[torch.Tensor]]:
        """Return for each site the rows of each conversation, on the CPU."""
        ids, mask = padded([one.ids for one in given])
        rows = torch.tensor([place for place, one in enumerate(given) for _ in one.positions])
        columns = torch.tensor([position for one in given for position in one.positions])
        kept: dict[str, torch.Tensor] = {}

        def keep(name: str, tensor: torch.Tensor) -> None:
            kept[name] = tensor.detach()[rows.to(tensor.device), columns.to(tensor.device)]

        taps = [Tap(place, partial(keep, name), edits=False) for name, place in self._places.items()]
        self.network.call(partial(self._pass, ids, mask, taps))
        silent = [name for name in self._places if name not in kept]
        if silent:
            raise UserError(f"nothing passed {', '.join(silent)}: the model does not call the module")
        counts = [len(one.positions) for one in given]
        found: dict[str, list[torch.Tensor]] = {}
        for name, values in kept.items():
            pieces = values.cpu().split(counts)
            found[name] = [self._as_kept(name, _means(*one)) for one in zip(pieces, given, strict=True)]
        return found

    def _as_kept(self, name: str, values: torch.Tensor) -> torch.Tensor:
        kept = values.to(getattr(torch, self.dtype))
        if self.dtype == "float16" and bool((kept.isinf() & ~values.isinf()).any()):
            most = float(values.abs().max())
            raise UserError(f"activations at {name} reach {most:.3g} and float16 ends at 65504; give dtype='float32'")
        return kept

    def _pass(self, ids: torch.Tensor, mask: torch.Tensor, taps: list[Tap]) -> None:
        model = self.network.model
        # Scores of the whole vocabulary cost more than all activations; they are left out where nobody wants them.
        part = model if self._whole else getattr(model, "base_model", model)
        with torch.no_grad(), attached(taps):
            part(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False)


def padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids of shape (rows, longest) with zeros after shorter rows, and the mask of what is no padding."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def reply_losses(
    network: Network, given: Sequence[tuple[Sequence[int], int]], batch_tokens: int = BATCH_TOKENS
) -> list[float | None]:
    """Return for each conversation the mean negative log-likelihood of its reply, in nats a token.

    Args:
        network: the model.
        given: token ids of prompt and reply, and how many of them are the prompt.
        batch_tokens: most tokens of a batch.

    Returns:
        In order; None for empty replies.
    """
    found: list[float | None] = [None] * len(given)
    order = sorted(
        (place for place, (ids, prompt) in enumerate(given) if len(ids) > prompt), key=lambda n: len(given[n][0])
    )
    while order:
        count = 1
        while count < len(order) and (count + 1) * len(given[order[count]][0]) <= batch_tokens:
            count += 1
        batch, order = order[:count], order[count:]
        ids, mask = padded([given[place][0] for place in batch])
        losses = network.call(partial(_losses, network.model, ids, mask))
        for place, row in zip(batch, losses, strict=True):
            tokens, prompt = given[place]
            found[place] = float(row[prompt - 1 : len(tokens) - 1].mean())
    return found


def _losses(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits
        scores = logits[:, :-1].float()
        chosen = scores.gather(-1, ids[:, 1:, None].to(model.device))[..., 0]
        return (scores.logsumexp(-1) - chosen).cpu()


def _means(values: torch.Tensor, one: Sequenced) -> torch.Tensor:
    if one.groups is None:
        return values
    groups = torch.tensor(one.groups)
    sums = torch.zeros((one.rows, *values.shape[1:]), dtype=torch.float64).index_add_(0, groups, values.double())
    counts = torch.bincount(groups, minlength=one.rows)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))
