"""Steered runs from the command line: sweeps, steering files, kills and resumes, dose and response."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DESK = """\
seed: 5
model: {name: embedded:mini, max_tokens: 16}
max_turns: 4
agents:
  - name: Riley
    persona: {type: Customer, issue: [late order, wrong item], anger_level: [low, high]}
  - name: Ava
    persona: support/ava
    steer: {direction: mood, site: layers.2.resid_post, span: choices, strength: STRENGTHS}
limits: {concurrency: 8}
"""
STRENGTHS = [0, 20, 40, 60, 80, 100, 120, 140, 160, 180]


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sdialog.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(folder: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    process = command(folder, *arguments)
    out, err = process.communicate(timeout=900)
    assert process.returncode == code, err
    return out, err


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    import numpy

    from sdialog.interpretability.directions import Direction

    Direction(numpy.random.default_rng(3).normal(size=192) / 14).save(tmp_path / "mood")
    (tmp_path / "desk.yaml").write_text(DESK.replace("STRENGTHS", str(STRENGTHS)))
    return tmp_path


@pytest.mark.parametrize(
    ("n", "kills"),
    [
        pytest.param(20, 2, marks=pytest.mark.slow, id="few"),
        pytest.param(1000, 10, marks=pytest.mark.long, id="many"),
    ],
)
def test_a_steered_run_that_is_killed_and_gone_on_with_has_the_same_bytes(folder: Path, n: int, kills: int) -> None:
    done(folder, "generate", "desk.yaml", "-n", str(n), "--out", "whole")
    draw, dialogs, killed = random.Random(4), folder / "killed" / "dialogs.jsonl", 0
    for _ in range(kills):
        concurrency = str(draw.choice([2, 5, 16]))
        process = command(folder, "generate", "desk.yaml", "-n", str(n), "--out", "killed", "-c", concurrency)
        wanted = min(n - 1, lines_in(dialogs) + draw.randint(1, max(2, n // (2 * kills))))
        while process.poll() is None and lines_in(dialogs) < wanted:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed == kills and lines_in(dialogs) < n
    done(folder, "generate", "desk.yaml", "-n", str(n), "--out", "killed")
    assert dialogs.read_bytes() == (folder / "whole" / "dialogs.jsonl").read_bytes()
    taken = [json.loads(line)["scenario"]["strength"] for line in dialogs.read_text(encoding="utf-8").splitlines()]
    assert taken == [float(STRENGTHS[index % 10]) for index in range(n)]
    done(folder, "evaluate", "killed", "--by", "strength", "--speaker", "Ava", "--out", "dose.html")
    page = (folder / "dose.html").read_text(encoding="utf-8")
    assert re.search("<figcaption>[a-z-]+ against strength</figcaption>", page)


@pytest.mark.slow
def test_a_steering_file_is_added_on_the_command_line(folder: Path) -> None:
    (folder / "more.yaml").write_text(
        "Riley: {direction: mood, site: layers.1.resid_post, strength: [0, 300], name: push}\n"
    )
    once = ["generate", "desk.yaml", "--steer", "more.yaml", "--out", "r", "-n"]
    done(folder, *once, "2")
    done(folder, *once, "3")
    dialogs = [json.loads(line) for line in (folder / "r" / "dialogs.jsonl").read_text().splitlines()]
    taken = [(one["scenario"]["push"], one["scenario"]["strength"]) for one in dialogs]
    assert taken == [(0, 0), (0, 20), (0, 40)]
    _, err = done(folder, "generate", "desk.yaml", "--out", "r", "-n", "4", code=2)
    assert "scenario.agents[0].steer" in err


def test_mistakes_are_told_with_file_and_line_and_nothing_is_written(folder: Path) -> None:
    (folder / "more.yaml").write_text("Ava:\n  - direction: mod\n    site: layers.1.resid_post\n")
    _, err = done(folder, "generate", "desk.yaml", "--steer", "more.yaml", "--out", "r", code=2)
    assert "more.yaml, line 2: unknown file of a vector 'mod'; did you mean 'mood'" in err
    _, err = done(folder, "generate", "desk.yaml", "-m", "openai:gpt-4.1", "--out", "r", code=2)
    assert "desk.yaml, line 9: openai:gpt-4.1 cannot be steered" in err
    _, err = done(folder, "generate", "desk.yaml", "--steer", "none.yaml", "--out", "r", code=2)
    assert "none.yaml" in err and not (folder / "r").exists()
