"""TextGrid of Praat (Boersma and Weenink), long text format: tiers of each speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import NamedTuple

from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import EMPTY, file_stem, one_line
from sdialog.core.errors import DialogFormatError

_DIGITS = 6
_ENTRY = re.compile(
    r'(?P<key>class|name|xmin|xmax|number|mark|text) = (?:"(?P<text>(?:[^"]|"")*)"|(?P<number>-?[\d.]+))'
)


class _Entry(NamedTuple):
    start: float
    end: float
    text: str


def write(labels: Labels, name: str) -> Files:
    """Return the tiers ``<speaker> - turns``, ``- words``, ``- phonemes`` and ``- speech`` (the islands).

    Intervals of a tier may not overlap: what does goes to a further tier with a number. What has no length, which an
    interval cannot show, goes to a tier of points, ``- words (points)``. A tier that would be empty is left out, and a
    speaker without a name is ``<NA>``.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", 'So "what"?', 0.5, 1.0)], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.TextGrid"].split("item [1]:")[1])  # doctest: +ELLIPSIS
        <BLANKLINE>
                class = "IntervalTier"
                name = "Ann - turns"
        ...
                    text = "So ""what""?"
        ...
    """
    last = _rounded(max([labels.duration, *(one.end for one in labels.segments), *(one.end for one in labels.islands)]))
    tiers = list(_tiers(labels))
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_time(last)}"]
    lines += ["tiers? <exists>" if tiers else "tiers? <absent>"]
    if tiers:
        lines += [f"size = {len(tiers)}", "item []:"]
    for number, (title, entries, points) in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", f'        class = "{"TextTier" if points else "IntervalTier"}"']
        lines += [f"        name = {_quoted(title)}", "        xmin = 0", f"        xmax = {_time(last)}"]
        lines += _points(entries) if points else _intervals(entries, last)
    return {f"{file_stem(name)}.TextGrid": "\n".join(lines) + "\n"}


def _tiers(labels: Labels) -> Iterator[tuple[str, list[_Entry], bool]]:
    taken: set[str] = set()

    def title(speaker: str, kind: str, points: str = "") -> str:
        numbers = chain([""], (f" {number}" for number in count(2)))
        titles = (f"{one_line(speaker) or EMPTY} - {kind}{number}{points}" for number in numbers)
        free = next(one for one in titles if one not in taken)
        taken.add(free)
        return free

    for speaker in labels.speakers:
        own = labels.of(speaker)
        words = [word for segment in own.segments for word in segment.words]
        kinds = {
            "turns": [(one.start, one.end, one.text) for one in own.segments],
            "words": [(word.start, word.end, word.text) for word in words],
            "phonemes": [(one.start, one.end, one.symbol) for word in words for one in word.phonemes],
            "speech": [(one.start, one.end, "speech") for one in own.islands],
        }
        for kind, found in kinds.items():
            entries = sorted(_Entry(_rounded(start), _rounded(end), text) for start, end, text in found)
            for lane in _lanes([one for one in entries if one.end > one.start]):
                yield title(speaker, kind), lane, False
            # Praat wants the points of a tier at different times.
            points: dict[float, list[str]] = {}
            for one in entries:
                if one.end <= one.start:
                    points.setdefault(one.start, []).append(one.text)
            if points:
                joined = [_Entry(at, at, " ".join(said)) for at, said in points.items()]
                yield title(speaker, kind, " (points)"), joined, True


def _lanes(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    lanes: list[list[_Entry]] = []
    for entry in entries:
        free = next((lane for lane in lanes if lane[-1].end <= entry.start), None)
        if free is None:
            lanes.append([entry])
        else:
            free.append(entry)
    return lanes


def _intervals(entries: Sequence[_Entry], last: float) -> list[str]:
    filled: list[_Entry] = []
    now = 0.0
    for entry in [*entries, _Entry(last, last, "")]:
        if entry.start > now:
            filled.append(_Entry(now, entry.start, ""))
        if entry.end > entry.start:
            filled.append(entry)
        now = entry.end
    lines = [f"        intervals: size = {len(filled)}"]
    for number, entry in enumerate(filled, start=1):
        lines += [f"        intervals [{number}]:", f"            xmin = {_time(entry.start)}"]
        lines += [f"            xmax = {_time(entry.end)}", f"            text = {_quoted(entry.text)}"]
    return lines


def _points(entries: Sequence[_Entry]) -> list[str]:
    lines = [f"        points: size = {len(entries)}"]
    for number, entry in enumerate(entries, start=1):
        lines += [f"        points [{number}]:", f"            number = {_time(entry.start)}"]
        lines += [f"            mark = {_quoted(entry.text)}"]
    return lines


def _rounded(seconds: float) -> float:
    return max(0.0, round(seconds, _DIGITS))


def _time(seconds: float) -> str:
    return f"{seconds:.{_DIGITS}f}"


def _quoted(text: str) -> str:
    return '"' + one_line(text).replace('"', '""') + '"'


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the turns in TextGrid files: entries of the tiers whose names end as :func:`write` has it.

    Raises:
        DialogFormatError: if a file is no TextGrid in the long text format.
    """
    return [
        Mark("", None, "" if (speaker := title.rpartition(" - ")[0]) == EMPTY else speaker, start, end, text)
        for title, entries in tiers_in(files).items()
        if title.rpartition(" - ")[2].startswith("turns")
        for start, end, text in entries
        if text or "(points)" in title
    ]


def tiers_in(files: Mapping[str, Content]) -> dict[str, list[tuple[float, float, str]]]:
    """Return the entries of each tier by its name, as (start, end, text); those between the words are empty."""
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for content in texts(files, ".TextGrid"):
        if '"TextGrid"' not in content[:200] or "tiers?" not in content:
            raise DialogFormatError("no TextGrid in the long text format of Praat")
        entries: list[tuple[float, float, str]] = []
        edges: dict[str, float] = {}
        for found in _ENTRY.finditer(content):
            key, text = found["key"], (found["text"] or "").replace('""', '"')
            if key == "name":
                entries = tiers.setdefault(text, [])
            elif key in ("text", "mark"):
                start = edges["xmin"] if key == "text" else edges["number"]
                entries.append((start, edges["xmax"] if key == "text" else start, text))
            elif found["number"] is not None:
                edges[key] = float(found["number"])
    return tiers


exporters.register("textgrid")(Exporter("textgrid", "turns, words and sounds of each speaker, for Praat", write, read))
