"""A plain or async function is a model."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sdialog.backends.callable import CallableModel
from sdialog.core.errors import ConfigError, LLMError, LLMTimeoutError
from sdialog.core.sync import run
from sdialog.llm.get import resolve
from sdialog.llm.types import Message
from sdialog.testing import check_backend, request


async def shout(messages: list[Message]) -> str:
    await asyncio.sleep(0)
    return messages[-1].content.upper()


class Greeter:
    def __call__(self, messages: list[Message]) -> str:
        return "Good day."


class AsyncGreeter:
    async def __call__(self, messages: list[Message]) -> str:
        return "Good night."


def reply(function: Any, text: str = "Hi") -> Any:
    return run(CallableModel(function).generate([request(text)]))[0]


def test_plain_async_and_objects() -> None:
    assert reply(lambda messages: messages[-1].content * 2).text == "HiHi"
    assert reply(shout).text == "HI"
    assert reply(Greeter()).text == "Good day."
    assert reply(AsyncGreeter()).text == "Good night."
    assert [CallableModel(f).name for f in (shout, Greeter())] == ["callable:shout", "callable:Greeter"]


def test_a_slow_plain_function_does_not_hold_the_others() -> None:
    def slow(messages: list[Message]) -> str:
        time.sleep(0.1)
        return "done"

    begun = time.monotonic()
    run(CallableModel(slow).generate([request("Hi")] * 4))
    assert time.monotonic() - begun < 0.35


def test_many_wait_at_once_however_few_processors_there_are() -> None:
    together = threading.Barrier(40, timeout=20)

    def meet(messages: list[Message]) -> str:
        return str(together.wait())

    results = run(CallableModel(meet).generate([request("Hi")] * 40))
    assert {int(result.text) for result in results} == set(range(40))


def test_what_it_raises_is_the_rows_error() -> None:
    def function(messages: list[Message]) -> Any:
        match messages[-1].content:
            case "time":
                raise TimeoutError("too slow")
            case "none":
                return None
        return "ok"

    ok, late, none = run(CallableModel(function).generate([request(text) for text in ("Hi", "time", "none")]))
    assert ok.text == "ok"
    assert isinstance(late.error, LLMTimeoutError)
    assert isinstance(none.error, LLMError) and "returned NoneType, not str" in str(none.error)


def test_secrets_in_messages_of_errors_are_masked() -> None:
    def leaky(messages: list[Message]) -> str:
        raise RuntimeError("refused key sk-proj-abcdef1234567890")

    assert "abcdef1234567890" not in str(reply(leaky).error)


def test_a_function_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_models_for_test.py").write_text("def polite(messages):\n    return 'Certainly.'\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = resolve("callable:my_models_for_test:polite")
    assert found.info == {"name": "callable:my_models_for_test:polite"}
    assert run(found.model.generate([request("Hi")]))[0].text == "Certainly."
    for bad in ("my_models_for_test:rude", "no_such_module_here:f", "my_models_for_test", "os:sep"):
        with pytest.raises(ConfigError):
            CallableModel(bad)


def test_it_keeps_the_protocol() -> None:
    def function(messages: list[Message]) -> str:
        if messages[-1].content == "fail":
            raise ValueError("asked to")
        return f"You said: {messages[-1].content}"

    check_backend(CallableModel(function), failing=request("fail"))
    check_backend(CallableModel(shout))
