"""One dialog: turns, endings, events, failures on the way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Context, Dialog, Event
from sdialog.core.errors import (
    BudgetExceededError,
    ConfigError,
    LLMError,
    ServerError,
    SimulationError,
    UnknownNameError,
)
from sdialog.core.sync import run
from sdialog.llm.middleware import Budget
from sdialog.llm.types import GenerateRequest
from sdialog.orchestrators import BaseOrchestrator, InstructionListOrchestrator
from sdialog.personas import Persona
from sdialog.simulation import Conversation, LoopDetector, converse
from sdialog.simulation.clocks import LogicalClock
from sdialog.simulation.conversation import speaker_names


def agent(name: str | None, *replies: Any, **more: Any) -> Agent:
    return Agent(name=name, model=ScriptedModel(list(replies)), **more)


def chatty(name: str, **more: Any) -> Agent:
    """An agent that says something new at every turn."""

    def reply(request: GenerateRequest) -> str:
        return f"{name} has point number {sum(m.role == 'assistant' for m in request.messages)} to make."

    return Agent(name=name, model=ScriptedModel(reply), **more)


def said(dialog: Dialog) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in dialog]


def talk(*agents: Agent, **options: Any) -> Dialog:
    return run(converse(agents, **{"seed": 1, **options}))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 7])
def test_max_turns_is_exact(most: int) -> None:
    dialog = talk(chatty("A"), chatty("B"), max_turns=most)
    assert len(dialog) == most
    assert (dialog.stopReason, dialog.complete) == ("max_turns", False)


def test_when_one_ends_the_other_answers_once() -> None:
    dialog = talk(
        agent("A", "Good morning.", "That is all I wanted. STOP"), agent("B", "Hello A.", "All the best to you.")
    )
    assert said(dialog)[-2:] == [("A", "That is all I wanted."), ("B", "All the best to you.")]
    assert (dialog.stopReason, dialog.complete) == ("agent_stop", True)


def test_one_who_has_said_goodbye_does_not_answer_a_goodbye() -> None:
    dialog = talk(agent("A", "Good morning.", "Bye, take care. STOP"), agent("B", "Goodbye, and thanks."))
    assert said(dialog) == [("A", "Good morning."), ("B", "Goodbye, and thanks."), ("A", "Bye, take care.")]
    assert dialog.stopReason == "agent_stop"


def test_a_dialog_that_ends_at_the_last_turn_is_complete() -> None:
    dialog = talk(agent("A", "I am done here. STOP"), chatty("B"), max_turns=1)
    assert (len(dialog), dialog.stopReason) == (1, "agent_stop")


def test_the_closing_reply_may_carry_its_own_end_marker() -> None:
    dialog = talk(agent("A", "Hello there.", "Bye. STOP"), agent("B", "What is it?", "Goodbye! STOP"))
    assert said(dialog)[-1] == ("B", "Goodbye!")
    assert dialog.stopReason == "agent_stop"


def test_an_end_marker_alone_ends_without_a_turn_and_keeps_events() -> None:
    final = {"thinking": "Nothing is left to say.", "text": "STOP"}
    dialog = talk(agent("A", "Hello B.", final), agent("B", "See you soon, A."))
    assert said(dialog) == [("A", "Hello B."), ("B", "See you soon, A.")]
    assert dialog.stopReason == "agent_stop"
    assert [(e.agent, e.action) for e in dialog.events or []][-1] == ("A", "think")


def test_an_empty_reply_ends_it_after_retries_and_is_no_completion() -> None:
    dialog = talk(agent("A", "Hello B."), agent("B", {"thinking": "I am lost for words.", "text": ""}))
    assert (dialog.stopReason, dialog.complete) == ("empty_reply", False)
    assert any(event.action == "think" for event in dialog.events or [])


def test_repetition_and_goodbye_loops_end_it() -> None:
    stuck = talk(agent("A", "Where is my parcel?"), agent("B", "Let me look that up."), max_turns=50)
    assert (stuck.stopReason, len(stuck)) == ("repetition", 5)
    polite = talk(agent("A", "Goodbye!"), agent("B", "Bye bye!"), max_turns=50)
    assert (polite.stopReason, len(polite)) == ("goodbye_loop", 3)
    free = talk(agent("A", "Where is my parcel?"), agent("B", "Let me look."), max_turns=12, loops=LoopDetector(0))
    assert (free.stopReason, len(free)) == ("max_turns", 12)


def test_who_was_there_is_recorded() -> None:
    dialog = talk(
        chatty("A", persona=Persona(name="A", role="tester")), chatty("B"), max_turns=2, notes={"n": 1}, id="x"
    )
    assert dialog.personas is not None
    assert dialog.personas["A"]["role"] == "tester"
    assert dialog.personas["B"] == {}
    assert set(dialog.models or {}) == {"A", "B"}
    assert dialog.model == (dialog.models or {})["A"]
    assert (dialog.id, dialog.seed, dialog.notes) == ("x", 1, {"n": 1})


def test_the_context_is_for_this_dialog_alone() -> None:
    seen: list[str] = []

    def reply(request: GenerateRequest) -> str:
        seen.append(request.messages[0].content)
        return "Yes, I see."

    listener = Agent(Persona(name="A"), model=ScriptedModel(reply))
    with_context = talk(listener, chatty("B"), max_turns=1, context=Context(location="a lighthouse"))
    without = talk(listener, chatty("B"), max_turns=1)
    assert with_context.context == {"location": "a lighthouse"}
    assert without.context is None
    assert "lighthouse" in seen[0]
    assert "lighthouse" not in seen[1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([None, None], ["Me", "Other"]),
        (["", "Ana"], ["Me", "Ana"]),
        (["Ana", "Ana"], ["Ana", "Ana 2"]),
        (["Ana", "Ana", "Ana 2"], ["Ana", "Ana 2", "Ana 2 2"]),
        ([None, "Agent 1", None], ["Agent 1", "Agent 1 2", "Agent 3"]),
    ],
)
def test_speakers_are_distinct(given: list[str | None], expected: list[str]) -> None:
    assert speaker_names(given) == expected


def test_events_are_in_order_and_stamped_by_the_clock() -> None:
    guided = agent(
        "A", "Hello there.", "Fine, thanks.", orchestrators=InstructionListOrchestrator(["Greet.", "Thank."])
    )
    dialog = talk(guided, chatty("B"), max_turns=3, clock=LogicalClock())
    events = dialog.events or []
    assert [(e.agent, e.action) for e in events] == [
        ("A", "instruct"),
        ("A", "utter"),
        ("B", "utter"),
        ("A", "instruct"),
        ("A", "utter"),
    ]
    stamps = [event.timestamp for event in events]
    assert stamps == sorted(set(stamps))
    assert dialog.timestamp is None
    assert abs((talk(chatty("A"), chatty("B"), max_turns=1).events or [])[0].timestamp - time.time()) < 60


def test_the_same_seed_gives_the_same_dialog_at_any_time() -> None:
    def make() -> Dialog:
        opener = agent("A", "unused", "Let us talk.", "Good.", first_utterance=["Hi!", "Hello!", "Good day!", "Hey!"])
        return talk(opener, chatty("B"), max_turns=4, clock=LogicalClock(), id="same", seed=5)

    assert make() == make()


def test_one_agent_is_in_many_dialogs_at_once() -> None:
    ana, ben = chatty("Ana"), chatty("Ben")

    async def many() -> list[Dialog]:
        return await asyncio.gather(*(converse([ana, ben], max_turns=6, seed=n) for n in range(20)))

    assert {tuple(said(dialog)) for dialog in run(many())} == {tuple(said(talk(ana, ben, max_turns=6)))}


def test_a_model_failure_carries_the_partial_dialog_and_its_cause() -> None:
    broken = agent("B", "I am fine.", ServerError("HTTP 503"))
    with pytest.raises(SimulationError, match="HTTP 503") as caught:
        talk(chatty("A"), broken)
    partial = caught.value.partial
    assert partial is not None
    assert len(partial) == 3
    assert (partial.stopReason, partial.complete) == ("error", False)
    assert isinstance(caught.value.__cause__, LLMError)


def test_a_spent_budget_is_told_apart_from_other_errors() -> None:
    guarded = Budget(max_calls=3).guard(ScriptedModel(["Let us see.", "And then?", "What else?"]))
    with pytest.raises(SimulationError) as caught:
        talk(Agent(name="A", model=guarded), chatty("B"))
    assert caught.value.partial is not None
    assert caught.value.partial.stopReason == "budget"
    assert isinstance(caught.value.__cause__, BudgetExceededError)


def test_a_turn_that_takes_too_long_is_a_timeout() -> None:
    slow = agent("B", {"text": "At last.", "delay": 30})
    with pytest.raises(SimulationError, match=r"longer than 0\.05 s") as caught:
        talk(chatty("A"), slow, turn_timeout=0.05)
    assert caught.value.partial is not None
    assert (caught.value.partial.stopReason, len(caught.value.partial)) == ("timeout", 1)


def test_a_cancelled_conversation_keeps_what_was_said() -> None:
    slow = agent("B", {"text": "At last.", "delay": 30})

    async def cancelled() -> Dialog:
        conversation = Conversation([chatty("A"), slow], seed=1)
        task = asyncio.create_task(conversation.run())
        while not len(conversation.dialog):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return conversation.dialog

    dialog = run(cancelled())
    assert (len(dialog), dialog.stopReason) == (1, "cancelled")


def tool_events(dialog: Dialog) -> list[Event]:
    return [event for event in dialog.events or [] if event.action == "tool"]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def test_a_failing_tool_is_told_to_the_model_and_logged() -> None:
    def refund(order: str) -> str:
        """Give the money back."""
        raise RuntimeError(f"order {order} is locked")

    helper = agent("B", call("refund", order="7"), "I am afraid the order is locked. STOP", tools=[refund])
    dialog = talk(agent("A", "My money back, please.", "A pity, goodbye."), helper)
    assert dialog.stopReason == "agent_stop"
    first, output = tool_events(dialog)
    assert (first.actionLabel, output.actionLabel) == ("call", "output")
    assert "RuntimeError: order 7 is locked" in output.content["output"]  # type: ignore[call-overload]


def test_a_hanging_tool_is_given_up_and_the_dialog_goes_on() -> None:
    async def track(order: str) -> str:
        """Track a parcel."""
        await asyncio.sleep(60)
        return "never"

    def track_too(order: str) -> str:
        """Track a parcel, blocking."""
        time.sleep(0.5)
        return "late"

    helper = agent(
        "B",
        call("track", order="7"),
        call("track_too", order="7"),
        "The system does not answer, sorry. STOP",
        tools=[track, track_too],
        tool_timeout=0.05,
    )
    dialog = talk(agent("A", "Where is my parcel?", "Too bad, goodbye."), helper)
    assert dialog.stopReason == "agent_stop"
    outputs = [str(event.content) for event in tool_events(dialog) if event.actionLabel == "output"]
    assert len(outputs) == 2
    assert all("timed out" in output for output in outputs)


def test_a_model_that_loops_on_tools_ends_the_dialog_with_that_reason() -> None:
    def look(page: int) -> str:
        """Look at a page."""
        return "nothing here"

    looping = agent("B", call("look", page=1), tools=[look], max_tool_rounds=3)
    dialog = talk(agent("A", "Please find it."), looping)
    assert (dialog.stopReason, dialog.complete) == ("tool_loop", False)
    assert len([event for event in tool_events(dialog) if event.actionLabel == "call"]) >= 3


def test_three_agents_and_a_moderator() -> None:
    chair = agent("Chair", "Welcome. Ana, please begin.", "Ben", "Cleo, your view?", "Thank you all. Good night. STOP")
    dialog = talk(
        chair,
        agent("Ana", "I am for it, with care."),
        agent("Ben", "I am against it, and firmly."),
        agent("Cleo", "I cannot decide."),
        turn_taking={"moderator": "Chair"},
    )
    assert [turn.speaker for turn in dialog] == ["Chair", "Ana", "Ben", "Chair", "Cleo", "Chair"]
    assert dialog.stopReason == "agent_stop"
    choices = [(e.agent, e.content) for e in dialog.events or [] if e.action == "select_speaker"]
    assert choices == [("Chair", "Ana"), ("Chair", "Ben"), ("Chair", "Cleo")]
    assert [e.content for e in dialog.events or [] if e.action == "utter"] == [turn.text for turn in dialog]


def test_more_than_two_hear_who_said_what() -> None:
    heard: list[str] = []

    def reply(request: GenerateRequest) -> str:
        heard.extend(message.content for message in request.messages if message.role == "user")
        return "I agree with both of you."

    talk(
        agent("Ana", "I like it."),
        agent("Ben", "I do not."),
        Agent(name="Cleo", model=ScriptedModel(reply)),
        max_turns=3,
    )
    assert heard == ["Ana: I like it.", "Ben: I do not."]


def test_in_a_group_one_may_leave_and_the_others_go_on() -> None:
    dialog = talk(chatty("A"), agent("B", "I have to leave now, bye. STOP"), chatty("C"), max_turns=7)
    assert [turn.speaker for turn in dialog] == ["A", "B", "C", "A", "C", "A", "C"]


def test_a_group_that_is_cut_off_is_not_complete_although_one_has_left() -> None:
    dialog = talk(chatty("A"), agent("B", "I have to leave now, bye. STOP"), chatty("C"), max_turns=7)
    assert (dialog.stopReason, dialog.complete) == ("max_turns", False)
    closed = talk(
        agent("Chair", "That is all for today. STOP"),
        chatty("A"),
        chatty("B"),
        turn_taking={"moderator": "Chair"},
        max_turns=1,
    )
    assert (closed.stopReason, closed.complete) == ("agent_stop", True)


def test_silence_after_the_other_has_ended_it_is_no_empty_reply() -> None:
    dialog = talk(agent("A", "Hello B.", "I must run. STOP"), agent("B", "Hello A.", ""))
    assert said(dialog)[-1] == ("A", "I must run.")
    assert (dialog.stopReason, dialog.complete) == ("agent_stop", True)


def test_a_time_limit_of_somebody_else_is_an_error_and_not_the_turns() -> None:
    class Hurried(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str:
            raise TimeoutError("the weather service is slow")

    with pytest.raises(SimulationError, match="the weather service is slow") as caught:
        talk(chatty("A", orchestrators=Hurried()), chatty("B"), turn_timeout=30)
    assert caught.value.partial is not None
    assert caught.value.partial.stopReason == "error"


def test_a_group_ends_when_only_one_is_left() -> None:
    dialog = talk(agent("A", "Hello. STOP"), agent("B", "I leave too. STOP"), chatty("C"), max_turns=20)
    assert [turn.speaker for turn in dialog] == ["A", "B", "C"]
    assert (dialog.stopReason, dialog.complete) == ("agent_stop", True)


def test_wrong_set_ups_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least two"):
        talk(chatty("A"))
    with pytest.raises(ConfigError, match="max_turns"):
        talk(chatty("A"), chatty("B"), max_turns=0)
    with pytest.raises(UnknownNameError, match="round_robin"):
        talk(chatty("A"), chatty("B"), turn_taking="round_robbin")
    with pytest.raises(UnknownNameError, match=r"'Anna'.*'Ana'"):
        talk(chatty("Ana"), chatty("B"), turn_taking={"moderator": "Anna"})
