"""What steerers and hooks extend, under the published name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from sdialog.interpretability.inspector import Inspector


class BaseSteerer(ABC):
    """Something that steers an inspector's targets: ``steerer + inspector`` and ``steerer - inspector``.

    Attributes:
        strength: how strongly; ``steerer * 2`` is the same with twice the strength.
    """

    strength: float = 1.0

    @abstractmethod
    def __add__(self, inspector: Inspector) -> Inspector:
        """Add to the targets' activations."""

    @abstractmethod
    def __sub__(self, inspector: Inspector) -> Inspector:
        """Take out of the targets' activations."""


class BaseHook:
    """A function of your own on a module of an agent's model, for as long as you like.

    It is called for every forward call of the model, whoever makes it: other agents with the same model, other rows of
    a batch, other threads. An :class:`~sdialog.interpretability.inspector.Inspector` sees its own agent alone; prefer
    that. The hook works as a context manager, too.

    Args:
        layer_key: path of the module, as ``named_modules()`` has it, or a site such as ``layers.2.resid_post``.
        hook_fn: called as torch calls forward hooks, ``hook_fn(module, args, output)``, or for the input as
            ``hook_fn(module, args)``; what it returns, unless None, takes the place of output or input.
        agent: whose model, or the model itself.

    Raises:
        UserError: if the model cannot be looked into or has no such module.

    Example:
        >>> from sdialog import Agent
        >>> seen = []
        >>> agent = Agent(name="Ava", model="embedded:mini", max_tokens=3)
        >>> with BaseHook("model.layers.1", lambda module, args, output: seen.append(1), agent).register():
        ...     reply = agent("Hello.")
        >>> len(seen) >= 3
        True
    """

    def __init__(self, layer_key: str, hook_fn: Callable[..., Any], agent: Any) -> None:
        self.layer_key, self.hook_fn, self.agent = layer_key, hook_fn, agent
        self.handle: Any = None

    def register(self, model: Any = None, is_pre_hook: bool = False) -> Self:
        """Put the hook on the module.

        Args:
            model: the model; default the agent's.
            is_pre_hook: call it with the input before the module runs, not with the output after it.
        """
        from sdialog.interpretability.anatomy.places import resolve
        from sdialog.interpretability.networks import network_of

        self.remove()
        network = network_of(self.agent if model is None else model)
        module = resolve(self.layer_key, network).module
        place = module.register_forward_pre_hook if is_pre_hook else module.register_forward_hook
        self.handle = network.call(lambda: place(self.hook_fn))
        return self

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is not there."""
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    def __enter__(self) -> Self:
        return self if self.handle is not None else self.register()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()
