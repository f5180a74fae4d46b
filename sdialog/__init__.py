"""Synthetic dialogs, end to end: simulate, evaluate, explain and hear conversations between persona agents.

Importing this package loads nothing; each name below is fetched when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog._version import __version__

if TYPE_CHECKING:
    from sdialog import config as config
    from sdialog.agents import Agent as Agent
    from sdialog.core.context import Context as Context
    from sdialog.core.dialog import Dialog as Dialog
    from sdialog.core.turns import Event as Event
    from sdialog.core.turns import Instruction as Instruction
    from sdialog.core.turns import Turn as Turn
    from sdialog.personas import Persona as Persona

__all__ = ["Agent", "Context", "Dialog", "Event", "Instruction", "Persona", "Turn", "__version__", "config"]

_HOMES = {
    "Agent": "sdialog.agents",
    "Context": "sdialog.core.context",
    "Dialog": "sdialog.core.dialog",
    "Event": "sdialog.core.turns",
    "Instruction": "sdialog.core.turns",
    "Persona": "sdialog.personas",
    "Turn": "sdialog.core.turns",
    "config": "sdialog.config",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sdialog' has no attribute {name!r}; it offers {', '.join(__all__)}")
    import importlib

    module = importlib.import_module(_HOMES[name])
    value = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
