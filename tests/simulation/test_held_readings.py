"""Closed loops in scenario files: what dialogs keep, that nothing beside a dialog touches it, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sdialog.core.errors import ConfigError
from sdialog.evaluation.comparison.attributes import attribute_of
from sdialog.simulation import Scenario, ScenarioError, generate

pytest.importorskip("torch")

DESK = """\
model: {name: embedded:mini, max_tokens: 12}
max_turns: 7
agents:
  - name: Riley
    persona: {type: Customer, issue: [late order, wrong item]}
    first_utterance: Hello?
  - name: Ava
    persona: support/ava
    steer:
      hold:
        direction: mood
        site: layers.1.resid_post
        read_site: layers.1.resid_post
        target: [{by_turn: [0, 6]}, {from: 0, to: 9, replies: 4}]
        limits: [-4, 4]
        span: everything
limits: {concurrency: 4}
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What scenarios name: a direction, a probe of two classes and one of three."""
    import numpy

    from sdialog.interpretability import Direction, Probe

    place = tmp_path_factory.mktemp("saved")
    vector = numpy.random.default_rng(3).normal(size=192)
    Direction(2 * vector / numpy.linalg.norm(vector)).save(place / "mood")
    draw = numpy.random.default_rng(4)
    labels = numpy.arange(40) % 2
    rows = draw.normal(size=(40, 192)) + numpy.outer(labels, vector) / 4
    Probe.fit(rows, labels.tolist(), list(range(40))).save(place / "angry")
    Probe.fit(numpy.eye(192)[:30], [n % 3 for n in range(30)], list(range(30))).save(place / "three")
    return place


@pytest.fixture
def folder(tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    (tmp_path / "desk.yaml").write_text(DESK)
    return tmp_path


def dialogs(text: str, folder: Path, n: int, **options: Any) -> list[Any]:
    (folder / "tried.yaml").write_text(text)
    result = generate(Scenario.from_file(folder / "tried.yaml"), n, **options)
    assert result.ok, result.failures
    return list(result.dialogs())


def changed(old: str, new: str) -> str:
    assert old in DESK
    return DESK.replace(old, new)


def steps(dialog: Any) -> list[Any]:
    from sdialog.interpretability.loops.traces import control_traces

    (trace,) = control_traces(dialog)
    return list(trace.steps)


def test_dialogs_keep_what_the_loop_asked_read_and_did(folder: Path) -> None:
    made = dialogs(DESK, folder, 2)
    assert [attribute_of("target")(d) for d in made] == [
        '{"by_turn": [0.0, 6.0]}', '{"from": 0.0, "replies": 4, "to": 9.0}',
    ]  # fmt: skip
    record = made[1].scenario["steering"][0]
    assert (record["agent"], record["op"], record["direction"], record["limits"]) == ("Ava", "hold", "mood", [-4, 4])
    for dialog, target in zip(made, [[0, 6, 6], [0, 3, 6]], strict=True):
        own = steps(dialog)
        replies = [turn for turn in dialog if turn.speaker == "Ava"]
        assert [step.turn for step in own] == list(range(len(replies))) and len(own) == 3
        assert [step.target for step in own] == pytest.approx(target)
        assert own[0].strength == 0.0 and own[0].reading is not None
        # What the first reply shows is half taken back by the second.
        wanted = own[1].target - 0.5 * own[0].error
        assert own[1].wanted == pytest.approx(wanted) and own[1].strength == pytest.approx(min(4.0, wanted))
        assert own[1].clipped == (wanted > 4)
        events = [(event.action, event.agent) for event in dialog.events if event.agent == "Ava"]
        assert events[:2] == [("steer", "Ava"), ("utter", "Ava")]
    json.dumps(made[0].json())


def test_nothing_beside_a_dialog_touches_it(folder: Path) -> None:
    alone, many = dialogs(DESK, folder, 2, concurrency=1), dialogs(DESK, folder, 6, concurrency=6)
    assert [d.json_line() for d in alone] == [d.json_line() for d in many[:2]]


@pytest.mark.slow
def test_a_reading_near_the_edge_of_two_numbers_is_that_of_the_reply_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reading is taken from a pass over the reply alone, with the edits made as they were: nothing changes."""
    from sdialog.interpretability.loops.readings import Reader

    usual = dialogs(DESK, folder, 3)
    monkeypatch.setattr(Reader, "slack", lambda reader, values: float("inf"))
    assert [d.json_line() for d in dialogs(DESK, folder, 3)] == [d.json_line() for d in usual]


def test_one_scenario_runs_twice_alike(folder: Path) -> None:
    scenario = Scenario.from_file("desk.yaml")
    first, again = (list(generate(scenario, 2).dialogs()) for _ in range(2))
    assert [d.json_line() for d in first] == [d.json_line() for d in again]


def test_a_saved_probe_is_read_and_its_files_are_the_plan_s(folder: Path) -> None:
    text = changed("direction: mood", "direction: mood\n        probe: angry")
    (dialog,) = dialogs(
        text.replace("target: [{by_turn: [0, 6]}, {from: 0, to: 9, replies: 4}]", "target: 1"), folder, 1
    )
    own = steps(dialog)
    assert all(step.reading is not None and 0 <= step.reading <= 1 for step in own)
    assert dialog.scenario["steering"][0]["probe"]["probe"] == "angry"
    assert "angry" in Scenario.from_file("tried.yaml").plan().describe()["files"]


def test_the_fluency_limit_is_recorded(folder: Path) -> None:
    text = changed("limits: [-4, 4]", "limits: [-90, 90]\n        max_loss: 0.5\n        start: 60\n        gain: 0")
    for dialog in dialogs(text, folder, 2):
        own = steps(dialog)
        assert all(step.loss is not None and step.over == (step.loss > 0.5) for step in own) and own[0].over
        assert own[1].strength == pytest.approx(0.8 * own[0].strength) and own[1].clipped


def test_two_loops_of_one_agent_have_names(folder: Path) -> None:
    from sdialog.interpretability.loops.traces import control_traces

    other = "      - hold: {direction: mood, target: 1, name: other, site: layers.2.resid_post}\n"
    text = changed("      hold:\n", f"{other}      - hold:\n").replace("\n        ", "\n          ")
    (dialog,) = dialogs(text, folder, 1)
    assert sorted(trace.name for trace in control_traces(dialog)) == ["", "other"]
    assert dialog.scenario["other"] == 1.0


def test_a_steering_file_may_hold_a_reading(folder: Path) -> None:
    (folder / "plain.yaml").write_text(DESK[: DESK.index("    steer:")])
    loop = DESK[DESK.index("      hold:") : DESK.index("limits: {")]
    (folder / "more.yaml").write_text("Ava:\n" + loop)
    (dialog,) = generate(Scenario.from_file("plain.yaml").steered("more.yaml"), 1).dialogs()
    assert [step.target for step in steps(dialog)] == [0.0, 6.0, 6.0]


def test_a_span_may_mean_nothing_in_some_replies(folder: Path) -> None:
    text = changed("span: everything", "span: prompt & words(zebra)")
    (dialog,) = dialogs(text, folder, 1)
    assert steps(dialog)[1].strength != 0.0


def test_a_run_is_gone_on_with_the_same_files_only(folder: Path) -> None:
    import numpy

    from sdialog.interpretability import Direction

    whole = generate(Scenario.from_file("desk.yaml"), 3, "whole")
    generate(Scenario.from_file("desk.yaml"), 1, "parts", concurrency=1)
    generate(Scenario.from_file("desk.yaml"), 3, "parts")
    assert whole.ok and Path("whole/dialogs.jsonl").read_bytes() == Path("parts/dialogs.jsonl").read_bytes()
    Direction(numpy.ones(192)).save("mood")
    with pytest.raises(ConfigError, match=r"files\.mood"):
        generate(Scenario.from_file("desk.yaml"), 4, "parts")


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_with_the_same_bytes(folder: Path) -> None:
    command = [sys.executable, "-m", "sdialog.cli.main", "generate", "desk.yaml", "-n", "12", "-q", "--out"]
    subprocess.run([*command, "whole"], check=True, cwd=folder)
    running = subprocess.Popen([*command, "killed"], cwd=folder)
    held = folder / "killed" / "dialogs.jsonl"
    while running.poll() is None and not (held.exists() and held.read_bytes().count(b"\n") >= 3):
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    subprocess.run([*command, "killed"], check=True, cwd=folder)
    assert held.read_bytes() == (folder / "whole" / "dialogs.jsonl").read_bytes()


CASES = [
    ("direction: mood", "directon: mood", 9, "unknown key 'directon'"),
    ("direction: mood", "direction: mod", 9, "unknown file of a vector 'mod'; did you mean 'mood"),
    ("direction: mood", "direction: [1.0, 2.0]", 9, "vectors of 192 numbers"),
    ("direction: mood", "direction: mood\n        probe: three", 9, "tells 3 classes apart"),
    ("direction: mood", "direction: mood\n        probe: agry", 9, "did you mean 'angry"),
    ("direction: mood", "direction: mood\n        probe: [1.0, 2.0]", 9, "what is to read them takes 2"),
    ("        site: layers.1.resid_post\n", "", 9, "give site="),
    ("read_site: layers.1.resid_post", "read_site: layers.9.resid_post", 9, "this model has 4 layers"),
    ("read_site: layers.1.resid_post", "read_site: layers.*.resid_post", 9, "stands for 4"),
    ("span: everything", "read_span: speaker(Rily)", 9, "did you mean 'Riley'"),
    ("span: everything", "span: role(tool)", 9, "this agent has no tools"),
    ("span: everything", "name: task", 9, "recorded for something else"),
    ("limits: [-4, 4]", "limits: [4]", 9, "lower and an upper end"),
    ("limits: [-4, 4]", "limits: [4, -4]", 9, "lower and an upper end"),
    ("limits: [-4, 4]", "correction: 3", 9, "a share from 0 to 1"),
    ("{by_turn: [0, 6]}", "{by_tern: [0, 6]}", 9, "did you mean 'by_turn'"),
    ("{by_turn: [0, 6]}", "{from: 0, to: 1}", 9, "replies is missing"),
    ("{by_turn: [0, 6]}", "{from: 0, to: 1, replies: 1}", 9, "from 2"),
    ("{by_turn: [0, 6]}", "{by_turn: [0, x]}", 9, "by_turn is a finite number"),
    ("[{by_turn: [0, 6]}, {from: 0, to: 9, replies: 4}]", "[0, 1, 1]", 9, "stands twice"),
    ("[{by_turn: [0, 6]}, {from: 0, to: 9, replies: 4}]", "[]", 9, "at least one"),
    ("      hold:\n", "      strength: 2\n      hold:\n", 9, "strength cannot stand beside it"),
    ("embedded:mini", "openai:gpt-4.1", 9, "openai:gpt-4.1 cannot be steered"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "expected"), CASES, ids=[case[3][:40] for case in CASES])
def test_mistakes_are_told_before_anything_runs(folder: Path, old: str, new: str, line: int, expected: str) -> None:
    (folder / "bad.yaml").write_text(changed(old, new))
    with pytest.raises(ScenarioError) as error:
        Scenario.from_file(folder / "bad.yaml").validate()
    told = str(error.value).splitlines()
    assert any(f"bad.yaml, line {line}: " in one and expected in one for one in told), told


def test_the_schema_knows_the_new_keys() -> None:
    import jsonschema
    import yaml

    jsonschema.validate(yaml.safe_load(DESK), Scenario.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(changed("target:", "tarjet:")), Scenario.schema())


def test_tracking_is_told_by_the_run_folder_alone(folder: Path) -> None:
    from sdialog.interpretability.loops.tracking import tracking

    assert generate(Scenario.from_file("desk.yaml"), 6, "run").ok
    from sdialog import Dialog

    lines = Path("run/dialogs.jsonl").read_text(encoding="utf-8").splitlines()
    found = tracking([Dialog.from_dict(json.loads(line)) for line in lines])
    assert [one.target for one in found] == [{"by_turn": [0.0, 6.0]}, {"from": 0.0, "to": 9.0, "replies": 4}]
    for one in found:
        assert (one.agent, len(one.traces), one.turns[0].dialogs) == ("Ava", 3, 3)
        errors = [trace.tracking_error for trace in one.traces]
        assert one.error.value == pytest.approx(sum(error or 0 for error in errors) / 3)
        assert one.turns[0].strength.value == 0.0 and one.turns[0].clipped == 0.0
        assert json.dumps(one.json()) and one.table().count("\n") == len(one.turns) + 1
    pytest.importorskip("matplotlib")
    assert len(found[0].plot().axes) == 2
