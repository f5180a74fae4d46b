"""Attribution patching: an estimate of activation patching from gradients, for many sites at little cost."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import rng
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged, told_missing
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH, Direction, pair_array, pair_axis
from sdialog.interpretability.running.pairs import (
    TOKENS,
    CellSpan,
    Missing,
    Normalise,
    Pair,
    Progress,
    Spans,
    alike,
    cells_of,
    metric_name,
    pairs_of,
    refuse_patterns,
    resolution,
    ways_of,
)
from sdialog.interpretability.sites import Site
from sdialog.interpretability.tokens.alignment import Align

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.anatomy.places import Place
    from sdialog.llm.interventions import Network

NOTE = "Sizes are estimates by gradients, not effect sizes: rank cells by them, and measure the best ones with patch()."
_WHY = "estimate patching"


class Agreement(NamedTuple):
    """How the estimate compares with exact patching, on the cells where both were computed.

    Attributes:
        cells: how many cells.
        correlation: of estimate and exact effect (Pearson); None where one of them does not vary.
        ratio: of their sizes: slope of the estimate on the exact effect through 0; None without exact effects.
        error: mean of ``|estimate - exact|``.
        largest: largest of these.
    """

    cells: int
    correlation: float | None
    ratio: float | None
    error: float
    largest: float

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return self._asdict()


@dataclass(frozen=True, eq=False)
class Estimate(Shown):
    """What attribution patching estimates, by site and tokens, in each pair and on average.

    Attributes:
        each: estimates of what :func:`~sdialog.interpretability.patching.patch` gives, with the axis ``pair`` first.
        exact: what patching gives in the cells that were checked, the mean over pairs; nan elsewhere; None without a
            check.
        agreement: how both compare, of the means; None without a check.
        steps: at how many points gradients were taken.
        clean, corrupt: metric of the runs, the mean over pairs.
        metric: what was measured.
        sites: where.
        missing: what could not be estimated, and why.
        note: how to read the sizes.
    """

    each: LabelledArray = field(repr=False)
    exact: LabelledArray | None
    agreement: Agreement | None
    steps: int
    clean: float
    corrupt: float
    metric: str
    sites: tuple[str, ...]
    missing: tuple[Missing, ...] = ()
    note: str = NOTE

    @cached_property
    def effects(self) -> LabelledArray:
        """The mean over pairs, with 95 % intervals over dialogs; good for ranking."""
        return averaged(self.each)

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "attribution patching",
            "model": self.each.model,
            "note": self.note,
            "metric": self.metric,
            "clean": self.clean,
            "corrupt": self.corrupt,
            "pairs": self.each.shape[0],
            "steps": self.steps,
            "sites": list(self.sites),
            "missing": [one._asdict() for one in self.missing],
            "effects": self.effects.json(),
            "exact": None if self.exact is None else self.exact.json(),
            "agreement": None if self.agreement is None else self.agreement.json(),
            "each": self.each.json(),
        }

    def table(self) -> str:
        """Return the estimates as a Markdown table, with how they compare with exact patching."""
        told = "Not compared with exact patching."
        if (one := self.agreement) is not None:
            values = [f"{name} {value:.3f}" for name, value in one._asdict().items() if isinstance(value, float)]
            told = f"Against exact patching of {one.cells} cells: {', '.join(values)}"
        lost = told_missing(self.missing, self.each)
        return "\n\n".join(filter(None, [self.effects.table(), told, lost]))

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of the estimates.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.effects.plot()


def attribution_patching(
    source: Any,
    clean: Any,
    corrupt: Any,
    sites: str | Site | Iterable[str | Site] = "layers.*.resid_pre",
    spans: Spans = TOKENS,
    *,
    metric: Metric | Sequence[Metric],
    steps: int = 1,
    check: int | Literal["all"] = 8,
    direction: Direction = "denoise",
    align: Align = "exact",
    normalise: Normalise = "pair",
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimate:
    """Estimate what patching would do from the gradient of the metric (Nanda, 2023; Syed et al., 2023).

    The estimate is ``(x_clean - x_corrupt) @ dm/dx`` divided by ``m_clean - m_corrupt``. With ``steps=1`` the gradient
    is that of the corrupt run, and all sites cost one run forth and back. With more, it is the mean of that many
    points between both values of the site, which follows what saturates (as integrated gradients do; Sundararajan et
    al., 2017; Hanna et al., 2024), and every site costs as many rows.

    Args:
        source: an agent, a model, its name, or a network.
        clean: the conversation in which the model behaves as studied; see
            :func:`~sdialog.interpretability.patching.patch`, also for the arguments not told here.
        corrupt: the one that differs in what matters; or as many as there are clean ones.
        sites: where; ``*`` stands for every layer or head.
        spans: of which tokens.
        metric: what is measured; has to have a gradient; or one a pair.
        steps: at how many points the gradient is taken.
        check: how many of the strongest cells, and as many others drawn by chance, are patched in truth, to tell how
            far off the estimate is; ``all`` for every cell, 0 for none.
        direction: ``denoise`` or ``noise``.
        align: which tokens stand for each other.
        normalise: on what scale effects are; as for patching.
        groups: of several pairs, the dialog of each; as for patching.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many rows go through the model together.
        seed: of the cells drawn.
        progress: called with how many pairs are done, of how many.

    Raises:
        UserError: as for patching, or if the metric has no gradient.

    Example:
        >>> from sdialog.interpretability.metrics import LogitDifference
        >>> found = attribution_patching(
        ...     "embedded:mini", [7, 8, 9], [7, 12, 9], metric=LogitDifference(20, 21), steps=4, check="all"
        ... )
        >>> found.effects.shape, found.agreement.cells
        ((4, 3), 12)
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import places_of

    if steps < 1 or not (check == "all" or check >= 0):
        raise UserError(f"steps is at least 1 and check at least 0 or 'all', not {steps} and {check!r}")
    network = network_of(source)
    pairs, missing = pairs_of(
        network, clean, corrupt, metric, direction=direction, align=align, speaker=speaker, system=system
    )
    places = places_of(Anatomy(network), sites)
    cells, _, columns = cells_of([pair.base for pair in pairs], spans)
    runs = []
    for number, pair in enumerate(pairs):
        runs.append(_Run(network, pair, places, cells, number, batch, steps))
        if progress is not None:
            progress(number + 1, len(pairs))
    measured = _scaled(runs, normalise, direction, network, missing)
    first = pair_axis(pairs, len(pairs) + len(missing), groups)
    facts: dict[str, Any] = {"metric": metric_name(metric), "model": network.name}
    each = pair_array(measured.estimates, "estimated share of the difference", first, places, columns, facts)
    each = replace(each, notes=(NOTE,))
    chosen = _chosen(each.mean("pair").values.reshape(-1).tolist(), check, seed)
    exact, agreement = _checked(runs, measured, chosen, each)
    ends = [math.fsum(run.ends[place] for run in runs) / len(runs) for place in (0, 1)]
    low, high = ends if direction == "denoise" else ends[::-1]
    names = tuple(str(place.site) for place in places)
    told = (*missing, *measured.missing)
    return Estimate(each, exact, agreement, steps, high, low, facts["metric"], names, told)


class _Run:
    """The estimates of one pair; of what it held, only what exact patching of cells needs is kept."""

    def __init__(
        self,
        network: Network,
        pair: Pair,
        places: Sequence[Place],
        cells: Sequence[CellSpan],
        number: int,
        batch: int,
        steps: int,
    ) -> None:
        from sdialog.interpretability.running._causal_runs import held, one_each

        self.network, self.pair, self.places, self.batch = network, pair, places, batch
        self.cells = [[place for place in cell.positions[number] or () if place in pair.partner] for cell in cells]
        self.missing = [
            Missing(pair.label, cell.label, cell.why.get(number, "no token has a partner in the other conversation"))
            for cell, there in zip(cells, self.cells, strict=True)
            if not there
        ]
        self.refusal: str | None = None
        base_values, base = held(network, pair.base, places)
        donor_values, donor = held(network, pair.donor, places)
        self.ends = float(one_each(pair.metric, base)[0]), float(one_each(pair.metric, donor)[0])
        try:
            refuse_patterns(places, pair.base, pair.donor)
        except UserError as error:
            self.refusal = str(error)
            return
        self.changes = self._estimates(base_values, donor_values, steps)

    def _estimates(self, base: dict[str, Any], donor: dict[str, Any], steps: int) -> NDArray[Any]:
        """Return the estimated change of the metric at each site and cell, of shape (sites * cells,)."""
        from sdialog.interpretability.running._gradients import along, at_once

        numpy = need("numpy", extra="local", why=_WHY)
        metric, found = self.pair.metric, []
        plain = at_once(self.network, self.pair.base, self.places, metric) if steps == 1 else {}
        for place in self.places:
            name = str(place.site)
            start, end = base[name], self._moved(base[name], donor[name])
            if steps == 1:
                gradient = plain[name]
            else:
                gradient = along(self.network, self.pair.base, place, metric, start, end, steps=steps, batch=self.batch)
            each = ((end - start).double() * gradient.double()).reshape(len(start), -1).sum(1).cpu().numpy()
            found += [each[cell].sum() if cell else math.nan for cell in self.cells]
        changes: NDArray[Any] = numpy.array(found, dtype=float)
        return changes

    def exact(self, chosen: Sequence[int]) -> list[float]:
        """Return the change of the metric by patching cells, counted site by site; nan where there is none."""
        from sdialog.interpretability.running._causal_runs import Change, held, measured

        if self.refusal is not None:
            return [math.nan] * len(chosen)
        base, donor = (held(self.network, one, self.places)[0] for one in (self.pair.base, self.pair.donor))
        rows = []
        for number in chosen:
            place, cell = self.places[number // len(self.cells)], self.cells[number % len(self.cells)]
            name = str(place.site)
            if cell:
                rows.append([Change(place, cell, self._moved(base[name], donor[name])[cell])])
        values = iter(measured(self.network, self.pair.base, rows, self.pair.metric, self.batch))
        return [next(values) - self.ends[0] if self.cells[one % len(self.cells)] else math.nan for one in chosen]

    def _moved(self, base: Any, donor: Any) -> Any:
        """Return what is at a place with the donor's values where tokens have partners."""
        here = list(self.pair.partner)
        moved = base.clone()
        moved[here] = donor[[self.pair.partner[position] for position in here]]
        return moved


class _Measured(NamedTuple):
    """Estimates of each pair on one scale, what they were divided by, and what is missing."""

    estimates: NDArray[Any]
    ways: NDArray[Any]
    missing: list[Missing]


def _scaled(
    runs: Sequence[_Run], normalise: Normalise, direction: str, network: Network, before: Sequence[Missing]
) -> _Measured:
    """Return the estimates of all pairs.

    Raises:
        UserError: if there are none.
    """
    numpy = need("numpy", extra="local", why=_WHY)
    least = resolution(network)
    starts, ends = ([run.ends[place] for run in runs] for place in (0, 1))
    ways = numpy.array(ways_of(starts, ends, normalise, direction, least))
    missing, estimates = [], []
    for run, way in zip(runs, ways, strict=True):
        why = run.refusal or (alike(*run.ends, least) if normalise == "pair" else None)
        missing += run.missing if why is None else [Missing(run.pair.label, None, why)]
        blank = numpy.full(len(run.places) * len(run.cells), numpy.nan)
        estimates.append(blank if why is not None else run.changes / way)
    if numpy.isnan(estimates).all():
        why = missing[0].why
        raise UserError(why if len(runs) + len(before) == 1 else f"nothing could be estimated; {missing[0]}")
    return _Measured(numpy.array(estimates), ways, missing)


def _checked(
    runs: Sequence[_Run], measured: _Measured, chosen: Sequence[int], each: LabelledArray
) -> tuple[LabelledArray | None, Agreement | None]:
    """Return the effects of exact patching in chosen cells and how the estimates agree with them."""
    if not chosen:
        return None, None
    numpy = need("numpy", extra="local", why=_WHY)
    known = numpy.array([run.exact(chosen) for run in runs]) / measured.ways[:, None]
    known[numpy.isnan(measured.estimates[:, chosen])] = numpy.nan
    values = numpy.full_like(measured.estimates, numpy.nan)
    values[:, chosen] = known
    exact = replace(each, values=values.reshape(each.values.shape), notes=()).mean("pair")
    exact = replace(exact, name="share of the difference")
    mean = each.mean("pair").values.reshape(-1)[chosen]
    return exact, _agreement(mean, exact.values.reshape(-1)[chosen])


def _chosen(estimates: Sequence[float], check: int | str, seed: int) -> list[int]:
    """Return the cells to check: the strongest, and as many others."""
    there = [place for place, value in enumerate(estimates) if value == value]
    order = sorted(there, key=lambda place: -abs(estimates[place]))
    if check == "all" or 2 * int(check) >= len(order):
        return sorted(order) if check else []
    strongest, others = order[: int(check)], order[int(check) :]
    return sorted([*strongest, *rng(seed, "cells to check").sample(others, int(check))])


def _agreement(estimate: NDArray[Any], exact: NDArray[Any]) -> Agreement:
    off = abs(estimate - exact)
    spreads = estimate.std() * exact.std()
    centred = ((estimate - estimate.mean()) * (exact - exact.mean())).mean()
    size = float((exact**2).sum())
    return Agreement(
        len(exact),
        float(centred / spreads) if spreads > 0 else None,
        float((estimate * exact).sum() / size) if size > 0 else None,
        float(off.mean()),
        float(off.max()),
    )
