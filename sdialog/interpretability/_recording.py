"""Keeping what passes a place until a row is whole."""

from __future__ import annotations

from typing import Any

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability._selection import Selection
from sdialog.interpretability.places import Place
from sdialog.interpretability.plan import Read
from sdialog.interpretability.traces import Capture, ReplyTokens
from sdialog.llm.interventions import RowSpan

# One token of every row of a step; or the tokens of one row. With their indices and log-sum-exp where only the largest
# are kept.
Piece = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]


class Recorder:
    """One read of one row.

    Args:
        place: where.
        read: the read.
        selection: of which tokens.

    Raises:
        ConfigError: if the type to keep is none of torch's.
    """

    def __init__(self, place: Place, read: Read, selection: Selection) -> None:
        self.place, self.read, self.selection = place, read, selection
        self.is_pattern = place.site.kind == "pattern" and place.site.head is None
        self._dtype = _dtype(read.dtype)
        self._positions: list[int] = []
        self._pieces: list[tuple[Piece, int | None]] = []

    def step(self, span: RowSpan, shared: Piece) -> None:
        """Keep the row's token of a step.

        Args:
            span: where the row is.
            shared: what was kept of all rows.
        """
        if self.selection.at(span.position):
            self._positions.append(span.position)
            self._pieces.append((shared, span.row))

    def keep(self, span: RowSpan, tensor: torch.Tensor) -> None:
        """Keep the wanted tokens of a row.

        Args:
            span: where the row's tokens are among the columns of the call.
            tensor: what is at the place, of one row, its first axis (of a pattern the second) the columns, or only
                the last of them, as at the logits.
        """
        tensor = tensor.movedim(1, 0) if self.is_pattern else tensor
        start = span.columns - tensor.shape[0]
        offset = span.position - span.first
        wanted = [at for at in range(max(span.first, start), span.columns) if self.selection.at(offset + at)]
        if not wanted:
            return
        self._positions += [offset + column for column in wanted]
        places = [column - start for column in wanted]
        part = tensor[places[0] : places[-1] + 1] if places[-1] - places[0] + 1 == len(places) else tensor[places]
        if self.place.site.kind == "pattern":
            part = part[..., span.padding :]
        self._pieces.append((reduced(part, self.read.top), None))

    def capture(self, tokens: ReplyTokens) -> Capture:
        """Return what was recorded, on the CPU."""
        wanted = self.selection.settled(self._positions)
        parts = [self._joined(place) for place in range(3)]
        if len(wanted) < len(self._positions):
            at = {position: place for place, position in enumerate(self._positions)}
            keep = [at[position] for position in wanted]
            parts = [part if part is None else part[keep] for part in parts]
        values, indices, total = parts
        self._pieces.clear()
        values = torch.empty(0) if values is None else values
        if self.read.reduce is not None and len(values):
            values = values.mean(0, keepdim=True) if self.read.reduce == "mean" else values[_END[self.read.reduce]]
        return Capture(str(self.place.site), values, tuple(wanted), tokens, indices, total)

    def _joined(self, number: int) -> Any:
        found: list[torch.Tensor] = []
        for piece, row in self._pieces:
            part = piece[number]
            if part is not None:
                found.append(part if row is None else part[row : row + 1])
        if not found:
            return None
        if self.place.site.kind == "pattern":
            widest = max(part.shape[-1] for part in found)
            found = [torch.nn.functional.pad(part, (0, widest - part.shape[-1])) for part in found]
        joined = torch.cat(found)
        return (joined if number else joined.to(self._dtype or joined.dtype)).cpu()


def reduced(tensor: torch.Tensor, top: int) -> Piece:
    """Return a copy of what is to be kept of a tensor, whose first axis is of rows or tokens."""
    if not top:
        return tensor.clone(), None, None
    found = tensor.topk(min(top, tensor.shape[-1]), dim=-1)
    return found.values, found.indices, tensor.float().logsumexp(-1)


_END = {"first": slice(0, 1), "last": slice(-1, None)}


def _dtype(name: str | None) -> torch.dtype | None:
    if name is None:
        return None
    found = getattr(torch, name.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ConfigError(f"activations are kept in a floating-point type such as float16 or float32, not {name!r}")
    return found
