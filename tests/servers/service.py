"""What the loopback services share: scripted replies, faults at random, a record of requests, a command line."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from servers.http_server import Answer, Received, pieces, serve_forever, serve_http

SENTENCES = (
    "Sure, I can help you with that.",
    "Could you tell me a bit more about it?",
    "I see, that must have been annoying.",
    "It started last Tuesday, right after the update.",
    "Let me check that for you, one moment please.",
    "Yes, exactly, that is what I meant.",
    "My order number is 4471, if that helps.",
    "No, I have not tried that yet.",
    "That sounds good to me.",
    "What would you suggest I do next?",
    "I would rather have it delivered on Friday.",
    "All right, I have made a note of it.",
)


@dataclass(frozen=True)
class Reply:
    """A good answer of the model behind the service; each service puts it into its own wire format."""

    text: str = ""
    thinking: str | None = None
    tool_calls: tuple[tuple[str, Any], ...] = ()
    finish: str | None = None
    input_tokens: int = 11
    output_tokens: int = 7
    delay: float = 0.0


@dataclass(frozen=True)
class Faults:
    """Probability of each fault, drawn one after the other for each request.

    The draws depend on the seed, the request body and how often that body came before, and not on the order of
    arrival: the same client meets the same faults however its requests interleave.
    """

    rate_limit: float = 0.0
    server_error: float = 0.0
    drop: float = 0.0
    slow: float = 0.0
    malformed: float = 0.0
    empty: float = 0.0
    seed: int = 0
    retry_after: str = "0.02"
    pace: float = 0.002

    KINDS: ClassVar[tuple[str, ...]] = ("rate_limit", "server_error", "drop", "slow", "malformed", "empty")

    @classmethod
    def each(cls, share: float, **options: Any) -> Faults:
        """Every kind with the same probability."""
        return cls(**dict.fromkeys(cls.KINDS, share), **options)

    def draw(self, body: bytes, attempt: int) -> str | None:
        source = random.Random(f"{self.seed}/{attempt}/{hashlib.blake2b(body).hexdigest()}")
        return next((kind for kind in self.KINDS if source.random() < getattr(self, kind)), None)


Step = Reply | Answer | Callable[[Received], "Reply | Answer"]


class Service:
    """A programmable model service.

    Args:
        script: what to answer, one step a request; afterwards (and without it) :meth:`default_reply`.
        latency: seconds before each answer.
        faults: random faults.
        goodbye_after: after this many assistant messages the default reply is a farewell with the stop word.
        record: keep every request in ``requests``.
    """

    name: ClassVar[str] = "service"

    def __init__(
        self,
        script: Iterable[Step] = (),
        *,
        latency: float = 0.0,
        faults: Faults | None = None,
        goodbye_after: int | None = None,
        record: bool = True,
    ) -> None:
        self.script: Iterator[Step] = iter(script)
        self.latency, self.faults, self.goodbye_after, self.record = latency, faults, goodbye_after, record
        self.requests: list[Received] = []
        self.met: Counter[str] = Counter()
        self.seen: Counter[bytes] = Counter()
        self.url = ""

    async def __call__(self, received: Received) -> Answer:
        if self.record:
            self.requests.append(received)
        other = self.other(received)
        if other is not None:
            return other
        if self.latency:
            await asyncio.sleep(self.latency)
        step = next(self.script, None)
        if callable(step):
            step = step(received)
        if isinstance(step, Answer):
            return step
        if step is not None:
            return self.answer(received, step)
        fault = self.faults and self._fault(received, self.faults)
        return fault or self.answer(received, self.default_reply(received))

    def answer(self, received: Received, reply: Reply) -> Answer:
        """Put a reply into the wire format, streamed if the request asks for it."""
        if self.wants_stream(received):
            parts = self.stream(received, reply)
            return Answer(pieces(parts), headers={"content-type": self.stream_type}, delay=reply.delay)
        return Answer(self.plain(received, reply), delay=reply.delay)

    def default_reply(self, received: Received) -> Reply:
        """A plausible short reply, the same for the same request body."""
        spoken = sum(m.get("role") in ("assistant", "model") for m in self.messages(received))
        if self.goodbye_after is not None and spoken >= self.goodbye_after:
            return Reply("Thank you, goodbye! STOP")
        pick = int.from_bytes(hashlib.blake2b(received.body, digest_size=8).digest(), "big")
        return Reply(SENTENCES[pick % len(SENTENCES)], input_tokens=len(received.body) // 4)

    def _fault(self, received: Received, faults: Faults) -> Answer | None:
        attempt = self.seen[received.body]
        self.seen[received.body] += 1
        kind = faults.draw(received.body, attempt)
        self.met[kind or "none"] += 1
        good = self.plain(received, self.default_reply(received))
        match kind:
            case "rate_limit":
                return self.error(429, "slow down", {"retry-after": faults.retry_after})
            case "server_error":
                return self.error(500, "internal error")
            case "drop":
                return Answer(good, cut="before" if attempt % 2 else "middle")
            case "slow":
                return Answer(good, pace=faults.pace)
            case "malformed":
                return Answer(json.dumps(good)[:-7] + '"}}')
            case "empty":
                return Answer(b"" if attempt % 2 else self.without_reply(good))
        return None

    # What each service fills in.
    stream_type: ClassVar[str] = "text/event-stream"

    def messages(self, received: Received) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = received.json["messages"]
        return found

    def other(self, received: Received) -> Answer | None:
        """Answer requests that are not calls of the model (lists of models and the like)."""
        return None

    def wants_stream(self, received: Received) -> bool:
        return bool(received.json.get("stream"))

    def plain(self, received: Received, reply: Reply) -> dict[str, Any]:
        raise NotImplementedError

    def stream(self, received: Received, reply: Reply) -> list[bytes]:
        raise NotImplementedError

    def without_reply(self, good: dict[str, Any]) -> dict[str, Any]:
        """A well-formed answer that holds no reply."""
        raise NotImplementedError

    def error(self, status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Answer:
        raise NotImplementedError

    @classmethod
    @contextmanager
    def serve(cls, script: Iterable[Step] = (), **options: Any) -> Iterator[Any]:
        """Run the service on loopback while the block runs; gives the service, with its ``url``."""
        service = cls(script, **options)
        with serve_http(service) as url:
            service.url = url
            yield service


def words(text: str) -> list[str]:
    """Cut text into the pieces a stream would send; joined they are the text."""
    parts = text.split(" ")
    return [part if i == 0 else f" {part}" for i, part in enumerate(parts)] if text else []


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def main(service: type[Service]) -> None:
    """Run a service from the command line."""
    parser = argparse.ArgumentParser(description=service.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the URL is the first line printed")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--goodbye-after", type=int, help="say goodbye after this many assistant messages")
    for kind in Faults.KINDS:
        parser.add_argument(f"--{kind.replace('_', '-')}", type=float, default=0.0, help="probability of this fault")
    parser.add_argument("--seed", type=int, default=0, help="seed of the faults")
    options = vars(parser.parse_args())
    known = {f.name for f in fields(Faults)}
    faults = Faults(**{name: value for name, value in options.items() if name in known})
    serve_forever(
        service(latency=options["latency"], faults=faults, goodbye_after=options["goodbye_after"], record=False),
        options["port"],
    )
