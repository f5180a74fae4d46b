"""A model whose words are known beforehand: from a list, a file or a function."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import inspect
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.backends._replies import Reply, ReplyLike, as_reply, canonical, read_replies
from sdialog.core.errors import ConfigError
from sdialog.llm.failures import annotated, as_llm_error, failure
from sdialog.llm.protocol import Backend, Batching, backends
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage

ReplyFunction = Callable[[GenerateRequest], "ReplyLike | Awaitable[ReplyLike]"]
Script = Sequence[ReplyLike] | Mapping[str, Sequence[ReplyLike]] | ReplyFunction

ANYONE = "*"
"""Key of a script by speaker for all speakers who have none of their own."""


@backends.register("scripted")
class ScriptedModel(Backend):
    """Says what it was told to say; for tests, demos, and dialogs with one fixed side.

    A list is replayed from its start in *each* conversation: the reply's index is the number of assistant messages
    the request already holds. So one model serves a thousand dialogs at once, in any order, with the same words.

    One reply is a string; a mapping with ``text`` and, as wanted, ``thinking``, ``tool_calls`` (mappings with ``name``
    and ``arguments``), ``error`` (a message, or the name of an error such as ``RateLimitError``) and ``delay``
    (seconds); a ``GenerateResult``; or an exception.

    Args:
        replies: one of

            - a list of replies;
            - a mapping from speaker (the last part of the request's key) to a list, ``"*"`` for everyone else;
            - a function from the request to a reply, plain or async;
            - the path of a file holding a list or mapping: ``.json``, ``.yaml``, ``.jsonl`` (a reply a line) or
              ``.txt`` (a line a reply). ``scripted:<path>`` as a model name does the same.
        label: name after the prefix; default the file's path, or the kind of script.
        cycle: start over when a list is used up; otherwise the next request is an error.
        delay: seconds each reply takes, for playing a slow model; a batch takes as long as its slowest row.
        batching: ``batched`` to play an in-process model.
        features: what it says it can do.

    Raises:
        ConfigError: if the script is empty, unreadable or not a script.

    Example:
        >>> from sdialog.core.sync import run
        >>> from sdialog.llm.types import Message
        >>> model = ScriptedModel(["Hello!", {"tool_calls": [{"name": "refund", "arguments": {"euros": 5}}]}])
        >>> (first,) = run(model.generate([GenerateRequest((Message("user", "Hi"),))]))
        >>> first.text, first.usage.output_tokens
        ('Hello!', 1)
        >>> said = (Message("user", "Hi"), Message("assistant", "Hello!"), Message("user", "My money!"))
        >>> (second,) = run(model.generate([GenerateRequest(said)]))
        >>> second.tool_calls
        (ToolCall(id='call_1_0', name='refund', arguments={'euros': 5}, error=None),)
    """

    prefix = "scripted"
    shared = False
    features = frozenset({"tools", "stream", "thinking", "logprobs", "seed"})

    def __init__(
        self,
        replies: Script | str | Path,
        *,
        label: str | None = None,
        cycle: bool = True,
        delay: float = 0.0,
        batching: Batching = "concurrent",
        features: frozenset[str] | None = None,
    ) -> None:
        script: Any = read_replies(Path(replies)) if isinstance(replies, (str, Path)) else replies
        super().__init__(label or _label(replies))
        self._function: ReplyFunction | None = None
        self._lists: dict[str, list[Reply]] = {}
        if callable(script):
            self._function = script
        else:
            by_speaker = script if isinstance(script, Mapping) else {ANYONE: script}
            self._lists = {str(speaker): _normal(lines, speaker) for speaker, lines in by_speaker.items()}
        if not self._function and not self._lists:
            raise ConfigError(f"{self.name} has no replies; give a list with at least one")
        self.cycle, self.delay, self.batching = cycle, delay, batching
        if features is not None:
            self.features = features

    @property
    def identity(self) -> str | None:
        """The name and a hash of the replies; None for a function, whose answers nobody can foresee."""
        if self._function is not None:
            return None
        script = canonical(self._lists)
        return f"{self.name}#{hashlib.blake2b(script.encode(), digest_size=8).hexdigest()}"

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request after the longest of their delays."""
        turns = [await self._turn(request) for request in requests]
        pause = max((turn.delay for turn in turns), default=0.0)
        if pause:
            await asyncio.sleep(pause)
        return [turn.result for turn in turns]

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply word by word, its delay spread evenly."""
        result, delay = await self._turn(request)
        words = re.findall(r"\s*\S+\s*$|\s*\S+", result.text)
        if result.thinking:
            yield StreamChunk(thinking=result.thinking)
        for word in words:
            if delay:
                await asyncio.sleep(delay / len(words))
            yield StreamChunk(text=word)
        yield StreamChunk(result=result)

    async def _turn(self, request: GenerateRequest) -> _Turn:
        said = sum(message.role == "assistant" for message in request.messages)
        try:
            reply = await self._reply(request, said)
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - what the script's function raises is a reply like any other
            reply = Reply(failure(as_llm_error(error)))
        delay = self.delay if reply.delay is None else reply.delay
        return _Turn(self._finished(reply.result, request, said), delay)

    async def _reply(self, request: GenerateRequest, said: int) -> Reply:
        if self._function is not None:
            answer = self._function(request)
            return as_reply(await answer if inspect.isawaitable(answer) else answer)
        speaker = request.key.rpartition("/")[2]
        lines = self._lists.get(speaker) or self._lists.get(ANYONE)
        if lines is None:
            known = ", ".join(sorted(self._lists))
            raise ConfigError(f"{self.name} has no lines for {speaker!r}, only for {known}; add them, or a '*' entry")
        if said >= len(lines) and not self.cycle:
            return as_reply({"error": f"the script has {len(lines)} replies and was asked for number {said + 1}"})
        return lines[said % len(lines)]

    def _finished(self, result: GenerateResult, request: GenerateRequest, said: int) -> GenerateResult:
        """Fill in what depends on the request: usage, call ids, and an error object of its own."""
        read = sum(len(message.content.split()) for message in request.messages)
        written = len(result.text.split()) + len((result.thinking or "").split())
        usage = result.usage if result.usage.calls else Usage(1, read, written)
        if result.error is not None:
            error = as_llm_error(annotated(result.error), backend=self.name, request_key=request.key)
            return dataclasses.replace(result, error=error, usage=usage, finish_reason="error", model=self.name)
        calls = tuple(
            call if call.id else dataclasses.replace(call, id=f"call_{said}_{k}")
            for k, call in zip(itertools.count(), result.tool_calls, strict=False)
        )
        reason = "tool_calls" if calls and result.finish_reason == "stop" else result.finish_reason
        logprobs = result.logprobs if request.logprobs is not None else None
        return GenerateResult(
            result.text, result.thinking, calls, reason, usage, result.model or self.name, logprobs, result.captures
        )


class _Turn(NamedTuple):
    result: GenerateResult
    delay: float


def _label(replies: object) -> str:
    if isinstance(replies, (str, Path)):
        return str(replies)
    return str(getattr(replies, "__name__", "function")) if callable(replies) else "list"


def _normal(lines: object, speaker: object) -> list[Reply]:
    if not isinstance(lines, Sequence) or isinstance(lines, (str, bytes)) or not lines:
        whose = "the script" if speaker == ANYONE else f"the script of {speaker!r}"
        raise ConfigError(f"{whose} must be a list with at least one reply, not {lines!r}")
    return [as_reply(line) for line in lines]
