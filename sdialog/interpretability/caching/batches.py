"""Rows of a cache in a shuffled order, read from disk as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        array: shape (rows, ...), such as a memory map; several of one shape, such as layers, are put side by side to
            (rows, arrays, ...).
        rows: which of them.
        size: rows a batch; the last batch has fewer where they do not divide.
        seed: seed of the orders.
        target: another array with as many rows; batches are then pairs of both.

    Raises:
        ConfigError: if the size is below 1, or there are several arrays of different shapes.
    """

    def __init__(
        self,
        array: NDArray[Any] | Sequence[NDArray[Any]],
        rows: slice | NDArray[Any],
        size: int,
        seed: int = 0,
        target: NDArray[Any] | None = None,
    ) -> None:
        if size < 1:
            raise ConfigError(f"a batch has at least one row, not {size}")
        together = isinstance(array, (list, tuple))
        listed: list[Any] = list(array) if together else [array]
        if len({one.shape for one in listed}) != 1:
            shapes = ", ".join(str(one.shape[1:]) for one in listed) or "none"
            raise ConfigError(f"sites that are read together have activations of one shape, not {shapes}")
        self._arrays, self._together, self._target = listed, together, target
        self._rows, self.size, self.seed = rows, size, seed
        self._numbers = range(*rows.indices(len(listed[0]))) if isinstance(rows, slice) else rows
        self._runs = 0

    def __len__(self) -> int:
        return -(-len(self._numbers) // self.size)

    def __iter__(self) -> Iterator[Any]:
        self._runs += 1
        return self.epoch(self._runs - 1)

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of the run of that number, from 0: arrays, or pairs of them with a target."""
        numpy = need("numpy", extra="local", why=WHY)
        draw = numpy.random.default_rng(derive_seed(self.seed, "order", number))
        starts = draw.permutation(range(0, len(self._numbers), _STRETCH)).tolist()
        left: list[Any] | None = None
        for at in range(0, len(starts), _HELD):
            parts = [self._read(numpy, start) for start in starts[at : at + _HELD]]
            pools = [numpy.concatenate(sides) for sides in zip(*parts, strict=True)]
            order = draw.permutation(len(pools[0]))
            pools = [pool[order] for pool in pools]
            if left is not None:
                pools = [numpy.concatenate(both) for both in zip(left, pools, strict=True)]
            whole = len(pools[0]) // self.size * self.size
            for start in range(0, whole, self.size):
                yield self._batch([pool[start : start + self.size] for pool in pools])
            left = [pool[whole:] for pool in pools]
        if left is not None and len(left[0]):
            yield self._batch(left)

    def _batch(self, sides: list[NDArray[Any]]) -> Any:
        return sides[0] if self._target is None else (sides[0], sides[1])

    def _read(self, numpy: Any, start: int) -> list[NDArray[Any]]:
        part = self._numbers[start : start + _STRETCH]
        at: Any = slice(part.start, part.stop) if isinstance(part, range) else part
        read = [array[at] for array in self._arrays]
        sides = [numpy.stack(read, axis=1) if self._together else numpy.asarray(read[0])]
        return sides if self._target is None else [*sides, numpy.asarray(self._target[at])]
