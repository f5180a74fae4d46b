"""Runs of a model in which what is at some places and tokens is replaced, a row of the batch for each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from sdialog.core.errors import UserError
from sdialog.interpretability.anatomy.places import Anatomy, Place
from sdialog.interpretability.anatomy.taps import Tap, forward
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.running._inputs import Tokens
from sdialog.interpretability.sites import Site
from sdialog.llm.interventions import Network


@dataclass(frozen=True, eq=False)
class Change:
    """What is put at a place.

    Attributes:
        place: where.
        positions: of which tokens; None for all.
        values: one for each of the tokens, of shape (tokens, ...).
    """

    place: Place
    positions: Sequence[int] | None
    values: torch.Tensor


def places_of(anatomy: Anatomy, sites: str | Site | Iterable[str | Site]) -> list[Place]:
    """Return the places that sites name, each once.

    Raises:
        UserError: if there are none, or one is not there.
    """
    given = [sites] if isinstance(sites, (str, Site)) else list(sites)
    found = {str(one): anatomy.place(one) for site in given for one in anatomy.expand(site)}
    if not found:
        raise UserError("name at least one site, such as layers.*.resid_pre")
    return list({str(place.site): place for place in found.values()}.values())


def ids_of(network: Network, tokens: Tokens, rows: int = 1) -> torch.Tensor:
    """Return token ids of shape (rows, tokens)."""
    return torch.tensor([tokens.ids], device=network.model.device).expand(rows, -1)


def held(network: Network, tokens: Tokens, places: Sequence[Place]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Run a conversation.

    Returns:
        What is at places, by name of the site, of shape (tokens, ...), and logits of shape (1, tokens, vocabulary).
    """
    found: dict[str, torch.Tensor] = {}

    def keeping(place: Place) -> Callable[[torch.Tensor], None]:
        def keep(whole: torch.Tensor) -> None:
            found[str(place.site)] = by_token(place, whole)[0].detach().clone()

        return keep

    with torch.no_grad():
        taps = [Tap(place, keeping(place), edits=False) for place in places]
        logits = forward(network, ids_of(network, tokens), taps=taps)
    return found, logits


def held_each(
    network: Network, many: Sequence[Tokens], places: Sequence[Place]
) -> list[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Run several conversations together; of each return what :func:`held` returns."""
    ids, mask = padded(network, many)
    whole: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        logits = forward(network, ids, mask, taps=[_reading(place, whole) for place in places])
    found = []
    for row, tokens in enumerate(many):
        count = len(tokens)
        own = {}
        for place in places:
            values = whole[str(place.site)][row, :count]
            own[str(place.site)] = (values[..., :count] if place.site.kind == "pattern" else values).clone()
        found.append((own, logits[row : row + 1, :count]))
    return found


def padded(network: Network, many: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return token ids of shape (rows, longest), zeros after shorter rows, and the mask where there are any.

    No token sees those after it, so that what is computed of a row is the same as by itself.
    """
    longest = max(len(tokens) for tokens in many)
    rows = [[*tokens.ids, *[0] * (longest - len(tokens))] for tokens in many]
    ids = torch.tensor(rows, device=network.model.device)
    if all(len(tokens) == longest for tokens in many):
        return ids, None
    lengths = torch.tensor([len(tokens) for tokens in many], device=ids.device)
    return ids, (torch.arange(longest, device=ids.device) < lengths[:, None]).long()


@dataclass(frozen=True, eq=False)
class Row:
    """A run of a conversation with changes, and what is measured in it."""

    tokens: Tokens
    changes: Sequence[Change]
    metric: Metric


def measured_rows(network: Network, rows: Sequence[Row], batch: int) -> list[float]:
    """Return the metric of each run; runs of several conversations share batches."""
    values: list[float] = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        ids, mask = padded(network, [row.tokens for row in part])
        with torch.no_grad():
            logits = forward(network, ids, mask, taps=_putting([row.changes for row in part]))
        first = 0
        for (_, _), members in groupby(part, lambda row: (id(row.tokens), id(row.metric))):
            alike = list(members)
            own = logits[first : first + len(alike), : len(alike[0].tokens)]
            values += one_each(alike[0].metric, own).tolist()
            first += len(alike)
    return values


def changed_rows(
    network: Network,
    tokens: Tokens,
    rows: Sequence[Sequence[Change]],
    *,
    batch: int,
    reads: Sequence[Place] = (),
) -> Iterator[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    """Run a conversation once for each list of changes, several of them in one batch.

    Args:
        network: the model.
        tokens: the conversation.
        rows: for each run, what is changed in it.
        batch: how many run together.
        reads: what is to be read.

    Yields:
        Of each batch the logits, and what was read, by name of the site, of shape (rows, tokens, ...).
    """
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        found: dict[str, torch.Tensor] = {}
        taps = [*_putting(part), *(_reading(place, found) for place in reads)]
        with torch.no_grad():
            yield forward(network, ids_of(network, tokens, len(part)), taps=taps), found


def measured(
    network: Network, tokens: Tokens, rows: Sequence[Sequence[Change]], metric: Metric, batch: int
) -> list[float]:
    """Return the metric of a conversation under each list of changes."""
    return measured_rows(network, [Row(tokens, changes, metric) for changes in rows], batch)


def one_each(metric: Metric, logits: torch.Tensor) -> torch.Tensor:
    """Return the metric of logits.

    Raises:
        UserError: if it does not return one number a row.
    """
    try:
        values = metric(logits)
    except IndexError as error:
        raise UserError(f"{metric} does not fit logits of the shape {tuple(logits.shape)}: {error}") from error
    if not isinstance(values, torch.Tensor) or values.shape != (logits.shape[0],):
        shape = tuple(getattr(values, "shape", ())) or type(values).__name__
        raise UserError(
            f"a metric returns one number a row, here of shape ({logits.shape[0]},), from logits of shape (rows, "
            f"tokens, vocabulary); {metric} returned {shape}"
        )
    return values.double()


def token_axis(place: Place) -> int:
    """Return which axis of what is at a place counts tokens."""
    return 2 if place.site.kind == "pattern" and place.site.head is None else 1


def by_token(place: Place, whole: torch.Tensor) -> torch.Tensor:
    """Return what is at a place with the axis of tokens after that of rows; it shares memory."""
    return whole.movedim(token_axis(place), 1)


@contextmanager
def gradients(network: Network, on: bool = True) -> Iterator[None]:
    """Record gradients, or not, with weights that are constants for the time of the block."""
    learning = [one for one in network.model.parameters() if one.requires_grad]
    for one in learning:
        one.requires_grad_(False)
    try:
        with torch.set_grad_enabled(on):
            yield
    finally:
        for one in learning:
            one.requires_grad_(True)


def in_thread(network: Network, function: Callable[[], Any]) -> Any:
    """Run a function in the model's thread, without recording gradients."""

    def run() -> Any:
        with torch.no_grad():
            return function()

    return network.call(run)


def _putting(rows: Sequence[Sequence[Change]]) -> list[Tap]:
    """Return the taps that make the changes of the rows of a batch."""
    by_site: dict[str, list[tuple[int, Change]]] = {}
    for row, changes in enumerate(rows):
        for change in changes:
            by_site.setdefault(str(change.place.site), []).append((row, change))
    return [Tap(members[0][1].place, _put(members)) for members in by_site.values()]


def _put(members: Sequence[tuple[int, Change]]) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(whole: torch.Tensor) -> torch.Tensor:
        result = whole.clone()
        for row, one in members:
            target = by_token(one.place, result)[row]
            values = one.values.to(device=whole.device, dtype=whole.dtype)
            positions = range(len(values)) if one.positions is None else one.positions
            if one.place.site.kind == "pattern":
                # Columns of padding, of a longer row in the batch, stay as they are: nothing attends to them.
                target[list(positions), ..., : values.shape[-1]] = values
            else:
                target[list(positions)] = values
        return result

    return change


def _reading(place: Place, found: dict[str, torch.Tensor]) -> Tap:
    def keep(whole: torch.Tensor) -> None:
        found[str(place.site)] = by_token(place, whole).clone()

    return Tap(place, keep, edits=False)
