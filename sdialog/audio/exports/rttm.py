"""RTTM (NIST Rich Transcription Time Marked, RT-09 evaluation plan, appendix A): who speaks when."""

from __future__ import annotations

from collections.abc import Mapping

from sdialog.audio.exports._lines import channel_field, fields_of, milliseconds, number_in
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, marks_of
from sdialog.audio.labels import Labels
from sdialog.audio.names import field, file_stem, from_field


def write(labels: Labels, name: str, *, by: str = "island") -> Files:
    """Return one SPEAKER line for each island, or ``by="segment"``.

    Spaces in names are written as :func:`~sdialog.audio.names.field` says. The channel is 1 where a speaker is in all
    of them.

    Example:
        >>> from sdialog.audio.segments import Island
        >>> labels = Labels([], [Island("Ann Lee", 0.5, 1.25, 0, 1)], 16000, 2.0, channels=2)
        >>> print(write(labels, "call")["call.rttm"], end="")
        SPEAKER call 2 0.500 0.750 <NA> <NA> Ann%20Lee <NA> <NA>
    """
    lines = []
    for mark in marks_of(labels, by):
        start, _, duration = milliseconds(mark.start, mark.end)
        lines.append(
            f"SPEAKER {field(name)} {channel_field(mark.channel)} {start} {duration} "
            f"<NA> <NA> {field(mark.speaker or '')} <NA> <NA>\n"
        )
    return {f"{file_stem(name)}.rttm": "".join(lines)}


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return what the SPEAKER lines of RTTM files say."""
    marks = []
    for parts, line in fields_of(files, ".rttm", 9):
        if parts[0] == "SPEAKER":
            start = number_in(parts[3], line)
            end = start + number_in(parts[4], line)
            marks.append(Mark(from_field(parts[1]), int(parts[2]) - 1, from_field(parts[7]), start, end))
    return marks


exporters.register("rttm")(Exporter("rttm", "who speaks when, for diarization", write, read, by_line=True))
