"""Any object with ``.invoke(messages)``, such as a LangChain chat model, as a model."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.backends.callable import call, imported
from sdialog.core.errors import ConfigError
from sdialog.llm.failures import as_llm_error, failure
from sdialog.llm.protocol import Backend, backends
from sdialog.llm.types import FinishReason, GenerateRequest, GenerateResult, Message, ToolCall, Usage

_FINISH: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
}


@backends.register("langchain")
class LangChainModel(Backend):
    """Wraps an object whose ``.invoke(messages)`` returns a reply with ``.content`` (or a plain string).

    ``.ainvoke`` is preferred where the object has it; a plain ``.invoke`` runs in a thread. An object of LangChain
    gets LangChain's own message classes, any other one our :class:`~sdialog.llm.types.Message`. Tools go through
    ``.bind_tools`` and schemas through ``.with_structured_output``, where the object has them. Sampling options and
    seeds are settled when the object is made, so those of a request are not applied.

    Args:
        chat: the object, or where to import it from, such as ``"mypkg.models:chat"``
            (``langchain:mypkg.models:chat`` as a model name does the same).

    Raises:
        ConfigError: if it cannot be imported or has no ``.invoke``.

    Example:
        >>> from types import SimpleNamespace
        >>> from sdialog.core.sync import run
        >>> class Chat:
        ...     def invoke(self, messages):
        ...         return SimpleNamespace(content="Fine, thanks.")
        >>> (result,) = run(LangChainModel(Chat()).generate([GenerateRequest((Message("user", "How are you?"),))]))
        >>> result.text
        'Fine, thanks.'
    """

    prefix = "langchain"

    def __init__(self, chat: Any) -> None:
        self.chat = imported(chat) if isinstance(chat, str) else chat
        if not callable(getattr(self.chat, "invoke", None)):
            raise ConfigError(f"{type(self.chat).__name__} has no .invoke(messages), so it cannot be a model")
        super().__init__(chat if isinstance(chat, str) else _name(self.chat))
        offered = {"tools": "bind_tools", "schema": "with_structured_output"}
        self.features = frozenset(f for f, method in offered.items() if _overridden(self.chat, method))

    @property
    def identity(self) -> str | None:
        """None: the object's own options, unknown here, decide what it answers."""
        return None

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Invoke the object once for every request, side by side."""
        return await asyncio.gather(*(self._one(request) for request in requests))

    async def _one(self, request: GenerateRequest) -> GenerateResult:
        try:
            chat = self._bound(request)
            messages = _langchain_messages(request.messages) if _of_langchain(self.chat) else list(request.messages)
            if _overridden(chat, "ainvoke"):
                reply = await chat.ainvoke(messages)
            else:
                reply = await call(chat.invoke, messages)
            return self._result(reply, request)
        except Exception as error:  # noqa: BLE001 - the object may raise anything; its row carries it on
            return failure(as_llm_error(error, backend=self.name, request_key=request.key))

    def _bound(self, request: GenerateRequest) -> Any:
        if request.schema:
            # include_raw keeps the reply itself, and with it the usage, beside what was parsed from it.
            schema = {"title": "Reply", "description": "The reply.", **request.schema}
            keep_raw = {"include_raw": True} if _of_langchain(self.chat) else {}
            return self.chat.with_structured_output(schema, **keep_raw)
        if request.tools:
            return self.chat.bind_tools([_tool(t.name, t.description, t.parameters) for t in request.tools])
        return self.chat

    def _result(self, reply: Any, request: GenerateRequest) -> GenerateResult:
        text: str | None = None
        if request.schema and isinstance(reply, Mapping):
            raw = reply.get("raw") if "raw" in reply and "parsed" in reply else None
            parsed = reply if raw is None else reply["parsed"]
            text = None if parsed is None else json.dumps(_plain(parsed), ensure_ascii=False)
            reply = raw
        elif request.schema and not hasattr(reply, "content"):
            text = json.dumps(_plain(reply), ensure_ascii=False)
        spoken, thinking = flatten(reply if isinstance(reply, str) else getattr(reply, "content", ""))
        text = spoken if text is None else text
        calls = () if request.schema else tuple(_tool_calls(reply))
        metadata = getattr(reply, "response_metadata", None) or {}
        told = str(metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason") or "")
        extra = getattr(reply, "additional_kwargs", None) or {}
        return GenerateResult(
            text=text,
            thinking=thinking or extra.get("reasoning_content") or None,
            tool_calls=calls,
            finish_reason="tool_calls" if calls else _FINISH.get(told.lower(), "stop"),
            usage=_usage(reply, request, text),
            model=str(metadata.get("model_name") or metadata.get("model") or self.name),
        )


def flatten(content: Any) -> tuple[str, str]:
    """Return the text and the thinking of a reply's content: a string, or a list of strings and typed blocks.

    Example:
        >>> flatten([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hello "}, "there"])
        ('Hello there', 'Hm.')
    """
    if content is None or isinstance(content, str):
        return content or "", ""
    texts, thoughts = [], []
    for block in [content] if isinstance(content, Mapping) else list(content):
        if isinstance(block, str):
            texts.append(block)
            continue
        fields = block if isinstance(block, Mapping) else vars(block)
        if fields.get("type") in ("thinking", "reasoning"):
            thoughts.append(str(fields.get("thinking") or fields.get("reasoning") or fields.get("text") or ""))
        else:
            texts.append(str(fields.get("text") or ""))
    return "".join(texts), "".join(thoughts)


def _langchain_messages(messages: Sequence[Message]) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    made: list[Any] = []
    for message in messages:
        match message.role:
            case "system":
                made.append(SystemMessage(message.content))
            case "user":
                made.append(HumanMessage(message.content))
            case "tool":
                made.append(ToolMessage(message.content, tool_call_id=message.tool_call_id or "", name=message.name))
            case "assistant":
                calls = [{"id": c.id, "name": c.name, "args": dict(c.arguments)} for c in message.tool_calls]
                made.append(AIMessage(message.content, tool_calls=calls))
    return made


def _of_langchain(chat: Any) -> bool:
    # An object can only be one of LangChain's if its module is loaded already; nothing is imported to find out.
    module = sys.modules.get("langchain_core.runnables")
    return module is not None and isinstance(chat, module.Runnable)


def _overridden(chat: Any, method: str) -> bool:
    """Whether an object really offers a method; LangChain's base classes carry some that only raise or delegate."""
    found = getattr(type(chat), method, None) or getattr(chat, method, None)
    module = str(getattr(found, "__module__", ""))
    refuses = module == "langchain_core.language_models.chat_models" and method == "bind_tools"
    return callable(found) and not refuses


def _tool(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": dict(parameters)},
    }


def _tool_calls(reply: Any) -> list[ToolCall]:
    good, bad = getattr(reply, "tool_calls", None) or (), getattr(reply, "invalid_tool_calls", None) or ()
    calls = [(c, None) for c in good] + [(c, str(c.get("error") or f"not JSON: {c.get('args')!r}")) for c in bad]
    return [
        ToolCall(str(c.get("id") or f"call_{k}"), str(c["name"]), {} if error else dict(c.get("args") or {}), error)
        for k, (c, error) in enumerate(calls)
    ]


def _usage(reply: Any, request: GenerateRequest, text: str) -> Usage:
    told = getattr(reply, "usage_metadata", None)
    if isinstance(told, Mapping) and "input_tokens" in told:
        return Usage(1, int(told["input_tokens"]), int(told.get("output_tokens") or 0))
    # Objects that count no tokens are counted in words, so that a budget still bounds them.
    return Usage(1, sum(len(message.content.split()) for message in request.messages), len(text.split()))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _name(chat: Any) -> str:
    told = getattr(chat, "model_name", None) or getattr(chat, "model", None)
    kind = type(chat).__name__
    return f"{kind}({told})" if isinstance(told, str) and told else kind
