"""Attribution patching: an estimate of activation patching from gradients, for many sites at little cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import rng
from sdialog.interpretability.anatomy.site_axes import site_axes
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import (
    BATCH,
    TOKENS,
    Direction,
    Pair,
    Spans,
    cells_of,
    metrics_for,
    pairs_of,
    refuse_patterns,
    share,
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
class Estimate:
    """What attribution patching estimates, by site and tokens; the mean over pairs where there are several.

    Attributes:
        effects: estimates of what :func:`~sdialog.interpretability.patching.patch` gives; good for ranking.
        exact: what patching gives in the cells that were checked, nan elsewhere; None without a check.
        agreement: how both compare; None without a check.
        steps: at how many points gradients were taken.
        clean, corrupt: metric of the runs.
        metric: what was measured.
        sites: where.
        note: how to read the sizes.
    """

    effects: LabelledArray
    exact: LabelledArray | None
    agreement: Agreement | None
    steps: int
    clean: float
    corrupt: float
    metric: str
    sites: tuple[str, ...]
    note: str = NOTE

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "attribution patching",
            "note": self.note,
            "effects": self.effects.json(),
            "exact": None if self.exact is None else self.exact.json(),
            "agreement": None if self.agreement is None else self.agreement.json(),
            "steps": self.steps,
            "clean": self.clean,
            "corrupt": self.corrupt,
            "metric": self.metric,
            "sites": list(self.sites),
        }

    def table(self) -> str:
        """Return the estimates as a Markdown table, with how they compare with exact patching."""
        if self.agreement is None:
            return f"{self.effects.table()}\n\nNot compared with exact patching."
        one = self.agreement
        told = [f"{name} {value:.3f}" for name, value in one._asdict().items() if isinstance(value, float)]
        return f"{self.effects.table()}\n\nAgainst exact patching of {one.cells} cells: {', '.join(told)}"

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
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
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
        corrupt: the one that differs in what matters.
        sites: where; ``*`` stands for every layer or head.
        spans: of which tokens.
        metric: what is measured; has to have a gradient.
        steps: at how many points the gradient is taken.
        check: how many of the strongest cells, and as many others drawn by chance, are patched in truth, to tell how
            far off the estimate is; ``all`` for every cell, 0 for none.
        direction: ``denoise`` or ``noise``.
        align: which tokens stand for each other.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many rows go through the model together.
        seed: of the cells drawn.

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
    numpy = need("numpy", extra="local", why=_WHY)
    network = network_of(source)
    pairs = pairs_of(network, clean, corrupt, direction, align, speaker, system)
    metrics = metrics_for(metric, len(pairs), network)
    places = places_of(Anatomy(network), sites)
    cells, _ = cells_of(pairs, spans)
    runs = [
        _Run(network, pair, places, [cell[number] for _, cell in cells], metrics[number], batch)
        for number, pair in enumerate(pairs)
    ]
    effects = numpy.mean([run.estimates(steps) for run in runs], axis=0)
    chosen = _chosen(effects.reshape(-1).tolist(), check, seed)
    exact = numpy.full(effects.size, numpy.nan)
    if chosen:
        exact[chosen] = numpy.mean([run.exact(chosen) for run in runs], axis=0)
    axes = site_axes([place.site for place in places])
    shape = (*(len(labels) for labels in axes.values()), len(cells))
    axes["token" if spans == TOKENS else "span"] = [label for label, _ in cells]
    ends = [numpy.mean([run.ends[place] for run in runs]) for place in (0, 1)]
    low, high = ends if direction == "denoise" else ends[::-1]
    return Estimate(
        LabelledArray.of(effects.reshape(shape), "estimated share of the difference", [NOTE], **axes),
        LabelledArray.of(exact.reshape(shape), "share of the difference", **axes) if chosen else None,
        _agreement(effects.reshape(-1)[chosen], exact[chosen]) if chosen else None,
        steps,
        float(high),
        float(low),
        str(metrics[0]),
        tuple(str(place.site) for place in places),
    )


class _Run:
    """The estimates of one pair."""

    def __init__(
        self,
        network: Network,
        pair: Pair,
        places: Sequence[Place],
        cells: Sequence[Sequence[int]],
        metric: Metric,
        batch: int,
    ) -> None:
        from sdialog.interpretability.running._causal_runs import held, one_each

        refuse_patterns(places, pair)
        self.network, self.pair, self.places, self.metric, self.batch = network, pair, places, metric, batch
        self.cells = [[position for position in cell if position in pair.partner] for cell in cells]
        if not all(self.cells):
            raise UserError("a span has no token with a partner in the other conversation")
        self._base, base = held(network, pair.base, places)
        self._donor, donor = held(network, pair.donor, places)
        self.ends = float(one_each(metric, base)[0]), float(one_each(metric, donor)[0])
        share(self.ends[0], *self.ends)

    def estimates(self, steps: int) -> NDArray[Any]:
        """Return the estimate of each site and cell, of shape (sites, cells)."""
        from sdialog.interpretability.running._gradients import along, at_once

        numpy = need("numpy", extra="local", why=_WHY)
        plain = at_once(self.network, self.pair.base, self.places, self.metric) if steps == 1 else {}
        found = []
        for place in self.places:
            name = str(place.site)
            start, end = self._base[name], self._moved(place)
            if steps == 1:
                gradient = plain[name]
            else:
                gradient = along(
                    self.network, self.pair.base, place, self.metric, start, end, steps=steps, batch=self.batch
                )
            each = ((end - start).double() * gradient.double()).reshape(len(start), -1).sum(1).cpu().numpy()
            found.append([each[cell].sum() for cell in self.cells])
        shares: NDArray[Any] = numpy.array(found) / (self.ends[1] - self.ends[0])
        return shares

    def exact(self, chosen: Sequence[int]) -> list[float]:
        """Return the effect of patching in cells, counted site by site."""
        from sdialog.interpretability.running._causal_runs import Change, measured

        rows = []
        for number in chosen:
            place, cell = self.places[number // len(self.cells)], self.cells[number % len(self.cells)]
            rows.append([Change(place, cell, self._moved(place)[cell])])
        values = measured(self.network, self.pair.base, rows, self.metric, self.batch)
        return [share(value, *self.ends) for value in values]

    def _moved(self, place: Place) -> Any:
        """Return what is at a place with the donor's values where tokens have partners."""
        here = list(self.pair.partner)
        moved = self._base[str(place.site)].clone()
        moved[here] = self._donor[str(place.site)][[self.pair.partner[position] for position in here]]
        return moved


def _chosen(estimates: Sequence[float], check: int | str, seed: int) -> list[int]:
    """Return the cells to check: the strongest, and as many others."""
    order = sorted(range(len(estimates)), key=lambda place: -abs(estimates[place]))
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
