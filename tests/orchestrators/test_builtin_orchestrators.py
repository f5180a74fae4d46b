"""The published orchestrators do what they are published to do."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Instruction, Turn
from sdialog.core.errors import ConfigError, MissingDependencyError
from sdialog.core.optional import available
from sdialog.llm.prompts import render
from sdialog.orchestrators import (
    ChangeMindOrchestrator,
    InstructionListOrchestrator,
    LengthOrchestrator,
    SimpleReflexOrchestrator,
    SimpleResponseOrchestrator,
)

GO_ON, FINISH = render("orchestrate/keep_going"), render("orchestrate/finish")


def dialog_of(*turns: tuple[str, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


def of_length(turns: int) -> Dialog:
    return dialog_of(*[("Ann" if n % 2 else "Ava", "hm") for n in range(turns)])


def test_length_thresholds() -> None:
    both = LengthOrchestrator(min=4, max=6)
    assert [both(of_length(n)) for n in range(9)] == [None, None, GO_ON, GO_ON, None, *[FINISH] * 4]
    assert [LengthOrchestrator(min=3)(of_length(n)) for n in range(5)] == [None, None, GO_ON, None, None]
    assert [LengthOrchestrator(max=2)(of_length(n)) for n in range(3)] == [None, FINISH, FINISH]
    assert LengthOrchestrator(min=0, max=0)(of_length(50)) is None
    assert GO_ON != FINISH
    for wrong in ({"min": -1}, {"min": 5, "max": 3}):
        with pytest.raises(ConfigError):
            LengthOrchestrator(**wrong)


def test_reflex() -> None:
    reflex = SimpleReflexOrchestrator(lambda said: "refund" in said, "Follow the policy.", persistent=True)
    assert reflex.is_persistent()
    assert reflex(dialog_of(("Ann", "a refund"))) == "Follow the policy."
    assert reflex(dialog_of(("Ann", "a pony"))) is None
    assert SimpleReflexOrchestrator(lambda said: said == "", "Begin.")() == "Begin."
    with pytest.raises(ConfigError, match="condition"):
        SimpleReflexOrchestrator("refund", "x")  # type: ignore[arg-type]


def test_reflex_with_an_async_condition() -> None:
    async def rude(said: str) -> bool:
        await asyncio.sleep(0)
        return "fool" in said

    agent = Agent(orchestrators=SimpleReflexOrchestrator(rude, "Stay calm."), model=ScriptedModel(["x"]))
    events = agent("You fool", True)
    assert events is not None and events[0].content == "Stay calm."
    with pytest.raises(ConfigError, match="async"):
        agent.orchestrators[0](dialog_of(("Ann", "You fool")))


def test_change_mind_counts_per_conversation_and_draws_its_own_numbers() -> None:
    state = random.getstate()
    mind = ChangeMindOrchestrator(probability=1, reasons=["it rains", "it is late"], max_times=2)
    agent = Agent(orchestrators=mind, model=ScriptedModel(["x"]))

    def changes(seed: int) -> list[Any]:
        async def go() -> list[Any]:
            session = agent.session(seed)
            return [(await session.respond([Turn(text="hm")])).events[0] for _ in range(4)]

        return [event.content for event in asyncio.run(go())]

    for seed in range(6):
        texts = changes(seed)
        assert [text != "x" for text in texts] == [True, True, False, False]
        assert all(text.endswith(("it rains", "it is late")) for text in texts[:2])
        assert changes(seed) == texts
    assert len({tuple(changes(seed)) for seed in range(6)}) > 1
    assert random.getstate() == state


def test_change_mind_probability() -> None:
    mind = ChangeMindOrchestrator(probability=0.3, max_times=0)
    mind.rng = random.Random(1)
    share = sum(mind() is not None for _ in range(3000)) / 3000
    assert 0.27 < share < 0.33
    never = ChangeMindOrchestrator(probability=0, max_times=None)
    assert all(never() is None for _ in range(100))
    assert ChangeMindOrchestrator(1, reasons="because")() == render("orchestrate/change_mind", reason="because")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        ChangeMindOrchestrator(probability=30)


def test_change_mind_starts_anew_after_reset() -> None:
    mind = ChangeMindOrchestrator(1)
    assert mind() and not mind()
    mind.reset()
    assert mind()


def test_instruction_list_counts_the_agents_own_turns() -> None:
    def run(instructions: Any) -> list[Any]:
        agent = Agent(name="Ava", orchestrators=InstructionListOrchestrator(instructions), model=ScriptedModel(["x"]))

        async def go() -> list[Any]:
            session = agent.session(1)
            replies = [await session.respond([Turn(speaker="Ann", text="hm")]) for _ in range(4)]
            return [reply.events[0].content if len(reply.events) > 1 else None for reply in replies]

        return asyncio.run(go())

    assert run(["Greet.", None, Instruction(text="Ask.")]) == ["Greet.", None, "Ask.", None]
    assert run({0: "Greet.", "3": "Leave."}) == ["Greet.", None, None, "Leave."]
    for wrong in ("Greet.", {"first": "Greet."}, 5):
        with pytest.raises(ConfigError):
            InstructionListOrchestrator(wrong)  # type: ignore[arg-type]


STOCK = {
    "greet": "Hello, how can I help you?",
    "ask_order": "Could you tell me your order number?",
    "refund": "I have refunded the amount to your card.",
    "bye": "Thank you for calling, goodbye!",
}


def test_responses_are_ranked_offline() -> None:
    stock = SimpleResponseOrchestrator(list(STOCK.values()), top_k=2)
    assert stock.suggestions("What is the number of your order?")[0] == STOCK["ask_order"]
    assert stock.suggestions("Your card will be refunded.")[0] == STOCK["refund"]
    assert stock.suggestions("goodbye and thank you")[0] == STOCK["bye"]
    assert len(stock.suggestions("")) == 2
    assert stock.suggestions("...") == list(STOCK.values())[:2]


def test_list_of_responses_is_compared_with_a_lookahead() -> None:
    stock = SimpleResponseOrchestrator(list(STOCK.values()), top_k=1)
    agent = Agent(name="Ava", orchestrators=stock, model=ScriptedModel(["Your order number, please?"]))
    before = agent.memory_dump()
    direct = stock(dialog_of(("Ann", "Where is my parcel?")))
    assert isinstance(direct, Instruction) and direct.text == render(
        "orchestrate/suggest_responses", responses=[STOCK["ask_order"]]
    )
    assert agent.memory == before
    events = agent("Where is my parcel?", True)
    assert events is not None
    assert [(event.action, event.actionLabel) for event in events] == [
        ("request_suggestions", "query"),
        ("instruct", "SimpleResponseOrchestrator"),
        ("utter", None),
    ]
    assert events[0].content == "Your order number, please?" and events[1].content == direct.text
    assert all(event.agent == "Ava" and event.timestamp > 0 for event in events)


def test_actions_follow_the_graph_from_the_agents_last_turn() -> None:
    graph = {"greet": "ask_order", "ask_order": "refund", "refund": "elsewhere"}
    stock = SimpleResponseOrchestrator(STOCK, graph=graph, top_k=1)
    agent = Agent(name="Ava", orchestrators=stock, model=ScriptedModel(["Hello!"]))
    opened = stock(dialog_of(("Ann", "Hi")))
    assert isinstance(opened, Instruction) and "greet: " in (opened.text or "")
    later = stock(dialog_of(("Ava", "Your order number, please?"), ("Ann", "It is 5.")))
    assert isinstance(later, Instruction) and isinstance(later.events, list)
    assert [(event.actionLabel, event.content) for event in later.events] == [
        ("query", "Your order number, please?"),
        ("matched", ["ask_order"]),
        ("next", ["refund"]),
    ]
    assert later.text is not None and "1. refund: " + STOCK["refund"] in later.text
    merging = SimpleResponseOrchestrator(STOCK, graph={**graph, "greet": "refund"}, top_k=4)
    assert merging.suggestions("Your order number, please?", from_last_turn=True) == ["refund"]
    ended = stock(dialog_of(("Ava", "I have refunded it to your card.")))
    assert isinstance(ended, Instruction) and ended.text is None
    assert agent.name == "Ava"


def test_an_embedder_of_ones_own_is_asked_once_for_the_stock() -> None:
    asked: list[list[str]] = []

    def embedder(texts: list[str]) -> list[list[float]]:
        asked.append(texts)
        return [[text.count("a"), text.count("e"), 1.0] for text in texts]

    stock = SimpleResponseOrchestrator(["aaaa", "eeee"], top_k=1, embedder=embedder)
    agent = Agent(name="Ava", orchestrators=stock, model=ScriptedModel(["eee"]))
    assert asked == []
    for _ in range(2):
        events = agent("Hi", True)
        assert events is not None and "1. eeee" in str(events[1].content)
    assert asked.count(["aaaa", "eeee"]) == 1
    with pytest.raises(ConfigError, match="vectors"):
        SimpleResponseOrchestrator(["a", "b"], embedder=lambda texts: [[1.0]]).suggestions("a")


def test_the_stock_is_embedded_once_for_all_conversations() -> None:
    asked: list[list[str]] = []

    def embedder(texts: list[str]) -> list[list[float]]:
        asked.append(texts)
        time.sleep(0.02)  # long enough for the others to come in between
        return [[text.count("a"), text.count("e")] for text in texts]

    stock = SimpleResponseOrchestrator(["aaaa", "eeee"], top_k=1, embedder=embedder)
    agent = Agent(name="Ava", orchestrators=stock, model=ScriptedModel(["eee"]))

    async def together() -> None:
        await asyncio.gather(*(agent.session(number).respond([Turn(text="Hi")]) for number in range(8)))

    asyncio.run(together())
    assert asked.count(["aaaa", "eeee"]) == 1 and asked.count(["eee"]) == 8


def test_wrong_stock_is_refused() -> None:
    for wrong in ({"responses": []}, {"responses": "Hi"}, {"responses": ["a"], "graph": {"a": "b"}}):
        with pytest.raises(ConfigError):
            SimpleResponseOrchestrator(**wrong)
    with pytest.raises(ConfigError, match="top_k"):
        SimpleResponseOrchestrator(["a"], top_k=0)
    if not available("sentence_transformers"):
        with pytest.raises(MissingDependencyError, match="pip install"):
            SimpleResponseOrchestrator(["a"], sbert_model="some/encoder")
