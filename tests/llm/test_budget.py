"""A budget counts what is used, refuses when it is used up, and knows what things cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import BudgetExceededError, ConfigError
from sdialog.core.sync import run
from sdialog.llm.middleware import Budget, Price, PriceTable
from sdialog.llm.types import GenerateResult, Usage
from sdialog.testing import request

PRICED = PriceTable({"scripted:list": (1_000_000, 2_000_000)})  # 1 and 2 a token


def model(reply: str = "one two", **options: Any) -> ScriptedModel:
    return ScriptedModel([reply], **options)


def test_calls_are_limited_exactly_and_the_model_is_not_called_beyond() -> None:
    asked = []
    budget = Budget(max_calls=3)
    guarded = budget.guard(ScriptedModel(lambda r: asked.append(r.key) or "ok"))
    results = run(guarded.generate([request("Hi", key=str(k)) for k in range(5)]))
    assert [r.text for r in results] == ["ok", "ok", "ok", "", ""]
    assert all(isinstance(r.error, BudgetExceededError) for r in results[3:])
    assert asked == ["0", "1", "2"]
    assert "budget of 3 calls" in str(results[3].error) and budget.exhausted == "3 calls"


@given(st.integers(0, 12), st.lists(st.integers(1, 4), max_size=6))
def test_concurrent_callers_never_exceed_the_calls(limit: int, sizes: list[int]) -> None:
    budget = Budget(max_calls=limit)
    guarded = budget.guard(model(delay=0.0001))

    async def main() -> list[list[GenerateResult]]:
        return await asyncio.gather(*(guarded.generate([request("Hi")] * size) for size in sizes))

    answered = [r for batch in asyncio.run(main()) for r in batch if r.error is None]
    assert len(answered) == min(limit, sum(sizes)) == budget.used.calls
    assert budget.remaining.calls == limit - len(answered)


def test_tokens_end_the_run_after_the_call_that_used_them_up() -> None:
    budget = Budget(max_tokens=5)
    guarded = budget.guard(model())
    results = [run(guarded.generate([request("Hi")]))[0] for _ in range(3)]  # 3 tokens each
    assert [r.error is None for r in results] == [True, True, False]
    assert budget.remaining == (None, 0, None) and budget.used == Usage(2, 2, 4, 0.0)


def test_money() -> None:
    budget = Budget(max_cost=9, prices=PRICED)
    guarded = budget.guard(model())
    results = [run(guarded.generate([request("Hi")]))[0] for _ in range(3)]
    assert [r.usage.cost for r in results[:2]] == [5.0, 5.0]
    assert isinstance(results[2].error, BudgetExceededError)
    assert budget.used.cost == 10.0


def test_an_unknown_price_is_refused_before_the_run_if_money_is_limited() -> None:
    class Remote(ScriptedModel):
        prefix = "acme"

    remote = Remote(["Hi"])
    with pytest.raises(ConfigError, match=r"no price is known for 'acme:list'.*prices="):
        Budget(max_cost=1).guard(remote)
    guarded = Budget(max_tokens=100).guard(remote)
    assert run(guarded.generate([request("Hi")]))[0].usage.cost is None


def test_several_models_share_one_budget() -> None:
    budget = Budget(max_calls=3)
    one, two = budget.guard(model()), budget.guard(model())
    run(one.generate([request("Hi")] * 2))
    results = run(two.generate([request("Hi")] * 2))
    assert [r.error is None for r in results] == [True, False]


def test_a_resumed_run_starts_from_what_was_used() -> None:
    budget = Budget(max_calls=10, used=Usage(9, 100, 100, 1.5))
    results = run(budget.guard(model()).generate([request("Hi")] * 2))
    assert [r.error is None for r in results] == [True, False]
    assert budget.used == Usage(10, 101, 102, 1.5)


def test_a_cancelled_call_gives_its_reservation_back() -> None:
    budget = Budget(max_calls=1)
    guarded = budget.guard(model(delay=30))

    async def main() -> None:
        task = asyncio.create_task(guarded.generate([request("Hi")]))
        await asyncio.sleep(0.01)
        assert budget.admit() is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert budget.admit() is None


def test_streams_are_counted_and_refused() -> None:
    budget = Budget(max_calls=1)
    guarded = budget.guard(model())

    async def collected() -> list[Any]:
        return [chunk async for chunk in guarded.stream(request("Hi"))]

    first, second = run(collected()), run(collected())
    assert first[-1].result.usage.calls == budget.used.calls == 1
    assert isinstance(second[-1].result.error, BudgetExceededError)


def test_prices_by_name_pattern_and_length(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("'*': {input: 9, output: 9}\ngpt-4.1*: [2, 8]\nopenai:gpt-4.1-mini: {input: 0.4, output: 1.6}\n")
    table = PriceTable.load(file)
    assert table.price("openai:gpt-4.1-mini") == Price(0.4, 1.6)
    assert table.price("openai:gpt-4.1-2025") == Price(2, 8)
    assert table.price("other:thing") == Price(9, 9)
    assert PriceTable().price("embedded:mini") == Price(0, 0)
    assert PriceTable({"embedded:mini": (1, 1)}).price("embedded:mini") == Price(1, 1)
    assert PriceTable().price("openai:gpt-4.1") is None


@pytest.mark.parametrize("bad", [5, (1,), (1, 2, 3), {"input": 1}, ("a", "b"), (-1, 2)])
def test_a_price_must_be_two_numbers(bad: Any) -> None:
    with pytest.raises(ConfigError, match="gpt"):
        PriceTable({"gpt": bad})


def test_a_bad_price_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        PriceTable.load(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(ConfigError, match="must map"):
        PriceTable.load(tmp_path / "list.yaml")


def test_negative_limits_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        Budget(max_tokens=-1)
