"""Directivity: how much of a sound passes in each direction, as first-order patterns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from sdialog.core.errors import UnknownNameError

PATTERNS: Mapping[str, float] = MappingProxyType(
    {
        "omnidirectional": 1.0,
        "subcardioid": 0.75,
        "cardioid": 0.5,
        "supercardioid": 0.37,
        "hypercardioid": 0.25,
        "figure_eight": 0.0,
    }
)
"""The part p of pressure in the pattern p + (1 - p) cos(angle) (Eargle, The Microphone Book, 2nd ed., 2004, ch. 5)."""


def pattern_gain(pattern: str, angle: float) -> float:
    """Return the gain of a pattern at an angle from its axis; negative where the phase is turned.

    Args:
        pattern: a name of ``PATTERNS``.
        angle: degrees from the axis.

    Raises:
        UnknownNameError: if there is no such pattern.

    Example:
        >>> round(pattern_gain("cardioid", 180), 6), pattern_gain("subcardioid", 0)
        (0.0, 1.0)
    """
    part = PATTERNS[check_pattern(pattern)]
    return part + (1 - part) * math.cos(math.radians(angle))


def check_pattern(pattern: str) -> str:
    """Return the name of a pattern if there is one.

    Raises:
        UnknownNameError: if there is none.
    """
    if pattern not in PATTERNS:
        raise UnknownNameError("directivity pattern", str(pattern), PATTERNS)
    return pattern
