"""How long does the flow graph of 20,000 utterances take with the default embedder, and how much memory?

The dialogs are those the embedded model is trained on: two parties, many domains, names, numbers and instructions. The
graph is built in a process of its own, after the dialogs are read from a file, so that its peak is known. Run
``python -m benchmarks.flow_graph``; prints a table and writes ``runs/benchmarks/flow_graph.json``.
``--utterances 60000`` for a larger corpus, whose figures have no bound.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import Row, report

SEED = 13
BOUNDED = 20_000
SECONDS, PEAK_MB = 60.0, 2000.0


def make(utterances: int, path: Path) -> int:
    """Write a corpus of at least so many utterances; return how many it has."""
    from sdialog import Dialog
    from sdialog.core.io import write_jsonl

    made = 0

    def dialogs() -> Iterator[Dialog]:
        nonlocal made
        for number in range(utterances):
            if made >= utterances:
                return
            dialog = drawn(number)
            made += len(dialog)
            yield dialog

    write_jsonl(dialogs(), path)
    return made


def drawn(number: int) -> Any:
    """Return one dialog."""
    from sdialog import Dialog, Turn
    from sdialog.core.seeds import rng
    from training.dialogs import draw_script

    script = draw_script(rng(SEED, "dialog", number))
    names = {"I": "User", "R": "Bot"}
    turns = [Turn(speaker=names[step.side], text=step.text) for step in script.steps if step.kind == "say"]
    return Dialog(id=number, turns=turns)


def build(path: Path) -> dict[str, float]:
    """Build the graph, in this process, and score dialogs by it."""
    from sdialog.core.io import read_dialogs
    from sdialog.evaluation.flow.build import dialog2graph
    from sdialog.evaluation.flow.scores import DialogFlowPPL

    dialogs = list(read_dialogs(path))
    start = time.perf_counter()
    graph, nodes = dialog2graph(dialogs)
    seconds = time.perf_counter() - start
    score = DialogFlowPPL(None, graph=graph, nodes=nodes)
    some = dialogs[:500]
    start = time.perf_counter()
    for dialog in some:
        score(dialog)
    rate = len(some) / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    texts = {turn.text for dialog in dialogs for turn in dialog}
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "rate": rate,
        "clusters": len(nodes) - 1,
        "shown": len(graph),
        "different": len(texts),
    }


def main() -> int:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=BOUNDED)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build is not None:
        print(json.dumps(build(options.build)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dialogs.jsonl")
        made = make(options.utterances, path)
        command = [sys.executable, "-m", "benchmarks.flow_graph", "--build", str(path)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    bounded = options.utterances <= BOUNDED
    rows = [
        Row("utterances", made, None),
        Row("different ones", found["different"], None),
        Row("seconds to build the graph", found["seconds"], f"< {SECONDS:g}" if bounded else None),
        Row("peak resident memory, MB", found["peak_mb"], f"< {PEAK_MB:g}" if bounded else None),
        Row("nodes before pruning", found["clusters"], None),
        Row("nodes of the graph", found["shown"], None),
        Row("dialogs scored a second", found["rate"], None),
    ]
    met = not bounded or (found["seconds"] < SECONDS and found["peak_mb"] < PEAK_MB)
    return report("flow_graph", rows, met, utterances=options.utterances)


if __name__ == "__main__":
    raise SystemExit(main())
