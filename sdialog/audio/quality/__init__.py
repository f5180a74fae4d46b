"""How good recordings are: understood, loud enough, unclipped, rightly labelled; and a report of it."""

from __future__ import annotations

from sdialog.audio.quality.boundaries import Boundary, BoundaryCheck, check_boundaries
from sdialog.audio.quality.conversation import ConversationMeasures, conversation
from sdialog.audio.quality.intelligibility import Intelligibility, intelligibility, pesq_score
from sdialog.audio.quality.levels import LevelMeasures, levels
from sdialog.audio.quality.measuring import RecordingQuality, measured
from sdialog.audio.quality.recordings import Recorded, recorded, recordings_in
from sdialog.audio.quality.report import QualityReport, quality_report
from sdialog.audio.quality.word_errors import WordErrors, listen, total, word_errors
from sdialog.audio.recognizer import Recognizer, for_scoring

__all__ = [
    "Boundary",
    "BoundaryCheck",
    "ConversationMeasures",
    "Intelligibility",
    "LevelMeasures",
    "QualityReport",
    "Recognizer",
    "Recorded",
    "RecordingQuality",
    "WordErrors",
    "check_boundaries",
    "conversation",
    "for_scoring",
    "intelligibility",
    "levels",
    "listen",
    "measured",
    "pesq_score",
    "quality_report",
    "recorded",
    "recordings_in",
    "total",
    "word_errors",
]
