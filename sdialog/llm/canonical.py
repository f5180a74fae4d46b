"""Requests and results as plain data: hashed for the cache, kept in record files, and read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sdialog.core import errors
from sdialog.core.errors import LLMError
from sdialog.core.secrets import without_secrets
from sdialog.llm.protocol import Model
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, TokenLogprob, ToolCall, Usage


def identity(model: Model) -> str | None:
    """Return what tells a model from others in a cache, or None if its answers must not be kept."""
    found: str | None = getattr(model, "identity", model.name)
    return found


def fingerprint(model: Model) -> str | None:
    """Return the digest of a model that is at hand, or None."""
    found: str | None = getattr(model, "fingerprint", None)
    return found


def request_json(request: GenerateRequest) -> dict[str, Any]:
    """Return what a request asks, as JSON-safe data without secrets.

    Its key and session say who asks, not what, so they are left out, and so is everything unset. Secrets can only be
    among the options; what is said stays as it is, because two dialogs about different passwords are different.
    """
    asked = {
        "messages": [_message(message) for message in request.messages],
        "config": without_secrets(request.config.given()),
        "tools": [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in request.tools],
        "schema": request.schema,
        "think": request.think,
        "logprobs": request.logprobs,
    }
    return {k: v for k, v in asked.items() if v is not None and v != [] and v != {}}


def request_hash(model_identity: str, request: GenerateRequest) -> str:
    """Return 40 hex digits that are equal exactly when model and request are (BLAKE2b, RFC 7693).

    Example:
        >>> ask = GenerateRequest((Message("user", "Hi"),), key="dialog/1")
        >>> request_hash("m", ask) == request_hash("m", GenerateRequest((Message("user", "Hi"),), key="dialog/2"))
        True
    """
    text = json.dumps([model_identity, request_json(request)], sort_keys=True, ensure_ascii=False, default=_by_type)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


def result_json(result: GenerateResult) -> dict[str, Any]:
    """Return a result as JSON-safe data; captures, which are arrays, are left out."""
    told = {
        "text": result.text,
        "thinking": result.thinking,
        "tool_calls": [_call(call) for call in result.tool_calls] or None,
        "finish_reason": result.finish_reason,
        "usage": result.usage.json(),
        "model": result.model,
        "logprobs": None if result.logprobs is None else [[t.token, t.logprob, t.top] for t in result.logprobs],
        "error": None if result.error is None else _error(result.error),
    }
    return {k: v for k, v in told.items() if v is not None}


def result_from_json(data: Mapping[str, Any]) -> GenerateResult:
    """Return the result that :func:`result_json` wrote.

    Example:
        >>> result = GenerateResult("Hello!", usage=Usage(1, 3, 1))
        >>> result_from_json(result_json(result)) == result
        True
    """
    logprobs = data.get("logprobs")
    error = data.get("error")
    return GenerateResult(
        text=data.get("text", ""),
        thinking=data.get("thinking"),
        tool_calls=tuple(ToolCall(**call) for call in data.get("tool_calls", ())),
        finish_reason=data.get("finish_reason", "stop"),
        usage=Usage(**data.get("usage", {})),
        model=data.get("model", ""),
        logprobs=None if logprobs is None else tuple(_logprob(*entry) for entry in logprobs),
        error=None if error is None else _error_from(error),
    )


def _message(message: Message) -> dict[str, Any]:
    fields = {
        "role": message.role,
        "content": message.content,
        "name": message.name,
        "tool_calls": [_call(call) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
        "thinking": message.thinking,
    }
    return {k: v for k, v in fields.items() if v is not None and v != []}


def _call(call: ToolCall) -> dict[str, Any]:
    fields = {"id": call.id, "name": call.name, "arguments": dict(call.arguments), "error": call.error}
    return {k: v for k, v in fields.items() if v is not None}


def _logprob(token: str, logprob: float, top: list[list[Any]]) -> TokenLogprob:
    return TokenLogprob(token, logprob, tuple((t, p) for t, p in top))


def _error(error: LLMError) -> dict[str, Any]:
    fields = ("message", "backend", "request_key", "status", "retry_after", "raw")
    return {"type": type(error).__name__, **{f: v for f in fields if (v := getattr(error, f, None)) is not None}}


def _error_from(data: Mapping[str, Any]) -> LLMError:
    kind = getattr(errors, str(data.get("type")), LLMError)
    fields = {name: value for name, value in data.items() if name not in ("type", "message")}
    try:
        found: LLMError = kind(data["message"], **fields)
    except TypeError:  # an error class of a plug-in, or one with other fields
        found = LLMError(data["message"])
    return found


def _by_type(value: object) -> str:
    return f"<{type(value).__name__}>"
