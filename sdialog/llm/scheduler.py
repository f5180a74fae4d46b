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

from sdialog.core.errors import ConfigError, LLMError, UnsupportedFeatureError
from sdialog.llm.failures import as_llm_error
from sdialog.llm.lanes import Caller, Desk, Lane, blocked, current
from sdialog.llm.protocol import Batching, Model
from sdialog.llm.streams import closing
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
        self._desks: dict[asyncio.AbstractEventLoop, Desk] = {}
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
        caller = Caller(self._desk(), current.get())
        with blocked(self._caller()):
            token = current.set(caller)
            caller.enter()
            try:
                yield
            finally:
                caller.leave()
                current.reset(token)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Say that this conversation is busy elsewhere, say in a slow tool, and that nobody should wait for it."""
        with blocked(self._caller()):
            yield

    async def aclose(self) -> None:
        """Close the connections of every model it served."""
        for client in self.clients:
            close = getattr(client.model, "aclose", None)
            if close is not None:
                await close()

    def _desk(self) -> Desk:
        loop = asyncio.get_running_loop()
        desk = self._desks.get(loop)
        if desk is None:
            with self._lock:
                self._desks = {old: kept for old, kept in self._desks.items() if not old.is_closed()}
                desk = self._desks[loop] = Desk(self.concurrency, self.max_batch)
        return desk

    def _caller(self) -> Caller | None:
        desk, caller = self._desk(), current.get()
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
        """What all calls through this client cost so far, failed ones included, but not those given up unanswered."""
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
        result = await self._lane().answer(request, self._scheduler._caller())
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
        async with closing(self._lane().stream(request, self._scheduler._caller())) as chunks:
            async for chunk in chunks:
                if chunk.result is not None and chunk.result.error is not None:
                    raise self._named(chunk.result.error, request)
                yield chunk

    def _lane(self) -> Lane:
        return self._scheduler._desk().lane(self.model, self._count)

    def _count(self, usage: Usage) -> None:
        with self._lock:
            self._usage = self._usage + usage

    def _named(self, error: LLMError, request: GenerateRequest) -> LLMError:
        return as_llm_error(error, backend=self.name, request_key=request.key)

    def __repr__(self) -> str:
        return f"Client({self.name!r})"
