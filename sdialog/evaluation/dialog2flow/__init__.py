"""The published import path of :mod:`sdialog.evaluation.flow`: dialogs to paths, and paths to graphs."""

from __future__ import annotations

from sdialog.evaluation.flow.build import dialog2graph, dialog2trajectories, trajectory2graph
from sdialog.evaluation.flow.roles import (
    DEFAULT_SYS_NAME,
    DEFAULT_TOKEN_END,
    DEFAULT_TOKEN_START,
    DEFAULT_USER_NAME,
)

__all__ = [
    "DEFAULT_SYS_NAME",
    "DEFAULT_TOKEN_END",
    "DEFAULT_TOKEN_START",
    "DEFAULT_USER_NAME",
    "dialog2graph",
    "dialog2trajectories",
    "trajectory2graph",
]
