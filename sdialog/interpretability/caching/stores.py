"""Where a cache keeps its rows: in memory, or in a folder that grows while it is recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import COLUMNS, WHY, Names, Recipe
from sdialog.interpretability.files.growing import GrowingArray, mapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = slice | NDArray[Any]

VERSION = 1
_INDEX, _DIALOGS, _LABELS = "cache.json", "dialogs.jsonl", "labels.safetensors"


class Entry(NamedTuple):
    """One recorded dialog: its id, the digest of what was seen of it, how many rows it has, and new speakers."""

    id: str
    digest: str
    rows: int
    speakers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Store:
    """All rows of a cache.

    Attributes:
        recipe: what was recorded.
        arrays: by site, of shape (rows, ...).
        columns: shape (rows, columns): see :data:`~sdialog.interpretability.caching.recipes.COLUMNS`.
        names: what the numbers in them stand for.
        path: the folder; None in memory.
    """

    recipe: Recipe
    arrays: Mapping[str, NDArray[Any]]
    columns: NDArray[Any]
    names: Names
    path: Path | None = None


class MemoryStore:
    """Collects rows in memory.

    Args:
        recipe: what is recorded.
        shapes: shape of a row at each site.
        max_bytes: most bytes of activations.
    """

    def __init__(self, recipe: Recipe, shapes: Mapping[str, tuple[int, ...]], max_bytes: int) -> None:
        self.recipe, self._shapes, self._max = recipe, shapes, max_bytes
        self._pieces: list[tuple[dict[str, NDArray[Any]], NDArray[Any]]] = []
        self._entries: list[Entry] = []
        self._bytes = 0

    def begun(self) -> list[Entry]:
        """Return the dialogs that are there already: none."""
        return []

    def add(self, values: Mapping[str, NDArray[Any]], columns: NDArray[Any], entries: Sequence[Entry]) -> None:
        """Add rows.

        Raises:
            UserError: if they become too many.
        """
        self._bytes += sum(int(one.nbytes) for one in values.values())
        if self._bytes > self._max:
            raise UserError(
                f"after {len(self._entries) + len(entries)} dialogs the activations take more than max_bytes="
                f"{self._max}; give path= to keep them on disk, reduce= or a narrower span to keep less, or more "
                "max_bytes"
            )
        self._pieces.append((dict(values), columns))
        self._entries += entries

    def finish(self, tokens: Mapping[int, str]) -> Store:
        """Return the store."""
        numpy = need("numpy", extra="local", why=WHY)
        arrays = {}
        rows = sum(len(columns) for _, columns in self._pieces)
        for name, shape in self._shapes.items():
            arrays[name] = numpy.empty((rows, *shape), self.recipe.dtype)
            done = 0
            for values, columns in self._pieces:
                # Each piece goes as it is copied, so that nothing is held twice.
                arrays[name][done : done + len(columns)] = values.pop(name)
                done += len(columns)
        parts = [columns for _, columns in self._pieces]
        columns = numpy.concatenate(parts) if parts else numpy.empty((0, len(COLUMNS)), "int32")
        return Store(self.recipe, arrays, columns, names_of(self._entries, tokens))

    def token_ids(self) -> NDArray[Any]:
        """Return the ids of all tokens there are."""
        numpy = need("numpy", extra="local", why=WHY)
        found = [numpy.unique(columns[:, COLUMNS.index("token")]) for _, columns in self._pieces]
        return numpy.unique(numpy.concatenate(found)) if found else numpy.empty(0, int)  # type: ignore[no-any-return]

    def discard(self) -> None:
        """Remove nothing: there are no files."""

    def close(self) -> None:
        """Let go of nothing: there are no files."""


class FolderStore:
    """A folder that grows: one file for each site, one for the labels, and a list of the dialogs.

    Rows count once their dialogs are listed. What a crash leaves behind is cut off when the folder is opened again.

    Args:
        path: the folder; made if need be.
        recipe: what is recorded.
        shapes: shape of a row at each site.
        group: what decides which dialogs are computed together, so that a resumed run gives the same bytes.

    Raises:
        UserError: if the folder holds other things, or a cache with another recipe.
    """

    def __init__(
        self, path: Path, recipe: Recipe, shapes: Mapping[str, tuple[int, ...]], group: Mapping[str, int]
    ) -> None:
        self.path, self.recipe = path, recipe
        self.complete = False
        facts = {**recipe.json(), "shapes": {name: list(shape) for name, shape in shapes.items()}, **group}
        if path.exists() and any(path.iterdir()):
            self._check(facts)
        else:
            path.mkdir(parents=True, exist_ok=True)
            _write_json(path / _INDEX, {"kind": "activations", "version": VERSION, "complete": False, **facts})
        self._facts = facts
        entries, end = _read_dialogs(path / _DIALOGS)
        self._entries = entries
        rows = sum(entry.rows for entry in entries)
        self._arrays: dict[str, GrowingArray] = {}
        if not self.complete:
            self._list = (path / _DIALOGS).open("r+b" if entries else "w+b")
            self._list.truncate(end)
            self._list.seek(end)
            for place, (name, shape) in enumerate(shapes.items()):
                file = path / f"{place:04}.safetensors"
                self._arrays[name] = GrowingArray(file, name, recipe.dtype, shape, rows)
            self._labels = GrowingArray(path / _LABELS, "labels", "int32", (len(COLUMNS),), rows)

    def begun(self) -> list[Entry]:
        """Return the dialogs that are there already."""
        return list(self._entries)

    def add(self, values: Mapping[str, NDArray[Any]], columns: NDArray[Any], entries: Sequence[Entry]) -> None:
        """Add rows, and list their dialogs when they are safe on disk."""
        for name, array in self._arrays.items():
            array.add(values[name])
            array.commit()
        self._labels.add(columns)
        self._labels.commit()
        lines = [json.dumps(entry, ensure_ascii=True) for entry in entries]
        # The dot says that the group is whole.
        self._list.write(("\n".join(lines) + "\n.\n").encode())
        self._list.flush()
        os.fsync(self._list.fileno())

    def finish(self, tokens: Mapping[int, str]) -> Store:
        """Mark the cache as complete and return it, read from disk."""
        self.close()
        if not self.complete:
            facts = {"kind": "activations", "version": VERSION, "complete": True, **self._facts}
            _write_json(self.path / _INDEX, {**facts, "tokens": {str(key): text for key, text in tokens.items()}})
        return load_store(self.path)

    def token_ids(self) -> NDArray[Any]:
        """Return the ids of all tokens there are."""
        numpy = need("numpy", extra="local", why=WHY)
        column = mapped(self.path / _LABELS)[:, COLUMNS.index("token")]
        found = [numpy.unique(column[start : start + (1 << 20)]) for start in range(0, len(column), 1 << 20)]
        return numpy.unique(numpy.concatenate(found)) if found else numpy.empty(0, int)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the files."""
        if not self.complete:
            for array in (*self._arrays.values(), self._labels):
                array.close()
            self._list.close()

    def discard(self) -> None:
        """Remove the files, in which there are no rows, so that another recording can have the folder."""
        self.close()
        for file in (_INDEX, _DIALOGS, _LABELS, *(array.path.name for array in self._arrays.values())):
            (self.path / file).unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def _check(self, facts: Mapping[str, Any]) -> None:
        there = _read_index(self.path)
        differing = [name for name, value in facts.items() if there.get(name) != value]
        if differing:
            differing = [name for name in differing if name != "shapes" or "sites" not in differing]
            told = "; ".join(f"{name} was {there.get(name)!r:.80}, now {facts[name]!r:.80}" for name in differing)
            raise UserError(
                f"{self.path} holds another cache ({told}); go on with the same, delete it, or give another path"
            )
        self.complete = bool(there["complete"])


def load_store(path: str | Path) -> Store:
    """Return a cache from its folder; activations stay on disk until they are used.

    Raises:
        UserError: if there is none, or it is not complete.
    """
    folder = Path(path)
    facts = _read_index(folder)
    if not facts["complete"]:
        raise UserError(f"{folder} was not recorded to its end; record it again with the same arguments to finish it")
    entries, _ = _read_dialogs(folder / _DIALOGS)
    recipe = Recipe.of({name: facts[name] for name in Recipe.__dataclass_fields__})
    arrays = {name: mapped(folder / f"{place:04}.safetensors") for place, name in enumerate(facts["shapes"])}
    columns = mapped(folder / _LABELS)
    rows = sum(entry.rows for entry in entries)
    wrong = next((name for name, array in {**arrays, "labels": columns}.items() if len(array) != rows), None)
    if wrong is not None:
        raise UserError(
            f"{folder}: the dialogs listed have {rows} rows, but {wrong} has another number; record it again"
        )
    return Store(recipe, arrays, columns, names_of(entries, {int(k): v for k, v in facts["tokens"].items()}), folder)


def pieces(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield rows so many at a time, as slices where they are one."""
    if isinstance(rows, slice):
        yield from (slice(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size))
    else:
        yield from (rows[start : start + size] for start in range(0, len(rows), size))


def save_store(store: Store, rows: Rows, path: str | Path, chunk: int) -> None:
    """Write rows of a cache into a new folder.

    Args:
        store: the cache.
        rows: which of its rows.
        path: the folder.
        chunk: how many rows are copied at a time.
    """
    shapes = {name: tuple(array.shape[1:]) for name, array in store.arrays.items()}
    folder = FolderStore(Path(path), store.recipe, shapes, {})
    try:
        if folder.complete or folder.begun():
            raise UserError(f"{path} holds a cache already; give another path")
        last = len(store.names.dialogs) - 1
        counts = _counts(store, rows)
        for part in pieces(rows, chunk):
            folder.add({name: array[part] for name, array in store.arrays.items()}, store.columns[part], ())
        speakers = store.names.speakers
        entries = [
            Entry(name, "", counts[place], speakers if place == 0 else ())
            for place, name in enumerate(store.names.dialogs)
        ]
        if last >= 0:
            folder.add({name: array[:0] for name, array in store.arrays.items()}, store.columns[:0], entries)
        folder.finish(store.names.tokens)
    finally:
        folder.close()


def _counts(store: Store, rows: Rows) -> list[int]:
    numpy = need("numpy", extra="local", why=WHY)
    numbers = store.columns[rows][:, COLUMNS.index("dialog")]
    found = numpy.bincount(numbers, minlength=len(store.names.dialogs))
    return found.tolist()  # type: ignore[no-any-return]


def names_of(entries: Sequence[Entry], tokens: Mapping[int, str]) -> Names:
    """Return what the numbers of listed dialogs stand for."""
    speakers = tuple(name for entry in entries for name in entry.speakers)
    return Names(tuple(entry.id for entry in entries), speakers, dict(tokens))


def _read_index(path: Path) -> dict[str, Any]:
    file = path / _INDEX
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} holds no cache of activations: {error}") from error
    except ValueError as error:
        raise UserError(f"{file} is damaged: {error}; record the cache again") from error
    if not isinstance(facts, dict) or facts.get("kind") != "activations" or facts.get("version") != VERSION:
        raise UserError(f"{file} is no cache of activations that this sdialog reads")
    return facts


def _read_dialogs(file: Path) -> tuple[list[Entry], int]:
    """Return the dialogs of whole groups, and where in the file the last of these ends."""
    if not file.is_file():
        return [], 0
    whole: list[Entry] = []
    pending: list[Entry] = []
    end = at = 0
    for line in file.read_bytes().splitlines(keepends=True):
        at += len(line)
        if line == b".\n":
            whole += pending
            pending, end = [], at
        elif line.endswith(b"\n") and line != b"\n":
            try:
                name, digest, rows, speakers = json.loads(line)
                pending.append(Entry(name, digest, rows, tuple(speakers)))
            except (ValueError, TypeError) as error:
                raise UserError(f"{file} is damaged: {error}; delete the folder and record it again") from error
    return whole, end


def _write_json(path: Path, facts: Mapping[str, Any]) -> None:
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
