"""The ollama: backend: the real client against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from servers.ollama_server import Answer, Faults, Reply, serve

from sdialog.backends.ollama import OllamaBackend
from sdialog.core import errors
from sdialog.llm.types import (
    GenerateConfig,
    GenerateRequest,
    GenerateResult,
    Message,
    StreamChunk,
    ToolCall,
    ToolSpec,
)

HELLO = (Message("system", "You are Ava."), Message("user", "Hi!"))
REFUND = ToolSpec(
    "refund",
    "Pay money back.",
    {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "description": "Euros.", "minimum": 0},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Note"},
            "to": {"$ref": "#/$defs/Account"},
        },
        "required": ["amount"],
        "$defs": {"Account": {"type": "object", "properties": {"iban": {"type": "string"}}}},
    },
)


def ask(server: Any, messages: tuple[Message, ...] = HELLO, options: Any = None, **fields: Any) -> GenerateResult:
    async def call() -> GenerateResult:
        backend = OllamaBackend("qwen3:1b", base_url=server.url, **(options or {}))
        (result,) = await backend.generate([GenerateRequest(messages, key="k", **fields)])
        await backend.aclose()
        return result

    return asyncio.run(call())


def test_a_reply_comes_back_whole() -> None:
    with serve([Reply("Hello.", thinking="be nice", input_tokens=21, output_tokens=4, finish="length")]) as server:
        result = ask(server, logprobs=1)
    assert (result.text, result.thinking, result.finish_reason) == ("Hello.", "be nice", "length")
    assert (result.usage.calls, result.usage.input_tokens, result.usage.output_tokens) == (1, 21, 4)
    assert result.model == "qwen3:1b" and result.error is None
    assert result.logprobs is not None and result.logprobs[0].top == (("Hello.0", -0.5),)


def test_the_request_holds_what_was_asked_and_nothing_else() -> None:
    config = GenerateConfig(
        temperature=0.5,
        min_p=0.1,
        repetition_penalty=1.1,
        max_tokens=20,
        stop=("END",),
        seed=2**33,
        extra={"num_ctx": 9},
    )
    with serve() as server:
        ask(server, config=config, think=False, schema={"type": "object"}, options={"keep_alive": "5m"})
        sent = server.requests[0].json
    assert sent.pop("options") == {
        "temperature": 0.5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "num_predict": 20,
        "stop": ["END"],
        "seed": 0,
        "num_ctx": 9,
    }
    assert sent == {
        "model": "qwen3:1b",
        "messages": [{"role": "system", "content": "You are Ava."}, {"role": "user", "content": "Hi!"}],
        "stream": False,
        "think": False,
        "format": {"type": "object"},
        "keep_alive": "5m",
        "tools": [],
    }


def test_tools_go_there_and_calls_come_back_numbered_through_the_conversation() -> None:
    messages = (
        *HELLO,
        Message("assistant", tool_calls=(ToolCall("call_0", "refund", {"amount": 5}),), thinking="hm"),
        Message("tool", "ok", name="refund", tool_call_id="call_0"),
        Message("system", "Again."),
    )
    with serve([Reply("", tool_calls=(("refund", {"amount": 6}), ("refund", {"amount": 7})))]) as server:
        result = ask(server, messages, tools=(REFUND,))
        sent = server.requests[0].json
    assert result.finish_reason == "tool_calls"
    assert [(c.id, c.arguments) for c in result.tool_calls] == [("call_1", {"amount": 6}), ("call_2", {"amount": 7})]
    assert sent["messages"][2]["tool_calls"] == [{"function": {"name": "refund", "arguments": {"amount": 5}}}]
    assert sent["messages"][2]["thinking"] == "hm" and sent["messages"][3]["tool_name"] == "refund"
    assert sent["messages"][4] == {"role": "system", "content": "Again."}
    parameters = sent["tools"][0]["function"]["parameters"]
    assert parameters["required"] == ["amount"] and "Account" in parameters["$defs"]
    properties = parameters["properties"]
    assert properties["amount"] == {"type": "number", "description": 'Euros. (JSON schema: {"minimum": 0})'}
    assert properties["note"] == {"type": ["string", "null"]} and "#/$defs/Account" in properties["to"]["description"]


def stream(server: Any, **fields: Any) -> list[StreamChunk]:
    async def call() -> list[StreamChunk]:
        backend = OllamaBackend("qwen3:1b", base_url=server.url)
        return [chunk async for chunk in backend.stream(GenerateRequest(HELLO, key="k", **fields))]

    return asyncio.run(call())


def test_a_streamed_and_a_plain_reply_give_the_same_result() -> None:
    reply = Reply("So be it then.", thinking="well now", tool_calls=(("a", {"x": [1, None]}), ("b", {})))
    with serve([reply, reply]) as server:
        plain, chunks = ask(server), stream(server)
    assert chunks[-1].result == plain and len(chunks) == 7
    assert "".join(c.text for c in chunks) == plain.text and "".join(c.thinking for c in chunks) == plain.thinking


def test_a_stream_that_breaks_off_ends_with_an_error() -> None:
    def cut(received: Any) -> Answer:
        whole = server.answer(received, Reply("Hello there, friend."))
        return Answer(whole.body, headers=whole.headers, cut="middle")

    with serve([cut]) as server:
        result = stream(server)[-1].result
    assert result is not None and isinstance(result.error, errors.ConnectionFailedError)


@pytest.mark.parametrize("lines", [b'{"error":"runner crashed"}\n', b'{"model":"m"', b'{"model":"m"}\n', b""])
def test_a_stream_that_is_none(lines: bytes) -> None:
    with serve([Answer(lines)]) as server:
        result = stream(server)[-1].result
    assert result is not None and isinstance(result.error, errors.ServerError)


def test_a_missing_model_names_the_cure_and_nothing_is_pulled() -> None:
    with serve(models=["other"]) as server:
        result = ask(server)
        assert [r.path for r in server.requests] == ["/api/chat"]
    assert result.error is not None and "ollama pull qwen3:1b" in str(result.error) and not result.error.retryable


def test_pull_gets_a_missing_model_when_asked_to() -> None:
    with serve(models=["other"]) as server:
        assert ask(server, options={"pull": True}).error is None
        assert [r.path for r in server.requests] == ["/api/chat", "/api/pull", "/api/chat"]


def test_a_pull_that_fails_is_said_so() -> None:
    async def call() -> GenerateResult:
        backend = OllamaBackend("no-such-model", base_url=server.url, pull=True)
        return (await backend.generate([GenerateRequest(HELLO)]))[0]

    with serve(models=[]) as server:
        error = asyncio.run(call()).error
    assert error is not None and "pull" in str(error)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer({"error": "model is busy"}, status=503), errors.ServerError),
        (Answer({"error": "wait"}, status=429), errors.RateLimitError),
        (Answer({"error": "who?"}, status=401), errors.AuthenticationError),
        (Answer({"error": "input length exceeds the context length"}, status=400), errors.ContextLengthError),
        (Answer({"error": '"qwen3:1b" does not support tools'}, status=400), errors.LLMError),
        (Answer(b""), errors.ServerError),
        (Answer(b'{"message": '), errors.ServerError),
        (Answer(b"[]"), errors.ServerError),
        (Answer({"model": "m"}), errors.ServerError),
        (Answer({"message": {"role": "assistant"}, "done": True, "done_reason": "load"}), errors.ServerError),
        (Answer({"message": {"role": "assistant"}}, cut="before"), errors.ConnectionFailedError),
        (Answer({"message": {"role": "assistant"}}, cut="middle"), errors.ConnectionFailedError),
        (Answer({}, delay=9), errors.LLMTimeoutError),
    ],
)
def test_what_goes_wrong_is_named(answer: Answer, kind: type[errors.LLMError]) -> None:
    with serve([answer]) as server:
        result = ask(server, options={"timeout": 2 if answer.delay else 60})
        assert len(server.requests) == 1
    assert type(result.error) is kind
    assert result.error.backend == "ollama:qwen3:1b" and result.error.request_key == "k"


def test_nobody_there() -> None:
    async def call() -> GenerateResult:
        return (await OllamaBackend("m", base_url="http://127.0.0.1:9").generate([GenerateRequest(HELLO)]))[0]

    error = asyncio.run(call()).error
    assert isinstance(error, errors.ConnectionFailedError) and "127.0.0.1:9" in str(error)


def test_host_and_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.setenv("OLLAMA_API_KEY", "ollama-key")
        (result,) = asyncio.run(OllamaBackend("m").generate([GenerateRequest(HELLO)]))
        assert result.error is None and server.requests[0].headers["authorization"] == "Bearer ollama-key"


def test_faults_of_all_kinds_come_back_as_values() -> None:
    async def call() -> list[GenerateResult]:
        backend = OllamaBackend("m", base_url=server.url)
        return await backend.generate([GenerateRequest((Message("user", f"Hi {i}"),)) for i in range(80)])

    with serve(faults=Faults.each(0.2, seed=5)) as server:
        results = asyncio.run(call())
        good = [r for r in results if r.error is None]
        assert len(good) == server.met["none"] + server.met["slow"] and set(server.met) >= set(Faults.KINDS)
    assert all(r.error.retryable for r in results if r.error is not None)
