"""A plain function as a model."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sdialog.core.errors import ConfigError
from sdialog.core.offload import in_thread
from sdialog.llm.failures import as_llm_error, failure
from sdialog.llm.protocol import Backend, backends
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, Usage


@backends.register("callable")
class CallableModel(Backend):
    """Wraps ``function(messages) -> str``, plain or async.

    A plain function runs in a thread of its own, so a slow one does not hold up other conversations; it must therefore
    be safe to call from several threads. It gets a list of :class:`~sdialog.llm.types.Message` and nothing else:
    sampling options and seeds are not applied.

    Args:
        function: the function, or where to import it from, such as ``"mypkg.models:reply"``
            (``callable:mypkg.models:reply`` as a model name does the same).

    Raises:
        ConfigError: if it cannot be imported or called.

    Example:
        >>> from sdialog.core.sync import run
        >>> echo = CallableModel(lambda messages: f"You said: {messages[-1].content}")
        >>> (result,) = run(echo.generate([GenerateRequest((Message("user", "Hi"),))]))
        >>> result.text
        'You said: Hi'
    """

    prefix = "callable"

    def __init__(self, function: Callable[[list[Message]], Any] | str) -> None:
        found = imported(function) if isinstance(function, str) else function
        if not callable(found):
            raise ConfigError(f"{function!r} is not a function messages -> str")
        super().__init__(function if isinstance(function, str) else _name(function))
        self.function: Callable[[list[Message]], Any] = found

    @property
    def identity(self) -> str | None:
        """None: what a function answers may depend on anything."""
        return None

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Call the function once for every request, side by side."""
        return await asyncio.gather(*(self._one(request) for request in requests))

    async def _one(self, request: GenerateRequest) -> GenerateResult:
        messages = list(request.messages)
        try:
            reply = await call(self.function, messages)
            if not isinstance(reply, str):
                raise TypeError(f"the function returned {type(reply).__name__}, not str")
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything; its row carries it on
            return failure(as_llm_error(error, backend=self.name, request_key=request.key))
        read = sum(len(message.content.split()) for message in messages)
        return GenerateResult(reply, usage=Usage(1, read, len(reply.split())), model=self.name)


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a plain function in a thread of its own, or an async one here, and return what it returns."""
    target = function if inspect.isfunction(function) or inspect.ismethod(function) else type(function).__call__
    if inspect.iscoroutinefunction(target):
        return await function(*args)
    reply = await in_thread(partial(function, *args))
    return await reply if inspect.isawaitable(reply) else reply


def imported(path: str) -> Any:
    """Return the object at ``module:attribute``.

    Raises:
        ConfigError: if there is none; says which half is wrong.
    """
    module, colon, attribute = path.partition(":")
    if not colon:
        raise ConfigError(f"{path!r} must name a module and an attribute, as in 'mypkg.models:reply'")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{path!r}: module {module!r} cannot be imported: {error}") from error
    for step in attribute.split("."):
        if not hasattr(found, step):
            raise ConfigError(f"{path!r}: module {module!r} has no {attribute!r}")
        found = getattr(found, step)
    return found


def _name(function: object) -> str:
    return str(getattr(function, "__name__", None) or type(function).__name__)
