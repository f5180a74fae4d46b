"""Whatever goes wrong in a model call, as an error value of our own tree."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from typing import TypeVar

from sdialog.core.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ContextLengthError,
    LLMError,
    LLMTimeoutError,
    RateLimitError,
    ServerError,
    UserError,
)
from sdialog.core.secrets import mask
from sdialog.llm.protocol import Model
from sdialog.llm.types import GenerateRequest, GenerateResult, Usage

E = TypeVar("E", bound=LLMError)

TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size)|maximum context|too many (input )?tokens|prompt is too long|input is too long"
    r"|input length and .?max_tokens|exceeds? the (maximum|max)[^.]{0,40}tokens|input token count[^.]{0,40}exceeds",
    re.IGNORECASE,
)
"""How services say that a prompt does not fit the model's context window."""


async def answers(model: Model, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
    """Call ``model.generate`` and hold it to its word: one result a request, failures as values.

    Args:
        model: any model.
        requests: what to ask.

    Returns:
        As many results as requests. What the model raised, against its contract, is the error of every row.

    Raises:
        UserError: passed on, because no other request would fare better until the caller mends it.
    """
    try:
        results = await model.generate(requests)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; each row carries it on
        return [failure(as_llm_error(error, backend=model.name, request_key=r.key)) for r in requests]
    if len(results) != len(requests):
        text = f"the model answered {len(requests)} requests with {len(results)} results"
        return [failure(LLMError(text, backend=model.name, request_key=r.key)) for r in requests]
    return list(results)


def failure(error: LLMError, usage: Usage | None = None) -> GenerateResult:
    """Return the result of a request that failed with ``error``.

    Example:
        >>> failure(LLMTimeoutError("no answer within 30 s")).finish_reason
        'error'
    """
    return GenerateResult(error=error, finish_reason="error", usage=usage or Usage())


def as_llm_error(error: BaseException, *, backend: str | None = None, request_key: str | None = None) -> LLMError:
    """Return any exception of a model call as an ``LLMError``, with secrets masked and the cause kept.

    Errors of HTTP client libraries are told apart by their status code, wherever those libraries put it.

    Args:
        error: what was raised; an ``LLMError`` is returned itself, or as a copy that says what it did not.
        backend: name of the model.
        request_key: key of the request.

    Returns:
        The error to put on the result.

    Example:
        >>> as_llm_error(ConnectionResetError("peer went away"), backend="openai:gpt-4.1")
        ConnectionFailedError('ConnectionResetError: peer went away')
    """
    if isinstance(error, LLMError):
        names = {"backend": error.backend or backend, "request_key": error.request_key or request_key}
        if all(getattr(error, field) == name for field, name in names.items()):
            return error
        named = annotated(error)  # a copy, since other rows may have failed with the same object
        named.__dict__.update(names)
        return named
    response = getattr(error, "response", None)
    status = _status(error) or _status(response)
    text = mask(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    kind = _kind(error, status, text)
    found = kind(text, backend=backend, request_key=request_key or None, status=status)
    if isinstance(found, RateLimitError):
        found.retry_after = retry_after(getattr(response, "headers", None))
    found.__cause__ = error
    return found


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds an HTTP ``Retry-After`` header asks to wait (RFC 9110, 10.2.3), or None.

    Args:
        headers: response headers, if there are any; ``retry-after-ms`` is understood too.

    Example:
        >>> retry_after({"Retry-After": "2.5"}), retry_after({"retry-after-ms": "20"}), retry_after({})
        (2.5, 0.02, None)
        >>> retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})
        0.0
    """
    found = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(found[name]) * unit)
        except (KeyError, ValueError):
            continue
    moment = parsedate_tz(found.get("retry-after", ""))
    return None if moment is None else max(0.0, mktime_tz(moment) - time.time())


def annotated(error: E, note: str = "") -> E:
    """Return a copy of ``error`` whose message ends with ``note``; the original may be shared by other rows."""
    message = f"{error.message} {note}".rstrip()
    copy = type(error).__new__(type(error), message)
    copy.__dict__.update(error.__dict__)
    copy.message, copy.args, copy.__cause__, copy.__traceback__ = (
        message,
        (message,),
        error.__cause__,
        error.__traceback__,
    )
    return copy


def _status(thing: object) -> int | None:
    for name in ("status_code", "status", "code"):
        value = getattr(thing, name, None)
        if isinstance(value, int) and 100 <= value <= 599:
            return value
    return None


_CUT = {"ReadError", "WriteError", "CloseError", "RemoteProtocolError", "IncompleteRead", "ServerDisconnectedError"}
"""What HTTP clients call a connection that broke; their classes cannot be imported here."""


def _kind(error: BaseException, status: int | None, text: str) -> type[LLMError]:
    if status != 429 and TOO_LONG.search(text):  # not the tokens of a minute
        return ContextLengthError
    if status is not None:
        by_status = {401: AuthenticationError, 403: AuthenticationError, 408: LLMTimeoutError, 429: RateLimitError}
        return by_status.get(status, ServerError if status >= 500 else LLMError)
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return LLMTimeoutError
    if isinstance(error, ConnectionError) or name in _CUT or "Connect" in name:
        return ConnectionFailedError
    return LLMError
