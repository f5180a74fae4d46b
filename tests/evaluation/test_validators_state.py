"""The state validator: goals of every kind, states recorded and replayed, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from sdialog import Dialog, Event, Turn
from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.environment import Environment
from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError
from sdialog.core.sync import run
from sdialog.evaluation import score_dialogs
from sdialog.evaluation.validators.state import StateValidator, task_of
from sdialog.simulation import converse


class Orders(Environment):
    """Orders by number."""

    fixture: Any = {"B1": {"state": "paid", "euros": 5}, "B2": {"state": "paid", "euros": 7}, "log": 0}  # noqa: RUF012

    def refund(self, order: str) -> str:
        """Refund an order."""
        self.data[order]["state"] = "refunded"
        return "done"

    def drop(self, order: str) -> str:
        """Forget an order."""
        del self.data[order]
        return "done"

    def try_twice(self) -> str:
        """Fail."""
        raise RuntimeError("never works")


def call(name: str, output: Any = "done", **args: Any) -> list[Event]:
    identity = f"{name}{sorted(args.items())}"
    made = {"action": "tool", "agent": "Bot", "timestamp": 0}
    return [
        Event(**made, actionLabel="call", content={"name": name, "args": args, "id": identity}),
        Event(**made, actionLabel="output", content={"name": name, "output": output, "call_id": identity}),
    ]


def dialog(*calls: list[Event], said: str = "Done.", **fields: Any) -> Dialog:
    events = [event for pair in calls for event in pair]
    return Dialog(events=events, turns=[Turn(speaker="Bot", text=said)], **fields)


B1 = {"state": "refunded", "euros": 5}
REFUNDED = {"B1": B1, "B2": {"state": "paid", "euros": 7}, "log": 0}
REFUND_B1 = call("refund", order="B1")


@pytest.mark.parametrize(
    ("goal", "passes", "fails"),
    [
        ([{"name": "refund", "args": {"order": "B1"}}], [REFUND_B1], []),
        ({"actions": [{"name": "refund", "arguments": {"order": "B1"}}]}, [REFUND_B1], [call("refund", order="B2")]),
        ({"state": REFUNDED}, [REFUND_B1], [REFUND_B1, call("drop", order="B2")]),
        ({"subset": {"B1": {"state": "refunded"}}}, [REFUND_B1, call("drop", order="B2")], [call("drop", order="B1")]),
        (lambda state: state["B1"]["state"] == "refunded", [REFUND_B1], []),
        ({"check": lambda state: ("B2" in state, "B2 is lost")}, [REFUND_B1], [call("drop", order="B2")]),
        ([], [], [REFUND_B1]),
        ({"outputs": ["done"]}, [call("drop", order="B2")], None),
    ],
)
def test_goals_of_every_kind(goal: Any, passes: list[list[Event]], fails: list[list[Event]] | None) -> None:
    validator = StateValidator(Orders, goal)
    assert validator(dialog(*passes)) == 1
    if fails is not None:
        assert validator(dialog(*fails)) == 0


@pytest.mark.parametrize(
    ("goal", "calls", "told"),
    [
        ({"state": REFUNDED}, [], "B1.state is 'paid', and should be 'refunded'"),
        (
            {"state": REFUNDED},
            [REFUND_B1, call("drop", order="B2")],
            "B2 is missing, and should be {'state': 'paid', 'euros': 7}",
        ),
        ({"state": {"B1": B1, "log": 0}}, [REFUND_B1], "B2 is {'state': 'paid', 'euros': 7}, and should not be there"),
        ({"subset": {"B3": 1, "log": 2}}, [], "B3 is missing, and should be 1; 1 more difference"),
        ({"check": lambda state: (False, "too late")}, [], "too late"),
        (lambda state: False, [], "the goal's check does not hold"),
        ({"actions": [], "outputs": ["5 euros", "1,000"]}, [], "nobody said '5 euros', '1,000'"),
    ],
)
def test_what_it_says(goal: Any, calls: list[list[Event]], told: str) -> None:
    assert StateValidator(Orders, goal).explain(dialog(*calls)).reason == told


def test_the_explanation_lists_every_difference() -> None:
    found = StateValidator(Orders, {"state": REFUNDED}).explain(dialog(call("drop", order="B2")))
    assert found.details["differences"] == [
        {"path": "B1.state", "expected": "refunded", "found": "paid"},
        {"path": "B2", "expected": {"state": "paid", "euros": 7}},
    ]


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("That makes 1000 Euros.", 1),
        ("1,000 euros it is", 1),
        ("11000 euros", 0),
        ("1000 eurosceptics", 0),
        ("1000   euros", 1),
    ],
)
def test_outputs_are_words_in_any_case_without_commas(said: str, passes: int) -> None:
    assert StateValidator(Orders, {"actions": [], "outputs": ["1,000 euros"]})(dialog(said=said)) == passes


@pytest.mark.parametrize(
    ("wanted", "said", "passes"),
    [
        ("59", "It is 59.99.", 0),
        ("59", "It is 59.", 1),
        ("59", "59.00 euros", 1),
        ("9", "It is 3.9", 0),
        ("54.04", "It is 154.04", 0),
        ("$54.04", "It is $54.04.", 1),
        ("Paris", "1.Paris", 1),
    ],
)
def test_a_number_is_not_said_by_a_longer_one(wanted: str, said: str, passes: int) -> None:
    assert StateValidator(Orders, {"outputs": [wanted]})(dialog(said=said)) == passes


def test_outputs_of_one_speaker_only() -> None:
    validator = StateValidator(Orders, {"outputs": ["done"]}, ai_speaker="Ava")
    assert validator(dialog(said="Done.")) == 0


def test_goals_by_task_and_from_the_dialog() -> None:
    goals = {"refund": {"subset": {"B1": B1}}, "nothing": []}
    validator = StateValidator(Orders, goals=goals)
    of = {task: dialog(REFUND_B1, scenario={"task": {"id": task}}) for task in ("refund", "nothing", "other")}
    assert [validator(of[task]) for task in of] == [1, 0, None]
    assert validator.explain(of["other"]).reason == "there is no goal for task 'other'"
    assert validator.explain(of["refund"]).details["task"] == "refund"
    assert validator.explain(dialog()).reason == "the dialog does not record which task it is a trial of"
    recorded = dialog(REFUND_B1, scenario={"task": {"id": 7, "goal": {"subset": {"B1": B1}}}})
    assert StateValidator(Orders)(recorded) == 1
    assert task_of(recorded) == "7"
    assert task_of(dialog(scenario={"task": "plain"})) == "plain"
    assert StateValidator(Orders).explain(dialog()).reason == "the dialog records no goal, and none is given"


def talked(*calls: dict[str, Any]) -> Dialog:
    ana = Agent(name="Ana", model=ScriptedModel(["Please.", "Goodbye. STOP"]))
    replies = [*({"tool_calls": [one]} for one in calls), "Done.", "Bye!"]
    return run(converse([ana, Agent(name="Bot", tools=Orders, model=ScriptedModel(replies))], seed=1))


def test_recorded_and_replayed_states_are_the_same() -> None:
    made = talked(
        {"name": "refund", "arguments": {"order": "B1"}},
        {"name": "refund", "arguments": {"order": "B9"}},  # fails, and changes nothing
        {"name": "refund", "arguments": {"colour": "red"}},  # is refused
        {"name": "try_twice", "arguments": {}},
        {"name": "no_such_tool", "arguments": {}},
    )
    hashes = set()
    for source in ("recorded", "replay", "auto"):
        found = StateValidator(Orders, {"state": REFUNDED}, source=source).explain(made)  # type: ignore[arg-type]
        assert found.passed
        assert found.details["source"] == ("replay" if source == "replay" else "recorded")
        hashes.add(found.details["state_hash"])
    assert len(hashes) == 1


def test_replay_needs_no_outputs_and_tells_failures() -> None:
    calls = [Event(action="tool", actionLabel="call", content={"name": "refund", "args": {"order": o}}, timestamp=0)
             for o in ("B1", "B9")]  # fmt: skip
    found = StateValidator(Orders, {"state": REFUNDED}).explain(Dialog(events=calls))
    assert found.passed
    assert found.details["failed_calls"] == ["refund: KeyError: 'B9'"]


def test_a_call_that_failed_in_the_dialog_is_not_made_again() -> None:
    late = call("refund", '{"error": "timed out after 30 s"}', order="B1")
    assert StateValidator(Orders, [])(dialog(late)) == 1
    own_words = call("refund", '{"error": "none", "state": "refunded"}', order="B1")
    assert StateValidator(Orders, {"state": REFUNDED})(dialog(own_words)) == 1


def test_what_cannot_be_told_is_missing_and_not_zero() -> None:
    unknown = Dialog(turns=[Turn(text="Hi")])
    assert StateValidator(Orders, []).explain(unknown).passed is None
    assert StateValidator(Orders, [], source="recorded").explain(dialog()).passed is None
    (result,) = score_dialogs([StateValidator(Orders, [])], [unknown, dialog()])
    assert (result.n, result.n_missing, float(result)) == (1, 1, 1.0)


def test_a_record_of_another_fixture_or_a_damaged_one_is_an_error() -> None:
    made = talked({"name": "refund", "arguments": {"order": "B1"}})

    class Changed(Orders):
        fixture: Any = {**Orders.fixture, "log": 1}  # noqa: RUF012

    with pytest.raises(EvaluationError, match="began in another state"):
        StateValidator(Changed, []).explain(made)
    assert made.events
    assert isinstance(made.events[-1].content, dict)
    made.events[-1].content["changes"][0]["after"] = "stolen"
    with pytest.raises(EvaluationError, match="do not lead to"):
        StateValidator(Orders, []).explain(made)
    made.events[-1].content["changes"][0]["path"] = ["B9", "state"]
    with pytest.raises(EvaluationError, match="do not fit"):
        StateValidator(Orders, []).explain(made)
    (result,) = score_dialogs([StateValidator(Orders, [])], [made])
    assert result.items[0].error is not None
    assert result.n == 0


@pytest.mark.parametrize(
    "goal",
    [
        5,
        {},
        {"stat": {}},
        {"state": {}, "actions": []},
        [{"nam": "x"}],
        {"actions": "refund"},
        {"outputs": "done"},
        {"check": 1},
    ],
)
def test_goals_that_are_none(goal: Any) -> None:
    with pytest.raises(ConfigError, match=r"goal|actions|outputs|check"):
        StateValidator(Orders, goal)


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="not both"):
        StateValidator(Orders, [], goals={})
    with pytest.raises(UnknownNameError, match="did you mean 'replay'"):
        StateValidator(Orders, [], source="replayed")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="own action refund"):
        StateValidator(Orders, [{"name": "refund", "args": {"order": "B9"}}]).explain(dialog())
    with pytest.raises(ConfigError, match="bool"):
        StateValidator(Orders, lambda state: 1).explain(dialog())
