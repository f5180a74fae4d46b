"""Writing a conversation in a model's own chat format.

Chat templates differ in what they accept. A conversation is rendered as it is; when the template refuses it (raises)
or leaves a system message out, it is rendered again in ever plainer shapes, and the first that the template writes
in full is used:

1. as it is;
2. system messages after the first folded into the user message that follows them, or, at the end, into the one
   before; tool calls and tool results as they are;
3. also the first system message folded into the first user message, tool calls and results written as plain text,
   neighbours of the same role merged, and an opening user line put first, so that roles strictly alternate.

A tokenizer without a chat template gets a plain one: ``User: ...`` and ``Assistant: ...`` lines. Tools that the
template does not write are described in the first system message, with the ``<tool_call>`` form to answer in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sdialog.backends._hf_encode import encoder
from sdialog.core.errors import LLMError
from sdialog.llm import prompts
from sdialog.llm.types import Message, ToolCall, ToolSpec

_OPENING = "(The conversation begins.)"
_PLAIN_TEMPLATE = (
    "{%- for m in messages -%}{{ m.role | capitalize }}: {{ m.content | trim }}\n{% endfor -%}"
    "{%- if add_generation_prompt -%}Assistant:{%- endif -%}"
)
_HEARD = ("system", "user")
_PLAIN_STOPS = ("\nUser:", "\nSystem:", "\nTool:", "\nAssistant:")

Chat = list[dict[str, Any]]


class TemplateRefusedError(LLMError):
    """The model's chat template refuses the conversation in every shape."""


class Prompt(NamedTuple):
    """A rendered conversation: the text, its tokens, and stop strings that its format needs."""

    text: str
    ids: list[int]
    stops: tuple[str, ...]


def render(
    tokenizer: Any,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec] = (),
    think: bool | None = None,
    variables: Mapping[str, Any] | None = None,
    encode: Callable[[str, bool], list[int]] | None = None,
) -> Prompt:
    """Write a conversation up to where the assistant speaks next, and cut it into tokens.

    Args:
        tokenizer: a transformers tokenizer.
        messages: the conversation.
        tools: tools the template may describe.
        think: passed to the template as ``enable_thinking`` when not None.
        variables: further variables of the template.
        encode: cuts a text into tokens, with or without the tokenizer's own special ones; default the tokenizer.

    Raises:
        TemplateRefusedError: if the template refuses every shape of it.
    """
    text = write(tokenizer, messages, tools, think, variables)
    if not text:
        raise TemplateRefusedError("the model's chat template refuses this conversation, or leaves parts of it out")
    plain = not getattr(tokenizer, "chat_template", None)
    ids = (encode or encoder(tokenizer))(text, plain)
    return Prompt(text, ids, _PLAIN_STOPS if plain else ())


def write(
    tokenizer: Any,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec] = (),
    think: bool | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    ask: bool = True,
) -> str:
    """Write a conversation as :func:`render` does.

    Args:
        tokenizer, messages, tools, think, variables: see :func:`render`.
        ask: end with what has the assistant speak next.

    Returns:
        The text; an empty one where the template refuses every shape.
    """
    options: dict[str, Any] = {**(variables or {}), "add_generation_prompt": ask}
    if think is not None:
        options |= {"enable_thinking": think, "thinking": think}
    if not getattr(tokenizer, "chat_template", None):
        options["chat_template"] = _PLAIN_TEMPLATE
    text = _in_some_shape(tokenizer, messages, options)
    if tools:
        told = _in_some_shape(tokenizer, messages, {**options, "tools": [tool_schema(tool) for tool in tools]})
        if told is not None and text is not None and _tells_of(tools, told, text):
            return told
        text = _in_some_shape(tokenizer, _with_tools_described(messages, tools), options)
    return text or ""


def _tells_of(tools: Sequence[ToolSpec], told: str, bare: str) -> bool:
    """Tell whether a text tells of tools that the bare text, which may use their names, does not."""
    return all(told.count(tool.name) > bare.count(tool.name) for tool in tools)


def _in_some_shape(tokenizer: Any, messages: Sequence[Message], options: Mapping[str, Any]) -> str | None:
    """Render the first shape that the template writes in full, or return None."""
    from jinja2 import TemplateError

    for shape in (_as_is, _folded, _alternating):
        chat = shape(messages)
        try:
            text: str = tokenizer.apply_chat_template(chat, tokenize=False, **options)
        except (TemplateError, TypeError):  # refusals: raise_exception(), or content of a kind it cannot handle
            continue
        if _complete(text, messages):
            return text
    return None


def _with_tools_described(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Message]:
    text = prompts.render("agent/tool_calls", tools=tools)
    if messages and messages[0].role == "system":
        first = replace(messages[0], content=f"{messages[0].content}\n\n{text}")
        return [first, *messages[1:]]
    return [Message("system", text), *messages]


def tool_schema(tool: ToolSpec) -> dict[str, Any]:
    """Return a tool in the form chat templates expect."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _complete(text: str, messages: Sequence[Message]) -> bool:
    """Whether no system message was silently left out, also not one whose words another message has, too."""
    for content in {m.content.strip() for m in messages if m.role == "system"}:
        # Some templates leave out what an assistant says beside a tool call, so that its words do not count.
        if content and text.count(content) < sum(m.content.count(content) for m in messages if m.role in _HEARD):
            return False
    return True


def _as_is(messages: Sequence[Message]) -> Chat:
    return [plain_dict(message) for message in messages]


def plain_dict(message: Message) -> dict[str, Any]:
    """Return a message in the form chat templates expect."""
    entry: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        entry["tool_calls"] = [
            {"type": "function", "id": c.id, "function": {"name": c.name, "arguments": dict(c.arguments)}}
            for c in message.tool_calls
        ]
    if message.role == "tool":
        entry |= {"name": message.name or "", "tool_call_id": message.tool_call_id or ""}
    if message.thinking:
        entry["reasoning_content"] = message.thinking
    return entry


def _folded(messages: Sequence[Message]) -> Chat:
    """Fold system messages after the first into neighbouring user messages."""
    chat: Chat = []
    waiting: list[str] = []
    for place, message in enumerate(messages):
        if message.role == "system" and place > 0:
            waiting.append(message.content)
            continue
        entry = plain_dict(message)
        if waiting and message.role == "user":
            entry["content"] = "\n\n".join([*waiting, entry["content"]])
            waiting = []
        elif waiting and message.role == "assistant":
            chat.append({"role": "user", "content": "\n\n".join(waiting)})
            waiting = []
        chat.append(entry)
    if waiting and chat and chat[-1]["role"] == "user":
        chat[-1]["content"] = "\n\n".join([chat[-1]["content"], *waiting])
    elif waiting:
        chat.append({"role": "user", "content": "\n\n".join(waiting)})
    return chat


def _alternating(messages: Sequence[Message]) -> Chat:
    """Write everything as user and assistant texts that take strict turns, the user first."""
    chat: Chat = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        text = _as_text(message)
        if chat and chat[-1]["role"] == role:
            chat[-1]["content"] = f"{chat[-1]['content']}\n\n{text}"
        else:
            chat.append({"role": role, "content": text})
    if not chat or chat[0]["role"] == "assistant":
        chat.insert(0, {"role": "user", "content": _OPENING})
    return chat


def _as_text(message: Message) -> str:
    if message.role == "tool":
        return f"Result of {message.name or 'the tool'}: {message.content}"
    calls = [_call_text(call) for call in message.tool_calls]
    return "\n".join(part for part in (message.content, *calls) if part)


def _call_text(call: ToolCall) -> str:
    body = json.dumps({"name": call.name, "arguments": dict(call.arguments)}, ensure_ascii=False)
    return f"<tool_call>{body}</tool_call>"
