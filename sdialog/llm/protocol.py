"""The one method every model has, and the base class backends build on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from sdialog.core.registry import Registry
from sdialog.core.secrets import mask
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk

Batching = Literal["concurrent", "batched"]

FEATURES = frozenset({"tools", "schema", "stream", "logprobs", "thinking", "seed", "interventions"})
"""What a backend may say it can do."""


@runtime_checkable
class Model(Protocol):
    """A model: answers a list of requests with a list of results, in order.

    It may also have ``stream`` and ``aclose`` as :class:`Backend` has them. Plain attributes will do for the three
    properties.
    """

    @property
    def name(self) -> str:
        """Full name, such as ``openai:gpt-4.1``."""
        ...

    @property
    def batching(self) -> Batching:
        """``concurrent`` if requests are best sent one by one side by side (remote services), ``batched`` if many
        at once are cheaper together (models in this process).
        """
        ...

    @property
    def features(self) -> frozenset[str]:
        """Subset of :data:`FEATURES`."""
        ...

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request; a failed one is a result whose ``error`` is set, never an exception."""
        ...


class Backend:
    """Base of the built-in models: a name, options, and defaults for what is optional.

    A subclass implements :meth:`generate`, sets ``batching`` and ``features``, and registers itself::

        @backends.register("acme")
        class AcmeBackend(Backend):
            features = frozenset({"tools"})

            async def generate(self, requests): ...

    Args:
        model: what follows the prefix in the model's name, such as ``gpt-4.1``.
        options: constructor options of this backend (addresses, keys, devices); sampling options travel with
            each request instead.

    Class attributes:
        prefix: the registered name, put before the model's in ``name``.
        shared: whether everyone who names the same model with the same options gets the same object.
        address: where the service is, set by those that may have several; part of the identity.
    """

    prefix: ClassVar[str] = ""
    shared: ClassVar[bool] = True
    address: str | None = None
    batching: Batching = "concurrent"
    features: frozenset[str] = frozenset()

    def __init__(self, model: str, **options: Any) -> None:
        self.model = model
        self.name = f"{self.prefix}:{model}" if self.prefix else model
        self.options: Mapping[str, Any] = options

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request, in order."""
        raise NotImplementedError(f"{type(self).__name__} does not implement generate()")

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces; backends without streaming give it in one piece."""
        (result,) = await self.generate([request])
        yield StreamChunk(text=result.text, thinking=result.thinking or "", result=result)

    async def aclose(self) -> None:
        """Free connections and memory; the model may be used again afterwards."""

    @property
    def identity(self) -> str | None:
        """What decides, besides the request, how it answers: the name, and the address where that may differ.

        A cache answers for another model only if both identities are equal; None says never to. No secret belongs
        in it.
        """
        address = self.address or self.options.get("base_url")
        return f"{self.name}@{mask(str(address))}" if address else self.name

    @property
    def fingerprint(self) -> str | None:
        """Digest of the model itself where that is at hand, such as weights in a folder; None elsewhere."""
        return None

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say why this backend cannot work here (a package or key is missing), or None when it can."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __str__(self) -> str:
        return self.name


backends: Registry[type[Backend]] = Registry("backend", "sdialog.backends")
"""Backends by prefix: the files of ``sdialog/backends`` and installed plug-ins."""
