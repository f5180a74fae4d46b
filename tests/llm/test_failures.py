"""Exceptions of any client become the right kind of model error."""

from __future__ import annotations

import httpx
import pytest

from sdialog.core.errors import (
    ConnectionFailedError,
    ContextLengthError,
    LLMError,
    LLMTimeoutError,
    RateLimitError,
)
from sdialog.core.sync import run
from sdialog.llm.failures import answers, as_llm_error, retry_after
from sdialog.testing import request


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadError("cut"), ConnectionFailedError),
        (httpx.RemoteProtocolError("peer closed connection"), ConnectionFailedError),
        (httpx.ConnectError("refused"), ConnectionFailedError),
        (ConnectionResetError("reset"), ConnectionFailedError),
        (httpx.ReadTimeout("slow"), LLMTimeoutError),
        (TimeoutError(), LLMTimeoutError),
    ],
)
def test_a_connection_that_broke_may_be_tried_again(error, kind):
    made = as_llm_error(error, backend="acme:m")
    assert type(made) is kind
    assert made.retryable


def test_anything_else_is_not_tried_again():
    made = as_llm_error(ZeroDivisionError("oops"), backend="acme:m")
    assert type(made) is LLMError
    assert not made.retryable


def test_an_error_that_a_whole_batch_met_names_each_request_of_it():
    class Full:
        name, batching, features = "acme:m", "batched", frozenset()

        async def generate(self, requests):
            raise LLMError("out of memory")

    results = run(answers(Full(), [request("Hi", key="dialog/1/Ava"), request("Hi", key="dialog/2/Ava")]))
    assert [str(r.error) for r in results] == [
        "[acme:m dialog/1/Ava] out of memory",
        "[acme:m dialog/2/Ava] out of memory",
    ]


def test_an_error_that_says_everything_is_kept():
    error = LLMError("no", backend="acme:m", request_key="dialog/1")
    assert as_llm_error(error, backend="other:m", request_key="dialog/2") is error


@pytest.mark.parametrize(
    ("status", "kind"), [(400, ContextLengthError), (429, RateLimitError), (500, ContextLengthError)]
)
def test_too_many_tokens_in_a_minute_are_not_too_many_for_the_context(status, kind):
    class SdkError(Exception):
        status_code = status

    assert type(as_llm_error(SdkError("too many tokens"))) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (None, None),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After-Ms": "soon", "Retry-After": "9"}, 9.0),
        (httpx.Headers({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 0.0),
    ],
)
def test_the_wait_a_service_asks_for(headers, seconds):
    assert retry_after(headers) == seconds
