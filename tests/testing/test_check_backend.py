"""The conformance check passes what keeps the protocol and names each way to break it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import LLMError
from sdialog.llm.types import GenerateResult, StreamChunk, Usage
from sdialog.testing import NotConformingError, check_backend, request

SECRET = "sk-very-secret-123456"


class Bad(ScriptedModel):
    """Breaks the protocol in the way it is told to."""

    def __init__(self, how: str) -> None:
        super().__init__(lambda asked: f"You said: {asked.messages[-1].content}", label=how)
        self.how = how
        if how == "features":
            self.features = frozenset({"teleport"})
        if how == "repr":
            self.options = {"api_key": SECRET}

    async def generate(self, requests: Any) -> Any:
        results = await super().generate(requests)
        failing = [r.key == "bad" for r in requests]
        match self.how:
            case "empty" if not requests:
                return None
            case "count":
                return results[:1]
            case "order" if len(results) > 1:
                return [results[0]] * len(results)
            case "usage":
                return [GenerateResult(r.text) for r in results]
            case "reason":
                return [GenerateResult(r.text, finish_reason="error", usage=r.usage) for r in results]
            case "raises" if any(failing):
                raise LLMError("one row failed")
            case "neighbours" if any(failing):
                error = LLMError("one row failed")
                return [GenerateResult(error=error, finish_reason="error", usage=Usage(1, 1)) for _ in requests]
            case "loop":
                self.first = getattr(self, "first", None) or asyncio.get_running_loop()
                assert self.first is asyncio.get_running_loop(), "made for another event loop"
            case "hang" if self.cancelled_once():
                await asyncio.sleep(60)
        return results

    def cancelled_once(self) -> bool:
        task = asyncio.current_task()
        return bool(task and task.cancelling())

    async def stream(self, asked: Any) -> AsyncIterator[StreamChunk]:
        async for chunk in super().stream(asked):
            if self.how != "stream" or chunk.result is None:
                yield chunk

    def __repr__(self) -> str:
        return f"Bad({self.how!r}, {self.options!r})" if self.how == "repr" else super().__repr__()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("features", r"unknown features \['teleport'\]"),
        ("empty", "returned NoneType, not a list"),
        ("count", "3 requests gave 1 results"),
        ("order", "in another order"),
        ("usage", r"usage\.calls of one answer is 0"),
        ("reason", "finish_reason is 'error', but error is None"),
        ("raises", "raised LLMError: one row failed; a failure must be a result"),
        ("neighbours", "a neighbour of the failing request failed too"),
        ("stream", "the last chunk, and no other, carries the result"),
        ("loop", "made for another event loop"),
        ("repr", "shows a secret option"),
    ],
)
def test_each_breach_is_named(how: str, message: str) -> None:
    with pytest.raises(NotConformingError, match=message) as caught:
        check_backend(Bad(how), failing=request("Hi", key="bad") if how in ("raises", "neighbours") else None)
    assert SECRET not in str(caught.value) or how == "repr"


def test_a_hanging_model_ends_the_check() -> None:
    with pytest.raises(NotConformingError, match=r"did not end within 0\.05 s"):
        check_backend(ScriptedModel(["Hi"], delay=30), timeout=0.05)


def test_what_could_not_be_checked_is_said() -> None:
    report = check_backend(ScriptedModel(["Hi"], features=frozenset()))
    assert set(report.skipped) == {"error row", "stream", "tools"}
    assert report and "order" in report.passed and "second event loop" in report.passed
