"""Every orchestrator keeps the rules that conversations rely on, whatever it does."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdialog.orchestrators
from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Instruction, Turn
from sdialog.core.sync import run
from sdialog.orchestrators import BaseOrchestrator, orchestrators

FOLDER = Path(sdialog.orchestrators.__file__).parent
FILES = sorted(file.stem for file in FOLDER.glob("[a-z]*.py") if file.stem != "base")

# The arguments that each docstring asks for; those of the others all have defaults.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "change_mind": {"probability": 0.5, "reasons": ["it is late", "it is dear"], "max_times": 3},
    "instruction_list": {"instructions": ["Greet.", None, "Ask for the order number."]},
    "length": {"min": 4, "max": 8},
    "simple_reflex": {"condition": lambda said: "refund" in said, "instruction": "Follow the refund policy."},
    "simple_response": {
        "responses": {"greet": "Hello!", "ask": "What is your order number?"},
        "graph": {"greet": "ask"},
    },
}

dialogs = st.builds(
    lambda texts: Dialog(turns=[Turn(speaker="AB"[at % 2], text=text) for at, text in enumerate(texts)]),
    st.lists(
        st.sampled_from(["Hello!", "I want a refund.", "What is your order number?", "Bye!", "", "¿Qué?"]), max_size=9
    ),
)
every = pytest.mark.parametrize("name", FILES)
often = settings(deadline=None, max_examples=50)


def made(name: str) -> BaseOrchestrator:
    """Make an orchestrator at the side of an agent called A, so that it may ask what the agent would say."""
    made: Callable[..., BaseOrchestrator] = orchestrators.get(name)
    agent = Agent(name="A", model=ScriptedModel(["Hello!", "Goodbye!"]))
    agent.add_orchestrators(orchestrator := made(**ARGUMENTS[name]))
    return orchestrator


class Beside:
    """The running side of an agent called A that would always say the same."""

    name = "A"
    agent = SimpleNamespace(name="A")

    async def lookahead(self, message: str | None = None) -> str:
        return "Hello there!"

    def lookahead_from_thread(self) -> str:
        return "Hello there!"


def advice(orchestrator: BaseOrchestrator, dialog: Dialog) -> str | None:
    """Ask as a conversation does, and return the words."""
    said = run(orchestrator.ainstruct(dialog, orchestrator.utterance_for_target(dialog)))
    assert said is None or isinstance(said, (str, Instruction))
    return said.text if isinstance(said, Instruction) else said


def test_every_built_in_orchestrator_is_checked_here() -> None:
    assert sorted(ARGUMENTS) == FILES
    assert {orchestrators.get(name).__name__ for name in FILES} <= set(orchestrators.names())


@every
def test_its_class_and_its_file_share_a_name(name: str) -> None:
    kind = orchestrators.get(name)
    assert kind.__name__ == "".join(part.capitalize() for part in name.split("_")) + "Orchestrator"
    assert orchestrators.get(kind.__name__) is kind and issubclass(kind, BaseOrchestrator)


@every
def test_every_argument_is_documented_and_can_be_read_back(name: str) -> None:
    kind, documented = orchestrators.get(name), inspect.getdoc(orchestrators.get(name)) or ""
    arguments = [argument for argument in inspect.signature(kind).parameters if argument in ARGUMENTS[name]]
    assert all(f"{argument}:" in documented for argument in inspect.signature(kind).parameters)
    assert all(hasattr(made(name), argument) for argument in arguments)


@every
def test_it_describes_itself_in_json_the_same_way_each_time(name: str) -> None:
    data = made(name).json()
    assert isinstance(data, dict) and data["name"] == orchestrators.get(name).__name__
    assert set(ARGUMENTS[name]) <= set(data["args"])
    assert json.loads(json.dumps(data)) == data == made(name).json() == json.loads(str(made(name).json(string=True)))


@every
@often
@given(dialog=dialogs)
def test_it_leaves_the_dialog_as_it_is(name: str, dialog: Dialog) -> None:
    before = dialog.json_line()
    orchestrator = made(name)
    said = orchestrator(dialog)
    assert said is None or isinstance(said, (str, Instruction))
    advice(orchestrator.copy_for(Beside(), random.Random(7)), dialog)
    assert dialog.json_line() == before


@every
@often
@given(past=dialogs, dialog=dialogs, seed=st.integers(0, 2**32))
def test_a_copy_knows_nothing_of_other_conversations(name: str, past: Dialog, dialog: Dialog, seed: int) -> None:
    used = made(name)
    for _ in range(3):
        advice(used.copy_for(Beside(), random.Random(1)), past)
    used(past)
    copy = used.copy_for(Beside(), random.Random(seed))
    fresh = made(name).copy_for(Beside(), random.Random(seed))
    described = used.json()
    assert [advice(copy, dialog) for _ in range(4)] == [advice(fresh, dialog) for _ in range(4)]
    assert copy is not used and used.json() == described


@every
@often
@given(dialog=dialogs, seed=st.integers(0, 2**32))
def test_reset_begins_anew(name: str, dialog: Dialog, seed: int) -> None:
    orchestrator = made(name).copy_for(Beside(), random.Random(seed))
    first = [advice(orchestrator, dialog) for _ in range(4)]
    orchestrator.reset()
    orchestrator.rng = random.Random(seed)
    assert [advice(orchestrator, dialog) for _ in range(4)] == first


@every
def test_an_agent_works_with_it_and_stays_as_it_was(name: str) -> None:
    plain = Agent(name="A", system_prompt="You are A.", model=ScriptedModel(["Hello!", "Goodbye!"]))
    orchestrator = orchestrators.get(name)(**ARGUMENTS[name])
    events = (plain | orchestrator)("I want a refund.", return_events=True)
    assert events is not None and events[-1].action == "utter"
    assert plain.orchestrators == ()
    assert {event.actionLabel for event in events if event.action == "instruct"} <= {orchestrator.get_event_label()}
