"""The shipped refund desk, end to end: dialogs from the command line, scored by the state of their database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sdialog import Dialog
from sdialog.core.environment import as_factory
from sdialog.core.io import read_dialogs
from sdialog.evaluation.pass_k import PassK, pass_k
from sdialog.evaluation.validators.state import StateValidator, task_of
from sdialog.simulation import Scenario, generate

TASKS = ["refund-kettle", "refund-keyboard", "late-lamp", "final-sale"]
SCRIPT = "scripted:refund-desk-script.yaml"


def command(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sdialog.cli.main", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def environment(root: Path) -> str:
    return f"{root / 'scenarios' / 'refund_desk.py'}:Orders"


def scored(environment: str, dialogs: list[Dialog], **options: int) -> PassK:
    return pass_k(StateValidator(environment), dialogs, **options)


def test_the_scripted_run_from_the_command_line(environment: str, tmp_path: Path) -> None:
    command("generate", "refund-desk", "-n", "16", "--out", "run", "--model", SCRIPT, folder=tmp_path)
    dialogs = list(read_dialogs(tmp_path / "run"))
    assert [task_of(dialog) for dialog in dialogs] == TASKS * 4
    found = scored(environment, dialogs, trials=4)
    # Who is on duty in which trial comes from the seed of the scenario; half of three tasks' trials go wrong.
    assert {t.task: t.passed for t in found.tasks} == {
        "refund-kettle": 2, "refund-keyboard": 2, "late-lamp": 4, "final-sale": 2
    }  # fmt: skip
    assert [found.hat(k) for k in (1, 2, 3, 4)] == pytest.approx([0.625, 0.375, 0.25, 0.25])
    assert [found.at(k) for k in (1, 2, 3, 4)] == pytest.approx([0.625, 0.875, 1, 1])


def test_replayed_calls_lead_to_the_recorded_states(environment: str) -> None:
    dialogs = list(generate(Scenario.from_file("refund-desk").evolve(model=SCRIPT), 32).dialogs())
    for source in ("recorded", "replay"):
        validator = StateValidator(environment, source=source)  # type: ignore[arg-type]
        assert [validator(dialog) for dialog in dialogs] == [StateValidator(environment)(dialog) for dialog in dialogs]


def test_what_went_wrong_is_told(environment: str) -> None:
    dialogs = generate(Scenario.from_file("refund-desk").evolve(model=SCRIPT), 32).dialogs()
    reasons = {
        str((dialog.personas or {}) and list(dialog.personas or {})[1]): StateValidator(environment)
        .explain(dialog)
        .reason
        for dialog in dialogs
    }
    assert reasons == {
        "Ava Reed": None,
        "Ben Cole": "refunds.B4821 is missing, and should be {'order_number': 'B4821', 'euros': 59}",
        "Ida Lund": None,
        "Nora Haas": "refunds.81356 is missing, and should be {'order_number': '81356', 'euros': 120}; "
        "1 more difference",
        "Eva Stone": None,
        "Sam Ortiz": None,
        "Mia Wolf": "nobody said 'final sale'",
    }


def test_the_same_bytes_alone_and_side_by_side(tmp_path: Path) -> None:
    scenario = Scenario.from_file("refund-desk").evolve(model=SCRIPT)
    for name, concurrency in (("one", 1), ("many", 32)):
        assert generate(scenario, 64, tmp_path / name, concurrency=concurrency).ok
    assert (tmp_path / "one" / "dialogs.jsonl").read_bytes() == (tmp_path / "many" / "dialogs.jsonl").read_bytes()


def test_the_tools_of_the_database(environment: str) -> None:
    desk = as_factory(environment)()
    assert desk.call("check_order", {"order_number": " #b4821 "})["status"] == "delivered"
    assert desk.call("issue_refund", {"order_number": 81356}) == {"amount": "120", "days": "5"}
    before = desk.state_hash()
    for order in ("81356", "X2940", "T5207", "70493", "B9999"):
        with pytest.raises((ValueError, LookupError)):
            desk.call("issue_refund", {"order_number": order})
    assert desk.state_hash() == before
    assert desk.call("change_address", {"order_number": "63178", "city": "Kyoto"}) == {"city": "Kyoto"}
    assert desk.snapshot()["orders"]["63178"]["city"] == "Kyoto"


@pytest.mark.slow
def test_the_embedded_model_from_the_command_line(environment: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    command("generate", "refund-desk", "-n", "16", "--out", "run", "--model", "embedded:mini", folder=tmp_path)
    found = scored(environment, list(read_dialogs(tmp_path / "run")), trials=4)
    assert [t.task for t in found.tasks] == TASKS
    assert found.n_missing == 0
    # It calls the tool of the refund; that a tool refuses is beyond it.
    assert 0.4 < found.hat(1) < 1
    assert found.hat(4) <= found.hat(2) <= found.hat(1) <= found.at(4)
