"""Exceptions of any client become the right kind of model error."""

from __future__ import annotations

import httpx
import pytest

from sdialog.core.errors import ConnectionFailedError, LLMError, LLMTimeoutError
from sdialog.llm.failures import as_llm_error


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
