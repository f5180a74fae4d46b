"""What an agent remembers: a list of messages, and the forms it comes and goes in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sdialog.core.errors import ConfigError
from sdialog.llm.types import Message, Role, ToolCall

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

OTHERS = ("User", "Other")
"""What the other party is called where nobody named it: the first of these that the agent itself is not called."""

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
}


def instruction_message(text: str, persist: bool) -> Message:
    """Return the system message that carries an instruction."""
    return Message("system", text, persist=persist)


def insert_instruction(memory: list[Message], message: Message) -> None:
    """Add an instruction before a user message that still waits for its reply, else at the end."""
    at = len(memory)
    while at and memory[at - 1].role == "user":
        at -= 1
    memory.insert(at, message)


def without_one_time(memory: Iterable[Message]) -> list[Message]:
    """Return the messages that outlive a reply."""
    return [message for message in memory if message.persist is not False]


def has_speech(memory: Iterable[Message]) -> bool:
    """Tell whether anybody has said anything yet."""
    return any(message.role in ("user", "assistant") for message in memory)


def as_dialog(memory: Iterable[Message], speaker: str) -> Dialog:
    """Return what was said as a dialog; whoever has no name gets one of :data:`OTHERS`."""
    from sdialog.core.dialog import Dialog, Turn

    names = {"user": next(name for name in OTHERS if name != speaker), "assistant": speaker}
    return Dialog(
        turns=[
            Turn(speaker=message.name or names[message.role], text=message.content)
            for message in memory
            if message.role in names and message.content
        ]
    )


def read_messages(items: Sequence[Any]) -> list[Message]:
    """Read a conversation given as messages, OpenAI-style dicts or LangChain messages.

    Args:
        items: the messages; a dict has ``role`` and ``content`` and may have ``name``, ``tool_calls`` and
            ``tool_call_id``; an object has ``type`` and ``content``. Content may be a list of text blocks.

    Returns:
        New messages; ``items`` is left as it is.

    Raises:
        ConfigError: if an item is none of these.

    Example:
        >>> read_messages([{"role": "user", "content": "Hi!"}])[0].role
        'user'
    """
    return [item if isinstance(item, Message) else _read_message(item, at) for at, item in enumerate(items)]


def _read_message(item: Any, at: int) -> Message:
    given: Mapping[str, Any] = item if isinstance(item, Mapping) else _attributes(item)
    role = _ROLES.get(str(given.get("role") or given.get("type")))
    if role is None:
        raise ConfigError(
            f"message {at} is not a message: {item!r:.80}; give a dict with 'role' (system, user, assistant or tool) "
            "and 'content', a LangChain message or a Message"
        )
    return Message(
        cast(Role, role),
        content_text(given.get("content")),
        name=given.get("name"),
        tool_calls=tuple(_read_call(call) for call in given.get("tool_calls") or ()),
        tool_call_id=given.get("tool_call_id"),
    )


def _attributes(item: Any) -> dict[str, Any]:
    names = ("role", "type", "content", "name", "tool_calls", "tool_call_id")
    return {name: getattr(item, name) for name in names if hasattr(item, name)}


def _read_call(call: Mapping[str, Any]) -> ToolCall:
    """Read OpenAI's form (``function`` with JSON ``arguments``) or LangChain's (``name`` and ``args``)."""
    function = call.get("function", call)
    arguments = function.get("arguments", function.get("args", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            return ToolCall(str(call.get("id", "")), function.get("name", ""), error=f"arguments are not JSON: {error}")
    return ToolCall(str(call.get("id", "")), function.get("name", ""), arguments)


def content_text(content: Any) -> str:
    """Return message content as text: a string as it is, None as ``""``, of a list of blocks the text ones."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, Sequence):
        return str(content)
    blocks = [block if isinstance(block, str) else block.get("text", "") for block in content]
    return "".join(block for block in blocks if isinstance(block, str))


def dump(memory: Iterable[Message]) -> list[dict[str, Any]]:
    """Return messages in LangChain's dict form, ``[{"type": "human", "data": {...}}, ...]``."""
    return [{"type": message.type, "data": _data(message)} for message in memory]


def _data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {
        "content": message.content,
        "additional_kwargs": {"reasoning_content": message.thinking} if message.thinking else {},
        "response_metadata": {} if message.persist is None else {"persist": message.persist},
        "type": message.type,
        "name": message.name,
        "id": None,
    }
    if message.role == "assistant":
        data["tool_calls"] = [
            {"name": call.name, "args": dict(call.arguments), "id": call.id, "type": "tool_call"}
            for call in message.tool_calls
        ]
    elif message.role == "tool":
        data["tool_call_id"] = message.tool_call_id or ""
        data["status"] = "success"
    return data
