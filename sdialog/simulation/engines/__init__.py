"""Engines: what keeps many dialogs going at once. One file an engine; the folder is the list."""

from __future__ import annotations

from sdialog.simulation.engines.base import Engine, engines

__all__ = ["Engine", "engines"]
