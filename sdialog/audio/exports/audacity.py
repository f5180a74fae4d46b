"""Label tracks of Audacity: start, end and text, parted by tabs."""

from __future__ import annotations

from collections.abc import Mapping

from sdialog.audio.exports._lines import number_in
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem, file_stems, one_line


def write(labels: Labels, name: str) -> Files:
    """Return a label track for each speaker: what is said, in seconds.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> write(Labels([Segment(0, "Ann", "Oh, hi!", 0.5, 1.0)], [], 8000, 2.0), "call")
        {'call.Ann.labels.txt': '0.500000\\t1.000000\\tOh, hi!\\n'}
    """
    files: Files = {}
    for speaker, stem in file_stems(labels.speakers).items():
        own = labels.of(speaker).segments
        lines = [f"{one.start:.6f}\t{one.end:.6f}\t{one_line(one.text)}\n" for one in own]
        files[f"{file_stem(name)}.{stem}.labels.txt"] = "".join(lines)
    return files


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the labels of all tracks; they do not say who speaks."""
    marks = []
    for text in texts(files, ".labels.txt"):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip() and not line.startswith("\\"):  # a second line holds frequencies
                start, end, said = [*line.split("\t", 2), ""][:3]
                marks.append(Mark("", None, None, number_in(start, number), number_in(end, number), said))
    return sorted(marks, key=lambda mark: (mark.start, mark.end))


exporters.register("audacity")(Exporter("audacity", "a label track of each speaker", write, read))
