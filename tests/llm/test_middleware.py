"""Retry, time limits and the order of wrappers."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigError,
    ConnectionFailedError,
    LLMTimeoutError,
    MissingDependencyError,
    RateLimitError,
    ServerError,
)
from sdialog.core.sync import run
from sdialog.llm.middleware import Budget, Cached, Record, Retry, Timeout, wrap
from sdialog.llm.protocol import Model
from sdialog.llm.types import StreamChunk
from sdialog.testing import Faulty, check_backend, request

HI = request("Hi", key="a")


class Waits(list[float]):
    """Remembers how long it was asked to wait, and does not."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def one(model: Model, asked: Any = HI) -> Any:
    (result,) = run(model.generate([asked]))
    return result


async def collected(model: Any, asked: Any = HI) -> list[StreamChunk]:
    return [chunk async for chunk in model.stream(asked)]


def test_retry_waits_longer_each_time_with_full_jitter() -> None:
    waits = Waits()
    model = Faulty(ScriptedModel(["Hi"]), [ServerError("503")] * 5)
    result = one(Retry(model, base=1, cap=4, rng=random.Random(1), sleep=waits))
    assert result.text == "Hi" and len(waits) == 5
    assert all(0 <= wait <= bound for wait, bound in zip(waits, [1, 2, 4, 4, 4], strict=True))
    again = Waits()
    one(
        Retry(Faulty(ScriptedModel(["Hi"]), [ServerError("503")] * 5), base=1, cap=4, rng=random.Random(1), sleep=again)
    )
    assert again == waits


def test_retry_honours_retry_after_up_to_its_patience() -> None:
    waits = Waits()
    faults = [RateLimitError("429", retry_after=7.0), RateLimitError("429", retry_after=500.0)]
    result = one(Retry(Faulty(ScriptedModel(["Hi"]), faults), sleep=waits))
    assert len(waits) == 1 and waits[0] >= 7.0
    assert isinstance(result.error, RateLimitError) and result.error.retry_after == 500.0


def test_retry_gives_the_last_error_and_how_often_it_tried() -> None:
    original = ServerError("HTTP 500")
    result = one(Retry(Faulty(ScriptedModel(["Hi"]), [original] * 9), attempts=3, sleep=Waits()))
    assert isinstance(result.error, ServerError) and result.error.message == "HTTP 500 (after 3 attempts)"
    assert original.message == "HTTP 500"


def test_errors_that_will_not_pass_are_not_tried_again() -> None:
    model = Faulty(ScriptedModel(["Hi"]), [AuthenticationError("bad key")])
    assert isinstance(one(Retry(model, sleep=Waits())).error, AuthenticationError)
    assert model.calls["a"] == 1


def test_only_failed_rows_are_tried_again() -> None:
    class Sometimes(Faulty):
        async def generate(self, requests: Any) -> Any:
            good = [r for r in requests if r.key != "b"]
            self.calls.update(r.key for r in good)
            return [
                (await super(Sometimes, self).generate([r]))[0] if r.key == "b" else (await self.inner.generate([r]))[0]
                for r in requests
            ]

    model = Sometimes(ScriptedModel(["Hi"]), [ConnectionFailedError("reset")] * 2)
    results = run(Retry(model, sleep=Waits()).generate([request("Hi", key=k) for k in "abc"]))
    assert [r.text for r in results] == ["Hi"] * 3
    assert model.calls == {"a": 1, "b": 3, "c": 1}


def test_retry_adds_up_what_all_tries_cost() -> None:
    answers = iter([{"error": "ServerError"}, "Hi there"])
    result = one(Retry(ScriptedModel(lambda _: next(answers)), sleep=Waits()))
    assert (result.usage.calls, result.usage.output_tokens) == (2, 2)


def test_a_stream_is_tried_again_only_before_its_first_piece() -> None:
    answers = iter([{"error": "ServerError"}, "one two"])
    chunks = run(collected(Retry(ScriptedModel(lambda _: next(answers)), sleep=Waits())))
    assert [c.text for c in chunks] == ["one", " two", ""]
    assert chunks[-1].result is not None and chunks[-1].result.usage.calls == 2


def test_user_errors_pass_through_wrappers() -> None:
    class Missing(ScriptedModel):
        async def generate(self, requests: Any) -> Any:
            raise MissingDependencyError("install it")

    with pytest.raises(MissingDependencyError):
        one(wrap(Missing(["Hi"]), timeout=5, budget=Budget()))


@given(st.lists(st.booleans(), max_size=8), st.integers(1, 6))
def test_retry_makes_as_many_calls_as_needed_and_no_more(passing: list[bool], attempts: int) -> None:
    faults = [ServerError("500") if passes else AuthenticationError("401") for passes in passing]
    model = Faulty(ScriptedModel(["Hi"]), faults)
    result = asyncio.run(Retry(model, attempts=attempts, sleep=Waits()).generate([HI]))[0]
    ends = next((row + 1 for row, passes in enumerate(passing) if not passes), len(passing) + 1)
    assert model.calls["a"] == min(attempts, ends)
    assert (result.error is None) == (ends == len(passing) + 1 and ends <= attempts)


def test_a_slow_request_times_out_and_costs_its_neighbours_nothing() -> None:
    model = Timeout(ScriptedModel({"slow": [{"text": "late", "delay": 30}], "*": ["Hi"]}), 0.05)
    begun = time.monotonic()
    fast, slow = run(model.generate([request("Hi", key="fast"), request("Hi", key="slow")]))
    assert time.monotonic() - begun < 5
    assert fast.text == "Hi"
    assert isinstance(slow.error, LLMTimeoutError) and str(slow.error) == "[scripted:list slow] no answer within 0.05 s"


def test_a_batch_times_out_as_a_whole() -> None:
    model = Timeout(ScriptedModel(["Hi"], delay=30, batching="batched"), 0.05)
    assert all(isinstance(r.error, LLMTimeoutError) for r in run(model.generate([HI, HI])))


def test_a_stream_that_stalls_times_out_after_what_it_gave() -> None:
    model = ScriptedModel([{"text": "one two", "delay": 0.4}])
    chunks = run(collected(Timeout(model, 5)))
    assert "".join(c.text for c in chunks) == "one two"
    stalled = run(collected(Timeout(model, 0.05)))
    assert stalled[-1].result is not None and isinstance(stalled[-1].result.error, LLMTimeoutError)


def test_a_time_limit_of_the_caller_is_not_taken_for_the_models() -> None:
    async def main() -> None:
        async with asyncio.timeout(0.05):
            await Timeout(ScriptedModel(["Hi"], delay=30), 60).generate([HI])

    with pytest.raises(TimeoutError):
        asyncio.run(main())


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"base": -1}, {"patience": -1}])
def test_retry_refuses_nonsense(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Retry(ScriptedModel(["Hi"]), **bad)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_timeout_refuses_nonsense(seconds: float) -> None:
    with pytest.raises(ConfigError):
        Timeout(ScriptedModel(["Hi"]), seconds)


def test_wrap_orders_the_wrappers(tmp_path: Any) -> None:
    model = ScriptedModel(["Hi"])
    assert wrap(model, retry=False) is model
    full = wrap(model, timeout=1, cache=tmp_path / "c", budget=Budget(), record=tmp_path / "r")
    assert repr(full) == "Record(Cached(Retry(Guarded(Timeout(ScriptedModel('scripted:list'))))))"
    assert isinstance(full, Record) and isinstance(full.inner, Cached) and isinstance(full.inner.inner, Retry)
    assert (full.name, full.batching, full.features) == (model.name, model.batching, model.features)
    assert isinstance(full, Model)


def test_a_wrapped_model_keeps_the_protocol(tmp_path: Any) -> None:
    for batching in ("concurrent", "batched"):
        model = ScriptedModel(["Hi there"], batching=batching)  # type: ignore[arg-type]
        check_backend(wrap(model, timeout=10, budget=Budget(), record=tmp_path / "r", retry=3))


def test_tries_that_failed_cost_no_call_unless_the_model_says_so() -> None:
    budget = Budget(max_calls=1)
    model = Faulty(ScriptedModel(["Hi"]), [ServerError("500")] * 2)
    assert one(Retry(budget.guard(model), sleep=Waits())).text == "Hi"
    assert budget.used.calls == 1
    assert isinstance(one(Retry(budget.guard(model), sleep=Waits())).error, BudgetExceededError)
