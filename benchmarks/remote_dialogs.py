"""How close do whole dialogs come to a bare client loop? A loopback server with 50 ms latency, 64 requests in flight.

Three ways in one run, against the same server in a process of its own: a bare ``openai.AsyncOpenAI`` gather loop that
sends the same number of equally long requests; ``sdialog`` simulating dialogs to a run folder, 64 at once; and
``sdialog`` one dialog at a time. Then the CPU time a turn costs us without any HTTP client.

Run ``python -m benchmarks.remote_dialogs``; prints a table and writes ``runs/benchmarks/remote_dialogs.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import Row, report

TURNS = 10
PROMPT = "You take part in a dialogue. " * 40


@contextlib.contextmanager
def server(latency: float) -> Iterator[str]:
    """Run the loopback server and give its base URL."""
    tests = Path(__file__).resolve().parent.parent / "tests"
    command = [sys.executable, "-m", "servers.openai_server", "--latency", str(latency)]
    process = subprocess.Popen(command, cwd=tests, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit("the loopback server did not say its address")
        yield f"{found.group().rstrip('/')}/v1"
    finally:
        process.terminate()
        process.wait()


async def bare(base_url: str, dialogs: int, concurrency: int) -> float:
    """Return turns per second of a plain client: ``concurrency`` workers, each sending growing conversations."""
    import httpx
    from openai import AsyncOpenAI

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=httpx.AsyncClient(limits=limits))
    slots = asyncio.Semaphore(concurrency)

    async def dialog() -> None:
        async with slots:
            messages: list[Any] = [{"role": "system", "content": PROMPT}]
            for turn in range(TURNS):
                messages.append({"role": "user", "content": "Could you tell me a bit more about it?"})
                reply = await client.chat.completions.create(
                    model="loopback", messages=messages[: 1 + turn * 2 + 1], seed=turn
                )
                messages.append({"role": "assistant", "content": reply.choices[0].message.content})

    begun = time.perf_counter()
    await asyncio.gather(*(dialog() for _ in range(dialogs)))
    elapsed = time.perf_counter() - begun
    await client.close()
    return dialogs * TURNS / elapsed


def ours(model: dict[str, Any], dialogs: int, concurrency: int) -> tuple[float, float]:
    """Return turns per second and CPU milliseconds per turn of simulated dialogs, written to a run folder."""
    from sdialog.simulation.batch import generate

    scenario = {
        "model": model,
        "max_turns": TURNS,
        "repetition": 0,
        "agents": [
            {"name": "Riley", "persona": {"type": "Customer", "issue": "a late order", "age": "{18-80}"}},
            {"name": "Ava", "persona": {"type": "SupportAgent", "politeness": "high"}},
        ],
        "limits": {"concurrency": concurrency},
    }
    with tempfile.TemporaryDirectory() as folder:
        begun, cpu = time.perf_counter(), time.process_time()
        result = generate(scenario, dialogs, Path(folder) / "run")
        elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if result.failed or result.turns != dialogs * TURNS:
        raise SystemExit(f"{result.failed} dialogs failed, {result.turns} turns instead of {dialogs * TURNS}")
    return result.turns / elapsed, cpu / result.turns * 1000


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogs", type=int, default=256)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05)
    options = parser.parse_args()
    with server(options.latency) as base_url:
        model = {"name": "openai:loopback", "base_url": base_url, "api_key": "none"}
        ours(model, 8, 8)
        bare_rates, our_rates = [], []
        for _ in range(3):
            bare_rates.append(asyncio.run(bare(base_url, options.dialogs, options.concurrency)))
            our_rates.append(ours(model, options.dialogs, options.concurrency)[0])
        single, _ = ours(model, 4, 1)
    _, cpu = ours({"replies": ["I see.", "Tell me more, please.", "All right then."]}, 400, options.concurrency)
    bare_rate, our_rate = sorted(bare_rates)[1], sorted(our_rates)[1]
    rows = [
        Row("bare AsyncOpenAI loop, turns/s", bare_rate, None),
        Row("sdialog, turns/s", our_rate, None),
        Row("sdialog one dialog at a time, turns/s", single, None),
        Row("share of the bare loop", our_rate / bare_rate, "at least 0.6"),
        Row("times one at a time", our_rate / single, "at least 20"),
        Row("own CPU per turn without HTTP, ms", cpu, "below 1"),
    ]
    met = our_rate >= 0.6 * bare_rate and our_rate >= 20 * single and cpu < 1
    return report("remote_dialogs", rows, met, cores=os.cpu_count())


if __name__ == "__main__":
    raise SystemExit(main())
