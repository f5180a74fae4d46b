"""The google: backend: the real SDK against a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from servers.google_server import Answer, Faults, GoogleServer, Reply, serve

from sdialog.backends._turns import OPENING
from sdialog.backends.google import GoogleBackend
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
        backend = GoogleBackend("gemini", api_key="a-secret-key", base_url=server.url, **options)
        results = [(await backend.generate([request]))[0] for request in requests]
        await backend.aclose()
        return results

    return asyncio.run(call())


def plain_names(data: dict[str, Any]) -> dict[str, Any]:
    """Fold ``snake_case`` and ``camelCase`` together: the service reads both, and the SDK sends both."""
    return {name.replace("_", "").lower(): value for name, value in data.items()}


def test_a_reply_comes_back_whole() -> None:
    with serve([Reply("Hello.", thinking="hm", input_tokens=21, output_tokens=4, finish="MAX_TOKENS")]) as server:
        (result,) = ask(server, GenerateRequest(HELLO, logprobs=1))
        assert server.requests[0].headers["x-goog-api-key"] == "a-secret-key"
    assert (result.text, result.thinking, result.finish_reason) == ("Hello.", "hm", "length")
    assert (result.usage.calls, result.usage.input_tokens, result.usage.output_tokens) == (1, 21, 7)
    assert result.model == "gemini-0001" and result.logprobs is not None and len(result.logprobs) == 1


def test_the_request_holds_what_was_asked() -> None:
    config = GenerateConfig(
        temperature=0.5, top_k=4, max_tokens=9, seed=2**31 + 3, min_p=0.1, stop=("END",), extra={"labelled": {"a": "b"}}
    )
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    with serve() as server:
        ask(server, GenerateRequest(HELLO, config, tools=(REFUND,), schema=schema, think=False))
        sent = server.requests[0].json
    assert sent["contents"] == [{"role": "user", "parts": [{"text": "Hi!"}]}]
    assert sent["systemInstruction"]["parts"] == [{"text": "You are Ava."}] and sent["labelled"] == {"a": "b"}
    options = sent["generationConfig"]
    assert options["responseMimeType"] == "application/json" and options["responseJsonSchema"] == schema
    assert options["seed"] == 3 and options["maxOutputTokens"] == 9 and options["stopSequences"] == ["END"]
    assert plain_names(options["thinkingConfig"]) == {"thinkingbudget": 0} and "minP" not in options
    declared = plain_names(sent["tools"][0]["functionDeclarations"][0])
    assert declared["name"] == "refund" and declared["parametersjsonschema"] == dict(REFUND.parameters)


def test_the_opening_turn_and_instructions_fit_its_rules() -> None:
    messages = (Message("assistant", "Hi!"), Message("system", "Be brief."))
    with serve() as server:
        (result,) = ask(server, GenerateRequest(messages))
        sent = server.requests[0].json["contents"]
    assert result.error is None and sent[0]["parts"] == [{"text": OPENING}]
    assert sent[2]["parts"] == [{"text": "<instruction>\nBe brief.\n</instruction>"}]


def test_tool_calls_are_numbered_and_their_signature_goes_back() -> None:
    calls = (("refund", {"amount": 5}), ("refund", {"amount": 6}))

    async def call() -> GenerateResult:
        backend = GoogleBackend("gemini", api_key="a-secret-key", base_url=server.url)
        (result,) = await backend.generate([GenerateRequest(HELLO, tools=(REFUND,), think=True)])
        again = (
            *HELLO,
            Message("assistant", result.text, tool_calls=result.tool_calls),
            Message("tool", '{"ok": true}', tool_call_id=result.tool_calls[0].id),
            Message("tool", "done", tool_call_id=result.tool_calls[1].id),
        )
        (last,) = await backend.generate([GenerateRequest(again, tools=(REFUND,))])
        assert last.error is None
        return result

    with serve([Reply("", thinking="hm", tool_calls=calls)]) as server:
        result = asyncio.run(call())
        first, second = (r.json for r in server.requests)
    assert result.finish_reason == "tool_calls"
    assert result.tool_calls == (
        ToolCall("call_0", "refund", {"amount": 5}),
        ToolCall("call_1", "refund", {"amount": 6}),
    )
    assert plain_names(first["generationConfig"]["thinkingConfig"]) == {"includethoughts": True}
    asked, answered = second["contents"][1]["parts"], second["contents"][2]["parts"]
    assert base64.urlsafe_b64decode(asked[0]["thoughtSignature"]) == b"signed" and "thoughtSignature" not in asked[1]
    assert [part["functionResponse"]["response"] for part in answered] == [{"ok": True}, {"result": "done"}]
    assert all(part["functionResponse"]["name"] == "refund" for part in answered)


def test_a_model_that_cannot_do_without_thinking_is_left_to_it() -> None:
    refusal = GoogleServer().error(400, "Budget 0 is invalid. This model only works in thinking mode.")
    with serve([refusal, Reply("ok")]) as server:
        (result,) = ask(server, GenerateRequest(HELLO, think=False))
        assert "thinkingConfig" not in server.requests[1].json.get("generationConfig", {})
    assert result.text == "ok"


@pytest.mark.parametrize(
    "body",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"candidates": [{"finishReason": "SAFETY"}]},
    ],
)
def test_what_the_filter_stopped_is_said_so(body: dict[str, Any]) -> None:
    with serve([Answer(body)]) as server:
        (result,) = ask(server, GenerateRequest(HELLO))
    assert (result.text, result.finish_reason, result.error) == ("", "content_filter", None)


def stream(server: Any, request: GenerateRequest) -> list[StreamChunk]:
    async def call() -> list[StreamChunk]:
        backend = GoogleBackend("gemini", api_key="a-secret-key", base_url=server.url)
        return [chunk async for chunk in backend.stream(request)]

    return asyncio.run(call())


def test_a_streamed_and_a_plain_reply_give_the_same_result() -> None:
    reply = Reply("So be it then.", thinking="well now", tool_calls=(("a", {"x": [1, None]}), ("b", {})))
    with serve([reply, reply]) as server:
        (plain,) = ask(server, GenerateRequest(HELLO))
        chunks = stream(server, GenerateRequest(HELLO))
    assert chunks[-1].result == plain and len(chunks) == 7
    assert "".join(c.text for c in chunks) == plain.text and "".join(c.thinking for c in chunks) == plain.thinking


def test_a_stream_that_breaks_off_ends_with_an_error() -> None:
    def cut(received: Any) -> Answer:
        whole = server.answer(received, Reply("Hello there, friend."))
        return Answer(whole.body, headers=whole.headers, cut="middle")

    with serve([cut]) as server:
        result = stream(server, GenerateRequest(HELLO))[-1].result
    assert result is not None and isinstance(result.error, errors.ConnectionFailedError)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (GoogleServer().error(429, "slow down", {"retry-after": "2"}), errors.RateLimitError),
        (GoogleServer().error(429, "slow down", details=[{"retryDelay": "2s"}]), errors.RateLimitError),
        (GoogleServer().error(500, "oops"), errors.ServerError),
        (GoogleServer().error(503, "overloaded"), errors.ServerError),
        (GoogleServer().error(403, "a-secret-key has no permission"), errors.AuthenticationError),
        (GoogleServer().error(400, "API key not valid. Please pass a valid API key."), errors.AuthenticationError),
        (GoogleServer().error(400, "The input token count (9) exceeds the maximum number of tokens"), "context"),
        (GoogleServer().error(404, "models/gemini is not found"), errors.LLMError),
        (Answer(b""), errors.ServerError),
        (Answer(b'{"candidates": ['), errors.ServerError),
        (Answer(b"[]"), errors.ServerError),
        (Answer({"candidates": []}), errors.ServerError),
        (Answer({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}), errors.ServerError),
        (Answer({}, cut="before"), errors.ConnectionFailedError),
        (Answer({"a": "b" * 99}, cut="middle"), errors.ConnectionFailedError),
        (Answer({}, delay=9), errors.LLMTimeoutError),
    ],
)
def test_what_goes_wrong_is_named(answer: Answer, kind: Any) -> None:
    with serve([answer]) as server:
        (result,) = ask(server, GenerateRequest(HELLO, key="k"), timeout=2 if answer.delay else 60)
        assert len(server.requests) == 1, "the SDK must not retry by itself"
    assert type(result.error) is (errors.ContextLengthError if kind == "context" else kind)
    assert "a-secret-key" not in f"{result.error}{result.error!r}"
    if isinstance(result.error, errors.RateLimitError):
        assert result.error.retry_after == 2


def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = asyncio.run(GoogleBackend("gemini").generate([GenerateRequest(HELLO)]))
    assert isinstance(result.error, errors.AuthenticationError) and "GOOGLE_API_KEY" in str(result.error)
    assert "GOOGLE_API_KEY" in (GoogleBackend.unusable_because() or "")
    monkeypatch.setenv("GEMINI_API_KEY", "x")
    assert GoogleBackend.unusable_because() is None


def test_faults_of_all_kinds_come_back_as_values() -> None:
    async def call() -> list[GenerateResult]:
        backend = GoogleBackend("gemini", api_key="a-secret-key", base_url=server.url)
        return await backend.generate([GenerateRequest((Message("user", f"Hi {i}"),)) for i in range(60)])

    with serve(faults=Faults.each(0.2, seed=5)) as server:
        results = asyncio.run(call())
        good = [r for r in results if r.error is None]
        assert len(good) == server.met["none"] + server.met["slow"]
    assert all(r.error.retryable for r in results if r.error is not None)
