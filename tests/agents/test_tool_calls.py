"""Tools in conversations: failures, hangs, loops and crowds end well, and leave a full record."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

import pytest

from sdialog.agents import Agent, Reply, ToolContext, final_response_tool
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Turn
from sdialog.core.errors import ConfigError, UnsupportedFeatureError
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import GenerateRequest
from sdialog.orchestrators import BaseOrchestrator


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def calling(*calls: dict[str, Any], text: str = "") -> dict[str, Any]:
    return {"text": text, "tool_calls": list(calls)}


def reply_of(agent: Agent, text: str = "Please", **options: Any) -> Reply:
    return asyncio.run(agent.session(1).respond([Turn(speaker="Ann", text=text)], **options))


def outputs(reply: Reply) -> list[Any]:
    return [event.content["output"] for event in reply.events if event.actionLabel == "output"]  # type: ignore[index, call-overload]


def weather(city: str) -> str:
    """Say what the weather is."""
    return f"sunny in {city}"


async def later(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return f"after {seconds}"


def blocked(seconds: float) -> str:
    time.sleep(seconds)
    return f"after {seconds}"


def broken() -> str:
    raise KeyError("no such order")


def test_events_and_memory_of_a_tool_turn() -> None:
    model = ScriptedModel([{**calling(call("weather", city="Rome")), "thinking": "Look it up."}, "It is sunny."])
    session = Agent(name="Ava", system_prompt="You are Ava.", tools=weather, model=model).session(1)
    reply = asyncio.run(session.respond([Turn(speaker="Ann", text="Weather?")]))
    assert [(event.action, event.actionLabel) for event in reply.events] == [
        ("think", None),
        ("tool", "call"),
        ("tool", "output"),
        ("utter", None),
    ]
    assert reply.events[1].content == {"name": "weather", "args": {"city": "Rome"}, "id": "call_0_0"}
    assert reply.events[2].content == {"name": "weather", "output": "sunny in Rome", "call_id": "call_0_0"}
    assert [message.role for message in session.memory] == ["system", "user", "assistant", "tool", "assistant"]
    assert reply.usage.calls == session.usage.calls == 2


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (call("broken"), "KeyError: 'no such order'"),
        (call("weather", city=["Rome"]), "ValidationError: city: Input should be a valid string"),
        (call("weather"), "ValidationError: city: Field required"),
        (call("whether", city="Rome"), "there is no tool 'whether'; did you mean 'weather'?"),
        (call("fly"), "there is no tool 'fly'; the tools are: broken, weather"),
    ],
)
def test_what_goes_wrong_goes_back_to_the_model(asked: dict[str, Any], error: str) -> None:
    def script(request: GenerateRequest) -> Any:
        last = request.messages[-1]
        return calling(asked) if last.role == "user" else f"I read: {json.loads(last.content)['error']}"

    reply = reply_of(Agent(tools=[weather, broken], model=ScriptedModel(script)))
    assert outputs(reply) == [json.dumps({"error": error})]
    assert reply.text == f"I read: {error}"
    assert reply.stop_reason is None and not reply.finished


def test_arguments_the_backend_could_not_read_go_back_too() -> None:
    from sdialog.llm.types import GenerateResult, ToolCall

    unreadable = GenerateResult(tool_calls=(ToolCall("1", "weather", {}, error="arguments are not JSON: {city"),))
    reply = reply_of(Agent(tools=weather, model=ScriptedModel([unreadable, "Sorry."])))
    assert outputs(reply) == ['{"error": "arguments are not JSON: {city"}']


def test_traceback_only_on_demand() -> None:
    agent = Agent(tools=broken, model=ScriptedModel([calling(call("broken")), "Sorry."]))
    assert set(json.loads(outputs(reply_of(agent))[0])) == {"error"}
    detailed = json.loads(outputs(reply_of(agent, return_tool_errors=True))[0])
    assert "Traceback" in detailed["traceback"] and "broken" in detailed["traceback"]


@pytest.mark.parametrize("tool", [later, blocked])
def test_a_hanging_tool_is_given_up(tool: Any) -> None:
    model = ScriptedModel([calling(call(tool.__name__, seconds=30)), "It takes too long."])
    started = time.monotonic()
    reply = reply_of(Agent(tools=tool, tool_timeout=0.05, model=model))
    assert time.monotonic() - started < 5
    assert outputs(reply) == ['{"error": "timed out after 0.05 s"}']
    assert reply.text == "It takes too long."


def test_an_async_tool_is_cancelled_even_if_it_resists() -> None:
    seen: list[str] = []

    async def obedient() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(0.3)
            except asyncio.CancelledError:
                continue

    model = ScriptedModel([calling(call("obedient"), call("stubborn")), "Done."])
    agent = Agent(tools=[obedient, stubborn], tool_timeout=0.05, model=model)

    async def timed() -> float:
        started = time.monotonic()
        await agent.session(1).respond([Turn(text="Go")])
        return time.monotonic() - started

    assert asyncio.run(timed()) < 0.28
    assert seen == ["cancelled"]


def test_calls_of_one_message_run_side_by_side_and_are_logged_in_order() -> None:
    barrier = threading.Barrier(3, timeout=5)

    def meet(name: str) -> str:
        barrier.wait()
        return name

    async def quick() -> str:
        return "quick"

    asked = [call("meet", name="a"), call("quick"), call("meet", name="b"), call("meet", name="c")]
    reply = reply_of(Agent(tools=[meet, quick], model=ScriptedModel([calling(*asked), "All there."])))
    assert outputs(reply) == ["a", "quick", "b", "c"]
    labels = [event.actionLabel for event in reply.events if event.action == "tool"]
    assert labels == ["call", "output"] * 4


def test_a_model_that_loops_on_tools_is_stopped() -> None:
    rounds: list[bool] = []

    def script(request: GenerateRequest) -> Any:
        rounds.append(bool(request.tools))
        return calling(call("weather", city="Rome"))

    agent = Agent(tools=weather, max_tool_rounds=3, model=ScriptedModel(script))
    reply = reply_of(agent)
    assert rounds == [True, True, True, False]
    assert (reply.text, reply.stop_reason) == ("", "tool_loop")
    assert len(outputs(reply)) == 3
    assert [event.action for event in reply.events].count("utter") == 0


def test_guards_are_not_asked_about_a_loop() -> None:
    class Silent:
        name = "silent"

        def check(self, text: str, dialog: Any, speaker: str) -> str | None:
            return None if text else "it says nothing"

    agent = Agent(tools=weather, max_tool_rounds=1, model=ScriptedModel([calling(call("weather", city="Rome"))]))
    reply = reply_of(agent, guards=[Silent()])
    assert (reply.stop_reason, reply.rejections, reply.usage.calls) == ("tool_loop", (), 2)


def test_the_last_call_without_tools_may_still_answer() -> None:
    def script(request: GenerateRequest) -> Any:
        return calling(call("weather", city="Rome")) if request.tools else "It is sunny."

    reply = reply_of(Agent(tools=weather, max_tool_rounds=2, model=ScriptedModel(script)))
    assert (reply.text, reply.stop_reason, len(outputs(reply))) == ("It is sunny.", None, 2)


def test_a_call_id_that_comes_again_in_a_later_message_gets_one_of_its_own() -> None:
    from sdialog.llm.types import GenerateResult, ToolCall

    same = [GenerateResult(tool_calls=(ToolCall("call_0", "weather", {"city": city}),)) for city in ("Rome", "Oslo")]
    session = Agent(tools=weather, model=ScriptedModel([*same, "Done."])).session(1)
    asyncio.run(session.respond([Turn(text="Weather?")]))
    asked = [made.id for message in session.memory for made in message.tool_calls]
    assert asked[0] == "call_0" and len(set(asked)) == 2
    assert [message.tool_call_id for message in session.memory if message.role == "tool"] == asked


def test_ids_of_a_turn_that_failed_are_free_again_and_ids_given_here_are_unique() -> None:
    from sdialog.agents.toolloop import with_ids
    from sdialog.core.errors import AuthenticationError
    from sdialog.llm.types import GenerateResult, ToolCall

    made = [ToolCall("call_0_0_1", "a"), ToolCall("", "b"), ToolCall("call_0_0_1", "c")]
    assert len({one.id for one in with_ids(made, "call_0_0", ["call_0_0_2"])}) == 3
    asks = GenerateResult(tool_calls=(ToolCall("call_0", "weather", {"city": "Rome"}),))
    script: Any = iter([asks, {"error": "AuthenticationError"}, asks, GenerateResult("Sunny.")])
    session = Agent(tools=weather, model=ScriptedModel(lambda request: next(script))).session(1)
    with pytest.raises(AuthenticationError):
        asyncio.run(session.respond([Turn(text="Weather?")]))
    asyncio.run(session.respond([Turn(text="Weather?")]))
    assert [one.id for message in session.memory for one in message.tool_calls] == ["call_0"]


def test_repeated_and_missing_call_ids_are_told_apart() -> None:
    from sdialog.llm.types import GenerateResult, ToolCall

    twins = tuple(ToolCall("same", "weather", {"city": city}) for city in ("Rome", "Oslo"))
    session = Agent(tools=weather, model=ScriptedModel([GenerateResult(tool_calls=twins), "Done."])).session(1)
    asyncio.run(session.respond([Turn(text="Weather?")]))
    asked = [made.id for made in session.memory[1].tool_calls]
    assert len(set(asked)) == 2
    assert [message.tool_call_id for message in session.memory[2:4]] == asked


def test_final_response_tool_is_the_reply() -> None:
    calls = []

    @final_response_tool
    def hours(day: str) -> str:
        return "We open at nine." if day == "Monday" else " "

    def script(request: GenerateRequest) -> Any:
        calls.append(1)
        last = request.messages[-1]
        return calling(call("hours", day=last.content)) if last.role == "user" else "From the model."

    agent = Agent(tools=hours, model=ScriptedModel(script), postprocess_fn=str.upper)
    monday = reply_of(agent, "Monday")
    assert (monday.text, len(calls)) == ("WE OPEN AT NINE.", 1)
    assert [event.action for event in monday.events] == ["tool", "tool", "utter"]
    assert reply_of(agent, "Sunday").text == "FROM THE MODEL."


def test_state_is_kept_within_a_dialog_and_numbers_follow_the_seed() -> None:
    def draw(context: ToolContext) -> float:
        context.state["draws"] = context.state.get("draws", 0) + 1
        assert context.agent == "Ava" and context.dialog is None
        return context.rng.random()

    agent = Agent(name="Ava", tools=draw, model=ScriptedModel([calling(call("draw"), call("draw")), "Done."]))

    def drawn(seed: int) -> tuple[list[Any], dict[str, Any]]:
        session = agent.session(seed)
        return outputs(asyncio.run(session.respond([Turn(text="Go")]))), session.state

    first, state = drawn(1)
    assert state == {"draws": 2} and first[0] != first[1]
    assert drawn(1)[0] == first and drawn(2)[0] != first
    assert agent.session(1).state == {}


def test_a_final_response_after_a_refused_draft_counts_the_refusal() -> None:
    class NoPromises:
        name = "no_promises"

        def check(self, text: str, dialog: Any, speaker: str) -> str | None:
            return "a promise" if "promise" in text else None

    @final_response_tool
    def hours() -> str:
        return "We open at nine."

    drafts = iter(["I promise.", calling(call("hours"))])
    agent = Agent(tools=hours, model=ScriptedModel(lambda request: next(drafts)))
    reply = reply_of(agent, guards=[NoPromises()])
    assert (reply.text, reply.rejections) == ("We open at nine.", ("no_promises",))


def test_tools_see_the_settings_of_the_caller() -> None:
    shop = ContextVar("shop", default="none")

    def which() -> str:
        return shop.get()

    shop.set("corner")
    assert outputs(reply_of(Agent(tools=which, model=ScriptedModel([calling(call("which")), "Done."])))) == ["corner"]


def test_a_plain_function_may_return_something_to_await() -> None:
    def soon(seconds: float) -> Any:
        return later(seconds)

    agent = Agent(tools=soon, model=ScriptedModel([calling(call("soon", seconds=0)), "Done."]))
    assert outputs(reply_of(agent)) == ["after 0.0"]


def leaves() -> None:
    sys.exit("enough")


async def leaves_later() -> None:
    sys.exit("enough")


def runs_out() -> None:
    raise StopIteration


async def is_cancelled() -> None:
    waiting = asyncio.get_running_loop().create_future()
    waiting.cancel()
    await waiting


@pytest.mark.parametrize(
    ("tool", "error"),
    [
        (leaves, "RuntimeError: SystemExit: enough"),
        (leaves_later, "RuntimeError: SystemExit: enough"),
        (runs_out, "RuntimeError: StopIteration: "),
        (is_cancelled, "RuntimeError: CancelledError: the tool was cancelled from within"),
    ],
)
def test_a_tool_that_breaks_out_ends_neither_dialog_nor_process(tool: Any, error: str) -> None:
    agent = Agent(tools=tool, model=ScriptedModel([calling(call(tool.__name__)), "Well."]))
    reply = reply_of(agent)
    assert (json.loads(outputs(reply)[0]), reply.text) == ({"error": error}, "Well.")


@pytest.mark.parametrize("place", ["tool", "orchestrator"])
def test_a_conversation_busy_elsewhere_holds_up_no_batch(place: str) -> None:
    others_done = threading.Event()

    def wait_for_others() -> str:
        assert others_done.wait(10)
        return "done"

    class Waiting(BaseOrchestrator):
        def instruct(self, dialog: Any, utterance: str) -> None:
            wait_for_others()

    def script(request: GenerateRequest) -> Any:
        return calling(call("wait_for_others")) if request.tools and len(request.messages) == 1 else "Yes."

    model = ScriptedModel(script, batching="batched")
    busy = (
        Agent(model=model, orchestrators=Waiting())
        if place == "orchestrator"
        else Agent(model=model, tools=wait_for_others)
    )

    async def together() -> list[str]:
        scheduler = Scheduler()

        async def one(agent: Agent, turns: int) -> str:
            with scheduler.live():
                session = agent.session(1, scheduler=scheduler)
                replies = [await session.respond([Turn(text="Hi")]) for _ in range(turns)]
            return replies[-1].text

        async def quick() -> str:
            text = await one(Agent(model=model), 3)
            others_done.set()
            return text

        return await asyncio.wait_for(asyncio.gather(one(busy, 1), quick()), timeout=8)

    assert asyncio.run(together()) == ["Yes.", "Yes."]


def test_a_tool_may_talk_to_another_agent() -> None:
    expert = Agent(name="Expert", model=ScriptedModel(["Unplug it."]))

    def ask_expert(question: str) -> str:
        return expert(question) or ""

    agent = Agent(tools=ask_expert, model=ScriptedModel([calling(call("ask_expert", question="How?")), "Unplug it!"]))
    assert agent("It smokes") == "Unplug it!"
    assert [message.content for message in expert.memory] == ["How?", "Unplug it."]


def test_an_instruction_given_by_a_tool_holds_for_the_next_reply() -> None:
    seen: list[list[str]] = []

    def escalate() -> str:
        agent.instruct("Be brief.")
        agent.instruct("Stay calm.", persist=True)
        return "done"

    def script(request: GenerateRequest) -> Any:
        seen.append([message.content for message in request.messages])
        return calling(call("escalate")) if len(seen) == 1 else "Yes."

    agent = Agent(tools=escalate, model=ScriptedModel(script))
    for text in ("One", "Two", "Three"):
        agent(text)
    said = ["One", "", "done", "Yes."]
    assert seen[1:] == [
        ["One", "", "done"],
        [*said, "Be brief.", "Stay calm.", "Two"],
        [*said, "Stay calm.", "Two", "Yes.", "Three"],
    ]


def test_cancelling_a_turn_cancels_its_tools_and_keeps_their_record() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("slow")

    async def cut() -> None:
        session = Agent(tools=slow, model=ScriptedModel([calling(call("slow"))])).session(1)
        task = asyncio.create_task(session.respond([Turn(text="Go")]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        assert ended == ["slow"]
        assert [event.actionLabel for event in session.lost_events] == ["call"]
        assert [message.role for message in session.memory] == ["user"]

    asyncio.run(cut())


def test_a_model_that_cannot_call_tools_is_refused_at_once() -> None:
    with pytest.raises(UnsupportedFeatureError, match="tools"):
        Agent(tools=weather, model=lambda messages: "Hi")
    with pytest.raises(ConfigError, match="tool_timeout"):
        Agent(tool_timeout=0, model=lambda messages: "Hi")
