"""Inspectors of one thing each, under the published names of hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sdialog.interpretability.inspector import Inspector
from sdialog.interpretability.responses import Responses
from sdialog.interpretability.steering import Interval


class _AttachedHook:
    """An inspector that is attached to an agent when it is made, and taken off by :meth:`remove`."""

    def __init__(self, agent: Any, inspector: Inspector) -> None:
        self.agent, self.inspector = agent, inspector
        agent.add_inspectors(inspector)
        inspector.add_agent(agent)

    def remove(self) -> None:
        """Take it off the agent; what was recorded stays."""
        self.agent.inspectors = tuple(one for one in self.agent.inspectors if one is not self.inspector)

    def reset(self) -> None:
        """Forget what was recorded."""
        self.inspector.clear()

    @property
    def responses(self) -> Responses:
        """Replies of the dialog that began last, with what was recorded of each token."""
        return Responses([calls[-1] for calls in self.inspector._last()], prompt=False, agent=self.agent)

    def __len__(self) -> int:
        return len(self.inspector)


class ResponseHook(_AttachedHook):
    """Records an agent's replies token by token.

    Args:
        agent: the agent; it is changed.
        inspector: kept for scripts made for the published package.

    Example:
        >>> from sdialog import Agent
        >>> agent = Agent(name="Ava", model="embedded:mini", max_tokens=3, temperature=0)
        >>> hook = ResponseHook(agent)
        >>> reply = agent("Hello!")
        >>> len(hook), hook.responses[0].tokens[0]
        (1, 'Hi')
    """

    def __init__(self, agent: Any, inspector: Any = None) -> None:
        super().__init__(agent, Inspector(None, top_k=1))


class ActivationHook(_AttachedHook):
    """Records, and may steer, activations of an agent's model.

    Args:
        cache_key: what the target is called.
        layer_key: site, or path of a module.
        agent: the agent; it is changed.
        response_hook: kept for scripts made for the published package; not needed.
        steering_function, steering_interval: see :class:`~sdialog.interpretability.inspector.Inspector`.
        inspector: kept for scripts made for the published package.
        inspect_input: for paths of modules: what goes in, not what comes out.
    """

    def __init__(
        self,
        cache_key: Any,
        layer_key: str,
        agent: Any,
        response_hook: Any = None,
        steering_function: Callable[[Any], Any] | list[Callable[[Any], Any]] | None = None,
        steering_interval: Interval = ("*", "*"),
        inspector: Any = None,
        *,
        inspect_input: bool = False,
    ) -> None:
        self.cache_key, self.layer_key = cache_key, layer_key
        own = Inspector(
            {cache_key: layer_key},
            steering_function=steering_function,
            steering_interval=steering_interval,
            inspect_input=inspect_input,
        )
        super().__init__(agent, own)


class LogitsHook(_AttachedHook):
    """Records the logits that an agent's tokens were chosen from; ``hook.responses[-1][0].top_k`` shows them.

    Args:
        cache_key: what the target is called.
        layer_key: kept for scripts made for the published package: logits are taken from the model's output.
        agent: the agent; it is changed.
        response_hook, inspector: kept for scripts made for the published package; not needed.
        top_k: how many of the likeliest tokens; -1 all.
    """

    def __init__(
        self,
        cache_key: Any,
        layer_key: str,
        agent: Any,
        response_hook: Any = None,
        inspector: Any = None,
        *,
        top_k: int = -1,
    ) -> None:
        self.cache_key, self.layer_key = cache_key, layer_key
        super().__init__(agent, Inspector(None, top_k=top_k))
