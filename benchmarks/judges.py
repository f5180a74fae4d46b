"""How much faster is judging many dialogs side by side than one at a time?

A server in a process of its own answers chat completions after a fixed latency, in the form that is asked for. A
yes-or-no judge gives 1,000 verdicts, each on a dialog of 12 turns:

- one at a time, of which a slice is measured and scaled up;
- side by side, at most 64 at once.

The ways take turns, and each shows its best round. Run ``python -m benchmarks.judges``; prints a table and writes
``runs/benchmarks/judges.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Row, report
from sdialog.core.dialog import Dialog, Turn
from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo
from sdialog.evaluation.runner import Running, score_dialogs

ROOT = Path(__file__).resolve().parent.parent
TURNS = 12


@contextmanager
def server(latency: float) -> Iterator[str]:
    """Run the loopback server in another process; gives its base URL."""
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    command = [sys.executable, "-m", "benchmarks.judges", "--latency", str(latency), "--serve"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait(10)


def serve(latency: float) -> None:
    """Be the server: answer as a judge would, until stopped."""
    from servers.http_server import Received, serve_forever
    from servers.openai_server import OpenAIServer, Reply

    class JudgeServer(OpenAIServer):
        def default_reply(self, received: Received) -> Reply:
            return Reply(
                json.dumps({"reason": "Turn 2 answers the question.", "positive": len(received.body) % 2 == 0})
            )

    serve_forever(JudgeServer(latency=latency, record=False), 0)


def dialogs(count: int) -> list[Dialog]:
    """Return dialogs that differ."""
    said = "I called about order {0} on Monday, and nobody could tell me where it was; it is day {1} now."
    return [
        Dialog(id=n, turns=[Turn(speaker="AB"[k % 2], text=said.format(n, k)) for k in range(TURNS)])
        for n in range(count)
    ]


def seconds(judge: LLMJudgeYesNo, count: int, concurrency: int) -> tuple[float, float]:
    """Return wall-clock and processor seconds of judging so many dialogs.

    Raises:
        SystemExit: if a verdict is missing, as the time would then mean nothing.
    """
    given = dialogs(count)
    wall, cpu = time.perf_counter(), time.process_time()
    (found,) = score_dialogs([judge], given, Running(concurrency=concurrency, errors="raise", cache=False))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    if found.n != count:
        raise SystemExit(f"{found.n} verdicts of {count}: {found.missing_reasons}")
    return spent


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the server waits before it answers")
    parser.add_argument("--slice", type=int, default=60, help="how many are judged one at a time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help="only run the server")
    options = parser.parse_args()
    if options.serve:
        serve(options.latency)
        return 0
    slow, fast, cpu = [], [], []
    with server(options.latency) as url:
        judge = LLMJudgeYesNo(
            "Is the customer treated kindly?", reason=True, model="openai:loopback", base_url=url, api_key="none"
        )
        seconds(judge, 8, 8)  # imports and connections are not what is measured
        for _ in range(options.rounds):
            slow.append(seconds(judge, options.slice, 1)[0] * options.verdicts / options.slice)
            wall, spent = seconds(judge, options.verdicts, options.concurrency)
            fast.append(wall)
            cpu.append(1000 * spent / options.verdicts)
    times = min(slow) / min(fast)
    rows = [
        Row(f"{options.verdicts} verdicts one at a time (scaled up), seconds", min(slow), None),
        Row(f"{options.verdicts} verdicts, {options.concurrency} at once, seconds", min(fast), None),
        Row("CPU ms/verdict", min(cpu), None),
        Row("times one at a time", times, "at least 20"),
    ]
    return report("judges", rows, times >= 20, **vars(options))


if __name__ == "__main__":
    raise SystemExit(main())
