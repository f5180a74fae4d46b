"""What all wrappers of models share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sdialog.llm.canonical import fingerprint, identity
from sdialog.llm.failures import answers
from sdialog.llm.protocol import Batching, Model
from sdialog.llm.streams import pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk


class Wrapper:
    """A model around a model: passes everything on until a subclass says otherwise.

    Args:
        model: the model inside.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> Wrapper(ScriptedModel(["Hi"]))
        Wrapper(ScriptedModel('scripted:list'))
    """

    def __init__(self, model: Model) -> None:
        self.inner = model

    @property
    def name(self) -> str:
        """Name of the model inside."""
        return self.inner.name

    @property
    def batching(self) -> Batching:
        """How the model inside likes its requests."""
        return self.inner.batching

    @property
    def features(self) -> frozenset[str]:
        """What the model inside can do."""
        return self.inner.features

    @property
    def identity(self) -> str | None:
        """Identity of the model inside."""
        return identity(self.inner)

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the model inside."""
        return fingerprint(self.inner)

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request."""
        return await answers(self.inner, requests)

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces, the last with the result."""
        async for chunk in pieces(self.inner, request):
            yield chunk

    async def aclose(self) -> None:
        """Close the model inside."""
        close = getattr(self.inner, "aclose", None)
        if close is not None:
            await close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"
