"""Distances between two samples of numbers that need no density."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def wasserstein_distance(reference: ArrayLike, candidate: ArrayLike) -> float | None:
    """Return how far the values of one sample must be moved, on average, to become the other (W1), in their unit.

    Kantorovich (1942): the area between the two cumulative distributions.

    Returns:
        The distance; None if a sample is empty.

    Raises:
        UserError: if a sample holds missing values.

    Example:
        >>> wasserstein_distance([1, 2, 3], [11, 12, 13])
        10.0
    """
    stats = need("scipy.stats", extra="metrics", why=WHY)
    first, second = numbers(reference, "the reference"), numbers(candidate, "the candidate")
    return float(stats.wasserstein_distance(first, second)) if len(first) and len(second) else None


def ks_statistic(reference: ArrayLike, candidate: ArrayLike) -> float | None:
    """Return the largest gap between the two cumulative distributions, 0 to 1 (Smirnov, 1939).

    Returns:
        The gap; None if a sample is empty.

    Raises:
        UserError: if a sample holds missing values.

    Example:
        >>> ks_statistic([1, 2, 3, 4], [3, 4, 5, 6])
        0.5
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    first, second = (numpy.sort(numbers(one, "the sample")) for one in (reference, candidate))
    if not len(first) or not len(second):
        return None
    values = numpy.concatenate([first, second])
    shares = [numpy.searchsorted(one, values, side="right") / len(one) for one in (first, second)]
    return float(numpy.abs(shares[0] - shares[1]).max())
