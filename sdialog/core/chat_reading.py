"""Dialogs from files of chat models: OpenAI messages and ShareGPT conversations.

An entry is an object with ``messages`` (each with ``role`` and ``content``) or ``conversations`` (each with ``from``
and ``value``), or a bare list of either. Users are called ``user`` and models ``assistant``, unless a message says its
``name``. System messages, tool calls and tool results become events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import DialogFormatError
from sdialog.core.turns import Event, Turn

_LISTS = ("messages", "conversations", "conversation")
_IDS = ("id", "conversation_id", "dialog_id", "dialogue_id", "uuid")
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "bing", "bard"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}


def may_be_chat(content: bytes) -> bool:
    """Tell quickly whether JSON text may be a chat rather than a dialog of ours.

    Example:
        >>> may_be_chat(b'{"messages": []}'), may_be_chat(b'{"turns": []}'), may_be_chat(b'[{"role": "user"}]')
        (True, False, True)
    """
    if b'"turns"' in content:
        return False
    return any(f'"{name}"'.encode() in content for name in _LISTS) or content.lstrip()[:1] == b"["


def is_chat(data: Any) -> bool:
    """Whether parsed JSON is one chat: an object with a list of messages, or a list of messages."""
    listed = data if isinstance(data, list) else _listed(data)
    return bool(listed) and all(isinstance(entry, Mapping) and _role_of(entry) is not None for entry in listed)


def read_chat(data: Any, default_id: str) -> Dialog:
    """Return a chat as a dialog.

    Args:
        data: what :func:`is_chat` accepts.
        default_id: id of the dialog if the chat has none.

    Raises:
        DialogFormatError: if a message has a role nobody knows, or no text; says which message.

    Example:
        >>> chat = {"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}]}
        >>> print(read_chat(chat, "1"))
        user: Hi!
        assistant: Hello.
    """
    entries = data if isinstance(data, list) else _listed(data)
    found = _Chat()
    for number, entry in enumerate(entries):
        try:
            found.add(entry)
        except DialogFormatError as error:
            raise DialogFormatError(f"message {number}: {error.message}") from error
    ids = [data[name] for name in _IDS if name in data] if isinstance(data, Mapping) else []
    own = next((one for one in ids if isinstance(one, (str, int))), default_id)
    return Dialog(id=own, turns=found.turns, events=found.events or None)


def _listed(data: Any) -> list[Any]:
    lists = [data[name] for name in _LISTS if isinstance(data.get(name), list)] if isinstance(data, Mapping) else []
    return lists[0] if lists else []


def _role_of(entry: Mapping[str, Any]) -> str | None:
    role = entry.get("role", entry.get("from"))
    return role if isinstance(role, str) else None


@dataclass
class _Chat:
    """A dialog while it is read; events are numbered in their order, ``unanswered`` holds tools by the ids of calls."""

    turns: list[Turn] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add one message."""
        said = str(_role_of(entry))
        role = _ROLES.get(said.lower())
        text = _text(entry.get("content", entry.get("value")))
        if role is None:
            raise DialogFormatError(f"nobody knows the role {said!r}; known: {', '.join(_ROLES)}")
        if role == "system":
            self._event("instruct-persist", "system", text or "")
        elif role == "tool":
            self._answer(entry, text)
        elif role == "call":
            self._call(text)
        else:
            self._speak(entry, role, text)

    def _speak(self, entry: Mapping[str, Any], role: str, text: str | None) -> None:
        calls = entry.get("tool_calls") or []
        for call in calls:
            function = call.get("function", {}) if isinstance(call, Mapping) else {}
            self._call(function, call.get("id") if isinstance(call, Mapping) else None)
        if text is None and not calls:
            raise DialogFormatError(f"the {role}'s message has no text")
        if text is None or (calls and not text):
            return
        speaker = entry.get("name") or role
        self.turns.append(Turn(speaker=str(speaker), text=text))
        self._event("utter", None, text, str(speaker))

    def _call(self, said: Any, call_id: Any = None) -> None:
        function = _json(said) if isinstance(said, str) else said
        if not isinstance(function, Mapping) or "name" not in function:
            raise DialogFormatError("a tool call without a name")
        arguments = function.get("arguments", function.get("args", function.get("parameters", {})))
        given = _json(arguments) if isinstance(arguments, str) else arguments
        number = sum(event.actionLabel == "call" for event in self.events)
        own = str(call_id) if call_id not in (None, "") else f"call_{number}"
        self.unanswered[own] = str(function["name"])
        self._event("tool", "call", {"name": self.unanswered[own], "args": given, "id": own})

    def _answer(self, entry: Mapping[str, Any], text: str | None) -> None:
        """Note what a tool gave; where nothing says which call it answers, it is the first one without an answer."""
        call_id = entry.get("tool_call_id") or next(iter(self.unanswered), None)
        name = self.unanswered.pop(str(call_id), None)
        output = {"name": entry.get("name") or name, "output": "" if text is None else text, "call_id": call_id}
        self._event("tool", "output", output)

    def _event(self, action: str, label: str | None, content: Any, agent: str = "assistant") -> None:
        place = len(self.events)
        self.events.append(Event(agent=agent, action=action, actionLabel=label, content=content, timestamp=place))


def _text(content: Any) -> str | None:
    """Return the text of a message; of one in parts, that of its text parts."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(_parts(content))
    return None if content is None else str(content)


def _parts(content: Iterable[Any]) -> Iterable[str]:
    for part in content:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            yield part["text"]


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text
