"""Who calls which model when: side by side for remote models, together in batches for local ones.

A remote (``concurrent``) model gets each request as it comes, under a semaphore. A local (``batched``) model is
cheaper when many requests run as one batch, so its requests are collected, and the moment to run them is found by
counting, never by a clock: when every live conversation waits for something, nobody is left who could add to the
batch. A conversation says that it is alive with :meth:`Scheduler.live` and that it is busy elsewhere with
:meth:`Scheduler.away`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field

from sdialog.core.errors import ConfigError, LLMError, UnsupportedFeatureError
from sdialog.llm.failures import answers, as_llm_error
from sdialog.llm.protocol import Batching, Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage


class Scheduler:
    """Shares models among conversations.

    Args:
        concurrency: most requests under way at once for each concurrent model.
        max_batch: most requests in one batch of a batched model.

    Raises:
        ConfigError: if either is below 1.

    Example:
        >>> from sdialog.core.sync import run
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.llm.types import Message
        >>> client = Scheduler().client(ScriptedModel(["Good morning!"]))
        >>> run(client.complete(GenerateRequest((Message("user", "Hello"),)))).text
        'Good morning!'
    """

    def __init__(self, concurrency: int = 32, max_batch: int = 64) -> None:
        for name, value in (("concurrency", concurrency), ("max_batch", max_batch)):
            if value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        self.concurrency, self.max_batch = concurrency, max_batch
        self._clients: dict[int, Client] = {}
        self._desks: dict[asyncio.AbstractEventLoop, _Desk] = {}
        self._lock = threading.Lock()

    def client(self, model: Model) -> Client:
        """Return the client of ``model``, always the same one for the same object."""
        with self._lock:
            if id(model) not in self._clients:
                self._clients[id(model)] = Client(model, self)
            return self._clients[id(model)]

    @property
    def clients(self) -> list[Client]:
        """Every client handed out, in order; their ``usage`` adds up to what the run cost."""
        return list(self._clients.values())

    @contextmanager
    def live(self) -> Iterator[None]:
        """Say that the block is a conversation which will call models again and again.

        A conversation inside another one (or inside a task the other one started) counts for itself, and the outer
        one counts as away meanwhile.
        """
        outer, caller = self._caller(), _Caller(self._desk(), _caller.get())
        token = _caller.set(caller)
        caller.enter()
        if outer is not None:
            outer.block()
        try:
            yield
        finally:
            if outer is not None:
                outer.unblock()
            caller.leave()
            _caller.reset(token)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Say that this conversation is busy elsewhere, say in a slow tool, and that nobody should wait for it."""
        caller = self._caller()
        if caller is None:
            yield
            return
        caller.block()
        try:
            yield
        finally:
            caller.unblock()

    async def aclose(self) -> None:
        """Close the connections of every model it served."""
        for client in self.clients:
            close = getattr(client.model, "aclose", None)
            if close is not None:
                await close()

    def _desk(self) -> _Desk:
        loop = asyncio.get_running_loop()
        desk = self._desks.get(loop)
        if desk is None:
            with self._lock:
                self._desks = {old: kept for old, kept in self._desks.items() if not old.is_closed()}
                desk = self._desks[loop] = _Desk(self.concurrency, self.max_batch)
        return desk

    def _caller(self) -> _Caller | None:
        desk, caller = self._desk(), _caller.get()
        while caller is not None and (caller.desk is not desk or not caller.present):
            caller = caller.outer
        return caller


class Client:
    """One model as conversations call it: one request in, one result or exception out.

    Made by :meth:`Scheduler.client`.

    Attributes:
        model: the model behind it.
    """

    def __init__(self, model: Model, scheduler: Scheduler) -> None:
        self.model, self._scheduler = model, scheduler
        self._usage, self._lock = Usage(), threading.Lock()

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def batching(self) -> Batching:
        """How the model likes its requests."""
        return self.model.batching

    @property
    def features(self) -> frozenset[str]:
        """What the model can do."""
        return self.model.features

    @property
    def usage(self) -> Usage:
        """What all calls through this client cost so far, failed and abandoned ones included."""
        return self._usage

    def check(self, request: GenerateRequest) -> None:
        """Refuse a request that asks for what the model cannot do.

        Raises:
            UnsupportedFeatureError: naming the missing features.
        """
        asked = (
            ("tools", request.tools),
            ("schema", request.schema),
            ("logprobs", request.logprobs),
            ("interventions", request.interventions),
        )
        missing = [feature for feature, value in asked if value and feature not in self.model.features]
        if missing:
            raise UnsupportedFeatureError(
                f"{self.name} cannot do {' or '.join(missing)}; "
                f"it offers: {', '.join(sorted(self.features)) or 'plain text only'}. Choose another model."
            )

    async def complete(self, request: GenerateRequest) -> GenerateResult:
        """Answer one request.

        Raises:
            LLMError: the failure of this request.
            UnsupportedFeatureError: if the model cannot do what the request asks for.
        """
        self.check(request)
        result = await self._scheduler._desk().lane(self).answer(request, self._scheduler._caller())
        if result.error is not None:
            raise self._named(result.error, request)
        return result

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces, the last with the whole result; in one piece if the model cannot stream.

        The model's answer is read as fast as it comes, however slowly it is consumed, so a stalled reader keeps
        nobody else waiting.

        Raises:
            LLMError: the failure of this request, possibly after some pieces.
            UnsupportedFeatureError: if the model cannot do what the request asks for.
        """
        if "stream" not in self.features:
            result = await self.complete(request)
            yield StreamChunk(text=result.text, thinking=result.thinking or "", result=result)
            return
        self.check(request)
        lane = self._scheduler._desk().lane(self)
        async with closing(lane.stream(request, self._scheduler._caller())) as chunks:
            async for chunk in chunks:
                if chunk.result is not None and chunk.result.error is not None:
                    raise self._named(chunk.result.error, request)
                yield chunk

    def _count(self, usage: Usage) -> None:
        with self._lock:
            self._usage = self._usage + usage

    def _named(self, error: LLMError, request: GenerateRequest) -> LLMError:
        return as_llm_error(error, backend=self.name, request_key=request.key)

    def __repr__(self) -> str:
        return f"Client({self.name!r})"


class _Caller:
    """A live conversation, as one scheduler sees it in one event loop."""

    def __init__(self, desk: _Desk, outer: _Caller | None) -> None:
        self.desk, self.outer = desk, outer
        self.present, self.blocks = False, 0

    def enter(self) -> None:
        self.present = True
        self.desk.active += 1

    def leave(self) -> None:
        self.present = False
        self.desk.active -= not self.blocks
        self.desk.consider()

    def block(self) -> None:
        self.blocks += 1
        if self.blocks == 1 and self.present:
            self.desk.active -= 1
            self.desk.consider()

    def unblock(self) -> None:
        self.blocks -= 1
        if not self.blocks and self.present:
            self.desk.active += 1


_caller: ContextVar[_Caller | None] = ContextVar("sdialog_caller", default=None)


class _Desk:
    """The scheduler's state in one event loop; ``active`` counts live conversations that wait for nothing."""

    def __init__(self, concurrency: int, max_batch: int) -> None:
        self.concurrency, self.max_batch = concurrency, max_batch
        self.active, self.lanes = 0, dict[int, _Lane]()
        self._considering = False

    def lane(self, client: Client) -> _Lane:
        lane = self.lanes.get(id(client))
        if lane is None:
            make = _BatchedLane if client.batching == "batched" else _ConcurrentLane
            lane = self.lanes[id(client)] = make(client, self)
        return lane

    def consider(self) -> None:
        """Look for batches to run, but only after every task that is ready now has had its turn."""
        if not self._considering:
            self._considering = True
            asyncio.get_running_loop().call_soon(self._consider)

    def _consider(self) -> None:
        self._considering = False
        for lane in self.lanes.values():
            if isinstance(lane, _BatchedLane) and lane.due():
                lane.start()


class _Lane:
    """The way to one model in one event loop."""

    def __init__(self, client: Client, desk: _Desk) -> None:
        self.client, self.desk = client, desk
        self.slots = asyncio.Semaphore(1 if client.batching == "batched" else desk.concurrency)

    async def answer(self, request: GenerateRequest, caller: _Caller | None) -> GenerateResult:
        raise NotImplementedError

    async def stream(self, request: GenerateRequest, caller: _Caller | None) -> AsyncIterator[StreamChunk]:
        chunks: asyncio.Queue[StreamChunk | BaseException | None] = asyncio.Queue()
        pump = asyncio.create_task(self._pump(request, chunks))
        if caller is not None:
            caller.block()
        try:
            while (chunk := await chunks.get()) is not None:
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk
        finally:
            pump.cancel()
            if caller is not None:
                caller.unblock()

    async def _pump(self, request: GenerateRequest, chunks: asyncio.Queue[StreamChunk | BaseException | None]) -> None:
        try:
            async with self.slots, closing(pieces(self.client.model, request)) as found:
                async for chunk in found:
                    if chunk.result is not None:
                        self.client._count(chunk.result.usage)
                    chunks.put_nowait(chunk)
            chunks.put_nowait(None)
        except BaseException as error:
            chunks.put_nowait(error)
            if not isinstance(error, Exception):
                raise


class _ConcurrentLane(_Lane):
    """Each request on its own, as many at once as there are slots."""

    async def answer(self, request: GenerateRequest, caller: _Caller | None) -> GenerateResult:
        if caller is not None:
            caller.block()
        try:
            async with self.slots:
                (result,) = await answers(self.client.model, [request])
        finally:
            if caller is not None:
                caller.unblock()
        self.client._count(result.usage)
        return result


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request in a batched lane and who waits for it."""

    request: GenerateRequest
    caller: _Caller | None
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


class _BatchedLane(_Lane):
    """Requests gather until nobody is left who could add one; then they run together, one batch at a time."""

    def __init__(self, client: Client, desk: _Desk) -> None:
        super().__init__(client, desk)
        self.queue: list[_Waiting] = []
        self.runner: asyncio.Task[None] | None = None

    async def answer(self, request: GenerateRequest, caller: _Caller | None) -> GenerateResult:
        waiting = _Waiting(request, caller, asyncio.get_running_loop().create_future())
        self.queue.append(waiting)
        waiting.block()
        self.desk.consider()
        try:
            return await waiting.future
        finally:
            waiting.unblock()
            if waiting in self.queue:
                self.queue.remove(waiting)

    def due(self) -> bool:
        """Whether to run now; a caller that is not live may be what a live one waits for, so it never has to wait."""
        if self.runner is not None or not self.queue:
            return False
        if self.desk.active <= 0 or len(self.queue) >= self.desk.max_batch:
            return True
        return not all(waiting.of_live_caller for waiting in self.queue)

    def start(self) -> None:
        # The batch belongs to no conversation in it, so it runs in a context of its own.
        self.runner = asyncio.get_running_loop().create_task(self._run(), context=Context())

    async def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            async with self.slots:
                batch, self.queue = self.queue[: self.desk.max_batch], self.queue[self.desk.max_batch :]
                # The same set of requests makes the same batch, whichever conversation happened to ask first.
                batch.sort(key=lambda waiting: waiting.request.key)
                await self._answer(batch)
        finally:
            for waiting in batch:
                waiting.unblock()
                waiting.future.cancel()
            self.runner = None
            self.desk.consider()

    async def _answer(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            results = await answers(self.client.model, [waiting.request for waiting in batch])
        except Exception as error:  # noqa: BLE001 - handed to every waiting caller, who raises it
            for waiting in batch:
                waiting.unblock()
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        for waiting, result in zip(batch, results, strict=True):
            self.client._count(result.usage)
            waiting.unblock()
            if not waiting.future.done():
                waiting.future.set_result(result)
