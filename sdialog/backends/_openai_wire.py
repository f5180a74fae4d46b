"""OpenAI's chat completions format: requests as plain dicts, answers as plain dicts read into results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sdialog.backends._remote import bad_body, read_arguments, small_seed, status_error
from sdialog.llm.types import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    Message,
    StreamChunk,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)

PLAIN_OPTIONS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
SERVER_OPTIONS = ("top_k", "min_p", "repetition_penalty")
"""Sampling options OpenAI itself does not have, and most servers that speak its format do."""

REFUSABLE = frozenset(
    {*PLAIN_OPTIONS, *SERVER_OPTIONS, "max_tokens", "max_completion_tokens", "seed", "stop", "logprobs", "top_logprobs"}
    | {"stream_options", "chat_template_kwargs", "response_format"}
)

_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def body_of(
    request: GenerateRequest, model: str, *, official: bool, refused: Iterable[str] = (), stream: bool = False
) -> dict[str, Any]:
    """Return the JSON body of a chat completions call.

    Args:
        request: what to ask.
        model: the model's name at the service.
        official: whether OpenAI's own service is asked, which has no ``top_k`` and the like, wants
            ``max_completion_tokens`` for ``max_tokens``, and has no switch for thinking.
        refused: options to leave out. Either name of the token limit stands in for the other.
        stream: ask for a stream with usage at its end.
    """
    config, refused = request.config, set(refused)
    body: dict[str, Any] = {"model": model, "messages": [message_dict(m) for m in request.messages]}
    for name in PLAIN_OPTIONS if official else PLAIN_OPTIONS + SERVER_OPTIONS:
        value = getattr(config, name)
        if value is not None:
            body[name] = value
    if config.max_tokens is not None:
        names = ("max_completion_tokens", "max_tokens") if official else ("max_tokens", "max_completion_tokens")
        body[next((name for name in names if name not in refused), names[0])] = config.max_tokens
    if config.stop:
        body["stop"] = list(config.stop)
    if config.seed is not None:
        body["seed"] = small_seed(config.seed)
    if request.tools:
        body["tools"] = [tool_dict(tool) for tool in request.tools]
    if request.schema is not None:
        body["response_format"] = response_format(request.schema)
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs:
            body["top_logprobs"] = request.logprobs
    if request.think is not None and not official:
        body["chat_template_kwargs"] = {"enable_thinking": request.think}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    for name in refused:
        body.pop(name, None)
    extra = dict(config.extra)
    body |= extra.pop("extra_body", None) or {}
    return body | extra


def message_dict(message: Message) -> dict[str, Any]:
    """Return a message in the wire format; names of speakers and thinking are not sent."""
    if message.tool_calls:
        return {
            "role": "assistant",
            "content": message.content,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
                }
                for call in message.tool_calls
            ],
        }
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": message.content}
    return {"role": message.role, "content": message.content}


def tool_dict(tool: ToolSpec) -> dict[str, Any]:
    """Return a tool in the wire format."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``response_format`` that makes the reply fit a JSON schema, strictly where the schema allows it."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "reply"))[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema), "strict": is_strict(schema)}}


def is_strict(schema: Any) -> bool:
    """Tell whether a schema keeps OpenAI's rule for strict mode: objects closed, and all their properties required."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if schema.get("type") == "object" or isinstance(properties, Mapping):
            closed = schema.get("additionalProperties") is False
            if not closed or set(schema.get("required", ())) != set(properties or ()):
                return False
        return all(is_strict(part) for part in schema.values())
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    return True


def result_of(data: Any, model: str) -> GenerateResult:
    """Read a chat completion.

    Args:
        data: the decoded body.
        model: name to report when the service does not give one.

    Raises:
        LLMError: if the body holds an error or no reply.
    """
    if not isinstance(data, Mapping):
        raise bad_body(f"a JSON object was expected, not {type(data).__name__}")
    if data.get("error"):
        raise _error_in_body(data["error"])
    choices = data.get("choices")
    if not choices:
        raise bad_body("it holds no choices")
    choice = choices[0]
    message = choice.get("message") or {}
    text, thinking = _split_content(message.get("content"))
    native = message.get("reasoning_content") or message.get("reasoning")
    calls = _tool_calls(message.get("tool_calls") or ())
    finish = _FINISH.get(choice.get("finish_reason"), "stop")
    if message.get("refusal") and not text:
        text, finish = message["refusal"], "content_filter"
    return GenerateResult(
        text=text,
        thinking=(native if isinstance(native, str) else None) or thinking,
        tool_calls=calls,
        finish_reason="tool_calls" if calls and finish == "stop" else finish,
        usage=_usage(data.get("usage")),
        model=data.get("model") or model,
        logprobs=_logprobs(choice.get("logprobs")),
    )


def _split_content(content: Any) -> tuple[str, str | None]:
    """Return text and thinking of a content that is text, nothing, or a list of typed parts."""
    if content is None or isinstance(content, str):
        return content or "", None
    if not isinstance(content, list):
        raise bad_body(f"its content is a {type(content).__name__}")
    text, thinking = [], []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif part.get("type") == "thinking":
            thinking.append(_split_content(part.get("thinking"))[0])
        else:
            text.append(part.get("text") or "")
    return "".join(text), "".join(thinking) or None


def _tool_calls(calls: Iterable[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    read = []
    for index, call in enumerate(calls):
        function = call.get("function") or {}
        read.append(
            read_arguments(call.get("id") or f"call_{index}", function.get("name") or "", function.get("arguments"))
        )
    return tuple(read)


def _usage(usage: Mapping[str, Any] | None) -> Usage:
    usage = usage or {}
    return Usage(1, usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)


def _logprobs(logprobs: Mapping[str, Any] | None) -> tuple[TokenLogprob, ...] | None:
    if not logprobs or logprobs.get("content") is None:
        return None
    return tuple(
        TokenLogprob(
            entry["token"],
            entry["logprob"],
            tuple((other["token"], other["logprob"]) for other in entry.get("top_logprobs") or ()),
        )
        for entry in logprobs["content"]
    )


def _error_in_body(error: Any) -> Exception:
    if not isinstance(error, Mapping):
        return status_error(None, str(error))
    code = error.get("code")
    status = code if isinstance(code, int) else None
    return status_error(status, str(error.get("message") or error), code=str(code or error.get("type") or ""))


class Assembly:
    """Puts the pieces of a stream together again."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {"content": "", "reasoning": "", "refusal": ""}
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[Any] = []
        self._whole: dict[str, Any] = {}
        self._finish: str | None = None

    def add(self, piece: Any) -> StreamChunk | None:
        """Take one event; return what it adds to the reply, or None when that is nothing to show.

        Raises:
            LLMError: if the event is an error.
        """
        if not isinstance(piece, Mapping):
            raise bad_body(f"an event of the stream is a {type(piece).__name__}")
        if piece.get("error"):
            raise _error_in_body(piece["error"])
        for name in ("model", "usage"):
            if piece.get(name):
                self._whole[name] = piece[name]
        if not piece.get("choices"):
            return None
        choice = piece["choices"][0]
        delta = choice.get("delta") or {}
        self._finish = choice.get("finish_reason") or self._finish
        self._logprobs += (choice.get("logprobs") or {}).get("content") or ()
        text, thinking = _split_content(delta.get("content"))
        thinking = delta.get("reasoning_content") or delta.get("reasoning") or thinking or ""
        self._message["content"] += text
        self._message["reasoning"] += thinking
        self._message["refusal"] += delta.get("refusal") or ""
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        return StreamChunk(text=text, thinking=thinking) if text or thinking else None

    def _add_call(self, call: Mapping[str, Any]) -> None:
        held = self._calls.setdefault(call.get("index", len(self._calls)), {"function": {"name": "", "arguments": ""}})
        if call.get("id"):
            held["id"] = call["id"]
        function = call.get("function") or {}
        held["function"]["name"] += function.get("name") or ""
        held["function"]["arguments"] += function.get("arguments") or ""

    def result(self, model: str) -> GenerateResult:
        """Return the whole reply.

        Raises:
            LLMError: if the stream ended before the reply did.
        """
        if self._finish is None:
            raise bad_body("the stream ended before the reply did")
        message = {**self._message, "tool_calls": [self._calls[index] for index in sorted(self._calls)]}
        choice = {"message": message, "finish_reason": self._finish, "logprobs": {"content": self._logprobs or None}}
        return result_of({**self._whole, "choices": [choice]}, model)
