"""Conditions of edits, read while the prompts pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.plan import Condition
from sdialog.interpretability.running._selection import Selection
from sdialog.interpretability.running._values import axes, misfit, vector, with_length
from sdialog.llm.interventions import RowSpan


@dataclass(frozen=True, eq=False)
class _Watched:
    """A condition of a row."""

    job: int
    place: Place
    condition: Condition
    selection: Selection
    unit: torch.Tensor
    offset: torch.Tensor | None


class Verdicts:
    """Whether the conditions of rows hold, found while their prompts pass.

    Args:
        failures: take what is wrong with a condition, by row.
    """

    def __init__(self, failures: dict[int, Exception]) -> None:
        self._failures = failures
        self._watched: dict[str, tuple[Place, list[_Watched]]] = {}
        self._held: dict[tuple[int, int], bool] = {}

    def watch(self, job: int, condition: Condition, selection: Selection, place: Place, device: torch.device) -> None:
        """Have a condition read of a row.

        Raises:
            ConfigError: if its vectors have not the size of the place.
        """
        if place.site.kind == "pattern":
            raise ConfigError(f"{place.site}: a condition cannot be read of a pattern, which grows with the prompt")
        direction = with_length(vector(condition.direction, device, place), place).float()
        offset = None if condition.offset is None else vector(condition.offset, device, place).float()
        if direction.dim() != axes(place):
            heads = f"({place.view.split or 'heads'}, {place.width})"
            raise ConfigError(
                f"{place.site}: the direction of a condition has the shape {heads} here, or name one head"
            )
        found = self._watched.setdefault(str(place.site), (place, []))
        found[1].append(_Watched(job, place, condition, selection, direction / direction.norm(), offset))

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
        by_job = {span.job: span for span in spans if not span.again}
        for place, watched in self._watched.values():
            due = [one for one in watched if one.job in by_job and by_job[one.job].position < len(one.selection.prompt)]
            if due:
                yield place, self._reader(due, by_job)

    def _reader(self, due: Sequence[_Watched], by_job: dict[int, RowSpan]) -> Callable[[torch.Tensor], None]:
        def read(whole: torch.Tensor) -> None:
            for one in due:
                try:
                    self._held[one.job, id(one.condition)] = _holds(one, by_job[one.job], whole)
                except ConfigError as error:
                    self._failures.setdefault(one.job, error)
                    self._held[one.job, id(one.condition)] = False

        return read


def _holds(one: _Watched, span: RowSpan, whole: torch.Tensor) -> bool:
    """Tell whether a condition holds, given what is at its place, which may be the last columns of the call alone."""
    if whole.shape[-1] != one.unit.shape[-1]:
        raise ConfigError(misfit(one.place, one.unit, whole.shape[-1]))
    start = span.columns - whole.shape[1]
    end = min(len(one.selection.prompt) - span.position + span.first, span.columns)
    meant = [
        column - start
        for column in range(max(span.first, start), end)
        if one.selection.at(span.position + column - span.first)
    ]
    if not meant:  # what is not said does not hold
        return False
    mean = whole[span.row, meant].float().mean(0)
    mean = mean if one.offset is None else mean - one.offset
    reading = float((mean * one.unit).sum())
    if one.condition.measure == "cosine":
        reading /= float(mean.norm()) or 1.0
    return reading < one.condition.threshold if one.condition.below else reading > one.condition.threshold
