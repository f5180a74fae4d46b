"""Patching of several pairs: every site and cell of each, beside the same cells from others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from sdialog.core.errors import UserError
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.running._causal_runs import Change, Row, held_each, measured_rows, one_each
from sdialog.interpretability.running.pairs import (
    CellSpan,
    Missing,
    Normalise,
    Pair,
    Progress,
    Strangers,
    alike,
    refuse_patterns,
    resolution,
)
from sdialog.llm.interventions import Network

Held = dict[str, torch.Tensor]


@dataclass(eq=False)
class PairValues:
    """What was measured.

    Attributes:
        base, donor: the metric of both runs of each pair.
        changed: the metric with one cell of the donor in the base, for each pair by place and cell, row by row; nan
            where it is missing.
        control: the same of a donor that is not of the pair.
        missing: what is nan, and why.
    """

    base: list[float] = field(default_factory=list)
    donor: list[float] = field(default_factory=list)
    changed: list[list[float]] = field(default_factory=list)
    control: list[list[float]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class PairRuns:
    """The runs.

    Attributes:
        network: the model.
        places: where.
        cells: of which tokens.
        strangers: draws the donors of controls.
        normalise: pairs whose runs measure the same are left out for ``pair``.
        batch: how many runs go through the model together.
    """

    network: Network
    places: Sequence[Place]
    cells: Sequence[CellSpan]
    strangers: Strangers
    normalise: Normalise
    batch: int

    def of(self, pairs: Sequence[Pair], progress: Progress | None = None) -> PairValues:
        """Return what is measured of all pairs.

        Raises:
            UserError: if nothing could be measured of any of them; the reason is that of the first.
        """
        values = PairValues()
        # Small jobs of several pairs share batches; of large ones only one pair's activations are held.
        size = max(1, self.batch // (len(self.places) * len(self.cells)))
        for start in range(0, len(pairs), size):
            self._some(list(range(start, min(start + size, len(pairs)))), pairs, values)
            if progress is not None:
                progress(min(start + size, len(pairs)), len(pairs))
        if all(math.isnan(one) for row in values.changed for one in row):
            why = str(values.missing[0].why)
            raise UserError(why if len(pairs) == 1 else f"nothing could be measured of {len(pairs)} pairs; {why}")
        return values

    def _some(self, numbers: Sequence[int], pairs: Sequence[Pair], values: PairValues) -> None:
        """Measure pairs that are run together."""
        some = [pairs[number] for number in numbers]
        held = held_each(self.network, [pair.donor for pair in some], self.places)
        bases = held_each(self.network, [pair.base for pair in some], [])
        strangers = [self.strangers.of(pair) for pair in some]
        drawn = [one.donor for one in strangers if one is not None]
        given = iter(held_each(self.network, drawn, self.places) if drawn else [])
        rows: list[Row] = []
        where: list[tuple[list[float], int]] = []
        for number, pair, (own, logits), (_, plain), stranger in zip(
            numbers, some, held, bases, strangers, strict=True
        ):
            donor, base = (float(one_each(pair.metric, one)[0]) for one in (logits, plain))
            values.base.append(base)
            values.donor.append(donor)
            for rows_of in (values.changed, values.control):
                rows_of.append([math.nan] * (len(self.places) * len(self.cells)))
            other = next(given)[0] if stranger is not None else None
            if (why := self._refusal(pair, base, donor)) is not None:
                values.missing.append(Missing(pair.label, None, why))
                continue
            for place, row in self._rows(number, pair, own, values.missing):
                where.append((values.changed[-1], place))
                rows.append(row)
            if stranger is None or other is None:
                if self.strangers.conversations:
                    values.missing.append(
                        Missing(pair.label, "control", "no other conversation can be aligned with it")
                    )
                continue
            for place, row in self._rows(number, stranger, other, None):
                where.append((values.control[-1], place))
                rows.append(row)
        for (kept, place), value in zip(where, measured_rows(self.network, rows, self.batch), strict=True):
            kept[place] = value

    def _refusal(self, pair: Pair, base: float, donor: float) -> str | None:
        """Return why nothing can be measured of a pair; None where it can."""
        try:
            refuse_patterns(self.places, pair.base, pair.donor)
        except UserError as error:
            return str(error)
        return alike(base, donor, resolution(self.network)) if self.normalise == "pair" else None

    def _rows(self, number: int, pair: Pair, given: Held, missing: list[Missing] | None) -> Iterator[tuple[int, Row]]:
        """Yield the run of each place and cell that there is, with its number."""
        for column, cell in enumerate(self.cells):
            positions = cell.positions[number]
            here = [position for position in positions or () if position in pair.partner]
            if not here:
                told = f"no token of {list(positions or ())[:5]} has a partner in the other conversation"
                if missing is not None:
                    missing.append(Missing(pair.label, cell.label, cell.why.get(number, told)))
                continue
            there = [pair.partner[position] for position in here]
            for line, place in enumerate(self.places):
                change = Change(place, here, given[str(place.site)][there])
                yield line * len(self.cells) + column, Row(pair.base, [change], pair.metric)
