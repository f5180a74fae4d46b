"""Reading a local model's raw reply: what it says, what it thinks, and which tools it calls.

Understood are ``<think>...</think>``, ``<tool_call>{...}</tool_call>`` (Hermes, Qwen, the embedded model),
``[TOOL_CALLS]`` (Mistral, both the list and the ``name{...}`` form) and a bare ``{"name": ..., "parameters": ...}``
(Llama 3) when it names an offered tool. A tokenizer that brings its own response template is asked first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sdialog.llm.types import ToolCall

_THINK = re.compile(r"<think>(.*?)(?:</think>|\Z)", re.DOTALL)
_HERMES = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|\Z)", re.DOTALL)
_MISTRAL = "[TOOL_CALLS]"
_MISTRAL_NAMED = re.compile(r"\s*([\w.\-]+)\s*(?:\[CALL_ID\][^\[{]*)?(?:\[ARGS\])?\s*(?=\{)")
_LLAMA_TAG = "<|python_tag|>"
_NAME = re.compile(r'"name"\s*:\s*"([^"\\]*)"')
MARKERS = (
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "[CALL_ID]",
    "<|python_tag|>",
)
"""Pieces of text that structure a reply; they stay in the decoded text even when they are special tokens."""

Parsed = Mapping[str, Any]


class Reply(NamedTuple):
    """A reply taken apart."""

    text: str
    thinking: str | None
    tool_calls: tuple[ToolCall, ...]


def parse_reply(
    raw: str,
    *,
    tools: Sequence[str] = (),
    first_call: int = 0,
    prompt: str = "",
    template: Callable[[], Parsed] | None = None,
) -> Reply:
    """Take a raw reply apart.

    Args:
        raw: decoded reply with its markers.
        tools: names of the tools on offer.
        first_call: number for the id of the first call, so that ids are unique within a conversation.
        prompt: the prompt's text; when it ends in an open ``<think>``, the reply begins inside it.
        template: applies the tokenizer's own response template; if it raises or finds nothing more than text, the
            rules of this module decide.

    Example:
        >>> reply = parse_reply('<think>hm</think>Ok.<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>')
        >>> reply.text, reply.thinking, reply.tool_calls[0].arguments
        ('Ok.', 'hm', {'a': 1})
    """
    if template is not None:
        reply = _by_template(template, first_call)
        if reply is not None and (reply.tool_calls or reply.thinking):
            return reply
    if prompt.rstrip().endswith("<think>") and not raw.lstrip().startswith("<think>"):
        raw = "<think>" + raw
    rest, thinking = _split_thinking(raw)
    text, calls = _split_calls(rest, tools)
    named = tuple(_tool_call(body, first_call + n) for n, body in enumerate(calls))
    return Reply(text.strip(), thinking, named)


class Visible(NamedTuple):
    """What of an unfinished reply can be shown."""

    text: str
    thinking: str


def visible_part(raw: str, stops: Sequence[str] = (), *, inside_thinking: bool = False) -> Visible:
    """Return the parts of an unfinished reply that are certain, for streaming.

    Thinking is given once it is closed. Text ends before the first tool call, stop string or possible beginning of
    one, and before a character whose bytes have not all come.

    Example:
        >>> visible_part("Let me look.<tool_")
        Visible(text='Let me look.', thinking='')
    """
    if inside_thinking and not raw.lstrip().startswith("<think>"):
        raw = "<think>" + raw
    marks = (*MARKERS, *stops)
    begun = [len(raw) - n for mark in marks for n in range(1, len(mark)) if raw.endswith(mark[:n])]
    rest, thinking = _split_thinking(raw[: min(begun, default=len(raw))])
    text = rest.lstrip()
    text = text[: min((at for at in map(text.find, marks) if at >= 0), default=len(text))]
    if text[:1] in ("{", "["):
        return Visible("", "")
    return Visible(text.rstrip("\ufffd").rstrip(), thinking or "" if "</think>" in raw else "")


def _split_thinking(raw: str) -> tuple[str, str | None]:
    if "<think>" not in raw and "</think>" in raw:
        raw = "<think>" + raw
    thoughts = [thought.strip() for thought in _THINK.findall(raw)]
    thinking = "\n".join(thought for thought in thoughts if thought)
    return (_THINK.sub("", raw), thinking or None) if thoughts else (raw, None)


def _split_calls(text: str, tools: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the text without tool calls, and the calls: decoded JSON, or a string where it is broken."""
    if "<tool_call>" in text:
        return _HERMES.sub("", text), [_decoded(body) for body in _HERMES.findall(text)]
    if _MISTRAL in text:
        before, _, after = text.partition(_MISTRAL)
        return before, _mistral_calls(after)
    bare = text.replace(_LLAMA_TAG, "").strip()
    if tools and bare.startswith(("{", "[")):
        found = [_decoded(part) for part in re.split(r"(?<=\})\s*;\s*(?=\{)", bare)]
        calls = [call for entry in found for call in (entry if isinstance(entry, list) else [entry])]
        if calls and all(isinstance(call, dict) and call.get("name") in tools for call in calls):
            return "", calls
    return text, []


def _mistral_calls(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        listed = _decoded(text)
        return listed if isinstance(listed, list) else [listed]
    calls: list[Any] = []
    for piece in text.split(_MISTRAL):
        named = _MISTRAL_NAMED.match(piece)
        if named is None:
            calls.append(_decoded(piece))
            continue
        arguments = _decoded(piece[named.end() :])
        broken = f'"name": "{named[1]}" {arguments}'
        calls.append(broken if isinstance(arguments, str) else {"name": named[1], "arguments": arguments})
    return calls


def _decoded(text: str) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text.strip())[0]
    except json.JSONDecodeError:
        return text.strip()


def _tool_call(body: Any, number: int) -> ToolCall:
    """Build a call from decoded JSON; whatever is wrong with it goes to ``error``."""
    identity = f"call_{number}"
    if isinstance(body, str):
        name = _NAME.search(body)
        return ToolCall(identity, name[1] if name else "", {}, f"the call is not valid JSON: {body[:200]!r}")
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        return ToolCall(identity, "", {}, f"the call names no tool: {json.dumps(body)[:200]}")
    arguments = body.get("arguments", body.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _decoded(arguments) if arguments.strip() else {}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return ToolCall(identity, body["name"], {}, f"the arguments are not a JSON object: {str(arguments)[:200]!r}")
    return ToolCall(identity, body["name"], arguments)


def _by_template(template: Callable[[], Parsed], first_call: int) -> Reply | None:
    """Apply a response template; None when the reply does not fit it, as with broken JSON."""
    try:
        parsed = template()
    except (ValueError, KeyError, TypeError):
        return None
    entries = parsed.get("tool_calls") or []
    bodies = [entry.get("function", entry) if isinstance(entry, dict) else entry for entry in entries]
    calls = tuple(_tool_call(body, first_call + n) for n, body in enumerate(bodies))
    thinking = next((parsed[k] for k in ("reasoning_content", "thinking") if parsed.get(k)), None)
    return Reply(str(parsed.get("content") or "").strip(), thinking, calls)
