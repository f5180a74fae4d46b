"""One agent in one conversation: what it remembers, and how it makes its next reply."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.agents.drafting import Draft, Drafting
from sdialog.agents.inspection import ModelCall, OwnInspectors
from sdialog.agents.memory import as_dialog, has_speech, insert_instruction, instruction_message, without_one_time
from sdialog.agents.reply import EventLog, Guard, Reply
from sdialog.agents.stopping import split_stop
from sdialog.agents.tools import ToolContext
from sdialog.core.errors import ConfigError
from sdialog.core.offload import in_thread
from sdialog.core.seeds import derive_seed, rng
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, ToolSpec, Usage

if TYPE_CHECKING:
    from sdialog.agents.agent import Agent
    from sdialog.core.dialog import Dialog, Instruction, Turn
    from sdialog.core.environment import Environment
    from sdialog.llm.scheduler import Scheduler
    from sdialog.orchestrators.base import BaseOrchestrator

_numbers = itertools.count(1)


class Session:
    """An agent in one conversation. Made by :meth:`Agent.session`, used for one dialog and thrown away.

    Sessions share nothing they write to: each has its own memory, copies of the orchestrators, and seeds. A session
    makes one reply at a time.

    Attributes:
        agent: whom it belongs to.
        name: what the agent is called in this conversation.
        seed: seed of everything random in it.
        memory: the messages the model sees; the system prompt, if any, is the first.
        orchestrators: this session's copies.
        state: what tools keep from call to call (see :class:`~sdialog.agents.tools.ToolContext`).
        environment: what its tools act on, if they act on something (see :mod:`sdialog.core.environment`).
        turn: how many replies it has made.
        finished: whether the agent has ended the conversation.
        usage: what its model calls cost so far.
        lost_events: after a failed turn, the events up to the failure.
    """

    def __init__(
        self,
        agent: Agent,
        seed: int,
        *,
        name: str,
        memory: Iterable[Message],
        scheduler: Scheduler,
        clock: Callable[[], int] | None = None,
        key: str = "",
        environment: Environment | None = None,
    ) -> None:
        self.agent, self.seed, self.name = agent, seed, name
        self.memory: list[Message] = list(memory)
        self.state: dict[str, Any] = {}
        if environment is None and agent.environment is not None:
            environment = agent.environment()
        self.environment = environment
        self.finished = False
        self.usage = Usage()
        self.lost_events: tuple[Any, ...] = ()
        self.orchestrators: list[BaseOrchestrator] = []
        self._inspectors = OwnInspectors(agent)
        self._scheduler, self._client = scheduler, scheduler.client(agent.model)
        self._clock = clock or _wall_clock
        self._key = f"{key}/{name}" if key else name
        self._id = f"{self._key}#{next(_numbers)}"
        self.turn, self._turn_usage, self._busy, self._calls = 0, Usage(), False, 0
        self._later: list[Message] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.attach(agent.orchestrators)

    def attach(self, orchestrators: Iterable[BaseOrchestrator]) -> None:
        """Add this session's own copies of orchestrators."""
        for orchestrator in orchestrators:
            numbers = rng(self.seed, "orchestrator", len(self.orchestrators))
            self.orchestrators.append(orchestrator.copy_for(self, numbers))

    async def respond(
        self,
        heard: Sequence[Turn] = (),
        *,
        dialog: Dialog | None = None,
        label_speakers: bool = False,
        guards: Sequence[Guard] = (),
        guard_retries: int = 2,
        return_tool_errors: bool = False,
    ) -> Reply:
        """Make the next reply.

        Args:
            heard: what others have said since this session last spoke.
            dialog: the dialog so far, for orchestrators, tools and guards; None makes one of the memory.
            label_speakers: write ``Name:`` before what was heard, for more than two parties.
            guards: may refuse a draft; it is then written again with the next sub-seed. Tool calls that were made
                stay made: only the words are written anew.
            guard_retries: after so many refusals the draft is taken as it is.
            return_tool_errors: let the model see tracebacks of failed tools.

        Returns:
            The reply.

        Raises:
            LLMError: if the model fails. The memory then holds what was heard and nothing of the failed turn;
                ``lost_events`` has its events.
            ConfigError: if the session is already making a reply.
        """
        if self._busy:
            raise ConfigError(
                f"the session of {self.name!r} is already making a reply; a session holds one conversation, so make "
                "one for each with agent.session()"
            )
        self._busy, self._turn_usage, self._later = True, Usage(), []
        self._loop = asyncio.get_running_loop()
        log = EventLog(self.name, self._clock)
        instructions: list[Message] = []
        try:
            opening = None if heard or has_speech(self.memory) else self.opening()
            self._hear(heard, label_speakers)
            await self._consult(dialog, log, instructions)
            if opening is not None:
                draft = Draft(self.agent.postprocessed(opening))
            else:
                drafting = Drafting(self, dialog, log, return_tool_errors, label_speakers)
                draft = await drafting.run([*self.memory, *instructions], guards, guard_retries)
            return self._said(draft, instructions, log)
        except BaseException:
            self.memory.extend(message for message in instructions if message.persist)
            self.lost_events = tuple(log.events)
            raise
        finally:
            self._busy, self._calls = False, 0
            self.memory += self._later

    def _said(self, draft: Draft, instructions: list[Message], log: EventLog) -> Reply:
        own = [Message("assistant", draft.text)] if draft.text else []
        self.memory[:] = [*without_one_time([*self.memory, *instructions]), *draft.traffic, *own]
        for note in self._inspectors.notes_of(self.turn):
            log.add(note.action, note.content, note.label)
        if draft.text:
            log.add("utter", draft.text)
        self.turn += 1
        self.finished = self.finished or draft.finished
        return Reply(
            draft.text, tuple(log.events), draft.finished, draft.stop_reason, draft.rejections, self._turn_usage
        )

    def instruct(self, text: str, persist: bool = False) -> None:
        """Put an instruction into the memory: for the next reply only, or to stay.

        One that is given while a reply is made, by a tool for instance, is for the reply after that.
        """
        message = instruction_message(text, persist)
        if self._busy:
            self._later.append(message)
        else:
            insert_instruction(self.memory, message)

    def opening(self) -> str | None:
        """Return the first utterance this session would open with, if the agent has any."""
        choices = self.agent.first_utterance_choices
        return rng(self.seed, "first_utterance").choice(choices) if choices else None

    async def lookahead(self, message: str | None = None) -> str:
        """Return what the agent would say now; nothing is remembered and no tool is called.

        Args:
            message: what to reply to; None for the state of the conversation.

        Raises:
            LLMError: if the model fails.
        """
        messages = [*self.memory, *([Message("user", message)] if message else [])]
        if not has_speech(messages) and (opening := self.opening()) is not None:
            return self.agent.postprocessed(opening)
        seed = derive_seed(self.seed, "turn", self.turn, "lookahead")
        result = await self.complete(messages, (), seed, lookahead=True)
        return self.agent.postprocessed(split_stop(self.agent.thoughts(result).text).text.strip())

    def lookahead_from_thread(self) -> str:
        """Return what :meth:`lookahead` does, from a thread beside the event loop.

        Raises:
            ConfigError: if called from the event loop itself, which would wait for itself.
        """
        assert self._loop is not None, "orchestrators are consulted while a reply is made"
        if _running_loop() is self._loop:
            raise ConfigError(
                "agent_response_lookahead() cannot block the running conversation; override "
                "'async def ainstruct(self, dialog, utterance)' and await self.response_lookahead() there"
            )
        return asyncio.run_coroutine_threadsafe(self.lookahead(), self._loop).result()

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], seed: int, *, lookahead: bool = False
    ) -> GenerateResult:
        """Call the model once, count what it costs, and tell the agent's inspectors."""
        agent = self.agent
        call = ModelCall(self._id, self._key, self.name, self.seed, self.turn, self._calls, lookahead)
        self._calls += not lookahead
        request = GenerateRequest(
            tuple(messages),
            dataclasses.replace(agent.config, seed=seed),
            tuple(tools),
            think=agent.think,
            key=self._key,
            session=self._id,
            interventions=tuple(part for one in self._inspectors for part in one.interventions(call)),
        )
        result = await self._client.complete(request)
        self.usage, self._turn_usage = self.usage + result.usage, self._turn_usage + result.usage
        for inspector in self._inspectors:
            inspector.received(call, request, result)
        return result

    def seed_of(self, *path: str | int) -> int:
        """Return the seed of a part of the turn that is being made."""
        return derive_seed(self.seed, "turn", self.turn, *path)

    def tool_context(self, dialog: Dialog | None, call: int, position: int) -> ToolContext:
        """Return what a tool may know: the ``position``-th call of the ``call``-th message of this turn."""
        numbers = rng(self.seed_of("tool", call, position))
        return ToolContext(self.name, dialog, numbers, self.state, self.environment)

    def away(self) -> Any:
        """Tell the scheduler that this conversation is busy with something else than its model."""
        return self._scheduler.away()

    def _hear(self, heard: Sequence[Turn], label_speakers: bool) -> None:
        for turn in heard:
            text = self.agent.preprocessed(turn.text)
            if text:
                shown = f"{turn.speaker}: {text}" if label_speakers and turn.speaker else text
                self.memory.append(Message("user", shown, name=turn.speaker))

    async def _consult(self, dialog: Dialog | None, log: EventLog, instructions: list[Message]) -> None:
        """Ask every orchestrator, note what it says, and collect the messages to add."""
        if not self.orchestrators:
            return
        seen = as_dialog(self.memory, self.name) if dialog is None else dialog
        for orchestrator in self.orchestrators:
            advice = await self._advice(orchestrator, seen)
            if not advice:
                continue
            text = advice if isinstance(advice, str) else advice.text
            if not isinstance(advice, str):
                log.adopt(_listed(advice.events))
            if text:
                persist = orchestrator.is_persistent()
                log.instructed(text, orchestrator.get_event_label(), persist)
                instructions.append(instruction_message(text, persist))

    async def _advice(self, orchestrator: BaseOrchestrator, dialog: Dialog) -> str | Instruction | None:
        from sdialog.core.dialog import Instruction

        utterance = orchestrator.utterance_for_target(dialog)
        if orchestrator.runs_in_thread():
            with self.away():
                advice = await in_thread(lambda: orchestrator.instruct(dialog, utterance))
        else:
            advice = await orchestrator.ainstruct(dialog, utterance)
        if advice is not None and not isinstance(advice, (str, Instruction)):
            raise ConfigError(
                f"{type(orchestrator).__name__} returned {type(advice).__name__}; an orchestrator returns text, an "
                "Instruction or None"
            )
        return advice


def _listed(events: Any) -> list[Any]:
    if events is None:
        return []
    return list(events) if isinstance(events, (list, tuple)) else [events]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wall_clock() -> int:
    return int(time.time())
