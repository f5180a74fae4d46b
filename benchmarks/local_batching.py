"""How much faster are many dialogs together than one after the other, and are they the same dialogs?

Customers call a support agent, both the embedded model, through agents and the scheduler. The same dialogs are held
twice: one at a time, and all at once, where the waiting turns of all dialogs run as one batch. Prints a table and
writes JSON. On a machine that does other work too, the ratio of processor time is the one to trust::

    python benchmarks/local_batching.py --dialogs 32 --turns 12 --out local_batching.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

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


async def measure(dialogs: int, turns: int, temperature: float | None, repeats: int) -> dict[str, Any]:
    """Measure both ways, alternating, and compare what was said."""
    alone, together = [], []
    for _ in range(repeats):
        alone.append(await timed(dialogs, turns, temperature, together=False))
        together.append(await timed(dialogs, turns, temperature, together=True))
    ratios = [b.rate / a.rate for a, b in zip(alone, together, strict=True)]
    same = sum(a == b for a, b in zip(alone[0].texts, together[0].texts, strict=True))
    return {
        "dialogs": dialogs,
        "turns": turns,
        "temperature": temperature,
        "alone_tokens_per_second": round(statistics.median(t.rate for t in alone), 1),
        "together_tokens_per_second": round(statistics.median(t.rate for t in together), 1),
        "ratio_median": round(statistics.median(ratios), 2),
        "ratios": [round(r, 2) for r in ratios],
        "cpu_ratios": [round(a.cpu_seconds / b.cpu_seconds, 2) for a, b in zip(alone, together, strict=True)],
        "equal_dialogs": same,
        "tokens": alone[0].tokens,
        "near_ties": [alone[0].near_ties, together[0].near_ties],
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(
        f"{'dialogs':>8}{'alone tok/s':>13}{'together tok/s':>16}{'ratio':>8}{'cpu ratio':>11}{'equal':>9}{'ties':>6}"
    )
    for row in rows:
        rates = f"{row['alone_tokens_per_second']:>13}{row['together_tokens_per_second']:>16}"
        ratios = f"{row['ratio_median']:>8}{statistics.median(row['cpu_ratios']):>11}"
        print(f"{row['dialogs']:>8}{rates}{ratios}{row['equal_dialogs']:>9}{sum(row['near_ties']):>6}")


def main() -> None:
    """Read the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogs", type=int, nargs="+", default=[32])
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--temperature", type=float, default=None, help="default: the backend's")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None, help="torch threads; default: leave them alone")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()

    import torch

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    rows = [asyncio.run(measure(n, options.turns, options.temperature, options.repeats)) for n in options.dialogs]
    show(rows)
    if options.out is not None:
        about = {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
        }
        options.out.write_text(json.dumps({"about": about, "results": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
