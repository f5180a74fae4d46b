"""What does ``import sdialog`` cost, and what does it load?

CPU seconds of fresh interpreters, best of several, over a bare one. Run ``python -m benchmarks.import_time``; prints a
table and writes ``runs/benchmarks/import_time.json``.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

from benchmarks.report import Row, report

BOUNDS = {"import sdialog": 0.15, "from sdialog import Dialog": 0.4}
OTHERS = ("from sdialog import Agent", "from sdialog.simulation import Scenario, generate", "import sdialog.cli.main")
HEAVY = ("torch", "numpy", "openai", "jinja2", "transformers", "ollama", "httpx", "rich")


def cpu_seconds(statement: str) -> float:
    """Return the CPU time of a fresh interpreter that runs ``statement``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loaded(statement: str) -> list[str]:
    """Return which heavy packages ``statement`` loads."""
    program = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    bare = min(cpu_seconds("pass") for _ in range(options.repeats))
    rows, met = [Row("bare interpreter, s", bare, None)], True
    for statement in (*BOUNDS, *OTHERS):
        extra = min(cpu_seconds(statement) for _ in range(options.repeats)) - bare
        bound = BOUNDS.get(statement)
        rows.append(Row(f"{statement}, s more", extra, None if bound is None else f"<= {bound:g}"))
        met = met and (bound is None or extra <= bound)
    heavy = {statement: loaded(statement) for statement in BOUNDS}
    rows.append(Row("heavy packages loaded by these", sum(map(len, heavy.values())), "= 0"))
    return report("import_time", rows, met and not any(heavy.values()), heavy=heavy)


if __name__ == "__main__":
    raise SystemExit(main())
