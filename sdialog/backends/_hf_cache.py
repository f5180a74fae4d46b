"""Keys and values of attention: of one batch while it decodes, and of conversations between their turns.

A batch is laid out in columns. Every row ends in the same column, shorter rows start later (left padding), and each
decoding step adds one column. The buffers are allocated once per batch with room to grow, written in place, and a
row that ends is overwritten by the last one, so no step copies what is already there.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

_GROW = 64

RowKV = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one row per layer, each of shape (heads, tokens, dimension)."""


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Size of one layer's cache entries."""

    heads: int
    key_dim: int
    value_dim: int


class SpareBuffers:
    """Memory of batches that ended, for those that come: pages fresh from the system cost more than what fills them.

    For one thread, as the decode loop is.

    Args:
        limit: most bytes to hold on to.
        device: where the buffers are; other devices than the CPU have allocators that do this themselves.
    """

    def __init__(self, limit: int, device: torch.device) -> None:
        self.limit = limit if device.type == "cpu" else 0
        self.device = device
        self._spare: list[torch.Tensor] = []

    @property
    def size(self) -> int:
        """How many bytes are held for later."""
        return sum(flat.numel() for flat in self._spare)

    def take(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Return an uninitialised tensor of this shape, in the smallest spare buffer with room for it."""
        size = math.prod(shape) * dtype.itemsize
        if not self.limit:
            return torch.empty(*shape, dtype=dtype, device=self.device)
        self._spare.sort(key=torch.Tensor.numel)
        fitting = next((place for place, flat in enumerate(self._spare) if flat.numel() >= size), None)
        if fitting is not None:
            flat = self._spare.pop(fitting)
        else:
            self._spare = self._spare[:-1]  # the new one is there in its place from now on
            # Conversations grow: untouched room costs nothing and lets their next turn fit.
            room = min(size + size // 2, max(size, self.limit))
            flat = torch.empty(room, dtype=torch.uint8, device=self.device)
        return flat[:size].view(dtype).view(*shape)

    def give(self, tensors: Sequence[torch.Tensor]) -> None:
        """Take back tensors that nothing uses any more; what was spare before makes room for them."""
        for tensor in tensors:
            self._spare.append(torch.empty(0, dtype=torch.uint8, device=self.device).set_(tensor.untyped_storage()))
        while self.size > self.limit:
            self._spare.pop(0)


class _Cursor:
    """Where a forward call reads and writes, shared by the layers of a batch."""

    low = high = column = 0


class _ArenaLayer(DynamicLayer):  # type: ignore[misc]  # transformers is untyped here
    """One layer's buffers of shape (rows, heads, columns, dimension), of which a call sees a window.

    Sliding-window layers use it too: they keep every column, and the model's own mask hides the far ones.
    """

    is_sliding = False

    def __init__(self, shape: LayerShape, rows: int, columns: int, dtype: torch.dtype, spare: SpareBuffers) -> None:
        super().__init__()
        self.dtype, self.device, self.spare = dtype, spare.device, spare
        self.cursor = _Cursor()
        self.keys = spare.take((rows, shape.heads, columns, shape.key_dim), dtype)
        self.values = spare.take((rows, shape.heads, columns, shape.value_dim), dtype)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new columns and return all up to them."""
        at = self.cursor
        stop = at.column + key_states.shape[-2]
        self.keys[at.low : at.high, :, at.column : stop] = key_states
        self.values[at.low : at.high, :, at.column : stop] = value_states
        return self.keys[at.low : at.high, :, :stop], self.values[at.low : at.high, :, :stop]

    def get_seq_length(self) -> int:
        """Return how many columns lie before the next one written."""
        return self.cursor.column

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many columns a query of this length sees, and the first of them."""
        return self.cursor.column + query_length, 0

    def widen(self, columns: int) -> None:
        """Move to buffers with room for more columns."""
        for name in ("keys", "values"):
            held = getattr(self, name)
            wider = self.spare.take((held.shape[0], held.shape[1], columns, held.shape[3]), self.dtype)
            wider[:, :, : held.shape[2]] = held
            setattr(self, name, wider)
            self.spare.give([held])


class ArenaCache:
    """Cache of a batch for models whose layers all keep plain keys and values.

    Args:
        shapes: per layer.
        rows: rows of the batch.
        columns: columns to make room for at first.
        dtype: of the model's keys and values.
        spare: where its memory comes from, on the model's device.
    """

    reusable = True

    def __init__(
        self, shapes: Sequence[LayerShape], rows: int, columns: int, dtype: torch.dtype, spare: SpareBuffers
    ) -> None:
        self.columns = columns + _GROW
        self.spare = spare
        self.layers = [_ArenaLayer(shape, rows, self.columns, dtype, spare) for shape in shapes]
        self.cursor = _Cursor()
        for layer in self.layers:
            layer.cursor = self.cursor
        self.cache = Cache(layers=list(self.layers))

    @contextmanager
    def window(self, low: int, high: int, column: int, width: int = 1) -> Iterator[None]:
        """Direct the forward call in this block at rows ``low`` to ``high``, writing ``width`` columns."""
        if column + width > self.columns:
            self.columns = max(column + width, self.columns + max(_GROW, self.columns // 4))
            for layer in self.layers:
                layer.widen(self.columns)
        self.cursor.low, self.cursor.high, self.cursor.column = low, high, column
        yield

    def keep(self, order: Sequence[int]) -> None:
        """Go on with these rows only, in this order; a row that stays in its place costs nothing."""
        filled = self.cursor.column + 1
        for place, row in enumerate(order):
            if place != row:
                for layer in self.layers:
                    layer.keys[place, :, :filled] = layer.keys[row, :, :filled]
                    layer.values[place, :, :filled] = layer.values[row, :, :filled]

    def read(self, row: int, start: int, stop: int) -> RowKV:
        """Copy a row's columns out."""
        return [(y.keys[row, :, start:stop].clone(), y.values[row, :, start:stop].clone()) for y in self.layers]

    def write(self, row: int, start: int, kv: RowKV, length: int) -> None:
        """Copy the first ``length`` tokens of ``kv`` into a row, from column ``start`` on."""
        for layer, (keys, values) in zip(self.layers, kv, strict=True):
            layer.keys[row, :, start : start + length] = keys[:, :length]
            layer.values[row, :, start : start + length] = values[:, :length]

    def retire(self) -> None:
        """Give the memory back; the cache is of no use any more."""
        self.spare.give([part for layer in self.layers for part in (layer.keys, layer.values)])
        self.layers.clear()

    def clear(self, row: int, stop: int) -> None:
        """Zero a row's columns up to ``stop``: masked columns must still hold numbers."""
        for layer in self.layers:
            layer.keys[row, :, :stop] = 0
            layer.values[row, :, :stop] = 0


class ModelCache:
    """Cache of a batch for models with other kinds of state (convolutions, recurrences, chunks): theirs, as it is.

    Args:
        config: the model's configuration, from which the cache takes its layers.
        device: where the model is.
    """

    reusable = False

    def __init__(self, config: Any, device: torch.device) -> None:
        self.cache = DynamicCache(config=config)
        self.device = device

    @contextmanager
    def window(self, low: int, high: int, column: int, width: int = 1) -> Iterator[None]:
        """Run the forward call in this block over all rows; this cache knows no windows."""
        yield

    def retire(self) -> None:
        """Nothing of it can be used again."""

    def keep(self, order: Sequence[int]) -> None:
        """Go on with these rows only, in this order."""
        self.cache.reorder_cache(torch.tensor(list(order), device=self.device))


@dataclass(slots=True)
class _Kept:
    """What is kept of one conversation."""

    ids: list[int]
    kv: RowKV
    size: int


class SessionStore:
    """Keys and values of conversations between their turns; the least recently used go when the room is full.

    Args:
        limit: most bytes to hold.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def match(self, session: str | None, ids: Sequence[int]) -> tuple[int, RowKV]:
        """Return how many leading tokens of ``ids`` are held for the conversation, and its keys and values.

        The last token of ``ids`` never counts: it has to pass through the model to give the next one.
        """
        kept = self._kept.get(session) if session is not None else None
        if session is None or kept is None:
            return 0, []
        self._kept.move_to_end(session)
        most = min(len(kept.ids), len(ids) - 1)
        same = next((i for i in range(most) if kept.ids[i] != ids[i]), most)
        return same, kept.kv

    def put(self, session: str, ids: list[int], kv: RowKV) -> None:
        """Keep a conversation's tokens with their keys and values, in place of what was held for it."""
        self.drop(session)
        size = sum(part.numel() * part.element_size() for layer in kv for part in layer)
        if size > self.limit:
            return
        self._kept[session] = _Kept(ids, kv, size)
        self.size += size
        while self.size > self.limit:
            self.drop(next(iter(self._kept)))

    def drop(self, session: str) -> None:
        """Forget a conversation."""
        kept = self._kept.pop(session, None)
        if kept is not None:
            self.size -= kept.size

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self.size = 0
