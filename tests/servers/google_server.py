"""A loopback server that speaks Gemini's generateContent and streamGenerateContent.

On its own: ``cd tests && python -m servers.google_server``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from servers.http_server import Answer, Received
from servers.service import Faults, Reply, Service, main, sse, words

__all__ = ["Answer", "Faults", "GoogleServer", "Reply", "serve"]


class GoogleServer(Service):
    """Gemini-shaped API on loopback; refuses what the real service refuses about turns."""

    name = "google"

    def messages(self, received: Received) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = received.json["contents"]
        return found

    def wants_stream(self, received: Received) -> bool:
        return received.path.endswith(":streamGenerateContent")

    def other(self, received: Received) -> Answer | None:
        if not received.path.endswith(("enerateContent",)):
            return self.error(404, f"no such path: {received.path}")
        contents = received.json["contents"]
        sides = [content["role"] for content in contents]
        if not sides or sides[0] != "user" or any(a == b for a, b in pairwise(sides)):
            return self.error(400, "Please ensure that multiturn requests alternate between user and model.")
        if any(not content["parts"] for content in contents):
            return self.error(400, "contents.parts must not be empty.")
        return None

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if reply.thinking is not None:
            parts.append({"text": reply.thinking, "thought": True})
        if reply.text:
            parts.append({"text": reply.text})
        parts += _calls(reply)
        return self._response(received, reply, parts, last=True)

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        parts: list[dict[str, Any]] = [{"text": piece, "thought": True} for piece in words(reply.thinking or "")]
        parts += [{"text": piece} for piece in words(reply.text)]
        parts += _calls(reply)
        events = [self._response(received, reply, [part], last=False) for part in parts]
        events.append(self._response(received, reply, [{"text": ""}], last=True))
        return [sse(event).replace(b"\n\n", b"\r\n\r\n") for event in events]

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in good.items() if key != "candidates"}

    def error(self, status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Answer:
        error = {"error": {"code": status, "message": message, "status": "FAILED", **fields}}
        return Answer(error, status=status, headers=dict(headers))

    def _response(self, received: Received, reply: Reply, parts: list[Any], *, last: bool) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        whole: dict[str, Any] = {"candidates": [candidate], "modelVersion": "gemini-0001"}
        if last:
            candidate["finishReason"] = reply.finish or "STOP"
            whole["usageMetadata"] = {
                "promptTokenCount": reply.input_tokens,
                "candidatesTokenCount": reply.output_tokens,
                "thoughtsTokenCount": 3 if reply.thinking else 0,
            }
            if received.json.get("generationConfig", {}).get("responseLogprobs"):
                tokens = [{"token": word, "logProbability": -0.5} for word in words(reply.text)]
                candidate["logprobsResult"] = {
                    "chosenCandidates": tokens,
                    "topCandidates": [{"candidates": [token]} for token in tokens],
                }
        return whole


serve = GoogleServer.serve


def _calls(reply: Reply) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"functionCall": {"name": n, "args": a}} for n, a in reply.tool_calls]
    if parts and reply.thinking is not None:
        parts[0]["thoughtSignature"] = base64.b64encode(b"signed").decode()
    return parts


if __name__ == "__main__":
    main(GoogleServer)
