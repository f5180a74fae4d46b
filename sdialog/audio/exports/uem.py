"""UEM (NIST un-partitioned evaluation map): which part of each channel is to be scored."""

from __future__ import annotations

from collections.abc import Mapping

from sdialog.audio.exports._lines import fields_of, milliseconds, number_in
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters
from sdialog.audio.labels import Labels
from sdialog.audio.names import field, file_stem, from_field


def write(labels: Labels, name: str) -> Files:
    """Return a line for each channel: all of it.

    Example:
        >>> write(Labels([], [], 16000, 12.5), "call")
        {'call.uem': 'call 1 0.000 12.500\\n'}
    """
    start, end, _ = milliseconds(0.0, labels.duration)
    lines = [f"{field(name)} {channel + 1} {start} {end}\n" for channel in range(labels.channels)]
    return {f"{file_stem(name)}.uem": "".join(lines)}


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the parts that UEM files name."""
    return [
        Mark(from_field(p[0]), int(p[1]) - 1, None, number_in(p[2], line), number_in(p[3], line))
        for p, line in fields_of(files, ".uem", 4)
    ]


exporters.register("uem")(Exporter("uem", "which part is to be scored", write, read, by_line=True))
