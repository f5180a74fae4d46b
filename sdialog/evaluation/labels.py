"""Human labels of dialogs, as people keep them: a table with a row a dialog."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdialog.core.errors import DialogFormatError, UnknownNameError, UserError

ID_COLUMNS = ("id", "dialog_id", "dialog")
LABEL_COLUMNS = ("label", "human", "score", "value")
_YES = frozenset({"yes", "true", "pass", "y"})
_NO = frozenset({"no", "false", "fail", "n"})

Row = tuple[str, Mapping[str, Any]]


class Labels:
    """Labels that people gave to dialogs.

    Args:
        path: a CSV or TSV file with a head, or JSON Lines with an object a line. One column is called ``id`` (or
            ``dialog_id``), the others hold labels; an empty cell is no label.

    Raises:
        DialogFormatError: if the file is none; names the file and line.
        UserError: if there is no column of ids, or two rows are about one dialog.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels.csv"
        >>> _ = file.write_text("id,polite,score\\na,yes,4\\nb,no,\\n")
        >>> labels = Labels(file)
        >>> labels.of("polite"), labels.of("score")
        ({'a': 1, 'b': 0}, {'a': 4.0})
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        rows = list(_rows(self.path))
        self.columns = list(dict.fromkeys(str(name) for _, row in rows for name in row))
        key = next((name for name in ID_COLUMNS if name in self.columns), None)
        if key is None:
            raise UserError(
                f"{self.path}: no column says which dialog a label is of; call it {ID_COLUMNS[0]}. There are: "
                f"{', '.join(self.columns) or 'none'}"
            )
        self.columns.remove(key)
        self._rows: dict[str, Mapping[str, Any]] = {}
        for place, row in rows:
            name = str(row.get(key) if row.get(key) is not None else "").strip()
            if not name:
                raise DialogFormatError(f"{place}: the column {key} is empty")
            if name in self._rows:
                raise UserError(f"{place}: the dialog {name} has a row already; there is one label a dialog and column")
            self._rows[name] = row

    def column(self, wanted: str | None, *others: str) -> str:
        """Return the name of the column to read.

        Args:
            wanted: what the user asks for.
            others: names to try when nothing was asked for, before ``label`` and its like; the only column will do.

        Raises:
            UnknownNameError: if there is no such column.
        """
        if wanted is not None:
            if wanted not in self.columns:
                raise UnknownNameError(f"column of {self.path}", wanted, self.columns)
            return wanted
        found = next((name for name in (*others, *LABEL_COLUMNS) if name in self.columns), None)
        if found is None and len(self.columns) == 1:
            return self.columns[0]
        if found is None:
            raise UnknownNameError(f"column of {self.path}", (*others, LABEL_COLUMNS[0])[0], self.columns)
        return found

    def of(self, column: str, *, words: bool = False) -> dict[str, Any]:
        """Return the labels of a column by dialog id.

        Args:
            column: its name.
            words: leave them as they are written; else they are numbers where all are, and 1 and 0 where all say
                yes or no.
        """
        told = {name: row.get(column) for name, row in self._rows.items()}
        labels = {name: label for name, label in told.items() if label is not None and str(label).strip()}
        written = {name: str(label).strip() for name, label in labels.items()}
        if words:
            return dict(written)
        if all(word.lower() in _YES | _NO for word in written.values()):
            return {name: int(word.lower() in _YES) for name, word in written.items()}
        try:
            return {name: float(word) for name, word in written.items()}
        except ValueError:
            return dict(written)


def _rows(path: Path) -> Iterator[Row]:
    """Yield where each row stands and what it says."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DialogFormatError(f"{path}: this is no UTF-8 text ({error.reason}); save it as UTF-8") from error
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _json_rows(path, text)
        return
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    head = [name.strip() for name in next(reader, [])]
    for row in reader:
        if any(cell.strip() for cell in row):
            if len(row) > len(head):
                raise DialogFormatError(f"{path}, line {reader.line_num}: {len(row)} cells, but {len(head)} columns")
            yield f"{path}, line {reader.line_num}", dict(zip(head, row, strict=False))


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DialogFormatError(f"{path}, line {number}: no JSON ({error})") from error
        if not isinstance(row, dict):
            raise DialogFormatError(f"{path}, line {number}: an object with id and label is wanted")
        yield f"{path}, line {number}", row
