"""WebVTT (W3C): captions for the web, with the speaker as the voice of each cue."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from sdialog.audio.exports._captions import blocks, clock, cues
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem, one_line

_VOICE = re.compile(r"<v(?:\.\S*)? ([^>]*)>(.*?)(?:</v>)?\s*", re.DOTALL)


def write(labels: Labels, name: str) -> Files:
    """Return a cue for each segment.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", "3 < 4 & so on", 0.5, 1.0)], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.vtt"], end="")
        WEBVTT
        <BLANKLINE>
        1
        00:00:00.500 --> 00:00:01.000
        <v Ann>3 &lt; 4 &amp; so on</v>
    """
    made = [
        f"\n{number}\n{clock(start, '.')} --> {clock(end, '.')}\n"
        f"<v {_escaped(mark.speaker or '')}>{_escaped(mark.text)}</v>\n"
        for number, mark, start, end in cues(labels)
    ]
    return {f"{file_stem(name)}.vtt": "".join(["WEBVTT\n", *made])}


def _escaped(text: str) -> str:
    return html.escape(one_line(text), quote=False)


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the cues of WebVTT files."""
    marks = []
    for text in texts(files, ".vtt"):
        for start, end, payload in blocks(text):
            voice = _VOICE.fullmatch(payload)
            speaker = None if voice is None else html.unescape(voice[1])
            marks.append(Mark("", None, speaker, start, end, html.unescape(payload if voice is None else voice[2])))
    return marks


exporters.register("webvtt")(Exporter("webvtt", "captions for the web, with the speakers", write, read))
