"""Keeping what passes a place until a row is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.plan import Read
from sdialog.interpretability.running._selection import Selection
from sdialog.interpretability.running.traces import Capture, ReplyTokens
from sdialog.llm.interventions import RowSpan

# Numbers at some tokens, with their indices and log-sum-exp where only the largest are kept.
Piece = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
# After so many steps they leave the memory of the model's device.
_BLOCK = 64


class StepLog:
    """What the steps of a batch gave at one place: kept once a step for all rows, and told apart at the end.

    Args:
        top: how many of the largest numbers are kept; 0 for all.
    """

    def __init__(self, top: int) -> None:
        self.top = top
        self._runs: list[_Run] = []
        self._paused = False

    def add(self, rows: Mapping[int, int], spans: Sequence[RowSpan], tensor: torch.Tensor) -> None:
        """Keep a step.

        Args:
            rows: row by job; the same mapping as long as the batch has the same rows.
            spans: the rows.
            tensor: what is at the place, of shape (rows, ...).
        """
        if self._paused or not self._runs or self._runs[-1].rows is not rows:
            self._paused = False
            self._runs.append(_Run(rows, {span.job: span.position for span in spans}))
        self._runs[-1].add(reduced(tensor, self.top))

    def pause(self) -> None:
        """Note that a step is left out, so that positions are counted anew after it."""
        self._paused = True

    def of(self, job: int) -> Iterator[tuple[range, Piece]]:
        """Yield the positions and the tokens of a row."""
        for run in self._runs:
            if job in run.rows:
                first, row = run.first[job], run.rows[job]
                pieces = tuple(None if part is None else part[:, row] for part in run.stacked())
                yield range(first, first + run.steps), cast(Piece, pieces)

    def done(self, job: int) -> None:
        """Let go of what only this row still needed."""
        for run in self._runs:
            run.first.pop(job, None)
        self._runs = [run for run in self._runs if run.first]


@dataclass(eq=False)
class _Run:
    """Steps of the same rows, one after the other."""

    rows: Mapping[int, int]
    first: dict[int, int]
    steps: int = 0
    _latest: list[Piece] = field(default_factory=list)
    _blocks: list[Piece] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Keep a step."""
        self._latest.append(piece)
        self.steps += 1
        if len(self._latest) == _BLOCK:
            self._settle()

    def stacked(self) -> Piece:
        """Return the steps as one, of shape (steps, rows, ...), on the CPU."""
        self._settle()
        if len(self._blocks) > 1:
            self._blocks = [_together(self._blocks, torch.cat)]
        return self._blocks[0]

    def _settle(self) -> None:
        if self._latest:
            self._blocks.append(on_cpu(_together(self._latest, torch.stack)))
            self._latest = []


def _together(pieces: Sequence[Piece], join: Callable[[list[torch.Tensor]], torch.Tensor]) -> Piece:
    parts = [
        None if first is None else join([cast(torch.Tensor, piece[number]) for piece in pieces])
        for number, first in enumerate(pieces[0])
    ]
    return cast(Piece, tuple(parts))


def on_cpu(piece: Piece) -> Piece:
    """Return a piece in the memory of the CPU."""
    return cast(Piece, tuple(None if part is None else part.cpu() for part in piece))


class Recorder:
    """One read of one row.

    Args:
        job: the row's.
        place: where.
        read: the read.
        selection: of which tokens.

    Raises:
        ConfigError: if the type to keep is none of torch's.
    """

    def __init__(self, job: int, place: Place, read: Read, selection: Selection) -> None:
        self.job, self.place, self.read, self.selection = job, place, read, selection
        self.is_pattern = place.site.kind == "pattern" and place.site.head is None
        # Patterns of a step are as long as their row, so that rows have no shape in common.
        self.by_row = place.site.kind == "pattern"
        self._dtype = _dtype(read.dtype)
        self._positions: list[int] = []
        self._pieces: list[Piece] = []

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
        self._pieces.append(on_cpu(reduced(part, self.read.top)))

    def capture(self, tokens: ReplyTokens, log: StepLog | None) -> Capture:
        """Return what was recorded, on the CPU.

        Args:
            tokens: prompt and reply.
            log: what steps gave at the place.
        """
        for positions, piece in () if log is None else log.of(self.job):
            self._take_steps(positions, piece)
        wanted = self.selection.settled(self._positions)
        parts = [self._joined(place) for place in range(3)]
        if len(wanted) < len(self._positions):
            at = {position: place for place, position in enumerate(self._positions)}
            keep = [at[position] for position in wanted]
            parts = [part if part is None else part[keep] for part in parts]
        values, indices, total = parts
        self._pieces.clear()
        values = torch.empty(0) if values is None else values
        if self.read.reduce == "mean" and len(values):
            values = values.mean(0, keepdim=True)
        elif self.read.reduce is not None:
            end = _END[self.read.reduce]
            values, indices, total = (None if part is None else part[end] for part in (values, indices, total))
        return Capture(str(self.place.site), values, tuple(wanted), tokens, indices, total)

    def _take_steps(self, positions: range, piece: Piece) -> None:
        if not self.selection.steady:
            meant = [place for place, position in enumerate(positions) if self.selection.at(position)]
            positions_meant = [positions[place] for place in meant]
            piece = cast(Piece, tuple(None if part is None else part[meant] for part in piece))
        else:
            positions_meant = list(positions)
        if positions_meant:
            self._positions += positions_meant
            self._pieces.append(piece)

    def _joined(self, number: int) -> Any:
        found = [part for piece in self._pieces if (part := piece[number]) is not None]
        if not found:
            return None
        if self.place.site.kind == "pattern":
            widest = max(part.shape[-1] for part in found)
            found = [torch.nn.functional.pad(part, (0, widest - part.shape[-1])) for part in found]
        # A copy even of one part, which may be a view of what holds other rows, too.
        joined = torch.cat(found)
        return joined if number else joined.to(self._dtype or joined.dtype)


def reduced(tensor: torch.Tensor, top: int) -> Piece:
    """Return a copy of what is to be kept of a tensor, whose first axis is of rows or tokens."""
    if not top:
        return tensor.clone(), None, None
    found = tensor.topk(min(top, tensor.shape[-1]), dim=-1)
    return found.values, found.indices, tensor.float().logsumexp(-1)


_END = {"first": slice(0, 1), "last": slice(-1, None)}


def _dtype(name: Any) -> torch.dtype | None:
    if name is None:
        return None
    found = getattr(torch, str(name).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ConfigError(f"activations are kept in a floating-point type such as float16 or float32, not {name!r}")
    return found
