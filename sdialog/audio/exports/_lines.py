"""What the formats of NIST share: fields parted by spaces, channels from 1, times to the millisecond."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sdialog.audio.exports.base import Content, texts
from sdialog.core.errors import DialogFormatError


def milliseconds(start: float, end: float) -> tuple[str, str, str]:
    """Return start, end and duration to the millisecond, which add up as written.

    Example:
        >>> milliseconds(0.0006, 1.0014)
        ('0.001', '1.001', '1.000')
    """
    first, last = round(1000 * start), round(1000 * end)
    return _thousandths(first), _thousandths(last), _thousandths(last - first)


def _thousandths(count: int) -> str:
    return f"{'-' if count < 0 else ''}{abs(count) // 1000}.{abs(count) % 1000:03d}"


def channel_field(channel: int | None) -> str:
    """Return the number of a channel from 1, which stands for all of them too."""
    return str(1 if channel is None else channel + 1)


def fields_of(
    files: Mapping[str, Content], suffix: str, fewest: int, most: int | None = None, comment: str = ";"
) -> Iterator[tuple[list[str], int]]:
    """Yield the fields of each line that is no comment, and its number.

    Args:
        files: contents by name.
        suffix: of the files to read.
        fewest: how many fields a line has at least.
        most: at how many to stop parting, the rest being the last of them.
        comment: what comments begin with.

    Raises:
        DialogFormatError: if a line has too few fields.
    """
    for text in texts(files, suffix):
        for number, line in enumerate(text.split("\n"), start=1):
            parts = line.split(" ", most - 1) if most else line.split()
            if not line.strip() or line.startswith(comment):
                continue
            if len(parts) < fewest:
                raise DialogFormatError(f"a line has at least {fewest} fields, not {len(parts)}: {line!r}", line=number)
            yield parts, number


def number_in(text: str, line: int) -> float:
    """Return a field as a number.

    Raises:
        DialogFormatError: if it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise DialogFormatError(f"{text!r} is no number of seconds", line=line) from None
