"""Rows of a cache in a shuffled order, read from disk as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.caching.recipes import WHY

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRETCH = 256  # rows that are read from disk in one go
_HELD = 64  # stretches that are shuffled together


class CacheBatches:
    """Batches that can be gone through again, each time in another order.

    Stretches of neighbouring rows are taken in a random order, some of them at a time, and their rows are shuffled:
    near enough to a random order to train on, and as fast as the disk. Memory does not grow with the rows.

    Args:
        array: shape (rows, ...), such as a memory map.
        rows: which of them.
        size: rows a batch; the last batch has fewer where they do not divide.
        seed: seed of the orders.

    Raises:
        ConfigError: if the size is below 1.
    """

    def __init__(self, array: NDArray[Any], rows: slice | NDArray[Any], size: int, seed: int = 0) -> None:
        if size < 1:
            raise ConfigError(f"a batch has at least one row, not {size}")
        self._array, self._rows, self.size, self.seed = array, rows, size, seed
        self._numbers = range(*rows.indices(len(array))) if isinstance(rows, slice) else rows
        self._runs = 0

    def __len__(self) -> int:
        return -(-len(self._numbers) // self.size)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        self._runs += 1
        return self.epoch(self._runs - 1)

    def epoch(self, number: int) -> Iterator[NDArray[Any]]:
        """Yield the batches of the run of that number, from 0."""
        numpy = need("numpy", extra="local", why=WHY)
        draw = numpy.random.default_rng(derive_seed(self.seed, "order", number))
        starts = draw.permutation(range(0, len(self._numbers), _STRETCH)).tolist()
        left: Any = None
        for at in range(0, len(starts), _HELD):
            parts = [self._read(numpy, start) for start in starts[at : at + _HELD]]
            pool = numpy.concatenate(parts)
            pool = pool[draw.permutation(len(pool))]
            pool = pool if left is None else numpy.concatenate([left, pool])
            whole = len(pool) // self.size * self.size
            for start in range(0, whole, self.size):
                yield pool[start : start + self.size]
            left = pool[whole:]
        if left is not None and len(left):
            yield left

    def _read(self, numpy: Any, start: int) -> NDArray[Any]:
        part = self._numbers[start : start + _STRETCH]
        at: Any = slice(part.start, part.stop) if isinstance(part, range) else part
        return numpy.asarray(self._array[at])  # type: ignore[no-any-return]
