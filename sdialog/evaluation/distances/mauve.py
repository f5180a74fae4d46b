"""MAUVE: the two ways in which generated text can miss the reference, on one curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, different, generator, matched, pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SCALING = 5.0
POINTS = 25
VARIANCE = 0.9
SKEW = 0.1
VECTORS_A_CLUSTER = 10


class Mauve(NamedTuple):
    """A MAUVE score.

    Attributes:
        score: the area under the curve: 1 for equal distributions, about 0.004 for disjoint ones.
        unlike_reference: how much of the candidate the reference does not have (the error of the first kind): its
            divergence from the reference with a tenth of the candidate mixed in (skew divergence: Lee, 1999), in nats;
            0 to log 10.
        missing_reference: how much of the reference the candidate does not have (the error of the second kind): the
            same the other way round.
        clusters: how many clusters there were.
        size: how many vectors of each sample were used; the smaller number, if they differ.
    """

    score: float
    unlike_reference: float
    missing_reference: float
    clusters: int
    size: int


def mauve(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    clusters: int | None = None,
    scaling: float = SCALING,
    smoothing: float = 0.0,
    size_matched: bool = True,
    seed: int = 0,
) -> Mauve | None:
    """Return MAUVE of a candidate against a reference, in the space of any embedder.

    Pillutla et al. (2021), NeurIPS: vectors of length 1, reduced to the principal components that hold 90 % of the
    variance, are put into clusters by k-means; the score is the area under the curve of the two divergences from
    mixtures of what the clusters hold. Scores are comparable only with the same embedder, sizes and clusters.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        clusters: how many clusters; None is a tenth of the smaller sample, at least 2.
        scaling: c of ``exp(-c * divergence)``.
        smoothing: added to each count; 0.5 (Krichevsky and Trofimov, 1981) makes scores of small samples less low.
        size_matched: draw from the larger sample as many vectors as the smaller has.
        seed: seed of all that is random.

    Returns:
        The score; None if a sample has fewer than two vectors.

    Raises:
        UserError: if the samples are not finite vectors of one length, or a number is out of range.

    Example:
        >>> east, north = [[9.0, n / 10] for n in range(20)], [[n / 10, 9.0] for n in range(20)]
        >>> round(mauve(east, east).score, 3), round(mauve(east, north).score, 3)
        (1.0, 0.004)
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if (clusters is not None and clusters < 2) or scaling <= 0 or smoothing < 0:
        raise UserError("mauve takes at least 2 clusters, a scaling above 0 and a smoothing of 0 or more")
    first, second = pair(reference, candidate)
    size = min(len(first), len(second))
    if size < 2:
        return None
    if size_matched:
        first, second = matched(first, second, seed)
    labels = _quantised(numpy, numpy.concatenate([first, second]), clusters or max(2, size // VECTORS_A_CLUSTER), seed)
    number = int(labels.max()) + 1
    counts = [
        numpy.bincount(part, minlength=number) + smoothing for part in (labels[: len(first)], labels[len(first) :])
    ]
    p, q = (count / count.sum() for count in counts)
    unlike, missing = (_kl(numpy, one, SKEW * one + (1 - SKEW) * other) for one, other in ((q, p), (p, q)))
    return Mauve(divergence_area(p, q, scaling=scaling), unlike, missing, number, size)


def divergence_area(
    reference: ArrayLike, candidate: ArrayLike, *, scaling: float = SCALING, points: int = POINTS
) -> float:
    """Return the area under the divergence curve of two distributions over the same classes.

    Args:
        reference: shares that sum to 1, of shape (classes,).
        candidate: shares that sum to 1, of shape (classes,).
        scaling: c of ``exp(-c * divergence)``.
        points: how many mixtures.

    Example:
        >>> round(divergence_area([0.5, 0.5], [0.5, 0.5]), 3), round(divergence_area([1, 0], [0, 1]), 4)
        (1.0, 0.0041)
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    p, q = numpy.asarray(reference, dtype=float), numpy.asarray(candidate, dtype=float)
    weights = numpy.linspace(1e-6, 1 - 1e-6, points)
    like = [math.exp(-scaling * _kl(numpy, q, weight * p + (1 - weight) * q)) for weight in weights]
    covered = [math.exp(-scaling * _kl(numpy, p, weight * p + (1 - weight) * q)) for weight in weights]
    # The ends of the curve: nothing of one, all of the other.
    x, y = numpy.array([0.0, *sorted(like), 1.0]), numpy.array([1.0, *sorted(covered, reverse=True), 0.0])
    return float(numpy.trapezoid(y, x))


def _kl(numpy: Any, p: NDArray[Any], q: NDArray[Any]) -> float:
    held = p > 0
    return max(0.0, float((p[held] * numpy.log(p[held] / q[held])).sum()))


def _quantised(numpy: Any, pooled: NDArray[Any], clusters: int, seed: int) -> NDArray[Any]:
    """Return the cluster of each vector, numbered from 0 without gaps."""
    decomposition = need("sklearn.decomposition", extra="metrics", why=WHY)
    cluster = need("sklearn.cluster", extra="metrics", why=WHY)
    lengths = numpy.linalg.norm(pooled, axis=1, keepdims=True)
    data = pooled / numpy.where(lengths > 0, lengths, 1)
    number = min(clusters, different(data))
    if number < 2:
        return numpy.zeros(len(data), int)  # type: ignore[no-any-return]
    draw = generator(seed, "clusters")
    analysis = decomposition.PCA(random_state=int(draw.integers(2**31)))
    turned = analysis.fit_transform(data)
    kept = int(numpy.searchsorted(numpy.cumsum(analysis.explained_variance_ratio_), VARIANCE)) + 1
    means = cluster.KMeans(number, n_init=5, max_iter=500, random_state=int(draw.integers(2**31)))
    found: NDArray[Any] = numpy.unique(means.fit_predict(turned[:, :kept]), return_inverse=True)[1]
    return found
