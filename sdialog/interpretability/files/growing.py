"""Arrays on disk that grow row by row and are read through memory maps: each a safetensors file of one tensor."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import WHY

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER = 1024  # bytes kept for the header, so that the number of rows can be written over
_NAMES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32"}
_TYPES = {name: kind for kind, name in _NAMES.items()}


class GrowingArray:
    """An array in a file to which rows are added.

    Any reader of safetensors reads the file whenever its last :meth:`commit` was the last that happened to it.

    Args:
        path: the file.
        name: name of the tensor.
        dtype: numpy type.
        shape: shape of one row.
        rows: how many rows of an existing file are kept; what was added after them is cut off.

    Raises:
        UserError: if the file has fewer rows.
    """

    def __init__(self, path: Path, name: str, dtype: str, shape: Sequence[int], rows: int = 0) -> None:
        numpy = need("numpy", extra="local", why=WHY)
        self.path, self.name, self.dtype, self.shape, self.rows = path, name, dtype, tuple(shape), rows
        self._row_bytes = int(numpy.prod(self.shape, dtype=int)) * int(numpy.dtype(dtype).itemsize)
        end = _HEADER + rows * self._row_bytes
        if rows and (not path.is_file() or path.stat().st_size < end):
            raise UserError(
                f"{path} is missing or has lost rows: it should hold {rows}; delete the folder and record again"
            )
        self._file = path.open("r+b" if rows else "w+b")
        self._file.truncate(end)
        self._file.seek(end)
        if not rows:
            self.commit()

    def add(self, values: NDArray[Any]) -> None:
        """Add rows."""
        numpy = need("numpy", extra="local", why=WHY)
        self._file.write(numpy.ascontiguousarray(values, dtype=self.dtype).data)
        self.rows += len(values)

    def commit(self) -> None:
        """Make what was added last, also over a crash of the machine."""
        end = self.rows * self._row_bytes
        facts = {"dtype": _NAMES[self.dtype], "shape": [self.rows, *self.shape], "data_offsets": [0, end]}
        header = json.dumps({self.name: facts}).encode()
        if len(header) > _HEADER - 8:
            raise UserError(f"the name {self.name!r:.80} is too long for a file of activations")
        self._file.seek(0)
        self._file.write((_HEADER - 8).to_bytes(8, "little") + header.ljust(_HEADER - 8))
        self._file.seek(_HEADER + end)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what was not committed is cut off when it is opened again."""
        self._file.close()


def mapped(path: Path) -> NDArray[Any]:
    """Return the array of a safetensors file with one tensor, as a read-only view of the file.

    Raises:
        UserError: if it is no such file.
    """
    numpy = need("numpy", extra="local", why=WHY)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, 1 << 20)))
        ((_, facts),) = ((name, facts) for name, facts in header.items() if name != "__metadata__")
        dtype, shape, (start, end) = _TYPES[facts["dtype"]], tuple(facts["shape"]), facts["data_offsets"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{path} is no file of activations, or damaged: {error}") from error
    if path.stat().st_size < 8 + length + end:
        raise UserError(f"{path} is cut off: it should hold {shape[0]} rows; record it again")
    if start == end:
        return numpy.empty(shape, dtype)  # type: ignore[no-any-return]
    return numpy.memmap(path, dtype, "r", 8 + length + start, shape)  # type: ignore[no-any-return]
