"""What a label format is: a writer, the reader that undoes it, and how files of many recordings become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem
from sdialog.core.errors import UnsupportedFeatureError, UserError
from sdialog.core.registry import Registry

Content = str | bytes
Files = dict[str, Content]


class Mark(NamedTuple):
    """An entry of a label file.

    Attributes:
        recording: name of the recording; empty where the format has none.
        channel: number of the channel, from 0; None where it is all of them or the format does not say.
        speaker: who is heard; None where the format does not say.
        start, end: seconds.
        text: what is said; empty where the format does not say.
    """

    recording: str
    channel: int | None
    speaker: str | None
    start: float
    end: float
    text: str = ""


@dataclass(frozen=True)
class Exporter:
    """A label format. Calling it gives the files of a recording.

    Attributes:
        name: of the format.
        summary: one line about it.
        write: takes labels, the name of the recording and the format's own options; returns contents by file name.
        read: takes contents by file name; returns what stands in them.
        by_line: whether the files of many recordings may be put one after the other; ``"sorted"`` where the lines must
            then be in the order of their bytes.
    """

    name: str
    summary: str
    write: Callable[..., Files]
    read: Callable[[Mapping[str, Content]], list[Mark]] | None = None
    by_line: bool | str = False

    def __call__(self, labels: Labels, name: str, **options: Any) -> Files:
        """Return the files of a recording: contents by name, a folder before a ``/``.

        Args:
            labels: of the recording.
            name: of the recording; file names are made of it by :func:`~sdialog.audio.names.file_stem`.
            options: of the format.

        Raises:
            UserError: if the format has no such option.
        """
        try:
            return self.write(labels, name, **options)
        except TypeError as error:
            if "keyword argument" not in str(error):
                raise
            raise UserError(f"label format {self.name!r}: {str(error).partition(' ')[2]}") from error


exporters: Registry[Exporter] = Registry("label format", "sdialog.audio.exports")
"""Label formats by name, such as ``exporters.get("rttm")(labels, "call-1")``."""


def export(
    labels: Labels,
    folder: str | Path,
    name: str,
    formats: Iterable[str] = ("json", "rttm"),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write labels in some formats.

    Args:
        labels: of the recording.
        folder: where to; it is made.
        name: of the recording.
        formats: names of formats; ``"all"`` means every one there is.
        options: of each format, by its name.

    Returns:
        The files written.

    Raises:
        UnknownNameError: if a format is unknown.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", "Hi!", 0.5, 1.0)], [], 16000, 2.0)
        >>> [path.name for path in export(labels, "out", "call-1", ["uem", "srt"])]
        ['call-1.uem', 'call-1.srt']
    """
    wanted = [formats] if isinstance(formats, str) else list(formats)
    names = exporters.names() if "all" in wanted else wanted
    found = [exporters.get(one) for one in names]  # an unknown name comes up before anything is written
    written = []
    for exporter in found:
        for file, content in exporter(labels, name, **dict((options or {}).get(exporter.name, {}))).items():
            path = Path(folder) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
            written.append(path)
    return written


def joined(exporter: Exporter, parts: Mapping[str, Files], name: str) -> Files:
    """Return the files of many recordings as those of one set.

    Args:
        exporter: whose files they are.
        parts: what the exporter gave, by the name of the recording.
        name: of the set.

    Raises:
        UnsupportedFeatureError: if the format holds one recording a file.

    Example:
        >>> uem = exporters.get("uem")
        >>> parts = {name: uem(Labels([], [], 16000, 2.0), name) for name in ("b", "a")}
        >>> joined(uem, parts, "test")["test.uem"].splitlines()
        ['b 1 0.000 2.000', 'a 1 0.000 2.000']
    """
    if not exporter.by_line:
        raise UnsupportedFeatureError(f"label format {exporter.name!r} holds one recording a file, not a set of them")
    lines: dict[str, list[str]] = {}
    for recording, files in parts.items():
        for file, content in files.items():
            whole = file_stem(name) + file.removeprefix(file_stem(recording))
            text = content.decode("utf-8") if isinstance(content, bytes) else content
            lines.setdefault(whole, []).extend(line for line in text.split("\n") if line)
    if exporter.by_line == "sorted":
        lines = {file: sorted(own, key=str.encode) for file, own in lines.items()}
    return {file: "".join(f"{line}\n" for line in own) for file, own in lines.items()}


def marks_of(labels: Labels, by: str = "island") -> list[Mark]:
    """Return the entries of labels.

    Args:
        labels: of a recording.
        by: ``island`` (without the pauses within turns), ``segment`` or ``word``.

    Raises:
        UserError: if ``by`` is something else.
    """
    if by == "island":
        return [Mark("", one.channel, one.speaker, one.start, one.end) for one in labels.islands]
    if by == "segment":
        return [Mark("", one.channel, one.speaker, one.start, one.end, one.text) for one in labels.segments]
    if by == "word":
        return sorted(
            (
                Mark("", segment.channel, segment.speaker, word.start, word.end, word.text)
                for segment in labels.segments
                for word in segment.words
            ),
            key=lambda mark: (mark.start, mark.end),
        )
    raise UserError(f"labels are written by 'island', 'segment' or 'word', not by {by!r}")


def texts(files: Mapping[str, Content], suffix: str) -> Sequence[str]:
    """Return the contents of the files whose names end in a suffix, as text."""
    chosen = [content for file, content in files.items() if file.endswith(suffix)]
    return [content.decode("utf-8-sig") if isinstance(content, bytes) else content for content in chosen]
