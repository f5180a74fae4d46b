"""What goes wrong between the openai: backend and a service, and what it is called here."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import time
from typing import Any

import pytest
from servers.openai_server import Answer, Faults, OpenAIServer, Reply, serve

from sdialog.backends.openai import OpenAIBackend
from sdialog.core import errors
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message, StreamChunk

REQUEST = GenerateRequest((Message("user", "Hi!"),), key="dialog/7/Ava")


def ask(url: str, request: GenerateRequest = REQUEST, **options: Any) -> GenerateResult:
    async def call() -> GenerateResult:
        (result,) = await OpenAIBackend("m", base_url=url, **options).generate([request])
        return result

    return asyncio.run(call())


def failure(answer: Answer, **options: Any) -> errors.LLMError:
    with serve([answer]) as server:
        result = ask(server.base_url, **options)
        assert len(server.requests) == 1, "the SDK must not retry by itself"
    assert result.error is not None and result.finish_reason == "error" and result.usage.calls == 1
    assert (result.error.backend, result.error.request_key) == ("openai:m", "dialog/7/Ava")
    return result.error


def said(status: int, message: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return OpenAIServer().error(status, message, headers or {}, **fields)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, errors.LLMError, False),
        (401, errors.AuthenticationError, False),
        (403, errors.AuthenticationError, False),
        (404, errors.LLMError, False),
        (408, errors.LLMTimeoutError, True),
        (429, errors.RateLimitError, True),
        (500, errors.ServerError, True),
        (502, errors.ServerError, True),
        (503, errors.ServerError, True),
    ],
)
def test_a_status_becomes_its_error(status: int, kind: type[errors.LLMError], retryable: bool) -> None:
    error = failure(said(status, "no luck"))
    assert type(error) is kind and error.retryable is retryable
    assert error.status == status and "no luck" in str(error) and "dialog/7/Ava" in str(error)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "3"}, 3, 3),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.25),
        ({"retry-after": "in 60 s"}, 30, 61),
        ({"retry-after": "in -60 s"}, 0, 0),
    ],
)
def test_the_wish_to_wait_is_read(headers: dict[str, str], low: float, high: float) -> None:
    wait = headers["retry-after"]
    if wait.startswith("in "):  # an HTTP date, from now
        headers = {"retry-after": email.utils.formatdate(time.time() + int(wait.split()[1]), usegmt=True)}
    error = failure(said(429, "slow down", headers))
    assert isinstance(error, errors.RateLimitError) and error.retry_after is not None
    assert low <= error.retry_after <= high


def test_no_wish_to_wait_is_none() -> None:
    error = failure(said(429, "slow down"))
    assert isinstance(error, errors.RateLimitError) and error.retry_after is None


def test_no_credit_left_is_not_worth_a_retry() -> None:
    error = failure(said(429, "You exceeded your current quota", code="insufficient_quota"))
    assert not error.retryable and "credit" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        said(400, "too long", code="context_length_exceeded"),
        said(400, "This model's maximum context length is 4096 tokens, however you requested 5000 tokens."),
        said(400, "the request exceeds the available context size, try increasing it", code=None),
        said(413, "input is too long for the model"),
    ],
)
def test_a_prompt_too_long_is_told_apart(answer: Answer) -> None:
    error = failure(answer)
    assert isinstance(error, errors.ContextLengthError) and not error.retryable


def test_a_rate_limit_on_tokens_is_no_context_error() -> None:
    error = failure(said(429, "Too many tokens, please wait before trying again."))
    assert isinstance(error, errors.RateLimitError)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"choices": [',
        b"<html>proxy</html>",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": {"message": 1}}',
        b'{"choices": [{"message": {"content": "a", "tool_calls": [7]}}]}',
    ],
)
def test_a_body_that_is_not_a_reply_is_a_fault_of_the_service(body: bytes) -> None:
    error = failure(Answer(body))
    assert isinstance(error, errors.ServerError) and error.retryable


@pytest.mark.parametrize("cut", ["before", "middle"])
def test_a_dropped_connection(cut: str) -> None:
    error = failure(Answer({"choices": []}, cut=cut))
    assert isinstance(error, errors.ConnectionFailedError)


def test_nobody_there() -> None:
    result = ask("http://127.0.0.1:9/v1")
    assert isinstance(result.error, errors.ConnectionFailedError) and "127.0.0.1:9" in str(result.error)


@pytest.mark.parametrize("answer", [Answer({}, delay=9), Answer("x" * 3200, pace=0.2)])
def test_no_answer_and_a_slow_one_run_into_the_limit(answer: Answer) -> None:
    start = time.monotonic()
    error = failure(answer, timeout=2)
    assert isinstance(error, errors.LLMTimeoutError) and time.monotonic() - start < 8


def test_a_stalled_stream_runs_into_the_limit() -> None:
    def stall(received: Any) -> Answer:
        whole = server.answer(received, Reply("Hello there"))
        return Answer(whole.body, headers=whole.headers, pace=9)

    async def call() -> list[StreamChunk]:
        backend = OpenAIBackend("m", base_url=server.base_url, timeout=2)
        return [chunk async for chunk in backend.stream(REQUEST)]

    with serve([stall]) as server:
        chunks = asyncio.run(call())
    assert chunks[-1].result is not None and isinstance(chunks[-1].result.error, errors.LLMTimeoutError)


def test_one_failure_costs_no_neighbour() -> None:
    async def call() -> list[GenerateResult]:
        return await OpenAIBackend("m", base_url=server.base_url).generate([REQUEST] * 3)

    with serve([Reply("a"), said(500, "no"), Reply("b")]) as server:
        results = asyncio.run(call())
    assert sorted(r.text for r in results) == ["", "a", "b"]
    assert sum(r.error is not None for r in results) == 1


def test_a_missing_key_is_an_error_value_that_names_the_variable() -> None:
    async def call() -> GenerateResult:
        (result,) = await OpenAIBackend("gpt-4.1").generate([REQUEST])
        return result

    error = asyncio.run(call()).error
    assert isinstance(error, errors.AuthenticationError) and "OPENAI_API_KEY" in str(error)
    assert "OPENAI_API_KEY" in (OpenAIBackend.unusable_because() or "")


def test_the_key_from_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " from-the-environment\n")
    assert OpenAIBackend.unusable_because() is None
    with serve() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        result = asyncio.run(OpenAIBackend("m").generate([REQUEST]))[0]
        assert result.error is None
        assert server.requests[0].headers["authorization"] == "Bearer from-the-environment"


@pytest.mark.parametrize("key", ["sk-proj-0123456789abcdef", "an odd key of no known shape"])
def test_a_key_the_service_repeats_is_hidden(key: str) -> None:
    error = failure(said(401, f"Incorrect API key provided: {key}."), api_key=key)
    assert key not in str(error) and key not in repr(error) and "***" in str(error)


def test_a_key_in_a_header_is_hidden_too() -> None:
    headers = {"X-Api-Key": "tenant-77-password"}
    error = failure(said(403, "tenant-77-password may not do that"), default_headers=headers)
    assert "tenant-77-password" not in f"{error} {error!r}"


def test_repr_shows_no_key() -> None:
    backend = OpenAIBackend("m", api_key="sk-0123456789", default_headers={"Authorization": "Bearer abcdefgh"})
    assert repr(backend) == "OpenAIBackend('openai:m')" and str(backend) == "openai:m"


def test_the_token_limit_is_renamed_once_the_server_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    refusal = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )

    def picky(received: Any) -> Answer | Reply:
        if "max_tokens" in received.json:
            return said(400, refusal, code="unsupported_parameter", param="max_tokens")
        return Reply("ok")

    async def call() -> list[GenerateResult]:
        backend = OpenAIBackend("o9", base_url=server.base_url)
        request = GenerateRequest(REQUEST.messages, GenerateConfig(max_tokens=5))
        return [*await backend.generate([request] * 4), *await backend.generate([request])]

    with serve([picky] * 20) as server, caplog.at_level(logging.WARNING, logger="sdialog"):
        results = asyncio.run(call())
        sent = [r.json for r in server.requests]
    assert [r.text for r in results] == ["ok"] * 5
    assert sent[-1]["max_completion_tokens"] == 5 and "max_tokens" not in sent[-1]
    assert len(sent) <= 9 and len(caplog.records) == 1


def test_options_a_server_does_not_take_are_left_out_one_by_one() -> None:
    def strict(received: Any) -> Answer | Reply:
        unknown = sorted(set(received.json) & {"top_k", "min_p", "chat_template_kwargs"})
        if unknown:
            return said(422, f"Unexpected keys in the request: {unknown}")
        if "temperature" in received.json:
            return said(
                400, "Unsupported value: 'temperature' does not support 0.2 with this model.", param="temperature"
            )
        return Reply("ok")

    config = GenerateConfig(temperature=0.2, top_k=3, min_p=0.1, seed=1)
    with serve([strict] * 5) as server:
        result = ask(server.base_url, GenerateRequest(REQUEST.messages, config, think=False))
        assert result.text == "ok" and set(server.requests[-1].json) == {"model", "messages", "seed"}


def test_a_refusal_in_other_servers_words_is_understood() -> None:
    def strict(received: Any) -> Answer | Reply:
        unknown = set(received.json) & {"top_k", "min_p"}
        detail: Any = f"Unexpected fields in the request: {unknown}"
        if "seed" in received.json and not unknown:
            detail, unknown = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "not permitted"}], {"seed"}
        return Answer({"detail": detail}, status=422) if unknown else Reply("ok")

    config = GenerateConfig(top_k=3, min_p=0.1, seed=1)
    with serve([strict] * 5) as server:
        assert ask(server.base_url, GenerateRequest(REQUEST.messages, config)).text == "ok"
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    "body", [{"detail": "so it is"}, {"error": "so it is"}, {"error": {"message": "so it is"}}, "so it is"]
)
def test_what_the_service_says_is_passed_on(body: Any) -> None:
    assert "so it is" in str(failure(Answer(body, status=400)))


def test_a_bad_value_is_not_silently_dropped() -> None:
    with serve([said(400, "temperature must be between 0 and 2", param="temperature")]) as server:
        result = ask(server.base_url, GenerateRequest(REQUEST.messages, GenerateConfig(temperature=9)))
    assert result.error is not None and "between 0 and 2" in str(result.error)


def test_something_that_is_no_json_is_an_error_value() -> None:
    with serve() as server:
        result = ask(server.base_url, GenerateRequest(REQUEST.messages, GenerateConfig(extra={"bad": object()})))
    assert result.error is not None


def test_interventions_are_refused() -> None:
    with serve() as server:
        result = ask(server.base_url, GenerateRequest(REQUEST.messages, interventions=("steer",)))
        assert result.error is not None and "interventions" in str(result.error) and not server.requests


def test_a_cancelled_call_is_cancelled_and_the_backend_goes_on() -> None:
    async def call() -> str:
        backend = OpenAIBackend("m", base_url=server.base_url)
        task = asyncio.create_task(backend.generate([REQUEST]))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await backend.generate([REQUEST]))[0].text

    with serve([Reply("late", delay=3), Reply("next")]) as server:
        assert asyncio.run(call()) == "next"


def test_every_fault_at_once_still_gives_a_reply_or_a_named_error() -> None:
    async def call() -> list[GenerateResult]:
        backend = OpenAIBackend("m", base_url=server.base_url)
        return await backend.generate([GenerateRequest((Message("user", f"Hi {i}"),)) for i in range(120)])

    with serve(faults=Faults.each(0.2, seed=3)) as server:
        results = asyncio.run(call())
        assert set(server.met) == {*Faults.KINDS, "none"}
    good = [r for r in results if r.error is None]
    assert all(r.text for r in good) and len(good) == server.met["none"] + server.met["slow"]
    assert all(r.error.retryable for r in results if r.error is not None)


def test_faults_do_not_depend_on_the_order_of_arrival() -> None:
    def outcome(order: list[int]) -> dict[int, str]:
        async def call() -> dict[int, str]:
            backend = OpenAIBackend("m", base_url=server.base_url)
            requests = [GenerateRequest((Message("user", f"Hi {i}"),)) for i in order]
            results = await backend.generate(requests)
            return {i: type(r.error).__name__ for i, r in zip(order, results, strict=True)}

        with serve(faults=Faults.each(0.2, seed=3)) as server:
            return asyncio.run(call())

    assert outcome(list(range(30))) == outcome(list(reversed(range(30))))


def test_a_server_without_response_format_gets_the_schema_in_the_prompt() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

    def simple(received: Any) -> Answer | Reply:
        if "response_format" in received.json:
            return said(400, "This response_format type is unavailable now", param="response_format")
        return Reply('{"city": "Bern"}')

    with serve([simple] * 3) as server:
        result = ask(server.base_url, GenerateRequest(REQUEST.messages, schema=schema))
        assert result.text == '{"city": "Bern"}'
        (message,) = server.requests[-1].json["messages"]
    assert message["content"].startswith("Hi!") and '"city"' in message["content"]


def test_one_schema_that_a_service_finds_wrong_leaves_the_others_native() -> None:
    good = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    said_so = said(
        400, "Invalid schema for response_format 'reply': 'oneOf' is not permitted.", param="response_format"
    )

    async def talk(url: str) -> list[GenerateResult]:
        backend = OpenAIBackend("m", base_url=url)
        schemas = (good, {"oneOf": [good]}, good)
        return [(await backend.generate([GenerateRequest(REQUEST.messages, schema=one)]))[0] for one in schemas]

    with serve([Reply('{"city": "Bern"}'), said_so, Reply('{"city": "Bern"}')]) as server:
        results = asyncio.run(talk(server.base_url))
        assert "response_format" in server.requests[-1].json
    assert [result.error is None for result in results] == [True, False, True]
