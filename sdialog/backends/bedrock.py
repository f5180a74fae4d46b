"""``aws:`` or ``amazon:`` — models on Amazon Bedrock, through boto3's Converse."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from sdialog.backends._remote import (
    Recall,
    RemoteBackend,
    bad_body,
    from_environment,
    no_answer,
    read_arguments,
    reading,
    status_error,
)
from sdialog.backends._turns import Exchange, alternate, known_tools
from sdialog.core.errors import AuthenticationError, LLMError, LLMTimeoutError, ServerError
from sdialog.core.optional import available, need
from sdialog.llm.failures import retry_after
from sdialog.llm.protocol import backends
from sdialog.llm.types import FinishReason, GenerateRequest, GenerateResult, StreamChunk, Usage

THINKING_TOKENS = 2048

_FINISH: dict[str | None, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_BROKEN = ("malformed_model_output", "malformed_tool_use")
_SECTIONS = frozenset({"guardrailConfig", "promptVariables", "requestMetadata", "performanceConfig", "serviceTier"})
_STREAM_STATUS = {
    "throttlingException": 429,
    "validationException": 400,
    "serviceUnavailableException": 503,
    "internalServerException": 500,
    "modelStreamErrorException": 500,
}


class _Worker:
    """A boto3 client and the threads that use it; the client is made in one of them, since making it takes long."""

    def __init__(self, make: Callable[[], Any], threads: int) -> None:
        self._make, self._lock = make, threading.Lock()
        self._client: Any = None
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sdialog-bedrock")

    async def run(self, work: Callable[[Any], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._ready()))

    def _ready(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def close(self) -> None:
        self._threads.shutdown(wait=False)
        if self._client is not None:
            self._client.close()


@backends.register("bedrock", aliases=("aws", "amazon"))
class BedrockBackend(RemoteBackend):
    """A model on Amazon Bedrock.

    Converse knows ``temperature``, ``top_p``, ``max_tokens`` and ``stop``; there is no seed, no penalty and no
    logprobs, so these are left out, and ``top_k`` is sent to Claude models only. Turns are made to alternate (see
    ``sdialog.backends._turns``): a later system message becomes a marked part of the user message beside it.
    ``think=True`` lets Claude models think; signed thinking goes back with the tool output it led to. Further options
    are sections of Converse (``guardrailConfig``, ...), and go into ``additionalModelRequestFields`` where they are
    not. boto3 blocks, so each call has a thread of its own; a cancelled call ends there by its time limit.

    Args:
        model: model id, inference profile or ARN, such as ``anthropic.claude-3-haiku-20240307-v1:0``.
        region_name: else ``AWS_REGION`` or ``AWS_DEFAULT_REGION``, else that of the profile.
        aws_access_key_id, aws_secret_access_key, aws_session_token: credentials; else boto3 looks in its usual places.
        profile_name: profile of the AWS configuration to use; else ``AWS_PROFILE``.
        endpoint_url: address of another endpoint.
        timeout: seconds one call may take; for a stream, seconds to wait for the next piece.
        max_connections: most calls at a time.
        base_url: another name for ``endpoint_url``.

    Example:
        >>> BedrockBackend("amazon.nova-lite-v1:0")
        BedrockBackend('bedrock:amazon.nova-lite-v1:0')
    """

    prefix: ClassVar[str] = "bedrock"
    package = "boto3"
    extra = "bedrock"
    features = frozenset({"tools", "schema", "stream", "thinking"})
    refusable = frozenset({"temperature", "topP", "top_k", "outputConfig", "thinking"})

    def __init__(
        self,
        model: str,
        *,
        region_name: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        profile_name: str | None = None,
        endpoint_url: str | None = None,
        timeout: float = 120.0,
        max_connections: int = 64,
        base_url: str | None = None,
    ) -> None:
        secrets = (aws_access_key_id, aws_secret_access_key, aws_session_token)
        super().__init__(model, timeout=timeout, secrets=secrets)
        self._session = {
            "region_name": region_name or from_environment("AWS_REGION", "AWS_DEFAULT_REGION"),
            "aws_access_key_id": aws_access_key_id,
            "aws_secret_access_key": aws_secret_access_key,
            "aws_session_token": aws_session_token,
            "profile_name": profile_name,
        }
        self._endpoint, self._max_connections = endpoint_url or base_url, max_connections
        self.address = self._endpoint or self._session["region_name"]
        self._recall = Recall()

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing to use Bedrock, or None; credentials of a cloud machine are not looked for."""
        if not available(cls.package):
            return "the package boto3 is not installed: pip install 'sdialog[bedrock]'"
        names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_WEB_IDENTITY_TOKEN_FILE")
        files = [Path.home() / ".aws" / name for name in ("credentials", "config")]
        if not from_environment(*names) and not any(file.exists() for file in files):
            return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        return None

    def _connect(self) -> Any:
        return _Worker(self._client, self._max_connections)

    def _client(self) -> Any:
        boto3 = need("boto3", extra=self.extra, why=f"use {self.name}")
        config = need("botocore.config", extra=self.extra, why=f"use {self.name}")
        return boto3.session.Session(**self._session).client(
            "bedrock-runtime",
            endpoint_url=self._endpoint,
            config=config.Config(
                retries={"total_max_attempts": 1},
                connect_timeout=min(10.0, self.timeout),
                read_timeout=self.timeout,
                max_pool_connections=self._max_connections,
            ),
        )

    async def _close(self, client: _Worker) -> None:
        client.close()

    def _call(self, request: GenerateRequest) -> dict[str, Any]:
        system, exchanges = alternate(request.messages)
        options, fields = self._options(request)
        call: dict[str, Any] = {"modelId": self.model, "messages": [self._message(e) for e in exchanges]}
        if tools := known_tools(request):
            call["toolConfig"] = {
                "tools": [
                    {
                        "toolSpec": {
                            "name": tool.name,
                            "description": tool.description or tool.name,
                            "inputSchema": {"json": dict(tool.parameters)},
                        }
                    }
                    for tool in tools
                ]
            }
        if request.schema is not None:
            schema = json.dumps(dict(request.schema), ensure_ascii=False)
            if "outputConfig" in self.refused:
                system = f"{system}\n\nReply with nothing but JSON that fits this schema: {schema}".strip()
            else:
                form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "reply"}}}
                call["outputConfig"] = {"textFormat": form}
        if system:
            call["system"] = [{"text": system}]
        for name, value in request.config.extra.items():
            (call if name in _SECTIONS else fields)[name] = value
        if options:
            call["inferenceConfig"] = options
        if fields:
            call["additionalModelRequestFields"] = fields
        return call

    def _options(self, request: GenerateRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the options every model has, and the fields of this model's own."""
        config, claude = request.config, "claude" in self.model
        options: dict[str, Any] = {"temperature": config.temperature, "topP": config.top_p}
        options["maxTokens"] = config.max_tokens
        options["stopSequences"] = list(config.stop) if config.stop else None
        fields: dict[str, Any] = {"top_k": config.top_k if claude else None}
        if claude and request.think and "thinking" not in self.refused and self._recall.covers(request):
            # Claude thinks with sampling left alone only, and within max_tokens.
            options |= {"temperature": None, "topP": None}
            options["maxTokens"] = (config.max_tokens or THINKING_TOKENS) + THINKING_TOKENS
            fields = {"thinking": {"type": "enabled", "budget_tokens": THINKING_TOKENS}}
        kept = {name: value for name, value in options.items() if value is not None and name not in self.refused}
        return kept, {name: value for name, value in fields.items() if value is not None and name not in self.refused}

    def _message(self, exchange: Exchange) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = []
        for message in exchange.messages:
            if message.role == "tool":
                output = [{"text": message.content if message.content.strip() else "(no output)"}]
                blocks.append({"toolResult": {"toolUseId": message.tool_call_id or "", "content": output}})
                continue
            if message.tool_calls:
                blocks += self._recall.find(message.tool_calls[0].id) or []
            if message.content.strip():
                blocks.append({"text": message.content})
            blocks += [
                {"toolUse": {"toolUseId": call.id, "name": call.name, "input": dict(call.arguments)}}
                for call in message.tool_calls
            ]
        return {"role": exchange.side, "content": blocks}

    async def _send(self, client: _Worker, request: GenerateRequest) -> GenerateResult:
        call = self._call(request)
        data = await client.run(lambda bedrock: bedrock.converse(**call))
        with reading():
            return self._result(data["output"]["message"]["content"], data["stopReason"], data.get("usage"))

    async def _send_stream(self, client: _Worker, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        call = self._call(request)
        answer = await client.run(lambda bedrock: bedrock.converse_stream(**call))
        stream = answer["stream"]
        events = iter(stream)
        blocks: dict[int, dict[str, Any]] = {}
        ending: dict[str, Any] = {}
        try:
            while (event := await client.run(lambda _: next(events, None))) is not None:
                with reading():
                    chunk = _add_event(blocks, ending, event)
                if chunk is not None:
                    yield chunk
        finally:
            stream.close()
        if "stopReason" not in ending:
            raise bad_body("the stream ended before the reply did")
        with reading():
            content = [blocks[index] for index in sorted(blocks)]
            result = self._result(content, ending["stopReason"], ending.get("usage"))
        yield StreamChunk(result=result)

    def _result(self, blocks: Sequence[Any], reason: str, usage: Mapping[str, Any] | None) -> GenerateResult:
        used = [block["toolUse"] for block in blocks if "toolUse" in block]
        calls = tuple(read_arguments(use["toolUseId"], use["name"], use["input"]) for use in used)
        text = "".join(block["text"] for block in blocks if "text" in block)
        if reason in _BROKEN and not calls and not text:
            raise ServerError(f"the model gave no reply ({reason})")
        reasoning = [block for block in blocks if "reasoningContent" in block]
        if calls and reasoning:
            self._recall.keep(calls[0].id, reasoning)
        thoughts = [block["reasoningContent"].get("reasoningText", {}).get("text", "") for block in reasoning]
        usage = usage or {}
        cached = (usage.get("cacheReadInputTokens") or 0) + (usage.get("cacheWriteInputTokens") or 0)
        return GenerateResult(
            text=text,
            thinking="\n".join(thoughts) or None,
            tool_calls=calls,
            finish_reason=_FINISH.get(reason, "stop"),
            usage=Usage(1, (usage.get("inputTokens") or 0) + cached, usage.get("outputTokens") or 0),
            model=self.model,
        )

    def _explain(self, error: Exception) -> LLMError | None:
        exceptions = need("botocore.exceptions", extra=self.extra, why=f"use {self.name}")
        if isinstance(error, exceptions.ClientError):  # also errors inside a stream
            told, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
            code = str(told.get("Code") or "")
            status = meta.get("HTTPStatusCode") or _STREAM_STATUS.get(code, 500)
            status = _STREAM_STATUS.get(code, status) if status == 200 else 500 if status == 424 else status
            wait = retry_after(meta.get("HTTPHeaders"))
            return status_error(status, f"{code}: {told.get('Message', '')}", code=code, retry_after=wait)
        if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
            return AuthenticationError(f"{error}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
        if isinstance(error, exceptions.NoRegionError):
            return LLMError("no region: set AWS_REGION, or give region_name=")
        if isinstance(error, exceptions.ParamValidationError):
            return LLMError(str(error), status=400)
        if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
            return LLMTimeoutError(f"no answer in time: {error}; timeout= sets the limit")
        if isinstance(error, exceptions.HTTPClientError):
            return no_answer(error, where=self._endpoint or "Bedrock")
        if isinstance(error, exceptions.ParserError):
            return bad_body(str(error))
        return LLMError(str(error)) if isinstance(error, exceptions.BotoCoreError) else None


def _add_event(blocks: dict[int, Any], ending: dict[str, Any], event: Mapping[str, Any]) -> StreamChunk | None:
    """Add a stream's event to the blocks it builds; return what it adds to the reply, if anything to show."""
    if "contentBlockStart" in event:
        start = event["contentBlockStart"]
        blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
    elif "contentBlockDelta" in event:
        index, delta = event["contentBlockDelta"]["contentBlockIndex"], event["contentBlockDelta"]["delta"]
        if "text" in delta:
            block = blocks.setdefault(index, {"text": ""})
            block["text"] += delta["text"]
            return StreamChunk(text=delta["text"])
        if "toolUse" in delta:
            blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
        elif "reasoningContent" in delta:
            return _add_reasoning(blocks.setdefault(index, {"reasoningContent": {}}), delta["reasoningContent"])
    elif "messageStop" in event:
        ending["stopReason"] = event["messageStop"]["stopReason"]
    elif "metadata" in event:
        ending["usage"] = event["metadata"].get("usage")
    return None


def _add_reasoning(block: dict[str, Any], delta: Mapping[str, Any]) -> StreamChunk | None:
    content = block["reasoningContent"]
    if "redactedContent" in delta:
        content["redactedContent"] = content.get("redactedContent", b"") + delta["redactedContent"]
        return None
    text = content.setdefault("reasoningText", {"text": ""})
    if "signature" in delta:
        text["signature"] = delta["signature"]
    text["text"] += delta.get("text", "")
    return StreamChunk(thinking=delta["text"]) if delta.get("text") else None
