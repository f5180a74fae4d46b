"""Many jobs in processes that may die: one at a time, results in order, a folder that can be gone on with."""

from __future__ import annotations

from sdialog.audio.batching.crew import Crew
from sdialog.audio.batching.folder import AudioFolder
from sdialog.audio.batching.order import Done, Failed, in_order, one_by_one
from sdialog.audio.batching.rendering import Job, Renderer, dialog_seed

__all__ = ["AudioFolder", "Crew", "Done", "Failed", "Job", "Renderer", "dialog_seed", "in_order", "one_by_one"]
