"""Making the calls a model asks for: side by side, in bounded time, with failures as output."""

from __future__ import annotations

import asyncio
import dataclasses
import difflib
import inspect
import json
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sdialog.agents.tools import Tool, ToolContext, output_text
from sdialog.core.offload import in_thread
from sdialog.llm.types import Message, ToolCall


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """A call and what came of it.

    Attributes:
        call: the call.
        output: the text the model gets: the result, or ``{"error": "..."}``.
        failed: whether it is an error.
        final: whether the output is the agent's reply as it stands.
    """

    call: ToolCall
    output: str
    failed: bool = False
    final: bool = False

    def message(self) -> Message:
        """Return the tool message that answers the call."""
        return Message("tool", self.output, name=self.call.name, tool_call_id=self.call.id)


async def run_calls(
    calls: Sequence[ToolCall],
    tools: Mapping[str, Tool],
    context_of: Callable[[int], ToolContext],
    *,
    timeout: float | None,
    detail: bool = False,
) -> list[ToolOutcome]:
    """Make all calls of one message at once.

    An ``async`` tool is cancelled when its time is up. A plain function runs in a thread of its own, which cannot be
    ended from outside: when its time is up it is abandoned, its result is ignored, and it may go on in the
    background.

    Args:
        calls: the calls.
        tools: tools by name.
        context_of: gives the context of the n-th call.
        timeout: seconds each call may take, or None for no limit.
        detail: add the traceback to errors.

    Returns:
        One outcome a call, in the calls' order. A tool's exception is an outcome, never raised.

    Calls that act on an environment are made one after the other, so that its state does not depend on which thread
    is faster.
    """
    turns = asyncio.Lock()  # who waits for it gets it in the order of asking

    async def one(at: int, call: ToolCall) -> ToolOutcome:
        tool = tools.get(call.name)
        in_turn = turns if tool is not None and tool.environment is not None else nullcontext()
        async with in_turn:
            return await _run_call(call, tools, context_of(at), timeout, detail)

    tasks = [asyncio.create_task(one(at, call)) for at, call in enumerate(calls)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def with_ids(calls: Sequence[ToolCall], prefix: str, taken: Iterable[str]) -> tuple[ToolCall, ...]:
    """Return the calls with an id each that no other has; some models leave ids out or repeat them.

    Args:
        calls: calls of one message.
        prefix: how ids begin that are given here.
        taken: ids of the conversation so far.
    """
    named, seen = [], {*taken}
    for at, call in enumerate(calls):
        identity = call.id or f"{prefix}_{at}"
        while identity in seen:
            identity = f"{prefix}_{at}" if identity == call.id else f"{identity}x"
        seen.add(identity)
        named.append(dataclasses.replace(call, id=identity))
    return tuple(named)


async def _run_call(
    call: ToolCall, tools: Mapping[str, Tool], context: ToolContext, timeout: float | None, detail: bool
) -> ToolOutcome:
    tool = tools.get(call.name)
    if tool is None:
        return _failed(call, unknown_tool(call.name, tools))
    if call.error is not None:
        return _failed(call, call.error)
    try:
        finished, output = await _within(timeout, _execution(tool, call, context))
        if not finished:
            return _failed(call, f"timed out after {timeout:g} s")
        text = output_text(output)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model gets to read it
        return _failed(call, _describe(error), error if detail else None)
    return ToolOutcome(call, text, final=tool.final and bool(text.strip()))


async def _execution(tool: Tool, call: ToolCall, context: ToolContext) -> Any:
    try:
        if tool.is_async:
            return await tool.run(call.arguments, context)
        output = await in_thread(lambda: tool.run(call.arguments, context))
        return await output if inspect.isawaitable(output) else output
    except SystemExit as error:  # raised in a task, it would stop the event loop
        raise RuntimeError(f"SystemExit: {error}") from error


async def _within(timeout: float | None, work: Any) -> tuple[bool, Any]:
    """Await work for some time; unlike ``asyncio.wait_for`` do not wait for a task that ignores its cancellation."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=timeout)
        if task.cancelled():  # not by the caller, who would have ended the wait as well
            raise RuntimeError("CancelledError: the tool was cancelled from within")
        return (True, task.result()) if task.done() else (False, None)
    finally:
        task.cancel()


def _failed(call: ToolCall, reason: str, error: Exception | None = None) -> ToolOutcome:
    output = {"error": reason}
    if error is not None:
        output["traceback"] = "".join(traceback.format_exception(error))
    return ToolOutcome(call, json.dumps(output, ensure_ascii=False), failed=True)


def unknown_tool(name: str, tools: Collection[str]) -> str:
    """Say that there is no tool of this name, and which names there are."""
    near = difflib.get_close_matches(name, tools, n=3, cutoff=0.5)
    if near:
        return f"there is no tool {name!r}; did you mean {' or '.join(repr(n) for n in near)}?"
    known = ", ".join(sorted(tools))
    return f"there is no tool {name!r}; " + (f"the tools are: {known}" if known else "there are no tools")


def _describe(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problems = [
            f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}".removeprefix(": ")
            for problem in error.errors(include_url=False)
        ]
        return f"ValidationError: {'; '.join(problems)}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
