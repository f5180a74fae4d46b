"""The openai: backend against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from servers.openai_server import Answer, Reply, serve

from sdialog.backends.openai import OpenAIBackend
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

REFUND = ToolSpec("refund", "Pay money back.", {"type": "object", "properties": {"amount": {"type": "number"}}})
HELLO = (Message("system", "You are Ava."), Message("user", "Hi!"))


def ask(server: Any, *, model: str = "m", messages: tuple[Message, ...] = HELLO, **fields: Any) -> GenerateResult:
    async def call() -> GenerateResult:
        backend = OpenAIBackend(model, base_url=server.base_url)
        (result,) = await backend.generate([GenerateRequest(messages, key="dialog/1/Ava", **fields)])
        await backend.aclose()
        return result

    return asyncio.run(call())


def test_a_reply_comes_back_with_usage_and_the_services_model_name() -> None:
    with serve([Reply("Hello there.", input_tokens=21, output_tokens=4)]) as server:
        result = ask(server)
    assert (result.text, result.finish_reason, result.model) == ("Hello there.", "stop", "m-0001")
    assert (result.usage.calls, result.usage.input_tokens, result.usage.output_tokens) == (1, 21, 4)
    assert result.error is None and result.thinking is None


def test_the_request_holds_what_was_asked_and_nothing_else() -> None:
    config = GenerateConfig(
        temperature=0.5,
        top_k=7,
        max_tokens=20,
        stop=("END",),
        seed=2**40 + 5,
        extra={"user": "u", "extra_body": {"x": 1}},
    )
    with serve() as server:
        ask(server, config=config)
        sent = server.requests[0]
    assert sent.json == {
        "model": "m",
        "messages": [{"role": "system", "content": "You are Ava."}, {"role": "user", "content": "Hi!"}],
        "temperature": 0.5,
        "top_k": 7,
        "max_tokens": 20,
        "stop": ["END"],
        "seed": 5,
        "user": "u",
        "x": 1,
    }
    assert sent.headers["authorization"] == "Bearer none"


def test_a_system_message_keeps_its_place_and_tool_traffic_its_ids() -> None:
    messages = (
        *HELLO,
        Message("assistant", tool_calls=(ToolCall("c1", "refund", {"amount": 5, "note": "é"}),), thinking="hm"),
        Message("tool", '{"ok": true}', name="refund", tool_call_id="c1"),
        Message("system", "Be brief.", persist=False),
    )
    with serve() as server:
        ask(server, messages=messages, tools=(REFUND,))
        sent = server.requests[0].json
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "tool", "system"]
    call = sent["messages"][2]["tool_calls"][0]
    assert call["id"] == "c1" and json.loads(call["function"]["arguments"]) == {"amount": 5, "note": "é"}
    assert sent["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'}
    assert sent["tools"][0]["function"]["parameters"] == dict(REFUND.parameters)


def test_tool_calls_come_back_and_unreadable_arguments_are_said_so() -> None:
    calls = (("refund", {"amount": 5}), ("refund", '{"amount": '), ("refund", "[1]"))
    with serve([Reply("One moment.", tool_calls=calls)]) as server:
        result = ask(server, tools=(REFUND,))
    assert result.finish_reason == "tool_calls" and result.text == "One moment."
    good, broken, wrong = result.tool_calls
    assert good == ToolCall("call_0", "refund", {"amount": 5})
    assert broken.error is not None and "not JSON" in broken.error and broken.arguments == {}
    assert wrong.error is not None and "list" in wrong.error


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_native_reasoning_is_kept_apart(field: str) -> None:
    message = {"role": "assistant", "content": "Four.", field: "2+2 is 4"}
    with serve([Answer({"choices": [{"message": message, "finish_reason": "stop"}]})]) as server:
        result = ask(server)
    assert (result.text, result.thinking) == ("Four.", "2+2 is 4")


def test_content_in_parts_is_joined() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Yes, "},
        {"type": "text", "text": "sure."},
    ]
    with serve([Answer({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]})]) as server:
        result = ask(server)
    assert (result.text, result.thinking) == ("Yes, sure.", "hm")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("function_call", "tool_calls")],
)
def test_finish_reasons(theirs: str, ours: str) -> None:
    with serve([Reply("x", finish=theirs)]) as server:
        assert ask(server).finish_reason == ours


def test_a_refusal_is_text_with_its_own_finish_reason() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    with serve([Answer({"choices": [{"message": message, "finish_reason": "stop"}]})]) as server:
        result = ask(server)
    assert (result.text, result.finish_reason) == ("I will not.", "content_filter")


def test_logprobs() -> None:
    with serve([Reply("a b")]) as server:
        result = ask(server, logprobs=2)
        assert server.requests[0].json["top_logprobs"] == 2
    assert result.logprobs is not None and [t.token for t in result.logprobs] == ["a", " b"]
    assert result.logprobs[0].logprob == pytest.approx(math.log(0.5)) and len(result.logprobs[0].top) == 2


@pytest.mark.parametrize("closed", [True, False])
def test_a_schema_is_sent_natively_and_strictly_where_it_can_be(closed: bool) -> None:
    schema: dict[str, Any] = {
        "title": "A person!",
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": not closed,
    }
    with serve([Reply("")]) as server:
        result = ask(server, schema=schema)
        form = server.requests[0].json["response_format"]["json_schema"]
    assert form == {"name": "A_person_", "schema": schema, "strict": closed}
    assert json.loads(result.text) == {"name": "text", "age": 1}


@pytest.mark.parametrize("think", [True, False])
def test_thinking_is_switched_through_the_chat_template(think: bool) -> None:
    with serve([Reply("Four.", thinking="2 and 2")]) as server:
        result = ask(server, think=think)
        assert server.requests[0].json["chat_template_kwargs"] == {"enable_thinking": think}
    assert result.thinking == "2 and 2"


def test_many_requests_go_out_side_by_side_and_come_back_in_order() -> None:
    def echo(received: Any) -> Reply:
        number = int(received.json["messages"][-1]["content"])
        return Reply(str(number), delay=0.2 - 0.01 * number)

    async def call() -> tuple[list[GenerateResult], float]:
        backend = OpenAIBackend("m", base_url=server.base_url)
        requests = [GenerateRequest((Message("user", str(i)),)) for i in range(16)]
        start = asyncio.get_running_loop().time()
        results = await backend.generate(requests)
        return results, asyncio.get_running_loop().time() - start

    with serve([echo] * 16) as server:
        results, seconds = asyncio.run(call())
    assert [r.text for r in results] == [str(i) for i in range(16)]
    assert seconds < 1.5  # one after the other they take at least 2.0


def test_connections_are_kept_and_one_backend_serves_many_loops() -> None:
    backend_of: list[OpenAIBackend] = []

    async def call() -> list[str]:
        request = GenerateRequest(HELLO)
        return [(await backend_of[0].generate([request]))[0].text for _ in range(3)]

    with serve([Reply(str(i)) for i in range(6)]) as server:
        backend_of.append(OpenAIBackend("m", base_url=server.base_url))
        assert asyncio.run(call()) == ["0", "1", "2"]
        assert asyncio.run(call()) == ["3", "4", "5"]


def test_it_can_be_used_again_after_it_was_closed() -> None:
    async def call() -> list[str]:
        backend = OpenAIBackend("m", base_url=server.base_url)
        texts = []
        for _ in range(2):
            texts.append((await backend.generate([GenerateRequest(HELLO)]))[0].text)
            await backend.aclose()
        return texts

    with serve([Reply("a"), Reply("b")]) as server:
        assert asyncio.run(call()) == ["a", "b"]


def stream(server: Any, **fields: Any) -> list[StreamChunk]:
    async def call() -> list[StreamChunk]:
        backend = OpenAIBackend("m", base_url=server.base_url)
        return [chunk async for chunk in backend.stream(GenerateRequest(HELLO, key="k", **fields))]

    return asyncio.run(call())


def test_a_stream_gives_pieces_and_then_the_whole() -> None:
    reply = Reply("Hello there, friend.", thinking="be nice", tool_calls=(("refund", {"amount": 5}),), output_tokens=9)
    with serve([reply]) as server:
        chunks = stream(server, logprobs=1)
    *parts, last = chunks
    assert len(parts) >= 4 and all(part.result is None for part in parts)
    assert "".join(p.text for p in parts) == "Hello there, friend."
    assert "".join(p.thinking for p in parts) == "be nice"
    result = last.result
    assert result is not None and (result.text, result.thinking) == ("Hello there, friend.", "be nice")
    assert result.tool_calls == (ToolCall("call_0", "refund", {"amount": 5}),)
    assert result.finish_reason == "tool_calls" and result.usage.output_tokens == 9
    assert result.logprobs is not None and len(result.logprobs) == 3


def test_a_streamed_and_a_plain_reply_give_the_same_result() -> None:
    reply = Reply("So be it.", thinking="well", tool_calls=(("a", {"x": [1, {"y": None}]}), ("b", {})))
    with serve([reply, reply]) as server:
        plain, streamed = ask(server), stream(server)[-1].result
    assert plain == streamed


def test_a_stream_that_breaks_off_ends_with_an_error() -> None:
    def cut(received: Any) -> Answer:
        whole = server.answer(received, Reply("Hello there, friend."))
        return Answer(whole.body, headers=whole.headers, cut="middle")

    with serve([cut]) as server:
        result = stream(server)[-1].result
    assert result is not None and isinstance(result.error, errors.ConnectionFailedError)


def test_an_error_in_the_middle_of_a_stream_is_that_error() -> None:
    events = (
        b'data: {"choices":[{"delta":{"content":"He"}}]}\n\ndata: {"error":{"message":"overloaded","code":503}}\n\n'
    )
    with serve([Answer(events, headers={"content-type": "text/event-stream"})]) as server:
        chunks = stream(server)
    assert chunks[0].text == "He"
    assert chunks[-1].result is not None and isinstance(chunks[-1].result.error, errors.LLMError)
    assert "overloaded" in str(chunks[-1].result.error)
