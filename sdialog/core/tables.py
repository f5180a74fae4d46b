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
    """Read turns from a table.

    Rows whose text is missing are skipped; an empty text in quotes is a turn.

    Args:
        text: the whole table.
        delimiter: what stands between cells.
        speaker_column, text_column: both names in the header line; or both numbers from 0, and then no line is a
            header.

    Raises:
        DialogFormatError: if a column or cell is not there, or a quote never ends; says which line.
        UserError: if one column is a name and the other a number.

    Example:
        >>> [turn.text for turn in read_table("0.5\\tAnn\\tHi!\\n", TAB, 1, 2)]
        ['Hi!']
    """
    rows = _rows(text.removeprefix("\ufeff"), delimiter)
    if isinstance(speaker_column, str) and isinstance(text_column, str):
        header = next(rows, None)
        if header is None:
            raise DialogFormatError("no header line; the file is empty", line=1)
        speaker_at, text_at = _column(header, speaker_column), _column(header, text_column)
    elif isinstance(speaker_column, int) and isinstance(text_column, int):
        speaker_at, text_at = speaker_column, text_column
    else:
        raise UserError(
            f"the columns are both given by name or both by number, not {speaker_column!r} and {text_column!r}"
        )
    if isinstance(speaker_at, bool) or min(speaker_at, text_at) < 0:
        raise UserError(f"columns are numbered from 0, not {speaker_column!r} and {text_column!r}")
    turns = []
    for index, row in enumerate(rows):
        if len(row.cells) <= max(speaker_at, text_at):
            raise DialogFormatError(
                f"row {index} has {len(row.cells)} cells; column {max(speaker_at, text_at) + 1} is missing",
                line=row.line,
            )
        said = row.cells[text_at]
        if said is not None:
            turns.append(Turn(speaker=row.cells[speaker_at], text=said))
    return turns


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
