"""Conversations for services that want strict turns: user first, then by turns, user last, system text apart.

Anthropic, Google and Bedrock do. For them:

- the system messages at the start become the system prompt;
- a later system message becomes a part of the user message it stands next to, marked ``<instruction>``;
- neighbours of one side are joined, tool outputs coming first in theirs;
- blank messages, which these services refuse, are left out;
- where a user message is missing at the start or the end, a minimal one is put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sdialog.llm.types import GenerateRequest, Message, ToolSpec

OPENING = "(The conversation starts here; you speak first.)"
GO_ON = "(Go on.)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one side says before the other answers: one message or more."""

    side: Literal["user", "assistant"]
    messages: tuple[Message, ...]


def alternate(messages: Sequence[Message]) -> tuple[str, list[Exchange]]:
    """Return the system prompt and the exchanges, which start and end with ``user`` and alternate.

    Example:
        >>> system, exchanges = alternate([Message("system", "Be Ava."), Message("assistant", "Hi!")])
        >>> system, [(e.side, e.messages[0].content) for e in exchanges]  # doctest: +NORMALIZE_WHITESPACE
        ('Be Ava.', [('user', '(The conversation starts here; you speak first.)'), ('assistant', 'Hi!'),
                     ('user', '(Go on.)')])
    """
    first = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    system = "\n\n".join(message.content for message in messages[:first] if message.content.strip())
    groups: list[tuple[Literal["user", "assistant"], list[Message]]] = []
    for message in map(_without_system_role, messages[first:]):
        if not message.content.strip() and not message.tool_calls and message.role != "tool":
            continue
        side: Literal["user", "assistant"] = "assistant" if message.role == "assistant" else "user"
        if groups and groups[-1][0] == side:
            groups[-1][1].append(message)
        else:
            groups.append((side, [message]))
    if not groups or groups[0][0] == "assistant":
        groups.insert(0, ("user", [Message("user", OPENING)]))
    if groups[-1][0] == "assistant":
        groups.append(("user", [Message("user", GO_ON)]))
    # Sorting is stable: tool outputs move to the front, everything else keeps its order.
    return system, [Exchange(side, tuple(sorted(group, key=lambda m: m.role != "tool"))) for side, group in groups]


def known_tools(request: GenerateRequest) -> tuple[ToolSpec, ...]:
    """Return the tools to declare: the request's, or, when it has none, those its history speaks of by name only.

    A service may refuse a conversation with calls of tools it was not told about.
    """
    if request.tools:
        return request.tools
    names = dict.fromkeys(call.name for message in request.messages for call in message.tool_calls)
    return tuple(ToolSpec(name, "No longer available.", {"type": "object", "properties": {}}) for name in names)


def _without_system_role(message: Message) -> Message:
    if message.role != "system" or not message.content.strip():
        return message
    return Message("user", f"<instruction>\n{message.content}\n</instruction>")
