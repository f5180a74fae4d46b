"""Many short dialogs as sound: two workers against one, memory as it goes on, and how long a second call takes.

    python -m benchmarks.audio_batch                    # 1,000 dialogs
    python -m benchmarks.audio_batch --dialogs 200 --preset room --tts espeak

Two workers are worth at least 1.7 of one where two cores are free. Where others use the machine, so that two workers
had less than 1.8 cores, the processor time that one and two workers took is compared instead.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Row, report
from sdialog.core.dialog import Dialog
from sdialog.core.turns import Turn

RATIO, GROWTH_MB = 1.7, 12.0
WORDS = ("parcel", "invoice", "meeting", "garden", "window", "letter", "summer", "kitchen", "station", "number")


def dialogs(count: int) -> Iterator[Dialog]:
    """Yield short dialogs, made one at a time."""
    for number in range(count):
        one, other = WORDS[number % 10], WORDS[number // 10 % 10]
        lines = [
            ("Ann", f"Hello, this is about the {one}, case {number}."),
            ("Bob", f"Good morning! Was it the {one} or the {other}?"),
            ("Ann", f"The {other}, I think, but I am not sure."),
            ("Bob", "Let me look. One moment, please."),
        ]
        yield Dialog(id=f"talk-{number:06d}", turns=[Turn(speaker=who, text=text) for who, text in lines])


def memory_mb(pid: int) -> float:
    """Return the memory that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def render(folder: Path, count: int, workers: int, preset: str, tts: str) -> dict[str, Any]:
    """Render in this process, or with workers of it, and tell what that took."""
    from multiprocessing import active_children

    from sdialog.audio.batch import render_dialogs

    marks: list[tuple[int, float, float]] = []
    started, sound = time.perf_counter(), 0.0
    rows = render_dialogs(
        dialogs(count), folder, preset=preset, tts=tts, seed=7, workers=workers, labels=("json", "rttm")
    )
    for row in rows:
        if "error" in row:
            raise SystemExit(row["error"])
        sound += row["duration"]
        if row["index"] % max(1, count // 40) == 0:
            children = [memory_mb(child.pid) for child in active_children() if child.pid]
            marks.append((row["index"], memory_mb(os.getpid()), max(children, default=0.0)))
    seconds = time.perf_counter() - started
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # Caches fill up over the first half; what grows after it grows for ever. Medians, for a dialog comes and goes.
    third = [mark for mark in marks if count // 2 <= mark[0] < count * 3 // 4]
    last = [mark for mark in marks if mark[0] >= count * 3 // 4]
    return {
        "seconds": seconds,
        "sound": sound,
        "cpu": sum(one.ru_utime + one.ru_stime for one in used),
        "growth": [median(m[place] for m in last) - median(m[place] for m in third) for place in (1, 2)],
        "peak": [max(mark[place] for mark in marks) for place in (1, 2)],
    }


def in_process(folder: Path, options: argparse.Namespace, workers: int) -> dict[str, Any]:
    """Render in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.audio_batch", "--workers", str(workers), "--folder", str(folder)]
    command += ["--dialogs", str(options.dialogs), "--preset", options.preset, "--tts", options.tts]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def digest(folder: Path) -> str:
    """Return a digest of every recording and its labels."""
    total = hashlib.blake2b(digest_size=16)
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogs", type=int, default=1000)
    parser.add_argument("--preset", default="call_center")
    parser.add_argument("--tts", default="tone")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(render(options.folder, options.dialogs, options.workers, options.preset, options.tts)))
        return 0
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        one = in_process(Path(folder) / "one", options, 1)
        two = in_process(Path(folder) / "two", options, 2)
        again = in_process(Path(folder) / "two", options, 2)
        same = digest(Path(folder) / "one") == digest(Path(folder) / "two")
    by_cpu = 2 * one["cpu"] / two["cpu"]
    free = two["cpu"] / two["seconds"] >= 1.8
    ratio, growth = one["seconds"] / two["seconds"], max(*one["growth"], *two["growth"])
    rows = [
        Row("two workers against one", ratio, f">= {RATIO:g}" if free else None),
        Row("two against one at most, by the CPU they took", by_cpu, None if free else f">= {RATIO:g}"),
        Row("the same bytes (1 is yes)", float(same), "= 1"),
        Row("growth from the third quarter to the last, MB", growth, f"< {GROWTH_MB:g}"),
        Row("one worker, times real time", one["sound"] / one["seconds"], None),
        Row("two workers, times real time", two["sound"] / two["seconds"], None),
        Row("cores that one worker had", one["cpu"] / one["seconds"], None),
        Row("cores that two workers had", two["cpu"] / two["seconds"], None),
        Row("a call with nothing to make, ms a dialog", 1000 * again["seconds"] / options.dialogs, None),
        Row("peak of the parent of two, MB", two["peak"][0], None),
        Row("peak of a worker, MB", two["peak"][1], None),
        Row("sound, s", one["sound"], None),
        Row("load before", load, None),
    ]
    met = (ratio if free else by_cpu) >= RATIO and same and growth < GROWTH_MB
    return report("audio_batch", rows, met, dialogs=options.dialogs, preset=options.preset, tts=options.tts)


if __name__ == "__main__":
    raise SystemExit(main())
