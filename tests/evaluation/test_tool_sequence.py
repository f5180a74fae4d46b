"""The truth table of the tool validator, and what it says when a dialog does not pass."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Event
from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError
from sdialog.evaluation import ToolCalled, ToolSequenceValidator, score_dialogs
from sdialog.simulation import Scenario, converse, generate

SAID = Event(agent="Ann", action="utter", content="Please.", timestamp=0)


def call(name: str, agent: str = "Bot", identity: str | None = None, **args: Any) -> Event:
    content = {"name": name, "args": args, "id": identity}
    return Event(agent=agent, action="tool", actionLabel="call", content=content, timestamp=0)


def output(identity: str, text: str) -> Event:
    content = {"name": "x", "output": text, "call_id": identity}
    return Event(agent="Bot", action="tool", actionLabel="output", content=content, timestamp=0)


def after_speech(*names: str) -> Dialog:
    return Dialog(events=[SAID, *map(call, names)])


@pytest.mark.parametrize(
    ("wanted", "calls", "passes"),
    [
        # the documentation's own example
        (["not:send", "charge", "update"], ["charge", "send", "update"], 1),
        (["not:send", "charge", "update"], ["charge", "update", "send"], 1),
        (["not:send", "charge", "update"], ["send", "charge", "update"], 0),
        (["not:send", "charge", "update"], ["charge", "update"], 1),
        # order, gaps, repetitions
        (["a", "b"], ["a", "b"], 1),
        (["a", "b"], ["b", "a"], 0),
        (["a", "b"], ["b", "a", "b"], 1),
        (["a", "b"], ["a", "x", "y", "b"], 1),
        (["a", "a"], ["a"], 0),
        (["a", "a"], ["a", "b", "a"], 1),
        (["a"], [], 0),
        # forbidden before the next required one
        (["a", "not:x", "b"], ["a", "b", "x"], 1),
        (["a", "not:x", "b"], ["a", "x", "b"], 0),
        (["a", "not:x", "b"], ["x", "a", "b"], 0),
        (["not:x"], ["a"], 1),
        (["not:x"], ["x"], 0),
        (["a", "not:x"], ["a", "x"], 0),
        (["not:x", "not:y", "a"], ["y", "a"], 0),
        # forbidden anywhere
        (["a", "never:x"], ["a", "x"], 0),
        (["never:x", "a"], ["a"], 1),
        # nothing named
        ([], ["a"], 0),
        # a tool may be called as an action is
        (["utter"], [], 0),
        (["utter"], ["utter"], 1),
    ],
)
def test_the_truth_table(wanted: list[str], calls: list[str], passes: int) -> None:
    validator = ToolSequenceValidator(wanted)
    assert validator(after_speech(*calls)) == passes
    assert (validator.explain(after_speech(*calls)).reason is None) == bool(passes)


def test_the_first_call_comes_after_somebody_has_spoken() -> None:
    validator = ToolSequenceValidator(["a"])
    assert validator(Dialog(events=[call("a"), SAID])) == 0
    assert validator.explain(Dialog(events=[call("a"), SAID])).reason == "a was called before anybody had spoken"
    thought = Event(agent="Bot", action="think", content="hm", timestamp=0)
    assert validator(Dialog(events=[thought, call("a")])) == 0
    assert validator(Dialog(events=[call("a"), SAID, call("a")])) == 1


def test_arguments_agents_outputs_and_numbers_may_be_asked_for() -> None:
    dialog = Dialog(
        events=[
            SAID,
            call("refund", identity="1", order="B4821", amount=20),
            output("1", '{"ok": true}'),
            call("refund", agent="Boss", identity="2", order="B4821", amount=5),
            output("2", "denied"),
        ]
    )
    good: list[Any] = [
        {"name": "refund", "args": {"order": "B4821"}},
        ToolCalled("refund", args={"amount": lambda amount: amount < 10}),
        ToolCalled("refund", args=lambda args: sorted(args) == ["amount", "order"]),
        ToolCalled("refund", agent="Boss"),
        ToolCalled("refund", output="denied"),
        ToolCalled("refund", output=lambda text: "true" in text),
        ToolCalled("refund", count=2),
        {"name": "never:refund", "args": {"amount": 50}},
    ]
    bad: list[Any] = [
        {"name": "refund", "args": {"order": "B4822"}},
        {"name": "refund", "args": {"reason": None}},
        ToolCalled("refund", agent="Ann"),
        ToolCalled("refund", output="granted"),
        ToolCalled("refund", count=3),
        {"name": "never:refund", "args": {"amount": 20}},
    ]
    assert [ToolSequenceValidator([entry])(dialog) for entry in good] == [1] * len(good)
    assert [ToolSequenceValidator([entry])(dialog) for entry in bad] == [0] * len(bad)


def test_a_dialog_without_recorded_events_is_not_judged() -> None:
    (found,) = score_dialogs([ToolSequenceValidator(["a"])], [Dialog(), Dialog(events=[]), after_speech("a")])
    assert list(found) == [0.0, 1.0] and found.n_missing == 1
    assert "records no events" in str(found.items[0].reason)
    assert found.items[1].reason == "a was not called"


@pytest.mark.parametrize(
    "entries", ["charge", [5], [{"tool": "a"}], [{"name": "a", "arguments": {}}], [{"name": "a", "count": 0}], [""]]
)
def test_entries_that_cannot_be_read_are_refused(entries: Any) -> None:
    with pytest.raises(ConfigError):
        ToolSequenceValidator(entries)


@given(st.lists(st.sampled_from("abcx"), max_size=8), st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_it_is_a_search_for_an_ordered_subsequence(calls: list[str], wanted: list[str]) -> None:
    left = iter(calls)
    assert ToolSequenceValidator(wanted)(after_speech(*calls)) == all(name in left for name in wanted)
    # one more call of another tool at the end changes nothing, unless it is never to be called
    assert ToolSequenceValidator([*wanted, "never:z"])(after_speech(*calls, "z")) == 0


def test_dialogs_of_agents_are_read_as_they_are_recorded() -> None:
    def refund(order: str) -> str:
        """Give the money back."""
        return f"{order} refunded"

    turn = {"tool_calls": [{"name": "refund", "arguments": {"order": "B1"}}]}
    ann = Agent(name="Ann", model=ScriptedModel(["Money back for B1, please.", "Thanks. STOP"]))
    bot = Agent(name="Bot", tools=refund, model=ScriptedModel([turn, "Done."]))
    dialog = asyncio.run(converse([ann, bot]))
    entry = ToolCalled("refund", {"order": "B1"}, "Bot", "B1 refunded")
    assert ToolSequenceValidator([entry]).explain(dialog).passed


def test_the_gate_of_a_scenario_knows_it_by_name() -> None:
    agents = [{"name": name, "model": {"replies": ["Hi.", "Bye. STOP"]}} for name in ("Ann", "Bot")]
    gate = {"validator": "ToolSequenceValidator", "tool_names": ["refund"], "on_fail": "mark"}
    (dialog,) = generate(Scenario.from_dict({"agents": agents, "gate": [gate]}), 1).dialogs()
    marks = dialog.annotations["gate"]  # type: ignore[index, call-overload]
    assert marks == [{"validator": "ToolSequenceValidator", "passed": False, "reason": "refund was not called"}]
