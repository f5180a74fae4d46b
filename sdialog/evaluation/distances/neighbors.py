"""How much of a candidate is like the reference, and how much of the reference it covers: by nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.pairwise import blocks
from sdialog.evaluation.distances.samples import WHY, matched, pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

NEIGHBORS = 5


class NeighborCoverage(NamedTuple):
    """Shares of one sample near the other.

    Attributes:
        precision: share of the candidate within reach of the reference.
        recall: share of the reference within reach of the candidate.
        density: how many reaches of the reference a vector of the candidate lies in, of the number to be expected;
            about 1 for one distribution, and above it where the candidate keeps to the middle.
        coverage: share of the reference that has some of the candidate within its reach.
        neighbors: to which neighbour of its own sample the reach of a vector goes.
        size: how many vectors of each sample were used; the smaller number, if they differ.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    neighbors: int
    size: int


def neighbor_coverage(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    neighbors: int = NEIGHBORS,
    size_matched: bool = True,
    seed: int = 0,
) -> NeighborCoverage | None:
    """Return improved precision and recall, density and coverage.

    Precision and recall are those of Kynkäänniemi et al. (2019), NeurIPS, density and coverage those of Naeem et al.
    (2020), ICML; the latter are less moved by outliers. For one distribution the expected coverage is nearly
    ``1 - 1 / 2**neighbors`` when both samples are of one size.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        neighbors: which neighbour the reach of a vector goes to; at most the size of a sample less 1.
        size_matched: draw from the larger sample as many vectors as the smaller has.
        seed: seed of that draw.

    Returns:
        The shares; None if a sample has fewer than two vectors.

    Raises:
        UserError: if the samples are not finite vectors of one length, or there is no neighbour.

    Example:
        >>> here, there = [[n / 10, 0.0] for n in range(20)], [[n / 10, 9.0] for n in range(20)]
        >>> neighbor_coverage(here, here).coverage, neighbor_coverage(here, there).coverage
        (1.0, 0.0)
    """
    if neighbors < 1:
        raise UserError(f"neighbors must be at least 1, not {neighbors}")
    numpy = need("numpy", extra="metrics", why=WHY)
    first, second = pair(reference, candidate)
    size = min(len(first), len(second))
    if size < 2:
        return None
    if size_matched:
        first, second = matched(first, second, seed)
    k = min(neighbors, size - 1)
    reach, own_reach = _reaches(numpy, first, k), _reaches(numpy, second, k)
    reached = numpy.zeros(len(first), bool)
    covered = numpy.zeros(len(first), bool)
    held = numpy.zeros(len(second))
    for rows, distances in blocks(first, second):
        within = distances <= reach[rows, None]
        held += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
        reached[rows] = (distances <= own_reach).any(axis=1)
    shares = ((held > 0).mean(), reached.mean(), held.mean() / k, covered.mean())
    precision, recall, density, coverage = (float(share) for share in shares)
    return NeighborCoverage(precision, recall, density, coverage, k, size)


def _reaches(numpy: Any, sample: NDArray[Any], k: int) -> NDArray[Any]:
    """Return the squared distance of each vector to its k-th neighbour in its own sample."""
    found = numpy.empty(len(sample))
    for rows, distances in blocks(sample, sample):
        # The nearest of all is the vector itself.
        found[rows] = numpy.partition(distances, k, axis=1)[:, k]
    return found  # type: ignore[no-any-return]
