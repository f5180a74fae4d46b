"""How a benchmark tells what it saw: a table for people, JSON for machines."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path("runs/benchmarks")


class Row(NamedTuple):
    """One figure: what it is, its value, and the bound it should keep, if any."""

    what: str
    value: float
    bound: str | None


def report(name: str, rows: Sequence[Row], met: bool, **facts: Any) -> int:
    """Print the rows as a table, write them to ``runs/benchmarks/NAME.json``, and return an exit code."""
    width = max(len(row.what) for row in rows)
    print(f"\n{name}")
    for row in rows:
        print(f"  {row.what:<{width}}  {row.value:>12.4g}  {row.bound or ''}".rstrip())
    print("  all bounds kept" if met else "  A BOUND IS BROKEN")
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "met": met,
        "python": platform.python_version(),
        "machine": platform.machine(),
        **facts,
        "rows": [row._asdict() for row in rows],
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0 if met else 1
