"""Dialogs from files of chat models: OpenAI messages and ShareGPT conversations.

An entry is an object with ``messages`` (each with ``role`` and ``content``) or ``conversations`` (each with ``from``
and ``value``), or a bare list of either; the object may lie in another one, as in files of requests. Users are called
``user`` and models ``assistant``, unless a message says its ``name``. System messages (or a ``system`` beside the
list), tool calls and tool results become events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import DialogFormatError
from sdialog.core.turns import Event, Turn

_LISTS = ("messages", "conversations", "conversation")
_IDS = ("id", "conversation_id", "dialog_id", "dialogue_id", "uuid", "custom_id")
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "ai", "chatbot", "chatgpt", "bing", "bard"), "assistant"),
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
    lists = any(f'"{name}"'.encode() in content for name in _LISTS)
    return lists or (content.lstrip()[:1] == b"[" and b'"turns"' not in content)


def is_chat(data: Any) -> bool:
    """Whether parsed JSON is one chat: an object with a list of messages, or a list of messages.

    Example:
        >>> is_chat({"messages": []}), is_chat([{"role": "user"}]), is_chat([]), is_chat({"turns": [], "messages": []})
        (True, True, False, False)
    """
    if isinstance(data, list):
        return bool(data) and all(isinstance(entry, Mapping) and _role_of(entry) is not None for entry in data)
    found = _holder(data)
    return found is not None and all(isinstance(entry, Mapping) for entry in _listed(found))


def read_chat(data: Any, default_id: str) -> Dialog:
    """Return a chat as a dialog.

    Args:
        data: what :func:`is_chat` accepts.
        default_id: id of the dialog if the chat has none.

    Raises:
        DialogFormatError: if a message has no role, one nobody knows, or no text; says which message.

    Example:
        >>> chat = {"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}]}
        >>> print(read_chat(chat, "1"))
        user: Hi!
        assistant: Hello.
    """
    holder = None if isinstance(data, list) else _holder(data)
    entries = data if holder is None else _listed(holder)
    found = _Chat()
    system = None if holder is None else holder.get("system")
    if isinstance(system, str) and system:
        found.add({"role": "system", "content": system})
    for number, entry in enumerate(entries):
        try:
            found.add(entry)
        except DialogFormatError as error:
            raise DialogFormatError(f"message {number}: {error.message}") from error
    ids = [given[name] for given in (data, holder) if isinstance(given, Mapping) for name in _IDS if name in given]
    own = next((one for one in ids if isinstance(one, (str, int))), default_id)
    return Dialog(id=own, turns=found.turns, events=found.events or None)


def _holder(data: Any) -> Mapping[str, Any] | None:
    """Return what holds the list of messages: the object, or the only object in it that does."""
    if not isinstance(data, Mapping) or isinstance(data.get("turns"), list):
        return None
    if any(isinstance(data.get(name), list) for name in _LISTS):
        return data
    inner = [part for part in data.values() if isinstance(part, Mapping)]
    holders = [part for part in inner if any(isinstance(part.get(name), list) for name in _LISTS)]
    return holders[0] if len(holders) == 1 else None


def _listed(holder: Mapping[str, Any]) -> list[Any]:
    return next(found for name in _LISTS if isinstance(found := holder.get(name), list))


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
        said = _role_of(entry)
        if said is None:
            raise DialogFormatError("it does not say whose it is: it has neither 'role' nor 'from'")
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
        calls = list(entry.get("tool_calls") or [])
        # Before there were several calls a message, there was one under another name.
        calls += [{"function": entry["function_call"]}] if entry.get("function_call") else []
        text = _text(entry.get("refusal")) if text is None else text
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
    """Return the text of a message; of one in parts, that of its text parts.

    Raises:
        DialogFormatError: if it is an object without a text.
    """
    if content is None or (isinstance(content, float) and math.isnan(content)):  # how tables say that there is none
        return None
    if isinstance(content, Mapping):
        inner = content.get("text", content.get("parts"))
        if not isinstance(inner, (str, list)):
            raise DialogFormatError(f"its content is an object without a text; it has {', '.join(map(str, content))}")
        return _text(inner)
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(_parts(content))
    return str(content)


def _parts(content: Iterable[Any]) -> Iterable[str]:
    for part in content:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            yield part["text"]
        elif isinstance(part, Mapping) and isinstance(part.get("refusal"), str):
            yield part["refusal"]


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text
