"""The anthropic: backend: the real SDK against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from servers.anthropic_server import Answer, AnthropicServer, Faults, Reply, serve

from sdialog.backends._turns import OPENING
from sdialog.backends.anthropic import AnthropicBackend
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
REFUND = ToolSpec("refund", "Pay money back.", {"type": "object", "properties": {"amount": {"type": "number"}}})


def ask(server: Any, *requests: GenerateRequest, **options: Any) -> list[GenerateResult]:
    async def call() -> list[GenerateResult]:
        backend = AnthropicBackend("claude", api_key="a-secret-key", base_url=server.url, **options)
        return [(await backend.generate([request]))[0] for request in requests]

    return asyncio.run(call())


def test_a_reply_comes_back_whole() -> None:
    with serve([Reply("Hello.", input_tokens=21, output_tokens=4, finish="max_tokens")]) as server:
        (result,) = ask(server, GenerateRequest(HELLO))
        sent = server.requests[0].headers
        assert "a-secret-key" in (sent.get("x-api-key"), sent.get("authorization", "").removeprefix("Bearer "))
    assert (result.text, result.finish_reason, result.model) == ("Hello.", "length", "claude-0001")
    assert (result.usage.calls, result.usage.input_tokens, result.usage.output_tokens) == (1, 21, 4)


def test_the_request_holds_what_anthropic_takes_and_nothing_else() -> None:
    config = GenerateConfig(
        temperature=0.5, top_k=4, seed=3, frequency_penalty=1.0, stop=("END",), extra={"metadata": {"user_id": "u"}}
    )
    with serve() as server:
        ask(server, GenerateRequest(HELLO, config, tools=(REFUND,), logprobs=2))
        sent = server.requests[0].json
    assert sent == {
        "model": "claude",
        "max_tokens": 4096,
        "temperature": 0.5,
        "top_k": 4,
        "stop_sequences": ["END"],
        "system": "You are Ava.",
        "messages": [{"role": "user", "content": "Hi!"}],
        "tools": [{"name": "refund", "description": "Pay money back.", "input_schema": dict(REFUND.parameters)}],
        "metadata": {"user_id": "u"},
    }


def test_the_opening_turn_and_instructions_fit_its_rules() -> None:
    messages = (
        Message("system", "You are Ava."),
        Message("assistant", "Hi!"),
        Message("user", "Hello."),
        Message("system", "Be brief."),
    )
    with serve() as server:
        (result,) = ask(server, GenerateRequest(messages))
        sent = server.requests[0].json["messages"]
    assert result.error is None
    assert sent[0] == {"role": "user", "content": OPENING}
    assert [block["text"] for block in sent[2]["content"]] == ["Hello.", "<instruction>\nBe brief.\n</instruction>"]


def test_signed_thinking_goes_back_with_the_tool_output() -> None:
    calls = (("refund", {"amount": 5}), ("refund", {"amount": 6}))

    async def call() -> GenerateResult:
        backend = AnthropicBackend("claude", api_key="a-secret-key", base_url=server.url)
        first = GenerateRequest(HELLO, GenerateConfig(temperature=0.3), tools=(REFUND,), think=True)
        (result,) = await backend.generate([first])
        again = (
            *HELLO,
            Message("assistant", result.text, tool_calls=result.tool_calls, thinking=result.thinking),
            *(Message("tool", "ok", tool_call_id=c.id) for c in result.tool_calls),
        )
        (last,) = await backend.generate([GenerateRequest(again, tools=(REFUND,), think=True)])
        assert last.error is None
        other = AnthropicBackend("claude", api_key="a-secret-key", base_url=server.url)
        await other.generate([GenerateRequest(again, tools=(REFUND,), think=True)])
        return result

    with serve([Reply("Let me see.", thinking="hm", tool_calls=calls)]) as server:
        result = asyncio.run(call())
        first, second, third = (r.json for r in server.requests)
    assert result.thinking == "hm" and result.finish_reason == "tool_calls"
    assert result.tool_calls[1] == ToolCall("toolu_1", "refund", {"amount": 6})
    assert first["thinking"] == {"type": "adaptive"} and "temperature" not in first
    blocks = second["messages"][1]["content"]
    assert blocks[0] == {"type": "thinking", "thinking": "hm", "signature": "signed"}
    assert [b["type"] for b in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert [b["type"] for b in second["messages"][2]["content"]] == ["tool_result", "tool_result"]
    assert "thinking" not in third, "without the signature Anthropic would refuse to think on"


def test_an_older_model_thinks_with_a_number_of_tokens() -> None:
    def older(received: Any) -> Answer | Reply:
        if received.json.get("thinking", {}).get("type") == "adaptive":
            return AnthropicServer().error(400, "adaptive thinking is not supported on this model")
        return Reply("ok")

    with serve([older] * 3) as server:
        results = ask(server, GenerateRequest(HELLO, think=True), GenerateRequest(HELLO, think=True))
        sent = [r.json for r in server.requests]
    assert [r.text for r in results] == ["ok", "ok"] and len(sent) == 3
    assert sent[2]["thinking"] == {"type": "enabled", "budget_tokens": 2048} and sent[2]["max_tokens"] == 4096 + 2048


def test_a_schema_is_sent_natively_and_else_put_into_words() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}, "required": ["name"]}
    refusal = AnthropicServer().error(400, "output_config: Extra inputs are not permitted")
    with serve([Reply('{"name": "Ava"}'), refusal, Reply('{"name": "Bo"}')]) as server:
        results = ask(server, GenerateRequest(HELLO, schema=schema), GenerateRequest(HELLO, schema=schema))
        native, _, words = (r.json for r in server.requests)
    assert [r.text for r in results] == ['{"name": "Ava"}', '{"name": "Bo"}']
    form = native["output_config"]["format"]
    assert form["type"] == "json_schema" and form["schema"]["additionalProperties"] is False
    assert "output_config" not in words and '"maxLength": 9' in words["system"]


def stream(server: Any, request: GenerateRequest) -> list[StreamChunk]:
    async def call() -> list[StreamChunk]:
        backend = AnthropicBackend("claude", api_key="a-secret-key", base_url=server.url)
        return [chunk async for chunk in backend.stream(request)]

    return asyncio.run(call())


def test_a_streamed_and_a_plain_reply_give_the_same_result() -> None:
    reply = Reply("So be it then.", thinking="well now", tool_calls=(("a", {"x": [1, None]}), ("b", {})))
    with serve([reply, reply]) as server:
        (plain,) = ask(server, GenerateRequest(HELLO))
        chunks = stream(server, GenerateRequest(HELLO))
    assert chunks[-1].result == plain and len(chunks) == 7
    assert "".join(c.text for c in chunks) == plain.text and "".join(c.thinking for c in chunks) == plain.thinking


def test_arguments_that_break_off_in_a_stream_are_said_so() -> None:
    with serve([Reply("", tool_calls=(("a", '{"x": '),))]) as server:
        result = stream(server, GenerateRequest(HELLO))[-1].result
    assert result is not None and result.tool_calls[0].error is not None


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        (
            b'event: error\ndata: {"error":{"type":"overloaded_error","message":"busy"}}\n\n',
            "RateLimitError",
        ),
        (b'event: message_start\ndata: {"type":"message_start","message":{"id":"1"}}\n\n', "ServerError"),
        (b"event: message_start\ndata: {\n\n", "ServerError"),
        (b"", "ServerError"),
    ],
)
def test_a_stream_that_goes_wrong(events: bytes, kind: str) -> None:
    with serve([Answer(events, headers={"content-type": "text/event-stream"})]) as server:
        result = stream(server, GenerateRequest(HELLO))[-1].result
    assert result is not None and type(result.error).__name__ == kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (AnthropicServer().error(429, "slow down", {"retry-after": "2"}), errors.RateLimitError),
        (AnthropicServer().error(529, "Overloaded"), errors.RateLimitError),
        (AnthropicServer().error(500, "oops"), errors.ServerError),
        (AnthropicServer().error(401, "invalid x-api-key a-secret-key"), errors.AuthenticationError),
        (AnthropicServer().error(400, "prompt is too long: 210000 tokens > 200000 maximum"), errors.ContextLengthError),
        (AnthropicServer().error(404, "model: claude"), errors.LLMError),
        (Answer(b""), errors.ServerError),
        (Answer(b'{"content": ['), errors.ServerError),
        (Answer({"content": [], "stop_reason": None}), errors.ServerError),
        (Answer({}, cut="before"), errors.ConnectionFailedError),
        (Answer({"a": "b" * 99}, cut="middle"), errors.ConnectionFailedError),
        (Answer({}, delay=9), errors.LLMTimeoutError),
    ],
)
def test_what_goes_wrong_is_named(answer: Answer, kind: type[errors.LLMError]) -> None:
    with serve([answer]) as server:
        (result,) = ask(server, GenerateRequest(HELLO, key="k"), timeout=2 if answer.delay else 60)
        assert len(server.requests) == 1, "the SDK must not retry by itself"
    assert type(result.error) is kind and "a-secret-key" not in f"{result.error}{result.error!r}"
    if isinstance(result.error, errors.RateLimitError) and result.error.status == 429:
        assert result.error.retry_after == 2


def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = asyncio.run(AnthropicBackend("claude").generate([GenerateRequest(HELLO)]))
    assert isinstance(result.error, errors.AuthenticationError) and "ANTHROPIC_API_KEY" in str(result.error)
    assert "ANTHROPIC_API_KEY" in (AnthropicBackend.unusable_because() or "")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    assert AnthropicBackend.unusable_because() is None


def test_faults_of_all_kinds_come_back_as_values() -> None:
    async def call() -> list[GenerateResult]:
        backend = AnthropicBackend("claude", api_key="a-secret-key", base_url=server.url)
        return await backend.generate([GenerateRequest((Message("user", f"Hi {i}"),)) for i in range(60)])

    with serve(faults=Faults.each(0.2, seed=5)) as server:
        results = asyncio.run(call())
        good = [r for r in results if r.error is None]
        assert len(good) == server.met["none"] + server.met["slow"]
    assert all(r.error.retryable for r in results if r.error is not None)
