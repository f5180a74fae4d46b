"""A loopback server that speaks Anthropic's messages.

On its own: ``cd tests && python -m servers.anthropic_server``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from servers.http_server import Answer, Received
from servers.service import Faults, Reply, Service, main, sse, words

__all__ = ["Answer", "AnthropicServer", "Faults", "Reply", "serve"]


class AnthropicServer(Service):
    """Anthropic-shaped messages on loopback; refuses what the real service refuses about turns."""

    name = "anthropic"

    def other(self, received: Received) -> Answer | None:
        if received.path != "/v1/messages":
            return self.error(404, f"no such path: {received.path}")
        asked = received.json
        sides = [m["role"] for m in asked["messages"]]
        if "max_tokens" not in asked:
            return self.error(400, "max_tokens: Field required", type="invalid_request_error")
        if not sides or sides[0] != "user" or any(a == b for a, b in pairwise(sides)):
            return self.error(400, "messages: roles must alternate", type="invalid_request_error")
        if any(not m["content"] for m in asked["messages"]):
            return self.error(400, "messages: text content blocks must be non-empty", type="invalid_request_error")
        return None

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if reply.thinking is not None:
            content.append({"type": "thinking", "thinking": reply.thinking, "signature": "signed"})
        if reply.text:
            content.append({"type": "text", "text": reply.text})
        for index, (name, arguments) in enumerate(reply.tool_calls):
            content.append({"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": arguments})
        return {**_base(received, reply), "content": content, "stop_reason": _stop(reply)}

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        whole = self.plain(received, reply)
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
            {"type": "ping"},
        ]
        for index, block in enumerate(whole["content"]):
            match block["type"]:
                case "text":
                    start, deltas = {**block, "text": ""}, [("text_delta", "text", w) for w in words(block["text"])]
                case "thinking":
                    start = {**block, "thinking": "", "signature": ""}
                    deltas = [("thinking_delta", "thinking", w) for w in words(block["thinking"])]
                    deltas.append(("signature_delta", "signature", block["signature"]))
                case _:
                    text = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
                    start = {**block, "input": {}}
                    parts = ("", text[: len(text) // 2], text[len(text) // 2 :])
                    deltas = [("input_json_delta", "partial_json", part) for part in parts]
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            for kind, key, piece in deltas:
                events.append({"type": "content_block_delta", "index": index, "delta": {"type": kind, key: piece}})
            events.append({"type": "content_block_stop", "index": index})
        usage = {"output_tokens": reply.output_tokens}
        events.append({"type": "message_delta", "delta": {"stop_reason": _stop(reply)}, "usage": usage})
        events.append({"type": "message_stop"})
        return [sse(event, event["type"]) for event in events]

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in good.items() if key != "content"}

    def error(self, status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Answer:
        error = {"type": "error", "error": {"type": "api_error", "message": message, **fields}}
        return Answer(error, status=status, headers=dict(headers))


serve = AnthropicServer.serve


def _base(received: Received, reply: Reply) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{received.json['model']}-0001",
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }


def _stop(reply: Reply) -> str:
    return reply.finish or ("tool_use" if reply.tool_calls else "end_turn")


if __name__ == "__main__":
    main(AnthropicServer)
