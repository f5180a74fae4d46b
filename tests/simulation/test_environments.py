"""Environments in simulations: one for each dialog, recorded at its end, the same in every run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdialog import Dialog
from sdialog.agents import Agent
from sdialog.agents.environment_tools import environment_tools
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.environment import Environment, EnvironmentFactory
from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError
from sdialog.core.sync import run
from sdialog.evaluation.validators.state import StateValidator, task_of
from sdialog.simulation import Scenario, ScenarioError, converse, generate


class Tally(Environment):
    """Counts what it is told."""

    fixture: Any = {"sum": 0, "steps": []}  # noqa: RUF012

    def add(self, number: int) -> int:
        """Add a number.

        Args:
            number: which.
        """
        time.sleep(0.003 * (5 - number))  # later calls would win a race
        self.data["sum"] += number
        self.data["steps"].append(number)
        return int(self.data["sum"])

    def fail(self) -> None:
        """Fail after a change."""
        self.data["sum"] = -1
        raise ValueError("no")


def calling(*numbers: int, name: str = "add") -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": {"number": n} if name == "add" else {}} for n in numbers]}


def two(tools: Any = Tally, replies: list[Any] | None = None) -> list[Agent]:
    ana = Agent(name="Ana", model=ScriptedModel(["Please add.", "Goodbye. STOP"]))
    return [ana, Agent(name="Bot", tools=tools, model=ScriptedModel(replies or [calling(2), "Done.", "Bye!"]))]


def final(dialog: Dialog) -> dict[str, Any]:
    event = (dialog.events or [])[-1]
    assert (event.action, event.actionLabel, event.agent) == ("environment", "state", None)
    assert isinstance(event.content, dict)
    return event.content


def test_the_model_sees_the_methods_as_tools() -> None:
    agent = two()[1]
    assert [spec.name for spec in agent.tool_specs] == ["add", "fail"]
    assert agent.tool_specs[0].description == "Add a number."
    assert agent.tool_specs[0].parameters["properties"]["number"] == {"type": "integer", "description": "which."}
    assert [tool.name for tool in environment_tools(Tally, ["fail"])] == ["fail"]
    with pytest.raises(UnknownNameError, match="did you mean 'add'"):
        environment_tools(Tally, ["ad"])


def test_a_dialog_records_what_has_changed() -> None:
    recorded = final(run(converse(two(), seed=1)))
    assert recorded["name"] == "Tally"
    assert recorded["before"] == Tally().state_hash() != recorded["after"]
    assert recorded["changes"] == [
        {"path": ["sum"], "before": 0, "after": 2},
        {"path": ["steps"], "before": [], "after": [2]},
    ]


def test_a_dialog_without_environment_records_none() -> None:
    dialog = run(converse(two(tools=None, replies=["Hm.", "Bye."]), seed=1))
    assert all(event.action != "environment" for event in dialog.events or [])


def test_calls_of_one_message_are_made_in_their_order() -> None:
    dialog = run(converse(two(replies=[calling(1, 4, 2, 3), "Done.", "Bye!"]), seed=1))
    assert final(dialog)["changes"][1]["after"] == [1, 4, 2, 3]


def test_a_failed_call_changes_nothing() -> None:
    dialog = run(converse(two(replies=[calling(1, name="fail"), calling(3), "Done.", "Bye!"]), seed=1))
    assert final(dialog)["changes"][0] == {"path": ["sum"], "before": 0, "after": 3}


def test_two_dialogs_never_share_a_state() -> None:
    result = generate(two(), 24, concurrency=24)
    assert result.ok
    assert {final(dialog)["changes"][0]["after"] for dialog in result.dialogs()} == {2}


def test_agents_of_a_dialog_share_its_environment() -> None:
    ana = Agent(name="Ana", tools=Tally, model=ScriptedModel([calling(1), "I have added one.", "Goodbye. STOP"]))
    dialog = run(converse([ana, two()[1]], seed=1))
    assert final(dialog)["changes"][1]["after"] == [1, 2]


def test_two_environments_are_refused() -> None:
    other = EnvironmentFactory(Tally, {"sum": 5, "steps": []})
    with pytest.raises(ConfigError, match="two environments"):
        run(converse([two()[1], two(other)[1]]))
    with pytest.raises(ConfigError, match="two environments"):
        Agent(name="Bot", tools=[*environment_tools(Tally, ["add"]), *environment_tools(other, ["fail"])])


def test_an_agent_of_ones_own_keeps_its_environment_until_it_is_reset() -> None:
    bot = two(replies=[calling(2), "Done.", calling(3), "Done again."])[1]
    bot("Add two."), bot("Add three.")
    assert bot._default_session().environment.snapshot()["sum"] == 5  # type: ignore[union-attr]
    bot.reset()
    assert bot._default_session().environment.snapshot()["sum"] == 0  # type: ignore[union-attr]


WORLD = '''
from sdialog.core.environment import Environment

class Orders(Environment):
    fixture = {"B1": {"paid": False}}

    def pay(self, order: str) -> str:
        """Pay an order."""
        self.data[order]["paid"] = True
        return "paid"
'''
DESK = """
name: desk
environment: world.py:Orders
tasks:
  - {id: pay, goal: [{name: pay, args: {order: B1}}], personas: {"2": {name: Good}}}
  - {id: wait, goal: [], personas: {"2": {name: Lazy}, Ana: {age: "{20-30}"}}}
agents:
  - {name: Ana, persona: {age: 50}, model: {replies: ["Pay B1, please.", "Goodbye. STOP"]}}
  - name: null
    tools: ["environment:pay"]
    persona: {role: clerk}
    model: "scripted:lines.yaml"
"""
LINES = """
Good: [{tool_calls: [{name: pay, arguments: {order: B1}}]}, "Paid.", "Bye!"]
Lazy: ["Later.", "Bye!"]
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Scenario]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world.py").write_text(WORLD)
    (tmp_path / "lines.yaml").write_text(LINES)

    def made(text: str = DESK) -> Scenario:
        (tmp_path / "desk.yaml").write_text(text)
        return Scenario.from_file(tmp_path / "desk.yaml")

    return made


def test_the_gate_makes_a_new_environment_for_each_attempt(desk: Callable[..., Scenario]) -> None:
    gate = "gate: {validator: StateValidator, environment: world.py:Orders, goal: {subset: {B1: {paid: true}}}}\n"
    result = generate(desk(DESK + gate), 4)
    assert result.done == 2  # the task whose agent pays; the other one is rejected each time
    assert all(task_of(dialog) == "pay" for dialog in result.dialogs())
    assert {failure.message.rpartition(": ")[2] for failure in result.failures} == {
        "B1.paid is False, and should be True"
    }


def test_dialogs_take_the_tasks_in_turn(desk: Callable[..., Scenario]) -> None:
    dialogs = list(generate(desk(), 5).dialogs())
    assert [task_of(dialog) for dialog in dialogs] == ["pay", "wait", "pay", "wait", "pay"]
    assert dialogs[0].scenario == {
        "name": "desk",
        "task": {"id": "pay", "goal": [{"name": "pay", "args": {"order": "B1"}}]},
    }
    assert [dialog.get_speakers() for dialog in dialogs[:2]] == [["Ana", "Good"], ["Ana", "Lazy"]]
    assert dialogs[0].personas and dialogs[0].personas["Ana"]["age"] == 50
    assert dialogs[1].personas and 20 <= int(dialogs[1].personas["Ana"]["age"]) <= 30
    assert [StateValidator("world.py:Orders")(dialog) for dialog in dialogs] == [1] * 5


def test_the_bytes_do_not_depend_on_how_it_was_run(desk: Callable[..., Scenario], tmp_path: Path) -> None:
    generate(desk(), 40, tmp_path / "one", concurrency=1)
    generate(desk(), 40, tmp_path / "many", concurrency=32)
    whole = (tmp_path / "one" / "dialogs.jsonl").read_bytes()
    assert (tmp_path / "many" / "dialogs.jsonl").read_bytes() == whole
    lines = whole.splitlines(keepends=True)
    (tmp_path / "many" / "dialogs.jsonl").write_bytes(b"".join(lines[:13]) + lines[13][:50])  # torn off by a crash
    generate(desk(), 40, tmp_path / "many", concurrency=7)
    assert (tmp_path / "many" / "dialogs.jsonl").read_bytes() == whole


def test_a_changed_fixture_makes_another_plan(desk: Callable[..., Scenario], tmp_path: Path) -> None:
    (tmp_path / "start.json").write_text('{"B1": {"paid": false}}')
    text = DESK.replace("world.py:Orders\n", "{type: world.py:Orders, fixture: start.json}\n", 1)
    before = desk(text).plan().describe()["files"]
    (tmp_path / "start.json").write_text('{"B1": {"paid": false}, "B2": {"paid": true}}')
    after = desk(text).plan().describe()["files"]
    assert {*before} == {"world.py", "start.json", "lines.yaml"} == {*after}
    assert {name for name in before if before[name] != after[name]} == {"start.json"}


def test_a_run_of_agents_notes_the_state_they_begin_with(tmp_path: Path) -> None:
    generate(two(), 1, tmp_path / "run")
    generate(two(), 2, tmp_path / "run")
    other = EnvironmentFactory(Tally, {"sum": 5, "steps": []})
    with pytest.raises(ConfigError, match="fresh"):
        generate(two(other), 2, tmp_path / "run")


def test_code_at_the_gate_runs_beside_the_event_loop() -> None:
    words = "```python\ndef double(n):\n    return {} * n\n```"
    for factor, done in ((2, 3), (3, 0)):
        scenario = Scenario.from_dict(
            {
                "agents": [{"name": "Ana"}, {"name": "Bot"}],
                "model": {"replies": [words.format(factor), "Goodbye. STOP"]},
                "gate": [{"validator": "CodeValidator", "tests": "assert double(2) == 4, double(2)"}],
                "gate_retries": 0,
            }
        )
        result = generate(scenario, 3)
        assert result.done == done
        assert all("AssertionError in line 1 of the tests: 6" in failure.message for failure in result.failures)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("world.py:Orders", "world.py:Order", r"line 3: .*did you mean 'Orders'"),
        ("environment:pay", "environment:pya", r"line 10: .*did you mean 'pay'"),
        ('"2": {name: Good}', '"3": {name: Good}', r"line 5: unknown agent '3'"),
        ("id: wait", "id: pay", r"line 6: two tasks have the id 'pay'"),
        ("id: wait", "nid: wait", r"line 6: "),
        ('["environment:pay"]', "[]", r"line 3: no agent has a tool of the environment"),
        ("environment: world.py:Orders\n", "", r"line 9: .*no sound 'environment'"),
        ("{name: Good}", "{nmae: Good}", r"line 5: .*did you mean 'name'"),
    ],
)
def test_mistakes_are_told_with_their_line(desk: Callable[..., Scenario], old: str, new: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        desk(DESK.replace(old, new, 1)).validate()


def test_a_call_that_never_ends_does_not_hold_the_dialog() -> None:
    release = threading.Event()

    class Slow(Environment):
        fixture: Any = {"n": 0}  # noqa: RUF012

        def wait(self) -> None:
            """Take long."""
            release.wait(60)

    ana, _ = two()
    replies = [calling(1, name="wait"), "Hm.", "Bye!"]
    bot = Agent(name="Bot", tools=Slow, tool_timeout=0.05, model=ScriptedModel(replies))
    dialog = run(converse([ana, bot], seed=1))
    release.set()
    assert final(dialog) == {"name": "Slow", "error": "a tool call that took too long was still being made"}
    with pytest.raises(EvaluationError, match="still being made"):
        StateValidator(Slow, []).explain(dialog)
    assert StateValidator(Slow, [], source="replay")(dialog) == 1  # what has failed is not made again
