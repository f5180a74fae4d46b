"""Euclidean distances between the rows of two arrays, in blocks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1024


def squared_distances(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the squares of all distances, of shape (n, m).

    Example:
        >>> import numpy
        >>> squared_distances(numpy.array([[0.0, 0.0]]), numpy.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[25.0, 0.0]]
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    # Few digits are lost when the samples lie around the origin.
    middle = second.mean(axis=0)
    one, other = first - middle, second - middle
    found = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return numpy.maximum(found, 0)  # type: ignore[no-any-return]


def blocks(first: NDArray[Any], second: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield the squared distances some rows at a time, with which rows they are of."""
    for start in range(0, len(first), BLOCK):
        rows = slice(start, min(len(first), start + BLOCK))
        yield rows, squared_distances(first[rows], second)
