"""Does a model keep its word? Checks for authors of backends."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sdialog.core.secrets import is_secret_name
from sdialog.core.sync import run
from sdialog.llm.protocol import FEATURES, Model
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message, ToolSpec

HELLO = GenerateRequest(
    (Message("system", "You are friendly."), Message("user", "Hello!")),
    GenerateConfig(max_tokens=16, seed=7),
    key="check/hello",
)
"""The request the checks are made with unless told otherwise."""


@dataclass(frozen=True)
class Conformance:
    """What a check found.

    Attributes:
        passed: names of the checks that passed.
        failed: by name of check, what was wrong.
        skipped: names of the checks that could not be made, with why.
    """

    passed: tuple[str, ...]
    failed: dict[str, str]
    skipped: dict[str, str]

    def __bool__(self) -> bool:
        """Whether nothing failed."""
        return not self.failed


class NotConformingError(AssertionError):
    """A backend breaks the protocol; the message lists every breach."""


def check_backend(
    backend: Model,
    request: GenerateRequest = HELLO,
    *,
    failing: GenerateRequest | None = None,
    timeout: float = 120.0,
) -> Conformance:
    """Check that a model keeps the protocol, by using it.

    Checked are: name, batching and features; an empty list; one result a request, in order; usage; that an error is
    a value and costs its neighbours nothing; the stream, if it has one; that a cancelled call is cancelled and the
    model works afterwards; use in two event loops one after the other; and that ``repr`` shows no secret option.

    Args:
        backend: the model.
        request: a request it can answer.
        failing: a request it must answer with an error, if there is one.
        timeout: seconds for each check.

    Returns:
        What passed and what was skipped.

    Raises:
        NotConformingError: if a check failed.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> "order" in check_backend(ScriptedModel(["Hi"])).passed
        True
    """
    report = run(examine_backend(backend, request, failing=failing, timeout=timeout))
    # Once more in a loop of its own: connections must not cling to the loop in which they were made.
    again = asyncio.run(_outcome(_answers_one(backend, request), timeout))
    if again is not None:
        report.failed["second event loop"] = again
    if report.failed:
        lines = [f"  {name}: {text}" for name, text in report.failed.items()]
        raise NotConformingError("\n".join([f"{backend!r} breaks the model protocol:", *lines]))
    return dataclasses.replace(report, passed=(*report.passed, "second event loop"))


async def examine_backend(
    backend: Model,
    request: GenerateRequest = HELLO,
    *,
    failing: GenerateRequest | None = None,
    timeout: float = 120.0,
) -> Conformance:
    """Make the checks of :func:`check_backend` in this event loop and return what they found, also what failed."""
    checks = {
        "description": _description(backend),
        "empty list": _empty(backend),
        "order": _order(backend, request),
        "usage": _usage(backend, request),
        "cancellation": _cancellation(backend, request),
        "repr": _repr(backend),
    }
    skipped = {}
    if failing is not None:
        checks["error row"] = _error_row(backend, request, failing)
    else:
        skipped["error row"] = "no failing request was given"
    if "stream" in backend.features:
        checks["stream"] = _stream(backend, request)
    else:
        skipped["stream"] = "the model does not offer it"
    if "tools" in backend.features:
        checks["tools"] = _tools(backend, request)
    else:
        skipped["tools"] = "the model does not offer them"
    outcomes = {name: await _outcome(check, timeout) for name, check in checks.items()}
    failed = {name: text for name, text in outcomes.items() if text is not None}
    return Conformance(tuple(name for name in outcomes if name not in failed), failed, skipped)


async def _outcome(check: object, timeout: float) -> str | None:
    try:
        async with asyncio.timeout(timeout):
            await check  # type: ignore[misc]
    except TimeoutError:
        return f"did not end within {timeout:g} s"
    except AssertionError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it raises, raising is the breach
        return f"raised {type(error).__name__}: {error}; a failure must be a result with its error set"
    return None


def _demand(holds: object, text: str) -> None:
    if not holds:
        raise AssertionError(text)


async def _generate(backend: Model, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
    results = await backend.generate(requests)
    _demand(isinstance(results, list), f"generate() returned {type(results).__name__}, not a list")
    _demand(len(results) == len(requests), f"{len(requests)} requests gave {len(results)} results")
    for result in results:
        _demand(isinstance(result, GenerateResult), f"a result is {type(result).__name__}, not GenerateResult")
        has_error = result.error is not None
        _demand(
            has_error == (result.finish_reason == "error"),
            f"finish_reason is {result.finish_reason!r}, but error is {result.error!r}",
        )
    return results


async def _answers_one(backend: Model, request: GenerateRequest) -> GenerateResult:
    (result,) = await _generate(backend, [request])
    _demand(result.error is None, f"the request failed: {result.error}")
    return result


async def _description(backend: Model) -> None:
    _demand(isinstance(backend, Model), "it lacks a name, batching, features or generate()")
    _demand(isinstance(backend.name, str) and backend.name, f"its name is {backend.name!r}")
    _demand(backend.batching in ("concurrent", "batched"), f"its batching is {backend.batching!r}")
    unknown = set(backend.features) - FEATURES
    _demand(not unknown, f"unknown features {sorted(unknown)}; there are {sorted(FEATURES)}")


async def _empty(backend: Model) -> None:
    _demand(await _generate(backend, []) == [], "an empty list of requests must give an empty list")


async def _order(backend: Model, request: GenerateRequest) -> None:
    """Ask different questions alone and together, in both orders: the same seed must give each its own answer."""
    asked = [
        dataclasses.replace(request, messages=(*request.messages[:-1], Message("user", text)), key=f"check/{text}")
        for text in ("Hello!", "What is your name?", "Goodbye.")
    ]
    forth, back = await _generate(backend, asked), await _generate(backend, asked[::-1])
    for result in (*forth, *back):
        _demand(result.error is None, f"a request failed: {result.error}")
    if "seed" not in backend.features:
        return
    for one, other, question in zip(forth, back[::-1], asked, strict=True):
        _demand(
            (one.text, one.tool_calls) == (other.text, other.tool_calls),
            f"with one seed, {question.messages[-1].content!r} got {one.text!r}, and {other.text!r} in another order",
        )


async def _usage(backend: Model, request: GenerateRequest) -> None:
    usage = (await _answers_one(backend, request)).usage
    _demand(usage.calls == 1, f"usage.calls of one answer is {usage.calls}, not 1")
    _demand(usage.input_tokens > 0, "usage.input_tokens of a request with text is 0")


async def _error_row(backend: Model, request: GenerateRequest, failing: GenerateRequest) -> None:
    first, bad, last = await _generate(backend, [request, failing, request])
    _demand(bad.error is not None, f"the failing request was answered: {bad.text!r}")
    for good in (first, last):
        _demand(good.error is None, f"a neighbour of the failing request failed too: {good.error}")


async def _stream(backend: Model, request: GenerateRequest) -> None:
    stream = getattr(backend, "stream", None)
    _demand(stream is not None, "it offers 'stream' but has no stream()")
    chunks = [chunk async for chunk in stream(request)]  # type: ignore[misc]
    results = [chunk.result for chunk in chunks if chunk.result is not None]
    _demand(len(results) == 1 and chunks[-1].result is not None, "the last chunk, and no other, carries the result")
    result = results[0]
    _demand(result.error is None, f"the stream failed: {result.error}")
    said = "".join(chunk.text for chunk in chunks)
    _demand(said.strip() == result.text.strip(), f"the pieces make {said!r}, but the result says {result.text!r}")


async def _tools(backend: Model, request: GenerateRequest) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = ToolSpec("get_weather", "Tell the weather in a city.", schema)
    result = await _answers_one(backend, dataclasses.replace(request, tools=(tool,)))
    ids = [call.id for call in result.tool_calls]
    _demand(all(ids) and len(set(ids)) == len(ids), f"tool calls need ids of their own, got {ids}")


async def _cancellation(backend: Model, request: GenerateRequest) -> None:
    task = asyncio.ensure_future(backend.generate([request]))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):  # an answer that was already there is fine too
        await task
    await _answers_one(backend, request)


async def _repr(backend: Model) -> None:
    options = getattr(backend, "options", None) or {}
    secrets = [str(value) for name, value in options.items() if is_secret_name(name) and value]
    shown = [text for text in (repr(backend), str(backend), backend.name) if any(s in text for s in secrets)]
    _demand(not shown, "its repr, str or name shows a secret option")
