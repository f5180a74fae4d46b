"""``openai:`` — OpenAI's chat completions, and every server that speaks them (vLLM, SGLang, llama.cpp, ...)."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sdialog.backends._openai_wire import REFUSABLE, Assembly, body_of, result_of
from sdialog.backends._remote import (
    RemoteBackend,
    bad_body,
    from_environment,
    hide_in_log,
    no_answer,
    reading,
    secret_headers,
    status_error,
)
from sdialog.core.errors import AuthenticationError, LLMError, LLMTimeoutError
from sdialog.core.optional import available, need
from sdialog.llm.failures import retry_after
from sdialog.llm.protocol import backends
from sdialog.llm.structured import with_schema
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk

_PATH = "/chat/completions"
_NO_KEY = "none"


class ChatCompletions(RemoteBackend):
    """What ``openai:`` and ``azure:`` share: one format, one SDK.

    Answers are read as plain JSON through the SDK's documented ``client.post``: building its typed objects, only to
    take them apart again, would cost as much as everything else of a call.
    """

    package = "openai"
    features = frozenset({"tools", "schema", "stream", "logprobs", "thinking", "seed"})
    refusable = REFUSABLE
    official: bool = True

    def __init__(
        self,
        model: str,
        *,
        timeout: float,
        max_connections: int,
        default_headers: Mapping[str, str] | None,
        default_query: Mapping[str, object] | None,
        secrets: Sequence[str | None],
    ) -> None:
        # A query parameter may be a pass under any name; a version is none, and errors are about it.
        passes = [str(value) for name, value in (default_query or {}).items() if name != "api-version"]
        super().__init__(model, timeout=timeout, secrets=[*secrets, *secret_headers(default_headers), *passes])
        self._openai = need("openai", extra=self.extra, why=f"use {self.name}")
        # The SDK builds on httpx or on its successor, depending on its version; both have the same names.
        self._http = sys.modules[self._openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]]
        hide_in_log(self._http.__name__, passes)
        self._max_connections = max_connections
        self._settings: dict[str, Any] = {"max_retries": 0, "default_headers": default_headers}
        self._settings["default_query"] = default_query

    def _pool(self) -> Any:
        limits = self._http.Limits(
            max_connections=self._max_connections, max_keepalive_connections=self._max_connections
        )
        timeout = self._http.Timeout(self.timeout, connect=min(10.0, self.timeout))
        return self._openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout)

    async def _close(self, client: Any) -> None:
        await client.close()

    def _body(self, request: GenerateRequest, stream: bool = False) -> dict[str, Any]:
        if request.schema is not None and "response_format" in self.refused:
            request = with_schema(request, dict(request.schema), native=False)
        return body_of(request, self.model, official=self.official, refused=self.refused, stream=stream)

    async def _send(self, client: Any, request: GenerateRequest) -> GenerateResult:
        response = await client.post(_PATH, cast_to=self._http.Response, body=self._body(request))
        with reading():
            return result_of(response.json(), self.model)

    async def _send_stream(self, client: Any, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        stream = await client.post(
            _PATH,
            cast_to=object,
            body=self._body(request, stream=True),
            stream=True,
            stream_cls=self._openai.AsyncStream[object],
        )
        assembly = Assembly()
        async with stream:
            async for piece in stream:
                with reading():
                    chunk = assembly.add(piece)
                if chunk is not None:
                    yield chunk
        with reading():
            result = assembly.result(self.model)
        yield StreamChunk(result=result)

    def _explain(self, error: Exception) -> LLMError | None:
        openai = self._openai
        if isinstance(error, openai.APIStatusError):
            return status_error(
                error.status_code,
                _said(error.body) or error.message,
                code=f"{error.code or ''} {error.type or ''}",
                param=error.param,
                retry_after=retry_after(error.response.headers),
            )
        if isinstance(error, openai.APITimeoutError):
            return LLMTimeoutError(f"no answer from {self._address()} in time; timeout= sets the limit")
        if isinstance(error, openai.APIConnectionError):
            return no_answer(error.__cause__ or error, where=self._address())
        if isinstance(error, openai.APIError):
            return status_error(None, error.message, code=f"{error.code or ''} {error.type or ''}")
        if isinstance(error, openai.OpenAIError):
            return AuthenticationError(str(error))
        if isinstance(error, json.JSONDecodeError):
            return bad_body(str(error))
        return None

    def _address(self) -> str:
        raise NotImplementedError


def _said(body: Any) -> str:
    """Return what an error's body says: OpenAI's ``message``, FastAPI's ``detail``, or plain text."""
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or ""
    return body if isinstance(body, str) else json.dumps(body)


@backends.register("openai")
class OpenAIBackend(ChatCompletions):
    """A model behind OpenAI's chat completions format.

    OpenAI's own service takes neither ``top_k``, ``min_p`` nor ``repetition_penalty``: they are left out there, and
    sent to every other server. An option that a server says it does not take (``temperature`` for some reasoning
    models, ``max_tokens`` where ``max_completion_tokens`` is wanted) is left out, or renamed, from then on, with one
    warning; a JSON schema is then told in the prompt. ``GenerateRequest.think`` becomes the chat template's
    ``enable_thinking`` on other servers; on OpenAI's own it is ignored (set ``reasoning_effort`` instead). Further
    options go into the request's body as they are. Seeds are sent modulo 2**31. Conversations are sent exactly as they
    are, system messages in their places.

    Args:
        model: the model's name there, such as ``gpt-4.1``.
        api_key: the key; else ``OPENAI_API_KEY``. Not needed with ``base_url``.
        base_url: address of another server, such as ``http://localhost:8000/v1``; else ``OPENAI_BASE_URL``.
        organization: else ``OPENAI_ORG_ID``.
        project: else ``OPENAI_PROJECT_ID``.
        timeout: seconds one call may take; for a stream, seconds to wait for the next piece.
        max_connections: most connections open at a time, all kept alive.
        default_headers: headers to add to every request.
        default_query: query parameters to add to every request.

    Example:
        >>> OpenAIBackend("qwen3", base_url="http://localhost:8000/v1")
        OpenAIBackend('openai:qwen3')
    """

    prefix: ClassVar[str] = "openai"

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        timeout: float = 120.0,
        max_connections: int = 256,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
    ) -> None:
        self._key = (api_key or from_environment("OPENAI_API_KEY") or "").strip()
        self.address = self._base_url = base_url or from_environment("OPENAI_BASE_URL")
        super().__init__(
            model,
            timeout=timeout,
            max_connections=max_connections,
            default_headers=default_headers,
            default_query=default_query,
            secrets=[self._key],
        )
        host = urlsplit(self._base_url).hostname if self._base_url else "api.openai.com"
        self.official = host is not None and (host == "openai.com" or host.endswith(".openai.com"))
        self._settings |= {"organization": organization, "project": project, "base_url": self._base_url}

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing to use OpenAI's service, or None."""
        if not available(cls.package):
            return "the package openai is not installed"
        if not from_environment("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            return "no key: set OPENAI_API_KEY, or give api_key=, or base_url= of a server that needs none"
        return None

    def _connect(self) -> Any:
        if not self._key and self.official:
            raise AuthenticationError("no key: set OPENAI_API_KEY, or give api_key=, or base_url= of another server")
        return self._openai.AsyncOpenAI(api_key=self._key or _NO_KEY, http_client=self._pool(), **self._settings)

    def _address(self) -> str:
        return self._base_url or "api.openai.com"
