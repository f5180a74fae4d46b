"""One dialog between two or more parties."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.dialog import Dialog, Event, Turn
from sdialog.core.errors import BudgetExceededError, ConfigError, SimulationError
from sdialog.core.seeds import derive_seed, fresh_seed
from sdialog.simulation.clocks import LogicalClock, wall_clock
from sdialog.simulation.dialog_environment import DialogEnvironment
from sdialog.simulation.farewell import is_farewell
from sdialog.simulation.guards import DEFAULT_GUARDS
from sdialog.simulation.outcomes import Outcome
from sdialog.simulation.parties import Labels, blank_dialog, speaker_names
from sdialog.simulation.repetition import LoopDetector
from sdialog.simulation.stop_reasons import (
    AGENT_STOP,
    BUDGET,
    CANCELLED,
    EMPTY_REPLY,
    ERROR,
    MAX_TURNS,
    TIMEOUT,
)
from sdialog.simulation.turn_taking import Floor, TurnTaking, policy
from sdialog.simulation.turn_taking.base import TURN_TAKING

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.agents.reply import Guard, Reply
    from sdialog.agents.session import Session
    from sdialog.core.dialog import Context
    from sdialog.llm.scheduler import Scheduler


class TurnTimeoutError(TimeoutError):
    """A turn took longer than the conduct allows."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """The rules of a conversation.

    Args:
        max_turns: exactly this many turns at most.
        turn_taking: who speaks next: a policy, its name, or its name with options.
        guards: what makes a draft be written again.
        guard_retries: how often; then the draft is taken as it is.
        turn_timeout: most seconds one turn may take, tools included; None for no limit.
        loops: notices conversations that go round in circles.

    Raises:
        ConfigError: if ``max_turns`` is below 1, or ``turn_timeout`` not above 0.
    """

    max_turns: int = 100
    turn_taking: str | Mapping[str, Any] | TurnTaking = "alternate"
    guards: tuple[Guard, ...] = DEFAULT_GUARDS
    guard_retries: int = 2
    turn_timeout: float | None = None
    loops: LoopDetector = field(default_factory=LoopDetector)

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise ConfigError(f"max_turns must be at least 1, not {self.max_turns}")
        if self.turn_timeout is not None and self.turn_timeout <= 0:
            raise ConfigError(f"turn_timeout is in seconds, above 0, or None for no limit; not {self.turn_timeout}")


async def converse(
    agents: Sequence[Agent],
    *,
    max_turns: int = 100,
    turn_taking: str | Mapping[str, Any] | TurnTaking = "alternate",
    seed: int | None = None,
    context: Context | str | None = None,
    example_dialogs: Sequence[Dialog] | None = None,
    scenario: Any = None,
    id: int | str | None = None,
    parent_id: int | str | None = None,
    notes: Any = None,
    scheduler: Scheduler | None = None,
    clock: Callable[[], int] | None = None,
    guards: Sequence[Guard] = DEFAULT_GUARDS,
    guard_retries: int = 2,
    turn_timeout: float | None = None,
    loops: LoopDetector | None = None,
    progress: bool = False,
) -> Dialog:
    """Let agents talk to each other and return their dialog.

    The agents themselves are not changed: each speaks through a session made for this dialog alone, so one agent may
    take part in any number of dialogs at once.

    Args:
        agents: two or more parties; the first one opens, unless the turn taking says otherwise.
        max_turns: exactly this many turns at most.
        turn_taking: ``alternate``, ``round_robin``, ``random``, ``addressed``, ``model``, ``{"moderator": name}``, a
            plug-in's name, or a policy object.
        seed: seed of everything random in this dialog; drawn and recorded when None.
        context: where and why they talk, for this dialog only.
        example_dialogs: examples shown to every party.
        scenario, id, parent_id, notes: recorded in the dialog.
        scheduler: shares models with other conversations; a new one when None.
        clock: stamps events; the time of day when None.
        guards, guard_retries: what makes a draft be written again, and how often.
        turn_timeout: most seconds one turn may take.
        loops: when a conversation counts as going round in circles.
        progress: show a line with the number of turns, when standard error is a terminal.

    Returns:
        The dialog; its ``stopReason`` says why it ended, and ``complete`` is True if a party ended it.

    Raises:
        ConfigError: fewer than two agents, something that is none, or a wrong limit or policy.
        SimulationError: something failed on the way; ``partial`` holds the dialog up to there.

    Example:
        >>> from sdialog.agents import Agent
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> ana = Agent(name="Ana", model=ScriptedModel(["Hello Ben.", "Goodbye. STOP"]))
        >>> ben = Agent(name="Ben", model=ScriptedModel(["Hi Ana, how are you?", "Bye!"]))
        >>> dialog = run(converse([ana, ben]))
        >>> len(dialog), dialog.stopReason
        (4, 'agent_stop')
    """
    conduct = Conduct(max_turns, turn_taking, tuple(guards), guard_retries, turn_timeout, loops or LoopDetector())
    labels = Labels(context, example_dialogs, scenario, id, parent_id, notes)
    conversation = Conversation(agents, conduct, labels, seed=seed, scheduler=scheduler, clock=clock)
    if not progress:
        return (await conversation.run()).dialog
    from sdialog.simulation.progress import turn_line

    with turn_line(conduct.max_turns) as conversation.on_turn:
        return (await conversation.run()).dialog


class Conversation:
    """The running of one dialog. Made, run once and thrown away; :func:`converse` is its plain face.

    Attributes:
        dialog: the dialog as far as it has come, also after a failure.
        on_turn: called after each turn with the dialog, if set.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        conduct: Conduct | None = None,
        labels: Labels | None = None,
        *,
        seed: int | None = None,
        scheduler: Scheduler | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        if len(agents) < 2:
            raise ConfigError(f"a conversation takes at least two agents, got {len(agents)}")
        for agent in agents:
            if not callable(getattr(agent, "session", None)):
                raise ConfigError(f"{agent!r:.80} is not an agent; make one with Agent(...)")
        self.conduct, labels = conduct or Conduct(), labels or Labels()
        self.seed = fresh_seed() if seed is None else seed
        self.clock = clock or wall_clock
        self.scheduler = scheduler or _new_scheduler()
        self.policy = policy(self.conduct.turn_taking)
        self.on_turn: Callable[[Dialog], None] | None = None
        parties = speaker_names([agent.name for agent in agents])
        self.policy.check(parties)
        self.dialog = blank_dialog(agents, parties, labels, self.seed, logical=isinstance(clock, LogicalClock))
        self._turns, self._events = list[Turn](), list[Event]()
        self.dialog.turns, self.dialog.events = self._turns, self._events
        self._environment = DialogEnvironment(agents)
        self._sessions = self._open(agents, parties, labels)
        self._heard = dict.fromkeys(parties, 0)
        self._counts: Counter[str] = Counter()
        self._speaking: str | None = None
        self._floor = Floor(
            parties=tuple(parties),
            dialog=self.dialog,
            rng=random.Random(derive_seed(self.seed, "turn_taking")),
            seed=derive_seed(self.seed, "turn_taking", "model"),
            models={name: agent.model for name, agent in zip(parties, agents, strict=True)},
            client=self.scheduler.client,
        )

    def _open(self, agents: Sequence[Agent], parties: Sequence[str], labels: Labels) -> dict[str, Session]:
        return {
            name: agent.session(
                derive_seed(self.seed, "agent", position),
                name=name,
                context=labels.context,
                example_dialogs=labels.example_dialogs,
                scheduler=self.scheduler,
                clock=self.clock,
                key=str(self.dialog.id),
                environment=self._environment.instance if agent.environment is not None else None,
            )
            for position, (name, agent) in enumerate(zip(parties, agents, strict=True))
        }

    async def run(self) -> Outcome:
        """Hold the conversation.

        Returns:
            The dialog with its usage and counts.

        Raises:
            SimulationError: something failed; ``partial`` is :attr:`dialog`, whose ``stopReason`` says what.
        """
        try:
            with self.scheduler.live():
                reason = await self._talk()
        except asyncio.CancelledError:
            self._break_off(CANCELLED)
            raise
        except Exception as error:
            self._break_off(_reason_of(error))
            message = f"turn {len(self._turns) + 1} failed: {str(error) or type(error).__name__}"
            raise SimulationError(message, partial=self.dialog) from error
        self._close(reason)
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return the dialog as far as it has come, with what it has used."""
        usage = {name: session.usage for name, session in self._sessions.items()}
        if self._floor.usage.calls:
            usage[TURN_TAKING] = self._floor.usage
        return Outcome(self.dialog, usage, {**self._floor.notes, **self._counts})

    async def _talk(self) -> str:
        while len(self._turns) < self.conduct.max_turns:
            speaker = await self._next_speaker()
            if speaker is None:
                return AGENT_STOP
            reason = self._take(speaker, await self._in_time(speaker))
            if reason is not None:
                return reason
        over = len(self._floor.candidates()) < 2 or self.policy.over(self._floor)
        return AGENT_STOP if over else MAX_TURNS

    async def _next_speaker(self) -> str | None:
        """Say who is next, or None when there is nobody left to talk to and nothing left to say."""
        present = self._floor.candidates()
        if len(present) < 2:
            return next((name for name in present if self._owes_reply(name)), None)
        if self.policy.over(self._floor):
            return None
        name = await self.policy.next(self._floor)
        chooser = self.policy.chooser(self._floor, name)
        if chooser is not None and self._floor.chosen is None:
            self._log("select_speaker", chooser, name)
        return name

    def _owes_reply(self, name: str) -> bool:
        """Whether the last one left should still answer: it has heard something new and has not said goodbye."""
        own = [turn for turn in self._turns if turn.speaker == name]
        news = any(turn.speaker != name for turn in self._turns[self._heard[name] :])
        return news and not (own and is_farewell(own[-1].text))

    async def _in_time(self, speaker: str) -> Reply:
        limit = asyncio.timeout(self.conduct.turn_timeout)
        try:
            async with limit:
                return await self._respond(speaker)
        except TimeoutError as error:
            if not limit.expired():  # an orchestrator's own, say
                raise
            raise TurnTimeoutError(f"it took longer than {self.conduct.turn_timeout} s") from error

    async def _respond(self, speaker: str) -> Reply:
        heard = [turn for turn in self._turns[self._heard[speaker] :] if turn.speaker != speaker]
        self._heard[speaker] = len(self._turns)
        self._speaking = speaker
        reply = await self._sessions[speaker].respond(
            heard,
            dialog=self.dialog,
            label_speakers=len(self._sessions) > 2,
            guards=self.conduct.guards,
            guard_retries=self.conduct.guard_retries,
        )
        self._speaking = None
        self._counts.update(reply.rejections)
        return reply

    def _take(self, speaker: str, reply: Reply) -> str | None:
        """Enter a reply into the dialog; return a stop reason if it ends it."""
        if reply.finished:
            self._floor.left.add(speaker)
        chosen = self.policy.silent_choice(self._floor, speaker, reply.text) if reply.text else None
        if chosen is not None:
            self._events.extend(event for event in reply.events if event.action != "utter")
            self._log("select_speaker", speaker, chosen)
            self._floor.chosen = chosen
            return None
        self._events.extend(reply.events)
        self._floor.chosen = None
        if not reply.text.strip():
            if reply.finished:
                return None
            # After the others have ended it, silence is an answer.
            return reply.stop_reason or (EMPTY_REPLY if len(self._floor.candidates()) > 1 else AGENT_STOP)
        self._turns.append(Turn(speaker=speaker, text=reply.text))
        if self.on_turn is not None:
            self.on_turn(self.dialog)
        present = len(self._floor.candidates())
        if reply.finished or present < 2:  # what is said now is a goodbye, and no loop
            return None
        return reply.stop_reason or self.conduct.loops.check(self._turns, parties=present)

    def _log(self, action: str, agent: str, content: str) -> None:
        self._events.append(Event(agent=agent, action=action, content=content, timestamp=self.clock()))

    def _break_off(self, reason: str) -> None:
        """Close the dialog in the middle of a turn, whose events so far are kept."""
        if self._speaking is not None:
            self._events.extend(self._sessions[self._speaking].lost_events)
        self._close(reason)

    def _close(self, reason: str) -> None:
        self._events.extend(self._environment.close(self.clock))
        self.dialog.stopReason = reason
        self.dialog.complete = reason == AGENT_STOP


def _reason_of(error: Exception) -> str:
    if isinstance(error, BudgetExceededError):
        return BUDGET
    return TIMEOUT if isinstance(error, TurnTimeoutError) else ERROR


def _new_scheduler() -> Scheduler:
    from sdialog.llm.wrapping import PatientScheduler

    return PatientScheduler()


__all__ = ["Conduct", "Conversation", "Labels", "converse", "speaker_names"]
