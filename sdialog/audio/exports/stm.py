"""STM (NIST sclite, segment time marks): the reference text of each turn."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sdialog.audio.exports._lines import channel_field, fields_of, milliseconds, number_in
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, marks_of
from sdialog.audio.labels import Labels
from sdialog.audio.names import field, file_stem, from_field, one_line

_MARK = re.compile(r"^(?:<|%(?=3C|25))")
_MARKED = re.compile(r"^%(3C|25)")


def write(labels: Labels, name: str) -> Files:
    """Return a line for each segment: recording, channel, speaker, start, end, text.

    The text is on one line; a ``<`` at its beginning, which would make the first word a label, is written as bytes.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann Lee", "Oh, hi!", 0.5, 1.0)], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.stm"], end="")
        call 1 Ann%20Lee 0.500 1.000 Oh, hi!
    """
    lines = []
    for mark in sorted(marks_of(labels, "segment"), key=lambda mark: int(channel_field(mark.channel))):
        start, end, _ = milliseconds(mark.start, mark.end)
        text = one_line(mark.text)
        # What else begins like the bytes gives way too, so that the reader can tell.
        text = _MARK.sub(lambda match: f"%{ord(match[0]):02X}", text)
        lines.append(
            f"{field(name)} {channel_field(mark.channel)} {field(mark.speaker or '')} {start} {end} {text}".rstrip()
            + "\n"
        )
    return {f"{file_stem(name)}.stm": "".join(lines)}


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the segments of STM files."""
    marks = []
    for parts, line in fields_of(files, ".stm", 5, most=6, comment=";;"):
        text = parts[5] if len(parts) > 5 else ""
        text = _MARKED.sub(lambda match: chr(int(match[1], 16)), text)
        start, end = number_in(parts[3], line), number_in(parts[4], line)
        marks.append(Mark(from_field(parts[0]), int(parts[1]) - 1, from_field(parts[2]), start, end, text))
    return marks


exporters.register("stm")(
    Exporter("stm", "the text of each turn with its times, for scoring recognisers", write, read, by_line=True)
)
