"""The published path of the acoustics simulator."""

from __future__ import annotations

from sdialog.audio.acoustics.simulator import AcousticsSimulator

__all__ = ["AcousticsSimulator"]
