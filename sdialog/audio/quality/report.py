"""A report on the quality of recordings: a table, plain data, figures and one page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from sdialog.audio.quality.figures import figures
from sdialog.audio.quality.measuring import RecordingQuality, measured
from sdialog.audio.quality.page import page
from sdialog.audio.quality.recordings import given
from sdialog.audio.quality.word_errors import LISTENERS, Recognize, total
from sdialog.audio.recognizer import Recognizer
from sdialog.core.errors import UnknownNameError, UserError

# What a column is called, its unit, how it is written, and where it comes from.
COLUMNS: tuple[tuple[str, str, str, Callable[[RecordingQuality], float | None]], ...] = (
    ("WER", "", ".3f", lambda one: one.word_error_rate),
    ("STOI", "", ".3f", lambda one: one.stoi),
    ("ESTOI", "", ".3f", lambda one: one.estoi),
    ("PESQ", "", ".2f", lambda one: mean(one.pesq.values()) if one.pesq else None),
    ("SNR", "dB", ".1f", lambda one: one.levels.snr_db),
    ("loudness", "LUFS", ".1f", lambda one: one.levels.loudness),
    ("true peak", "dBTP", ".1f", lambda one: one.levels.true_peak_db),
    ("clipped", "%", ".3g", lambda one: 100 * one.levels.clipped),
    ("overlap", "%", ".1f", lambda one: 100 * one.conversation.overlap_ratio),
    ("silence", "%", ".1f", lambda one: 100 * one.conversation.silence_ratio),
    ("gap", "s", ".2f", lambda one: one.conversation.gap),
    ("label error", "ms", ".1f", lambda one: _milliseconds(one)),
)


def _milliseconds(one: RecordingQuality) -> float | None:
    """Return the worst error of the labels, by the stems where there are some."""
    check = one.starts if one.stems is None or one.stems.worst is None else one.stems
    return None if check.worst is None else 1000 * check.worst


@dataclass(frozen=True)
class QualityReport:
    """What was measured of recordings.

    Attributes:
        recordings: in the order they were given.
        about: who listened, as plain data.
    """

    recordings: tuple[RecordingQuality, ...]
    about: Mapping[str, Any]

    @property
    def groups(self) -> dict[str, list[RecordingQuality]]:
        """The recordings by group, in the order of the first of each."""
        found: dict[str, list[RecordingQuality]] = {}
        for one in self.recordings:
            found.setdefault(one.group, []).append(one)
        return found

    @property
    def remarks(self) -> dict[str, tuple[str, ...]]:
        """What is wrong, by the name of the recording."""
        return {f"{one.group}: {one.name}" if one.group else one.name: one.remarks for one in self.recordings
                if one.remarks}  # fmt: skip

    def means(self) -> dict[str, dict[str, float | None]]:
        """Return the mean of each column by group; the word error rate is that of all words together."""
        return {
            group: {name: _mean(own, name, value) for name, _, _, value in COLUMNS}
            for group, own in self.groups.items()
        }

    def table(self, by: str = "group") -> str:
        """Return the columns as lines of text; those that were not measured are left out.

        Args:
            by: ``group`` for a line a group, ``recording`` for a line a recording.

        Raises:
            UserError: if ``by`` is something else.
        """
        rows, names = self.rows(by)
        heads = [[name for name, _, _ in names], [unit for _, unit, _ in names]]
        cells = [[shown(values[name], form) for name, _, form in names] for _, _, values in rows]
        first = [f"{group} ({count})" for group, count, _ in rows]
        widths = [max(len(row[place]) for row in [*heads, *cells]) for place in range(len(names))]
        label = max([len(text) for text in first], default=0)
        lines = [
            "  ".join(
                [text.ljust(label), *(cell.rjust(width) for cell, width in zip(row, widths, strict=True))]
            ).rstrip()
            for text, row in zip(["", "", *first], [*heads, *cells], strict=True)
        ]
        return "\n".join([*lines, *(f"{name}: {'; '.join(said)}" for name, said in self.remarks.items())])

    def rows(
        self, by: str = "group"
    ) -> tuple[list[tuple[str, int, Mapping[str, float | None]]], list[tuple[str, str, str]]]:
        """Return name, count and values of each line, and name, unit and form of the columns that have a value.

        Raises:
            UserError: if ``by`` is neither ``group`` nor ``recording``.
        """
        if by not in ("group", "recording"):
            raise UserError(f"a table is by 'group' or by 'recording', not by {by!r}")
        rows: list[tuple[str, int, Mapping[str, float | None]]]
        if by == "group":
            means = self.means()
            rows = [(group or "all", len(own), means[group]) for group, own in self.groups.items()]
        else:
            rows = [(one.name, 1, {name: value(one) for name, _, _, value in COLUMNS}) for one in self.recordings]
        columns = [
            (name, unit, form) for name, unit, form, _ in COLUMNS if any(v[name] is not None for _, _, v in rows)
        ]
        return rows, columns

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "about": dict(self.about),
            "means": self.means(),
            "recordings": [one.json() for one in self.recordings],
        }

    def figures(self) -> dict[str, Any]:
        """Return matplotlib figures by their titles.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return figures(self)

    def html(self, title: str = "Quality of recordings") -> str:
        """Return one page that needs nothing else; figures are left out where matplotlib is not installed."""
        return page(self, title)

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``quality.html`` and ``quality.json`` to a folder; return the files."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        files = {
            target / "quality.html": self.html(),
            target / "quality.json": json.dumps(self.json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        }
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
        return list(files)


def quality_report(
    run: Any,
    *,
    recognize: Recognize | str | None = "closed",
    language: str = "english",
    pesq: bool = False,
) -> QualityReport:
    """Measure recordings, one at a time.

    Args:
        run: the folder of a run, a result of ``to_audio``, several of either, or any of these by the name of a group,
            such as ``{"clean": clean, "far_field": far}``. STOI, PESQ and the check of the ends of speech need stems
            (``stems=True``).
        recognize: who listens: ``closed`` (pocketsphinx that knows the texts of the dialog), ``open`` (one that does
            not, and is slow), a callable that takes samples and rate and returns a text, or None for nobody.
        language: of the dialogs.
        pesq: also measure PESQ.

    Raises:
        UserError: if there is no recording, or nobody is called as ``recognize`` says.
        MissingDependencyError: if a package that is needed for it is not installed.
    """
    if isinstance(recognize, str) and recognize not in LISTENERS:
        raise UnknownNameError("recognizer", recognize, LISTENERS)
    found = tuple(measured(one, recognize=recognize, language=language, pesq=pesq) for one in given(run))
    if not found:
        raise UserError("there is no recording to measure: no labels (.json) beside a sound file of the same name")
    return QualityReport(found, {"listener": _told(recognize), "language": language})


def _told(recognize: Recognize | str | None) -> Any:
    if recognize is None:
        return None
    if isinstance(recognize, str):
        return Recognizer().json() | {"language_model": recognize}
    name = getattr(recognize, "__name__", type(recognize).__name__)
    told: dict[str, Any] = recognize.json() if hasattr(recognize, "json") else {"recognizer": name}
    return told


def _mean(own: list[RecordingQuality], name: str, value: Callable[[RecordingQuality], float | None]) -> float | None:
    if name == "WER":  # a long recording has more words to be heard than a short one
        return total(errors for one in own for errors in one.heard.values()).rate
    known = [number for one in own if (number := value(one)) is not None]
    return mean(known) if known else None


def shown(value: float | None, form: str) -> str:
    """Return a number as text, and a dash where there is none."""
    return "-" if value is None else format(value, form)
