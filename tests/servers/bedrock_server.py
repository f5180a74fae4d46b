"""A loopback server that speaks Bedrock's Converse and ConverseStream.

On its own: ``cd tests && python -m servers.bedrock_server``.
"""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from servers.http_server import Answer, Received
from servers.service import Faults, Reply, Service, main, words

__all__ = ["Answer", "BedrockServer", "Faults", "Reply", "frame", "serve"]


class BedrockServer(Service):
    """Bedrock-shaped API on loopback; refuses what the real service refuses about turns."""

    name = "bedrock"
    stream_type = "application/vnd.amazon.eventstream"

    def wants_stream(self, received: Received) -> bool:
        return received.path.endswith("/converse-stream")

    def other(self, received: Received) -> Answer | None:
        if not received.path.endswith(("/converse", "/converse-stream")):
            return self.error(404, f"no such path: {received.path}")
        messages = received.json["messages"]
        sides = [message["role"] for message in messages]
        if not sides or sides[0] != "user" or any(a == b for a, b in pairwise(sides)):
            return self.error(400, "roles must alternate between user and assistant", kind="ValidationException")
        blocks = [block for message in messages for block in message["content"]]
        if any("text" in block and not block["text"].strip() for block in blocks):
            return self.error(400, "the text field in the ContentBlock object is blank", kind="ValidationException")
        if any("toolUse" in block for block in blocks) and "toolConfig" not in received.json:
            return self.error(400, "the toolConfig field must be defined", kind="ValidationException")
        return None

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if reply.thinking is not None:
            content.append({"reasoningContent": {"reasoningText": {"text": reply.thinking, "signature": "signed"}}})
        if reply.text:
            content.append({"text": reply.text})
        for index, (name, arguments) in enumerate(reply.tool_calls):
            content.append({"toolUse": {"toolUseId": f"tooluse_{index}", "name": name, "input": arguments}})
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _stop(reply),
            "usage": _usage(reply),
            "metrics": {"latencyMs": 1},
        }

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        frames = [frame("messageStart", {"role": "assistant"})]
        for index, block in enumerate(self.plain(received, reply)["output"]["message"]["content"]):
            if "reasoningContent" in block:
                text = block["reasoningContent"]["reasoningText"]
                deltas = [{"reasoningContent": {"text": word}} for word in words(text["text"])]
                deltas.append({"reasoningContent": {"signature": text["signature"]}})
            elif "text" in block:
                deltas = [{"text": word} for word in words(block["text"])]
            else:
                use = block["toolUse"]
                start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
                frames.append(frame("contentBlockStart", {"start": start, "contentBlockIndex": index}))
                text = use["input"] if isinstance(use["input"], str) else json.dumps(use["input"])
                halves = (text[: len(text) // 2], text[len(text) // 2 :])
                deltas = [{"toolUse": {"input": half}} for half in halves]
            frames += [frame("contentBlockDelta", {"delta": delta, "contentBlockIndex": index}) for delta in deltas]
            frames.append(frame("contentBlockStop", {"contentBlockIndex": index}))
        frames.append(frame("messageStop", {"stopReason": _stop(reply)}))
        frames.append(frame("metadata", {"usage": _usage(reply), "metrics": {"latencyMs": 1}}))
        return frames

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in good.items() if key != "output"}

    def error(
        self, status: int, message: str, headers: Mapping[str, str] = {}, kind: str = "Exception", **fields: Any
    ) -> Answer:
        return Answer({"message": message}, status=status, headers={"x-amzn-errortype": kind, **headers})


serve = BedrockServer.serve


def frame(kind: str, payload: Mapping[str, Any], message: str = "event") -> bytes:
    """One frame of Amazon's event stream: lengths, headers and payload, each with its checksum."""
    name = ":exception-type" if message == "exception" else ":event-type"
    pairs = {name: kind, ":content-type": "application/json", ":message-type": message}
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for key, value in pairs.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(headers) + len(body) + 16, len(headers))
    data = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + body
    return data + struct.pack("!I", binascii.crc32(data))


def _usage(reply: Reply) -> dict[str, int]:
    total = reply.input_tokens + reply.output_tokens
    return {"inputTokens": reply.input_tokens, "outputTokens": reply.output_tokens, "totalTokens": total}


def _stop(reply: Reply) -> str:
    return reply.finish or ("tool_use" if reply.tool_calls else "end_turn")


if __name__ == "__main__":
    main(BedrockServer)
