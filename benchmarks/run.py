"""Run every benchmark, one after the other, each in a process of its own: ``python -m benchmarks.run``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "run", "report"}


def main() -> int:
    """Run them all; return 1 if any bound was broken."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    codes = {
        name: subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in names
    }
    print("\n" + "\n".join(f"{name}: {'ok' if code == 0 else 'BROKEN'}" for name, code in codes.items()))
    return int(any(codes.values()))


if __name__ == "__main__":
    raise SystemExit(main())
