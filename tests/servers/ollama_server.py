"""A loopback server that speaks Ollama's API: chat (plain and NDJSON stream), tags, show and pull.

On its own: ``cd tests && python -m servers.ollama_server --latency 0.05``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from servers.http_server import Answer, Received
from servers.service import Faults, Reply, Service, Step, main, words

__all__ = ["Answer", "Faults", "OllamaServer", "Reply", "serve"]


class OllamaServer(Service):
    """Ollama-shaped API on loopback.

    Args:
        models: names of the models it has; None for any. ``/api/pull`` adds to them, but for names that start with
            ``no-such``.
    """

    name = "ollama"
    stream_type = "application/x-ndjson"

    def __init__(self, script: Iterable[Step] = (), *, models: Iterable[str] | None = None, **options: Any) -> None:
        super().__init__(script, **options)
        self.models = None if models is None else set(models)

    def other(self, received: Received) -> Answer | None:
        match received.path:
            case "/api/tags":
                return Answer({"models": [{"name": name, "model": name} for name in sorted(self.models or {"any"})]})
            case "/api/version":
                return Answer({"version": "0.0.0"})
        name = (received.json or {}).get("model", "")
        if received.path == "/api/pull":
            if name.startswith("no-such"):
                return self.error(500, "pull model manifest: file does not exist")
            if self.models is not None:
                self.models.add(name)
            return Answer({"status": "success"})
        if self.models is not None and name not in self.models:
            return self.error(404, f"model '{name}' not found")
        if received.path == "/api/show":
            return Answer(
                {"details": {"family": "loopback"}, "model_info": {}, "capabilities": ["completion", "tools"]}
            )
        return None if received.path == "/api/chat" else self.error(404, f"no such path: {received.path}")

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        asked = received.json
        message: dict[str, Any] = {"role": "assistant", "content": reply.text}
        if reply.thinking is not None and asked.get("think") is not False:
            message["thinking"] = reply.thinking
        if reply.tool_calls:
            message["tool_calls"] = [_tool_call(*call) for call in reply.tool_calls]
        whole = {**_base(asked), "message": message, **_end(reply)}
        if asked.get("logprobs"):
            whole["logprobs"] = _logprobs(words(reply.text), asked.get("top_logprobs") or 0)
        return whole

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        asked = received.json
        messages: list[dict[str, Any]] = [{"content": "", "thinking": piece} for piece in words(reply.thinking or "")]
        messages += [{"content": piece} for piece in words(reply.text)]
        messages += [{"content": "", "tool_calls": [_tool_call(*call)]} for call in reply.tool_calls]
        lines = [{**_base(asked), "message": {"role": "assistant", **part}, "done": False} for part in messages]
        if asked.get("logprobs"):
            for line in lines:
                line["logprobs"] = _logprobs([line["message"]["content"]], asked.get("top_logprobs") or 0)
        lines.append({**_base(asked), "message": {"role": "assistant", "content": ""}, **_end(reply)})
        return [json.dumps(line).encode() + b"\n" for line in lines]

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in good.items() if key != "message"}

    def error(self, status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Answer:
        return Answer({"error": message}, status=status, headers=dict(headers))


serve = OllamaServer.serve


def _base(asked: dict[str, Any]) -> dict[str, Any]:
    return {"model": asked["model"], "created_at": "2025-01-01T00:00:00Z"}


def _end(reply: Reply) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": reply.finish or "stop",
        "prompt_eval_count": reply.input_tokens,
        "eval_count": reply.output_tokens,
    }


def _tool_call(name: str, arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def _logprobs(tokens: list[str], top: int) -> list[dict[str, Any]]:
    return [
        {"token": t, "logprob": -0.5, "top_logprobs": [{"token": f"{t}{k}", "logprob": -0.5 - k} for k in range(top)]}
        for t in tokens
    ]


if __name__ == "__main__":
    main(OllamaServer)
