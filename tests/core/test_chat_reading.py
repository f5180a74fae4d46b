"""Corpora that were written for chat models, and tables of many dialogs, are read as dialogs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sdialog import Dialog, Event, Turn
from sdialog.core.errors import DialogFormatError
from sdialog.core.export import export
from sdialog.core.io import read_dialogs

OPENAI: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Where is"}, {"type": "text", "text": "my order?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"order": 12}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "on its way"},
        {"role": "assistant", "content": "It is on its way."},
    ]
}
SHAREGPT: dict[str, Any] = {
    "id": "share-7",
    "conversations": [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Where is my order?"},
        {"from": "function_call", "value": '{"name": "find_order", "arguments": {"order": 12}}'},
        {"from": "observation", "value": "on its way"},
        {"from": "gpt", "value": "It is on its way."},
    ],
}


def lines(path: Path, *entries: Any) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def said(dialog: Dialog) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in dialog]


def test_openai_messages_a_line(tmp_path: Path) -> None:
    first, second = read_dialogs(lines(tmp_path / "chats.jsonl", OPENAI, {"id": 5, **OPENAI}))
    assert said(first) == [("user", "Where is\nmy order?"), ("assistant", "It is on its way.")]
    assert (first.id, second.id) == ("chats-1", 5)
    assert [(event.action, event.actionLabel) for event in first.events or []] == [
        ("instruct-persist", "system"),
        ("utter", None),
        ("tool", "call"),
        ("tool", "output"),
        ("utter", None),
    ]
    calls = [event.content for event in first.events or [] if event.action == "tool"]
    assert calls == [
        {"name": "find_order", "args": {"order": 12}, "id": "c1"},
        {"name": "find_order", "output": "on its way", "call_id": "c1"},
    ]


@pytest.mark.parametrize("form", ["json list", "json object", "jsonl", "gz"])
def test_sharegpt_in_every_kind_of_file(form: str, tmp_path: Path) -> None:
    if form == "gz":
        path = tmp_path / "share.jsonl.gz"
        path.write_bytes(gzip.compress((json.dumps(SHAREGPT) + "\n").encode()))
    elif form == "jsonl":
        path = lines(tmp_path / "share.jsonl", SHAREGPT)
    else:
        path = lines(tmp_path / "share.json", SHAREGPT if form == "json object" else [SHAREGPT])
    (dialog,) = read_dialogs(path)
    assert dialog.id == "share-7"
    assert said(dialog) == [("user", "Where is my order?"), ("assistant", "It is on its way.")]
    contents = [event.content for event in dialog.events or [] if event.action == "tool"]
    assert contents[0] == {"name": "find_order", "args": {"order": 12}, "id": "call_0"}
    assert contents[1] == {"name": "find_order", "output": "on its way", "call_id": "call_0"}


def test_a_bare_list_of_messages_is_one_dialog(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Hi!", "name": "Ann"}, {"role": "assistant", "content": "Hello."}]
    (one,) = read_dialogs(lines(tmp_path / "chat.json", messages))
    assert (one.id, said(one)) == ("chat", [("Ann", "Hi!"), ("assistant", "Hello.")])
    assert said(Dialog.from_file(tmp_path / "chat.json")) == said(one)
    assert [said(d) for d in read_dialogs(lines(tmp_path / "chats.jsonl", messages, messages))] == [said(one)] * 2


@pytest.mark.parametrize("fmt", ["openai", "sharegpt"])
def test_what_we_export_we_read(fmt: str, tmp_path: Path) -> None:
    contents = [{"name": "f", "args": {"x": 1}, "id": "a"}, {"name": "f", "output": "9", "call_id": "a"}]
    calls = [
        Event(agent="Bot", action="tool", actionLabel=label, content=content, timestamp=place)
        for place, (label, content) in enumerate(zip(("call", "output"), contents, strict=True))
    ]
    calls.append(Event(agent="Bot", action="utter", content="It is 9.", timestamp=2))
    dialog = Dialog(turns=[Turn(speaker="Ann", text="What is it?"), Turn(speaker="Bot", text="It is 9.")], events=calls)
    export([dialog, dialog], tmp_path / "out.jsonl", fmt)
    first, second = read_dialogs(tmp_path / "out.jsonl")
    assert said(first) == said(second) == [("user", "What is it?"), ("assistant", "It is 9.")]
    kept = [event.content for event in first.events or [] if event.action == "tool"]
    assert [content["name"] for content in kept if isinstance(content, dict)] == ["f", "f"]


def test_our_own_dialogs_may_speak_of_messages(tmp_path: Path) -> None:
    dialog = Dialog(id="1", turns=[Turn(speaker="Ann", text='My "messages" and "conversations" are gone.')])
    assert list(read_dialogs(lines(tmp_path / "own.jsonl", dialog.json()))) == [dialog]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"messages": [{"role": "wizard", "content": "x"}]},
            r"chats\.jsonl, line 2: message 0: nobody knows the role 'wiz",
        ),
        ({"messages": [{"role": "user"}]}, r"chats\.jsonl, line 2: message 0: the user's message has no text"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
            r"chats\.jsonl, line 2: message 0: a tool call without",
        ),
        ({"messages": "none"}, r"chats\.jsonl, line 2: not a dialog"),
        ({"messages": [{"content": "x"}]}, r"chats\.jsonl, line 2: message 0: it does not say whose it is"),
        ({"messages": ["x"]}, r"chats\.jsonl, line 2: not a dialog"),
        (
            {"messages": [{"role": "user", "content": {"url": "x"}}]},
            r"line 2: message 0: .* without a text; it has url",
        ),
        (
            {"messages": [{"role": "user", "content": float("nan")}]},
            r"line 2: message 0: the user's message has no text",
        ),
    ],
)
def test_what_is_no_chat_is_an_error_with_file_and_line(entry: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DialogFormatError, match=message):
        list(read_dialogs(lines(tmp_path / "chats.jsonl", OPENAI, entry)))


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_table_of_many_dialogs(suffix: str, tmp_path: Path) -> None:
    dialogs = [
        Dialog(id=f"d{n}", turns=[Turn(speaker="Ann", text=f'Say "{n}",\nplease'), Turn(speaker="Bo", text="\t!")])
        for n in range(3)
    ]
    export(dialogs, tmp_path / f"all.{suffix}", suffix)
    found = list(read_dialogs(tmp_path / f"all.{suffix}"))
    assert [(d.id, said(d)) for d in found] == [(d.id, said(d)) for d in dialogs]
    assert len(Dialog.from_file(tmp_path / f"all.{suffix}")) == 3


def test_rows_of_one_dialog_need_not_stand_together(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text('conversation_id,speaker,text\na,Ann,"Hi, ""you"""\nb,Cy,Oh\na,Bob,Hello\n', encoding="utf-8")
    assert [(d.id, said(d)) for d in read_dialogs(path)] == [
        ("a", [("Ann", 'Hi, "you"'), ("Bob", "Hello")]),
        ("b", [("Cy", "Oh")]),
    ]


@pytest.mark.parametrize(
    ("entry", "own_id"),
    [
        ({"custom_id": "r1", "method": "POST", "body": {"model": "m", **OPENAI}}, "r1"),
        ({"id": "a1", "data": OPENAI}, "a1"),
        ({"data": {"id": 7, **OPENAI}, "meta": {"split": "train"}}, 7),
        ({"turns": 2, **OPENAI}, "chats-1"),
    ],
)
def test_messages_may_lie_deeper_or_beside_other_things(entry: Any, own_id: Any, tmp_path: Path) -> None:
    (dialog,) = read_dialogs(lines(tmp_path / "chats.jsonl", entry))
    assert dialog.id == own_id
    assert said(dialog) == [("user", "Where is\nmy order?"), ("assistant", "It is on its way.")]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"role": "assistant", "content": None, "refusal": "I cannot."}, "I cannot."),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]}, "I cannot."),
        ({"role": "AI", "content": {"content_type": "text", "parts": ["Hello."]}}, "Hello."),
    ],
)
def test_what_a_model_says_may_stand_elsewhere(message: Any, text: str, tmp_path: Path) -> None:
    (dialog,) = read_dialogs(lines(tmp_path / "chats.jsonl", {"messages": [{"role": "user", "content": "x"}, message]}))
    assert said(dialog) == [("user", "x"), ("assistant", text)]


def test_the_older_form_of_tool_calls(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"order": 1}'}},
        {"role": "function", "name": "find", "content": "on its way"},
        {"role": "assistant", "content": "On its way."},
    ]
    (dialog,) = read_dialogs(lines(tmp_path / "chats.jsonl", {"messages": messages}))
    assert [event.content for event in dialog.events or [] if event.action == "tool"] == [
        {"name": "find", "args": {"order": 1}, "id": "call_0"},
        {"name": "find", "output": "on its way", "call_id": "call_0"},
    ]


def test_an_empty_chat_is_a_dialog_without_turns(tmp_path: Path) -> None:
    found = list(read_dialogs(lines(tmp_path / "chats.jsonl", {"messages": []}, OPENAI)))
    assert [len(dialog) for dialog in found] == [0, 2]


def test_what_the_system_says_may_stand_beside_the_list(tmp_path: Path) -> None:
    entry = {"system": "Be brief.", "conversations": SHAREGPT["conversations"][1:]}
    beside, within = read_dialogs(lines(tmp_path / "chats.jsonl", entry, SHAREGPT))
    assert beside.events == within.events
