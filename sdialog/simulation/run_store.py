"""The run folder: what a batch of dialogs leaves on disk, and how it goes on after a crash.

::

    plan.json        what is being made: scenario, seed, n, versions, prompt hashes; written before the first dialog
    dialogs.jsonl    finished dialogs, one a line, by index
    failures.jsonl   dialogs that failed, with cause and partial dialog, until a later try of them has ended
    usage.jsonl      per dialog: model usage of each agent, and guard refusals
    late.jsonl       dialogs whose first attempt had failed, until the end of the run puts them in their place
    run.json         summary; written last, so its presence means that the run came to an orderly end
    .lock            held by the process that writes

A dialog's ``id`` derives from the run's seed and the dialog's index, which is how a resumed run knows what is there:
an index is done when ``dialogs.jsonl`` (or ``late.jsonl``) holds its id. A dialog that failed for good is a gap in
``dialogs.jsonl``; the others keep their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, DialogFormatError
from sdialog.core.seeds import derive_seed
from sdialog.llm.types import Usage
from sdialog.simulation.outcomes import Failure, Outcome
from sdialog.simulation.run_files import (
    FolderLock,
    LineFile,
    cut_torn_end,
    lines_of,
    parsed,
    replace_file,
    write_json,
)

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

PLAN, DIALOGS, FAILURES, USAGE, LATE, SUMMARY = (
    "plan.json",
    "dialogs.jsonl",
    "failures.jsonl",
    "usage.jsonl",
    "late.jsonl",
    "run.json",
)
RUN_FILES = (SUMMARY, DIALOGS, FAILURES, USAGE, LATE, PLAN)


def dialog_id(run_seed: int, index: int) -> str:
    """Return the id of dialog ``index`` of a run: 16 hex digits.

    Example:
        >>> dialog_id(13, 0) != dialog_id(13, 1) != dialog_id(14, 1)
        True
    """
    return f"{derive_seed(run_seed, 'id', index):016x}"


class RunStore:
    """One process's hold on a run folder. Use it as a context manager.

    Args:
        folder: the run folder; made if missing.
        plan: what the run makes, as plain data with at least ``seed`` and ``n``; everything in it except ``n`` must
            be the same for a run to be resumed.
        fresh: throw away what the folder holds of an earlier run.

    Raises:
        ConfigError: the folder is in use, holds a run with another plan, or holds files that are no run.
    """

    def __init__(self, folder: str | Path, plan: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.folder = Path(folder)
        self.seed, self.n = int(plan["seed"]), int(plan["n"])
        self._frontier = 0  # the index after the last one in dialogs.jsonl
        self._prepare_folder()
        self._lock = FolderLock(self.folder)
        self._lock.acquire()
        try:
            known = self._settle_plan(dict(plan), fresh)
            self._done = bytearray(max(self.n, known))
            self.resumed = self._recover()
            (self.folder / SUMMARY).unlink(missing_ok=True)  # it is true of a finished run only
        except BaseException:
            self._lock.release()
            raise
        self._dialogs = LineFile(self.folder / DIALOGS)
        self._late = LineFile(self.folder / LATE)
        self._failures = LineFile(self.folder / FAILURES)
        self._usage = LineFile(self.folder / USAGE)

    kept: tuple[Dialog, ...] = ()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def done(self) -> int:
        """How many of the dialogs asked for are there."""
        return self._done.count(1, 0, self.n)

    def todo(self) -> Iterator[int]:
        """Yield the indices still to be made, ascending: gaps left by failures, and what was not reached."""
        index = self._done.find(0, 0, self.n)
        while index >= 0:
            yield index
            index = self._done.find(0, index + 1, self.n)

    def add(self, outcome: Outcome) -> None:
        """Store a finished dialog. Indices must come in the order of :meth:`todo`."""
        index = _index(outcome)
        # Usage first: a crash between the two lines leaves usage without a dialog, which the next start drops.
        self._write_usage(index, outcome)
        line = outcome.dialog.json_line().encode()
        if index < self._frontier:
            self._late.append(line)
        else:
            self._dialogs.append(line)
            self._frontier = index + 1
        self._done[index] = 1

    def add_failure(self, failure: Failure) -> None:
        """Store why a dialog failed, with the dialog as far as it came."""
        self._failures.append(json.dumps(failure.json(), ensure_ascii=False, default=str).encode())

    def add_discarded(self, index: int | None, usage: Mapping[str, Usage]) -> None:
        """Store what a dialog had used that was broken off and will be made again: a budget counts it."""
        spent = {party: used.json() for party, used in usage.items() if used.calls}
        if spent:
            self._usage.append(json.dumps({"index": index, "discarded": True, "usage": spent}).encode())

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yield the stored failures."""
        for number, line in lines_of(self.folder / FAILURES):
            yield parsed(self.folder / FAILURES, number, line)

    def usage_lines(self) -> Iterator[dict[str, Any]]:
        """Yield the stored usage, one entry a dialog."""
        for number, line in lines_of(self.folder / USAGE):
            yield parsed(self.folder / USAGE, number, line)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Put late dialogs in their place and write ``run.json``."""
        for file in (self._usage, self._dialogs, self._late, self._failures):
            file.close()
        self._merge_late()
        replace_file(self.folder / FAILURES, self._standing_failures())
        for name in (DIALOGS, FAILURES, USAGE):
            (self.folder / name).touch()
        write_json(self.folder / SUMMARY, dict(summary))

    def close(self) -> None:
        """Close the files and let go of the folder."""
        for file in (self._usage, self._dialogs, self._late, self._failures):
            file.close()
        self._lock.release()

    def _write_usage(self, index: int, outcome: Outcome) -> None:
        entry = {
            "index": index,
            "id": outcome.dialog.id,
            "turns": len(outcome.dialog),
            "stopReason": outcome.stop_reason,
            "attempts": outcome.attempts,
            "usage": {party: used.json() for party, used in outcome.usage.items()},
            "counts": dict(outcome.counts),
        }
        self._usage.append(json.dumps(entry, ensure_ascii=False).encode())

    def _prepare_folder(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ConfigError(f"{self.folder} is a file; give a folder for the run")
        self.folder.mkdir(parents=True, exist_ok=True)
        held = [name for name in RUN_FILES if (self.folder / name).exists()]
        if held and PLAN not in held:
            raise ConfigError(
                f"{self.folder} holds {', '.join(held)} but no {PLAN}, so it is not a run that can go on; "
                "choose another folder"
            )

    def _settle_plan(self, plan: dict[str, Any], fresh: bool) -> int:
        """Compare with the plan on disk and write the new one; return how many dialogs were ever planned."""
        path, most = self.folder / PLAN, self.n
        if fresh:
            for name in RUN_FILES:
                (self.folder / name).unlink(missing_ok=True)
        elif path.exists():
            old = parsed(path, 1, path.read_bytes())
            most = max(int(old.get("most", old.get("n", 0))), self.n)
            changed = plan_changes(old, plan)
            if changed:
                raise ConfigError(_refusal(self.folder, changed))
        # "most" remembers a larger n of earlier, whose dialogs are still in the file.
        write_json(path, {**plan, "most": most})
        return most

    def _recover(self) -> bool:
        """Bring the files of a killed run in order and learn what is done; return whether there was anything."""
        for name in (DIALOGS, LATE, USAGE):
            cut_torn_end(self.folder / name)
        self._merge_late()
        for index, _ in self._indexed(self.folder / DIALOGS):
            self._done[index] = 1
            self._frontier = index + 1
        self._drop_stale_usage()
        self._keep_usage_of_failures()
        return self._frontier > 0

    def _keep_usage_of_failures(self) -> None:
        """Failed dialogs are tried again: move what they used to the usage file, since a budget counts it.

        Killed in the middle of this, the next start counts some of it twice: a budget rather ends early than late.
        """
        path = self.folder / FAILURES
        if not path.exists():
            return
        cut_torn_end(path)
        spent = LineFile(self.folder / USAGE)
        for failure in self.failures():
            if failure["usage"]:
                entry = {"index": failure["index"], "discarded": True, "usage": failure["usage"]}
                spent.append(json.dumps(entry, ensure_ascii=False).encode())
        spent.close()
        moved = ({**json.loads(line), "usage": {}} for line in self._standing_failures())
        replace_file(path, (json.dumps(failure, ensure_ascii=False).encode() for failure in moved))

    def _standing_failures(self) -> Iterator[bytes]:
        """Yield the last record of each dialog that is still not there."""
        path = self.folder / FAILURES
        last = {parsed(path, number, line)["index"]: number for number, line in lines_of(path)}
        for number, line in lines_of(path):
            index = parsed(path, number, line)["index"]
            if last[index] == number and not self._done[index]:
                yield line

    def _indexed(self, path: Path) -> Iterator[tuple[int, bytes]]:
        """Yield index and line of each stored dialog, in file order."""
        index = 0
        for number, line in lines_of(path):
            found = parsed(path, number, line).get("id")
            index = self._index_of(found, index, path, number)
            yield index, line
            index += 1

    def _index_of(self, found: Any, start: int, path: Path, number: int) -> int:
        for index in range(start, len(self._done)):
            if dialog_id(self.seed, index) == found:
                return index
        raise DialogFormatError(
            f"dialog {found!r} is not one of this run's, or out of order; restore the file or start again with --fresh",
            file=path,
            line=number,
        )

    def _merge_late(self) -> None:
        """Merge ``late.jsonl`` into ``dialogs.jsonl``; doing it twice, after a crash in between, changes nothing."""
        late = self.folder / LATE
        if not late.exists():
            return
        if any(True for _ in lines_of(late)):
            replace_file(self.folder / DIALOGS, self._merged())
        late.unlink()

    def _merged(self) -> Iterator[bytes]:
        late = self._indexed(self.folder / LATE)
        waiting = next(late, None)
        for index, line in self._indexed(self.folder / DIALOGS):
            while waiting is not None and waiting[0] <= index:
                if waiting[0] < index:
                    yield waiting[1]
                waiting = next(late, None)
            yield line
        while waiting is not None:
            yield waiting[1]
            waiting = next(late, None)

    def _drop_stale_usage(self) -> None:
        """Drop usage of dialogs that are not there, which will be made again, and second entries."""
        seen, keep, stale = bytearray(len(self._done)), [], False
        path = self.folder / USAGE
        for number, line in lines_of(path):
            entry = parsed(path, number, line)
            index = entry["index"]
            good = bool(entry.get("discarded")) or (self._done[index] and not seen[index])
            if good and not entry.get("discarded"):
                seen[index] = 1
            keep.append(good)
            stale = stale or not good
        if stale:
            replace_file(path, (line for (_, line), good in zip(lines_of(path), keep, strict=True) if good))


def plan_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say in which places two plans differ; ``n`` may differ.

    Example:
        >>> plan_changes({"n": 5, "seed": 1, "a": [{"b": 2}]}, {"n": 9, "seed": 2, "a": [{"b": 3}]})
        ['a[0].b: 2 -> 3', 'seed: 1 -> 2']
    """
    plain = json.loads(json.dumps(dict(new), default=str))
    before, after = ({k: v for k, v in plan.items() if k not in ("n", "most")} for plan in (old, plain))
    return sorted(_differences(before, after))


def _differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        for position in range(max(len(old), len(new))):
            one = old[position] if position < len(old) else None
            other = new[position] if position < len(new) else None
            yield from _differences(one, other, f"{where}[{position}]")
    elif old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = "(absent)" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _refusal(folder: Path, changed: list[str]) -> str:
    shown = "\n".join(f"  {line}" for line in changed[:12])
    more = f"\n  ... and {len(changed) - 12} more" if len(changed) > 12 else ""
    return (
        f"{folder} holds a run with another plan, so going on would mix two kinds of dialogs. What changed:\n"
        f"{shown}{more}\nUndo the change, choose another folder with --out, or start again here with --fresh."
    )


def _index(outcome: Outcome) -> int:
    if outcome.index is None:
        raise ValueError("an outcome needs its index to be stored")
    return outcome.index
