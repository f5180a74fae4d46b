"""How much of a candidate is like the reference, and how much of the reference it covers: by clusters of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, different, generator, matched, pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLUSTERS = 20
ANGLES = 1001
RUNS = 10
BETA = 8
VECTORS_A_CLUSTER = 10
"""How many vectors of each sample a cluster holds at least, on average."""

_PERMUTATIONS = 20
_EDGE = 1e-10


class PrecisionRecall(NamedTuple):
    """A curve of precision and recall, and what is read from it.

    Attributes:
        precision, recall: the points of the curve, each of shape (angles,).
        f1: the largest F1 on it.
        f8: the largest F8, which weighs recall: whether the candidate covers the reference.
        f1_8: the largest F1/8, which weighs precision: whether the candidate looks like the reference.
        chance: the distance between samples that are mixed at random.
        clusters: how many clusters there were.
        size: how many vectors of each sample were used; the smaller number, if they differ.
    """

    precision: NDArray[Any]
    recall: NDArray[Any]
    f1: float
    f8: float
    f1_8: float
    chance: float
    clusters: int
    size: int

    @property
    def distance(self) -> float:
        """1 less the largest F1: 0 for samples alike, 1 for disjoint ones; above 0 by chance in small samples."""
        return 1 - self.f1

    @property
    def adjusted_distance(self) -> float:
        """The distance beyond chance: about 0 for samples of one distribution, of any size, and 1 for disjoint ones."""
        return (self.distance - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0


def precision_recall(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    clusters: int = CLUSTERS,
    angles: int = ANGLES,
    runs: int = RUNS,
    size_matched: bool = True,
    seed: int = 0,
) -> PrecisionRecall | None:
    """Return the curve of precision and recall of a candidate's distribution.

    Sajjadi et al. (2018), NeurIPS: the vectors of both are put into clusters, and what the clusters hold of each is
    compared; the curve is the mean over several clusterings. Small samples differ by chance, which is measured by
    mixing them: see ``adjusted_distance``.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        clusters: how many clusters; fewer where they would hold less than ten vectors of each sample on average.
        angles: how many points of the curve, 3 to a million.
        runs: how many clusterings.
        size_matched: draw from the larger sample as many vectors as the smaller has.
        seed: seed of all that is random.

    Returns:
        The curve; None if a sample has fewer than two vectors.

    Raises:
        UserError: if the samples are not finite vectors of one length, or a number is out of range.

    Example:
        >>> here, there = [[n / 10, 0.0] for n in range(20)], [[n / 10, 9.0] for n in range(20)]
        >>> [round(precision_recall(here, other).distance, 3) for other in (here, there)]
        [0.0, 1.0]
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if not 3 <= angles <= 1_000_000:
        raise UserError(f"angles must be 3 to 1000000, not {angles}")
    if clusters < 2 or runs < 1:
        raise UserError(f"there must be at least 2 clusters and 1 run, not {clusters} and {runs}")
    first, second = pair(reference, candidate)
    size = min(len(first), len(second))
    if size < 2:
        return None
    if size_matched:
        first, second = matched(first, second, seed)
    pooled = numpy.concatenate([first, second]).astype(numpy.float32)
    number = min(clusters, max(2, size // VECTORS_A_CLUSTER), different(pooled))
    slopes = numpy.tan(numpy.linspace(_EDGE, math.pi / 2 - _EDGE, angles))
    draw = generator(seed, "clusters")
    labels = [_clusters(pooled, number, int(draw.integers(2**31))) for _ in range(runs)]
    curve = _curve(numpy, labels, len(first), slopes)
    chance = []
    for _ in range(_PERMUTATIONS):
        order = draw.permutation(len(pooled))
        chance.append(1 - _best(numpy, _curve(numpy, [run[order] for run in labels], len(first), slopes), 1))
    best = [_best(numpy, curve, beta) for beta in (1, BETA, 1 / BETA)]
    return PrecisionRecall(curve[0], curve[1], best[0], best[1], best[2], float(numpy.mean(chance)), number, size)


def _clusters(pooled: NDArray[Any], number: int, seed: int) -> NDArray[Any]:
    numpy = need("numpy", extra="metrics", why=WHY)
    if number < 2:
        return numpy.zeros(len(pooled), int)  # type: ignore[no-any-return]
    cluster = need("sklearn.cluster", extra="metrics", why=WHY)
    return cluster.MiniBatchKMeans(number, n_init=3, random_state=seed).fit_predict(pooled)  # type: ignore[no-any-return]


def _curve(numpy: Any, runs: Sequence[NDArray[Any]], size: int, slopes: NDArray[Any]) -> NDArray[Any]:
    """Return precision and recall at each slope, of shape (2, slopes): means over clusterings."""
    precision = numpy.zeros(len(slopes))
    for labels in runs:
        counts = (numpy.bincount(part, minlength=labels.max() + 1) for part in (labels[:size], labels[size:]))
        p, q = (count / count.sum() for count in counts)
        precision += numpy.minimum(slopes[:, None] * p, q).sum(axis=1) / len(runs)
    return numpy.clip(numpy.stack([precision, precision / slopes]), 0, 1)  # type: ignore[no-any-return]


def _best(numpy: Any, curve: NDArray[Any], beta: float) -> float:
    precision, recall = curve
    below = beta**2 * precision + recall
    scores = (1 + beta**2) * precision * recall / numpy.where(below > 0, below, 1)
    return min(1.0, float(scores.max()))
