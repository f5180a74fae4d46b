"""What does one model call cost us, beyond the model? CPU per request of Scheduler + Client over an instant model.

Run ``python -m benchmarks.engine_overhead``; prints a table and writes ``runs/benchmarks/engine_overhead.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from benchmarks.report import Row, report
from sdialog.backends.scripted import ScriptedModel
from sdialog.llm.middleware import Budget, wrap
from sdialog.llm.protocol import Batching, Model
from sdialog.llm.scheduler import Client, Scheduler
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, Usage

TARGET_MS = 0.2
TARGETS = dict.fromkeys(("concurrent", "batched"), f"<= {TARGET_MS}")


class Instant:
    """A model that costs nothing, to leave only what is ours."""

    name, features = "instant", frozenset[str]()

    def __init__(self, batching: Batching) -> None:
        self.batching: Batching = batching

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer at once."""
        return [GenerateResult("ok", usage=Usage(1, 1, 1)) for _ in requests]


async def _conversation(scheduler: Scheduler, client: Client, name: str, turns: int) -> None:
    with scheduler.live():
        for turn in range(turns):
            await client.complete(GenerateRequest((Message("user", "Hi"),), key=f"{turn}/{name}"))


async def _all(model: Model, conversations: int, turns: int) -> None:
    scheduler = Scheduler()
    client = scheduler.client(model)
    await asyncio.gather(*(_conversation(scheduler, client, str(i), turns) for i in range(conversations)))


def cpu_ms(model: Model, conversations: int, turns: int, repeats: int = 3) -> float:
    """Return the best CPU time per request, in milliseconds."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        asyncio.run(_all(model, conversations, turns))
        best = min(best, time.process_time() - begun)
    return best / (conversations * turns) * 1000


def main() -> int:
    """Measure, print, write, and return 1 if a bare call costs more than the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=64)
    parser.add_argument("--turns", type=int, default=100)
    args = parser.parse_args()
    cases: dict[str, Model] = {
        "concurrent": Instant("concurrent"),
        "batched": Instant("batched"),
        "concurrent, retry + timeout + budget": wrap(Instant("concurrent"), timeout=60, budget=Budget(max_calls=10**9)),
        "ScriptedModel": ScriptedModel(["ok"]),
    }
    measured = {name: cpu_ms(model, args.conversations, args.turns) for name, model in cases.items()}
    rows = [Row(f"{name}, CPU ms/request", ms, TARGETS.get(name)) for name, ms in measured.items()]
    met = all(measured[name] <= TARGET_MS for name in TARGETS)
    return report("engine_overhead", rows, met, conversations=args.conversations, turns=args.turns)


if __name__ == "__main__":
    raise SystemExit(main())
