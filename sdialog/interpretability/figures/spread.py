"""How sure the means of many cells are: intervals over conversations, and which cells stay when all are tested at once.

Tests turn round the signs of whole conversations (or dialogs), as would be as likely if a cell had no effect. The
largest statistic of all cells under each turning corrects for their number (Westfall and Young, 1993; for maps, Nichols
and Holmes, 2002): it knows that cells hang together, so that a map of many cells does not need many conversations.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

Correction = Literal["max_t", "holm", "bh", "none"]
CORRECTIONS = ("max_t", "holm", "bh", "none")
RESAMPLES = 2000
_WAYS = 4096  # up to so many turnings are all gone through
_DRAWN, _MOST = 4999, 199_999  # else so many are drawn; a correction cell by cell needs more
_NOISE = 1e-6  # of the largest value: what float32 leaves of nothing
_CELLS = 2_000_000  # how many numbers are held at a time
_WHY = "tell how sure means are"
_ARRAYS = ("low", "high", "n", "p_values")


@dataclass(frozen=True, eq=False)
class Spread:
    """How sure each mean of an array is; all arrays have its shape.

    Attributes:
        low, high: ends of the interval of each cell by itself; nan where there is none.
        n: how many independent units, conversations or dialogs, have a value there.
        p_values: of no effect, corrected for the number of cells; nan where it cannot be told.
        over: the axis whose places were averaged, such as ``pair``.
        level: of the intervals; cells are sure where the p-value is at most 1 less this.
        method: how intervals were computed.
        correction: for how many cells there are.
    """

    low: NDArray[Any] = field(repr=False)
    high: NDArray[Any] = field(repr=False)
    n: NDArray[Any] = field(repr=False)
    p_values: NDArray[Any] = field(repr=False)
    over: str
    level: float = 0.95
    method: str = "bootstrap"
    correction: Correction = "max_t"

    @property
    def sure(self) -> NDArray[Any]:
        """Which cells differ from 0 after the correction."""
        found: NDArray[Any] = self.p_values <= 1 - self.level + 1e-12
        return found

    @property
    def smallest(self) -> float:
        """The smallest p-value of one cell that so few units can give."""
        return smallest_p(int(self.n.max(initial=0)))

    def part(self, where: Any) -> Spread:
        """Return what belongs to some cells, by an index of numpy."""
        numpy = need("numpy", extra="local", why=_WHY)
        return replace(self, **{name: numpy.asarray(getattr(self, name)[where]) for name in _ARRAYS})

    def says(self) -> str:
        """Return in words how to read the marks."""
        percent, cells = f"{100 * (1 - self.level):g} %", self.n.size
        how = {
            "max_t": f"corrected for {cells} cells by the largest of all",
            "holm": f"corrected for {cells} cells by Holm's method",
            "bh": f"share of false ones among {cells} cells, by Benjamini and Hochberg",
            "none": f"not corrected for {cells} cells",
        }[self.correction]
        few = f"; {int(self.n.max(initial=0))} are too few for any to" if self.smallest > 1 - self.level else ""
        return f"* differs from 0 at {percent} ({how}){few}"


def smallest_p(units: int) -> float:
    """Return the smallest p-value of a sign-flip test of so many units.

    Example:
        >>> smallest_p(4), smallest_p(6)
        (0.125, 0.03125)
    """
    return 1.0 if units < 2 else 2.0 ** (1 - units)


def spread_of(
    values: NDArray[Any],
    over: str,
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    correction: Correction = "max_t",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Spread | None:
    """Return how sure the mean over the first axis is, in each cell of the others.

    Intervals are BCa bootstrap (Efron, 1987) and draw whole groups.

    Args:
        values: shape (n, ...), nan where one is missing.
        over: what the first axis is called.
        groups: which of its places belong together, such as the conversations of one dialog; default none do.
        level: of intervals.
        correction: ``max_t`` as told above; ``holm`` and ``bh``
            (:func:`~sdialog.statistics.corrections.adjust`), which need more units the more cells there are;
            ``none``.
        resamples: how many samples are drawn for intervals.
        seed: of the draws.

    Returns:
        The spread; None for fewer than two units.

    Raises:
        UserError: if the groups do not fit or the level is none.
        UnknownNameError: if the correction is none.
    """
    from sdialog.statistics.resampling import check_level

    check_level(level)
    if correction not in CORRECTIONS:
        raise UnknownNameError("correction", str(correction), CORRECTIONS)
    numpy = need("numpy", extra="metrics", why=_WHY)
    if groups is not None and len(groups) != len(values):
        raise UserError(f"{len(values)} places of {over} have {len(groups)} groups; give one group for each")
    flat = values.reshape(len(values), -1)
    sums, sizes = _by_group(numpy, flat, groups)
    if len(sums) < 2:
        return None
    scale = float(numpy.nanmax(abs(flat), initial=0.0))
    turnings = _DRAWN if correction == "max_t" else min(max(_DRAWN, int(2 * flat.shape[1] / (1 - level))), _MOST)
    p_values = _p_values(numpy, sums, sizes, scale, correction, turnings, seed)
    low, high = _intervals(numpy, sums, sizes, level, resamples, seed)
    shape = values.shape[1:]
    found = [one.reshape(shape) for one in (low, high, (sizes > 0).sum(0), p_values)]
    return Spread(found[0], found[1], found[2], found[3], over, level, "bootstrap", correction)


def _by_group(numpy: Any, flat: Any, groups: Sequence[Hashable] | None) -> tuple[Any, Any]:
    """Return sums and numbers of values by group, each of shape (groups, cells)."""
    there = ~numpy.isnan(flat)
    known = numpy.where(there, flat, 0.0)
    if groups is None:
        return known, there.astype(float)
    index: dict[Hashable, int] = {}
    codes = [index.setdefault(group, len(index)) for group in groups]
    belongs = numpy.eye(len(index))[:, codes]
    return belongs @ known, belongs @ there


def _intervals(numpy: Any, sums: Any, sizes: Any, level: float, resamples: int, seed: int) -> tuple[Any, Any]:
    from sdialog.statistics.resampling import bca, generator

    units, cells = sums.shape
    draw = generator(seed, "cells", "bootstrap")
    times = draw.multinomial(units, numpy.full(units, 1 / units), size=resamples).astype(float)
    ends = numpy.full((2, cells), numpy.nan)
    step = max(1, _CELLS // resamples)
    for start in range(0, cells, step):
        part, size = sums[:, start : start + step], sizes[:, start : start + step]
        with numpy.errstate(invalid="ignore", divide="ignore"):
            samples = (times @ part) / (times @ size)
            whole = part.sum(0) / size.sum(0)
            without = (part.sum(0) - part) / (size.sum(0) - size)
        for cell in range(part.shape[1]):
            kept, own = samples[:, cell], size[:, cell] > 0
            kept = kept[numpy.isfinite(kept)]
            if own.sum() >= 2 and len(kept) >= 0.9 * resamples:
                ends[:, start + cell] = bca(kept, float(whole[cell]), without[own, cell], level)
    return ends[0], ends[1]


def _p_values(numpy: Any, sums: Any, sizes: Any, scale: float, correction: Correction, turnings: int, seed: int) -> Any:
    """Return corrected p-values of shape (cells,)."""
    from sdialog.statistics.corrections import adjust

    cells = sums.shape[1]
    signs = _signs(numpy, len(sums), turnings, seed)
    ends: list[tuple[Any, Any]] = []
    largest = numpy.zeros(len(signs))
    step = max(1, _CELLS // len(signs))
    for start in range(0, cells, step):
        found = _statistics(numpy, signs, sums[:, start : start + step], sizes[:, start : start + step], scale)
        largest = numpy.maximum(largest, numpy.nanmax(found, axis=1, initial=0.0))
        own = found[0] * (1 - 1e-9)
        # The first turning turns nothing; where turnings are drawn it counts once more (Phipson and Smyth, 2010).
        ends.append((own, (found >= own).mean(0)))
    own, alone = (numpy.concatenate(one) for one in zip(*ends, strict=True))
    if correction == "max_t":
        corrected = (largest[:, None] >= own[None, :]).mean(0) if cells * len(signs) <= _CELLS else numpy.array(
            [(largest >= one).mean() for one in own]
        )  # fmt: skip
        return numpy.where(numpy.isnan(own), numpy.nan, corrected)
    plain = [None if math.isnan(one) else float(p) for one, p in zip(own.tolist(), alone.tolist(), strict=True)]
    return numpy.array([math.nan if one is None else one for one in adjust(plain, correction)])


def _signs(numpy: Any, units: int, turnings: int, seed: int) -> Any:
    """Return turnings of shape (ways, units), the first of which turns nothing.

    Turning all round gives the same size again, so that the first unit keeps its sign.
    """
    from sdialog.statistics.resampling import generator

    if 2 ** (units - 1) <= _WAYS:
        numbers = numpy.arange(2 ** (units - 1))
        bits = (numbers[:, None] >> numpy.arange(units - 1)) & 1
        return numpy.hstack([numpy.ones((len(bits), 1)), 1.0 - 2.0 * bits])
    drawn = 1.0 - 2.0 * generator(seed, "cells", "signs").integers(0, 2, size=(turnings, units))
    return numpy.vstack([numpy.ones((1, units)), drawn])


def _statistics(numpy: Any, signs: Any, sums: Any, sizes: Any, scale: float) -> Any:
    """Return the size of Student's t under each turning, of shape (ways, cells); nan for fewer than two units."""
    units = (sizes > 0).sum(0)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        means = (signs @ sums) / units
        spreads = ((sums**2).sum(0) / units - means**2).clip(min=0) / (units - 1)
        floor = (_NOISE * scale * sizes.sum(0) / units) ** 2
        found = abs(means) / numpy.sqrt(spreads + floor)
    return numpy.where((units < 2) | (scale == 0), numpy.nan, found)
