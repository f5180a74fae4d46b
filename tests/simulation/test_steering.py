"""Steering in scenario files: what dialogs take of a sweep, what they record, and what is refused before a run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.core.errors import ConfigError, UserError
from sdialog.evaluation.comparison.attributes import attribute_of
from sdialog.interpretability import Inspector
from sdialog.simulation import Scenario, ScenarioError, generate

pytest.importorskip("torch")

DESK = """\
model: {name: embedded:mini, max_tokens: 12}
max_turns: 3
agents:
  - name: Riley
    persona: {type: Customer, issue: [late order, wrong item]}
    first_utterance: Hello?
  - name: Ava
    persona: support/ava
    steer:
      - direction: mood
        site: layers.2.resid_post
        strength: [0, 2.5, 400]
        span: choices
limits: {concurrency: 4}
"""
INSPECTORS = """\
class Counting:
    calls = []

    def __init__(self, name="x"):
        self.name = name

    def interventions(self, call):
        return []

    def received(self, call, request, result):
        Counting.calls.append(call.speaker)

class Remembering:
    def __init__(self):
        self.said = []

    def for_session(self, agent):
        return Remembering()

    def interventions(self, call):
        return []

    def received(self, call, request, result):
        self.said.append(result.text)

    def notes_of(self, turn):
        from sdialog.agents.inspection import Note

        return [Note("count", {"turn": turn, "calls": len(self.said)}, "mine")]

class Nothing:
    pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy

    from sdialog.interpretability.directions import Direction
    from sdialog.interpretability.fitting.labelled import Source

    monkeypatch.chdir(tmp_path)
    vector = numpy.random.default_rng(3).normal(size=192) / 14
    Direction(vector).save(tmp_path / "mood")
    Direction(vector, source=Source(site="layers.1.resid_post")).save(tmp_path / "placed")
    (tmp_path / "own.py").write_text(INSPECTORS)
    (tmp_path / "desk.yaml").write_text(DESK)
    return tmp_path


def dialogs(text: str, folder: Path, n: int, **options: Any) -> list[Any]:
    (folder / "tried.yaml").write_text(text)
    result = generate(Scenario.from_file(folder / "tried.yaml"), n, **options)
    assert result.ok, result.failures
    return list(result.dialogs())


def said(dialog: Any, speaker: str = "Ava") -> list[str]:
    return [turn.text for turn in dialog if turn.speaker == speaker]


def changed(old: str, new: str) -> str:
    assert old in DESK
    return DESK.replace(old, new)


def problems(folder: Path, text: str) -> list[str]:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(ScenarioError) as error:
        Scenario.from_file(folder / "bad.yaml").validate()
    return str(error.value).splitlines()


def test_dialogs_take_the_strengths_in_turn_and_record_them(folder: Path) -> None:
    made = dialogs(DESK, folder, 7)
    assert [attribute_of("strength")(dialog) for dialog in made] == [0.0, 2.5, 400.0, 0.0, 2.5, 400.0, 0.0]
    (record,) = made[2].scenario["steering"]
    assert {**record, "digest": ""} == {
        "agent": "Ava", "name": "strength", "op": "add", "site": "layers.2.resid_post", "span": "choices",
        "direction": "mood", "digest": "", "strength": 400.0,
    }  # fmt: skip
    assert made[0].scenario["name"] == "tried"
    json.dumps(made[0].scenario)


def test_a_dialog_is_the_same_whatever_the_size_of_the_run_and_what_runs_beside_it(folder: Path) -> None:
    few, many = dialogs(DESK, folder, 3), dialogs(DESK, folder, 7, concurrency=7)
    alone = dialogs(DESK, folder, 3, concurrency=1)
    assert [d.json_line() for d in few] == [d.json_line() for d in many[:3]] == [d.json_line() for d in alone]


def test_strength_zero_is_the_agent_as_it_is_and_a_large_one_is_not(folder: Path) -> None:
    made, other = dialogs(DESK, folder, 3), dialogs(changed("[0, 2.5, 400]", "0"), folder, 3)
    plain = dialogs(DESK[: DESK.index("    steer:")], folder, 3)
    assert said(made[0]) == said(plain[0]) and said(other[2]) == said(plain[2])
    assert said(made[2]) != said(plain[2])
    assert all(dialog.scenario == "tried" for dialog in plain)
    assert attribute_of("strength")(other[0]) == 0.0


def test_a_schedule_by_turn_counts_the_replies_of_the_agent(folder: Path) -> None:
    longer = changed("max_turns: 3", "max_turns: 4")
    late = dialogs(longer.replace("[0, 2.5, 400]", "{by_turn: [0, 400]}"), folder, 2)
    plain = dialogs(longer.replace("[0, 2.5, 400]", "0"), folder, 2)
    for one, other in zip(late, plain, strict=True):
        assert said(one)[0] == said(other)[0] and said(one)[1] != said(other)[1]
    assert late[0].scenario["strength"] == {"by_turn": [0.0, 400.0]}


def test_a_schedule_by_token_reaches_the_tokens_it_names(folder: Path) -> None:
    late = dialogs(changed("[0, 2.5, 400]", "{by_token: [0, 0, 0, 400]}"), folder, 2)
    plain = dialogs(changed("[0, 2.5, 400]", "0"), folder, 2)
    for one, other in zip(late, plain, strict=True):
        assert said(one)[0] != said(other)[0]
        assert said(one)[0][:4] == said(other)[0][:4]


def test_a_condition_decides_whether_a_reply_is_steered(folder: Path) -> None:
    condition = "span: choices\n        condition: {site: layers.1.resid_post, direction: mood, threshold: %s}"
    strong = changed("[0, 2.5, 400]", "400")
    never = dialogs(strong.replace("span: choices", condition % 2), folder, 1)
    always = dialogs(strong.replace("span: choices", condition % -2), folder, 1)
    plain = dialogs(changed("[0, 2.5, 400]", "0"), folder, 1)
    assert said(never[0]) == said(plain[0]) != said(always[0]) == said(dialogs(strong, folder, 1)[0])
    assert never[0].scenario["steering"][0]["condition"]["threshold"] == 2


def test_a_span_may_mean_nothing_in_some_replies(folder: Path) -> None:
    text = changed("span: choices", "span: prompt & words(zebra)").replace("[0, 2.5, 400]", "400")
    plain = dialogs(changed("[0, 2.5, 400]", "0"), folder, 2)
    assert [said(d) for d in dialogs(text, folder, 2)] == [said(d) for d in plain]


TWO = """\
      - direction: placed
        strength: [1, 2]
        name: other
"""


def test_several_sweeps_are_crossed_or_taken_in_step(folder: Path) -> None:
    text = changed("limits:", TWO + "limits:")
    pairs = [(d.scenario["strength"], d.scenario["other"]) for d in dialogs(text, folder, 12)]
    assert set(Counter(pairs).values()) == {2} and len(set(pairs)) == 6
    assert pairs[:3] == [(0.0, 1.0), (0.0, 2.0), (2.5, 1.0)]
    step = "sweep: cycle\n" + text.replace("[1, 2]", "[1, 2, 3]")
    pairs = [(d.scenario["strength"], d.scenario["other"]) for d in dialogs(step, folder, 4)]
    assert pairs == [(0.0, 1.0), (2.5, 2.0), (400.0, 3.0), (0.0, 1.0)]
    (told,) = problems(folder, "sweep: cycle\n" + text)
    assert "line 1: sweep: cycle takes values in step, but there are sweeps of 2 and 3 values" in told
    assert dialogs(text, folder, 1)[0].scenario["steering"][1]["site"] == "layers.1.resid_post"


def test_each_trial_of_a_task_takes_the_next_strength(folder: Path) -> None:
    text = changed("limits:", "tasks: [{id: a}, {id: b}, {id: c}]\nlimits:")
    pairs = [(d.scenario["task"]["id"], d.scenario["strength"]) for d in dialogs(text, folder, 9)]
    assert len(set(pairs)) == 9


def test_a_run_is_gone_on_with_the_same_files_only(folder: Path) -> None:
    whole = generate(Scenario.from_file("desk.yaml"), 5, "whole")
    generate(Scenario.from_file("desk.yaml"), 2, "parts", concurrency=1)
    generate(Scenario.from_file("desk.yaml"), 5, "parts")
    assert whole.ok and Path("whole/dialogs.jsonl").read_bytes() == Path("parts/dialogs.jsonl").read_bytes()
    import numpy

    from sdialog.interpretability.directions import Direction

    Direction(numpy.ones(192)).save("mood")
    with pytest.raises(ConfigError, match=r"files\.mood"):
        generate(Scenario.from_file("desk.yaml"), 6, "parts")


CASES = [
    ("direction: mood", "directon: mood", 10, "unknown key 'directon' in agents[1].steer[0]; did you mean 'direction'"),
    ("direction: mood", "direction: mod", 10, "unknown file of a vector 'mod'; did you mean 'mood"),
    ("direction: mood", "direction: [1.0, 2.0]", 10, "vectors of 192 numbers; the value has the shape (2,)"),
    ("layers.2.resid_post", "layers.9.resid_post", 10, "this model has 4 layers"),
    ("layers.2.resid_post", "layers.2.resid", 10, "layers.2.resid"),
    ("span: choices", "span: speaker(Rily)", 10, "unknown speaker 'Rily'; did you mean 'Riley'"),
    ("span: choices", "span: role(tool)", 10, "this agent has no tools"),
    ("span: choices", "span: turn(5)", 10, "dialogs end after 3 turns"),
    ("span: choices", "span: prompt & generated", 10, "contradicts itself"),
    ("span: choices", "span: words(refund)", 10, "known only when the reply is whole"),
    ("span: choices", "span: choises", 10, "did you mean 'choices'"),
    ("span: choices", "op: ad", 10, "did you mean 'add'"),
    ("span: choices", "op: call", 10, "a function is no vector"),
    ("span: choices", "name: steering", 10, "recorded for something else"),
    ("[0, 2.5, 400]", "[]", 10, "needs at least one"),
    ("[0, 2.5, 400]", "[1, 1.0]", 10, "stands twice"),
    ("[0, 2.5, 400]", "{by_tern: [1]}", 10, "did you mean 'by_turn'"),
    ("embedded:mini", "openai:gpt-4.1", 10, "openai:gpt-4.1 cannot be steered"),
    ("span: choices", "condition: {site: embed, direction: mood, treshold: 1}", 13, "did you mean 'threshold'"),
    (
        "span: choices",
        "condition: {site: layers.3.resid_post, direction: mood, threshold: 1}",
        10,
        "after the edit's place layers.2.resid_post",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "expected"), CASES, ids=[case[1][:40] for case in CASES])
def test_mistakes_are_told_before_anything_runs(folder: Path, old: str, new: str, line: int, expected: str) -> None:
    told = problems(folder, changed(old, new))
    assert any(f"bad.yaml, line {line}: " in one and expected in one for one in told), told


def test_two_sweeps_of_one_name_are_refused(folder: Path) -> None:
    told = problems(folder, changed("limits:", TWO.replace("        name: other\n", "") + "limits:"))
    assert len(told) == 2 and "give each a name, such as name: mood" in told[0]


def test_a_steering_file_adds_to_the_agents_that_it_names(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "placed.safetensors").rename(elsewhere / "placed.safetensors")
    (folder / "placed.json").rename(elsewhere / "placed.json")
    (elsewhere / "more.yaml").write_text(
        "Riley: {direction: placed, strength: [1, 2], name: push}\n2:\n  - op: zero\n    site: layers.0.mlp_out\n"
    )
    scenario = Scenario.from_file("desk.yaml").steered(elsewhere / "more.yaml")
    (first, *_) = list(generate(scenario, 1).dialogs())
    assert [one["agent"] for one in first.scenario["steering"]] == ["Riley", "Ava", "Ava"]
    assert first.scenario["push"] == 1.0
    assert len(Scenario.from_file("desk.yaml").spec.agents[1].steer) == 1
    assert str(folder) not in json.dumps(scenario.plan().describe())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ava:\n  - direction: mood\n    sit: embed\n", "more.yaml, line 3: unknown key 'sit'"),
        ("Eva:\n  direction: mood\n", "more.yaml, line 1: unknown agent 'Eva'; did you mean 'Ava'"),
        ("Ava:\n  - direction: mod\n    site: embed\n", "more.yaml, line 2: unknown file of a vector 'mod'"),
        ("Ava:\n  direction: mood\n  site: layers.9.z\n", "more.yaml, line 1: "),
        ("- direction: mood\n", "more.yaml, line 1: it holds a key for each agent"),
    ],
)
def test_mistakes_in_a_steering_file_are_told_with_its_lines(folder: Path, text: str, expected: str) -> None:
    (folder / "more.yaml").write_text(text)
    with pytest.raises(ScenarioError) as error:
        Scenario.from_file("desk.yaml").steered("more.yaml").validate()
    assert expected in str(error.value)


def test_an_inspector_of_ones_own_is_attached(folder: Path) -> None:
    own = "    inspectors:\n      - {type: 'own.py:Counting', name: mine}\n    steer:"
    (dialog,) = dialogs(changed("    steer:", own), folder, 1)
    from sdialog.core.modules import from_file

    assert set(from_file(folder / "own.py").Counting.calls) == {"Ava"}
    assert {"agent": "Ava", "type": "own.py:Counting"} in dialog.scenario["steering"]
    told = problems(
        folder,
        changed("    steer:", own.replace("Counting, name: mine", "x").replace("Counting', name: mine", "Nothing'")),
    )
    assert "own.py:Nothing makes no inspector" in told[0]
    told = problems(folder, changed("    steer:", own.replace("own.py:Counting", "ster")))
    assert "unknown inspector 'ster'; did you mean 'steer'" in told[0]


def test_an_inspector_may_remember_each_dialog_and_have_it_keep_what_it_notes(folder: Path) -> None:
    own = "    inspectors:\n      - {type: 'own.py:Remembering'}\n    steer:"
    text = changed("    steer:", own).replace("max_turns: 3", "max_turns: 4")
    for dialog in dialogs(text, folder, 4):
        noted = [event.content for event in dialog.events if (event.action, event.actionLabel) == ("count", "mine")]
        assert noted == [{"turn": 0, "calls": 1}, {"turn": 1, "calls": 2}]


def test_steer_is_one_of_the_inspectors(folder: Path) -> None:
    text = changed(
        "    steer:\n      - direction: mood", "    inspectors:\n      - type: steer\n        direction: mood"
    )
    one, other = dialogs(text, folder, 3), dialogs(DESK, folder, 3)
    assert [d.json_line() for d in one] == [d.json_line() for d in other]


def test_the_schema_knows_the_new_keys() -> None:
    import jsonschema
    import yaml

    jsonschema.validate(yaml.safe_load(DESK), Scenario.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(changed("direction: mood", "directon: mood")), Scenario.schema())


def test_in_a_paired_sweep_only_the_strength_differs(folder: Path) -> None:
    text = "sweep: paired\n" + changed("    first_utterance: Hello?\n", "")
    made = dialogs(text, folder, 7)
    assert [d.scenario["pair"] for d in made] == [0, 0, 0, 1, 1, 1, 2]
    assert len({d.seed for d in made[:3]}) == 1 and len({d.seed for d in made}) == 3
    assert len({d.id for d in made}) == 7
    assert len({str(d.personas["Riley"]) for d in made[3:6]}) == 1
    assert said(made[0], "Riley")[:1] == said(made[2], "Riley")[:1]
    plain = dialogs(text[: text.index("    steer:")], folder, 3)
    assert [said(made[3 * n]) for n in range(3)] == [said(d) for d in plain]  # strength 0 is the agent as it is
    assert [d.json_line() for d in dialogs(text, folder, 4)] == [d.json_line() for d in made[:4]]


def test_paired_dialogs_of_tasks_belong_to_one_task(folder: Path) -> None:
    text = "sweep: paired\n" + changed("limits:", "tasks: [{id: a}, {id: b}]\nlimits:")
    made = dialogs(text, folder, 12)
    for number in range(4):
        same = [d for d in made if d.scenario["pair"] == number]
        assert [d.scenario["strength"] for d in same] == [0.0, 2.5, 400.0]
        assert len({d.scenario["task"]["id"] for d in same}) == len({d.seed for d in same}) == 1


def test_the_comparison_pairs_what_a_paired_sweep_made(folder: Path) -> None:
    from sdialog.evaluation.compare import compare
    from sdialog.evaluation.metrics.conversational import MeanTurnLengthScore

    made = dialogs("sweep: paired\n" + DESK, folder, 12)
    sets = {name: [d for d in made if d.scenario["strength"] == name] for name in (0.0, 400.0)}
    found = compare({str(name): listed for name, listed in sets.items()}, [MeanTurnLengthScore()])
    (difference,) = found.differences
    assert difference.paired_by == "seed" and difference.pairs == 4


def test_a_sweep_is_not_recorded_under_the_name_of_its_pairs(folder: Path) -> None:
    (told,) = problems(folder, changed("span: choices", "name: pair"))
    assert "recorded for something else" in told


def test_agents_with_an_inspector_that_does_not_fit_are_refused_before_the_run(tmp_path: Path) -> None:
    ava = Agent(name="Ava", model="embedded:mini") | Inspector("layers.7.resid_post")
    with pytest.raises(UserError, match="this model has 4 layers"):
        generate([ava, Agent(name="Bo", model="embedded:mini")], 2, tmp_path / "run")
    assert not (tmp_path / "run").exists()
