"""The run folder: order, resume, crashes at any byte, refusal of other plans."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import ConfigError, DialogFormatError
from sdialog.llm.types import Usage
from sdialog.simulation.outcomes import Failure, Outcome
from sdialog.simulation.run_files import cut_torn_end, replace_file
from sdialog.simulation.run_store import RunStore, dialog_id, plan_changes

SEED = 13


def plan(n: int, **more: object) -> dict[str, object]:
    return {"seed": SEED, "n": n, "scenario": {"name": "test"}, **more}


def outcome(index: int) -> Outcome:
    dialog = Dialog(
        id=dialog_id(SEED, index),
        timestamp=None,
        turns=[Turn(speaker="A", text=f"line {index}\u2028 with “ünïcode”\n" * (index % 3 + 1))],
        stopReason="agent_stop",
    )
    return Outcome(dialog, {"A": Usage(1, 10, 5)}, {}, index)


def failure(index: int) -> Failure:
    return Failure(index, "ServerError", "HTTP 500", usage={"A": Usage(1, 7, 0)})


def write_all(folder: Path, n: int, failing: frozenset[int] = frozenset()) -> bytes:
    with RunStore(folder, plan(n)) as store:
        for index in list(store.todo()):
            if index in failing:
                store.add_failure(failure(index))
            else:
                store.add(outcome(index))
        store.finish({"status": "complete"})
    return (folder / "dialogs.jsonl").read_bytes()


def test_ids_do_not_repeat_and_do_not_depend_on_the_size_of_the_run() -> None:
    assert len({dialog_id(SEED, index) for index in range(5000)}) == 5000
    assert dialog_id(SEED, 7) != dialog_id(SEED + 1, 7)


def test_a_finished_run_has_all_files_and_nothing_left_over(tmp_path: Path) -> None:
    write_all(tmp_path / "r", 3)
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names == {"plan.json", "dialogs.jsonl", "failures.jsonl", "usage.jsonl", "run.json", ".lock"}
    assert json.loads((tmp_path / "r" / "run.json").read_text())["status"] == "complete"


def test_extending_a_run_keeps_what_is_there(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "whole", 9)
    first = write_all(tmp_path / "r", 4)
    assert whole.startswith(first)
    assert write_all(tmp_path / "r", 9) == whole


def test_a_smaller_n_later_keeps_the_larger_run(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "r", 9)
    with RunStore(tmp_path / "r", plan(4)) as store:
        assert list(store.todo()) == []
        assert store.done == 4
    assert write_all(tmp_path / "r", 9) == whole


def test_failed_dialogs_are_tried_again_and_take_their_place(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "whole", 8)
    write_all(tmp_path / "r", 8, frozenset({0, 3, 4, 7}))
    with RunStore(tmp_path / "r", plan(8)) as store:
        assert list(store.todo()) == [0, 3, 4, 7]
        assert [(record["index"], record["usage"]) for record in store.failures()] == [
            (0, {}),
            (3, {}),
            (4, {}),
            (7, {}),
        ]
        discarded = [entry for entry in store.usage_lines() if entry.get("discarded")]
        assert [entry["usage"]["A"]["input_tokens"] for entry in discarded] == [7] * 4
    assert write_all(tmp_path / "r", 8) == whole
    assert (tmp_path / "r" / "failures.jsonl").read_text() == ""


def test_why_a_dialog_failed_is_kept_until_a_later_try_has_ended(tmp_path: Path) -> None:
    write_all(tmp_path / "r", 8, frozenset({0, 3, 4}))
    with RunStore(tmp_path / "r", plan(8)) as store:  # stopped after two of three
        store.add(outcome(0))
        store.add_failure(Failure(3, "LLMTimeoutError", "no answer"))
    with RunStore(tmp_path / "r", plan(8)) as store:
        assert [(record["index"], record["error"]) for record in store.failures()] == [
            (4, "ServerError"),
            (3, "LLMTimeoutError"),
        ]
        store.add(outcome(3))
        store.add_failure(failure(4))
        store.finish({"status": "some_failed"})
        assert [record["index"] for record in store.failures()] == [4]
    with RunStore(tmp_path / "r", plan(8)) as store:
        spent = [entry["index"] for entry in store.usage_lines() if entry.get("discarded")]
    assert spent == [0, 3, 4, 4]


def test_another_plan_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    write_all(tmp_path / "r", 2)
    with pytest.raises(ConfigError, match=r"scenario\.name: \"test\" -> \"other\"") as error:
        RunStore(tmp_path / "r", plan(2, scenario={"name": "other"}))
    assert "--fresh" in str(error.value)
    with RunStore(tmp_path / "r", plan(2, scenario={"name": "other"}), fresh=True) as store:
        assert list(store.todo()) == [0, 1]


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dialogs.jsonl").write_text("{}\n")
    with pytest.raises(ConfigError, match=r"no plan\.json"):
        RunStore(tmp_path, plan(2))
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        RunStore(tmp_path / "file", plan(2))


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom sdialog.simulation.run_store import RunStore\n"
        f"store = RunStore({str(tmp_path / 'r')!r}, {plan(2)!r})\nprint('held', flush=True)\ntime.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"process {holder.pid}"):
            RunStore(tmp_path / "r", plan(2))
    finally:
        holder.kill()
        holder.wait()
    with RunStore(tmp_path / "r", plan(2)) as store:
        assert list(store.todo()) == [0, 1]


def test_a_foreign_line_is_an_error_that_names_file_and_line(tmp_path: Path) -> None:
    write_all(tmp_path / "r", 3)
    path = tmp_path / "r" / "dialogs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2] + lines[1])
    with pytest.raises(DialogFormatError, match=r"dialogs\.jsonl, line 3"):
        RunStore(tmp_path / "r", plan(3))


@pytest.mark.parametrize("torn", [b'{"id": "a"', b"\x00" * 300, b"\x00" * 40 + b"\n", b"{]\n{"])
def test_a_torn_end_is_cut(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": 2}\n' + torn)
    assert cut_torn_end(path) == len(torn)
    assert path.read_bytes() == b'{"a": 1}\n{"b": 2}\n'
    assert cut_torn_end(path) == 0


class CrashError(Exception):
    pass


def crashing_session(folder: Path, n: int, failing: frozenset[int], crash_after: int, cut: int) -> bool:
    """Run one session that dies after some records and tears off the ends of its files; True if it finished."""
    store = RunStore(folder, plan(n))
    try:
        for count, index in enumerate(list(store.todo())):
            if count == crash_after:
                raise CrashError
            if index in failing:
                store.add_failure(failure(index))
            else:
                store.add(outcome(index))
        store.finish({"status": "complete"})
    except CrashError:
        store.close()
        for name in ("dialogs.jsonl", "late.jsonl", "usage.jsonl", "failures.jsonl"):
            path = folder / name
            if path.exists():
                data = path.read_bytes()
                path.write_bytes(data[: max(0, len(data) - cut)])
        return False
    store.close()
    return True


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 12),
    crashes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 400), st.frozensets(st.integers(0, 11))), max_size=5),
)
def test_any_crashes_at_any_byte_give_the_bytes_of_an_uninterrupted_run(
    tmp_path_factory: pytest.TempPathFactory, n: int, crashes: list[tuple[int, int, frozenset[int]]]
) -> None:
    base = tmp_path_factory.mktemp("crash")
    whole = write_all(base / "whole", n)
    for crash_after, cut, failing in crashes:
        crashing_session(base / "r", n, failing, crash_after, cut)
    assert write_all(base / "r", n) == whole
    entries = [json.loads(line) for line in (base / "r" / "usage.jsonl").read_text().splitlines()]
    counted = [entry["index"] for entry in entries if not entry.get("discarded")]
    assert len(counted) == len(set(counted))


def test_a_crash_between_merging_and_removing_late_dialogs_changes_nothing(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "whole", 6)
    write_all(tmp_path / "r", 6, frozenset({1, 4}))
    with RunStore(tmp_path / "r", plan(6)) as store:
        for index in list(store.todo()):
            store.add(outcome(index))
    late = (tmp_path / "r" / "late.jsonl").read_bytes()
    assert late
    write_all(tmp_path / "r", 6)
    (tmp_path / "r" / "late.jsonl").write_bytes(late)
    assert write_all(tmp_path / "r", 6) == whole


def test_plan_changes_ignore_the_number_of_dialogs() -> None:
    rng = random.Random(1)
    one = {"n": rng.randint(1, 9), "most": 3, "a": {"b": [1, 2]}}
    assert plan_changes(one, {**one, "n": 99}) == []
    assert plan_changes(one, {**one, "a": {"b": [1, 2, 3]}}) == ["a.b[2]: (absent) -> 3"]


def test_a_full_disk_leaves_whole_lines_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "whole", 9)
    program = (
        "import resource, sys\n"
        f"sys.path[:0] = {[str(Path(__file__).parent)]!r}\n"
        "from pathlib import Path\nfrom test_run_store import write_all\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) // 2}, {len(whole) // 2}))\n"
        f"write_all(Path({str(tmp_path / 'r')!r}), 9)\n"
    )
    died = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "File too large" in died.stderr
    there = (tmp_path / "r" / "dialogs.jsonl").read_bytes()
    assert there
    assert there.endswith(b"\n")
    assert whole.startswith(there)
    assert write_all(tmp_path / "r", 9) == whole


def test_a_file_that_could_not_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    def lines() -> Iterator[bytes]:
        yield b"one"
        raise OSError("no space left")

    (tmp_path / "x").write_bytes(b"old\n")
    with pytest.raises(OSError, match="no space"):
        replace_file(tmp_path / "x", lines())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old\n")]


def test_a_kill_in_the_middle_of_merging_late_dialogs_changes_nothing(tmp_path: Path) -> None:
    whole = write_all(tmp_path / "whole", 6)
    write_all(tmp_path / "r", 6, frozenset({1, 4}))
    with RunStore(tmp_path / "r", plan(6)) as store:
        for index in list(store.todo()):
            store.add(outcome(index))
    (tmp_path / "r" / ".dialogs.jsonl.new").write_bytes(whole[:100])
    with RunStore(tmp_path / "r", plan(6)) as store:
        assert list(store.todo()) == []
    assert (tmp_path / "r" / "dialogs.jsonl").read_bytes() == whole
    assert not (tmp_path / "r" / ".dialogs.jsonl.new").exists()


def test_a_folder_that_cannot_go_on_stays_as_it_was(tmp_path: Path) -> None:
    with RunStore(tmp_path / "r", plan(2)) as store:
        for index in range(2):
            store.add(outcome(index))
        store.finish({"status": "done"})
    dialogs, summary = tmp_path / "r" / "dialogs.jsonl", tmp_path / "r" / "run.json"
    dialogs.write_bytes(dialogs.read_bytes().replace(b"{", b"[", 1))
    before = summary.read_bytes()
    with pytest.raises(DialogFormatError):
        RunStore(tmp_path / "r", plan(3))
    assert summary.read_bytes() == before
