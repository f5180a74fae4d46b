"""Batches by counting, slots by semaphore, and nothing lost when conversations fail, are cancelled or are away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import (
    ConfigError,
    LLMError,
    MissingDependencyError,
    RateLimitError,
    UnsupportedFeatureError,
)
from sdialog.llm.scheduler import Client, Scheduler
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, StreamChunk, ToolSpec


class Echo:
    """Answers each request with its key, and remembers its batches."""

    features = frozenset({"seed"})

    def __init__(self, batching: str = "batched", name: str = "echo", steps: int = 0) -> None:
        self.batching, self.name, self.steps = batching, name, steps
        self.batches: list[list[str]] = []
        self.running = self.most = 0

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        self.batches.append([r.key for r in requests])
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self.steps):
                await asyncio.sleep(0)
        finally:
            self.running -= 1
        return [
            GenerateResult(error=LLMError("asked to fail")) if r.key.endswith("!") else GenerateResult(r.key)
            for r in requests
        ]


def request(key: str = "", **fields: Any) -> GenerateRequest:
    return GenerateRequest((Message("user", "Hi"),), key=key, **fields)


async def talk(scheduler: Scheduler, client: Client, name: str, turns: int) -> list[str]:
    with scheduler.live():
        return [(await client.complete(request(f"{turn}/{name}"))).text for turn in range(turns)]


def test_live_conversations_run_in_lockstep_batches() -> None:
    async def main() -> Echo:
        scheduler, model = Scheduler(), Echo()
        said = await asyncio.gather(*(talk(scheduler, scheduler.client(model), str(i), 3) for i in range(5)))
        assert said == [[f"{turn}/{i}" for turn in range(3)] for i in range(5)]
        return model

    assert [len(batch) for batch in asyncio.run(main()).batches] == [5, 5, 5]


def test_a_shorter_conversation_leaves_and_the_others_go_on() -> None:
    async def main() -> Echo:
        scheduler, model = Scheduler(), Echo()
        client = scheduler.client(model)
        await asyncio.gather(talk(scheduler, client, "a", 1), talk(scheduler, client, "b", 3))
        return model

    assert [len(batch) for batch in asyncio.run(main()).batches] == [2, 1, 1]


def test_a_batch_is_ordered_by_key_whoever_came_first() -> None:
    async def main(names: str) -> list[list[str]]:
        scheduler, model = Scheduler(), Echo()
        await asyncio.gather(*(talk(scheduler, scheduler.client(model), name, 1) for name in names))
        return model.batches

    assert asyncio.run(main("cab")) == asyncio.run(main("bca")) == [["0/a", "0/b", "0/c"]]


def test_max_batch_fires_early_and_splits() -> None:
    async def main() -> list[int]:
        scheduler, model = Scheduler(max_batch=4), Echo()
        await asyncio.gather(*(talk(scheduler, scheduler.client(model), f"{i:02}", 1) for i in range(10)))
        return [len(batch) for batch in model.batches]

    assert asyncio.run(main()) == [4, 4, 2]


def test_one_batch_at_a_time_and_requests_gather_meanwhile() -> None:
    async def main() -> Echo:
        scheduler, model = Scheduler(), Echo(steps=20)
        client = scheduler.client(model)
        first = asyncio.create_task(client.complete(request("first")))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, *(client.complete(request(f"later {i}")) for i in range(6)))
        return model

    model = asyncio.run(main())
    assert model.most == 1
    assert [len(batch) for batch in model.batches] == [1, 6]


def test_without_live_callers_a_gather_is_one_batch() -> None:
    async def main() -> Echo:
        scheduler, model = Scheduler(), Echo()
        await asyncio.gather(*(scheduler.client(model).complete(request(str(i))) for i in range(7)))
        return model

    assert [len(batch) for batch in asyncio.run(main()).batches] == [7]


def test_a_conversation_in_a_slow_tool_does_not_hold_the_others() -> None:
    async def main() -> list[list[str]]:
        scheduler, model = Scheduler(), Echo()
        client, tool_done = scheduler.client(model), asyncio.Event()

        async def with_tool() -> None:
            with scheduler.live(), scheduler.away():
                await tool_done.wait()

        async def others() -> None:
            await asyncio.gather(talk(scheduler, client, "a", 2), talk(scheduler, client, "b", 2))
            tool_done.set()

        await asyncio.wait_for(asyncio.gather(with_tool(), others()), 5)
        return model.batches

    assert asyncio.run(main()) == [["0/a", "0/b"], ["1/a", "1/b"]]


def test_waiting_for_a_remote_model_counts_as_away() -> None:
    async def main() -> list[list[str]]:
        scheduler, local = Scheduler(), Echo()
        answered = asyncio.Event()

        async def reply(_: GenerateRequest) -> str:
            await answered.wait()
            return "at last"

        remote = scheduler.client(ScriptedModel(reply))

        async def mixed() -> None:
            with scheduler.live():
                await remote.complete(request())

        async def others() -> None:
            await talk(scheduler, scheduler.client(local), "a", 2)
            answered.set()

        await asyncio.wait_for(asyncio.gather(mixed(), others()), 5)
        return local.batches

    assert asyncio.run(main()) == [["0/a"], ["1/a"]]


def test_two_batched_models_share_the_count() -> None:
    async def main() -> tuple[Echo, Echo]:
        scheduler, one, two = Scheduler(), Echo(name="one"), Echo(name="two")

        async def pair(name: str) -> None:
            with scheduler.live():
                for turn in range(4):
                    await scheduler.client((one, two)[turn % 2]).complete(request(f"{turn}/{name}"))

        await asyncio.gather(*(pair(str(i)) for i in range(3)))
        return one, two

    one, two = asyncio.run(main())
    assert [len(b) for b in one.batches] == [len(b) for b in two.batches] == [3, 3]


def test_a_nested_conversation_counts_instead_of_the_outer_one() -> None:
    async def main() -> list[int]:
        scheduler, model = Scheduler(), Echo()
        client = scheduler.client(model)
        with scheduler.live():
            await asyncio.wait_for(asyncio.gather(*(talk(scheduler, client, str(i), 2) for i in range(3))), 5)
            await client.complete(request("outer"))
        return [len(batch) for batch in model.batches]

    assert asyncio.run(main()) == [3, 3, 1]


def test_a_live_caller_may_wait_for_one_that_is_not() -> None:
    """A helper task outside the conversation must be served, or the conversation would wait for ever."""

    async def main() -> str:
        scheduler, model = Scheduler(), Echo()
        client, asked = scheduler.client(model), asyncio.Event()

        async def helper() -> str:
            await asked.wait()
            return (await client.complete(request("helped"))).text

        task = asyncio.create_task(helper())
        with scheduler.live():
            asked.set()
            return await asyncio.wait_for(task, 5)

    assert asyncio.run(main()) == "helped"


def test_a_cancelled_waiter_leaves_the_queue_and_the_count() -> None:
    async def main() -> list[list[str]]:
        scheduler, model = Scheduler(), Echo()
        client, hold = scheduler.client(model), asyncio.Event()

        async def late() -> None:
            with scheduler.live():
                await hold.wait()
                await client.complete(request("late"))

        waiting = asyncio.create_task(talk(scheduler, client, "cancelled", 1))
        other = asyncio.create_task(late())
        await asyncio.sleep(0.01)
        waiting.cancel()
        hold.set()
        await asyncio.wait_for(other, 5)
        assert waiting.cancelled()
        return model.batches

    assert asyncio.run(main()) == [["late"]]


def test_cancelling_one_row_in_flight_loses_no_other() -> None:
    async def main() -> tuple[str, int]:
        scheduler, model = Scheduler(), Echo(steps=20)
        client = scheduler.client(model)
        one, two = (asyncio.create_task(talk(scheduler, client, name, 1)) for name in "ab")
        await asyncio.sleep(0)
        while not model.batches:
            await asyncio.sleep(0)
        one.cancel()
        return (await asyncio.wait_for(two, 5))[0], len(model.batches)

    assert asyncio.run(main()) == ("0/b", 1)


def test_a_batch_nobody_waits_for_is_called_off() -> None:
    async def main() -> tuple[int, str]:
        scheduler, model = Scheduler(), ScriptedModel(["Hi"], delay=30, batching="batched")
        client = scheduler.client(model)
        tasks = [asyncio.create_task(talk(scheduler, client, name, 1)) for name in "ab"]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        model.delay = 0
        return client.usage.calls, (await asyncio.wait_for(client.complete(request()), 5)).text

    assert asyncio.run(main()) == (0, "Hi")


def test_a_failed_row_is_raised_to_its_own_caller_only() -> None:
    async def main() -> list[Any]:
        scheduler, model = Scheduler(), Echo()
        client = scheduler.client(model)
        return await asyncio.gather(*(client.complete(request(k)) for k in ("a", "b!", "c")), return_exceptions=True)

    a, b, c = asyncio.run(main())
    assert (a.text, c.text) == ("a", "c")
    assert isinstance(b, LLMError) and b.backend == "echo" and b.request_key == "b!"


@pytest.mark.parametrize("batching", ["batched", "concurrent"])
def test_a_model_that_raises_or_miscounts_becomes_error_rows(batching: str) -> None:
    class Bad(Echo):
        async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
            if requests[0].key == "raise":
                raise ConnectionResetError("gone")
            if requests[0].key == "config":
                raise MissingDependencyError("torch is not installed")
            return []

    async def main(key: str) -> None:
        await Scheduler().client(Bad(batching)).complete(request(key))

    with pytest.raises(LLMError, match="gone"):
        asyncio.run(main("raise"))
    with pytest.raises(LLMError, match="answered 1 requests with 0"):
        asyncio.run(main("count"))
    with pytest.raises(MissingDependencyError):
        asyncio.run(main("config"))


def test_concurrency_bounds_a_remote_model() -> None:
    async def main() -> int:
        scheduler, model = Scheduler(concurrency=3), Echo("concurrent", steps=5)
        await asyncio.gather(*(scheduler.client(model).complete(request(str(i))) for i in range(20)))
        return model.most

    assert asyncio.run(main()) == 3


def test_clients_are_shared_and_count_usage() -> None:
    async def main() -> None:
        scheduler, model = Scheduler(), ScriptedModel(["one two three"])
        assert scheduler.client(model) is scheduler.client(model)
        await scheduler.client(model).complete(request())
        await scheduler.client(model).complete(request())
        usage = scheduler.client(model).usage
        assert (usage.calls, usage.input_tokens, usage.output_tokens) == (2, 2, 6)
        assert [client.name for client in scheduler.clients] == ["scripted:list"]

    asyncio.run(main())


def test_asking_for_more_than_the_model_can_do_is_an_error() -> None:
    client = Scheduler().client(Echo())
    tool = ToolSpec("t", "", {"type": "object"})
    with pytest.raises(UnsupportedFeatureError, match=r"echo cannot do tools or logprobs; it offers: seed"):
        asyncio.run(client.complete(request(tools=(tool,), logprobs=2)))


def test_limits_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="max_batch"):
        Scheduler(max_batch=0)


def test_streaming_gives_pieces_and_the_whole_result() -> None:
    async def main(model: Any) -> list[StreamChunk]:
        return [chunk async for chunk in Scheduler().client(model).stream(request())]

    chunks = asyncio.run(main(ScriptedModel([{"text": "one two three", "thinking": "Hm."}])))
    assert [c.text for c in chunks if c.text] == ["one", " two", " three"]
    assert chunks[-1].result is not None and chunks[-1].result.thinking == "Hm."
    (only,) = asyncio.run(main(Echo()))
    assert only.result is not None


def test_streaming_raises_the_models_error() -> None:
    async def main() -> None:
        async for _ in Scheduler().client(ScriptedModel([RateLimitError("slow down")])).stream(request("k")):
            pass

    with pytest.raises(RateLimitError, match="slow down"):
        asyncio.run(main())


def test_a_stalled_reader_keeps_nobody_waiting() -> None:
    async def main() -> str:
        scheduler, model = Scheduler(concurrency=1), ScriptedModel(["a b c d"], batching="batched")
        client = scheduler.client(model)
        stream = client.stream(request())
        await anext(stream)
        text = (await asyncio.wait_for(client.complete(request()), 5)).text
        await stream.aclose()  # type: ignore[attr-defined]
        return text

    assert asyncio.run(main()) == "a b c d"


def test_an_abandoned_stream_stops_the_model() -> None:
    stopped = asyncio.Event()

    class Endless(Echo):
        features = frozenset({"stream"})

        async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
            try:
                while True:
                    yield StreamChunk(text="x")
                    await asyncio.sleep(0)
            finally:
                stopped.set()

    async def main() -> None:
        stream = Scheduler().client(Endless("concurrent")).stream(request())
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(stopped.wait(), 5)

    asyncio.run(main())


def test_one_scheduler_serves_several_event_loops() -> None:
    scheduler, model = Scheduler(concurrency=1), Echo("concurrent", steps=1)
    for _ in range(3):
        asyncio.run(asyncio.wait_for(talk(scheduler, scheduler.client(model), "a", 2), 5))
    assert len(model.batches) == 6


Step = st.sampled_from(["local", "other", "remote", "tool", "fail", "gather", "helper", "nested", "stream"])
Plans = st.lists(st.tuples(st.lists(Step, max_size=6), st.none() | st.integers(0, 12)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(plans=Plans, max_batch=st.integers(1, 4), steps=st.integers(0, 3))
def test_any_schedule_ends_and_answers_each_request_once(
    plans: list[tuple[list[str], int | None]], max_batch: int, steps: int
) -> None:
    """Conversations that call, use tools, fail, spawn, stream, and are cancelled after some turns of the loop."""
    local, other = Echo(steps=steps, name="local"), Echo(steps=1, name="other")
    remote = Echo("concurrent", steps=steps, name="remote")
    answered: list[str] = []

    async def ask(client: Client, key: str) -> None:
        assert (await client.complete(request(key))).text == key
        answered.append(key)

    async def conversation(scheduler: Scheduler, name: str, plan: list[str]) -> None:
        with scheduler.live():
            clients = {m.name: scheduler.client(m) for m in (local, other, remote)}
            for turn, step in enumerate(plan):
                key = f"{turn}/{name}"
                if step in clients:
                    await ask(clients[step], key)
                elif step == "tool":
                    with scheduler.away():
                        await asyncio.sleep(0)
                        await ask(clients["local"], key)
                elif step == "fail":
                    await clients["local"].complete(request(key + "!"))
                elif step == "gather":
                    await asyncio.gather(ask(clients["local"], key + "a"), ask(clients["remote"], key + "b"))
                elif step == "helper":
                    await asyncio.create_task(ask(clients["other"], key))
                elif step == "stream":
                    chunks = [chunk async for chunk in clients["remote"].stream(request(key))]
                    assert chunks[-1].result is not None
                else:
                    await conversation(scheduler, f"{name}.{turn}", ["local", "remote"])

    async def main() -> Scheduler:
        scheduler = Scheduler(concurrency=2, max_batch=max_batch)
        tasks = []
        for i, (plan, _) in enumerate(plans):
            tasks.append(asyncio.create_task(conversation(scheduler, str(i), plan)))
        for turn in range(13):
            for task, (_, cancel_at) in zip(tasks, plans, strict=True):
                if cancel_at == turn:
                    task.cancel()
            await asyncio.sleep(0)
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        for outcome, (plan, cancel_at) in zip(outcomes, plans, strict=True):
            if outcome is None or isinstance(outcome, asyncio.CancelledError):
                continue
            assert isinstance(outcome, LLMError) and "fail" in plan, outcome
            assert cancel_at is None or cancel_at >= 0
        desk = scheduler._desk()
        for _ in range(50):  # a batch that is called off takes a few turns of the loop to end
            await asyncio.sleep(0)
        assert desk.active == 0
        assert all(not getattr(lane, "queue", None) for lane in desk.lanes.values())
        assert all(getattr(lane, "runner", None) is None for lane in desk.lanes.values())
        return scheduler

    asyncio.run(main())
    asked = [key for model in (local, other, remote) for batch in model.batches for key in batch]
    assert len(asked) == len(set(asked)) and len(answered) == len(set(answered))
    assert set(answered) <= set(asked)
    assert all(len(batch) <= max_batch for batch in [*local.batches, *other.batches])
    assert local.most <= 1 and other.most <= 1 and remote.most <= 2
