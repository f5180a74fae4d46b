"""What WebVTT and SubRip share: cues with a clock."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdialog.audio.exports.base import Mark, marks_of
from sdialog.audio.labels import Labels

TIMES = re.compile(r"^(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3}) --> (?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})")


def cues(labels: Labels) -> Iterator[tuple[int, Mark, int, int]]:
    """Yield number, segment, start and end in milliseconds of each cue, which lasts at least one."""
    for number, mark in enumerate(marks_of(labels, "segment"), start=1):
        start = round(1000 * mark.start)
        yield number, mark, start, max(round(1000 * mark.end), start + 1)


def clock(milliseconds: int, point: str) -> str:
    """Return a time as hours, minutes, seconds and milliseconds.

    Example:
        >>> clock(3_723_004, ".")
        '01:02:03.004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def blocks(text: str) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and payload of each cue in a text, parted by empty lines."""
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n")):
        lines = block.split("\n")
        for place, line in enumerate(lines):
            if found := TIMES.match(line):
                times = [int(part or 0) for part in found.groups()]
                start, end = (3600 * h + 60 * m + s + ms / 1000 for h, m, s, ms in (times[:4], times[4:]))
                yield start, end, "\n".join(lines[place + 1 :])
                break
