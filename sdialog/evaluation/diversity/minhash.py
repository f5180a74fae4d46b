"""MinHash: short signatures of sets that agree the more often the more alike the sets are."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import generator

FUNCTIONS = 128
MISSED = 0.01
"""How often a pair at the threshold may be missed."""

_BATCH = 256


def bands(threshold: float, functions: int = FUNCTIONS) -> tuple[int, int]:
    """Return how many bands of how many rows to split signatures into.

    Two sets of Jaccard index s share a band with probability ``1 - (1 - s**rows)**bands``. There are as many rows as
    leave a pair at the threshold its chance to be found; more rows are fewer pairs to compare.

    Example:
        >>> bands(0.8), bands(0.5)
        ((21, 6), (42, 3))
    """
    rows = 1
    while rows < functions and (1 - threshold ** (rows + 1)) ** (functions // (rows + 1)) <= MISSED:
        rows += 1
    return functions // rows, rows


def signatures(sets: Iterable[Collection[str]], functions: int, seed: int) -> Iterator[Any]:
    """Yield the signature of each set: an array of shape (functions,), of 32-bit numbers.

    Broder (1997). Each number is the least hash of the members under one function (multiply-shift: Dietzfelbinger et
    al., 1997).

    Args:
        sets: none of them empty.
        functions: how many hash functions.
        seed: which functions.
    """
    numpy = need("numpy", extra="metrics", why="find near duplicates")
    draw = generator(seed, "minhash")
    factors, terms = draw.integers(0, 2**63, (2, functions), dtype=numpy.uint64)
    factors = factors * numpy.uint64(2) + numpy.uint64(1)
    source = iter(sets)
    while batch := list(islice(source, _BATCH)):
        members = numpy.array([zlib.crc32(one.encode("utf-8", "surrogatepass")) for own in batch for one in own])
        members = members.astype(numpy.uint64)
        starts = numpy.cumsum([0, *(len(own) for own in batch[:-1])])
        found = numpy.empty((functions, len(batch)), numpy.uint32)
        for number in range(functions):
            hashes = (members * factors[number] + terms[number]) >> numpy.uint64(32)
            found[number] = numpy.minimum.reduceat(hashes.astype(numpy.uint32), starts)
        yield from found.T
