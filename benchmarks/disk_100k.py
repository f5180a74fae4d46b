"""Does memory stay flat when 100,000 dialogs of 10 turns go to disk, and when they are read back?

Two processes of their own, one writing a run folder with scripted agents, one reading it lazily; each tells its peak
resident memory, and the writer also its peak after the first tenth. Run ``python -m benchmarks.disk_100k``; prints a
table and writes ``runs/benchmarks/disk_100k.json``. ``--dialogs 5000`` for a quick look.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Row, report

TURNS = 10
PEAK_MB = 300.0
GROWTH_MB = 40.0
CPU_MS = 1.0


def peak_mb() -> float:
    """Return the peak resident memory of this process, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def write(dialogs: int, folder: Path) -> dict[str, Any]:
    """Make the dialogs, in this process."""
    from sdialog.agents import Agent
    from sdialog.backends.scripted import ScriptedModel
    from sdialog.personas import Customer, SupportAgent
    from sdialog.simulation import AgentsPlan, Conduct, Progress, generate

    lines = [
        ("I am waiting for an order of mine.", "Welcome, what is the number of it?"),
        ("It should be 63178, I believe.", "One moment, I am looking it up."),
        ("Take the time you need for it.", "It left our house on Monday."),
        ("And when will it be at my door?", "The carrier says it takes two days."),
        ("Fine, then I will be at home.", "Is there something else I can do?"),
    ]
    mina = Agent(Customer(name="Mina", issue="a late order"), model=ScriptedModel([line[0] for line in lines]))
    theo = Agent(SupportAgent(name="Theo"), model=ScriptedModel([line[1] for line in lines]))
    early: list[float] = []
    done = threading.Event()

    def watch(progress: Progress) -> None:
        def note() -> None:
            while progress.done < dialogs // 10 and not done.wait(0.05):
                pass
            early.append(peak_mb())

        threading.Thread(target=note, daemon=True).start()

    started, cpu = time.perf_counter(), time.process_time()
    plan = AgentsPlan([mina, theo], conduct=Conduct(max_turns=TURNS))
    result = generate(plan, dialogs, folder, on_start=watch)
    done.set()
    assert result.turns == dialogs * TURNS, result
    return {
        "peak": peak_mb(),
        "early": early[0] if early else peak_mb(),
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
    }


def read(dialogs: int, folder: Path) -> dict[str, Any]:
    """Read them back one at a time, in this process."""
    from sdialog.core.io import read_dialogs

    started = time.perf_counter()
    turns = sum(len(dialog) for dialog in read_dialogs(folder))
    assert turns == dialogs * TURNS, turns
    return {"peak": peak_mb(), "seconds": time.perf_counter() - started}


def in_process(step: str, dialogs: int, folder: Path) -> dict[str, Any]:
    """Do one step in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.disk_100k", "--step", step]
    command += ["--dialogs", str(dialogs), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogs", type=int, default=100_000)
    parser.add_argument("--step", choices=["write", "read"])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.step:
        print(json.dumps({"write": write, "read": read}[options.step](options.dialogs, options.folder)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrote = in_process("write", options.dialogs, Path(folder) / "run")
        found = in_process("read", options.dialogs, Path(folder) / "run")
        size = (Path(folder) / "run" / "dialogs.jsonl").stat().st_size
    growth, cpu = wrote["peak"] - wrote["early"], wrote["cpu"] / (options.dialogs * TURNS) * 1000
    rows = [
        Row("peak memory while writing, MB", wrote["peak"], f"< {PEAK_MB:g}"),
        Row("  of which after the first tenth, MB", growth, f"< {GROWTH_MB:g}"),
        Row("peak memory while reading, MB", found["peak"], f"< {PEAK_MB:g}"),
        Row("our CPU per turn, ms", cpu, f"< {CPU_MS:g}"),
        Row("dialogs written per second", options.dialogs / wrote["seconds"], None),
        Row("dialogs read per second", options.dialogs / found["seconds"], None),
        Row("file, MB", size / 2**20, None),
    ]
    met = wrote["peak"] < PEAK_MB and found["peak"] < PEAK_MB and growth < GROWTH_MB and cpu < CPU_MS
    return report("disk_100k", rows, met, dialogs=options.dialogs, turns=TURNS)


if __name__ == "__main__":
    raise SystemExit(main())
