"""The replies of a script: read from files, checked, and made into results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.core import errors
from sdialog.core.errors import ConfigError, LLMError
from sdialog.llm.failures import as_llm_error, failure
from sdialog.llm.types import GenerateResult, TokenLogprob, ToolCall

ReplyLike = str | Mapping[str, Any] | GenerateResult | Exception
_FIELDS = ("text", "thinking", "tool_calls", "error", "delay", "finish_reason", "logprobs")


class Reply(NamedTuple):
    """One reply of a script; ``delay`` None means the model's own."""

    result: GenerateResult
    delay: float | None = None


def as_reply(reply: ReplyLike) -> Reply:
    """Check one reply and make it a result.

    Raises:
        ConfigError: if it is not a reply; names the wrong key.
    """
    if isinstance(reply, str):
        return Reply(GenerateResult(reply))
    if isinstance(reply, GenerateResult):
        return Reply(reply)
    if isinstance(reply, Exception):
        return Reply(failure(as_llm_error(reply)))
    if not isinstance(reply, Mapping):
        raise ConfigError(
            f"a scripted reply is a string, a mapping, a GenerateResult or an exception, not {type(reply).__name__}"
        )
    for key in reply:
        if key not in _FIELDS:
            raise ConfigError(f"a scripted reply has no key {key!r}; it may have: {', '.join(_FIELDS)}")
    delay = None if reply.get("delay") is None else float(reply["delay"])
    if reply.get("error") is not None:
        return Reply(failure(_error(reply["error"])), delay)
    logprobs = reply.get("logprobs")
    result = GenerateResult(
        text=str(reply.get("text") or ""),
        thinking=reply.get("thinking"),
        tool_calls=tuple(_tool_call(call) for call in reply.get("tool_calls") or ()),
        finish_reason=reply.get("finish_reason") or "stop",
        logprobs=None if logprobs is None else tuple(_logprob(entry) for entry in logprobs),
    )
    return Reply(result, delay)


def read_replies(path: Path) -> Any:
    """Read a script file: JSON or YAML (a list, or a mapping by speaker), JSONL, or a text file.

    Raises:
        ConfigError: if the file is missing, unreadable or of another kind.
    """
    readers: dict[str, Callable[[str], Any]] = {
        ".json": json.loads,
        ".jsonl": _jsonl,
        ".yaml": _yaml,
        ".yml": _yaml,
        ".txt": _lines,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"script {path} must be a .json, .jsonl, .yaml or .txt file")
    try:
        return reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"script {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"script {path} is not valid {path.suffix[1:].upper()}: {error}") from error


def canonical(lists: Mapping[str, list[Reply]]) -> str:
    """Return a text that is the same exactly when the replies are."""
    return repr([(speaker, lines) for speaker, lines in sorted(lists.items())])


def _lines(text: str) -> list[str]:
    # Not splitlines, which breaks at line ends of typography too, and JSON may hold those.
    return [line.strip() for line in text.split("\n") if line.strip()]


def _jsonl(text: str) -> list[Any]:
    return [json.loads(line) for line in _lines(text)]


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _error(value: object) -> LLMError:
    if isinstance(value, Exception):
        return as_llm_error(value)
    kind = getattr(errors, str(value), None)
    if isinstance(kind, type) and issubclass(kind, LLMError):
        return kind("scripted failure")
    return LLMError(str(value))


def _tool_call(call: object) -> ToolCall:
    if isinstance(call, ToolCall):
        return call
    if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
        raise ConfigError(f"a scripted tool call is a mapping with 'name' and 'arguments', not {call!r}")
    return ToolCall(str(call.get("id") or ""), call["name"], dict(call.get("arguments") or {}), call.get("error"))


def _logprob(entry: Any) -> TokenLogprob:
    if isinstance(entry, TokenLogprob):
        return entry
    token, logprob, *top = entry
    return TokenLogprob(str(token), float(logprob), tuple((str(t), float(p)) for t, p in (top[0] if top else ())))
