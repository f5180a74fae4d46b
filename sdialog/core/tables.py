r"""Dialogs as tables (CSV, TSV): one row a turn, with a column for the speaker and one for the text.

What is written reads back exactly, by this rule, which PostgreSQL's CSV has too: an empty cell without quotes is a
missing value, a cell ``""`` with quotes is an empty text. A cell in quotes is taken as it is, line breaks included;
white space around a cell without quotes is cut off. Any other program that reads CSV reads these files as well::

    speaker,text
    Ann,"Two things:
    milk, bread"
    ,nobody in particular says this
    "",and this is said by somebody with an empty name
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.turns import Turn

COMMA, TAB = ",", "\t"
DIALOG_COLUMNS = ("dialog_id", "dialogue_id", "conversation_id")
"""What a column is called that says which dialog a row belongs to."""


class Row(NamedTuple):
    """One row of a table: the line it starts on, and its cells; None is a cell that is empty and unquoted."""

    line: int
    cells: list[str | None]


def write_table(turns: Iterable[Turn], delimiter: str = COMMA) -> str:
    """Return turns as a table with the header ``speaker,text``.

    Example:
        >>> print(write_table([Turn(speaker="Ann", text='She said "no"')]), end="")
        speaker,text
        Ann,"She said ""no\"""
    """
    rows = (write_row((turn.speaker, turn.text), delimiter) for turn in turns)
    return "".join([write_row(("speaker", "text"), delimiter), *rows])


def write_row(cells: Iterable[str | None], delimiter: str = COMMA) -> str:
    """Return one row of a table, with its line end; None is an empty cell without quotes."""
    return delimiter.join(_cell(cell, delimiter) for cell in cells) + "\n"


def read_table(
    text: str, delimiter: str = COMMA, speaker_column: int | str = "speaker", text_column: int | str = "text"
) -> list[Turn]:
    """Read all turns of a table; arguments, errors and example are those of :func:`read_tables`.

    Example:
        >>> [turn.text for turn in read_table("0.5\\tAnn\\tHi!\\n", TAB, 1, 2)]
        ['Hi!']
    """
    return [turn for turns in read_tables(text, delimiter, speaker_column, text_column).values() for turn in turns]


def read_tables(
    text: str, delimiter: str = COMMA, speaker_column: int | str = "speaker", text_column: int | str = "text"
) -> dict[str | None, list[Turn]]:
    """Read turns from a table that may hold several dialogs.

    Rows whose text is missing are skipped; an empty text in quotes is a turn. Where the header has a column for it
    (:data:`DIALOG_COLUMNS`), that says which dialog a row belongs to; the rows of one need not stand together.

    Args:
        text: the whole table.
        delimiter: what stands between cells.
        speaker_column, text_column: both names in the header line; or both numbers from 0, and then no line is a
            header.

    Returns:
        Turns by the id of their dialog, in order; under None all of a table without such a column.

    Raises:
        DialogFormatError: if a column or cell is not there, or a quote never ends; says which line.
        UserError: if one column is a name and the other a number.

    Example:
        >>> found = read_tables("dialog_id,speaker,text\\n1,Ann,Hi!\\n2,Bob,Oh\\n1,Bob,Hello.\\n")
        >>> {name: len(turns) for name, turns in found.items()}
        {'1': 2, '2': 1}
    """
    rows = _rows(text.removeprefix("\ufeff"), delimiter)
    at = _Columns.find(rows, speaker_column, text_column)
    found: dict[str | None, list[Turn]] = {} if at.dialog is not None else {None: []}
    for index, row in enumerate(rows):
        if len(row.cells) <= at.last:
            raise DialogFormatError(
                f"row {index} has {len(row.cells)} cells; column {at.last + 1} is missing", line=row.line
            )
        turns = found.setdefault(None if at.dialog is None else row.cells[at.dialog], [])
        said = row.cells[at.text]
        if said is not None:
            turns.append(Turn(speaker=row.cells[at.speaker], text=said))
    return found


class _Columns(NamedTuple):
    """Where in a row the cells are."""

    speaker: int
    text: int
    dialog: int | None = None

    @property
    def last(self) -> int:
        return max(self.speaker, self.text, -1 if self.dialog is None else self.dialog)

    @classmethod
    def find(cls, rows: Iterator[Row], speaker: int | str, text: int | str) -> _Columns:
        """Read the header, if there is one."""
        if isinstance(speaker, str) and isinstance(text, str):
            header = next(rows, None)
            if header is None:
                raise DialogFormatError("no header line; the file is empty", line=1)
            dialogs = [header.cells.index(name) for name in DIALOG_COLUMNS if name in header.cells]
            return cls(_column(header, speaker), _column(header, text), dialogs[0] if dialogs else None)
        if isinstance(speaker, str) or isinstance(text, str):
            raise UserError(f"the columns are both given by name or both by number, not {speaker!r} and {text!r}")
        if isinstance(speaker, bool) or isinstance(text, bool) or min(speaker, text) < 0:
            raise UserError(f"columns are numbered from 0, not {speaker!r} and {text!r}")
        return cls(speaker, text)


def _column(header: Row, name: str) -> int:
    if name not in header.cells:
        there = ", ".join(repr(cell) for cell in header.cells)
        raise DialogFormatError(f"no column {name!r}; the header has {there}", line=header.line)
    return header.cells.index(name)


def _cell(value: str | None, delimiter: str) -> str:
    if value is None:
        return ""
    plain = value and value == value.strip() and not any(mark in value for mark in (delimiter, '"', "\n", "\r", "\0"))
    return value if plain and not value.startswith("\ufeff") else '"' + value.replace('"', '""') + '"'


@lru_cache(maxsize=8)
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    # A cell that starts with a quote ends at the next single one; what follows up to the delimiter belongs to it.
    return re.compile(
        rf'(?:"(?P<quoted>(?:[^"]|"")*+)"(?P<rest>[^{mark}\r\n]*)|(?P<plain>[^{mark}\r\n]*))(?P<end>{mark}|\r\n|\r|\n|\Z)'
    )


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows that are not blank."""
    pattern = _cell_pattern(delimiter)
    cells: list[str | None] = []
    position, line, started = 0, 1, 1
    while position < len(text):
        match = pattern.match(text, position)
        if match is None or (match["plain"] or "").startswith('"'):
            raise DialogFormatError("a quote opens here and never ends", line=line)
        quoted, rest = match["quoted"], match["rest"]
        if quoted is None:
            cells.append(match["plain"].strip() or None)
        else:
            cells.append(quoted.replace('""', '"') + rest.rstrip())
        line += len(_LINE_END.findall(match[0]))
        position = match.end()
        if match["end"] != delimiter:
            if cells != [None]:
                yield Row(started, cells)
            cells, started = [], line
        elif position == len(text):
            yield Row(started, [*cells, None])


_LINE_END = re.compile(r"\r\n|\r|\n")
