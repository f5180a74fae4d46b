"""CTM (NIST sclite, time-marked conversation): when each word is said."""

from __future__ import annotations

from collections.abc import Mapping

from sdialog.audio.exports._lines import channel_field, fields_of, milliseconds, number_in
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, marks_of
from sdialog.audio.labels import Labels
from sdialog.audio.names import field, file_stem, from_field


def write(labels: Labels, name: str) -> Files:
    """Return a line for each word: recording, channel, start, duration, word.

    CTM knows no speakers. Lines are in order of channel and time, as sclite wants them.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", "Oh, hi!", 0.5, 1.0, words=[("Oh,", 0.5), ("hi!", 0.8)])], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.ctm"], end="")
        call 1 0.500 0.300 Oh,
        call 1 0.800 0.200 hi!
    """
    lines = []
    for mark in sorted(marks_of(labels, "word"), key=lambda mark: int(channel_field(mark.channel))):
        start, _, duration = milliseconds(mark.start, mark.end)
        lines.append(f"{field(name)} {channel_field(mark.channel)} {start} {duration} {field(mark.text)}\n")
    return {f"{file_stem(name)}.ctm": "".join(lines)}


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the words of CTM files."""
    marks = []
    for parts, line in fields_of(files, ".ctm", 5, comment=";;"):
        start = number_in(parts[2], line)
        end = start + number_in(parts[3], line)
        marks.append(Mark(from_field(parts[0]), int(parts[1]) - 1, None, start, end, from_field(parts[4])))
    return marks


exporters.register("ctm")(Exporter("ctm", "when each word is said, for scoring recognisers", write, read, by_line=True))
