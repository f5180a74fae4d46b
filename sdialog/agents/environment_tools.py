"""The tools of an environment, as an agent's tools: each call acts on the environment of its own dialog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sdialog.agents.docstrings import parse_docstring
from sdialog.agents.signatures import read_signature
from sdialog.agents.tools import Tool, ToolContext
from sdialog.core.environment import Environment, EnvironmentFactory, as_factory
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.llm.types import ToolSpec


def environment_tools(
    environment: type[Environment] | EnvironmentFactory, names: Iterable[str] | None = None
) -> tuple[Tool, ...]:
    """Return the tools of an environment.

    Args:
        environment: the class, or a factory that says what its environments start from.
        names: which tools, in this order; None for all.

    Raises:
        ConfigError: if it is no environment, or the arguments of a method cannot be described.
        UnknownNameError: if it has no tool of a name.

    Example:
        >>> class Counter(Environment):
        ...     fixture = {"n": 0}
        ...     def add(self, number: int) -> int:
        ...         "Add to the sum."
        ...         self.data["n"] += number
        ...         return self.data["n"]
        >>> [tool.name for tool in environment_tools(Counter)]
        ['add']
    """
    factory = as_factory(environment)
    methods = factory.kind.tools()
    wanted = list(methods) if names is None else list(names)
    for name in wanted:
        if name not in methods:
            raise UnknownNameError(f"tool of {factory.name}", name, methods)
    return tuple(_tool(factory, name, methods[name]) for name in wanted)


def environment_of(tools: Iterable[Tool]) -> EnvironmentFactory | None:
    """Return the environment that tools act on, or None if none of them does.

    Raises:
        ConfigError: if they act on different ones.
    """
    found: EnvironmentFactory | None = None
    for tool in tools:
        if tool.environment is not None:
            if found is not None and found != tool.environment:
                raise ConfigError(
                    f"the tools act on two environments, {found.name} and {tool.environment.name} (or on one with two "
                    "fixtures); a dialog has one, so put both stores into one class"
                )
            found = tool.environment
    return found


def _tool(factory: EnvironmentFactory, name: str, method: Callable[..., Any]) -> Tool:
    documented = parse_docstring(method.__doc__)
    signature = read_signature(
        method, name=name, descriptions=documented.arguments, hidden=ToolContext, skip_first=True
    )
    if signature.context:
        raise ConfigError(f"tool {name!r} of {factory.name} takes a ToolContext; tools of environments have self alone")

    def run(arguments: Mapping[str, Any], context: ToolContext) -> Any:
        if context.environment is None:
            raise ConfigError(f"tool {name!r} acts on {factory.name}, and there is none here")
        return context.environment.call(name, arguments)

    return Tool(ToolSpec(name, documented.summary or signature.summary, signature.schema), run, environment=factory)
