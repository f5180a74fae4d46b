"""What a dialog is made of: turns, the events behind them, and instructions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel


class Turn(BaseModel):
    """One thing said by one speaker.

    Its length is its number of words, so a turn with an empty text is falsy.

    Args:
        speaker: who said it, or None where that is not known.
        text: what was said.

    Example:
        >>> turn = Turn(speaker="Ann", text="Good morning!")
        >>> len(turn), str(turn)
        (2, 'Ann: Good morning!')
    """

    speaker: str | None = None
    text: str

    def __len__(self) -> int:
        return len(self.text.split())

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text}" if self.speaker else self.text

    def prompt(self) -> str:
        """Return the turn as a JSON object, the way prompts show it."""
        return json.dumps({"speaker": self.speaker, "text": self.text}, indent=2, ensure_ascii=False)

    def print(self) -> None:
        """Print the turn on one coloured line."""
        from sdialog.core.printing import print_turn

        print_turn(self)


class Event(BaseModel):
    """Something that happened while a dialog was made: speech, a thought, an instruction, a tool call.

    ======================  ===============  ==========================================================
    action                  actionLabel      content
    ======================  ===============  ==========================================================
    ``utter``                                the text said
    ``think``                                the reasoning
    ``instruct``            who instructed   the text, for the next utterance only
    ``instruct-persist``    who instructed   the text, from now on
    ``tool``                ``call``         ``{"name": str, "args": dict, "id": str}``
    ``tool``                ``output``       ``{"name": str, "output": ..., "call_id": str}``
    ``environment``         ``state``        how the state that the tools act on has changed in the dialog:
                                             ``{"name": str, "before": hash, "after": hash, "changes": list}``
    ======================  ===============  ==========================================================

    Other actions are allowed; data sets bring their own.

    Args:
        agent: who it happened to.
        action: what happened.
        actionLabel: which kind, where the action has kinds.
        content: the matter itself.
        timestamp: Unix seconds, or a running number where a run must be reproducible byte for byte.
    """

    agent: str | None = None
    action: str
    actionLabel: str | None = None  # noqa: N815 - the key's spelling in published files
    content: str | dict[str, Any] | list[Any]
    timestamp: int


class Instruction(BaseModel):
    """What an orchestrator wants done, with further events to note down.

    Args:
        text: the instruction, or None for events alone.
        events: one event or several, logged before the instruction.
    """

    text: str | None = None
    events: Event | list[Event] | None = None


def owners(turns: Sequence[Turn], events: Sequence[Event]) -> list[int]:
    """Tell for each event which turn it belongs to.

    The n-th ``utter`` event belongs to the n-th turn. Any other event belongs to the next turn of its own agent.
    Where the numbers of turns and ``utter`` events differ (turns were merged, or events come from elsewhere), an
    ``utter`` event belongs to the next turn with its speaker and text, if there is one.

    Args:
        turns: a dialog's turns.
        events: the dialog's events, in the order they happened.

    Returns:
        For each event the index of its turn; ``len(turns)`` for events after their agent's last turn.

    Example:
        >>> said = [Turn(speaker="A", text="hi"), Turn(speaker="B", text="yes")]
        >>> log = [Event(agent="B", action="think", content="hm", timestamp=0),
        ...        Event(agent="A", action="utter", content="hi", timestamp=0),
        ...        Event(agent="B", action="utter", content="yes", timestamp=1)]
        >>> owners(said, log)
        [1, 0, 1]
    """
    spoken = _spoken(turns, events)
    found = [len(turns)] * len(events)
    next_of: dict[str | None, int] = {}
    for position in range(len(events) - 1, -1, -1):
        agent = events[position].agent
        if position in spoken:
            next_of[agent] = spoken[position]
        found[position] = next_of.get(agent, len(turns))
    return found


def _spoken(turns: Sequence[Turn], events: Sequence[Event]) -> dict[int, int]:
    """Map the position of each ``utter`` event that has a turn to that turn's index."""
    utters = [position for position, event in enumerate(events) if event.action == "utter"]
    if len(utters) == len(turns):
        return {position: index for index, position in enumerate(utters)}
    return dict(_matches(turns, events, utters))


def _matches(turns: Sequence[Turn], events: Sequence[Event], utters: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for position in utters:
        event = events[position]
        for index in range(start, len(turns)):
            if turns[index].text == event.content and turns[index].speaker == event.agent:
                yield position, index
                start = index + 1
                break
