"""Answers kept on disk, found again by what was asked."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from sdialog.core.shelf import Shelf
from sdialog.llm.canonical import request_hash, result_from_json, result_json
from sdialog.llm.failures import answers
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage


class Cached(Wrapper):
    """Answers a request it has seen before from a SQLite file, without running the model.

    A request is known by the hash of the model's identity and everything that is asked, sampling options and seed
    included; its key and session are not part of it. Errors are never kept, nor are requests with interventions,
    nor answers of models without an identity (plain functions). A result found is marked ``cached`` and costs
    nothing. The file may be shared by threads and processes.

    Args:
        model: the model inside.
        path: the SQLite file, or a :class:`Cache` that several models share; made when first used.

    Raises:
        ConfigError: on use, if the file is no cache or cannot be written.

    Example:
        >>> import tempfile
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = Cached(ScriptedModel(["Hi"]), Path(folder) / "cache.sqlite")
        ...     found = [run(model.generate([GenerateRequest(())]))[0].cached for _ in range(2)]
        ...     run(model.aclose())
        >>> found
        [False, True]
    """

    def __init__(self, model: Model, path: str | Path | Cache) -> None:
        super().__init__(model)
        self.cache = path if isinstance(path, Cache) else Cache(path)

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request, the known ones from the file."""
        keys = [self._key(request) for request in requests]
        wanted = [key for key in keys if key is not None]
        known = await asyncio.to_thread(self.cache.find, wanted) if wanted else {}
        missing = [row for row, key in enumerate(keys) if key not in known]
        fresh = await answers(self.inner, [requests[row] for row in missing]) if missing else []
        await self._keep([(keys[row], result) for row, result in zip(missing, fresh, strict=True)])
        asked = dict(zip(missing, fresh, strict=True))
        return [asked[row] if row in asked else known[str(key)] for row, key in enumerate(keys)]

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces; a known one comes in one piece."""
        key = self._key(request)
        known = await asyncio.to_thread(self.cache.find, [key]) if key is not None else {}
        if known:
            (result,) = known.values()
            yield StreamChunk(result.text, result.thinking or "", result)
            return
        async with closing(pieces(self.inner, request)) as chunks:
            async for chunk in chunks:
                if chunk.result is not None:
                    await self._keep([(key, chunk.result)])
                yield chunk

    async def aclose(self) -> None:
        """Close the file and the model inside."""
        self.cache.close()
        await super().aclose()

    def _key(self, request: GenerateRequest) -> str | None:
        identity = self.identity
        return None if identity is None or request.interventions else request_hash(identity, request)

    async def _keep(self, pairs: Sequence[tuple[str | None, GenerateResult]]) -> None:
        good = {key: r for key, r in pairs if key is not None and r.error is None and not r.captures}
        if good:
            await asyncio.to_thread(self.cache.keep, self.name, good)


class Cache:
    """The SQLite file behind :class:`Cached`: results by hash.

    Args:
        path: the file; its folder is made if need be.
    """

    def __init__(self, path: str | Path) -> None:
        self._shelf = Shelf(path)

    @property
    def path(self) -> Path:
        """The file."""
        return self._shelf.path

    def find(self, hashes: Sequence[str]) -> dict[str, GenerateResult]:
        """Return the results that are there, by hash.

        Raises:
            ConfigError: if the file is no cache.
        """
        found = {key: result_from_json(kept) for key, kept in self._shelf.find(hashes).items()}
        return {key: dataclasses.replace(result, usage=Usage(), cached=True) for key, result in found.items()}

    def keep(self, model: str, results: Mapping[str, GenerateResult]) -> None:
        """Store results by hash; what is there already stays.

        Raises:
            ConfigError: if the file cannot be written.
        """
        self._shelf.keep(model, {key: result_json(result) for key, result in results.items()})

    def close(self) -> None:
        """Close the file; it is opened again when used again."""
        self._shelf.close()
