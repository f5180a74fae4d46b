"""Drawing samples anew: checked numbers, sums of groups, and bootstrap intervals corrected for bias and skew."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

_WHY = "resample"
_CELLS = 2_000_000  # how many numbers are held at a time


def check_level(level: float) -> None:
    """Refuse a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise UserError(f"level is between 0 and 1, such as 0.95; not {level}")


def numbers(values: Sequence[float], name: str) -> Any:
    """Return numbers as an array of shape (n,).

    Args:
        values: numbers.
        name: what the caller calls them, for the error.

    Raises:
        UserError: if one of them is missing or not finite.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    for place, value in enumerate(values):
        if value is None or not math.isfinite(value):
            raise UserError(f"{name}[{place}] is {value}; leave out what is missing before you compare")
    return numpy.asarray(values, dtype=float).reshape(-1)


def group_sums(values: Any, groups: Sequence[Hashable] | None) -> tuple[Any, Any]:
    """Return for each group the sum and the number of its values, in the order in which groups appear.

    Args:
        values: array of shape (n,).
        groups: which of them belong together; None when each stands alone.

    Raises:
        UserError: if there is not one group a value.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    if groups is None:
        return values, numpy.ones(len(values))
    if len(groups) != len(values):
        raise UserError(f"{len(values)} values have {len(groups)} groups; give one group a value")
    index: dict[Hashable, int] = {}
    codes = numpy.array([index.setdefault(group, len(index)) for group in groups], dtype=int)
    return numpy.bincount(codes, weights=values, minlength=0), numpy.bincount(codes).astype(float)


def generator(seed: int, *path: str | int) -> Any:
    """Return a numpy generator of its own for the part that ``path`` names."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    return numpy.random.default_rng(derive_seed(seed, *path))


def bca(samples: Any, whole: float, left_out: Any, level: float, times: Any = None) -> tuple[float, float]:
    """Return the ends of a BCa interval (Efron, 1987).

    The ends are corrected for bias, and for a spread that changes with the value (acceleration).

    Args:
        samples: the statistic of each drawn sample, shape (resamples,).
        whole: the statistic of the data.
        left_out: the statistic with each item left out in turn, shape (items,).
        level: between 0 and 1.
        times: how many items each entry of ``left_out`` stands for; default one.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    # Samples that equal the whole may differ from it by rounding.
    same = numpy.abs(samples - whole) <= 1e-12 * max(abs(whole), float(numpy.abs(samples).max()))
    below = ((samples < whole) & ~same).mean() + 0.5 * same.mean()
    if below in (0.0, 1.0) or numpy.ptp(samples) == 0:
        return float(samples.min()), float(samples.max())
    times = numpy.ones(len(left_out)) if times is None else times
    bias = stats.norm.ppf(below)
    away = numpy.average(left_out, weights=times) - left_out
    spread = float((times * away**2).sum())
    acceleration = 0.0 if spread == 0 else float((times * away**3).sum()) / (6 * spread**1.5)
    reach = stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2]) + bias
    low, high = numpy.quantile(samples, stats.norm.cdf(bias + reach / (1 - acceleration * reach)))
    return float(low), float(high)


def bootstrap_counts(
    measure: Callable[[Any], Any], counts: Sequence[int], *, level: float, resamples: int, seed: int
) -> tuple[float, float] | None:
    """Return the ends of a BCa interval of a statistic that depends on how often each kind of item occurs.

    Items that are alike are drawn together, so that the cost grows with the number of kinds, not of items.

    Args:
        measure: from an array of how often each kind occurs, shape (samples, kinds), to the statistic of each sample,
            shape (samples,), nan where it has no value.
        counts: how often each kind occurs in the data.
        level: between 0 and 1.
        resamples: how many samples to draw.
        seed: seed of the draws.

    Returns:
        The ends; None for fewer than two items, or where the statistic has no value in a tenth of the samples.
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    check_level(level)
    kinds = numpy.asarray(counts, dtype=float)
    size = int(kinds.sum())
    if size < 2:
        return None
    draw, chances, step = generator(seed, "bootstrap"), kinds / kinds.sum(), max(1, _CELLS // len(kinds))
    samples = numpy.concatenate(
        [
            measure(draw.multinomial(size, chances, size=min(step, resamples - start)).astype(float))
            for start in range(0, resamples, step)
        ]
    )
    kept = samples[numpy.isfinite(samples)]
    if len(kept) < 0.9 * resamples:
        return None
    left_out = numpy.concatenate([_each_left_out(measure, kinds, start, step) for start in range(0, len(kinds), step)])
    known = numpy.isfinite(left_out)
    whole = float(measure(kinds[None, :])[0])
    return bca(kept, whole, left_out[known], level, kinds[known])


def _each_left_out(measure: Callable[[Any], Any], kinds: Any, start: int, step: int) -> Any:
    """Return the statistic with one item left out, of each kind from ``start`` on in turn."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    stop = min(start + step, len(kinds))
    rows = numpy.tile(kinds, (stop - start, 1))
    rows[numpy.arange(stop - start), numpy.arange(start, stop)] -= 1
    return measure(rows)
