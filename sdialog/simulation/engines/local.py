"""Dialogs side by side as tasks of one event loop, in this process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import TypeVar

from sdialog.simulation.engines.base import Engine, engines

R = TypeVar("R")

WINDOW = 4
"""How many times ``concurrency`` pieces may be begun and not yet handed over."""


@engines.register("local")
class LocalEngine(Engine):
    """Tasks in this process. Enough for remote models, which only wait, and for one local model, which batches.

    Example:
        >>> from sdialog.core.sync import run
        >>> async def double(index: int) -> int:
        ...     return 2 * index
        >>> async def collect() -> list[int]:
        ...     return [result async for result in LocalEngine().run(iter(range(4)), double, concurrency=2)]
        >>> run(collect())
        [0, 2, 4, 6]
    """

    async def run(
        self, indices: Iterator[int], work: Callable[[int], Awaitable[R]], *, concurrency: int
    ) -> AsyncGenerator[R, None]:
        """Yield the results in order; see :meth:`Engine.run`."""
        begun: deque[asyncio.Future[R]] = deque()
        changed, running = asyncio.Event(), 0

        def landed(_: asyncio.Future[R]) -> None:
            nonlocal running
            running -= 1
            changed.set()

        try:
            more = True
            while True:
                while more and running < concurrency and len(begun) < WINDOW * concurrency:
                    index = next(indices, None)
                    more = index is not None
                    if index is not None:
                        task: asyncio.Future[R] = asyncio.ensure_future(work(index))
                        task.add_done_callback(landed)
                        begun.append(task)
                        running += 1
                if not begun:
                    return
                if begun[0].done():
                    yield begun.popleft().result()
                    continue
                changed.clear()
                await changed.wait()
        finally:
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
