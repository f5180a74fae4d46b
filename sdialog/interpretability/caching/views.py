"""Dialogs as one of their parties saw them: the messages that its model was given, and what each of them is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.llm.types import Message, ToolCall, ToolSpec

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Event, Turn

NO_TURN = -1
"""Number of the turn of what belongs to none, such as the system prompt."""


@dataclass(frozen=True)
class View:
    """A dialog as one party saw it, whole.

    Attributes:
        dialog_id: id of the dialog.
        speaker: who saw it; what it said itself has the role ``assistant``.
        messages: as its model was given them after the last turn.
        turns: for each message the number of the dialog's turn that it is or, of tool calls, their results and
            instructions, the turn that they led to; ``NO_TURN`` for the system prompt.
        tools: tools that were described.
    """

    dialog_id: str
    speaker: str
    messages: tuple[Message, ...]
    turns: tuple[int, ...]
    tools: tuple[ToolSpec, ...] = ()

    @property
    def digest(self) -> str:
        """Name of the content, equal for equal views; ids do not count, which files without any get anew."""
        said = [[m.role, m.content, m.name, [[c.name, dict(c.arguments)] for c in m.tool_calls]] for m in self.messages]
        tools = [[tool.name, tool.description, dict(tool.parameters)] for tool in self.tools]
        text = json.dumps([self.speaker, said, tools], default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Viewpoint:
    """Whose eyes dialogs are seen through.

    What is in a session's memory after the last turn is rebuilt: the system prompt, what was said, instructions that
    were to stay, tool calls and their results where the dialog's events tell them. Instructions for one reply only
    are not in it: they were gone when the next one was made.

    Args:
        source: an agent, whose prompt and tools are taken. Of anything else the system prompt is made of the persona
            that the dialog has recorded for the speaker, as an agent with that persona and the dialog's context has
            it; without a record there is none.
        speaker: whose view. Default: the agent's own; else that of the dialog's second speaker, who answers.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello.")])
        >>> view = Viewpoint("embedded:mini").view(dialog)
        >>> view.speaker, [message.role for message in view.messages], view.turns
        ('Bob', ['user', 'assistant'], (0, 1))
    """

    def __init__(self, source: Any = None, speaker: str | None = None) -> None:
        self.agent = source if hasattr(source, "tool_specs") and callable(getattr(source, "session", None)) else None
        self.speaker = speaker
        self._prompt: tuple[Message, ...] | None = None
        if self.agent is not None:
            self._prompt = tuple(self.agent.session(0).memory)
            self.speaker = speaker or self.agent.get_name()

    def view(self, dialog: Dialog) -> View:
        """Return what the party saw of a dialog.

        Raises:
            UserError: if nothing was said, or not by the speaker.
        """
        turns = list(dialog.turns or ())
        names = list(dict.fromkeys(turn.speaker for turn in turns if turn.speaker is not None))
        if not turns:
            raise UserError(f"the dialog {dialog.id} has no turns; leave it out")
        speaker = self.speaker or (names[min(1, len(names) - 1)] if names else "")
        if speaker not in names and names:
            raise UnknownNameError("speaker", speaker, names, f"in the dialog {dialog.id}; give speaker=")
        prompt = self._recorded_prompt(dialog, speaker) if self._prompt is None else self._prompt
        tools = () if self.agent is None else tuple(self.agent.tool_specs)
        found = [(message, NO_TURN) for message in prompt]
        found += self._said(dialog, turns, speaker, labelled=len(names) > 2)
        messages, numbers = tuple(one for one, _ in found), tuple(number for _, number in found)
        return View(str(dialog.id), speaker, messages, numbers, tools)

    def _said(
        self, dialog: Dialog, turns: Sequence[Turn], speaker: str, *, labelled: bool
    ) -> Iterator[tuple[Message, int]]:
        before = _behind(dialog.events or (), turns, speaker)
        for number, turn in enumerate(turns):
            if turn.speaker == speaker:
                yield from ((message, number) for message in before.get(number, ()))
                yield Message("assistant", turn.text), number
                continue
            text = turn.text if self.agent is None else self.agent.preprocessed(turn.text)
            if text:
                shown = f"{turn.speaker}: {text}" if labelled and turn.speaker else text
                yield Message("user", shown, name=turn.speaker), number

    def _recorded_prompt(self, dialog: Dialog, speaker: str) -> tuple[Message, ...]:
        persona = (dialog.personas or {}).get(speaker)
        if not persona:
            return ()
        return (Message("system", prompt_of(persona, dialog.context)),)


def prompt_of(persona: Any, context: Any = None) -> str:
    """Return the system prompt of an agent with a persona and no other wishes.

    Args:
        persona: a persona, or its record in a dialog.
        context: a ``Context``, its record, or text.
    """
    from sdialog.agents.agent import RESPONSE_DETAILS
    from sdialog.core import settings
    from sdialog.core.context import Context
    from sdialog.llm.prompts import render

    if isinstance(persona, Mapping):
        kept = {name: value for name, value in persona.items() if not name.startswith("_") and name != "orchestrators"}
        text = json.dumps(kept, indent=2, ensure_ascii=False)
    else:
        text = persona if isinstance(persona, str) else persona.prompt()
    if isinstance(context, Mapping):
        context = Context.from_dict(dict(context), Context)
    describe = getattr(context, "description", None)
    return render(
        settings.current().prompts.get("persona_agent") or "agent/persona",
        persona=text,
        context=str(describe()) if callable(describe) else context or "",
        dialogue_details="",
        response_details=RESPONSE_DETAILS,
        example_dialogs=[],
        can_finish=True,
        stop_word="STOP",
    )


def _behind(events: Sequence[Event], turns: Sequence[Turn], speaker: str) -> dict[int, list[Message]]:
    """Return the messages that came before each turn of a speaker beside what was heard; none if events do not fit."""
    said = [event for event in events if event.action == "utter"]
    if [(event.agent, event.content) for event in said] != [(turn.speaker, turn.text) for turn in turns]:
        return {}
    found: dict[int, list[Message]] = {}
    turn, thought = 0, None
    for event in events:
        if event.action == "utter":
            turn, thought = turn + 1, None
        elif event.agent != speaker:
            continue
        elif event.action == "instruct-persist" and isinstance(event.content, str):
            found.setdefault(turn, []).append(Message("system", event.content, persist=True))
        elif event.action == "think" and isinstance(event.content, str):
            thought = event.content
        elif event.action == "tool" and isinstance(event.content, Mapping):
            _add_tool(found.setdefault(turn, []), event.content, event.actionLabel, thought)
            thought = None
    return found


def _add_tool(messages: list[Message], content: Mapping[str, Any], label: str | None, thought: str | None) -> None:
    """Add a call, to those of the same message where that can be told, or its result."""
    name = str(content.get("name", ""))
    if label == "call":
        call = ToolCall(str(content.get("id", "")), name, content.get("args") or {})
        asked = next((place for place in reversed(range(len(messages))) if messages[place].tool_calls), None)
        if asked is not None and _round(messages[asked].tool_calls[-1].id) == _round(call.id) is not None:
            messages[asked] = replace(messages[asked], tool_calls=(*messages[asked].tool_calls, call))
        else:
            messages.append(Message("assistant", "", tool_calls=(call,), thinking=thought))
    elif label == "output":
        output = content.get("output")
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
        messages.append(Message("tool", text, name=name, tool_call_id=str(content.get("call_id", ""))))


def _round(call: str) -> str | None:
    """Return the part of a call's id that all calls of one message share; None of an id that a model gave."""
    parts = call.split("_")
    return "_".join(parts[:3]) if len(parts) == 4 and parts[0] == "call" else None
