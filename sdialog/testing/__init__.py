"""For tests of plug-ins and of programs built on sdialog: conformance checks and small helpers.

The model whose words are known, :class:`~sdialog.backends.scripted.ScriptedModel`, is here too.
"""

from __future__ import annotations

from sdialog.backends.scripted import ScriptedModel
from sdialog.testing.backend import Conformance, NotConformingError, check_backend, examine_backend
from sdialog.testing.requests import Faulty, request
from sdialog.testing.score import check_score

__all__ = [
    "Conformance",
    "Faulty",
    "NotConformingError",
    "ScriptedModel",
    "check_backend",
    "check_score",
    "examine_backend",
    "request",
]
