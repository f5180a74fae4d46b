"""Changing what passes a place: each row by its own edits, all rows in a few operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.plan import Edit
from sdialog.interpretability.running._selection import Selection
from sdialog.interpretability.running._values import axes, misfit, vector, with_length
from sdialog.interpretability.running._verdicts import Verdicts
from sdialog.llm.interventions import RowSpan

Call = Callable[[torch.Tensor], torch.Tensor | None]

_ALONG_A_DIRECTION = ("project_out", "clamp")


@dataclass(eq=False)
class _RowEdit:
    """An edit of one row."""

    job: int
    place: Place
    edit: Edit
    selection: Selection
    value: torch.Tensor | None
    per_token: bool = False

    @property
    def kind(self) -> tuple[Any, ...]:
        """What edits must have in common to be made in one operation."""
        own = self.job if self.edit.op == "call" or self.per_token else None
        shape = None if self.value is None else tuple(self.value.shape)
        return self.edit.op, self.edit.keep_norm, shape, own

    @property
    def is_steady_addition(self) -> bool:
        """Whether every generated token gets the same vector."""
        edit = self.edit
        steady = self.selection.steady and isinstance(edit.strength, (int, float)) and not edit.keep_norm
        return edit.op == "add" and steady

    def strengths(self, span: RowSpan, width: int) -> list[float | None]:
        """Return the strength in each of the last ``width`` columns of a call, None where the token is not meant."""
        found: list[float | None] = []
        prompt = len(self.selection.prompt)
        for column in range(span.columns - width, span.columns):
            position = span.position + column - span.first
            meant = column >= span.first and self.selection.at(position)
            # A choice counts from where it is made, the last prompt token.
            found.append(self.edit.strength_at(position - prompt + 1) if meant else None)
        return found

    def done_before(self, span: RowSpan, width: int) -> int:
        """Return how many tokens are meant before those of the last ``width`` columns of a call."""
        first = span.position + max(span.columns - width - span.first, 0)
        return sum(self.selection.at(position) for position in range(first))


class PlaceEdits:
    """The edits of all rows at one place.

    Args:
        place: where.
        verdicts: say whether conditions hold.
        failures: take what functions of the user's raised, by row.
    """

    def __init__(self, place: Place, verdicts: Verdicts, failures: dict[int, Exception]) -> None:
        self.place, self.verdicts, self.failures = place, verdicts, failures
        self._rows: dict[int, list[_RowEdit]] = {}

    def add(self, job: int, edit: Edit, selection: Selection, device: torch.device) -> None:
        """Add an edit of a row, after those it has.

        Raises:
            ConfigError: if the value has not the size of the place.
        """
        value, per_token = None, False
        if edit.op != "call" and edit.value is not None:
            value = vector(edit.value, device, self.place, many=edit.op == "set")
            per_token = edit.op == "set" and value.dim() > axes(self.place)
            if edit.op in _ALONG_A_DIRECTION:
                with_length(value, self.place)
        self._rows.setdefault(job, []).append(_RowEdit(job, self.place, edit, selection, value, per_token))

    def call(self, spans: Sequence[RowSpan]) -> Call | None:
        """Return what makes the edits in a call; None if it holds none of the rows."""
        own = [span for span in spans if span.job in self._rows and span.job not in self.failures]
        if not own:
            return None

        def change(whole: torch.Tensor) -> torch.Tensor | None:
            pattern = self.place.site.kind == "pattern"
            x = whole.movedim(2, 1) if pattern and self.place.site.head is None else whole
            changed = None
            for depth in range(max(len(self._rows[span.job]) for span in own)):
                result = self._layer(x if changed is None else changed, own, depth)
                changed = changed if result is None else result
            if changed is None:
                return None
            return changed.movedim(1, 2) if pattern and self.place.site.head is None else changed

        return change

    def step(self, jobs: Sequence[int], now: Callable[[], Sequence[RowSpan]]) -> Call | None:
        """Return what makes the edits in each step of the same rows; None if none of them is edited.

        Args:
            jobs: the rows.
            now: gives them as they are in a step.
        """
        if not any(job in self._rows for job in jobs):
            return None
        steady: list[Any] = []

        def change(whole: torch.Tensor) -> torch.Tensor | None:
            if not steady:
                steady.append(self._steady(now(), whole))
            if steady[0] is not None:
                changed: torch.Tensor = steady[0](whole)
                return changed
            call = self.call(now())
            return None if call is None else call(whole)

        return change

    def _steady(self, spans: Sequence[RowSpan], whole: torch.Tensor) -> Call | None:
        """Return the edits as one operation, its numbers ready, where every row adds a vector to every token."""
        edits = [self._rows.get(span.job, []) for span in spans]
        failed = any(span.job in self.failures for span in spans)
        if failed or len(spans) != whole.shape[0] or self.place.site.kind == "pattern":
            return None
        if not all(len(own) == 1 and own[0].is_steady_addition for own in edits):
            return None
        if not all(self._applies(own[0], span, 1) for own, span in zip(edits, spans, strict=True)):
            return None
        exact = _exact(whole)
        pushes = torch.stack([own[0].edit.strength_at(0) * cast(torch.Tensor, own[0].value).to(exact) for own in edits])
        order = torch.tensor([span.row for span in spans], device=whole.device)
        pushes = _for_tokens(torch.empty_like(pushes).index_copy_(0, order, pushes), whole)
        return lambda x: (x + pushes).to(x.dtype)

    def _layer(self, x: torch.Tensor, spans: Sequence[RowSpan], depth: int) -> torch.Tensor | None:
        """Make the edits number ``depth`` of all rows."""
        groups: dict[tuple[Any, ...], list[tuple[RowSpan, _RowEdit]]] = {}
        for span in spans:
            edits = self._rows[span.job]
            if depth < len(edits) and self._applies(edits[depth], span, x.shape[1]):
                groups.setdefault(edits[depth].kind, []).append((span, edits[depth]))
        changed = None
        for members in groups.values():
            try:
                result = _edited(x if changed is None else changed, members)
            except Exception as error:
                # What a user brings fails its own rows: a function, which is in a group of its own, or a wrong shape.
                if members[0][1].edit.op != "call" and not isinstance(error, UserError):
                    raise
                for span, _ in members:
                    self.failures.setdefault(span.job, error)
                continue
            changed = changed if result is None else result
        return changed

    def _applies(self, row: _RowEdit, span: RowSpan, width: int) -> bool:
        condition = row.edit.condition
        if condition is None:
            return True
        if all(one is None for one in row.strengths(span, width)):
            return False  # and the condition may not be read yet
        try:
            return self.verdicts.holds(row.job, condition, self.place)
        except ConfigError as error:
            self.failures.setdefault(row.job, error)
            return False


def _edited(x: torch.Tensor, members: Sequence[tuple[RowSpan, _RowEdit]]) -> torch.Tensor | None:
    """Return a tensor in which the rows of some edits of one kind are changed; None if no token is meant."""
    width = x.shape[1]
    strengths = [row.strengths(span, width) for span, row in members]
    if all(one is None for row in strengths for one in row):
        return None
    exact = _exact(x)
    meant = torch.tensor([[one is not None for one in row] for row in strengths], device=x.device)
    amounts = torch.tensor([[one or 0.0 for one in row] for row in strengths], device=x.device, dtype=exact)
    rows = [span.row for span, _ in members]
    everyone = rows == list(range(x.shape[0]))
    before = x if everyone else x[rows]
    tail = (1,) * (x.dim() - 2)
    after = _operation(before, members, amounts.view(*amounts.shape, *tail), meant)
    if members[0][1].edit.keep_norm:
        lengths = before.to(exact).norm(dim=-1, keepdim=True)
        after = after.to(exact) * (lengths / after.to(exact).norm(dim=-1, keepdim=True).clamp(min=1e-12))
    after = after.to(x.dtype)
    if not bool(meant.all()):
        after = torch.where(meant.view(*meant.shape, *tail), after, before)
    if everyone:
        return after
    whole = x.clone()
    whole[rows] = after
    return whole


def _operation(
    x: torch.Tensor, members: Sequence[tuple[RowSpan, _RowEdit]], amount: torch.Tensor, meant: torch.Tensor
) -> torch.Tensor:
    """Return what an operation makes of rows, at every token.

    Args:
        x: of shape (rows, tokens, ...).
        members: one edit a row, all of one kind.
        amount: strengths, of shape (rows, tokens, 1 ...).
        meant: which tokens are meant, of shape (rows, tokens).
    """
    span, first = members[0]
    op = first.edit.op
    if op == "call":
        return _called(x, first.edit.value, meant)
    if op == "zero":
        return torch.zeros_like(x)
    if first.value is not None and first.value.shape[-1] != x.shape[-1]:
        raise ConfigError(misfit(first.place, first.value, x.shape[-1]))
    if first.per_token:
        return _set(x, first, meant, first.done_before(span, x.shape[1]))
    # Half precision would lose more on the way than the result has to.
    x = x.to(_exact(x))
    if op == "scale":
        return x * amount
    value = _for_tokens(torch.stack([row.value for _, row in members if row.value is not None]).to(x.dtype), x)
    if op == "set":
        return value.expand_as(x)
    if op == "add":
        return x + amount * value
    unit = _unit(value)
    reading = (x * unit).sum(-1, keepdim=True)
    return x - amount * reading * unit if op == "project_out" else x + (amount - reading) * unit


def _unit(value: torch.Tensor) -> torch.Tensor:
    """Return vectors of length 1; those of length 0, as of heads that are not meant, stay 0."""
    least = torch.finfo(value.dtype).tiny
    # By the largest number first, so that squares of small ones are not lost.
    value = value / value.abs().amax(-1, keepdim=True).clamp(min=least)
    return value / value.norm(dim=-1, keepdim=True).clamp(min=least)


def _exact(x: torch.Tensor) -> torch.dtype:
    """Return the type to compute in."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _for_tokens(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return one value a row, of shape (rows, ...), with axes for the tokens, and the heads where it has none."""
    return values.view(values.shape[0], *(1,) * (x.dim() - values.dim()), *values.shape[1:])


def _called(x: torch.Tensor, function: Callable[[Any], Any], meant: torch.Tensor) -> torch.Tensor:
    """Return a row as a user's function of (tokens, size) makes it, given the tokens that are meant."""
    result = x.clone()
    given = x[meant]
    made = function(given.clone())
    if not isinstance(made, torch.Tensor) or made.shape != given.shape:
        shape = tuple(getattr(made, "shape", ())) or type(made).__name__
        raise ConfigError(
            f"a steering function returns a tensor of the shape it got, {tuple(given.shape)}; not {shape}"
        )
    result[meant] = made.to(device=x.device, dtype=x.dtype)
    return result


def _set(x: torch.Tensor, row: _RowEdit, meant: torch.Tensor, done: int) -> torch.Tensor:
    """Return a row with the tokens that are meant replaced one by one.

    Args:
        x: the row.
        row: its edit.
        meant: which of its tokens are meant.
        done: how many were meant in the calls before.
    """
    assert row.value is not None
    count = int(meant.sum())
    if done + count > len(row.value):
        raise ConfigError(f"set has values for {len(row.value)} tokens, but the span means {done + count} or more")
    result = x.clone()
    result[meant] = row.value[done : done + count].to(x.dtype)
    return result
