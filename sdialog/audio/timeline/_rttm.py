"""Reads RTTM files (NIST Rich Transcription): who speaks when."""

from __future__ import annotations

import math
from pathlib import Path

from sdialog.audio.timeline.spans import Span
from sdialog.core.errors import DialogFormatError, UserError

_TYPES = (
    *("SPEAKER", "SPKR-INFO", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH"),
    *("FILLER", "EDIT", "SU", "IP", "CB", "A/P"),
)


def read_rttm(path: str | Path) -> dict[str, list[Span]]:
    """Return the speaker spans of each recording in an RTTM file, by its name.

    Only lines of the type SPEAKER count. The channel is not looked at: a speaker is known by name.

    Raises:
        UserError: if there is no such file.
        DialogFormatError: if a line is not as RTTM has it; names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"the RTTM file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DialogFormatError("not UTF-8 text; an RTTM file is plain text", file=path) from error
    recordings: dict[str, list[Span]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or line.lstrip().startswith(";"):
            continue
        if fields[0] not in _TYPES:
            raise DialogFormatError(f"{fields[0]!r} is no type of RTTM lines, such as SPEAKER", file=path, line=number)
        if fields[0] == "SPEAKER":
            recordings.setdefault(fields[1] if len(fields) > 1 else "", []).append(_span(fields, path, number))
    return recordings


def _span(fields: list[str], path: str | Path, line: int) -> Span:
    # The field for the look-ahead time came last, in 2009; older files have nine.
    if len(fields) not in (9, 10):
        raise DialogFormatError(
            f"a SPEAKER line has ten fields (type, file, channel, onset, duration, orthography, subtype, speaker, "
            f"confidence, look-ahead), this one has {len(fields)}; write <NA> for an empty one",
            file=path,
            line=line,
        )
    onset, duration = (_seconds(name, fields[place], path, line) for name, place in (("onset", 3), ("duration", 4)))
    return Span(fields[7], onset, onset + duration)


def _seconds(name: str, text: str, path: str | Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise DialogFormatError(f"the {name} is a number of seconds from 0 on, not {text!r}", file=path, line=line)
    return value
