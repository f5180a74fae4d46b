"""The environment of one dialog: made for it, shared by its parties, and recorded when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sdialog.core.dialog import Event
from sdialog.core.differences import differences
from sdialog.core.environment import STATE_EVENT, data_hash
from sdialog.core.errors import ConfigError

if TYPE_CHECKING:
    from sdialog.agents import Agent

_PATIENCE = 0.5
"""Seconds that the end of a dialog waits for a tool call that was given up and is still being made."""


class DialogEnvironment:
    """What the tools of one dialog act on, if they act on anything.

    Args:
        agents: the parties; those whose tools act on an environment share the dialog's one.

    Attributes:
        instance: the environment, or None.

    Raises:
        ConfigError: if two agents' tools act on different environments, or it cannot be made.
    """

    def __init__(self, agents: Iterable[Agent]) -> None:
        factories: list[Any] = []
        for agent in agents:
            factory = agent.environment
            if factory is not None and factory not in factories:
                factories.append(factory)
        if len(factories) > 1:
            names = " and ".join(factory.name for factory in factories)
            raise ConfigError(
                f"the agents' tools act on two environments, {names} (or on one with two fixtures); a dialog has one, "
                "so put both stores into one class"
            )
        self.instance = factories[0]() if factories else None
        self._name = factories[0].name if factories else ""
        self._before = None if self.instance is None else self.instance.snapshot()

    def close(self, clock: Callable[[], int]) -> list[Event]:
        """Return the event that records how the state has ended, in a list; an empty one without an environment.

        Its content has the environment's name, the hashes of the first and of the last state, and what has changed in
        between, which is all that is needed to build the last state from the fixture.
        """
        environment, self.instance = self.instance, None
        if environment is None:
            return []
        try:
            after = environment.snapshot(_PATIENCE)
        except (ConfigError, TimeoutError) as error:  # what was said is kept; that there is no state is recorded
            content: dict[str, Any] = {"name": self._name, "error": str(error)}
        else:
            environment.close()
            content = {
                "name": self._name,
                "before": data_hash(self._before),
                "after": data_hash(after),
                "changes": [change.json() for change in differences(self._before, after)],
            }
        action, label = STATE_EVENT
        return [Event(action=action, actionLabel=label, content=content, timestamp=clock())]
