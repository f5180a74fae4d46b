"""What an engine must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import TypeVar

from sdialog.core.registry import Registry

R = TypeVar("R")


class Engine(ABC):
    """Runs many pieces of work side by side and hands back what comes of them in order."""

    @abstractmethod
    def run(
        self, indices: Iterator[int], work: Callable[[int], Awaitable[R]], *, concurrency: int
    ) -> AsyncGenerator[R, None]:
        """Yield ``await work(index)`` for each index, in the order of ``indices``.

        At most ``concurrency`` pieces are under way at a time, and no more than a few times that number are begun
        before the oldest one is handed over, so memory does not grow with the number of pieces. Closing the
        generator cancels what is under way.

        Args:
            indices: numbers of the pieces; taken one at a time, as there is room.
            work: does one piece; it reports trouble in its result and does not raise.
            concurrency: most pieces under way at a time.
        """


engines: Registry[type[Engine]] = Registry("engine", "sdialog.simulation.engines")
"""Engines by name."""
