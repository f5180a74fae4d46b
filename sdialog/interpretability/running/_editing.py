"""Changing what passes a place: each row by its own edits, all rows in a few operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.plan import Condition, Edit
from sdialog.interpretability.running._selection import Selection
from sdialog.llm.interventions import RowSpan

Call = Callable[[torch.Tensor], torch.Tensor | None]


@dataclass(eq=False)
class _RowEdit:
    """An edit of one row."""

    job: int
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


class Verdicts:
    """Whether the conditions of rows hold, found while their prompts pass."""

    def __init__(self) -> None:
        self._watched: dict[str, tuple[Place, list[tuple[int, Condition, Selection, torch.Tensor, Any]]]] = {}
        self._held: dict[tuple[int, int], bool] = {}

    def watch(self, job: int, condition: Condition, selection: Selection, place: Place, device: torch.device) -> None:
        """Have a condition read of a row."""
        vector = _tensor(condition.direction, device, place).float()
        offset = None if condition.offset is None else _tensor(condition.offset, device, place).float()
        found = self._watched.setdefault(str(place.site), (place, []))
        found[1].append((job, condition, selection, vector / vector.norm(), offset))

    def holds(self, job: int, condition: Condition, edited: Place) -> bool:
        """Tell whether a condition holds of a row.

        Raises:
            ConfigError: if that is not known yet, because it is read after the place that is edited.
        """
        verdict = self._held.get((job, id(condition)))
        if verdict is None:
            raise ConfigError(
                f"the condition at {condition.site} is not read yet when the edit at {edited.site} is to be made; read "
                "it at a module that runs earlier, or edit generated tokens only: span 'generated'"
            )
        return verdict

    def calls(self, spans: Sequence[RowSpan]) -> Iterator[tuple[Place, Callable[[torch.Tensor], None]]]:
        """Yield what reads the conditions in a call that ends a prompt."""
        by_job = {span.job: span for span in spans}
        for place, watched in self._watched.values():
            due = [
                entry for entry in watched if entry[0] in by_job and by_job[entry[0]].position < len(entry[2].prompt)
            ]
            if due:
                yield place, self._reader(due, by_job)

    def _reader(self, due: Sequence[Any], by_job: dict[int, RowSpan]) -> Callable[[torch.Tensor], None]:
        def read(whole: torch.Tensor) -> None:
            for job, condition, selection, unit, offset in due:
                span = by_job[job]
                end = len(selection.prompt) - span.position + span.first
                meant = [
                    column
                    for column in range(span.first, min(end, whole.shape[1]))
                    if selection.at(span.position + column - span.first)
                ]
                if not meant:  # what is not said does not hold
                    self._held[job, id(condition)] = False
                    continue
                mean = whole[span.row, meant].float().mean(0)
                mean = mean if offset is None else mean - offset
                reading = float(mean @ unit)
                if condition.measure == "cosine":
                    reading /= float(mean.norm()) or 1.0
                over = reading < condition.threshold if condition.below else reading > condition.threshold
                self._held[job, id(condition)] = over

        return read


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
        if edit.op == "call":
            value = None
        elif edit.value is not None:
            value = _tensor(edit.value, device, self.place, many=edit.op == "set")
            per_token = edit.op == "set" and value.dim() > _dims(self.place)
        self._rows.setdefault(job, []).append(_RowEdit(job, edit, selection, value, per_token))

    def call(self, spans: Sequence[RowSpan]) -> Call | None:
        """Return what makes the edits in a call; None if it holds none of the rows."""
        own = [span for span in spans if span.job in self._rows]
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
        if len(spans) != whole.shape[0] or self.place.site.kind == "pattern":
            return None
        if not all(len(own) == 1 and own[0].is_steady_addition and self._applies(own[0]) for own in edits):
            return None
        pushes = torch.stack([own[0].edit.strength_at(0) * cast(torch.Tensor, own[0].value) for own in edits])
        pushes = pushes.to(whole.dtype)
        order = torch.tensor([span.row for span in spans], device=whole.device)
        pushes = torch.empty_like(pushes).index_copy_(0, order, pushes).unsqueeze(1)
        return lambda x: x + pushes

    def _layer(self, x: torch.Tensor, spans: Sequence[RowSpan], depth: int) -> torch.Tensor | None:
        """Make the edits number ``depth`` of all rows."""
        groups: dict[tuple[Any, ...], list[tuple[RowSpan, _RowEdit]]] = {}
        for span in spans:
            edits = self._rows[span.job]
            if depth < len(edits) and self._applies(edits[depth]):
                groups.setdefault(edits[depth].kind, []).append((span, edits[depth]))
        changed = None
        for members in groups.values():
            try:
                result = _edited(x if changed is None else changed, members)
            except Exception as error:
                # A function of the user's fails its own row, which is in a group of its own, and no other.
                if members[0][1].edit.op != "call":
                    raise
                self.failures.setdefault(members[0][0].job, error)
                continue
            changed = changed if result is None else result
        return changed

    def _applies(self, row: _RowEdit) -> bool:
        condition = row.edit.condition
        return condition is None or self.verdicts.holds(row.job, condition, self.place)


def _edited(x: torch.Tensor, members: Sequence[tuple[RowSpan, _RowEdit]]) -> torch.Tensor | None:
    """Return a tensor in which the rows of some edits of one kind are changed; None if no token is meant."""
    width = x.shape[1]
    strengths = [row.strengths(span, width) for span, row in members]
    if all(one is None for row in strengths for one in row):
        return None
    meant = torch.tensor([[one is not None for one in row] for row in strengths], device=x.device)
    amounts = torch.tensor([[one or 0.0 for one in row] for row in strengths], device=x.device, dtype=x.dtype)
    rows = [span.row for span, _ in members]
    everyone = rows == list(range(x.shape[0]))
    before = x if everyone else x[rows]
    tail = (1,) * (x.dim() - 2)
    after = _operation(before, members, amounts.view(*amounts.shape, *tail), meant)
    if members[0][1].edit.keep_norm:
        after = after * (before.norm(dim=-1, keepdim=True) / after.norm(dim=-1, keepdim=True).clamp(min=1e-12))
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
    first = members[0][1]
    op = first.edit.op
    if op == "scale":
        return x * amount
    if op == "zero":
        return torch.zeros_like(x)
    if op == "call":
        return _called(x, first.edit.value, meant)
    if first.per_token:
        return _set(x, first, meant)
    value = torch.stack([row.value for _, row in members if row.value is not None]).to(x.dtype)
    value = value.unsqueeze(1)
    if op == "set":
        return value.expand_as(x)
    if op == "add":
        return x + amount * value
    unit = value / value.norm(dim=-1, keepdim=True)
    reading = (x * unit).sum(-1, keepdim=True)
    return x - amount * reading * unit if op == "project_out" else x + (amount - reading) * unit


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


def _set(x: torch.Tensor, row: _RowEdit, meant: torch.Tensor) -> torch.Tensor:
    """Return a row with the tokens that are meant replaced one by one."""
    assert row.value is not None
    count = int(meant.sum())
    if count > len(row.value):
        raise ConfigError(f"set has values for {len(row.value)} tokens, but the span means {count}")
    result = x.clone()
    result[meant] = row.value[:count].to(x.dtype)
    return result


def _dims(place: Place) -> int:
    """Return how many axes one token has at a place."""
    whole_heads = place.site.kind in ("z", "q", "k", "v", "pattern") and place.site.head is None
    return 2 if whole_heads else 1


def _tensor(value: Any, device: torch.device, place: Place, *, many: bool = False) -> torch.Tensor:
    """Return a value as a tensor.

    Raises:
        ConfigError: if it has not the size of the place.
    """
    vector = getattr(value, "vector", value)
    found = torch.as_tensor(vector, device=device)
    if not found.is_floating_point():
        found = found.float()
    width = place.width
    fits = width is None or (found.dim() and found.shape[-1] == width)
    if not fits or not (1 <= found.dim() <= _dims(place) + int(many)):
        raise ConfigError(f"{place.site} has vectors of {width} numbers; the value has the shape {tuple(found.shape)}")
    if not bool(torch.isfinite(found).all()):
        raise ConfigError(f"{place.site}: the value holds numbers that are not finite")
    return found
