"""What a distance gives for samples of one corpus: less than that says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, generator
from sdialog.statistics.intervals import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SPLITS = 20


class NoiseFloor(NamedTuple):
    """Distances between random halves of one sample.

    Attributes:
        mean: their mean.
        interval: where 95 % of them lie.
    """

    mean: float
    interval: Interval


def split_half_floor(
    distance: Callable[[Any, Any], float | None],
    sample: ArrayLike,
    *,
    splits: int = SPLITS,
    level: float = 0.95,
    seed: int = 0,
) -> NoiseFloor | None:
    """Return what a distance gives between two random halves of one sample.

    The distance of a candidate means something only if it is larger. Most distances fall as samples grow, so that this
    is the floor for samples half as large: give the distance of the candidate at that size too, or take the floor as a
    careful one.

    Args:
        distance: a function of two samples, such as ``frechet_distance``; options are bound with a lambda.
        sample: numbers of shape (n,) or vectors of shape (n, dimensions), of independent items, one a dialog.
        splits: how many times to split, at least 2.
        level: share of the distances in the interval, between 0 and 1; with 20 splits its ends are nearly the smallest
            and the largest.
        seed: seed of the splits.

    Returns:
        The floor; None if the sample has fewer than four items, or the distance no value for a half.

    Raises:
        UserError: if there are fewer than two splits, or the level is none.

    Example:
        >>> from sdialog.evaluation.distances.one_dimensional import wasserstein_distance
        >>> scores = [n % 10 for n in range(100)]
        >>> floor = split_half_floor(wasserstein_distance, scores)
        >>> above_floor(wasserstein_distance(scores, scores), floor)
        False
        >>> above_floor(wasserstein_distance(scores, [score + 5 for score in scores]), floor)
        True
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if splits < 2 or not 0 < level < 1:
        raise UserError(f"a floor needs at least 2 splits and a level between 0 and 1, not {splits} and {level}")
    data = numpy.asarray(sample)
    half = len(data) // 2
    if half < 2:
        return None
    draw = generator(seed, "splits")
    found = []
    for _ in range(splits):
        order = draw.permutation(len(data))
        found.append(distance(data[order[:half]], data[order[half : 2 * half]]))
    if any(value is None for value in found):
        return None
    low, high = numpy.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return NoiseFloor(float(numpy.mean(found)), Interval(float(low), float(high), level, "split halves"))


def above_floor(distance: float | None, floor: NoiseFloor | None) -> bool | None:
    """Return whether a distance is larger than what halves of one corpus give; None if either has no value."""
    return None if distance is None or floor is None else distance > floor.interval.high
