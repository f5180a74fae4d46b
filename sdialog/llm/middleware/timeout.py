"""Giving up on a model that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from sdialog.core.errors import ConfigError, LLMTimeoutError
from sdialog.llm.failures import answers, failure
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk


class Timeout(Wrapper):
    """Turns a request that takes too long into an ``LLMTimeoutError``.

    Of a concurrent model each request has its own time; a batch of a batched model has it as a whole. A stream is
    given up when no piece came for that long. Work that a model does in a thread cannot be stopped: it ends unheard.

    Args:
        model: the model inside.
        seconds: how long to wait.

    Raises:
        ConfigError: if ``seconds`` is not positive.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> (result,) = run(Timeout(ScriptedModel(["Hi"], delay=60), 0.01).generate([GenerateRequest(())]))
        >>> print(result.error)
        [scripted:list] no answer within 0.01 s
    """

    def __init__(self, model: Model, seconds: float) -> None:
        super().__init__(model)
        if not seconds > 0:
            raise ConfigError(f"a timeout must be a positive number of seconds, not {seconds!r}")
        self.seconds = seconds

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request in time or with an error."""
        if self.batching == "batched" or len(requests) < 2:
            return await self._within(requests)
        rows = await asyncio.gather(*(self._within([request]) for request in requests))
        return [result for (result,) in rows]

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces as long as they keep coming."""
        async with closing(pieces(self.inner, request)) as chunks:
            while True:
                try:
                    async with asyncio.timeout(self.seconds):
                        chunk = await anext(chunks, None)
                except TimeoutError:
                    yield StreamChunk(result=self._late(request))
                    return
                if chunk is None:
                    return
                yield chunk

    async def _within(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        try:
            async with asyncio.timeout(self.seconds):
                return await answers(self.inner, requests)
        except TimeoutError:
            return [self._late(request) for request in requests]

    def _late(self, request: GenerateRequest) -> GenerateResult:
        text = f"no answer within {self.seconds:g} s"
        return failure(LLMTimeoutError(text, backend=self.name, request_key=request.key))
