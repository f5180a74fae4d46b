"""Validators by name: one list for the gate of simulations and for evaluations, which do not know each other."""

from __future__ import annotations

from typing import Any

from sdialog.core.registry import ClassRegistry

validators: ClassRegistry[Any] = ClassRegistry("validator", "sdialog.evaluation.validators")
"""Validators by class or file name; ``module:name`` works as well."""
