"""Reading a function's description and its arguments' descriptions out of its docstring."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_SPHINX_FIELD = re.compile(r"^:(\w+)(?:\s+([^:]*?))?:\s*(.*)$")
_GOOGLE_HEADING = re.compile(r"^((Keyword |Other )?(Args|Arguments|Parameters)|Params):\s*$")
_OTHER_HEADING = re.compile(
    r"^(Returns?|Yields?|Raises|Examples?|Notes?|References|Sources?|See Also|Warnings?|Warns|Attributes|Todo):\s*$"
)
_GOOGLE_ITEM = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ITEM = re.compile(r"^(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_UNDERLINE = re.compile(r"^-{3,}$")


class DocString(NamedTuple):
    """A docstring taken apart.

    Attributes:
        summary: what stands before the first section.
        arguments: description by argument name.
    """

    summary: str
    arguments: dict[str, str]


def parse_docstring(text: str | None) -> DocString:
    """Take a docstring in Google, NumPy or Sphinx style apart.

    Args:
        text: the docstring, indented as it stands in the source, or None.

    Returns:
        Summary and argument descriptions, whitespace normalised; both empty where there is nothing.

    Example:
        >>> parse_docstring("Refund an order.\\n\\n    Args:\\n        order_id: number on the receipt\\n").arguments
        {'order_id': 'number on the receipt'}
    """
    lines = inspect.cleandoc(text or "").splitlines()
    summary: list[str] = []
    items: list[tuple[list[str], list[str]]] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        following = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if _SPHINX_FIELD.match(line):
            at = _read_sphinx(lines, at, items)
        elif _GOOGLE_HEADING.match(line):
            at = _read_google(lines, at + 1, items)
        elif _UNDERLINE.match(following):
            at = _read_numpy(lines, at + 2, items if line in ("Parameters", "Other Parameters") else [])
        elif _OTHER_HEADING.match(line):
            at = _end_of_block(lines, at + 1)
        else:
            summary.append(line)
            at += 1
    arguments = {name: " ".join(words) for names, words in items for name in names if any(words)}
    return DocString("\n".join(summary).strip(), arguments)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _end_of_block(lines: list[str], at: int) -> int:
    """Return where the indented block that begins at ``at`` ends."""
    while at < len(lines) and (not lines[at].strip() or _indent(lines[at]) > 0):
        at += 1
    return at


def _read_google(lines: list[str], at: int, items: list[tuple[list[str], list[str]]]) -> int:
    end = _end_of_block(lines, at)
    block = [line for line in lines[at:end] if line.strip()]
    level = min((_indent(line) for line in block), default=0)
    for line in block:
        item = _GOOGLE_ITEM.match(line.strip()) if _indent(line) == level else None
        if item:
            items.append(([item[1]], [item[2]] if item[2] else []))
        elif items:
            items[-1][1].append(line.strip())
    return end


def _read_numpy(lines: list[str], at: int, items: list[tuple[list[str], list[str]]]) -> int:
    while at < len(lines):
        line = lines[at]
        if at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1].strip()):
            break
        item = _NUMPY_ITEM.match(line) if line and not line[0].isspace() else None
        if item:
            items.append(([name.strip().lstrip("*") for name in item[1].split(",")], []))
        elif line.strip() and items and line[0].isspace():
            items[-1][1].append(line.strip())
        at += 1
    return at


def _read_sphinx(lines: list[str], at: int, items: list[tuple[list[str], list[str]]]) -> int:
    field = _SPHINX_FIELD.match(lines[at].strip())
    assert field is not None, "the caller has matched this line"
    words = [field[3]] if field[3] else []
    at += 1
    while at < len(lines) and lines[at].strip() and not _SPHINX_FIELD.match(lines[at].strip()):
        words.append(lines[at].strip())
        at += 1
    if field[1] in ("param", "parameter", "arg", "argument", "key", "keyword") and field[2]:
        items.append(([field[2].split()[-1].lstrip("*")], words))
    return at
