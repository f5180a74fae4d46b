r"""Dialogs as plain text, one turn a line: ``speaker: text``.

What is written reads back exactly. A turn that a plain line cannot say (a text of several lines, an empty text, no
speaker, a speaker with ``": "`` in the name, spaces at an end) is written as a backslash and a JSON object::

    Ann: Good morning!
    \{"speaker": "Bob", "text": "Two things:\n- milk\n- bread"}
    \{"speaker": null, "text": "The door closes."}

Nothing else is special, so the plain files of others read as they stand.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.files import DEFAULT_TEMPLATE
from sdialog.core.turns import Turn

_STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_ESCAPED = re.compile(rf'\\\{{"speaker": (?:null|{_STRING}), "text": {_STRING}\}}')
_LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


def read_turns(
    text: str, template: str = DEFAULT_TEMPLATE, default_speakers: Sequence[str] | None = None
) -> list[Turn]:
    """Read turns from text with one turn a line.

    Args:
        text: the text; blank lines are skipped, and white space at both ends of a line, speaker and text is cut off.
        template: shape of a line, with ``{text}`` and usually ``{speaker}`` in it. Any other ``{name}`` passes over
            something, and a space stands for any one white character.
        default_speakers: who speaks in turn where the template has no ``{speaker}``.

    Raises:
        DialogFormatError: if a line does not have that shape; says which.
        UserError: if ``default_speakers`` is no list, or the template is no template.

    Example:
        >>> [str(turn) for turn in read_turns("Ann: Hi!\\n\\nBob: Hello: you")]
        ['Ann: Hi!', 'Bob: Hello: you']
        >>> [turn.speaker for turn in read_turns("Hi!\\nHello.", "{text}", ["A", "B"])]
        ['A', 'B']
    """
    if default_speakers is not None and not isinstance(default_speakers, (list, tuple)):
        raise UserError(f"default_speakers is a list of names, not {type(default_speakers).__name__}")
    pattern = _pattern(template)
    turns: list[Turn] = []
    for number, line in _lines(text):
        turn = _read_line(line, pattern)
        if turn is None:
            raise DialogFormatError(f"{_shown(line)} does not have the shape {template!r}", line=number)
        # A line in our own notation names its speaker, or says that there is none.
        if "speaker" not in pattern.groupindex and default_speakers and not _ESCAPED.fullmatch(line):
            turn.speaker = default_speakers[len(turns) % len(default_speakers)]
        turns.append(turn)
    return turns


def write_turns(turns: Iterable[Turn]) -> str:
    """Return turns as text that :func:`read_turns` reads back exactly, with a line end after each.

    Example:
        >>> print(write_turns([Turn(speaker="Ann", text="Hi!"), Turn(text="A bell rings.")]), end="")
        Ann: Hi!
        \\{"speaker": null, "text": "A bell rings."}
    """
    return "".join(f"{_write_line(turn)}\n" for turn in turns)


def _write_line(turn: Turn) -> str:
    plain = f"{turn.speaker}: {turn.text}"
    if _LINE_END.search(plain) is None and plain.strip() == plain and not plain.startswith(_BOM):
        again = _read_line(plain, _pattern(DEFAULT_TEMPLATE))
        if again is not None and again.speaker == turn.speaker and again.text == turn.text:
            return plain
    return "\\" + json.dumps({"speaker": turn.speaker, "text": turn.text}, ensure_ascii=False)


def _read_line(line: str, pattern: re.Pattern[str]) -> Turn | None:
    if _ESCAPED.fullmatch(line):
        return Turn(**json.loads(line[1:]))
    match = pattern.match(line)
    if match is None:
        return None
    found = match.groupdict()
    speaker = found.get("speaker")
    return Turn(speaker=None if speaker is None else speaker.strip(), text=found["text"].strip())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, stripped, with their numbers from 1."""
    for number, line in enumerate(_LINE_END.split(text.removeprefix(_BOM)), start=1):
        stripped = line.strip()
        if stripped:
            yield number, stripped


@lru_cache(maxsize=64)
def _pattern(template: str) -> re.Pattern[str]:
    """Turn a line template into a regular expression with the groups ``speaker`` and ``text``."""
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UserError(f"line template {template!r} is broken: {error}") from error
    parts: list[str] = []
    named: set[str] = set()
    for literal, name, _, _ in pieces:
        parts.append(re.escape(literal).replace(r"\ ", r"\s"))
        if name is None:
            continue
        if name in named and name in ("speaker", "text"):
            parts.append(f"(?P={name})")
        else:
            parts.append({"speaker": "(?P<speaker>.*?)", "text": "(?P<text>.*)"}.get(name, ".*?"))
        named.add(name)
    if "text" not in named:
        raise UserError(f"line template {template!r} has no {{text}}")
    return re.compile("".join(parts), re.DOTALL)


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:57]}...")
