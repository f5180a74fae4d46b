"""What all orchestrators share, in conversations and called directly."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict, deque
from typing import Any

import pytest

from sdialog.agents import Agent, Session
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.llm.types import GenerateRequest
from sdialog.orchestrators import (
    BaseOrchestrator,
    BasePersistentOrchestrator,
    LengthOrchestrator,
    SimpleReflexOrchestrator,
    orchestrators,
)


class Fixed(BaseOrchestrator):
    """Never calls super().__init__()."""

    def __init__(self, text: str = "Be kind.") -> None:
        self.text = text

    def instruct(self, dialog: Dialog, utterance: str) -> str | None:
        return self.text


class Guide(BasePersistentOrchestrator):
    def __init__(self, text: str = "Stay calm.") -> None:
        super().__init__()
        self.text = text

    def instruct(self, dialog: Dialog, utterance: str) -> str | None:
        return self.text if len(dialog) < 2 else None


class Counting(BaseOrchestrator):
    def __init__(self) -> None:
        super().__init__(event_label="counter")
        self.seen: list[str] = []

    def reset(self) -> None:
        self.seen.clear()

    def instruct(self, dialog: Dialog, utterance: str) -> str | None:
        self.seen.append(utterance)
        return f"{len(self.seen)}: {utterance}"


def echoing(**options: Any) -> Agent:
    def script(request: GenerateRequest) -> str:
        return f"I heard {request.messages[-1].content}"

    return Agent(**{"name": "Ava", "model": ScriptedModel(script), **options})


def talk(session: Session, *texts: str) -> list[list[tuple[str, Any]]]:
    dialog = Dialog(turns=[])

    async def go() -> list[list[tuple[str, Any]]]:
        made = []
        for text in texts:
            said = Turn(speaker="Ann", text=text)
            dialog.turns = [*(dialog.turns or []), said]
            reply = await session.respond([said], dialog=dialog)
            dialog.turns = [*dialog.turns, Turn(speaker=session.name, text=reply.text)]
            made.append([(event.action, event.content) for event in reply.events])
        return made

    return asyncio.run(go())


def test_persistent_means_persistent() -> None:
    assert Guide().is_persistent() and not Fixed().is_persistent()
    session = echoing(orchestrators=Guide()).session(1)
    events = talk(session, "One", "Two")
    assert events[0][0] == ("instruct-persist", "Stay calm.")
    assert [message.content for message in session.memory if message.role == "system"] == ["Stay calm."]
    once = Guide()
    once.set_persistent(False)
    session = echoing(orchestrators=once).session(1)
    talk(session, "One", "Two")
    assert [message for message in session.memory if message.role == "system"] == []
    assert BasePersistentOrchestrator.__init__ is BaseOrchestrator.__init__


def test_direct_calls_before_any_turn() -> None:
    assert Fixed()() == Fixed()(None) == Fixed()(Dialog(turns=[])) == "Be kind."
    assert LengthOrchestrator(min=4, max=6)() is None
    assert LengthOrchestrator(max=1)() is not None


def test_the_utterance_is_what_others_said_last() -> None:
    agent = echoing(orchestrators=[counting := Counting()])
    assert counting.agent is agent and counting.get_target_agent() is agent
    said = [Turn(speaker="Ann", text="Hi"), Turn(speaker="Ava", text="Hello")]
    assert counting(Dialog(turns=said)) == "1: "
    assert counting(Dialog(turns=said[:1])) == "2: Hi"


def test_each_conversation_has_its_own_copy_with_its_own_numbers() -> None:
    counting = Counting()
    agent = echoing(orchestrators=counting)
    first, second = agent.session(1), agent.session(1)
    assert talk(first, "a", "b")[1][0] == ("instruct", "2: b")
    assert talk(second, "c")[0][0] == ("instruct", "1: c")
    assert counting.seen == []
    copies = [first.orchestrators[0], second.orchestrators[0], agent.session(2).orchestrators[0]]
    numbers = [copy.rng.random() for copy in copies]
    assert numbers[0] == numbers[1] != numbers[2]
    assert copies[0].get_target_agent() is agent and copies[0].get_event_label() == "counter"


def test_no_container_is_shared_by_two_conversations() -> None:
    class Remembering(BaseOrchestrator):
        def __init__(self) -> None:
            self.counts = Counter[str]()
            self.by_word = defaultdict[str, list[str]](list)
            self.recent = deque[str](maxlen=2)
            self.state: dict[str, Any] = {"asked": [], "topics": {"seen": set()}}

        def instruct(self, dialog: Dialog, utterance: str) -> str:
            self.counts[utterance] += 1
            self.by_word["all"].append(utterance)
            self.recent.append(utterance)
            self.state["asked"].append(utterance)
            self.state["topics"]["seen"].add(utterance)
            seen = self.state["topics"]["seen"]
            return f"{self.counts.total()} {self.by_word} {self.recent} {self.state['asked']} {seen}"

    remembering = Remembering()
    agent = echoing(orchestrators=remembering)
    told = [talk(agent.session(number), "Hi")[0][0] for number in range(3)]
    assert told[0] == told[1] == told[2]
    assert (remembering.counts, remembering.state["asked"]) == (Counter(), [])


def test_a_conversation_begins_with_a_reset_copy() -> None:
    counting = Counting()
    assert [counting(), counting()] == ["1: ", "2: "]
    assert talk(echoing(orchestrators=counting).session(1), "Hi")[0][0] == ("instruct", "1: Hi")
    assert len(counting.seen) == 2


def test_one_orchestrator_serves_two_agents() -> None:
    shared = Counting()
    ava, ben = echoing(orchestrators=shared), echoing(name="Ben", orchestrators=shared)
    for agent in (ava, ben):
        session = agent.session(1)
        talk(session, "Hi")
        assert session.orchestrators[0].target_name == agent.name
        assert session.orchestrators[0].get_target_agent() is agent
    assert shared.get_target_agent() is ava


def test_speaker_names_of_the_conversation_count() -> None:
    session = echoing(orchestrators=Counting()).session(1, name="Ava 2")
    dialog = Dialog(turns=[Turn(speaker="Ava", text="I am the other Ava")])
    asyncio.run(session.respond([Turn(speaker="Ava", text="I am the other Ava")], dialog=dialog))
    counting = session.orchestrators[0]
    assert isinstance(counting, Counting) and counting.seen == ["I am the other Ava"]


def test_lookahead_from_plain_and_async_orchestrators_in_a_running_conversation() -> None:
    threads: list[int] = []

    class Plain(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str:
            threads.append(threading.get_ident())
            return f"Not like this: {self.agent_response_lookahead()}"

    class Awaiting(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str:
            return f"Direct: {self.agent_response_lookahead()}"

        async def ainstruct(self, dialog: Dialog, utterance: str) -> str:
            return f"Awaited: {await self.response_lookahead()}"

    agent = echoing(orchestrators=[Plain(), Awaiting()], model=ScriptedModel(["I would say this."]))
    for options in ({}, {"batching": "batched"}):
        agent = agent.evolve(model=ScriptedModel(["I would say this."], **options))
        assert talk(agent.session(1), "Hi")[0][:2] == [
            ("instruct", "Not like this: I would say this."),
            ("instruct", "Awaited: I would say this."),
        ]
    assert threading.get_ident() not in threads
    assert [o() for o in agent.orchestrators] == [
        "Not like this: I would say this.",
        "Direct: I would say this.",
    ]
    assert agent.memory == []


def test_lookahead_outside_a_conversation_is_the_same_awaited_or_not() -> None:
    agent = echoing(orchestrators=Fixed())
    agent("Is it late?")
    orchestrator = agent.orchestrators[0]
    assert orchestrator.agent_response_lookahead() == "I heard I heard Be kind."
    assert asyncio.run(orchestrator.response_lookahead()) == "I heard I heard Be kind."


def test_blocking_orchestrators_do_not_stall_a_batch() -> None:
    from sdialog.llm.scheduler import Scheduler

    class Asking(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str:
            return self.agent_response_lookahead()

    agent = echoing(orchestrators=Asking(), model=ScriptedModel(["x"], batching="batched"))

    async def together() -> list[str]:
        scheduler = Scheduler()

        async def one(number: int) -> str:
            with scheduler.live():
                session = agent.session(number, scheduler=scheduler)
                return (await session.respond([Turn(speaker="Ann", text="Hi")])).text

        return await asyncio.wait_for(asyncio.gather(*(one(n) for n in range(40))), timeout=20)

    assert asyncio.run(together()) == ["x"] * 40


def test_lookahead_that_would_wait_for_itself_says_what_to_do() -> None:
    class Quick(BaseOrchestrator):
        blocking = False

        def instruct(self, dialog: Dialog, utterance: str) -> str:
            return self.agent_response_lookahead()

    with pytest.raises(ConfigError, match="ainstruct"):
        talk(echoing(orchestrators=Quick()).session(1), "Hi")
    with pytest.raises(ConfigError, match="attached to no agent"):
        Quick()()


def test_a_subclass_of_a_quick_orchestrator_may_be_slow() -> None:
    class Slow(LengthOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str:
            return self.agent_response_lookahead()

    assert Slow(max=3).runs_in_thread() and not LengthOrchestrator(max=3).runs_in_thread()
    events = talk(echoing(orchestrators=Slow(max=3)).session(1), "Hi")
    assert events[0][0] == ("instruct", "I heard Hi")


def test_a_model_may_be_asked_from_a_blocking_orchestrator() -> None:
    judge = Agent(name="Judge", model=ScriptedModel(["rude"]))

    class Judged(BaseOrchestrator):
        def instruct(self, dialog: Dialog, utterance: str) -> str | None:
            return "Ask for respect." if judge(utterance) == "rude" else None

    agent = echoing(orchestrators=Judged())
    events = agent("You fool", True)
    assert events is not None and events[0].content == "Ask for respect."


def test_description() -> None:
    assert Guide("Go.").json() == {"name": "Guide", "args": {"text": "Go."}}
    assert str(Guide("Go.")) == "Guide(text=Go.)"
    reflex = SimpleReflexOrchestrator(str.isupper, "Calm down.", event_label="loud")
    assert reflex.json(string=True) == (
        '{"name": "SimpleReflexOrchestrator", "args": {"condition": "str.isupper", "instruction": "Calm down."}}'
    )
    assert reflex.get_event_label() == "loud" and Guide().get_event_label() == "Guide"


def test_orchestrators_are_found_by_class_name_and_by_file_name() -> None:
    assert {
        "ChangeMindOrchestrator",
        "InstructionListOrchestrator",
        "LengthOrchestrator",
        "SimpleReflexOrchestrator",
        "SimpleResponseOrchestrator",
    } <= {*orchestrators.names()}
    for name in orchestrators.names():
        assert orchestrators.get(name).__name__ == name
        assert name in orchestrators
    assert orchestrators.get("length") is LengthOrchestrator
    with pytest.raises(UnknownNameError, match="LengthOrchestrator"):
        orchestrators.get("LenghtOrchestrator")


def test_an_orchestrator_of_ones_own_can_be_registered_and_named_by_path() -> None:
    @orchestrators.register("MineOrchestrator")
    class Mine(Fixed):
        pass

    assert orchestrators.get("MineOrchestrator") is Mine
    assert orchestrators.get("sdialog.orchestrators.length:LengthOrchestrator") is LengthOrchestrator
