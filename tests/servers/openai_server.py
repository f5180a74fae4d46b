"""A loopback server that speaks OpenAI's chat completions (and Azure's, which differ in path and key header).

In tests::

    with serve([Reply("Hello"), Answer(b"", cut="before")]) as server:
        OpenAIBackend("any", base_url=server.base_url)

On its own: ``cd tests && python -m servers.openai_server --latency 0.05``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from servers.http_server import Answer, Received
from servers.service import Faults, Reply, Service, main, sse, words

__all__ = ["Answer", "Faults", "OpenAIServer", "Reply", "serve"]


class OpenAIServer(Service):
    """OpenAI-shaped chat completions on loopback."""

    name = "openai"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def other(self, received: Received) -> Answer | None:
        if received.path.endswith("/models"):
            return Answer({"object": "list", "data": [{"id": "loopback", "object": "model"}]})
        if not received.path.endswith("/chat/completions"):
            return self.error(404, f"no such path: {received.path}")
        return None

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        asked = received.json
        message: dict[str, Any] = {"role": "assistant", "content": self._text(asked, reply)}
        if reply.thinking is not None:
            message["reasoning_content"] = reply.thinking
        if reply.tool_calls:
            message["tool_calls"] = [_tool_call(i, *call) for i, call in enumerate(reply.tool_calls)]
        choice = {"index": 0, "message": message, "finish_reason": _finish(reply)}
        if asked.get("logprobs"):
            choice["logprobs"] = {"content": _logprobs(words(message["content"]), asked.get("top_logprobs", 0))}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": f"{asked['model']}-0001",
            "choices": [choice],
            "usage": _usage(reply),
        }

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        asked = received.json
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": piece} for piece in words(reply.thinking or "")]
        deltas += [{"content": piece} for piece in words(self._text(asked, reply))]
        for index, (name, arguments) in enumerate(reply.tool_calls):
            call = _tool_call(index, name, arguments)
            text = call["function"]["arguments"]
            head = {**call, "function": {"name": name, "arguments": ""}}
            deltas.append({"tool_calls": [{"index": index, **head}]})
            for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
                deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": f"{asked['model']}-0001"}
        chunks = []
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            if asked.get("logprobs") and delta.get("content"):
                choice["logprobs"] = {"content": _logprobs([delta["content"]], asked.get("top_logprobs", 0))}
            chunks.append({**base, "choices": [choice]})
        chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]})
        if (asked.get("stream_options") or {}).get("include_usage"):
            chunks.append({**base, "choices": [], "usage": _usage(reply)})
        return [*map(sse, chunks), sse("[DONE]")]

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        return {**good, "choices": []}

    def error(self, status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Answer:
        error = {"message": message, "type": "error", "param": None, "code": None, **fields}
        return Answer({"error": error}, status=status, headers=dict(headers))

    def _text(self, asked: dict[str, Any], reply: Reply) -> str:
        form = asked.get("response_format") or {}
        if form.get("type") == "json_schema" and not reply.text:
            return json.dumps(_example(form["json_schema"]["schema"]))
        return reply.text


serve = OpenAIServer.serve


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.tool_calls else "stop")


def _usage(reply: Reply) -> dict[str, int]:
    total = reply.input_tokens + reply.output_tokens
    return {"prompt_tokens": reply.input_tokens, "completion_tokens": reply.output_tokens, "total_tokens": total}


def _tool_call(index: int, name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": text}}


def _logprobs(tokens: list[str], top: int) -> list[dict[str, Any]]:
    return [
        {
            "token": word,
            "logprob": math.log(0.5),
            "bytes": None,
            "top_logprobs": [{"token": f"{word}{k}", "logprob": math.log(0.5 / (k + 1))} for k in range(top)],
        }
        for word in tokens
    ]


def _example(schema: dict[str, Any]) -> Any:
    """The simplest value that fits a JSON schema of plain types."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _example(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [_example(schema.get("items", {}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return "text"


if __name__ == "__main__":
    main(OpenAIServer)
