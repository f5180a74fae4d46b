"""SubRip (.srt): captions for players."""

from __future__ import annotations

from collections.abc import Mapping

from sdialog.audio.exports._captions import blocks, clock, cues
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem, one_line


def write(labels: Labels, name: str) -> Files:
    """Return a caption for each segment, with the speaker before the text.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", "Oh, hi!", 0.5, 1.0)], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.srt"], end="")
        1
        00:00:00,500 --> 00:00:01,000
        Ann: Oh, hi!
        <BLANKLINE>
    """
    made = [
        f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{one_line(f'{mark.speaker}: {mark.text}')}\n\n"
        for number, mark, start, end in cues(labels)
    ]
    return {f"{file_stem(name)}.srt": "".join(made)}


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the captions of SubRip files; the speaker is what stands before the first colon and space."""
    marks = []
    for text in texts(files, ".srt"):
        for start, end, payload in blocks(text):
            speaker, _, said = payload.rstrip("\n").partition(": ")
            speaker = speaker if said else speaker.removesuffix(":")
            marks.append(Mark("", None, speaker, start, end, said))
    return marks


exporters.register("srt")(Exporter("srt", "captions for players", write, read))
