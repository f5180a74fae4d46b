"""Streaming from any model, whether or not it can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sdialog.core.errors import UserError
from sdialog.llm.failures import answers, as_llm_error, failure
from sdialog.llm.protocol import Model
from sdialog.llm.types import GenerateRequest, StreamChunk


async def pieces(model: Model, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
    """Yield a reply in pieces, the last of which carries the result; a failure is that result's error.

    Args:
        model: any model; one without a ``stream`` method, or without the feature, answers in one piece.
        request: what to ask.

    Raises:
        UserError: what the caller has to mend first.
    """
    stream = getattr(model, "stream", None)
    if stream is None or "stream" not in model.features:
        (result,) = await answers(model, [request])
        yield StreamChunk(text=result.text, thinking=result.thinking or "", result=result)
        return
    try:
        async with closing(stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the last chunk carries it on
        yield StreamChunk(result=failure(as_llm_error(error, backend=model.name, request_key=request.key)))


@asynccontextmanager
async def closing(chunks: AsyncIterator[StreamChunk]) -> AsyncIterator[AsyncIterator[StreamChunk]]:
    """Close a stream when the block ends, also when it was not read to its end, so that the model stops at once."""
    try:
        yield chunks
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
