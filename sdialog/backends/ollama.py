"""``ollama:`` — models of an Ollama server, through its own client."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sdialog.backends._remote import (
    RemoteBackend,
    bad_body,
    from_environment,
    no_answer,
    reading,
    secret_headers,
    small_seed,
    status_error,
)
from sdialog.core.errors import LLMError, LLMTimeoutError, ServerError
from sdialog.core.optional import available, need
from sdialog.llm.protocol import backends
from sdialog.llm.types import (
    GenerateConfig,
    GenerateRequest,
    GenerateResult,
    Message,
    StreamChunk,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)

_log = logging.getLogger("sdialog")

_DEFAULT_HOST = "http://127.0.0.1:11434"
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "max_tokens": "num_predict",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "repetition_penalty": "repeat_penalty",
}
_PROPERTY_KEYS = ("type", "items", "description", "enum")


@backends.register("ollama")
class OllamaBackend(RemoteBackend):
    """A model of an Ollama server.

    No process is started and nothing is downloaded unless ``pull=True``. Options that are not set are left to the
    model's own Modelfile. Further options (``num_ctx``, ``mirostat``, ...) go into Ollama's ``options`` as they are;
    ``think`` among them may be a level such as ``"high"``. Conversations are sent exactly as they are, system messages
    in their places. Seeds are sent modulo 2**31. Ollama gives tool calls no ids; here they are numbered through a
    conversation. Its client keeps only the outer part of a tool's schema, so nested parts go into descriptions.

    Args:
        model: the model's name there, such as ``qwen3:14b`` or ``hf.co/org/model``.
        base_url: address of the server; else ``OLLAMA_HOST``, else ``http://127.0.0.1:11434``.
        timeout: seconds one call may take, loading the model included; for a stream, seconds to wait for the next
            piece.
        pull: download a model that is not there.
        keep_alive: how long the server keeps the model loaded, such as ``"10m"`` or -1 for always.
        max_connections: most connections open at a time.
        default_headers: headers to add to every request.
        api_key: key of a server that wants one; else ``OLLAMA_API_KEY``.
        host: another name for ``base_url``.

    Example:
        >>> OllamaBackend("qwen3:14b")
        OllamaBackend('ollama:qwen3:14b')
    """

    prefix: ClassVar[str] = "ollama"
    package = "ollama"
    features = frozenset({"tools", "schema", "stream", "logprobs", "thinking", "seed"})

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        timeout: float = 300.0,
        pull: bool = False,
        keep_alive: float | str | None = None,
        max_connections: int = 256,
        default_headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        host: str | None = None,
    ) -> None:
        key = (api_key or from_environment("OLLAMA_API_KEY") or "").strip()
        super().__init__(model, timeout=timeout, secrets=[key, *secret_headers(default_headers)])
        self.address = self._host = base_url or host or from_environment("OLLAMA_HOST")
        self._pull, self._keep_alive, self._max_connections = pull, keep_alive, max_connections
        self._headers = {**({"authorization": f"Bearer {key}"} if key else {}), **(default_headers or {})}
        self._ollama = need("ollama", extra=self.extra, why=f"use {self.name}")
        self._http = need("httpx", extra=self.extra, why=f"use {self.name}")

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing: the package, or a server that answers at ``OLLAMA_HOST``; None when both are there."""
        if not available(cls.package):
            return "the package ollama is not installed"
        address = from_environment("OLLAMA_HOST") or _DEFAULT_HOST
        split = urlsplit(address if "//" in address else f"//{address}")
        port = split.port or {"http": 80, "https": 443}.get(split.scheme, 11434)
        try:
            socket.create_connection((split.hostname or "127.0.0.1", port), timeout=0.5).close()
        except OSError:
            return f"no server answers at {address}: start one with 'ollama serve', or give OLLAMA_HOST or base_url="
        return None

    def _connect(self) -> Any:
        limits = self._http.Limits(
            max_connections=self._max_connections, max_keepalive_connections=self._max_connections
        )
        timeout = self._http.Timeout(None, connect=min(10.0, self.timeout))
        return self._ollama.AsyncClient(host=self._host, headers=self._headers, limits=limits, timeout=timeout)

    async def _close(self, client: Any) -> None:
        await client.close()

    def _call(self, request: GenerateRequest) -> dict[str, Any]:
        extra = dict(request.config.extra)
        return {
            "model": self.model,
            "messages": [message_dict(m) for m in request.messages],
            "tools": [tool_dict(tool) for tool in request.tools] or None,
            "think": extra.pop("think", request.think),
            "format": dict(request.schema) if request.schema is not None else None,
            "logprobs": None if request.logprobs is None else True,
            "top_logprobs": request.logprobs or None,
            "keep_alive": self._keep_alive,
            "options": {**options_of(request.config), **extra},
        }

    async def _send(self, client: Any, request: GenerateRequest) -> GenerateResult:
        call = self._call(request)
        with reading():
            reply = await client.chat(**call)
            return self._result([reply], request)

    async def _send_stream(self, client: Any, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        parts = []
        async with contextlib.aclosing(await client.chat(**self._call(request), stream=True)) as stream:
            async for part in stream:
                parts.append(part)
                text, thinking = part.message.content or "", part.message.thinking or ""
                if text or thinking:
                    yield StreamChunk(text=text, thinking=thinking)
        with reading():
            result = self._result(parts, request)
        yield StreamChunk(result=result)

    def _result(self, parts: Sequence[Any], request: GenerateRequest) -> GenerateResult:
        if not parts or not parts[-1].done:
            raise bad_body("it ended before the reply did")
        last = parts[-1]
        if last.done_reason == "load":
            raise bad_body("the model was loaded and said nothing")
        before = sum(len(m.tool_calls) for m in request.messages)
        calls = [call for part in parts for call in part.message.tool_calls or ()]
        logprobs = [entry for part in parts for entry in part.logprobs or ()]
        return GenerateResult(
            text="".join(part.message.content or "" for part in parts),
            thinking="".join(part.message.thinking or "" for part in parts) or None,
            tool_calls=tuple(
                ToolCall(f"call_{before + i}", call.function.name, dict(call.function.arguments))
                for i, call in enumerate(calls)
            ),
            finish_reason="tool_calls" if calls else "length" if last.done_reason == "length" else "stop",
            usage=Usage(1, last.prompt_eval_count or 0, last.eval_count or 0),
            model=last.model or self.model,
            logprobs=tuple(
                TokenLogprob(e.token, e.logprob, tuple((t.token, t.logprob) for t in e.top_logprobs or ()))
                for e in logprobs
            )
            or None,
        )

    async def _mend(self, problem: LLMError, attempt: int, left_out: frozenset[str]) -> bool:
        if not self._pull or attempt or problem.status != 404:
            return False
        _log.warning("%s is not at the server yet; pulling it", self.name)
        try:
            await self._clients.get().pull(self.model)
        except (self._ollama.ResponseError, self._http.HTTPError, OSError) as error:
            problem.message = self._masked(f"pulling the model failed: {error}")
            return False
        return True

    def _explain(self, error: Exception) -> LLMError | None:
        if isinstance(error, self._ollama.ResponseError):
            if error.status_code == 404:
                return LLMError(f"{error.error}. Get the model with: ollama pull {self.model}", status=404)
            if error.status_code < 0:
                return ServerError(f"the server gave up in the middle of the reply: {error.error}")
            return status_error(error.status_code, str(error.error))
        if isinstance(error, self._http.TimeoutException):
            return LLMTimeoutError(f"no answer from {self._address()} in time; timeout= sets the limit")
        if isinstance(error, (self._http.HTTPError, OSError)):
            return no_answer(error, where=self._address())
        if isinstance(error, ValueError):
            return bad_body(f"{type(error).__name__}: {error}")
        return None

    def _address(self) -> str:
        return self._host or _DEFAULT_HOST


def options_of(config: GenerateConfig) -> dict[str, Any]:
    """Return Ollama's ``options`` for the sampling options that are set.

    Example:
        >>> options_of(GenerateConfig(max_tokens=20, stop=("END",)))
        {'num_predict': 20, 'stop': ['END']}
    """
    options = {theirs: getattr(config, ours) for ours, theirs in _OPTIONS.items() if getattr(config, ours) is not None}
    if config.stop:
        options["stop"] = list(config.stop)
    if config.seed is not None:
        options["seed"] = small_seed(config.seed)
    return options


def message_dict(message: Message) -> dict[str, Any]:
    """Return a message in Ollama's format; thinking goes back only with the tool calls it led to."""
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}} for call in message.tool_calls
        ]
        if message.thinking:
            data["thinking"] = message.thinking
    if message.role == "tool" and message.name:
        data["tool_name"] = message.name
    return data


def tool_dict(tool: ToolSpec) -> dict[str, Any]:
    """Return a tool in the part of JSON schema that Ollama's client keeps."""
    schema = tool.parameters
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {name: _property(part) for name, part in schema.get("properties", {}).items()},
    }
    parameters |= {name: schema[name] for name in ("required", "$defs") if name in schema}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def _property(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: schema[key] for key in _PROPERTY_KEYS if key in schema}
    rest = {key: value for key, value in schema.items() if key not in (*_PROPERTY_KEYS, "title")}
    choices = rest.get("anyOf") or ()
    if choices and all(set(choice) == {"type"} for choice in choices):
        kept["type"] = [choice["type"] for choice in choices]
        del rest["anyOf"]
    if rest:
        said = f"JSON schema: {json.dumps(rest, ensure_ascii=False)}"
        kept["description"] = f"{kept['description']} ({said})" if kept.get("description") else said
    return kept
