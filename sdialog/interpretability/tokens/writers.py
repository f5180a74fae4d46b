"""Writing a conversation in a tokenizer's own chat format, again and changed, to see what the template does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sdialog.core.errors import SDialogError
from sdialog.llm.types import Message, ToolSpec

_THINKING: tuple[dict[str, bool], ...] = (
    {},
    {"enable_thinking": True, "thinking": True},
    {"enable_thinking": False, "thinking": False},
)


class Writer(Protocol):
    """Writes conversations as the prompt was written."""

    def __call__(self, messages: Sequence[Message], tools: Sequence[ToolSpec], ask: bool, /) -> str:
        """Return the text of a conversation.

        Args:
            messages: the conversation.
            tools: tools that are described in it.
            ask: end with what has the assistant speak next.
        """


class TemplateWriter:
    """Writes with the chat template of a tokenizer, every message as it is.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        variables: further variables of the template.
    """

    def __init__(self, tokenizer: Any, variables: Mapping[str, Any] | None = None) -> None:
        self.tokenizer, self.variables = tokenizer, dict(variables or {})

    def __call__(self, messages: Sequence[Message], tools: Sequence[ToolSpec], ask: bool, /) -> str:
        """Return the text of a conversation; raises what the template raises."""
        from sdialog.backends._hf_chat import plain_dict, tool_schema

        offered = {"tools": [tool_schema(tool) for tool in tools]} if tools else {}
        text: str = self.tokenizer.apply_chat_template(
            [plain_dict(message) for message in messages],
            add_generation_prompt=ask,
            tokenize=False,
            **self.variables,
            **offered,
        )
        return text


def own_writer(tokenizer: Any, messages: Sequence[Message], tools: Sequence[ToolSpec], text: str) -> Writer | None:
    """Return what writes the conversation with the tokenizer's template as the text has it, or None.

    Tried are the usual ways: thinking left alone, on and off.
    """
    if not getattr(tokenizer, "chat_template", None):
        return None
    for variables in _THINKING:
        writer = TemplateWriter(tokenizer, variables)
        if reproduces(writer, messages, tools, text) is not None:
            return writer
    return None


def reproduces(write: Writer, messages: Sequence[Message], tools: Sequence[ToolSpec], text: str) -> bool | None:
    """Return with which value of ``ask`` the text is written; None if with neither."""
    return next((ask for ask in (True, False) if attempt(write, messages, tools, ask) == text), None)


def attempt(write: Writer, messages: Sequence[Message], tools: Sequence[ToolSpec], ask: bool) -> str | None:
    """Return what is written, or None where the template refuses."""
    from jinja2 import TemplateError

    try:
        return write(messages, tools, ask)
    except (TemplateError, TypeError, SDialogError):  # refusals: raise_exception(), or content it cannot handle
        return None
