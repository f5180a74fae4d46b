"""What every remote backend shares: one client per event loop, failures as values, options a model refuses.

A service fills in ``_connect``, ``_close``, ``_send``, ``_send_stream`` and ``_explain``; everything else is here. The
SDKs' own retries are switched off: retrying is the work of ``sdialog.llm.middleware``, which also counts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import quote, quote_plus

from sdialog.core.errors import (
    AuthenticationError,
    ConfigError,
    ConnectionFailedError,
    ContextLengthError,
    LLMError,
    LLMTimeoutError,
    RateLimitError,
    ServerError,
    UserError,
)
from sdialog.core.optional import available, need
from sdialog.core.secrets import HIDDEN, is_secret_name, mask
from sdialog.llm.failures import TOO_LONG
from sdialog.llm.protocol import Backend
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, ToolCall, Usage

ClientT = TypeVar("ClientT")

_log = logging.getLogger("sdialog")

SEED_LIMIT = 2**31
"""Seeds are sent modulo this: several services read them into 32 signed bits."""

_NOT_ACCEPTED = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|extra (inputs|fields)"
    r"|extra_forbidden|forbidden|deprecated|cannot both be|only the default|unavailable|does not accept|only works"
    r"|not enabled|invalid (argument|field)",
    re.IGNORECASE,
)

# One schema that a service finds wrong says nothing about others.
_BAD_SCHEMA = re.compile(
    r"invalid (json )?schema|schema for response_format|schema is (invalid|not valid)", re.IGNORECASE
)


class PerLoop(Generic[ClientT]):
    """One client for each event loop, since a connection pool belongs to the loop that opened it.

    Args:
        connect: makes a client; called inside a running loop.
        close: closes one.
    """

    def __init__(self, connect: Callable[[], ClientT], close: Callable[[ClientT], Awaitable[None]]) -> None:
        self._connect, self._close = connect, close
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ClientT] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def get(self) -> ClientT:
        """Return the running loop's client, making it on first use."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            with self._lock:
                client = self._clients[loop] = self._connect()
        return client

    async def close(self) -> None:
        """Close the running loop's client; those of other loops go with their loops."""
        with self._lock:
            client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await self._close(client)


class RemoteBackend(Backend):
    """Base of the backends that reach a model over the network.

    Args:
        model: name of the model at the service.
        timeout: seconds one call may take from start to end.
        secrets: strings to hide wherever a message of the service repeats them.
    """

    package: ClassVar[str]
    extra: ClassVar[str] = "all"
    refusable: ClassVar[frozenset[str]] = frozenset()
    """Wire names of options that are left out for good once the service says it does not take them."""

    def __init__(self, model: str, *, timeout: float, secrets: Sequence[str | None] = ()) -> None:
        super().__init__(model)
        if not isinstance(timeout, int | float) or not timeout > 0:
            raise ConfigError(f"timeout is a number of seconds above 0, not {timeout!r:.60}")
        if not available(self.package):
            need(self.package, extra=self.extra, why=f"use {self.name}")
        self.timeout = timeout
        self.refused: set[str] = set()
        self._secrets = {form for text in secrets if text and len(text) >= 6 for form in _written(text)}
        self._clients: PerLoop[Any] = PerLoop(self._connect, self._close)

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Send every request side by side; a failed one is a result whose ``error`` is set.

        Raises:
            UserError: if the caller has to mend something first, such as an address that is not given.
        """
        if len(requests) == 1:
            return [await self._answer(requests[0])]
        return list(await asyncio.gather(*map(self._answer, requests)))

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply as it comes; the last chunk holds the result, which may be an error."""
        for attempt in itertools.count():
            left_out, started = frozenset(self.refused), False
            try:
                self._check(request)
                async with contextlib.aclosing(self._send_stream(self._clients.get(), request)) as chunks:
                    # The limit holds for each wait, not for the whole: a reader may take its time between chunks.
                    while (chunk := await asyncio.wait_for(anext(chunks, None), self.timeout)) is not None:
                        started = True
                        yield chunk
                return
            except UserError:
                raise  # an address or a package is missing: no other request would fare better
            except Exception as error:  # noqa: BLE001 - failures are values here
                problem = self._problem(error, request)
                if started or not await self._mend(problem, attempt, left_out):
                    yield StreamChunk(result=self._failure(problem))
                    return

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call opens new ones."""
        await self._clients.close()

    # What a service fills in.

    def _connect(self) -> Any:
        """Make the SDK's client, with its retries off."""
        raise NotImplementedError

    async def _close(self, client: Any) -> None:
        """Close an SDK client."""
        raise NotImplementedError

    async def _send(self, client: Any, request: GenerateRequest) -> GenerateResult:
        """Make one call; any exception is explained by :meth:`_explain`."""
        raise NotImplementedError

    def _send_stream(self, client: Any, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        """Make one streamed call."""
        raise NotImplementedError

    def _explain(self, error: Exception) -> LLMError | None:
        """Turn an SDK's exception into ours; None for one it does not know."""
        raise NotImplementedError

    # What they share.

    async def _answer(self, request: GenerateRequest) -> GenerateResult:
        for attempt in itertools.count():
            left_out = frozenset(self.refused)
            try:
                self._check(request)
                async with asyncio.timeout(self.timeout):
                    return await self._send(self._clients.get(), request)
            except UserError:
                raise  # an address or a package is missing: no other request would fare better
            except Exception as error:  # noqa: BLE001 - failures are values here
                problem = self._problem(error, request)
                if not await self._mend(problem, attempt, left_out):
                    return self._failure(problem)
        raise AssertionError("unreachable: the attempts never run out")

    def _check(self, request: GenerateRequest) -> None:
        if request.interventions:
            raise LLMError(
                "a remote service cannot be looked into; use a huggingface: or embedded: model for interventions"
            )

    def _failure(self, problem: LLMError) -> GenerateResult:
        return GenerateResult(finish_reason="error", usage=Usage(calls=1), model=self.model, error=problem)

    def _problem(self, error: Exception, request: GenerateRequest) -> LLMError:
        if isinstance(error, LLMError):
            problem: LLMError | None = error
        elif isinstance(error, TimeoutError):
            problem = LLMTimeoutError(f"no full answer within {self.timeout:g} s; timeout= sets the limit")
        else:
            problem = self._explain(error)
        if problem is None:
            problem = LLMError(f"{type(error).__name__}: {error}")
        problem.message = self._masked(problem.message)
        problem.args = (problem.message,)
        problem.backend, problem.request_key = self.name, request.key or None
        return problem

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return mask(text)

    async def _mend(self, problem: LLMError, attempt: int, left_out: frozenset[str]) -> bool:
        """Do something about a refusal, if that is possible; tell whether to try again.

        Args:
            problem: what the service said.
            attempt: how often this request was tried before.
            left_out: the options that were left out in this try.
        """
        return self._may_leave_out(problem, left_out)

    def _may_leave_out(self, problem: LLMError, left_out: frozenset[str]) -> bool:
        """Note the option a service has just refused; tell whether there is one.

        Refusals often name the option to use instead, after the one they refuse: the first one named is meant.
        """
        if problem.status not in (400, 422) or isinstance(problem, ContextLengthError):
            return False
        if not _NOT_ACCEPTED.search(problem.message) or _BAD_SCHEMA.search(problem.message):
            return False
        found = (
            (re.search(rf"\b{name}\b", problem.message, re.IGNORECASE), name) for name in self.refusable - left_out
        )
        places = sorted((place.start(), name) for place, name in found if place)
        if not places:
            return False
        name = places[0][1]
        if name not in self.refused:
            self.refused.add(name)
            _log.warning("%s does not take the option %s; going on without it", self.name, name)
        return True


def status_error(
    status: int | None, message: str, *, code: str = "", retry_after: float | None = None, param: str | None = None
) -> LLMError:
    """Return the error that an HTTP status, or a status inside a body, stands for.

    Args:
        status: HTTP status, or None when there was none.
        message: what the service said.
        code: the service's own word for the error, such as ``context_length_exceeded``.
        retry_after: seconds the service asks to wait.
        param: the option to blame, where the service names one.
    """
    if param and param not in message:
        message = f"{param}: {message}"
    said = f"{status}: {message}" if status else message
    error: LLMError
    if status in (401, 403):
        error = AuthenticationError(said, status=status)
    elif "insufficient_quota" in code:
        error = LLMError(f"{said} (the account has no credit left; waiting does not help)", status=status)
    elif (status is None or status < 429 or status >= 500) and TOO_LONG.search(f"{code} {message}"):
        error = ContextLengthError(said, status=status)
    elif status in (429, 529) or (status == 503 and retry_after is not None):
        error = RateLimitError(said, retry_after=retry_after, status=status)
    elif status in (408, 504):
        error = LLMTimeoutError(said, status=status)
    elif status is not None and (status >= 500 or status in (409, 425)):
        error = ServerError(said, status=status)
    else:
        error = LLMError(said, status=status)
    return error


def no_answer(error: BaseException, *, where: str) -> LLMError:
    """Return the error for a connection that failed or broke."""
    return ConnectionFailedError(f"the connection to {where} failed: {str(error) or type(error).__name__}")


def bad_body(why: str) -> ServerError:
    """Return the error for an answer that is not in the service's format."""
    return ServerError(f"the service's answer cannot be read: {why}")


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Inside, a part of an answer that is missing or of the wrong kind is the service's fault, not a bug of ours."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise bad_body(f"{type(error).__name__}: {error}") from None


def read_arguments(identity: str, name: str, arguments: Any) -> ToolCall:
    """Return a tool call from arguments as a service gives them: JSON text or an object.

    Example:
        >>> read_arguments("call_1", "add", '{"a": 1}').arguments
        {'a': 1}
        >>> read_arguments("call_1", "add", '{"a": ').error
        'the arguments are not JSON (Expecting value: line 1 column 7 (char 6)): {"a": '
    """
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except ValueError as error:
            return ToolCall(identity, name, error=f"the arguments are not JSON ({error}): {arguments:.200}")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        return ToolCall(identity, name, error=f"the arguments are a {type(arguments).__name__}, not an object")
    return ToolCall(identity, name, dict(arguments))


def small_seed(seed: int) -> int:
    """Return the seed as it is sent: unchanged below :data:`SEED_LIMIT`, else its remainder."""
    return seed % SEED_LIMIT


def from_environment(*names: str) -> str | None:
    """Return the first of these environment variables that is set to something, without surrounding blanks."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def secret_headers(headers: Mapping[str, str] | None) -> list[str]:
    """Return the values of headers that hold keys, such as ``Authorization``."""
    return [value for name, value in (headers or {}).items() if is_secret_name(name)]


class _HideInLog(logging.Filter):
    """Hides texts in what a library logs; HTTP clients log the addresses they ask, with all query parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the texts."""
        said = record.getMessage()
        if any(text in said for text in self.texts):
            for text in sorted(self.texts, key=len, reverse=True):
                said = said.replace(text, HIDDEN)
            record.msg, record.args = said, None
        return True


def hide_in_log(logger: str, texts: Iterable[str]) -> None:
    """Keep texts out of what ``logger`` writes from now on."""
    hidden = {form for text in texts if len(text) >= 6 for form in _written(text)}
    if hidden:
        log = logging.getLogger(logger)
        found = next((one for one in log.filters if isinstance(one, _HideInLog)), None) or _HideInLog()
        found.texts |= hidden
        log.addFilter(found)


def _written(text: str) -> tuple[str, str, str]:
    """Return a text as it is, and as addresses spell it."""
    return text, quote(text, safe=""), quote_plus(text)


class Recall:
    """Opaque parts of replies (signed reasoning) that a service wants back with the tool output, by tool call.

    They mean nothing to anyone else, so they stay here and not in the conversation; the oldest are forgotten.
    """

    def __init__(self, size: int = 4096) -> None:
        self._parts: OrderedDict[str, Any] = OrderedDict()
        self._size = size

    def keep(self, call: str, part: Any) -> None:
        """Remember a part for the tool call with this id."""
        self._parts[call] = part
        while len(self._parts) > self._size:
            self._parts.popitem(last=False)

    def find(self, call: str) -> Any:
        """Return the part kept for a tool call, or None."""
        return self._parts.get(call)

    def covers(self, request: GenerateRequest) -> bool:
        """Tell whether the thinking that led to the newest tool calls is at hand; without it Claude will not think."""
        calling = [message for message in request.messages if message.tool_calls and message.thinking]
        return not calling or self.find(calling[-1].tool_calls[0].id) is not None
