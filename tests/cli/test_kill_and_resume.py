"""Runs that are killed at random moments and resumed give the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "sdialog.cli.main", "generate"]

# Slow enough to be hit in the middle, different in every dialog, with events, thoughts and a tool.
SLOW = """\
seed: 7
max_turns: 8
agents:
  - name: Ana
    persona: {type: Customer, age: "{18-80}", issue: [late, lost, broken, "wrong – “ünïcode”"]}
    first_utterance: [Hi, Hello, Good day, Hey]
    model: {replies: [x, "Where is it? I asked before.", "And now?", "Thanks, bye. STOP"], delay: 0.002}
    orchestrators: [{type: ChangeMindOrchestrator, probability: 0.5, reasons: [tired, hungry]}]
  - name: Ben
    persona: {type: SupportAgent}
    tools: ["tools.py:look"]
    model:
      delay: 0.002
      replies:
        - Hello, what is it?
        - {thinking: let me look, tool_calls: [{name: look, arguments: {page: 1}}]}
        - It is on page one.
        - Not yet, sorry.
        - Goodbye!
limits: {concurrency: 6}
"""
TOOLS = 'def look(page: int) -> dict:\n    """Look at a page."""\n    return {"page": page, "found": "a parcel"}\n'


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def start(folder: Path, out: str, n: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "slow.yaml", "-n", str(n), "--out", out, *more],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(process: subprocess.Popen[str], path: Path, count: int) -> None:
    """Wait until a run has written so many dialogs, or has ended."""
    while process.poll() is None and lines_in(path) < count:
        time.sleep(0.005)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow.yaml").write_text(SLOW, encoding="utf-8")
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path


@pytest.mark.slow
def test_ten_kills_and_resumes_change_no_byte(folder: Path) -> None:
    n, rng = 200, random.Random(20)
    assert finish(start(folder, "whole", n))[0] == 0
    dialogs, kills = folder / "killed" / "dialogs.jsonl", 0
    for attempt in range(10):
        process = start(folder, "killed", n, "--concurrency", str(rng.choice([1, 3, 6, 20])))
        wait_for_lines(process, dialogs, min(n - 1, lines_in(dialogs) + rng.randint(1, 16)))
        time.sleep(rng.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        kills += finish(process)[0] == -signal.SIGKILL
        if attempt % 3 == 0 and dialogs.exists():  # as if the power had gone in the middle of a line
            data = dialogs.read_bytes()
            dialogs.write_bytes(data[: max(0, len(data) - rng.randint(1, 900))])
    assert kills >= 8
    code, out, _ = finish(start(folder, "killed", n))
    assert code == 0, out
    assert dialogs.read_bytes() == (folder / "whole" / "dialogs.jsonl").read_bytes()
    entries = [json.loads(line) for line in (folder / "killed" / "usage.jsonl").read_text().splitlines()]
    assert [entry["index"] for entry in entries] == list(range(n))


def test_a_run_killed_once_goes_on_where_it_was(folder: Path) -> None:
    process = start(folder, "killed", 40, "--concurrency", "2")
    wait_for_lines(process, folder / "killed" / "dialogs.jsonl", 5)
    process.kill()
    finish(process)
    there = lines_in(folder / "killed" / "dialogs.jsonl")
    assert not (folder / "killed" / "run.json").exists()
    code, out, err = finish(start(folder, "killed", 40))
    assert code == 0
    assert f"going on: {there} of 40" in err
    assert f"{40 - there} made now" in out
    assert finish(start(folder, "whole", 40, "--concurrency", "1"))[0] == 0
    assert (folder / "killed" / "dialogs.jsonl").read_bytes() == (folder / "whole" / "dialogs.jsonl").read_bytes()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(folder: Path, sent: signal.Signals) -> None:
    process = start(folder, "r", 500, "--concurrency", "2")
    wait_for_lines(process, folder / "r" / "dialogs.jsonl", 4)
    process.send_signal(sent)
    code, out, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    assert "run the same command again to go on" in err
    done = lines_in(folder / "r" / "dialogs.jsonl")
    assert 4 <= done < 500
    assert f"{done} of 500 dialogs in r" in out
    assert json.loads((folder / "r" / "run.json").read_text())["status"] == "interrupted"
    assert finish(start(folder, "r", done + 3))[0] == 0
    assert lines_in(folder / "r" / "dialogs.jsonl") == done + 3


def test_a_second_process_on_the_folder_is_refused(folder: Path) -> None:
    first = start(folder, "r", 500, "--concurrency", "2")
    wait_for_lines(first, folder / "r" / "dialogs.jsonl", 1)
    code, _, err = finish(start(folder, "r", 500))
    first.kill()
    finish(first)
    assert code == 2
    assert f"process {first.pid}" in err


def test_a_changed_scenario_is_refused_with_what_changed(folder: Path) -> None:
    assert finish(start(folder, "r", 2))[0] == 0
    (folder / "slow.yaml").write_text(SLOW.replace("max_turns: 8", "max_turns: 6"), encoding="utf-8")
    code, _, err = finish(start(folder, "r", 3))
    assert code == 2
    assert "scenario.max_turns: 8 -> 6" in err
    assert "--fresh" in err
    assert finish(start(folder, "r", 3, "--fresh"))[0] == 0


def test_a_run_may_be_extended(folder: Path) -> None:
    assert finish(start(folder, "r", 5))[0] == 0
    assert finish(start(folder, "r", 12))[0] == 0
    assert finish(start(folder, "whole", 12))[0] == 0
    assert (folder / "r" / "dialogs.jsonl").read_bytes() == (folder / "whole" / "dialogs.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("n", "kills", "limits"),
    [
        pytest.param(4, 1, ["--max-turns", "4"], marks=pytest.mark.slow, id="few"),
        pytest.param(200, 10, [], marks=pytest.mark.long, id="many"),
    ],
)
def test_kills_of_a_run_with_the_embedded_model_change_no_byte(
    tmp_path: Path, n: int, kills: int, limits: list[str]
) -> None:
    pytest.importorskip("torch")
    rng = random.Random(21)

    def run_desk(out: str, concurrency: int) -> subprocess.Popen[str]:
        arguments = ["support-desk", "-n", str(n), "--out", out, "--concurrency", str(concurrency), *limits]
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert finish(run_desk("whole", 32))[0] == 0
    dialogs, killed = tmp_path / "killed" / "dialogs.jsonl", 0
    for _ in range(kills):
        process = run_desk("killed", rng.choice([1, 3, 8, 16]))
        wait_for_lines(process, dialogs, min(n - 1, lines_in(dialogs) + rng.randint(1, max(2, n // kills - 10))))
        time.sleep(rng.random() * 0.05)
        process.kill()
        killed += finish(process)[0] == -signal.SIGKILL
    assert killed == kills
    assert lines_in(dialogs) < n
    assert finish(run_desk("killed", 16))[0] == 0
    assert dialogs.read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()
