"""What a session gives back for one turn, and what may refuse it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sdialog.agents.toolloop import ToolOutcome
from sdialog.llm.types import ToolCall, Usage

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Event

TOOL_LOOP = "tool_loop"
"""Stop reason of a reply whose model went on calling tools until the rounds ran out, and then said nothing."""


class Guard(Protocol):
    """Looks at a draft before it is said.

    Attributes:
        name: what refusals are counted under.
    """

    @property
    def name(self) -> str:
        """What refusals are counted under."""
        ...

    def check(self, text: str, dialog: Dialog | None, speaker: str) -> str | None:
        """Return why the draft must not be said, or None when it may."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn of an agent.

    Attributes:
        text: what it says, without thoughts and end marker; may be empty.
        events: what happened: instructions, thoughts, tool calls and outputs, and last the utterance, if any.
        finished: whether the agent ended the conversation with this reply.
        stop_reason: ``"tool_loop"`` if the tool rounds ran out without a word said, else None.
        rejections: names of the guards that refused a draft, one for each refusal.
        usage: what the turn cost.
    """

    text: str
    events: tuple[Event, ...] = ()
    finished: bool = False
    stop_reason: str | None = None
    rejections: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)


class EventLog:
    """Collects one turn's events, each with the time it was noted; a tool call is noted with its output.

    Args:
        speaker: whose turn it is.
        clock: gives the time stamp of each event.
    """

    def __init__(self, speaker: str, clock: Callable[[], int]) -> None:
        self._speaker, self._clock = speaker, clock
        self.events: list[Event] = []

    def add(self, action: str, content: Any, label: str | None = None) -> None:
        """Add an event of the speaker."""
        from sdialog.core.dialog import Event

        event = Event(agent=self._speaker, action=action, actionLabel=label, content=content, timestamp=self._clock())
        self.events.append(event)

    def adopt(self, events: Iterable[Event]) -> None:
        """Add events made by others, at this time, as the speaker's unless they name somebody."""
        for event in events:
            changes = {"agent": event.agent or self._speaker, "timestamp": self._clock()}
            self.events.append(event.model_copy(update=changes))

    def instructed(self, text: str, label: str, persist: bool) -> None:
        """Add the event of an instruction."""
        self.add("instruct-persist" if persist else "instruct", text, label)

    def thought(self, thinking: str) -> None:
        """Add the event of a thought, if there is one."""
        if thinking:
            self.add("think", thinking)

    def calling(self, call: ToolCall) -> None:
        """Add the event of a call being made."""
        self.add("tool", {"name": call.name, "args": dict(call.arguments), "id": call.id}, "call")

    def called(self, outcome: ToolOutcome) -> None:
        """Add the two events of a tool call."""
        self.calling(outcome.call)
        call = outcome.call
        self.add("tool", {"name": call.name, "output": outcome.output, "call_id": call.id}, "output")
