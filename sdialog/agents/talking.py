"""The speaking side of an agent: sessions, replies, memory."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from sdialog.agents import memory as memories
from sdialog.agents.describe import system_prompt
from sdialog.agents.session import Session
from sdialog.core import sync
from sdialog.core.errors import UnsupportedFeatureError
from sdialog.core.seeds import fresh_seed
from sdialog.llm.types import Message, Usage

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent
    from sdialog.core.dialog import Dialog, Event
    from sdialog.core.environment import Environment
    from sdialog.llm.scheduler import Scheduler


class Talking:
    """What :class:`~sdialog.agents.Agent` can do once it is described."""

    _default: Session | None
    _shown: Session | None
    _scheduler: Scheduler | None

    def session(
        self,
        seed: int | None = None,
        *,
        name: str | None = None,
        context: Any = None,
        example_dialogs: Sequence[Dialog] | None = None,
        scheduler: Scheduler | None = None,
        clock: Callable[[], int] | None = None,
        key: str = "",
        environment: Environment | None = None,
    ) -> Session:
        """Return a new conversation of this agent.

        Args:
            seed: seed of everything random in it; None draws one.
            name: what the agent is called in it; default its own name.
            context: stands in for the agent's context, in this conversation only.
            example_dialogs: stand in for the agent's examples, in this conversation only.
            scheduler: shares models with other conversations; default the agent's own.
            clock: stamps events; default the time of day in Unix seconds.
            key: names the conversation in requests, errors and usage, such as ``dialog/7``.
            environment: what its tools act on; default a new one, if they act on any.
        """
        prompt = system_prompt(self._agent, context, example_dialogs)
        return Session(
            self._agent,
            fresh_seed() if seed is None else seed,
            name=name or self._agent.get_name(),
            memory=[Message("system", prompt)] if prompt else [],
            scheduler=scheduler or self._own_scheduler(),
            clock=clock,
            key=key,
            environment=environment,
        )

    @overload
    def __call__(
        self,
        utterance: str | Sequence[Any] | None = "",
        return_events: Literal[False] = False,
        current_dialog: Dialog | None = None,
        return_tool_errors: bool = False,
    ) -> str | None: ...
    @overload
    def __call__(
        self,
        utterance: str | Sequence[Any] | None,
        return_events: Literal[True],
        current_dialog: Dialog | None = None,
        return_tool_errors: bool = False,
    ) -> list[Event] | None: ...
    def __call__(
        self,
        utterance: str | Sequence[Any] | None = "",
        return_events: bool = False,
        current_dialog: Dialog | None = None,
        return_tool_errors: bool = False,
    ) -> str | list[Event] | None:
        """Reply to an utterance in the default session, or to a list of messages on its own.

        Args:
            utterance: what was said; empty lets the agent speak first. A list of messages (dicts with ``role`` and
                ``content``, LangChain messages or ``Message``) is answered without any memory, and not changed.
            return_events: return the events instead of the text.
            current_dialog: the dialog so far, for orchestrators; default what the memory holds.
            return_tool_errors: let the model see tracebacks of failed tools.

        Returns:
            The text (``""`` if the model says nothing) or the events; None if the agent has ended the conversation.

        Raises:
            LLMError: if the model fails.
        """
        from sdialog.core.dialog import Turn

        if utterance is None or isinstance(utterance, str):
            self._shown = session = self._default_session()
            if session.finished:
                return None
            heard = [Turn(text=utterance)] if utterance else []
        else:
            self._shown = session = self._stateless_session(utterance)
            heard = []
        reply = sync.run(session.respond(heard, dialog=current_dialog, return_tool_errors=return_tool_errors))
        return list(reply.events) if return_events else reply.text

    def response_lookahead(self, message: str | None = None) -> str:
        """Return what the agent would say to ``message``, or now; its memory stays as it is, and no tool is called.

        Raises:
            LLMError: if the model fails.
        """
        return sync.run(self._default_session().lookahead(message))

    def instruct(self, instruction: str, persist: bool = False) -> None:
        """Instruct the default session: for its next reply only, or from now on."""
        self._default_session().instruct(instruction, persist)

    def reset(self, seed: int | None = None, context: Any = None, example_dialogs: Any = None) -> None:
        """Begin the default session anew, with another seed, context and examples if given."""
        self._default = self._shown = self.session(
            self._seed() if seed is None else seed, context=context, example_dialogs=example_dialogs
        )

    def dialog_with(
        self,
        agent: Agent,
        context: Any = None,
        example_dialogs: Any = None,
        scenario: Any = None,
        max_turns: int = 100,
        id: int | str | None = None,
        parent_id: int | str | None = None,
        seed: int | None = None,
        notes: Any = None,
        keep_bar: bool = True,
    ) -> Dialog:
        """Talk to another agent, speaking first, and return the dialog; both speak through sessions of their own.

        Args:
            agent: whom to talk to.
            context: where and why they talk, in this dialog only; default each agent's own.
            example_dialogs: examples for both.
            scenario, id, parent_id, notes: recorded in the dialog.
            max_turns: exactly this many turns at most.
            seed: seed of everything random; None draws one, recorded in the dialog.
            keep_bar: show how far it is, where a person is watching.

        Raises:
            SimulationError: if something fails on the way; ``partial`` holds the dialog up to there.
        """
        from sdialog.simulation.conversation import converse

        return sync.run(
            converse(
                [self._agent, agent],
                max_turns=max_turns,
                seed=seed,
                context=context,
                example_dialogs=example_dialogs,
                scenario=scenario,
                id=id,
                parent_id=parent_id,
                notes=notes,
                progress=keep_bar,
            )
        )

    talk_with = dialog_with

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 1333,
        stateless: bool = True,
        debug: bool = False,
        log_level: str = "info",
    ) -> None:
        """Serve this agent over HTTP until stopped.

        Raises:
            UnsupportedFeatureError: if this version of sdialog has no server.
        """
        try:
            server = importlib.import_module("sdialog.server")
        except ModuleNotFoundError as error:
            if error.name != "sdialog.server":
                raise
            raise UnsupportedFeatureError("this version of sdialog has no server to serve an agent with") from error
        server.Server.serve(self, host=host, port=port, stateless=stateless, debug=debug, log_level=log_level)

    @property
    def memory(self) -> list[Message]:
        """The messages of the default session, or of the last stateless call if that came later."""
        return (self._shown or self._default_session()).memory

    def memory_dump(self, as_dict: bool = False) -> list[Any]:
        """Return a copy of the memory: its messages, or LangChain's dicts ``{"type": ..., "data": {...}}``."""
        return memories.dump(self.memory) if as_dict else list(self.memory)

    @property
    def usage(self) -> Usage:
        """What calling the agent itself has cost so far, in all its sessions; simulations are counted apart."""
        clients = self._scheduler.clients if self._scheduler is not None else ()
        return sum((client.usage for client in clients), Usage())

    def prompt(self) -> str:
        """Return the system prompt of the default session, ``""`` if there is none."""
        first = next(iter(self._default_session().memory), None)
        return first.content if first is not None and first.role == "system" and first.persist is None else ""

    def _forget(self) -> None:
        """Begin without any session."""
        self._default = self._shown = self._scheduler = None

    @property
    def _agent(self) -> Agent:
        return cast("Agent", self)

    def _default_session(self) -> Session:
        if self._default is None:
            self.reset()
        return cast(Session, self._default)

    def _stateless_session(self, messages: Sequence[Any]) -> Session:
        session = self.session(self._seed())
        for message in memories.read_messages(messages):
            heard = message.role == "user"
            text = self._agent.preprocessed(message.content) if heard else message.content
            session.memory.append(dataclasses.replace(message, content=text))
        return session

    def _seed(self) -> int:
        given = self._agent.config.seed
        return fresh_seed() if given is None else given

    def _own_scheduler(self) -> Scheduler:
        from sdialog.llm.wrapping import PatientScheduler

        if self._scheduler is None:
            self._scheduler = PatientScheduler()
        return self._scheduler
