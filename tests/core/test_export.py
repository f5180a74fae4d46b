from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pytest
from core.strategies import dialogs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Event, Turn
from sdialog.core.columns import JSON_COLUMNS, dialog_of
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.export import FORMATS, export
from sdialog.core.io import read_dialogs

CALL = {"name": "refund", "args": {"amount": 30, "card": "é"}, "id": "c1"}


def event(agent, action, content, label=None):
    return Event(agent=agent, action=action, actionLabel=label, content=content, timestamp=0)


@pytest.fixture
def talk():
    """Customer, then support that calls two tools at once and one after; the customer has the last word."""
    return Dialog(
        id="talk",
        personas={"Ava": {"name": "Ava", "role": "support", "_metadata": {"className": "SupportAgent"}}},
        turns=[
            Turn(speaker="Riley", text="I was charged twice."),
            Turn(speaker="Riley", text="Hello?"),
            Turn(speaker="Ava", text="It is refunded. <|im_end|>"),
            Turn(speaker="Riley", text="Bye"),
        ],
        events=[
            event("Riley", "utter", "I was charged twice."),
            event("Riley", "utter", "Hello?"),
            event("Ava", "instruct", "Be kind.", "Rule"),
            event("Ava", "think", "They are upset."),
            event("Ava", "tool", {"name": "verify", "args": {"id": "42"}, "id": "c0"}, "call"),
            event("Ava", "tool", CALL, "call"),
            event("Ava", "tool", {"name": "verify", "output": {"ok": True}, "call_id": "c0"}, "output"),
            event("Ava", "tool", {"name": "refund", "output": "done", "call_id": "c1"}, "output"),
            event("Ava", "tool", {"name": "hangs", "args": {}, "id": "lost"}, "call"),
            event("Ava", "tool", {"name": "log", "args": {"x": 1.5}, "id": "c2"}, "call"),
            event("Ava", "tool", {"name": "log", "output": None, "call_id": "c2"}, "output"),
            event("Ava", "utter", "It is refunded. <|im_end|>"),
            event("Riley", "utter", "Bye"),
        ],
    )


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_openai_messages_keep_tool_calls(talk, tmp_path):
    assert export([talk], tmp_path / "t.jsonl", "openai", system="Help.", persona=True) == 1
    (example,) = lines(tmp_path / "t.jsonl")
    said = example["messages"]
    assert said[0] == {"role": "system", "content": "Help.\n\n* Name: Ava\n* Role: support"}
    assert [m["role"] for m in said] == [
        "system",
        "user",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    calls = said[3]["tool_calls"]
    assert [c["function"]["name"] for c in calls] == ["verify", "refund"] and [
        m["tool_call_id"] for m in said[4:6]
    ] == ["c0", "c1"]
    assert json.loads(calls[1]["function"]["arguments"]) == CALL["args"] and calls[1]["type"] == "function"
    assert [m["content"] for m in said[4:6]] == ['{"ok": true}', "done"]
    assert said[-1] == {"role": "assistant", "content": "It is refunded. <|im_end|>"}
    tools = {t["function"]["name"]: t["function"]["parameters"]["properties"] for t in example["tools"]}
    assert tools["refund"] == {"amount": {"type": "integer"}, "card": {"type": "string"}}
    assert set(tools) == {"verify", "refund", "log"}


def test_sharegpt_alternates_and_keeps_tool_calls(talk, tmp_path):
    export([talk], tmp_path / "t.jsonl", "sharegpt")
    (example,) = lines(tmp_path / "t.jsonl")
    assert example["id"] == "talk"
    assert [entry["from"] for entry in example["conversations"]] == [
        "human", "function_call", "function_call", "observation", "observation", "function_call",
        "observation", "gpt", "human",
    ]  # fmt: skip
    assert example["conversations"][0]["value"] == "I was charged twice.\nHello?"
    assert json.loads(example["conversations"][2]["value"]) == {"name": "refund", "arguments": CALL["args"]}
    assert [tool["name"] for tool in json.loads(example["tools"])] == ["verify", "refund", "log"]


def test_chatml_text_cannot_be_broken_out_of(talk, tmp_path):
    export([talk, talk], tmp_path / "t.txt", "chatml")
    text = (tmp_path / "t.txt").read_text(encoding="utf-8")
    one, two = text.split("\n\n")
    assert one + "\n" == two and one.count("<|im_start|>") == one.count("<|im_end|>") == 9
    assert '<tool_call>{"name": "refund", "arguments": {"amount": 30, "card": "é"}}</tool_call>' in one
    export([talk, talk], tmp_path / "t.jsonl", "chatml")
    assert [line["text"] for line in lines(tmp_path / "t.jsonl")] == [two, two]


def test_who_is_the_assistant(talk, tmp_path):
    def roles(dialog, **options):
        export([dialog], tmp_path / "t.jsonl", "openai", **options)
        found = lines(tmp_path / "t.jsonl")
        return [m["role"][0] for m in found[0]["messages"]] if found else []

    plain = Dialog(turns=[Turn(speaker=s, text="x") for s in ("A", "B", "A", "C")])
    assert roles(plain) == ["u", "a"], "the second to speak"
    assert roles(plain, assistant="c") == ["u", "u", "u", "a"]
    assert roles(Dialog(turns=[Turn(speaker="A", text="x")])) == ["a"]
    assert roles(talk, assistant="riley") == ["a", "a", "u", "a"]
    assert roles(Dialog()) == [] and roles(Dialog(), assistant="A") == []
    export([plain], tmp_path / "t.jsonl", "openai", assistant="B")
    assert lines(tmp_path / "t.jsonl")[0]["messages"][0]["content"] == "A: x", "several users are told apart"
    with pytest.raises(UserError, match="nobody in it is called 'Zed'; the speakers are 'A', 'B', 'C'"):
        export([plain], tmp_path / "t.jsonl", "openai", assistant="Zed")


def test_tools_can_be_given(talk, tmp_path):
    tool = {"type": "function", "function": {"name": "refund", "description": "d", "parameters": {}}}
    export([talk], tmp_path / "t.jsonl", "openai", tools=[tool])
    assert lines(tmp_path / "t.jsonl")[0]["tools"] == [tool]
    export([talk], tmp_path / "t.jsonl", "openai", tools=[])
    assert "tools" not in lines(tmp_path / "t.jsonl")[0]


@settings(deadline=None)
@given(dialog=dialogs)
def test_openai_examples_are_always_well_formed(dialog):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        export([dialog], path, "openai")
        for example in lines(path):
            waiting = []
            for message in example["messages"]:
                if message["role"] == "tool":
                    waiting.remove(message["tool_call_id"])
                else:
                    assert not waiting
                    waiting = [call["id"] for call in message.get("tool_calls", ())]
            assert message["role"] == "assistant" and not waiting


@pytest.fixture
def many():
    return [Dialog(id=f"d{i}", turns=[Turn(speaker="A", text=f"{i}, \n"), Turn(text="")]) for i in range(12)]


def test_files_of_our_own(many, tmp_path):
    for fmt, path in (("jsonl", "x.jsonl"), ("jsonl", "y.jsonl.gz"), ("json", "x.json"), ("json", "folder")):
        assert export(iter(many), tmp_path / "new" / path, fmt) == 12
        assert list(read_dialogs(tmp_path / "new" / path)) == many
    for fmt in ("txt", "csv", "tsv"):
        assert export(many, tmp_path / fmt, fmt) == 12
        assert [d.turns for d in read_dialogs(tmp_path / fmt)] == [d.turns for d in many]
    assert export([], tmp_path / "empty.json", "json") == 0 and json.loads((tmp_path / "empty.json").read_text()) == []
    with pytest.raises(UserError, match="give a folder"):
        export(many, tmp_path / "x.txt", "txt")


def test_a_folder_written_again_has_no_leftovers(many, tmp_path):
    export(many, tmp_path, "txt")
    (tmp_path / "notes.md").write_text("mine")
    export(many[:3], tmp_path, "txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.txt", "000001.txt", "000002.txt", "notes.md"]


def test_a_folder_can_be_written_over_itself(many, tmp_path):
    export(many, tmp_path, "json")
    kept = (dialog.upper() for dialog in read_dialogs(tmp_path) if dialog.id != "d3")
    assert export(kept, tmp_path, "json") == 11
    assert [dialog.id for dialog in read_dialogs(tmp_path)] == [d.id for d in many if d.id != "d3"]


def test_arguments_that_are_none_do_not_stop_an_export(tmp_path):
    events = [
        Event(agent="B", action="tool", actionLabel="call", content={"name": "f", "args": "?", "id": "1"}, timestamp=0),
        Event(agent="B", action="tool", actionLabel="output", content={"call_id": "1", "output": ""}, timestamp=0),
        Event(agent="B", action="utter", content="ok", timestamp=0),
    ]
    dialog = Dialog(turns=[Turn(speaker="B", text="ok")], events=events)
    assert export([dialog], tmp_path / "t.jsonl", "openai") == export([dialog], tmp_path / "s.jsonl", "sharegpt") == 1
    assert lines(tmp_path / "t.jsonl")[0]["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_one_table_of_all_turns(many, tmp_path):
    export(many, tmp_path / "all.csv", "csv")
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 and rows[2] == {"dialog_id": "d1", "turn": "0", "speaker": "A", "text": "1, \n"}


def test_a_broken_off_export_leaves_the_old_file(many, tmp_path):
    export(many, tmp_path / "x.jsonl", "jsonl")
    before = (tmp_path / "x.jsonl").read_bytes()

    def broken():
        yield many[0]
        raise OSError("disk")

    for fmt in ("jsonl", "openai", "chatml", "parquet"):
        with pytest.raises(OSError, match="disk"):
            export(broken(), tmp_path / "x.jsonl", fmt)
    assert (tmp_path / "x.jsonl").read_bytes() == before and list(tmp_path.iterdir()) == [tmp_path / "x.jsonl"]


def test_formats_are_listed_and_misspellings_helped(tmp_path):
    assert list(FORMATS) == [
        "openai",
        "sharegpt",
        "chatml",
        "parquet",
        "datasets",
        "jsonl",
        "json",
        "txt",
        "csv",
        "tsv",
    ]
    with pytest.raises(UnknownNameError, match="export format 'opnai'; did you mean 'openai'"):
        export([], tmp_path / "x", "opnai")


def as_text_ids(dialog):
    changed = dialog.model_copy()
    changed.id = None if dialog.id is None else str(dialog.id)
    changed.parentId = None if dialog.parentId is None else str(dialog.parentId)
    return changed


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(many=st.lists(dialogs, max_size=4))
def test_parquet_loses_nothing(many):
    import pyarrow.parquet

    with tempfile.TemporaryDirectory() as folder:
        assert export(many, f"{folder}/x.parquet", "parquet") == len(many)
        table = pyarrow.parquet.read_table(f"{folder}/x.parquet")
    assert [dialog_of(row) for row in table.to_pylist()] == [as_text_ids(dialog) for dialog in many]


def test_a_parquet_file_has_columns_others_can_use(talk, tmp_path):
    import pyarrow.parquet

    export((talk for _ in range(1200)), tmp_path / "x.parquet", "parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet")
    assert file.metadata.num_rows == 1200 and file.metadata.num_row_groups == 3
    row = file.read_row_group(0).to_pylist()[0]
    assert row["turns"][1] == {"speaker": "Riley", "text": "Hello?"}
    assert json.loads(row["events"][5]["content"]) == CALL
    assert all(row[name] is None or isinstance(row[name], str) for name in JSON_COLUMNS)


@pytest.mark.parametrize("fmt", [fmt for fmt in FORMATS if fmt != "datasets"])
def test_a_cut_off_emoji_does_not_stop_an_export(tmp_path, fmt):
    half = Dialog(turns=[Turn(speaker="A", text="ok"), Turn(speaker="B", text="\ud83d")])
    assert export([half], tmp_path / "out.x", fmt) == 1


@pytest.mark.slow
def test_a_data_set_loads_from_disk(talk, many, tmp_path):
    import datasets

    folder = tmp_path / "set"
    assert export([talk, *many], folder, "datasets") == 13
    loaded = datasets.load_from_disk(str(folder))
    assert [dialog_of(row) for row in loaded] == [talk, *many]
    assert export(many, folder, "datasets") == 12, "an earlier data set is replaced"
    assert len(datasets.load_from_disk(str(folder))) == 12
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="holds something else"):
        export(many, tmp_path / "other", "datasets")
