"""``anthropic:`` — Claude, through Anthropic's messages."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar

from sdialog.backends._remote import (
    Recall,
    RemoteBackend,
    bad_body,
    from_environment,
    no_answer,
    read_arguments,
    reading,
    secret_headers,
    status_error,
)
from sdialog.backends._turns import Exchange, alternate, known_tools
from sdialog.core.errors import AuthenticationError, LLMError, LLMTimeoutError
from sdialog.core.optional import available, need
from sdialog.llm.failures import retry_after
from sdialog.llm.protocol import backends
from sdialog.llm.types import FinishReason, GenerateRequest, GenerateResult, StreamChunk, Usage

MAX_TOKENS = 4096
THINKING_TOKENS = 2048

_FINISH: dict[str | None, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@backends.register("anthropic")
class AnthropicBackend(RemoteBackend):
    """A Claude model.

    Anthropic has no seed, no penalties, no ``min_p`` and no logprobs: they are left out. Where ``max_tokens`` is not
    set, 4096 is sent, since one is demanded. Turns are made to alternate (see ``sdialog.backends._turns``): a later
    system message becomes a marked part of the user message beside it. With ``think=True``, sampling options are left
    out, as Anthropic demands, and 2048 tokens are added for the thinking of models that want a number; signed thinking
    goes back with the tool output it led to. Further options go into the request's body as they are, and options a
    model does not take are left out from then on, with one warning.

    Args:
        model: the model's name, such as ``claude-sonnet-4-5``.
        api_key: else ``ANTHROPIC_API_KEY``.
        auth_token: bearer token in place of a key; else ``ANTHROPIC_AUTH_TOKEN``.
        base_url: else ``ANTHROPIC_BASE_URL``.
        timeout: seconds one call may take; for a stream, seconds to wait for the next piece.
        max_connections: most connections open at a time, all kept alive.
        default_headers: headers to add to every request.

    Example:
        >>> AnthropicBackend("claude-sonnet-4-5")
        AnthropicBackend('anthropic:claude-sonnet-4-5')
    """

    prefix: ClassVar[str] = "anthropic"
    package = "anthropic"
    extra = "anthropic"
    features = frozenset({"tools", "schema", "stream", "thinking"})
    refusable = frozenset({"temperature", "top_p", "top_k", "adaptive", "enabled", "disabled", "output_config"})

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        base_url: str | None = None,
        timeout: float = 120.0,
        max_connections: int = 256,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._key = (api_key or ("" if auth_token else from_environment("ANTHROPIC_API_KEY")) or "").strip()
        self._token = auth_token or ("" if self._key else from_environment("ANTHROPIC_AUTH_TOKEN") or "")
        super().__init__(model, timeout=timeout, secrets=[self._key, self._token, *secret_headers(default_headers)])
        self.address = self._base_url = base_url or from_environment("ANTHROPIC_BASE_URL")
        self._max_connections, self._headers = max_connections, default_headers
        self._recall = Recall()
        self._anthropic = need("anthropic", extra=self.extra, why=f"use {self.name}")
        # As in openai.py: the SDK's own HTTP library, whichever of the two it is.
        self._http = sys.modules[self._anthropic.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]]

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing to use Anthropic, or None."""
        if not available(cls.package):
            return "the package anthropic is not installed: pip install 'sdialog[anthropic]'"
        if not from_environment("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
            return "no key: set ANTHROPIC_API_KEY, or give api_key="
        return None

    def _connect(self) -> Any:
        if not self._key and not self._token:
            raise AuthenticationError("no key: set ANTHROPIC_API_KEY, or give api_key=")
        limits = self._http.Limits(
            max_connections=self._max_connections, max_keepalive_connections=self._max_connections
        )
        timeout = self._http.Timeout(self.timeout, connect=min(10.0, self.timeout))
        credential = {"api_key": self._key} if self._key else {"auth_token": self._token}
        return self._anthropic.AsyncAnthropic(
            base_url=self._base_url,
            max_retries=0,
            default_headers=self._headers,
            http_client=self._anthropic.DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
            **credential,
        )

    async def _close(self, client: Any) -> None:
        await client.close()

    def _body(self, request: GenerateRequest, stream: bool = False) -> dict[str, Any]:
        config = request.config
        system, exchanges = alternate(request.messages)
        body: dict[str, Any] = {"model": self.model, "max_tokens": config.max_tokens or MAX_TOKENS}
        for name in ("temperature", "top_p", "top_k"):
            if getattr(config, name) is not None and name not in self.refused:
                body[name] = getattr(config, name)
        body["messages"] = [self._message(exchange) for exchange in exchanges]
        if config.stop:
            body["stop_sequences"] = list(config.stop)
        if tools := known_tools(request):
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in tools
            ]
            if not request.tools:
                body["tool_choice"] = {"type": "none"}
        if request.schema is not None and "output_config" not in self.refused:
            schema = self._anthropic.transform_schema(dict(request.schema))
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        elif request.schema is not None:
            asked = json.dumps(dict(request.schema), ensure_ascii=False)
            system = f"{system}\n\nReply with nothing but JSON that fits this schema: {asked}".strip()
        if system:
            body["system"] = system
        self._set_thinking(body, request)
        if stream:
            body["stream"] = True
        return body | dict(config.extra)

    def _set_thinking(self, body: dict[str, Any], request: GenerateRequest) -> None:
        """Ask for thinking in the words the model takes: newer models choose its length, older ones want a number."""
        if request.think is False and "disabled" not in self.refused:
            body["thinking"] = {"type": "disabled"}
        if not request.think or not self._recall.covers(request):
            return
        if "adaptive" not in self.refused:
            body["thinking"] = {"type": "adaptive"}
        elif "enabled" not in self.refused:
            body["thinking"] = {"type": "enabled", "budget_tokens": THINKING_TOKENS}
            body["max_tokens"] += THINKING_TOKENS
        if "thinking" in body:
            for name in ("temperature", "top_p", "top_k"):
                body.pop(name, None)

    def _message(self, exchange: Exchange) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = []
        for message in exchange.messages:
            if message.role == "tool":
                blocks.append(
                    {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": message.content}
                )
                continue
            if message.tool_calls:
                blocks += self._recall.find(message.tool_calls[0].id) or []
            if message.content.strip():
                blocks.append({"type": "text", "text": message.content})
            blocks += [
                {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
                for call in message.tool_calls
            ]
        if len(blocks) == 1 and blocks[0]["type"] == "text":
            return {"role": exchange.side, "content": blocks[0]["text"]}
        return {"role": exchange.side, "content": blocks}

    async def _send(self, client: Any, request: GenerateRequest) -> GenerateResult:
        response = await client.post("/v1/messages", cast_to=self._http.Response, body=self._body(request))
        with reading():
            return self._result(response.json())

    async def _send_stream(self, client: Any, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        stream = await client.post(
            "/v1/messages",
            cast_to=object,
            body=self._body(request, stream=True),
            stream=True,
            stream_cls=self._anthropic.AsyncStream[object],
        )
        whole: dict[str, Any] = {}
        async with stream:
            async for event in stream:
                with reading():
                    chunk = add_event(whole, event)
                if chunk is not None:
                    yield chunk
        if not whole.get("stop_reason"):
            raise bad_body("the stream ended before the reply did")
        with reading():
            result = self._result(whole)
        yield StreamChunk(result=result)

    def _result(self, data: Mapping[str, Any]) -> GenerateResult:
        if data.get("type") == "error":
            raise status_error(None, str(data["error"]["message"]), code=str(data["error"].get("type")))
        blocks = data["content"]
        if not blocks and data.get("stop_reason") not in ("end_turn", "stop_sequence", "refusal", "max_tokens"):
            raise bad_body("it holds no content")
        calls = tuple(
            read_arguments(block["id"], block["name"], block["input"])
            for block in blocks
            if block["type"] == "tool_use"
        )
        signed = [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]
        if calls and signed:
            self._recall.keep(calls[0].id, signed)
        usage = data.get("usage") or {}
        cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
        return GenerateResult(
            text="".join(block["text"] for block in blocks if block["type"] == "text"),
            thinking="\n".join(block["thinking"] for block in blocks if block["type"] == "thinking") or None,
            tool_calls=calls,
            finish_reason=_FINISH.get(data.get("stop_reason"), "stop"),
            usage=Usage(1, (usage.get("input_tokens") or 0) + cached, usage.get("output_tokens") or 0),
            model=data.get("model") or self.model,
        )

    def _explain(self, error: Exception) -> LLMError | None:
        sdk = self._anthropic
        if isinstance(error, sdk.APIStatusError):
            body = error.body if isinstance(error.body, Mapping) else {}
            inner = body.get("error")
            said = inner if isinstance(inner, Mapping) else {}
            status, code = error.status_code, str(said.get("type") or "")
            if status == 200:  # an error inside a stream
                status = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500}.get(code, 500)
            message = str(said.get("message") or error.message)
            return status_error(status, message, code=code, retry_after=retry_after(error.response.headers))
        if isinstance(error, sdk.APITimeoutError):
            return LLMTimeoutError(f"no answer from {self._address()} in time; timeout= sets the limit")
        if isinstance(error, sdk.APIConnectionError):
            return no_answer(error.__cause__ or error, where=self._address())
        if isinstance(error, sdk.AnthropicError):
            return AuthenticationError(str(error))
        if isinstance(error, self._http.HTTPError):
            return no_answer(error, where=self._address())
        return bad_body(str(error)) if isinstance(error, json.JSONDecodeError) else None

    def _address(self) -> str:
        return self._base_url or "api.anthropic.com"


def add_event(whole: dict[str, Any], event: Mapping[str, Any]) -> StreamChunk | None:
    """Add a stream's event to the message it builds; return what it adds to the reply, if anything to show."""
    kind = event["type"]
    if kind == "message_start":
        whole |= {**event["message"], "content": []}
    elif kind == "content_block_start":
        whole["content"].append(dict(event["content_block"]))
    elif kind == "content_block_delta":
        block, delta = whole["content"][event["index"]], event["delta"]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
                return StreamChunk(text=delta["text"])
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
                return StreamChunk(thinking=delta["thinking"])
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "input_json_delta":
                # The block starts with an empty object, and its JSON comes in pieces.
                block["input"] = (block["input"] or "") + delta["partial_json"]
    elif kind == "message_delta":
        whole |= event["delta"]
        whole["usage"] = {**(whole.get("usage") or {}), **(event.get("usage") or {})}
    return None
