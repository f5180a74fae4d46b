"""Dialogs in columns: Parquet files, and folders that Hugging Face ``datasets`` loads from disk.

One row a dialog. ``turns`` and ``events`` are lists of records; an event's ``content`` and the fields that may hold
any data (``personas``, ``context``, ``notes``, ...) are JSON text, so that every row has the same columns. An ``id``
is always text.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import UserError
from sdialog.core.optional import need

ROWS_AT_ONCE = 500

JSON_COLUMNS = ("model", "personas", "context", "scenario", "annotations", "notes", "models")
"""Fields kept as JSON text; null where the field is None."""


def write_parquet(dialogs: Iterable[Dialog], path: Path) -> int:
    """Write dialogs to a Parquet file, some hundred rows at a time.

    Returns:
        How many were written.

    Raises:
        MissingDependencyError: if ``pyarrow`` is not installed.
    """
    arrow = need("pyarrow", extra="parquet", why="write Parquet files")
    parquet = need("pyarrow.parquet", extra="parquet", why="write Parquet files")
    schema = _schema(arrow)
    rows = map(row, dialogs)
    count = 0
    with parquet.ParquetWriter(str(path), schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_table(_table(arrow, batch, schema))
            count += len(batch)
    return count


def write_dataset(dialogs: Iterable[Dialog], folder: Path) -> int:
    """Write dialogs to a folder that ``datasets.load_from_disk`` opens; an earlier data set there is replaced.

    Returns:
        How many were written.

    Raises:
        UserError: if the folder holds something else.
        MissingDependencyError: if ``datasets`` or ``pyarrow`` is not installed.
    """
    if folder.exists() and not (folder / "dataset_info.json").is_file() and any(folder.iterdir()):
        raise UserError(f"{folder} holds something else than a data set; give a new or empty folder")
    datasets = need("datasets", extra="datasets", why="write Hugging Face data sets")
    quiet = datasets.utils.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with TemporaryDirectory(prefix="sdialog-") as scratch:
            file = Path(scratch, "dialogs.parquet")
            count = write_parquet(dialogs, file)
            table = datasets.Dataset.from_parquet(str(file), cache_dir=scratch)
            if folder.exists():
                shutil.rmtree(folder)
            table.save_to_disk(str(folder))
    finally:
        if not quiet:
            datasets.enable_progress_bars()
    return count


def row(dialog: Dialog) -> dict[str, Any]:
    """Return a dialog as one row: fields by name, the free ones as JSON text."""
    data: Any = dialog.json()
    for name in JSON_COLUMNS:
        data[name] = None if data[name] is None else json.dumps(data[name], ensure_ascii=False)
    for name in ("id", "parentId"):
        data[name] = None if data[name] is None else str(data[name])
    for event in data["events"] or ():
        event["content"] = json.dumps(event["content"], ensure_ascii=False)
    return dict(data)


def dialog_of(row: dict[str, Any]) -> Dialog:
    """Return the dialog that a row was made of.

    Example:
        >>> dialog = Dialog(notes={"score": 3})
        >>> dialog_of(row(dialog)) == dialog
        True
    """
    data = dict(row)
    for name in JSON_COLUMNS:
        data[name] = None if data[name] is None else json.loads(data[name])
    if data["events"] is not None:
        data["events"] = [{**event, "content": json.loads(event["content"])} for event in data["events"]]
    return Dialog.from_dict(data)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch


def _table(arrow: Any, batch: list[dict[str, Any]], schema: Any) -> Any:
    try:
        return arrow.Table.from_pylist(batch, schema=schema)
    except UnicodeEncodeError:
        # Half a surrogate pair, as a cut-off emoji leaves it, becomes a question mark: columns hold UTF-8.
        text = json.dumps(batch, ensure_ascii=False).encode("utf-8", "replace")
        return arrow.Table.from_pylist(json.loads(text), schema=schema)


def _schema(arrow: Any) -> Any:
    text, number = arrow.string(), arrow.int64()
    turn = arrow.struct([("speaker", text), ("text", text)])
    event = arrow.struct(
        [("agent", text), ("action", text), ("actionLabel", text), ("content", text), ("timestamp", number)]
    )
    special = {
        "seed": number,
        "complete": arrow.bool_(),
        "turns": arrow.list_(turn),
        "events": arrow.list_(event),
        "schemaVersion": number,
    }
    return arrow.schema([(name, special.get(name, text)) for name in Dialog.model_fields])
