"""Generators: personas and contexts made by rules and language models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdialog.generators.base import BaseAttributeModelGenerator
    from sdialog.generators.contexts import ContextGenerator
    from sdialog.generators.personas import PersonaGenerator

_FACE = {
    "BaseAttributeModelGenerator": "sdialog.generators.base",
    "ContextGenerator": "sdialog.generators.contexts",
    "PersonaGenerator": "sdialog.generators.personas",
}

__all__ = ["BaseAttributeModelGenerator", "ContextGenerator", "PersonaGenerator"]


def __getattr__(name: str) -> object:
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_FACE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
