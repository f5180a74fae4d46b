"""Labels in the formats of other tools: one file a format, found by its file name."""

from __future__ import annotations

from sdialog.audio.exports.base import Exporter, Mark, export, exporters, joined, marks_of

__all__ = ["Exporter", "Mark", "export", "exporters", "joined", "marks_of"]
