"""Agents: parties of dialogs, with personas, tools, orchestrators and models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent
    from sdialog.agents.environment_tools import environment_tools
    from sdialog.agents.reply import Guard, Reply
    from sdialog.agents.session import Session
    from sdialog.agents.tools import Tool, ToolContext, final_response_tool

_HOMES = {
    "Agent": "agent",
    "Guard": "reply",
    "Reply": "reply",
    "Session": "session",
    "Tool": "tools",
    "ToolContext": "tools",
    "environment_tools": "environment_tools",
    "final_response_tool": "tools",
}

__all__ = ["Agent", "Guard", "Reply", "Session", "Tool", "ToolContext", "environment_tools", "final_response_tool"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
