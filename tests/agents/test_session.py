"""Conversations of one agent: memory, instructions, endings, guards, failures."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.agents import Agent, Reply, Session
from sdialog.agents.memory import read_messages
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Event, Instruction, Turn
from sdialog.core.errors import ConfigError, ContextLengthError, RateLimitError
from sdialog.core.seeds import derive_seed
from sdialog.llm.types import GenerateRequest
from sdialog.orchestrators import BaseOrchestrator, InstructionListOrchestrator, SimpleReflexOrchestrator


def heard(*texts: str) -> list[Turn]:
    return [Turn(speaker="Ann", text=text) for text in texts]


def respond(session: Session, *texts: str, **options: Any) -> Reply:
    return asyncio.run(session.respond(heard(*texts), **options))


def shown_to(model_calls: list[GenerateRequest]) -> Any:
    def script(request: GenerateRequest) -> str:
        model_calls.append(request)
        return f"reply {len(model_calls)}"

    return ScriptedModel(script)


class Always(BaseOrchestrator):
    """Skips super().__init__() on purpose."""

    def __init__(self, text: str) -> None:
        self.text = text

    def instruct(self, dialog: Dialog, utterance: str) -> str:
        return self.text


def test_end_marker_ends_only_what_may_end() -> None:
    script = ["Please STOP that NONSTOP talk.", "Goodbye. STOP"]
    ending = Agent(model=ScriptedModel(script)).session(1)
    assert respond(ending, "Hi").text == "Please STOP that NONSTOP talk." and not ending.finished
    last = respond(ending, "Bye")
    assert (last.text, last.finished, ending.finished) == ("Goodbye.", True, True)
    assert ending.memory[-1].content == "Goodbye."

    endless = Agent(model=ScriptedModel(script), can_finish=False).session(1)
    respond(endless, "Hi")
    last = respond(endless, "Bye")
    assert (last.text, last.finished, endless.finished) == ("Goodbye.", False, False)


def test_events_of_a_reply_without_words_are_kept() -> None:
    session = Agent(model=ScriptedModel([{"text": "STOP", "thinking": "All said."}])).session(1)
    reply = respond(session, "Bye")
    assert (reply.text, reply.finished) == ("", True)
    assert [event.action for event in reply.events] == ["think"]
    assert [message.role for message in session.memory] == ["user"]


def test_postprocessing_once_and_preprocessing_of_what_is_heard() -> None:
    agent = Agent(
        model=ScriptedModel(["hi"]), preprocessing_fn=str.lower, postprocess_fn=lambda text: text + "!", name="Ava"
    )
    session = agent.session(1)
    assert respond(session, "HELLO").text == "hi!"
    assert [message.content for message in session.memory] == ["hello", "hi!"]


def test_first_utterance_only_when_speaking_first_and_also_with_orchestrators() -> None:
    calls: list[GenerateRequest] = []
    agent = Agent(name="Ava", first_utterance="Welcome!", orchestrators=Always("Be brief."), model=shown_to(calls))
    opening = respond(agent.session(1))
    assert opening.text == "Welcome!" and calls == []
    assert [(event.action, event.content) for event in opening.events] == [
        ("instruct", "Be brief."),
        ("utter", "Welcome!"),
    ]
    assert respond(agent.session(1), "Hi").text == "reply 1"


def test_first_utterance_is_drawn_by_the_seed() -> None:
    agent = Agent(first_utterance=[f"Hello {n}" for n in range(50)], model=ScriptedModel(["x"]))
    drawn = [respond(agent.session(seed)).text for seed in range(30)]
    assert drawn == [respond(agent.session(seed)).text for seed in range(30)]
    assert len(set(drawn)) > 10


def test_one_time_instructions_last_one_reply_and_persistent_ones_stay() -> None:
    calls: list[GenerateRequest] = []
    session = Agent(system_prompt="You are Ava.", model=shown_to(calls)).session(1)
    session.instruct("Whisper.")
    session.instruct("Stay calm.", persist=True)
    for text in ("One", "Two"):
        respond(session, text)
    shown = [[message.content for message in request.messages] for request in calls]
    assert shown == [
        ["You are Ava.", "Whisper.", "Stay calm.", "One"],
        ["You are Ava.", "Stay calm.", "One", "reply 1", "Two"],
    ]


def test_orchestrators_speak_after_what_was_heard() -> None:
    calls: list[GenerateRequest] = []
    stay = Always("Stay.")
    stay.set_persistent(True)
    session = Agent(orchestrators=[Always("Once."), stay], model=shown_to(calls)).session(1)
    respond(session, "One", "Two")
    assert [(m.role, m.content, m.persist) for m in calls[0].messages] == [
        ("user", "One", None),
        ("user", "Two", None),
        ("system", "Once.", False),
        ("system", "Stay.", True),
    ]
    assert [m.content for m in session.memory] == ["One", "Two", "Stay.", "reply 1"]


def test_instruction_events_get_the_sessions_clock_and_name() -> None:
    class Searching(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> Instruction:
            return Instruction(text=None, events=Event(action="search", content=utterance, timestamp=99))

    clock = itertools.count()
    agent = Agent(name="Ava", orchestrators=[Searching(), Always("Go on.")], model=ScriptedModel(["Yes."]))
    session = agent.session(1, clock=lambda: next(clock))
    dialog = Dialog(turns=heard("Where is it?"))
    events = respond(session, "Where is it?", dialog=dialog).events
    assert [(e.agent, e.action, e.content, e.timestamp) for e in events] == [
        ("Ava", "search", "Where is it?", 0),
        ("Ava", "instruct", "Go on.", 1),
        ("Ava", "utter", "Yes.", 2),
    ]


def test_speakers_are_labelled_among_many_and_an_own_label_is_taken_off() -> None:
    session = Agent(name="Ava", model=ScriptedModel(["Ava: I agree with Ben: yes."])).session(1)
    turns = [Turn(speaker="Ann", text="Tea?"), Turn(speaker="Ben", text="Yes.")]
    reply = asyncio.run(session.respond(turns, label_speakers=True))
    assert [message.content for message in session.memory[:2]] == ["Ann: Tea?", "Ben: Yes."]
    assert reply.text == "I agree with Ben: yes."
    alone = Agent(name="Ava", model=ScriptedModel(["Ava: I agree."])).session(1)
    assert respond(alone, "Tea?").text == "Ava: I agree."


@dataclass
class No:
    word: str
    name: str = "no"

    def check(self, text: str, dialog: Dialog | None, speaker: str) -> str | None:
        return f"{speaker} must not say {self.word}" if self.word in text else None


def test_a_refused_draft_is_written_again_with_another_seed_and_leaves_no_trace() -> None:
    requests: list[GenerateRequest] = []

    def script(request: GenerateRequest) -> Any:
        requests.append(request)
        return {"text": f"draft {len(requests)}", "thinking": f"thought {len(requests)}"}

    session = Agent(name="Ava", model=ScriptedModel(script)).session(5)
    reply = respond(session, "Hi", guards=[No("draft 1"), No("draft 2")])
    assert (reply.text, reply.rejections) == ("draft 3", ("no", "no"))
    assert [event.content for event in reply.events] == ["thought 3", "draft 3"]
    assert [message.content for message in session.memory] == ["Hi", "draft 3"]
    assert [request.config.seed for request in requests] == [
        derive_seed(5, "turn", 0, "call", 0, "draft", draft) for draft in range(3)
    ]
    assert len({request.messages for request in requests}) == 1


def test_requests_carry_the_wish_to_think_and_a_seed_for_each_turn() -> None:
    requests: list[GenerateRequest] = []
    session = Agent(name="Ava", think=True, model=shown_to(requests)).session(5, key="dialog/7")
    for text in ("One", "Two"):
        respond(session, text)
    assert [(request.think, request.key) for request in requests] == [(True, "dialog/7/Ava")] * 2
    assert [request.config.seed for request in requests] == [
        derive_seed(5, "turn", turn, "call", 0, "draft", 0) for turn in range(2)
    ]
    assert requests[0].session == requests[1].session is not None


def test_who_has_ended_the_conversation_has_ended_it() -> None:
    session = Agent(model=ScriptedModel(["Bye. STOP", "One more thing."])).session(1)
    assert respond(session, "Bye").finished
    assert not respond(session, "What?").finished and session.finished


def test_after_enough_refusals_the_draft_is_taken_as_it_is() -> None:
    reply = respond(Agent(model=ScriptedModel(["draft"])).session(1), "Hi", guards=[No("draft")], guard_retries=2)
    assert (reply.text, reply.rejections) == ("draft", ("no", "no", "no"))


def test_tools_are_not_called_again_for_a_refused_draft() -> None:
    paid: list[int] = []

    def pay(euros: int) -> str:
        paid.append(euros)
        return "paid"

    attempts = itertools.count(1)

    def script(request: GenerateRequest) -> Any:
        if request.messages[-1].role == "user":
            return {"tool_calls": [{"name": "pay", "arguments": {"euros": 5}}]}
        return f"draft {next(attempts)}"

    reply = respond(Agent(tools=pay, model=ScriptedModel(script)).session(1), "Pay", guards=[No("draft 1")])
    assert (reply.text, paid) == ("draft 2", [5])


def test_guards_leave_a_bare_end_marker_alone() -> None:
    class Empty:
        name = "empty"

        def check(self, text: str, dialog: Dialog | None, speaker: str) -> str | None:
            return None if text else "empty"

    reply = respond(Agent(model=ScriptedModel(["STOP"])).session(1), "Bye", guards=[Empty()])
    assert reply.finished and reply.rejections == ()


def test_a_failed_turn_leaves_what_was_heard_and_can_be_made_again() -> None:
    tries = itertools.count()

    def script(request: GenerateRequest) -> str:
        if next(tries) < 3:  # asked three times
            raise RateLimitError("slow down", retry_after=0)
        return "Here I am."

    stay = Always("Stay.")
    stay.set_persistent(True)
    session = Agent(name="Ava", orchestrators=[Always("Once."), stay], model=ScriptedModel(script)).session(1)
    with pytest.raises(RateLimitError) as failure:
        respond(session, "Hi")
    assert failure.value.backend == "scripted:script" and failure.value.request_key == "Ava"
    assert [message.content for message in session.memory] == ["Hi", "Stay."]
    assert [event.content for event in session.lost_events] == ["Once.", "Stay."]
    session.instruct("Whisper.")
    assert [message.content for message in session.memory] == ["Hi", "Stay.", "Whisper."]
    assert respond(session).text == "Here I am."


def test_an_instruction_goes_before_what_still_waits_for_a_reply() -> None:
    calls: list[GenerateRequest] = []
    agent = Agent(model=shown_to(calls))
    waiting = [{"role": "user", "content": text} for text in ("One", "Two")]
    session = agent.session(1)
    session.memory += read_messages([{"role": "developer", "content": "Be kind."}, *waiting])
    session.instruct("Whisper.")
    respond(session)
    shown = [(message.role, message.content) for message in calls[0].messages]
    assert shown == [("system", "Be kind."), ("system", "Whisper."), ("user", "One"), ("user", "Two")]


def test_a_prompt_that_does_not_fit_is_a_clear_error() -> None:
    session = Agent(model=ScriptedModel([ContextLengthError("9000 tokens, the window is 8192")])).session(1)
    with pytest.raises(ContextLengthError, match="9000 tokens"):
        respond(session, "Hi")


def test_an_orchestrator_that_returns_something_else_is_named() -> None:
    class Wrong(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> Any:
            return 5

    with pytest.raises(ConfigError, match="Wrong returned int"):
        respond(Agent(orchestrators=Wrong(), model=ScriptedModel(["x"])).session(1), "Hi")


def test_one_session_makes_one_reply_at_a_time() -> None:
    async def both() -> None:
        session = Agent(model=ScriptedModel(["x"], delay=0.02)).session(1)
        first = asyncio.create_task(session.respond(heard("a")))
        await asyncio.sleep(0)
        with pytest.raises(ConfigError, match="already making a reply"):
            await session.respond(heard("b"))
        assert (await first).text == "x"

    asyncio.run(both())


def test_one_agent_in_two_hundred_conversations_at_once() -> None:
    def script(request: GenerateRequest) -> str:
        said = " | ".join(message.content for message in request.messages)
        return f"{request.config.seed}: {said}"

    agent = Agent(
        name="Ava",
        system_prompt="You are Ava.",
        first_utterance=["Hello", "Good day", "Hi"],
        orchestrators=[
            SimpleReflexOrchestrator(lambda text: "7" in text, "Mention seven.", persistent=True),
            InstructionListOrchestrator(["Begin.", None, "Go on."]),
        ],
        model=ScriptedModel(script, delay=0.001),
    )

    async def talk(number: int) -> list[Any]:
        session = agent.session(number)
        replies = [await session.respond()]
        replies += [await session.respond(heard(f"{number} {turn}")) for turn in range(3)]
        return [
            *session.memory,
            *[(e.action, e.actionLabel, e.content) for reply in replies for e in reply.events],
        ]

    async def together() -> list[list[Any]]:
        return await asyncio.gather(*(talk(number) for number in range(200)))

    async def one_by_one() -> list[list[Any]]:
        return [await talk(number) for number in range(200)]

    at_once, alone = asyncio.run(together()), asyncio.run(one_by_one())
    assert at_once == alone
    assert len({str(each) for each in at_once}) == 200


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6), st.booleans())
def test_memory_alternates_whatever_is_said(texts: list[str], persist: bool) -> None:
    session = Agent(system_prompt="p", model=ScriptedModel(["ok"])).session(1)
    for text in texts:
        session.instruct("now", persist)
        respond(session, text)
    roles = [message.role for message in session.memory]
    assert roles == ["system", *(["system"] * persist + ["user", "assistant"]) * len(texts)]
