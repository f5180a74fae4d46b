r"""Dialogs as tables (CSV, TSV): one row a turn, with a column for the speaker and one for the text.

What is written reads back exactly, by this rule, which PostgreSQL's CSV has too: an empty cell without quotes is a
missing value, a cell ``""`` with quotes is an empty text. A cell in quotes is taken as it is, line breaks included;
white space around a cell without quotes is cut off. Any other program that reads CSV reads these files as well::

    speaker,text
    Ann,"Two things:
    milk, bread"
    ,nobody in particular says this
    "",and this is said by somebody with an empty name

What others write is read as far as it can mean one thing only: other delimiters and the names that columns often have,
quotes after a space, quotes within quotes that are not doubled, or come after a backslash. A row with more cells than
the header is an error, since the rest of its text would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.turns import Turn

COMMA, TAB = ",", "\t"
DELIMITERS = (COMMA, ";", TAB, "|")
"""What is tried where a header has not the columns it should."""

DIALOG_COLUMNS = ("dialog_id", "dialogue_id", "conversation_id", "conv_id", "session_id", "chat_id", "thread_id")
"""What a column is called that says which dialog a row belongs to; letter case and underscores do not matter."""

OTHER_NAMES = {
    "speaker": ("role", "from", "author", "sender"),
    "text": ("utterance", "content", "message", "value"),
}
"""What columns are called in files of others, where the usual name is not there."""


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
        delimiter: what stands between cells; if the header has not the columns then, another one that it has them with
            (:data:`DELIMITERS`), or the one that a first line ``sep=;`` tells.
        speaker_column, text_column: both names in the header line, in any letter case, and for ``speaker`` and
            ``text`` one of :data:`OTHER_NAMES` if they are not there; or both numbers from 0, and then no line is a
            header.

    Returns:
        Turns by the id of their dialog, in order; under None all of a table without such a column.

    Raises:
        DialogFormatError: if a column or cell is not there, a row has more cells than the first one, a quote never
            ends, or a row does not say which dialog it belongs to; says which line.
        UserError: if one column is a name and the other a number.

    Example:
        >>> found = read_tables("dialog_id,speaker,text\\n1,Ann,Hi!\\n2,Bob,Oh\\n1,Bob,Hello.\\n")
        >>> {name: len(turns) for name, turns in found.items()}
        {'1': 2, '2': 1}
    """
    text = text.removeprefix("\ufeff")
    told = _TOLD.match(text)
    start = 0 if told is None else told.end()
    rows, at = _opened(text, start, delimiter if told is None else told[1], speaker_column, text_column)
    found: dict[str | None, list[Turn]] = {} if at.dialog is not None else {None: []}
    width = at.width
    for index, row in enumerate(rows):
        width = width or len(row.cells)
        _check(row, index, at, width)
        said = row.cells[at.text]
        if said is not None:
            own = None if at.dialog is None else row.cells[at.dialog]
            if at.dialog is not None and own is None:
                raise DialogFormatError(f"row {index} does not say which dialog it belongs to", line=row.line)
            found.setdefault(own, []).append(Turn(speaker=row.cells[at.speaker], text=said))
    return found


def _opened(
    text: str, start: int, delimiter: str, speaker: int | str, said: int | str
) -> tuple[Iterator[Row], _Columns]:
    """Return the rows below the header, and its columns, with the first delimiter that gives any."""
    others = [other for other in DELIMITERS if other != delimiter] if isinstance(speaker, str) else []
    for tried in (delimiter, *others):
        rows = _rows(text, tried, start)
        try:
            return rows, _Columns.find(rows, speaker, said)
        except DialogFormatError:
            continue
    rows = _rows(text, delimiter, start)
    return rows, _Columns.find(rows, speaker, said)


def _check(row: Row, index: int, at: _Columns, width: int) -> None:
    if len(row.cells) <= at.last:
        raise DialogFormatError(
            f"row {index} has {len(row.cells)} cells; column {at.last + 1} is missing", line=row.line
        )
    if any(cell is not None for cell in row.cells[width:]):
        raise DialogFormatError(
            f"row {index} has {len(row.cells)} cells, and the first line {width}; put a text with delimiters in "
            "quotes, and write quotes within it twice",
            line=row.line,
        )


class _Columns(NamedTuple):
    """Where in a row the cells are."""

    speaker: int
    text: int
    dialog: int | None = None
    width: int | None = None

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
            columns = _column(header, speaker), _column(header, text)
            folded = [_folded(cell) for cell in header.cells]
            named = [folded.index(name) for name in map(_folded, DIALOG_COLUMNS) if name in folded]
            dialog = next((place for place in named if place not in columns), None)
            return cls(*columns, dialog, len(header.cells))
        if isinstance(speaker, str) or isinstance(text, str):
            raise UserError(f"the columns are both given by name or both by number, not {speaker!r} and {text!r}")
        if isinstance(speaker, bool) or isinstance(text, bool) or min(speaker, text) < 0:
            raise UserError(f"columns are numbered from 0, not {speaker!r} and {text!r}")
        return cls(speaker, text)


def _column(header: Row, name: str) -> int:
    if name in header.cells:
        return header.cells.index(name)
    folded = [_folded(cell) for cell in header.cells]
    there = [known for known in map(_folded, (name, *OTHER_NAMES.get(name, ()))) if known in folded]
    if not there:
        shown = ", ".join(repr(cell) for cell in header.cells)
        raise DialogFormatError(
            f"no column {name!r}; the header has {shown}. Rename one, or say which it is: Dialog.from_file takes "
            "csv_speaker_col and csv_text_col",
            line=header.line,
        )
    return folded.index(there[0])


def _folded(name: str | None) -> str:
    return re.sub(r"[\W_]+", "", (name or "").casefold())


def _cell(value: str | None, delimiter: str) -> str:
    if value is None:
        return ""
    plain = value and value == value.strip() and not any(mark in value for mark in (delimiter, '"', "\n", "\r", "\0"))
    return value if plain and not value.startswith("\ufeff") else '"' + value.replace('"', '""') + '"'


@lru_cache(maxsize=8)
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    space = " *" if delimiter == TAB else "[ \\t]*"
    end = rf"{mark}|\r\n|\r|\n|\Z"
    # Only a quote before a delimiter or line end ends a cell. Where one comes before, the text has quotes of its own
    # that are not doubled; then the cell must end on its line, or it might swallow the rows after it.
    return re.compile(
        rf'(?:{space}"(?P<quoted>(?:[^"]|"")*+)"{space}(?={end})'
        rf'|{space}"(?P<loose>[^\r\n]*?)(?<!\\)"{space}(?={end})'
        rf"|(?P<plain>[^{mark}\r\n]*))(?P<end>{end})"
    )


def _rows(text: str, delimiter: str, position: int = 0) -> Iterator[Row]:
    """Yield the rows that are not blank, from a position at which a line begins."""
    pattern = _cell_pattern(delimiter)
    cells: list[str | None] = []
    line = started = 1 + len(_LINE_END.findall(text, 0, position))
    while position < len(text):
        match = pattern.match(text, position)
        if match is None or (match["plain"] or "").lstrip().startswith('"'):
            raise DialogFormatError(
                "a quote opens here and never ends, or ends within a text; write quotes within quotes twice", line=line
            )
        cells.append(_value(match))
        line += len(_LINE_END.findall(match[0]))
        position = match.end()
        if match["end"] != delimiter:
            if cells != [None]:
                yield Row(started, cells)
            cells, started = [], line
        elif position == len(text):
            yield Row(started, [*cells, None])


def _value(match: re.Match[str]) -> str | None:
    if match["quoted"] is not None:
        return match["quoted"].replace('""', '"')
    if match["loose"] is not None:
        return match["loose"].replace('\\"', '"').replace('""', '"')
    return match["plain"].strip() or None


_LINE_END = re.compile(r"\r\n|\r|\n")
_TOLD = re.compile(r"sep=([^\r\n])(?:\r\n|\r|\n)", re.IGNORECASE)
"""The first line of some spreadsheets' files, which tells the delimiter."""
