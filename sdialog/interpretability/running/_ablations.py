"""What is put in place of what a part computes, and runs with it, of several conversations together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed, rng
from sdialog.interpretability.anatomy.places import Place
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.running._causal_runs import Change, Row, held_each, measured_rows, one_each
from sdialog.interpretability.running._inputs import Tokens
from sdialog.interpretability.running.pairs import Missing, Progress, refuse_patterns
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.alignment import Align, partners
from sdialog.llm.interventions import Network

Held = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Asked:
    """A conversation with what is measured in it.

    Attributes:
        number: its place among those that were given.
        label: what to call it.
        tokens: the conversation.
        metric: what is measured.
    """

    number: int
    label: str
    tokens: Tokens
    metric: Metric


@dataclass(eq=False)
class AblatedValues:
    """The metric of each conversation: as it is, without each place, and with the control; nan where missing."""

    whole: list[float] = field(default_factory=list)
    without: list[list[float]] = field(default_factory=list)
    control: list[list[float]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Fillings:
    """Tells what is put in place of what is there.

    Attributes:
        network: the model.
        how: ``zero``, ``mean`` or ``resample``.
        others: conversations that it is taken from.
        span: of which tokens.
        align: of ``resample``: which tokens stand for each other.
        seed: of ``resample``: which conversation is drawn.
        batch: how many conversations are run together.
    """

    network: Network
    how: str
    others: Sequence[Tokens]
    span: Span
    align: Align
    seed: int
    batch: int

    def means(self, places: Sequence[Place]) -> Held:
        """Return the mean of what is at each place over all tokens of the span.

        Raises:
            UserError: if a place is one of attention, or the span means no token in any of them.
        """
        if any(place.site.kind == "pattern" for place in places):
            raise UserError("a mean of attention over different columns says nothing; ablate z or v, or use how='zero'")
        meant = [(one, mask) for one in self.others if any(mask := self.span.mask(one.rendering))]
        if not meant:
            self.others[0].positions(self.span)  # says what there is
        sums: Held = {}
        count = 0
        for start in range(0, len(meant), self.batch):
            part = meant[start : start + self.batch]
            for (_, mask), (found, _) in zip(
                part, held_each(self.network, [one for one, _ in part], places), strict=True
            ):
                count += sum(mask)
                chosen = torch.tensor(mask, device=self.network.model.device)
                for name, values in found.items():
                    total = values[chosen].double().sum(0)
                    sums[name] = sums[name] + total if name in sums else total
        return {name: total / count for name, total in sums.items()}

    def other(self, one: Asked, places: Sequence[Place]) -> tuple[Tokens, dict[int, int]]:
        """Return another conversation that is drawn for one, and which tokens stand for each other.

        Raises:
            UserError: if none differs, or none that does can be aligned.
        """
        different = [other for other in self.others if other.ids != one.tokens.ids]
        if not different:
            raise UserError("resampling takes from other conversations: give reference=, one that differs")
        rng(self.seed, "resample", one.number).shuffle(different)
        why: UserError | None = None
        for other in different:
            try:
                refuse_patterns(places, one.tokens, other)
                return other, partners(one.tokens, other, self.align)
            except UserError as error:
                why = why or error
        raise UserError(f"none of {len(different)} conversations can be aligned with it: {why}")


@dataclass(frozen=True, eq=False)
class AblationRuns:
    """The runs.

    Attributes:
        fillings: what is put there.
        places: what is taken away, each by itself.
        control: ``direction``: what is put there differs from what was there by as much, but in a direction drawn by
            chance; ``site``: one of ``candidates`` is taken away instead; None for none.
        candidates: other places of the kind of each place.
    """

    fillings: Fillings
    places: Sequence[Place]
    control: str | None = None
    candidates: Sequence[Sequence[Place]] = ()

    def of(self, asked: Sequence[Asked], progress: Progress | None = None) -> AblatedValues:
        """Return what is measured of all conversations.

        Raises:
            UserError: if nothing could be measured of any of them; the reason is that of the first.
        """
        values = AblatedValues()
        drawn = list({str(one.site): one for some in self.candidates for one in some}.values())
        means = self.fillings.means([*self.places, *drawn]) if self.fillings.how == "mean" else None
        batch = self.fillings.batch
        size = max(1, batch // (len(self.places) * (1 if self.control is None else 2)))
        for start in range(0, len(asked), size):
            self._some(asked[start : start + size], means, values)
            if progress is not None:
                progress(min(start + size, len(asked)), len(asked))
        if all(math.isnan(one) for row in values.without for one in row):
            why = values.missing[0].why
            raise UserError(
                why if len(asked) == 1 else f"nothing could be measured of {len(asked)} conversations; {why}"
            )
        return values

    def _some(self, asked: Sequence[Asked], means: Held | None, values: AblatedValues) -> None:
        """Measure conversations that are run together."""
        network = self.fillings.network
        instead = [self._instead(one) for one in asked]
        reads = list({str(place.site): place for some in (self.places, *instead) for place in some}.values())
        rows: list[Row] = []
        where: list[tuple[list[float], int]] = []
        for one, stead, (here, logits) in zip(
            asked, instead, held_each(network, [one.tokens for one in asked], reads), strict=True
        ):
            values.whole.append(float(one_each(one.metric, logits)[0]))
            values.without.append([math.nan] * len(self.places))
            values.control.append([math.nan] * len(self.places))
            try:
                changes = self._changes(one, here, means, self.places)
                others = list(self._controls(one, here, means, changes, stead))
            except UserError as error:
                values.missing.append(Missing(one.label, None, str(error)))
                continue
            for kept, some in ((values.without[-1], changes), (values.control[-1], others)):
                for place, change in enumerate(some):
                    if change is not None:
                        where.append((kept, place))
                        rows.append(Row(one.tokens, [change], one.metric))
        for (kept, place), value in zip(where, measured_rows(network, rows, self.fillings.batch), strict=True):
            kept[place] = value

    def _instead(self, one: Asked) -> list[Place]:
        """Return for each place the one that is taken away as a control."""
        if self.control != "site":
            return []
        return [
            some[rng(self.fillings.seed, "other site", one.number, place).randrange(len(some))]
            for place, some in enumerate(self.candidates)
        ]

    def _changes(self, one: Asked, here: Held, means: Held | None, places: Sequence[Place]) -> list[Change]:
        positions = one.tokens.positions(self.fillings.span)
        if self.fillings.how == "resample":
            other, partner = self.fillings.other(one, places)
            positions = [position for position in positions if position in partner]
            if not positions:
                raise UserError(f"no token of {self.fillings.span!s} has a partner in the other conversation")
            there = [partner[position] for position in positions]
            ((found, _),) = held_each(self.fillings.network, [other], places)
            return [Change(place, positions, found[str(place.site)][there]) for place in places]
        changes = []
        for place in places:
            now = here[str(place.site)][positions]
            filling = torch.zeros_like(now) if means is None else means[str(place.site)].expand_as(now)
            changes.append(Change(place, positions, filling))
        return changes

    def _controls(
        self, one: Asked, here: Held, means: Held | None, changes: Sequence[Change], instead: Sequence[Place]
    ) -> Iterator[Change | None]:
        """Yield the control of each change; None where there is none."""
        if self.control == "site":
            yield from self._changes(one, here, means, instead)
        elif self.control == "direction":
            for change in changes:
                seed = derive_seed(self.fillings.seed, "direction", one.number, str(change.place.site))
                positions = list(change.positions or range(len(one.tokens)))
                yield _astray(change, here[str(change.place.site)][positions], seed)


def _astray(change: Change, now: torch.Tensor, seed: int) -> Change | None:
    """Return a change as large, at each token, in a direction drawn by chance; attention has no directions."""
    if change.place.site.kind == "pattern":
        return None
    way = torch.randn(now.shape, generator=torch.Generator().manual_seed(seed)).to(now.device)
    flat = way.reshape(len(now), -1)
    length = (change.values.to(now.device).double() - now.double()).reshape(len(now), -1).norm(dim=1)
    moved = flat.double() * (length / flat.double().norm(dim=1)).unsqueeze(1)
    return Change(change.place, change.positions, now.double() + moved.reshape(now.shape))
