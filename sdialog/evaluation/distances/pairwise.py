"""Euclidean distances between the rows of two arrays, in blocks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1024
_ROUNDING = 1e-14


def squared_distances(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the squares of all distances, of shape (n, m); what rounding alone may have made is 0.

    Example:
        >>> import numpy
        >>> squared_distances(numpy.array([[0.0, 0.0]]), numpy.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[25.0, 0.0]]
    """
    # Few digits are lost when the samples lie around the origin.
    middle = second.mean(axis=0)
    one, other = first - middle, second - middle
    lengths = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    found = lengths - 2 * one @ other.T
    # Equal vectors would be at other tiny distances each time, and a duplicate not within reach of its copies.
    found[found <= _ROUNDING * lengths] = 0
    return found  # type: ignore[no-any-return]


def blocks(first: NDArray[Any], second: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield the squared distances some rows at a time, with which rows they are of."""
    for start in range(0, len(first), BLOCK):
        rows = slice(start, min(len(first), start + BLOCK))
        yield rows, squared_distances(first[rows], second)
