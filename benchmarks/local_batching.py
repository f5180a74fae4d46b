"""How much faster are many dialogs together than one after the other, and are they the same dialogs?

Customers call a support agent, both the embedded model, through agents and the scheduler. The same dialogs are held
twice: one at a time, and all at once, where the waiting turns of all dialogs run as one batch. On a machine that does
other work too, the ratio of processor time is the one to trust.

Run ``python -m benchmarks.local_batching``; prints a table and writes ``runs/benchmarks/local_batching.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from typing import Any, NamedTuple

from benchmarks.report import Row, report
from sdialog.agents.agent import Agent
from sdialog.backends.embedded import EmbeddedBackend
from sdialog.core.dialog import Dialog
from sdialog.core.seeds import derive_seed, rng
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import GenerateRequest, Message
from sdialog.personas import Customer, SupportAgent
from sdialog.simulation.conversation import converse

NAMES = ("Ann Wood", "Bruno Hill", "Clara Stone", "David Reed", "Emma Ford", "Felix Lane", "Grace Bell", "Henry Cole")
ISSUES = ("blue lamp arrived broken", "red chair is late", "phone is too small", "green coat has the wrong color")
SEED = 13


class Timing(NamedTuple):
    """One way of holding the dialogs."""

    seconds: float
    cpu_seconds: float
    tokens: int
    near_ties: int
    texts: list[list[str]]

    @property
    def rate(self) -> float:
        """Generated tokens a second."""
        return self.tokens / self.seconds


def parties(number: int, model: EmbeddedBackend, temperature: float | None) -> list[Agent]:
    """Return the two parties of a dialog; the customer differs from dialog to dialog."""
    draw = rng(SEED, "customer", number)
    customer = Customer(
        name=draw.choice(NAMES),
        issue=draw.choice(ISSUES),
        customer_id=str(draw.randint(1234, 9876)),
        politeness="polite",
    )
    support = SupportAgent(name="Max Young", role="support agent", politeness="polite")
    return [Agent(persona, model=model, temperature=temperature, max_tokens=48) for persona in (customer, support)]


async def timed(dialogs: int, turns: int, temperature: float | None, *, together: bool) -> Timing:
    """Hold the dialogs in one of the two ways, with a model of its own that is loaded before the clock starts."""
    model, scheduler = EmbeddedBackend(), Scheduler(concurrency=dialogs)
    await model.generate([GenerateRequest((Message("user", "Hello."),))])
    ties_before = model.near_ties

    def dialog(number: int) -> Any:
        agents = parties(number, model, temperature)
        return converse(agents, max_turns=turns, seed=derive_seed(SEED, "dialog", number), scheduler=scheduler)

    start, cpu_start = time.perf_counter(), time.process_time()
    if together:
        held: list[Dialog] = list(await asyncio.gather(*(dialog(i) for i in range(dialogs))))
    else:
        held = [await dialog(i) for i in range(dialogs)]
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    tokens = scheduler.client(model).usage.output_tokens
    ties = model.near_ties - ties_before
    await scheduler.aclose()
    return Timing(seconds, cpu_seconds, tokens, ties, [[turn.text for turn in d.turns] for d in held])


async def measure(dialogs: int, turns: int, temperature: float | None, repeats: int) -> tuple[list[Row], bool]:
    """Measure both ways, alternating, and compare what was said."""
    alone, together = [], []
    for _ in range(repeats):
        alone.append(await timed(dialogs, turns, temperature, together=False))
        together.append(await timed(dialogs, turns, temperature, together=True))
    pairs = list(zip(alone, together, strict=True))
    ratio = statistics.median(b.rate / a.rate for a, b in pairs)
    same = sum(a == b for a, b in zip(alone[0].texts, together[0].texts, strict=True))
    rows = [
        Row("one dialog at a time, tokens/s", statistics.median(t.rate for t in alone), None),
        Row(f"{dialogs} dialogs together, tokens/s", statistics.median(t.rate for t in together), None),
        Row("times as many tokens/s", ratio, "at least 5"),
        Row("times less CPU", statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs), None),
        Row("dialogs that are equal both ways", same, f"{dialogs}"),
        Row("tokens decided again for being close", alone[0].near_ties + together[0].near_ties, None),
    ]
    return rows, ratio >= 5 and same == dialogs


def main() -> int:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogs", type=int, default=32)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--temperature", type=float, default=None, help="default: the backend's")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows, met = asyncio.run(measure(options.dialogs, options.turns, options.temperature, options.repeats))
    return report("local_batching", rows, met, cores=os.cpu_count(), turns=options.turns)


if __name__ == "__main__":
    raise SystemExit(main())
