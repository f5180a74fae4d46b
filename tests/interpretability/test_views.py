"""Dialogs as one party saw them."""

from __future__ import annotations

from typing import Any

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Event, Turn
from sdialog.core.sync import run
from sdialog.interpretability.caching.views import Viewpoint
from sdialog.interpretability.running._inputs import seen_by
from sdialog.llm.types import GenerateResult, Message, ToolCall
from sdialog.orchestrators import InstructionListOrchestrator
from sdialog.personas import Customer
from sdialog.simulation.conversation import converse


def dialog() -> Dialog:
    said = (("Ann", "Hello!"), ("Bob", "Hi, how can I help you?"), ("Ann", "My lamp is late."), ("Bob", "I see."))
    return Dialog(turns=[Turn(speaker=name, text=text) for name, text in said])


def test_a_view_is_the_memory_that_the_agent_had() -> None:
    def check_order(order: str) -> str:
        """Looks an order up."""
        return f"{order} is late"

    calls = [
        "Hi, what is it?",
        GenerateResult(tool_calls=(ToolCall("", "check_order", {"order": "4711"}),), finish_reason="tool_calls"),
        "It is late.",
        "Goodbye. STOP",
    ]
    bob = Agent(
        Customer(name="Bob"),
        model=ScriptedModel(calls),
        tools=[check_order],
        orchestrators=InstructionListOrchestrator({1: "Be brief."}, persistent=True),
    )
    ann = Agent(name="Ann", model=ScriptedModel(["Hello.", "Where is 4711?", "Thanks."]))
    memories: list[list[Message]] = []

    class Watching:
        def interventions(self, call: Any) -> list[Any]:
            return []

        def received(self, call: Any, request: Any, result: Any) -> None:
            memories.append(list(request.messages))

    bob.inspectors = (Watching(),)
    made = run(converse([ann, bob], seed=1))
    view = Viewpoint(bob).view(made)
    last = memories[-1]
    told = list(view.messages[: len(last)])
    assert [(m.role, m.content, m.name) for m in told] == [(m.role, m.content, m.name) for m in last]
    assert [[c.name for c in m.tool_calls] for m in told] == [[c.name for c in m.tool_calls] for m in last]
    assert view.tools == bob.tool_specs and "Goodbye." in [m.content for m in view.messages]
    # The call and its result belong to the turn that they led to.
    assert [turn for turn, m in zip(view.turns, view.messages, strict=True) if m.role == "tool"] == [3]


def test_without_an_agent_the_recorded_persona_speaks() -> None:
    bob = Customer(name="Bob", politeness="rude")
    one = Dialog(turns=dialog().turns, personas={"Bob": bob})
    view = Viewpoint(None).view(one)
    assert view.messages[0].content == Agent(bob, model=ScriptedModel(["Hi."])).prompt()
    assert Viewpoint(None).view(dialog()).messages[0].role == "user"
    assert Viewpoint(None, "Ann").view(dialog()).messages[0].role == "assistant"


def test_events_that_do_not_fit_the_turns_are_left_out() -> None:
    one = dialog()
    one.events = [Event(agent="Bob", action="instruct-persist", content="Be brief.", timestamp=0)]
    assert len(Viewpoint(None).view(one).messages) == len(one)


def test_three_parties_are_told_apart_by_name_wherever_a_dialog_is_read() -> None:
    turns = [Turn(speaker=name, text="Hi.") for name in ("Ann", "Bob", "Eve")]
    view = Viewpoint(None, "Bob").view(Dialog(turns=turns))
    assert [m.content for m in view.messages] == ["Ann: Hi.", "Hi.", "Eve: Hi."]
    assert [m.content for m in seen_by(Dialog(turns=turns), "Bob")] == ["Ann: Hi.", "Hi.", "Eve: Hi."]
