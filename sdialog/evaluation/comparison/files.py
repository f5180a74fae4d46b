"""A comparison as a file, of the kind that its ending says."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.result import Comparison

SUFFIXES = (".html", ".md", ".csv", ".json", ".tex")
CSV_HEAD = ("kind", "by", "value", "metric", "set", "than", "number", "low", "high", "n", "missing", "p", "p_corrected")


def check_suffix(path: str | Path) -> str:
    """Return the ending of a path, in small letters.

    Raises:
        UserError: if comparisons are not written so.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path}: a comparison is written to a file that ends in {', '.join(SUFFIXES)}")
    return suffix


def save(comparison: Comparison, path: str | Path, title: str, digits: int) -> Path:
    """Write a comparison to a file; see :meth:`sdialog.evaluation.comparison.result.Comparison.save`."""
    target, suffix = Path(path), check_suffix(path)
    texts = {
        ".html": lambda: comparison.html(title),
        ".md": lambda: f"# {title}\n\n{comparison.markdown(digits)}\n",
        ".csv": lambda: rows_as_csv(comparison),
        ".json": lambda: json.dumps(comparison.json(), ensure_ascii=False, indent=2, default=str) + "\n",
        ".tex": lambda: comparison.latex(digits) + "\n",
    }
    text = texts[suffix]()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="")
    return target


def rows_as_csv(comparison: Comparison) -> str:
    """Return every number and every difference as a row of CSV, slices among them."""
    parts: list[tuple[str, Any, Any, Any]] = [("", "", comparison.cells, comparison.differences)]
    parts += [(one.by, one.value, one.cells, one.differences) for one in comparison.slices]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for by, value, cells, differences in parts:
        for (name, column), cell in cells.items():
            ends = cell.interval[:2] if cell.interval else ("", "")
            writer.writerow(
                ["value", by, value, column, name, "", _plain(cell.value), *ends, _plain(cell.n),
                 _plain(cell.n_missing), "", ""]
            )  # fmt: skip
        for one in differences:
            ends = one.interval[:2] if one.interval else ("", "")
            count = one.n_a + one.n_b if one.pairs is None else one.pairs
            writer.writerow(
                ["difference", by, value, one.column, one.b, one.a, _plain(one.difference), *ends, count, "",
                 _plain(one.p_value), _plain(one.p_adjusted)]
            )  # fmt: skip
    return stream.getvalue()


def _plain(value: Any) -> Any:
    return "" if value is None else value
