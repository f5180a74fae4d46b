"""Means over the rows of a cache, in one pass over what is on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import COLUMNS, NONE, REDUCTIONS, WHY
from sdialog.interpretability.caching.stores import Store, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.caching.stores import Rows


def mean_store(store: Store, rows: Rows, by: str, chunk: int) -> Store:
    """Return the mean of each turn, speaker or dialog, within dialogs, in the order in which they first come.

    Args:
        store: rows of tokens or of means, which count as many tokens as they are means of.
        rows: which of them.
        by: ``turn``, ``speaker`` or ``dialog``.
        chunk: how many rows are held at a time.
    """
    numpy = need("numpy", extra="local", why=WHY)
    columns = numpy.asarray(store.columns[rows])
    counts = columns[:, COLUMNS.index("tokens")]
    keys = columns[:, [COLUMNS.index(name) for name in ("dialog", *REDUCTIONS[by])]]
    _, first, inverse = numpy.unique(keys, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    order = numpy.argsort(first)
    place = numpy.empty_like(order)
    place[order] = numpy.arange(len(order))
    inverse = place[inverse]
    totals = numpy.bincount(inverse, weights=counts, minlength=len(order))
    arrays = {}
    for site, array in store.arrays.items():
        sums = numpy.zeros((len(order), *array.shape[1:]))
        done = 0
        for part in pieces(rows, chunk):
            values = numpy.asarray(array[part], float)
            here = slice(done, done + len(values))
            weights = counts[here].reshape(-1, *[1] * (array.ndim - 1))
            numpy.add.at(sums, inverse[here], values * weights)
            done += len(values)
        arrays[site] = (sums / totals.reshape(-1, *[1] * (array.ndim - 1))).astype(store.recipe.dtype)
    labels = _labels(numpy, columns, inverse, first[order], totals)
    return Store(replace(store.recipe, reduce=by), arrays, labels, store.names)


def _labels(numpy: Any, columns: NDArray[Any], inverse: Any, first: Any, totals: Any) -> NDArray[Any]:
    """Return the numbers of each mean: those that all of its rows have, else none."""
    labels = columns[first].copy()
    for name in ("turn", "speaker", "role", "part"):
        at = COLUMNS.index(name)
        differs = numpy.zeros(len(first), bool)
        numpy.logical_or.at(differs, inverse, columns[:, at] != labels[inverse, at])
        labels[differs, at] = 0 if name == "role" else NONE
    labels[:, COLUMNS.index("position")] = labels[:, COLUMNS.index("token")] = NONE
    labels[:, COLUMNS.index("tokens")] = totals
    return labels  # type: ignore[no-any-return]
