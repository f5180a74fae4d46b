"""Dialogs as training examples for chat models: OpenAI messages, ShareGPT, ChatML.

One speaker is the assistant, everybody else is the user. The assistant's tool calls are kept, with their outputs, where
they happened; so that a call is never left unanswered, calls without a recorded output are dropped. Thoughts and
instructions are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.core.attributes import described
from sdialog.core.dialog import Dialog
from sdialog.core.errors import UserError
from sdialog.core.turns import Event, Turn, owners

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Roles:
    """How speakers become roles.

    Attributes:
        assistant: who is the assistant; None picks, in each dialog, the one who calls tools, else the second to speak.
        system: text of the system message, or None for none.
        persona: describe the assistant's persona in the system message, after ``system``.
        tools: specifications of the tools in OpenAI's form; None makes them up from the calls seen in each dialog.
    """

    assistant: str | None = None
    system: str | None = None
    persona: bool = False
    tools: Sequence[Mapping[str, Any]] | None = None


def messages(dialog: Dialog, roles: Roles) -> list[JsonDict]:
    """Return a dialog as OpenAI messages; empty if the assistant says nothing in it.

    Raises:
        UserError: if the assistant named is no speaker of the dialog.

    Example:
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bot", text="Hello.")])
        >>> messages(dialog, Roles(system="Be kind."))[1:]
        [{'role': 'user', 'content': 'Hi!'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    assistant = _assistant(dialog, roles.assistant)
    others = {turn.speaker for turn in dialog if turn.speaker != assistant}
    turns, events = dialog.turns or [], dialog.events or []
    behind: dict[int, list[Event]] = {}
    for event, owner in zip(events, owners(turns, events), strict=True):
        behind.setdefault(owner, []).append(event)
    found: list[JsonDict] = []
    system = _system(dialog, assistant, roles)
    if system:
        found.append({"role": "system", "content": system})
    for index, turn in enumerate(turns):
        if turn.speaker == assistant:
            found += _tool_messages(behind.get(index, ()), first_id=len(found))
            found.append({"role": "assistant", "content": turn.text})
        else:
            found.append({"role": "user", "content": _user_text(turn, labelled=len(others) > 1)})
    return found if any(message["role"] == "assistant" for message in found) else []


def openai_example(dialog: Dialog, roles: Roles) -> JsonDict | None:
    """Return a line of an OpenAI fine-tuning file, or None if the assistant says nothing.

    What others say after the assistant's last words is left out: there is nothing to learn from it.
    """
    said = messages(dialog, roles)
    while said and said[-1]["role"] != "assistant":
        said.pop()
    if not said:
        return None
    tools = [dict(tool) for tool in roles.tools] if roles.tools is not None else _tools_seen(said)
    return {"messages": said, "tools": tools} if tools else {"messages": said}


def sharegpt_example(dialog: Dialog, roles: Roles) -> JsonDict | None:
    """Return a line of a ShareGPT file, or None if the assistant says nothing.

    Turns of one side that follow each other are merged, since readers of this format expect the sides to alternate.
    Tool calls and outputs are ``function_call`` and ``observation`` entries.
    """
    said = messages(dialog, roles)
    entries: list[dict[str, str]] = []
    for message in said:
        for sender, value in _sharegpt_entries(message):
            if entries and entries[-1]["from"] == sender and sender in ("human", "gpt"):
                entries[-1]["value"] += f"\n{value}"
            else:
                entries.append({"from": sender, "value": value})
    if not entries:
        return None
    example: JsonDict = {"id": dialog.id, "conversations": entries}
    tools = [dict(tool) for tool in roles.tools] if roles.tools is not None else _tools_seen(said)
    if tools:
        example["tools"] = json.dumps([tool.get("function", tool) for tool in tools], ensure_ascii=False)
    return example


def chatml_text(dialog: Dialog, roles: Roles) -> str | None:
    """Return a dialog as ChatML text, or None if the assistant says nothing.

    Tool calls stand in the assistant's message as ``<tool_call>{"name": ..., "arguments": ...}</tool_call>``. Marks of
    the format within the words themselves are broken up with an invisible character.

    Example:
        >>> print(chatml_text(Dialog(turns=[Turn(speaker="A", text="Hi!")]), Roles(assistant="A")), end="")
        <|im_start|>assistant
        Hi!<|im_end|>
    """
    said = messages(dialog, roles)
    return "".join(f"<|im_start|>{m['role']}\n{_chatml_content(m)}<|im_end|>\n" for m in said) or None


def _assistant(dialog: Dialog, wanted: str | None) -> str | None:
    speakers = list(dict.fromkeys(turn.speaker for turn in dialog))
    if wanted is not None:
        for speaker in speakers:
            if speaker is not None and speaker.casefold() == wanted.casefold():
                return speaker
        if not speakers:
            return wanted
        there = ", ".join(repr(speaker) for speaker in speakers)
        raise UserError(f"dialog {dialog.id}: nobody in it is called {wanted!r}; the speakers are {there}")
    callers = {event.agent for event in dialog.events or () if event.action == "tool"}.intersection(speakers)
    if len(callers) == 1:
        return callers.pop()
    return speakers[1] if len(speakers) > 1 else next(iter(speakers), None)


def _system(dialog: Dialog, assistant: str | None, roles: Roles) -> str:
    parts = [roles.system or ""]
    kept = (dialog.personas or {}).get(assistant or "")
    if roles.persona and isinstance(kept, Mapping):
        parts.append(described({name: value for name, value in kept.items() if name != "_metadata"}))
    return "\n\n".join(part for part in parts if part)


def _user_text(turn: Turn, labelled: bool) -> str:
    return f"{turn.speaker}: {turn.text}" if labelled and turn.speaker else turn.text


def _tool_messages(events: Iterable[Event], first_id: int) -> Iterator[JsonDict]:
    """Yield the assistant and tool messages of the tool calls behind one turn."""
    traffic = [(event.actionLabel, event.content) for event in events if event.action == "tool"]
    contents = [(label, content) for label, content in traffic if isinstance(content, dict)]
    answered = {content.get("call_id") for label, content in contents if label == "output"}
    made: set[Any] = set()
    calls: list[JsonDict] = []
    outputs: list[JsonDict] = []

    def flush() -> Iterator[JsonDict]:
        if calls:
            yield {"role": "assistant", "content": "", "tool_calls": list(calls)}
            yield from outputs
        calls.clear()
        outputs.clear()

    for label, content in contents:
        if label == "call" and content.get("id") in answered:
            if outputs:
                yield from flush()
            made.add(content["id"])
            given = content.get("args")
            arguments = json.dumps(given if isinstance(given, dict) else {}, ensure_ascii=False)
            function = {"name": content.get("name", ""), "arguments": arguments}
            calls.append({"id": _call_id(content["id"], first_id), "type": "function", "function": function})
        elif label == "output" and content.get("call_id") in made:
            made.discard(content["call_id"])
            output = content.get("output")
            text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
            outputs.append({"role": "tool", "tool_call_id": _call_id(content["call_id"], first_id), "content": text})
    yield from flush()


def _call_id(recorded: Any, first_id: int) -> str:
    return str(recorded) if recorded not in (None, "") else f"call_{first_id}"


def _tools_seen(said: Iterable[Mapping[str, Any]]) -> list[JsonDict]:
    """Make up tool specifications from calls: every argument seen, with its JSON type where that was always one."""
    types: dict[str, dict[str, set[str]]] = {}
    for message in said:
        for call in message.get("tool_calls", ()):
            seen = types.setdefault(call["function"]["name"], {})
            for name, value in json.loads(call["function"]["arguments"]).items():
                seen.setdefault(name, set()).add(_json_type(value))
    return [
        {
            "type": "function",
            "function": {
                "name": tool,
                "parameters": {
                    "type": "object",
                    "properties": {name: {"type": t} for name, ts in seen.items() for t in [_one(ts)]},
                },
            },
        }
        for tool, seen in types.items()
    ]


def _one(types: set[str]) -> str | list[str]:
    return next(iter(types)) if len(types) == 1 else sorted(types)


def _json_type(value: Any) -> str:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _sharegpt_entries(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for call in message.get("tool_calls", ()):
        yield "function_call", _call_json(call)
    senders = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
    if not message.get("tool_calls"):
        yield senders[message["role"]], message["content"]


def _chatml_content(message: Mapping[str, Any]) -> str:
    calls = [f"<tool_call>{_call_json(call)}</tool_call>" for call in message.get("tool_calls", ())]
    text = "\n".join([*([message["content"]] if message["content"] else []), *calls])
    return text.replace("<|im_", "<|\u200bim_")


def _call_json(call: Mapping[str, Any]) -> str:
    function = call["function"]
    return json.dumps({"name": function["name"], "arguments": json.loads(function["arguments"])}, ensure_ascii=False)
