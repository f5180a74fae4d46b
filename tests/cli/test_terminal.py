"""What people see on a terminal while a run goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sdialog.llm.types import Usage
from sdialog.simulation.progress import duration, figures
from sdialog.simulation.run_result import Progress

pty = pytest.importorskip("pty")
ROOT = Path(__file__).resolve().parents[2]
SLOW = """\
agents:
  - {name: Ana, model: {replies: ["Hello there, Ben.", "Bye. STOP"], delay: 0.05}}
  - {name: Ben, model: {replies: ["Hello to you.", "Bye."]}}
limits: {concurrency: 4}
"""


def on_terminal(arguments: list[str], cwd: Path, columns: int = 120) -> tuple[int, str]:
    """Run the command with a terminal for its output."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sdialog.cli.main", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": str(columns)},
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        seen += data
    os.close(leader)
    return process.wait(), seen.decode("utf-8", "replace")


def test_progress_tells_dialogs_speed_tokens_and_time_left(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    code, seen = on_terminal(["generate", "slow.yaml", "-n", "60", "--out", "r"], tmp_path)
    assert code == 0
    for part in ("/60 dialogs", "turns/s", "tokens", "left", "60 of 60 dialogs in r", "agent_stop 60"):
        assert part in seen


def test_progress_tells_cost_and_failures_too_and_fits_eighty_columns(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        "agents:\n  - {name: Ana, model: {replies: [Hello there.], delay: 0.03}}\n"
        '  - {name: Ben, persona: {age: "{1-2}"}, model: {replies: [{error: ServerError}]}}\n'
        "limits: {concurrency: 2, attempts: 1, prices: {'scripted:*': [9000.0, 9000.0]}}\n"
    )
    code, seen = on_terminal(["generate", "f.yaml", "-n", "40", "--out", "r"], tmp_path, columns=80)
    assert code == 1
    live = seen.split(" dialogs in r")[0]
    for part in ("0/40 dialogs", "turns/s", "tokens", "cost ", " failed", " left"):
        assert part in live, live[-2000:]
    assert re.search(r"dialogs  [\d.]+ turns/s  \d+ tokens  cost [\d.]+  \d+ failed  \d s left", live), live[-2000:]


def test_quiet_shows_no_progress(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    _, seen = on_terminal(["generate", "slow.yaml", "-n", "8", "--out", "r", "--quiet"], tmp_path)
    assert "turns/s" not in seen
    assert "8 of 8 dialogs in r" in seen


def test_tables_fit_a_terminal_and_dialogs_are_coloured(tmp_path: Path) -> None:
    _, listed = on_terminal(["personas", "list", "--domain", "support"], tmp_path)
    assert "summary" in listed
    on_terminal(["generate", "scripted", "-n", "1", "--out", "r"], tmp_path)
    _, shown = on_terminal(["show", "r"], tmp_path)
    assert "\x1b[" in shown


def test_figures_hold_cost_and_failures_only_when_there_are_any() -> None:
    progress = Progress(total=10, done=4, made=4, turns=40)
    assert not any("cost" in figure or "failed" in figure for figure in figures(progress))
    progress.usage, progress.failed = Usage(1, 2, 3, 0.25), 2
    told = " ".join(figures(progress))
    assert "cost 0.2500" in told
    assert "2 failed" in told


@pytest.mark.parametrize(("seconds", "told"), [(0, "0 s"), (59.4, "59 s"), (60, "1:00 min"), (3600, "1:00 h")])
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
