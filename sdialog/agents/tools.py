"""Tools: what an agent can call, made from functions, pydantic models and LangChain tools."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel

from sdialog.agents.docstrings import parse_docstring
from sdialog.agents.signatures import read_model, read_signature
from sdialog.core.errors import ConfigError
from sdialog.llm.types import ToolSpec

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.core.environment import Environment, EnvironmentFactory

F = TypeVar("F", bound=Callable[..., Any])

_FINAL = "__sdialog_final_response__"


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know about the dialog that calls it.

    A tool asks for it with a parameter annotated ``ToolContext``; the model never sees that parameter.

    Attributes:
        agent: name of the agent that calls.
        dialog: what was said so far, or None when the caller did not keep one.
        rng: random numbers of this call, derived from the dialog's seed.
        state: a dict of this agent's session, shared by all its tools and kept from call to call. Calls that
            stand in one message run at the same time.
        environment: what the dialog's tools act on, where there is such a thing.

    Example:
        >>> def pay(amount: float, context: ToolContext) -> str:
        ...     context.state["paid"] = context.state.get("paid", 0) + amount
        ...     return "done"
        >>> list(as_tool(pay).spec.parameters["properties"])
        ['amount']
    """

    agent: str
    dialog: Dialog | None = None
    rng: random.Random = field(default_factory=random.Random)
    state: dict[str, Any] = field(default_factory=dict)
    environment: Environment | None = None


@dataclass(frozen=True)
class Tool:
    """A callable with its description for the model.

    Attributes:
        spec: name, description and argument schema.
        run: takes the model's arguments and the context; validates, calls and returns the raw result. Returns an
            awaitable when ``is_async``.
        is_async: whether ``run`` returns an awaitable.
        final: whether a non-empty output is the agent's reply as it stands.
        environment: how the environment is made that it acts on, if it acts on one. Calls of one message to such
            tools are made one after the other, in their order.
    """

    spec: ToolSpec
    run: Callable[[Mapping[str, Any], ToolContext], Any]
    is_async: bool = False
    final: bool = False
    environment: EnvironmentFactory | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.spec.name


@overload
def final_response_tool(function: F) -> F: ...
@overload
def final_response_tool(function: None = None) -> Callable[[F], F]: ...
def final_response_tool(function: F | None = None) -> F | Callable[[F], F]:
    """Mark a tool whose output is the agent's reply, without another model call.

    The output is treated as words of the model would be: ``postprocess_fn`` is applied, and an end marker ends the
    conversation. Guards are not asked. An empty output, or a failure, goes to the model as any tool's does. Usable with
    or without parentheses.

    Example:
        >>> @final_response_tool
        ... def opening_hours() -> str:
        ...     return "We are open from nine to five."
        >>> as_tool(opening_hours).final
        True
    """

    def mark(target: F) -> F:
        setattr(target, _FINAL, True)
        return target

    return mark if function is None else mark(function)


def as_tool(thing: Any) -> Tool:
    """Make a tool of anything that can be one.

    Args:
        thing: a function (plain or ``async``) whose type hints and docstring become the schema; a function of one
            pydantic model, whose fields become the arguments; a pydantic model class with ``__call__``; a
            LangChain tool; an object with ``__call__``; or a :class:`Tool`.

    Returns:
        The tool.

    Raises:
        ConfigError: if it cannot be called with named arguments, or its arguments cannot be described.

    Example:
        >>> def weather(city: str, days: int = 1) -> str:
        ...     "Say what the weather will be."
        ...     return "sunny"
        >>> as_tool(weather).spec.parameters["required"]
        ['city']
    """
    if isinstance(thing, Tool):
        return thing
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        return _from_model_class(thing)
    if isinstance(getattr(thing, "name", None), str) and callable(getattr(thing, "invoke", None)):
        return _from_langchain(thing)
    if callable(thing):
        return _from_callable(thing)
    raise ConfigError(
        f"{thing!r:.80} is not a tool; give a function, a pydantic model class with __call__, or a LangChain tool"
    )


def as_tools(things: Any) -> tuple[Tool, ...]:
    """Make tools of one thing, a sequence of them, or None; an environment stands for all its tools.

    Raises:
        ConfigError: if one cannot be a tool, or two have the same name.
    """
    if things is None:
        return ()
    tools = tuple(tool for thing in (things if isinstance(things, Sequence) else [things]) for tool in _tools(thing))
    names = [tool.name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"two tools are called {twice[0]!r}; rename one, as the model calls tools by name")
    return tools


def _tools(thing: Any) -> tuple[Tool, ...]:
    from sdialog.core.environment import Environment, EnvironmentFactory

    if isinstance(thing, EnvironmentFactory) or (isinstance(thing, type) and issubclass(thing, Environment)):
        from sdialog.agents.environment_tools import environment_tools

        return environment_tools(thing)
    return (as_tool(thing),)


def output_text(output: Any) -> str:
    """Return a tool's result as the model reads it: a string as it is, everything else as JSON.

    Example:
        >>> output_text({"city": "Zürich"})
        '{"city": "Zürich"}'
    """
    return output if isinstance(output, str) else json.dumps(_plain(output), ensure_ascii=False, default=_plain_or_str)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, enum.Enum):
        return value.value
    return value


def _plain_or_str(value: Any) -> Any:
    plain = _plain(value)
    return str(value) if plain is value else plain


def _from_callable(function: Callable[..., Any]) -> Tool:
    name = _name_of(function)
    documented = parse_docstring(_doc_of(function))
    signature = read_signature(function, name=name, descriptions=documented.arguments, hidden=ToolContext)

    def run(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        return signature.call(function, arguments, context)

    return Tool(
        ToolSpec(name, documented.summary or signature.summary, signature.schema),
        run,
        is_async=_is_async(function),
        final=_is_final(function),
    )


def _from_model_class(form: type[BaseModel]) -> Tool:
    if not any("__call__" in vars(base) for base in form.__mro__):
        raise ConfigError(
            f"pydantic model {form.__name__} has no __call__; give it one (its fields are the tool's arguments), or "
            "write a function that takes it"
        )
    signature = read_model(form)
    execute: Any = form.__call__
    summary = parse_docstring(form.__doc__).summary or parse_docstring(execute.__doc__).summary
    wants = read_signature(execute, name=form.__name__, descriptions={}, hidden=ToolContext, skip_first=True)

    def run(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        filled: Any = signature.validated_model(arguments)
        return wants.call(filled, {}, context)

    return Tool(
        ToolSpec(form.__name__, summary, signature.schema),
        run,
        is_async=inspect.iscoroutinefunction(execute),
        final=bool(getattr(form, _FINAL, False) or getattr(execute, _FINAL, False)),
    )


def _from_langchain(tool: Any) -> Tool:
    form = getattr(tool, "args_schema", None)
    if isinstance(form, Mapping):
        schema: Mapping[str, Any] = dict(form)
    elif isinstance(form, type) and issubclass(form, BaseModel):
        schema = read_model(form).schema
    else:
        schema = {"type": "object", "properties": dict(getattr(tool, "args", None) or {})}
    is_async = getattr(tool, "coroutine", None) is not None

    def run(arguments: Mapping[str, Any], _context: ToolContext) -> Any:
        # LangChain validates the arguments itself.
        return tool.ainvoke(dict(arguments)) if is_async else tool.invoke(dict(arguments))

    return Tool(
        ToolSpec(tool.name, str(getattr(tool, "description", "") or ""), schema),
        run,
        is_async=is_async,
        final=bool(getattr(tool, "return_direct", False)),
    )


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    return function


def _name_of(function: Any) -> str:
    inner = _unwrapped(function)
    name = getattr(inner, "__name__", None) or type(inner).__name__
    if not all(letter.isalnum() or letter in "_-" for letter in name):
        raise ConfigError(f"a tool needs a name the model can call, and {name!r} is none; write it as a named function")
    return str(name)


def _doc_of(function: Any) -> str | None:
    inner = _unwrapped(function)
    texts = [inner.__doc__] if inspect.isroutine(inner) else [type(inner).__call__.__doc__, inner.__doc__]
    return next((text for text in texts if text), None)


def _is_final(function: Any) -> bool:
    inner = _unwrapped(function)
    return any(getattr(part, _FINAL, False) for part in (function, inner, type(inner).__call__))


def _is_async(function: Any) -> bool:
    inner = _unwrapped(function)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
