"""Trying again when a failure may pass."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from sdialog.core.errors import ConfigError, LLMError
from sdialog.llm.failures import annotated, answers
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage


class Retry(Wrapper):
    """Asks again for the rows whose error is ``retryable``, after exponential back-off with full jitter.

    Before try k + 1 it waits a random time between 0 and ``min(cap, base * 2**(k - 1))`` seconds ("Exponential
    Backoff And Jitter", Brooker, AWS Architecture Blog, 2015), but never less than the service's ``Retry-After``.
    Rows that succeeded, or failed for good, are not asked again.

    Args:
        model: the model inside.
        attempts: most tries a request gets, the first included.
        base: bound of the first wait, in seconds.
        cap: bound of every wait without ``Retry-After``, in seconds.
        patience: longest ``Retry-After`` worth waiting for, in seconds; a longer one ends the tries.
        rng: source of the jitter; waits change when things happen, never what is said.
        sleep: how to wait.

    Raises:
        ConfigError: if ``attempts`` is below 1 or a time is negative.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.errors import ServerError
        >>> from sdialog.core.sync import run
        >>> (result,) = run(Retry(ScriptedModel([ServerError("HTTP 503")]), attempts=2, base=0).generate(
        ...     [GenerateRequest(())]))
        >>> print(result.error)
        [scripted:list] HTTP 503 (after 2 attempts)
    """

    def __init__(
        self,
        model: Model,
        attempts: int = 6,
        base: float = 0.5,
        cap: float = 30.0,
        *,
        patience: float = 120.0,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(model)
        if attempts < 1 or min(base, cap, patience) < 0:
            raise ConfigError(
                f"Retry needs attempts >= 1 and times >= 0; got {attempts=}, {base=}, {cap=}, {patience=}"
            )
        self.attempts, self.base, self.cap, self.patience = attempts, base, cap, patience
        self._rng, self._sleep = rng or random.Random(), sleep

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request, asking again for those that may yet succeed."""
        results = await answers(self.inner, requests)
        for attempt in range(1, self.attempts):
            again = [row for row, result in enumerate(results) if self._may_pass(result.error)]
            if not again:
                break
            await self._sleep(max(self._wait(results[row].error, attempt) for row in again))
            retried = await answers(self.inner, [requests[row] for row in again])
            for row, result in zip(again, retried, strict=True):
                results[row] = _after(result, attempt + 1, results[row].usage)
        return results

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces; tried again only as long as no piece has been passed on."""
        spent = Usage()
        for attempt in range(1, self.attempts + 1):
            begun, error = False, None
            async with closing(pieces(self.inner, request)) as chunks:
                async for chunk in chunks:
                    result = chunk.result
                    error = None if result is None else result.error
                    if not begun and attempt < self.attempts and result is not None and self._may_pass(error):
                        spent = spent + result.usage
                        break
                    begun = True
                    yield (
                        chunk
                        if result is None
                        else StreamChunk(chunk.text, chunk.thinking, _after(result, attempt, spent))
                    )
                else:
                    return
            await self._sleep(self._wait(error, attempt))

    def _may_pass(self, error: LLMError | None) -> bool:
        return error is not None and error.retryable and (getattr(error, "retry_after", None) or 0) <= self.patience

    def _wait(self, error: LLMError | None, attempt: int) -> float:
        jitter = self._rng.uniform(0, min(self.cap, self.base * 2 ** (attempt - 1)))
        asked = getattr(error, "retry_after", None)
        # Jitter comes on top of the wish, or all who were refused together would come back together.
        return jitter if asked is None else float(asked) + jitter


def _after(result: GenerateResult, attempts: int, spent: Usage) -> GenerateResult:
    """Return the result of the last attempt with the cost of all of them, and their number in its error."""
    error = result.error
    if error is not None and attempts > 1:
        error = annotated(error, f"(after {attempts} attempts)")
    return dataclasses.replace(result, error=error, usage=spent + result.usage)
