from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from core.strategies import dialogs, turns
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Event, Turn
from sdialog.core.errors import DialogFormatError, UnknownNameError, UserError
from sdialog.core.export import export
from sdialog.core.io import Reading, read_dialogs, write_jsonl

TALK = Dialog(id="talk", turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello.\nYes?")])


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@settings(deadline=None)
@given(dialog=dialogs)
@example(Dialog(turns=[Turn(speaker="A", text="\ud83d")], notes="\udc00"))
def test_json_round_trip(folder, dialog):
    for kept in (
        dialog.json(),
        json.loads(dialog.json(string=True)),
        json.loads(dialog.json(string=True, indent=None)),
    ):
        assert Dialog.from_dict(kept) == dialog
    assert Dialog.from_json(dialog.json_line()) == dialog
    assert "\n" not in dialog.json_line()
    for ascii_only in (False, True):
        dialog.to_file(folder / "one.json", ensure_ascii=ascii_only)
        assert Dialog.from_file(folder / "one.json") == dialog


@settings(deadline=None)
@given(many=st.lists(dialogs, max_size=4), name=st.sampled_from(["x.jsonl", "x.jsonl.gz", "x.JSONL"]))
def test_jsonl_round_trip(folder, many, name):
    assert write_jsonl(many, folder / name) == len(many)
    assert list(read_dialogs(folder / name)) == many
    assert Dialog.from_file(folder / name) == many


@settings(deadline=None)
@given(said=turns, kind=st.sampled_from(["txt", "csv", "tsv", "TXT", "Csv", "log"]))
@example([Turn(speaker="A", text="\ud83d")], "csv")
def test_text_files_round_trip(folder, said, kind):
    Dialog(turns=said).to_file(folder / f"one.{kind}")
    assert Dialog.from_file(folder / f"one.{kind}").turns == said


def test_compressed_files_are_compressed_and_reproducible(tmp_path):
    write_jsonl([TALK] * 50, tmp_path / "a.jsonl.gz")
    write_jsonl([TALK] * 50, tmp_path / "b.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).count(b"\n") == 50


def test_a_folder_is_read_whole_and_in_order(tmp_path):
    for name in ("b.json", "a/2.txt", "a/10.CSV", "c.tsv", "a/b/x.json"):
        TALK.clone(new_id=name).to_file(tmp_path / name)
    write_jsonl([TALK.clone(new_id="l1"), TALK.clone(new_id="l2")], tmp_path / "d.jsonl")
    for other in ("notes.md", ".hidden.json", ".git/x.json", "picture.png"):
        path = tmp_path / other
        path.parent.mkdir(exist_ok=True)
        path.write_text("not a dialog")
    found = Dialog.from_folder(tmp_path)
    ids = [dialog.id for dialog in found]
    assert [ids[i] for i in (2, 3, 5, 6)] == ["a/b/x.json", "b.json", "l1", "l2"]
    assert [str(ids[i]).rpartition("-")[0] for i in (0, 1, 4)] == ["a/10", "a/2", "c"]
    assert ids == [dialog.id for dialog in Dialog.from_file(tmp_path)]
    assert {tuple(map(str, dialog)) for dialog in found} == {tuple(map(str, TALK))}
    assert [d.id for d in Dialog.load_folder(tmp_path, type="json")] == ["a/b/x.json", "b.json"]
    assert len(Dialog.from_folder(tmp_path, type="csv")) == 1


def test_ids_made_from_files_do_not_collide_across_folders(tmp_path):
    for part, text in (("train", "one"), ("test", "two")):
        Dialog(turns=[Turn(speaker="A", text=text)]).to_file(tmp_path / part / "1.txt")
    assert Dialog.from_folder(tmp_path / "train")[0].id != Dialog.from_folder(tmp_path / "test")[0].id


def test_a_run_folder_gives_its_dialogs_only(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "failures.jsonl").write_text("{}\n")
    write_jsonl([TALK], tmp_path / "dialogs.jsonl")
    assert list(read_dialogs(tmp_path)) == [TALK]
    assert Dialog.from_file(tmp_path.parent / tmp_path.name) == [TALK]


def test_a_json_list_is_many_dialogs(tmp_path):
    (tmp_path / "many.json").write_text(f"\ufeff [{TALK.json_line()}, {TALK.json_line()}]", encoding="utf-8")
    assert Dialog.from_file(tmp_path / "many.json") == [TALK, TALK]


def test_where_a_dialog_was_loaded_from_is_where_it_is_saved(tmp_path):
    TALK.to_file(tmp_path / "t.json")
    loaded = Dialog.open(tmp_path / "t.json").upper()
    loaded.save()
    assert Dialog.load(tmp_path / "t.json")[0].text == "HI!"
    with pytest.raises(UserError, match="needs a path"):
        loaded.clone().save()
    write_jsonl([TALK], tmp_path / "t.jsonl")
    with pytest.raises(UserError, match="needs a path"):
        next(read_dialogs(tmp_path / "t.jsonl")).save()


def test_to_file_makes_folders_and_keeps_what_it_may_not_replace(tmp_path):
    path = tmp_path / "new" / "t.txt"
    with pytest.raises(FileNotFoundError):
        TALK.to_file(path, makedir=False)
    TALK.to_file(path)
    with pytest.raises(FileExistsError):
        TALK.to_file(path, overwrite=False)
    TALK.to_file(path, type="csv")
    assert path.read_text().startswith("speaker,text\n")
    with pytest.raises(UnknownNameError, match="'jsn'; did you mean 'json'"):
        TALK.to_file(path, type="jsn")


def test_consecutive_turns_of_one_speaker_merge_on_request(tmp_path):
    said = [Turn(speaker="A", text="one "), Turn(speaker="A", text="two"), Turn(speaker="B", text="three")]
    Dialog(turns=said).to_file(tmp_path / "t.json")
    merged = Dialog.from_file(tmp_path / "t.json", collapse_consecutive_speakers=True, collapse_separator="|")
    assert [str(turn) for turn in merged] == ["A: one |two", "B: three"]


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("x.json", b'{"turns": [\n  {"speaker": "A"}\n]}', None, r"turns\[0\].text: Field required"),
        ("x.json", b'{"turns": [],\n oops}', 2, "not JSON"),
        ("x.json", b"", 1, "not JSON"),
        ("x.json", b"3", None, "not a dialog"),
        ("x.json", b"[{}, 3]", None, "entry 1"),
        ("x.json", b"[" * 100_000, None, "JSON"),
        ("x.json", b'{"seed": ' + b"9" * 5000 + b"}", None, "x.json"),
        ("x.json", b'{"id":\n"\xff"}', 2, "not UTF-8"),
        ("x.jsonl", b'{}\n\n{"turns": 3}\n', 3, "turns"),
        ("x.jsonl", b'{}\n{"turns": [', 2, "not JSON"),
        ("x.txt", b"A: hi\nwhat\n", 2, "shape"),
        ("x.txt", b"A: hi\nB: \xff\n", 2, "not UTF-8"),
        ("x.csv", b"speaker,txt\n", 1, "no column 'text'"),
        ("x.jsonl.gz", gzip.compress(b"{}\n" * 2000)[:-20], None, "damaged"),
        ("x.csv.gz", gzip.compress(b"speaker,text\nA,hi\n" * 2000)[:-20], None, "damaged"),
        ("x.csv", "speaker,text\nA,caf\u00e9\n".encode("latin-1"), 2, "iconv -f WINDOWS-1252"),
        ("x.csv", "speaker,text\nA,hi\n".encode("utf-16"), 1, "UTF-16"),
        ("x.json", b'{"id": "e", "items": [{"who": "A", "what": "hi"}]}', None, "neither turns nor events"),
    ],
)
def test_faulty_files_are_named_with_their_line(tmp_path, name, content, line, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DialogFormatError, match=says) as caught:
        list(read_dialogs(tmp_path))
    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)
    if line is not None:
        assert caught.value.line == line


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv", "x.tsv", "x.txt"])
def test_any_file_may_be_compressed(tmp_path, name):
    if name.endswith("txt"):
        TALK.to_file(tmp_path / name)
    else:
        export([TALK], tmp_path / name, name.partition(".")[2])
    (plain,) = read_dialogs(tmp_path / name)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    (packed,) = read_dialogs(tmp_path / f"{name}.gz")
    assert [(turn.speaker, turn.text) for turn in packed] == [(turn.speaker, turn.text) for turn in plain]


def test_a_compressed_file_without_a_type_is_told_how_to_be_named(tmp_path):
    (tmp_path / "talks.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(DialogFormatError, match=r"name it talks\.jsonl\.gz"):
        list(read_dialogs(tmp_path / "talks.gz"))


def test_what_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nothing\.json"):
        read_dialogs(tmp_path / "nothing.json")
    with pytest.raises(UserError, match="not a folder"):
        Dialog.from_folder(tmp_path / "nothing")
    with pytest.raises(UnknownNameError, match="file type 'xml'"):
        Reading(type="xml")


def test_readers_hold_one_dialog_at_a_time(tmp_path):
    """Reads the first dialog of a file with a broken second line: nothing beyond it was looked at."""
    (tmp_path / "x.jsonl").write_text(f"{TALK.json_line()}\nbroken\n")
    TALK.to_file(tmp_path / "y" / "1.json")
    (tmp_path / "y" / "2.json").write_text("broken")
    assert next(read_dialogs(tmp_path / "x.jsonl")) == TALK
    assert next(read_dialogs(tmp_path / "y")) == TALK


MEMORY = """
import resource, sys
from sdialog import Dialog, Event, Turn
from sdialog.core.export import export
from sdialog.core.io import read_dialogs, write_jsonl
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
said = [Turn(speaker="Ann", text=f"This is turn number {i} of the dialog.") for i in range(10)]
log = [Event(agent="Ann", action="utter", content=turn.text, timestamp=i) for i, turn in enumerate(said)]
before = peak()
count = write_jsonl((Dialog(id=i, turns=said, events=log) for i in range(5000)), sys.argv[1])
total = sum(len(dialog) for dialog in read_dialogs(sys.argv[1]))
print(count, total, peak() - before)
"""


def test_memory_stays_flat(tmp_path, root):
    shown = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "many.jsonl")],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    count, total, grown = map(int, shown.stdout.split())
    assert (count, total) == (5000, 50_000)
    assert (tmp_path / "many.jsonl").stat().st_size > 9_000_000
    assert grown < 8, f"{grown} MB more for 5000 dialogs"


def test_events_survive(tmp_path):
    call = Event(agent="B", action="tool", actionLabel="call", content={"name": "f", "args": {"x": [1]}}, timestamp=3)
    dialog = Dialog(events=[call])
    dialog.to_file(tmp_path / "e.json")
    assert Dialog.from_file(tmp_path / "e.json").events == [call]
