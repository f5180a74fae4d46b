"""The maximum mean discrepancy: a distance between samples of vectors with a test of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.pairwise import squared_distances
from sdialog.evaluation.distances.samples import WHY, drawn, generator, pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PERMUTATIONS = 500
LARGEST = 2000
_AT_ONCE = 64


class MMD(NamedTuple):
    """A maximum mean discrepancy.

    Attributes:
        squared: the unbiased estimate of its square; below 0 by chance when the distributions are the same.
        p_value: how often samples mixed at random differ as much; None without permutations.
        bandwidth: the width of the kernel.
        sizes: how many vectors of the reference and of the candidate were used.
    """

    squared: float
    p_value: float | None
    bandwidth: float
    sizes: tuple[int, int]


def mmd(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    bandwidth: float | None = None,
    permutations: int = PERMUTATIONS,
    largest: int = LARGEST,
    seed: int = 0,
) -> MMD | None:
    """Return the squared maximum mean discrepancy of two samples of vectors, and whether they differ.

    Gretton et al. (2012), JMLR 13: mean likeness within the samples less twice that between them, without bias from
    the size of the samples, for the kernel ``exp(-d**2 / (2 bandwidth**2))``. The p-value is that of a permutation
    test, ``(1 + as large) / (1 + permutations)``; it holds for vectors that are independent, one a dialog.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        bandwidth: width of the kernel; None takes the median distance of vectors that differ, 1 if none do.
        permutations: how often the samples are mixed; 0 for no test.
        largest: how many vectors of a sample are used at most; they are drawn.
        seed: seed of the draws and the permutations.

    Returns:
        The discrepancy; None if a sample has fewer than two vectors.

    Raises:
        UserError: if the samples are not finite vectors of one length, or the bandwidth is not above 0.

    Example:
        >>> found = mmd([[0.0], [1.0], [2.0], [3.0]], [[10.0], [11.0], [12.0], [13.0]])
        >>> round(found.squared, 2), found.p_value < 0.05
        (1.02, True)
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    first, second = pair(reference, candidate)
    first, second = drawn(first, largest, seed, "reference"), drawn(second, largest, seed, "candidate")
    if min(len(first), len(second)) < 2:
        return None
    if bandwidth is not None and not 0 < bandwidth < math.inf:
        raise UserError(f"a bandwidth is a number above 0, not {bandwidth}")
    pooled = numpy.concatenate([first, second])
    distances = squared_distances(pooled, pooled)
    width = bandwidth or _median(numpy, distances)
    kernel = numpy.exp(-distances / (2 * width**2))
    numpy.fill_diagonal(kernel, 0)
    member = numpy.zeros((len(pooled), 1))
    member[: len(first)] = 1
    found = float(_estimates(numpy, kernel, member)[0])
    p_value = _p_value(numpy, kernel, member, found, permutations, seed) if permutations else None
    return MMD(found, p_value, width, (len(first), len(second)))


def _median(numpy: Any, distances: NDArray[Any]) -> float:
    # Where most vectors are copies, the median of all would be 0, which is no width.
    above = distances[numpy.triu_indices(len(distances), 1)]
    above = above[above > 0]
    return math.sqrt(float(numpy.median(above))) if len(above) else 1.0


def _estimates(numpy: Any, kernel: NDArray[Any], members: NDArray[Any]) -> NDArray[Any]:
    """Return the estimate for each column that says which rows are the first sample."""
    sums = kernel @ members
    within = (members * sums).sum(axis=0)
    between = sums.sum(axis=0) - within
    rest = kernel.sum() - within - 2 * between
    n = members.sum(axis=0)
    m = len(kernel) - n
    return within / (n * (n - 1)) + rest / (m * (m - 1)) - 2 * between / (n * m)  # type: ignore[no-any-return]


def _p_value(
    numpy: Any, kernel: NDArray[Any], member: NDArray[Any], found: float, permutations: int, seed: int
) -> float:
    draw = generator(seed, "permutations")
    # Sums in another order end in other digits.
    enough = found - 1e-12
    as_large = 0
    for start in range(0, permutations, _AT_ONCE):
        columns = numpy.tile(member, min(_AT_ONCE, permutations - start))
        as_large += int((_estimates(numpy, kernel, draw.permuted(columns, axis=0)) >= enough).sum())
    return (1 + as_large) / (1 + permutations)
