"""A small real HTTP/1.1 server for loopback tests: keep-alive, chunked streams, and faults on demand.

A server is a handler ``async (Received) -> Answer``. It runs on its own event loop in a daemon thread, so that
blocking clients (boto3) and clients on any other loop can talk to it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Answer:
    """What to send back.

    Attributes:
        body: bytes, text, something JSON-able, or an async iterator of byte pieces (sent chunked).
        delay: seconds to wait before the first byte.
        pace: seconds to wait between pieces of the body (a slow body).
        cut: cut the connection: ``"before"`` any byte, or in the ``"middle"`` of the body.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: float = 0.0
    cut: str | None = None


Handler = Callable[[Received], Awaitable[Answer]]


async def handle_connection(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve requests of one connection until the client or a fault closes it."""
    try:
        while (received := await read_request(reader)) is not None:
            if not await write_answer(writer, await handler(received)):
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        return  # the client went away, as clients with a time limit do
    finally:
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> Received | None:
    """Read one request, or None when the client closed the connection between requests."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await read_chunked(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length") or 0))
    path, _, query = target.partition("?")
    return Received(method, unquote(path), query, headers, body)


async def read_chunked(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(pieces)


async def write_answer(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    """Send an answer; return whether the connection may serve another request."""
    if answer.delay:
        await asyncio.sleep(answer.delay)
    if answer.cut == "before":
        return False
    body, headers = answer.body, {"content-type": "application/json", **answer.headers}
    if hasattr(body, "__aiter__"):
        return await write_stream(writer, answer, headers)
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    head = head_bytes(answer.status, {**headers, "content-length": str(len(data))})
    if answer.cut == "middle":
        writer.write(head + data[: len(data) // 2])
        await writer.drain()
        return False
    if not answer.pace:
        writer.write(head + data)
    else:
        writer.write(head)
        for start in range(0, len(data), 32):
            writer.write(data[start : start + 32])
            await writer.drain()
            await asyncio.sleep(answer.pace)
    await writer.drain()
    return True


async def write_stream(writer: asyncio.StreamWriter, answer: Answer, headers: dict[str, str]) -> bool:
    writer.write(head_bytes(answer.status, {**headers, "transfer-encoding": "chunked"}))
    number = 0
    async for piece in answer.body:
        if answer.cut == "middle" and number == 1:
            await writer.drain()
            return False
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        number += 1
        if answer.pace:
            await asyncio.sleep(answer.pace)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def head_bytes(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def pieces(parts: list[bytes]) -> AsyncIterator[bytes]:
    """Turn a list into the body of a stream."""
    for part in parts:
        yield part


async def listen(handler: Handler, port: int = 0) -> asyncio.Server:
    """Open the listening socket on 127.0.0.1."""
    open_now: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(handle_connection(handler, reader, writer))
        open_now.add(task)
        task.add_done_callback(open_now.discard)

    return await asyncio.start_server(connected, "127.0.0.1", port, backlog=1024)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


@contextmanager
def serve_http(handler: Handler) -> Iterator[str]:
    """Serve in a thread while the block runs; gives the base URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loopback-server", daemon=True)
    thread.start()

    async def close(server: asyncio.Server) -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(listen(handler), loop).result(10)
    try:
        yield f"http://127.0.0.1:{port_of(server)}"
    finally:
        asyncio.run_coroutine_threadsafe(close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def serve_forever(handler: Handler, port: int) -> None:
    """Serve in the foreground, printing the base URL as the first line of stdout."""

    async def main() -> None:
        server = await listen(handler, port)
        print(f"http://127.0.0.1:{port_of(server)}", flush=True)
        await server.serve_forever()

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        return
