"""The distance between two samples as if each were normally distributed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, drawn, matched, numbers, pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEDOIT_WOLF = "ledoit-wolf"
ENOUGH = 10
"""How many vectors a dimension a plain covariance matrix needs at least."""


class FrechetReport(NamedTuple):
    """A Fréchet distance and what it rests on.

    Attributes:
        distance: the distance.
        size: how many vectors of each sample were used; the smaller number, if they differ.
        dimensions: length of the vectors.
        squared: whether it is the square of the distance.
        warning: why the number must not be trusted, if there is a reason.
    """

    distance: float
    size: int
    dimensions: int
    squared: bool
    warning: str | None


def frechet_distance_1d(reference: ArrayLike, candidate: ArrayLike) -> float | None:
    """Return the Fréchet distance of two normal distributions fitted to numbers, in their unit.

    Dowson and Landau (1982): the root of ``(mean - mean)**2 + (deviation - deviation)**2``.

    Returns:
        The distance; None if a sample has fewer than two numbers.

    Raises:
        UserError: if a sample holds missing values.

    Example:
        >>> frechet_distance_1d([1, 3], [4, 8])
        4.123105625617661
    """
    first, second = numbers(reference, "the reference"), numbers(candidate, "the candidate")
    if min(len(first), len(second)) < 2:
        return None
    return math.hypot(float(first.mean() - second.mean()), float(first.std() - second.std()))


def frechet_distance(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    shrinkage: str | None = LEDOIT_WOLF,
    size_matched: bool = True,
    seed: int = 0,
    squared: bool = True,
) -> float | None:
    """Return the Fréchet distance of two normal distributions fitted to vectors.

    Dowson and Landau (1982): ``|m1 - m2|**2 + trace(C1 + C2 - 2 (C1 C2)**0.5)``. With fewer vectors than dimensions the
    plain covariance matrices make two samples of one distribution look far apart; shrinkage towards a sphere (Ledoit
    and Wolf, 2004) takes most of that away, at the price of making real differences of shape smaller. Samples of other
    sizes give other values: compare candidates at one size.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        shrinkage: ``ledoit-wolf``, or None for plain covariance matrices.
        size_matched: draw from the larger sample as many vectors as the smaller has.
        seed: seed of that draw.
        squared: return the square of the distance, as is usual for embeddings; False for its root.

    Returns:
        The distance; None if a sample has fewer than two vectors.

    Raises:
        UserError: if the samples are not finite vectors of one length.
        UnknownNameError: if there is no such shrinkage.

    Example:
        >>> same = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]
        >>> moved = [[x + 3, y + 4] for x, y in same]
        >>> round(frechet_distance(same, moved, squared=False), 6)
        5.0
    """
    report = frechet_report(
        reference, candidate, shrinkage=shrinkage, size_matched=size_matched, seed=seed, squared=squared
    )
    return None if report is None else report.distance


def frechet_report(
    reference: ArrayLike,
    candidate: ArrayLike,
    *,
    shrinkage: str | None = LEDOIT_WOLF,
    size_matched: bool = True,
    seed: int = 0,
    squared: bool = True,
) -> FrechetReport | None:
    """Return the distance of :func:`frechet_distance` with its sizes, and a warning where they are too small.

    Example:
        >>> frechet_report([[0.0], [1.0]], [[0.0], [1.0]], shrinkage=None).warning
        '2 vectors of 1 dimensions: a covariance matrix needs at least 10'
    """
    if shrinkage not in (None, LEDOIT_WOLF):
        raise UnknownNameError("shrinkage", str(shrinkage), (LEDOIT_WOLF,), "None is none.")
    first, second = pair(reference, candidate)
    size, dimensions = min(len(first), len(second)), first.shape[1]
    if size < 2:
        return None
    if size_matched:
        first, second = matched(first, second, seed)
    distance = _plain(first, second) if shrinkage is None else _shrunk(first, second)
    return FrechetReport(
        distance if squared else math.sqrt(distance), size, dimensions, squared, _warning(size, dimensions, shrinkage)
    )


def frechet_distance_infinity(
    reference: ArrayLike, candidate: ArrayLike, *, points: int = 10, repeats: int = 3, seed: int = 0
) -> float | None:
    """Return what the squared Fréchet distance tends to as the samples grow: it has no bias from their size.

    Chong and Forsyth (2020), CVPR: distances of growing parts of the samples, with plain covariance matrices, lie near
    a line in 1 / size; its value at 0 is returned. The line is a good one only where the smallest part, a tenth of the
    sample and at least twice as many vectors as dimensions, is large enough.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).
        points: how many sizes, at least 2.
        repeats: how many draws of each size.
        seed: seed of the draws.

    Returns:
        The limit, which may lie below 0 by chance; None if there are not four vectors a dimension.

    Raises:
        UserError: if the samples are not finite vectors of one length, or there are fewer than two points.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if points < 2 or repeats < 1:
        raise UserError(f"a line needs at least 2 points and 1 repeat, not {points} and {repeats}")
    first, second = pair(reference, candidate)
    largest, dimensions = min(len(first), len(second)), first.shape[1]
    smallest = max(largest // 10, 2 * dimensions)
    if largest < 4 * dimensions or smallest >= largest:
        return None
    # Even steps of 1 / size give each part of the line the same weight.
    sizes = (1 / numpy.linspace(1 / smallest, 1 / largest, points)).round().astype(int)
    distances = [
        numpy.mean(
            [
                _plain(
                    drawn(first, size, seed, "reference", int(size), turn),
                    drawn(second, size, seed, "candidate", int(size), turn),
                )
                for turn in range(repeats)
            ]
        )
        for size in sizes
    ]
    return float(numpy.polyfit(1 / sizes, distances, 1)[1])


def _warning(size: int, dimensions: int, shrinkage: str | None) -> str | None:
    needed = ENOUGH * dimensions if shrinkage is None else dimensions
    if size >= needed:
        return None
    said = f"{size} vectors of {dimensions} dimensions: a covariance matrix needs at least {needed}"
    return said if shrinkage is None else f"{said}, even with shrinkage"


def _plain(first: NDArray[Any], second: NDArray[Any]) -> float:
    numpy = need("numpy", extra="metrics", why=WHY)
    between = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    roots = [(one - one.mean(axis=0)) / math.sqrt(len(one) - 1) for one in (first, second)]
    # The trace of (C1 C2)**0.5 is the sum of the singular values of R1 R2', where C = R'R; R'R is never formed when
    # there are fewer vectors than dimensions.
    small = [numpy.linalg.qr(root, mode="r") if len(root) > root.shape[1] else root for root in roots]
    shared = float(numpy.linalg.svd(small[0] @ small[1].T, compute_uv=False).sum())
    return max(0.0, between + sum(float((root**2).sum()) for root in roots) - 2 * shared)


def _shrunk(first: NDArray[Any], second: NDArray[Any]) -> float:
    numpy = need("numpy", extra="metrics", why=WHY)
    covariance = need("sklearn.covariance", extra="metrics", why=WHY)
    between = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    one, other = (covariance.ledoit_wolf(sample)[0] for sample in (first, second))
    values, axes = numpy.linalg.eigh(one)
    root = axes * numpy.sqrt(numpy.maximum(values, 0)) @ axes.T
    shared = numpy.sqrt(numpy.maximum(numpy.linalg.eigvalsh(root @ other @ root), 0)).sum()
    return max(0.0, between + float(numpy.trace(one) + numpy.trace(other) - 2 * shared))
