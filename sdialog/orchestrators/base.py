"""What every orchestrator is: someone at an agent's side who tells it, turn by turn, what to do next."""

from __future__ import annotations

import copy
import inspect
import json
import random
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from sdialog.core.errors import ConfigError
from sdialog.core.offload import in_thread
from sdialog.core.registry import ClassRegistry
from sdialog.core.seeds import fresh_seed

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Instruction


class Performer(Protocol):
    """The running side of an agent, as its orchestrators see it."""

    name: str
    agent: Any

    async def lookahead(self, message: str | None = None) -> str:
        """Return what the agent would say now, without changing anything."""
        ...

    def lookahead_from_thread(self) -> str:
        """Return the same from a thread beside the event loop."""
        ...


orchestrators: ClassRegistry[type[BaseOrchestrator]] = ClassRegistry("orchestrator", "sdialog.orchestrators")
"""Orchestrators by name: the files of this folder and installed plug-ins."""


class BaseOrchestrator(ABC):
    """Base of all orchestrators.

    A subclass implements :meth:`instruct`, and :meth:`ainstruct` besides if it has to await something in a
    conversation. It need not call ``super().__init__()``. What it counts belongs in attributes that :meth:`reset` sets
    back: every conversation works with a copy of its own, reset at the start, with random numbers of its own in
    ``self.rng``. The object that was attached does not see what its copies count.

    Args:
        target_agent: whom it instructs; set when it is attached to an agent.
        persistent: True keeps its instructions in the agent's memory for the rest of the conversation, False takes
            each back after the next reply, None leaves it to the class.
        event_label: what its events are labelled with; default the class name.

    Example:
        >>> class Polite(BaseOrchestrator):
        ...     def instruct(self, dialog, utterance):
        ...         return "Say you are welcome." if "thank" in utterance.lower() else None
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> Polite()(Dialog(turns=[Turn(speaker="Ann", text="Thank you!")]))
        'Say you are welcome.'
    """

    blocking: ClassVar[bool] = True
    """Whether :meth:`instruct` may take a while or call a model: conversations then run it in a thread. An
    orchestrator that only computes saves that with ``blocking = False``."""

    _persistent_by_default: ClassVar[bool] = False
    _target_agent: Any = None
    _persistent: bool | None = None
    _event_label: str | None = None
    _performer: Performer | None = None
    _rng: random.Random | None = None

    def __init__(
        self, target_agent: Any = None, persistent: bool | None = None, event_label: str | None = None
    ) -> None:
        self._target_agent, self._persistent, self._event_label = target_agent, persistent, event_label

    @abstractmethod
    def instruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction for the agent's next reply, if any.

        Args:
            dialog: the conversation so far; empty before the first turn.
            utterance: what was said last, or ``""`` if that was the agent itself or nobody.

        Returns:
            Text, an ``Instruction`` with further events to log, or None.
        """

    async def ainstruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Do the work of :meth:`instruct` in a running conversation; override it to await something."""
        return self.instruct(dialog, utterance)

    def __call__(self, dialog: Dialog | None = None) -> str | Instruction | None:
        """Return the instruction for a dialog; None and an empty dialog are the same."""
        from sdialog.core.dialog import Dialog

        seen = Dialog() if dialog is None else dialog
        return self.instruct(seen, self.utterance_for_target(seen))

    def reset(self) -> None:  # noqa: B027 - a hook: most have nothing to forget
        """Forget the last conversation; called at the start of each."""

    def utterance_for_target(self, dialog: Dialog) -> str:
        """Return what another party said last, or ``""``."""
        last = dialog.turns[-1] if dialog.turns else None
        return "" if last is None or last.speaker == self.target_name else last.text

    @property
    def target_name(self) -> str | None:
        """What the target is called in the dialog, or None without a target."""
        if self._performer is not None:
            return self._performer.name
        agent = self._target_agent
        return agent.get_name() if hasattr(agent, "get_name") else getattr(agent, "name", None)

    @property
    def agent(self) -> Any:
        """The agent it instructs, or None."""
        return self._target_agent

    @agent.setter
    def agent(self, agent: Any) -> None:
        self._target_agent = agent

    @property
    def rng(self) -> random.Random:
        """Random numbers of its own: of the conversation's seed in a conversation, else of a seed nobody knows."""
        if self._rng is None:
            self._rng = random.Random(fresh_seed())
        return self._rng

    @rng.setter
    def rng(self, rng: random.Random) -> None:
        self._rng = rng

    def get_target_agent(self) -> Any:
        """Return the agent it instructs, or None."""
        return self._target_agent

    def get_event_label(self) -> str:
        """Return what its events are labelled with."""
        return self._event_label or type(self).__name__

    def is_persistent(self) -> bool:
        """Tell whether its instructions stay in the agent's memory."""
        return self._persistent_by_default if self._persistent is None else self._persistent

    def set_persistent(self, value: bool) -> None:
        """Set whether its instructions stay in the agent's memory."""
        self._persistent = bool(value)

    def agent_response_lookahead(self) -> str:
        """Return what the agent would say now, without instructions and without a trace in its memory.

        In a conversation this may be called from :meth:`instruct` of a ``blocking`` orchestrator; an ``ainstruct``
        awaits :meth:`response_lookahead` instead.

        Raises:
            ConfigError: if it is attached to no agent.
        """
        if self._performer is not None:
            return self._performer.lookahead_from_thread()
        return str(self._require_target().response_lookahead())

    async def response_lookahead(self) -> str:
        """Return what the agent would say now; the awaitable twin of :meth:`agent_response_lookahead`."""
        if self._performer is not None:
            return await self._performer.lookahead()
        return await in_thread(self.agent_response_lookahead)

    def runs_in_thread(self) -> bool:
        """Tell whether a conversation should run :meth:`instruct` in a thread.

        What counts is the class that wrote the method in use: a subclass of a quick orchestrator need not be quick.
        """
        for kind in type(self).__mro__:
            if "ainstruct" in vars(kind) and kind is not BaseOrchestrator:
                return False
            if "instruct" in vars(kind):
                return bool(vars(kind).get("blocking", BaseOrchestrator.blocking))
        return True

    def copy_for(self, performer: Performer, rng: random.Random) -> Self:
        """Return a fresh copy for one conversation.

        Lists, dicts, sets and deques among the attributes are copied too, and those within them, so no two
        conversations write to the same one. All other objects are shared.
        """
        twin = copy.copy(self)
        vars(twin).update({name: _own(value) for name, value in vars(self).items()})
        twin._performer, twin._target_agent, twin._rng = performer, performer.agent, rng
        twin.reset()
        return twin

    def json(self, string: bool = False, indent: int | None = None) -> dict[str, Any] | str:
        """Return class name and constructor arguments, as a dict or as JSON text."""
        names = [name for name in inspect.signature(type(self).__init__).parameters if name in vars(self)]
        args = {name: _plain(value) for name in names if (value := vars(self)[name]) is not None}
        data = {"name": type(self).__name__, "args": args}
        return json.dumps(data, indent=indent, ensure_ascii=False) if string else data

    def __str__(self) -> str:
        data = self.json()
        assert isinstance(data, dict), "json() gives a dict unless asked for text"
        return f"{data['name']}({' '.join(f'{name}={value}' for name, value in data['args'].items())})"

    def _require_target(self) -> Any:
        if self._target_agent is None:
            raise ConfigError(f"{type(self).__name__} is attached to no agent; attach it with agent | orchestrator")
        return self._target_agent


class BasePersistentOrchestrator(BaseOrchestrator):
    """Base of orchestrators whose instructions stay, unless their constructor or ``set_persistent`` says otherwise.

    Example:
        >>> class Guide(BasePersistentOrchestrator):
        ...     def __init__(self):
        ...         super().__init__()
        ...     def instruct(self, dialog, utterance):
        ...         return "Stay calm."
        >>> Guide().is_persistent()
        True
    """

    _persistent_by_default = True


def _own(value: Any) -> Any:
    """Copy a container with the containers in it; everything else may be large, a model say, and stays what it is."""
    if not isinstance(value, (list, dict, set, deque)):
        return value
    twin = copy.copy(value)
    if not isinstance(twin, set):  # what a set holds cannot change
        for at in twin if isinstance(twin, dict) else range(len(twin)):
            twin[at] = _own(twin[at])
    return twin


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; of a callable its name, as an address would differ from run to run."""
    if callable(value):
        return getattr(value, "__qualname__", None) or type(value).__qualname__
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return str(value)
