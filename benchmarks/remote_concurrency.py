"""How much of what a remote service can give arrives? Requests a second over loopback, three ways.

A server in a process of its own answers chat completions after a fixed latency. The same requests go to it

- one at a time, through the toolkit;
- from a bare ``openai.AsyncOpenAI`` gather loop, the best a program without a toolkit reaches;
- through Scheduler, Client and the openai backend, as conversations call it.

The ways take turns, and each shows its best round, so that other work on the machine disturbs them alike. Run
``python -m benchmarks.remote_concurrency``; prints a table and writes ``runs/benchmarks/remote_concurrency.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from openai import AsyncOpenAI

from benchmarks.report import Row, report
from sdialog.backends.openai import OpenAIBackend
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

ROOT = Path(__file__).resolve().parent.parent
PROMPT = "You are Ava, who works at the help desk of a bank. You are patient and precise. " * 8


@contextmanager
def server(latency: float) -> Iterator[str]:
    """Run the loopback server in another process; gives its base URL."""
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    command = [sys.executable, "-m", "servers.openai_server", "--latency", str(latency)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait(10)


def requests(count: int) -> list[GenerateRequest]:
    """Requests like those in the middle of a dialog."""
    config = GenerateConfig(temperature=0.7, max_tokens=64, seed=1)
    history = [Message("system", PROMPT)]
    for turn in range(4):
        history += [Message("user", f"And what about number {turn}?"), Message("assistant", "Let me look that up.")]
    return [GenerateRequest((*history, Message("user", f"My number is {i}.")), config) for i in range(count)]


async def one_at_a_time(url: str, asked: list[GenerateRequest], concurrency: int) -> None:
    """The toolkit, waiting for each answer before the next question."""
    client = Scheduler(concurrency=1).client(OpenAIBackend("loopback", base_url=url))
    for request in asked:
        await client.complete(request)


async def bare_loop(url: str, asked: list[GenerateRequest], concurrency: int) -> None:
    """What people write without a toolkit."""
    client = AsyncOpenAI(api_key="none", base_url=url, max_retries=0)
    gate = asyncio.Semaphore(concurrency)

    async def call(request: GenerateRequest) -> str | None:
        async with gate:
            messages = [{"role": m.role, "content": m.content} for m in request.messages]
            reply = await client.chat.completions.create(
                model="loopback", messages=messages, temperature=0.7, max_tokens=64, seed=1
            )
            return reply.choices[0].message.content

    await asyncio.gather(*map(call, asked))
    await client.close()


async def toolkit(url: str, asked: list[GenerateRequest], concurrency: int) -> None:
    """As conversations call it: Scheduler, Client, openai backend."""
    model = OpenAIBackend("loopback", base_url=url)
    client = Scheduler(concurrency=concurrency).client(model)
    await asyncio.gather(*map(client.complete, asked))
    await model.aclose()


Way = Callable[[str, list[GenerateRequest], int], Awaitable[None]]


def measure(way: Way, url: str, asked: list[GenerateRequest], concurrency: int) -> tuple[float, float]:
    """Return requests a second, and milliseconds of this process's CPU for each request."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(way(url, asked, concurrency))  # type: ignore[arg-type]
    return len(asked) / (time.perf_counter() - wall), 1000 * (time.process_time() - cpu) / len(asked)


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the server waits before it answers")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ways: dict[str, tuple[Way, int]] = {
        "one at a time": (one_at_a_time, max(20, options.requests // 50)),
        "bare AsyncOpenAI loop": (bare_loop, options.requests),
        "Scheduler + Client + openai:": (toolkit, options.requests),
    }
    best: dict[str, tuple[float, float]] = {}
    with server(options.latency) as url:
        for way, _ in ways.values():
            measure(way, url, requests(8), 8)  # imports and connections are not what is measured
        for _ in range(options.rounds):
            for name, (way, count) in ways.items():
                best[name] = max(best.get(name, (0.0, 0.0)), measure(way, url, requests(count), options.concurrency))
    slow, bare, ours = (best[name][0] for name in ways)
    rows = [Row(f"{name}, requests/s", rate, None) for name, (rate, _) in best.items()]
    rows += [Row(f"{name}, CPU ms/request", cpu, None) for name, (_, cpu) in best.items()]
    rows += [
        Row("share of the bare loop", ours / bare, "at least 0.6"),
        Row("times one at a time", ours / slow, "at least 20"),
    ]
    return report("remote_concurrency", rows, ours >= 0.6 * bare and ours >= 20 * slow, **vars(options))


if __name__ == "__main__":
    raise SystemExit(main())
