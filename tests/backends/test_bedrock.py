"""The bedrock: backend: real boto3 against a real server on loopback."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.bedrock_server import Answer, BedrockServer, Faults, Reply, frame, serve

from sdialog.backends._turns import OPENING
from sdialog.backends.bedrock import BedrockBackend
from sdialog.core import errors
from sdialog.llm.protocol import backends
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
DUMMY = {"region_name": "eu-west-1", "aws_access_key_id": "AKIATEST", "aws_secret_access_key": "a-secret-key"}
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(autouse=True)
def no_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield


def ask(server: Any, *requests: GenerateRequest, model: str = CLAUDE, **options: Any) -> list[GenerateResult]:
    async def call() -> list[GenerateResult]:
        backend = BedrockBackend(model, endpoint_url=server.url, **{**DUMMY, **options})
        results = [(await backend.generate([request]))[0] for request in requests]
        await backend.aclose()
        return results

    return asyncio.run(call())


def test_a_reply_comes_back_whole() -> None:
    with serve([Reply("Hello.", thinking="hm", input_tokens=21, output_tokens=4, finish="max_tokens")]) as server:
        (result,) = ask(server, GenerateRequest(HELLO))
        assert "AKIATEST" in server.requests[0].headers["authorization"]
        assert server.requests[0].path == f"/model/{CLAUDE}/converse"
    assert (result.text, result.thinking, result.finish_reason) == ("Hello.", "hm", "length")
    assert (result.usage.calls, result.usage.input_tokens, result.usage.output_tokens) == (1, 21, 4)


def test_the_request_holds_what_converse_takes_and_nothing_else() -> None:
    extra = {"requestMetadata": {"run": "7"}, "own": 1}
    config = GenerateConfig(temperature=0.5, top_k=4, max_tokens=9, seed=3, min_p=0.2, stop=("END",), extra=extra)
    with serve() as server:
        ask(server, GenerateRequest(HELLO, config, tools=(REFUND,)))
        ask(server, GenerateRequest(HELLO, config), model="amazon.nova-lite-v1:0")
        claude, nova = (r.json for r in server.requests)
    specification = {
        "name": "refund",
        "description": "Pay money back.",
        "inputSchema": {"json": dict(REFUND.parameters)},
    }
    assert claude == {
        "messages": [{"role": "user", "content": [{"text": "Hi!"}]}],
        "system": [{"text": "You are Ava."}],
        "inferenceConfig": {"temperature": 0.5, "maxTokens": 9, "stopSequences": ["END"]},
        "toolConfig": {"tools": [{"toolSpec": specification}]},
        "requestMetadata": {"run": "7"},
        "additionalModelRequestFields": {"top_k": 4, "own": 1},
    }
    assert nova["additionalModelRequestFields"] == {"own": 1}


def test_the_opening_turn_and_instructions_fit_its_rules() -> None:
    messages = (Message("assistant", "Hi!"), Message("system", "Be brief."))
    with serve() as server:
        (result,) = ask(server, GenerateRequest(messages))
        sent = server.requests[0].json["messages"]
    assert result.error is None and sent[0]["content"] == [{"text": OPENING}]
    assert sent[2]["content"] == [{"text": "<instruction>\nBe brief.\n</instruction>"}]


def test_signed_thinking_goes_back_with_the_tool_output() -> None:
    async def call() -> GenerateResult:
        backend = BedrockBackend(CLAUDE, endpoint_url=server.url, **DUMMY)
        first = GenerateRequest(HELLO, GenerateConfig(temperature=0.3), tools=(REFUND,), think=True)
        (result,) = await backend.generate([first])
        again = (
            *HELLO,
            Message("assistant", result.text, tool_calls=result.tool_calls, thinking=result.thinking),
            Message("tool", "", tool_call_id=result.tool_calls[0].id),
        )
        (last,) = await backend.generate([GenerateRequest(again, think=True)])
        assert last.error is None
        return result

    with serve([Reply("Let me see.", thinking="hm", tool_calls=(("refund", {"amount": 5}),))]) as server:
        result = asyncio.run(call())
        first, second = (r.json for r in server.requests)
    assert result.tool_calls == (ToolCall("tooluse_0", "refund", {"amount": 5}),)
    assert first["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2048
    assert "temperature" not in first["inferenceConfig"] and first["inferenceConfig"]["maxTokens"] == 4096
    blocks = second["messages"][1]["content"]
    assert blocks[0]["reasoningContent"]["reasoningText"] == {"text": "hm", "signature": "signed"}
    assert [next(iter(b)) for b in blocks] == ["reasoningContent", "text", "toolUse"]
    assert second["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "(no output)"}]
    assert second["toolConfig"]["tools"][0]["toolSpec"]["name"] == "refund"


def test_a_schema_is_sent_natively_and_else_put_into_words() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    refusal = BedrockServer().error(400, "outputConfig is not supported for this model", kind="ValidationException")
    with serve([Reply('{"name": "Ava"}'), refusal, Reply('{"name": "Bo"}')]) as server:
        results = ask(server, GenerateRequest(HELLO, schema=schema), GenerateRequest(HELLO, schema=schema))
        native, _, words = (r.json for r in server.requests)
    assert [r.text for r in results] == ['{"name": "Ava"}', '{"name": "Bo"}']
    assert native["outputConfig"]["textFormat"]["type"] == "json_schema"
    assert "outputConfig" not in words and '"properties"' in words["system"][0]["text"]


def test_calls_run_side_by_side() -> None:
    async def call() -> float:
        backend = BedrockBackend(CLAUDE, endpoint_url=server.url, **DUMMY)
        await backend.generate([GenerateRequest(HELLO)])
        start = time.monotonic()
        results = await backend.generate([GenerateRequest(HELLO)] * 16)
        assert all(r.error is None for r in results)
        return time.monotonic() - start

    with serve(latency=0.2) as server:
        assert asyncio.run(call()) < 1.6  # one after the other they take at least 3.2


def stream(server: Any, request: GenerateRequest) -> list[StreamChunk]:
    async def call() -> list[StreamChunk]:
        backend = BedrockBackend(CLAUDE, endpoint_url=server.url, **DUMMY)
        return [chunk async for chunk in backend.stream(request)]

    return asyncio.run(call())


def test_a_streamed_and_a_plain_reply_give_the_same_result() -> None:
    reply = Reply("So be it then.", thinking="well now", tool_calls=(("a", {"x": [1, None]}), ("b", {})))
    with serve([reply, reply]) as server:
        (plain,) = ask(server, GenerateRequest(HELLO))
        chunks = stream(server, GenerateRequest(HELLO))
    assert chunks[-1].result == plain and len(chunks) == 7
    assert "".join(c.text for c in chunks) == plain.text and "".join(c.thinking for c in chunks) == plain.thinking


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (frame("throttlingException", {"message": "slow down"}, "exception"), "RateLimitError"),
        (frame("internalServerException", {"message": "oops"}, "exception"), "ServerError"),
        (frame("messageStart", {"role": "assistant"}), "ServerError"),
        (b"", "ServerError"),
    ],
)
def test_a_stream_that_goes_wrong(body: bytes, kind: str) -> None:
    with serve([Answer(body, headers={"content-type": "application/vnd.amazon.eventstream"})]) as server:
        result = stream(server, GenerateRequest(HELLO))[-1].result
    assert result is not None and type(result.error).__name__ == kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (BedrockServer().error(429, "slow", {"retry-after": "2"}, "ThrottlingException"), errors.RateLimitError),
        (BedrockServer().error(500, "oops", kind="InternalServerException"), errors.ServerError),
        (BedrockServer().error(424, "model failed", kind="ModelErrorException"), errors.ServerError),
        (BedrockServer().error(408, "slow", kind="ModelTimeoutException"), errors.LLMTimeoutError),
        (BedrockServer().error(403, "a-secret-key", kind="AccessDeniedException"), errors.AuthenticationError),
        (BedrockServer().error(400, "Input is too long for requested model."), errors.ContextLengthError),
        (BedrockServer().error(404, "no such model", kind="ResourceNotFoundException"), errors.LLMError),
        (Answer(b""), errors.ServerError),
        (Answer(b'{"output": ['), errors.ServerError),
        (Answer({"stopReason": "end_turn"}), errors.ServerError),
        (Answer({}, cut="before"), errors.ConnectionFailedError),
        # boto3 hands over half a body without a word, so this one shows as a body that cannot be read.
        (Answer({"a": "b" * 99}, cut="middle"), errors.ServerError),
        (Answer({}, delay=20), errors.LLMTimeoutError),
    ],
)
def test_what_goes_wrong_is_named(answer: Answer, kind: type[errors.LLMError]) -> None:
    with serve([answer]) as server:
        # The client takes long to make, so a short limit is only set where the limit is what is tested.
        (result,) = ask(server, GenerateRequest(HELLO, key="k"), timeout=10 if answer.delay else 30)
        assert len(server.requests) == 1, "the SDK must not retry by itself"
    assert type(result.error) is kind and "a-secret-key" not in f"{result.error}{result.error!r}"
    if isinstance(result.error, errors.RateLimitError):
        assert result.error.retry_after == 2


def test_what_is_missing_is_named() -> None:
    async def call(**options: Any) -> GenerateResult:
        return (await BedrockBackend(CLAUDE, **options).generate([GenerateRequest(HELLO)]))[0]

    assert "AWS_REGION" in str(asyncio.run(call()).error)
    error = asyncio.run(call(region_name="eu-west-1")).error
    assert isinstance(error, errors.AuthenticationError) and "AWS_ACCESS_KEY_ID" in str(error)
    assert "AWS_ACCESS_KEY_ID" in (BedrockBackend.unusable_because() or "")


def test_it_answers_to_its_other_names() -> None:
    backends.get("bedrock")
    assert backends.get("aws") is backends.get("amazon") is BedrockBackend


def test_faults_of_all_kinds_come_back_as_values() -> None:
    async def call() -> list[GenerateResult]:
        backend = BedrockBackend(CLAUDE, endpoint_url=server.url, **DUMMY)
        return await backend.generate([GenerateRequest((Message("user", f"Hi {i}"),)) for i in range(60)])

    with serve(faults=Faults.each(0.2, seed=5)) as server:
        results = asyncio.run(call())
        good = [r for r in results if r.error is None]
        assert len(good) == server.met["none"] + server.met["slow"]
    assert all(r.error.retryable for r in results if r.error is not None)
