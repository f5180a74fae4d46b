"""Clocks that stamp events."""

from __future__ import annotations

import time


class LogicalClock:
    """Counts 0, 1, 2, ...: the order of events without the time of day, the same in every run.

    Example:
        >>> clock = LogicalClock()
        >>> clock(), clock(), clock()
        (0, 1, 2)
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def __call__(self) -> int:
        """Return the next number."""
        now = self._next
        self._next += 1
        return now


def wall_clock() -> int:
    """Return the time in whole seconds since 1970, UTC."""
    return int(time.time())
