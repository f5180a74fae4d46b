"""The machinery behind :mod:`sdialog.llm.scheduler`: who is alive, who waits, and when a batch is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field

from sdialog.llm.failures import answers
from sdialog.llm.protocol import Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage


class Caller:
    """A live conversation, as one scheduler sees it in one event loop."""

    def __init__(self, desk: Desk, outer: Caller | None) -> None:
        self.desk, self.outer = desk, outer
        self.present, self.blocks = False, 0

    def enter(self) -> None:
        """Begin to live."""
        self.present = True
        self.desk.active += 1

    def leave(self) -> None:
        """Live no more."""
        self.present = False
        self.desk.active -= not self.blocks
        self.desk.consider()

    def block(self) -> None:
        """Begin to wait for something; may be called again before :meth:`unblock`."""
        self.blocks += 1
        if self.blocks == 1 and self.present:
            self.desk.active -= 1
            self.desk.consider()

    def unblock(self) -> None:
        """Undo one :meth:`block`."""
        self.blocks -= 1
        if not self.blocks and self.present:
            self.desk.active += 1


current: ContextVar[Caller | None] = ContextVar("sdialog_caller", default=None)
"""The innermost live conversation this code runs in, of whichever scheduler."""


@contextmanager
def blocked(caller: Caller | None) -> Iterator[None]:
    """Count a conversation, if there is one, as waiting for the length of a block."""
    if caller is not None:
        caller.block()
    try:
        yield
    finally:
        if caller is not None:
            caller.unblock()


class Desk:
    """The scheduler's state in one event loop; ``active`` counts live conversations that wait for nothing."""

    def __init__(self, concurrency: int, max_batch: int) -> None:
        self.concurrency, self.max_batch = concurrency, max_batch
        self.active, self.lanes = 0, dict[int, Lane]()
        self._considering = False

    def lane(self, model: Model, count: Callable[[Usage], None]) -> Lane:
        """Return the lane of ``model``; ``count`` is told what each of its calls cost."""
        lane = self.lanes.get(id(model))
        if lane is None:
            make = BatchedLane if model.batching == "batched" else ConcurrentLane
            lane = self.lanes[id(model)] = make(model, count, self)
        return lane

    def consider(self) -> None:
        """Look for batches to run, but only after every task that is ready now has had its turn."""
        if not self._considering:
            self._considering = True
            asyncio.get_running_loop().call_soon(self._consider)

    def _consider(self) -> None:
        self._considering = False
        for lane in self.lanes.values():
            if isinstance(lane, BatchedLane) and lane.due():
                lane.start()


class Lane:
    """The way to one model in one event loop."""

    def __init__(self, model: Model, count: Callable[[Usage], None], desk: Desk) -> None:
        self.model, self.count, self.desk = model, count, desk
        self.slots = asyncio.Semaphore(1 if model.batching == "batched" else desk.concurrency)

    async def answer(self, request: GenerateRequest, caller: Caller | None) -> GenerateResult:
        """Answer one request; a failure is the result's error."""
        raise NotImplementedError

    async def stream(self, request: GenerateRequest, caller: Caller | None) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces, read from the model as fast as it gives them."""
        chunks: asyncio.Queue[StreamChunk | BaseException | None] = asyncio.Queue()
        pump = asyncio.create_task(self._pump(request, chunks))
        with blocked(caller):
            try:
                while (chunk := await chunks.get()) is not None:
                    if isinstance(chunk, BaseException):
                        raise chunk
                    yield chunk
            finally:
                pump.cancel()

    async def _pump(self, request: GenerateRequest, chunks: asyncio.Queue[StreamChunk | BaseException | None]) -> None:
        try:
            async with self.slots, closing(pieces(self.model, request)) as found:
                async for chunk in found:
                    if chunk.result is not None:
                        self.count(chunk.result.usage)
                    chunks.put_nowait(chunk)
            chunks.put_nowait(None)
        except BaseException as error:
            chunks.put_nowait(error)
            if not isinstance(error, Exception):
                raise


class ConcurrentLane(Lane):
    """Each request on its own, as many at once as there are slots."""

    async def answer(self, request: GenerateRequest, caller: Caller | None) -> GenerateResult:
        """Answer one request as soon as there is a slot."""
        with blocked(caller):
            async with self.slots:
                (result,) = await answers(self.model, [request])
        self.count(result.usage)
        return result


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request in a batched lane and who waits for it."""

    request: GenerateRequest
    caller: Caller | None
    future: asyncio.Future[GenerateResult]
    blocking: bool = field(default=False, init=False)

    def block(self) -> None:
        if self.caller is not None:
            self.blocking = True
            self.caller.block()

    def unblock(self) -> None:
        # At delivery, not at wake-up: between the two the conversation must not look as if it still waited.
        if self.blocking and self.caller is not None:
            self.blocking = False
            self.caller.unblock()

    @property
    def of_live_caller(self) -> bool:
        return self.caller is not None and self.caller.present


class BatchedLane(Lane):
    """Requests gather until nobody is left who could add one; then they run together, one batch at a time."""

    def __init__(self, model: Model, count: Callable[[Usage], None], desk: Desk) -> None:
        super().__init__(model, count, desk)
        self.queue: list[_Waiting] = []
        self.batch: list[_Waiting] = []
        self.runner: asyncio.Task[None] | None = None

    async def answer(self, request: GenerateRequest, caller: Caller | None) -> GenerateResult:
        """Wait for the batch that answers this request."""
        waiting = _Waiting(request, caller, asyncio.get_running_loop().create_future())
        self.queue.append(waiting)
        waiting.block()
        self.desk.consider()
        try:
            return await waiting.future
        finally:
            waiting.unblock()
            self._forget(waiting)

    def due(self) -> bool:
        """Whether to run now; a caller that is not live may be what a live one waits for, so it never has to wait."""
        if self.runner is not None or not self.queue:
            return False
        if self.desk.active <= 0 or len(self.queue) >= self.desk.max_batch:
            return True
        return not all(waiting.of_live_caller for waiting in self.queue)

    def start(self) -> None:
        """Run the next batch."""
        # The batch belongs to no conversation in it, so it runs in a context of its own.
        self.runner = asyncio.get_running_loop().create_task(self._run(), context=Context())

    def _forget(self, waiting: _Waiting) -> None:
        """Take an answered or abandoned request out; a batch that nobody waits for any more is called off."""
        if waiting in self.queue:
            self.queue.remove(waiting)
        if self.runner is not None and self.batch and all(other.future.done() for other in self.batch):
            self.runner.cancel()

    async def _run(self) -> None:
        try:
            async with self.slots:
                self.batch, self.queue = self.queue[: self.desk.max_batch], self.queue[self.desk.max_batch :]
                # The same set of requests makes the same batch, whichever conversation happened to ask first.
                self.batch.sort(key=lambda waiting: waiting.request.key)
                await self._answer(self.batch)
        finally:
            for waiting in self.batch:
                waiting.unblock()
                waiting.future.cancel()
            self.runner, self.batch = None, []
            self.desk.consider()

    async def _answer(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            results = await answers(self.model, [waiting.request for waiting in batch])
        except Exception as error:  # noqa: BLE001 - handed to every waiting caller, who raises it
            for waiting in batch:
                waiting.unblock()
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        for waiting, result in zip(batch, results, strict=True):
            self.count(result.usage)
            waiting.unblock()
            if not waiting.future.done():
                waiting.future.set_result(result)
