"""How much faster are many dialogs together than one after the other, and are they the same dialogs?

Two parties of the embedded model talk, every party with its own memory and its own kept keys and values. The same
dialogs are held twice: one at a time, and all together (each turn of all dialogs is one batch). Prints a table and
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.backends.embedded import EmbeddedBackend
from sdialog.core.seeds import derive_seed, rng
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

NAMES = ("Ann", "Bruno", "Clara", "David", "Emma", "Felix", "Grace", "Henry")
ITEMS = ("blue lamp", "red chair", "phone", "green coat", "wood table", "laptop")


class Party:
    """One side of one dialog: its prompt, what it heard and said, and its seed."""

    def __init__(self, dialog: int, side: int, temperature: float | None) -> None:
        draw = rng(derive_seed(13, "dialog", dialog), "persona")
        name, item, code = draw.choice(NAMES), draw.choice(ITEMS), draw.randint(1234, 9876)
        roles = (
            f"name: {name}\nrole: customer\nmood: polite\nwants: a refund\nitem: {item}\norder number: {code}",
            "name: Max\nrole: support agent\nmood: polite\ntalking to: a customer",
        )
        self.memory = [Message("system", roles[side])]
        self.seed = derive_seed(13, "dialog", dialog, "side", side)
        self.session, self.temperature = f"{dialog}/{side}", temperature

    def request(self, turn: int) -> GenerateRequest:
        """What this side asks the model at a turn."""
        config = GenerateConfig(seed=derive_seed(self.seed, "turn", turn), temperature=self.temperature, max_tokens=48)
        return GenerateRequest(tuple(self.memory), config, session=self.session)


class Talk:
    """Two parties taking turns."""

    def __init__(self, dialog: int, temperature: float | None) -> None:
        self.parties = [Party(dialog, side, temperature) for side in (0, 1)]
        self.parties[1].memory.append(Message("user", "Hello."))
        self.texts: list[str] = []

    def request(self) -> GenerateRequest:
        """What the next speaker asks the model."""
        turn = len(self.texts)
        return self.parties[1 - turn % 2].request(turn)

    def hear(self, text: str) -> None:
        """Take the next speaker's words down on both sides."""
        speaker = 1 - len(self.texts) % 2
        self.texts.append(text)
        self.parties[speaker].memory.append(Message("assistant", text))
        self.parties[1 - speaker].memory.append(Message("user", text or "..."))


class Timing(NamedTuple):
    """One way of holding the dialogs."""

    seconds: float
    cpu_seconds: float
    tokens: int
    near_ties: int
    texts: list[list[str]]

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds


async def hold(backend: EmbeddedBackend, talks: Sequence[Talk], turns: int) -> int:
    """Hold dialogs together and return how many tokens were generated."""
    tokens = 0
    for _ in range(turns):
        results = await backend.generate([talk.request() for talk in talks])
        for talk, result in zip(talks, results, strict=True):
            if result.error is not None:
                raise result.error
            talk.hear(result.text)
            tokens += result.usage.output_tokens
    return tokens


async def timed(groups: Sequence[Sequence[Talk]], turns: int) -> Timing:
    """Hold each group of dialogs together, one group after the other."""
    backend = EmbeddedBackend()
    await backend.generate([Talk(0, None).request()])  # loads the weights
    backend.engine().store.clear()
    start, cpu_start = time.perf_counter(), time.process_time()
    tokens = sum([await hold(backend, group, turns) for group in groups])
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    texts = [talk.texts for group in groups for talk in group]
    near_ties = backend.near_ties
    await backend.aclose()
    return Timing(seconds, cpu_seconds, tokens, near_ties, texts)


async def measure(dialogs: int, turns: int, temperature: float | None, repeats: int) -> dict[str, Any]:
    """Measure both ways, alternating, and compare what was said."""
    alone, together = [], []
    for _ in range(repeats):
        alone.append(await timed([[Talk(i, temperature)] for i in range(dialogs)], turns))
        together.append(await timed([[Talk(i, temperature) for i in range(dialogs)]], turns))
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


def show(rows: Sequence[dict[str, Any]]) -> None:
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
    rows = [
        asyncio.run(measure(count, options.turns, options.temperature, options.repeats)) for count in options.dialogs
    ]
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
