"""The folder of a batch: what is being made, what is there, and the index.

::

    plan.json          what is being made: scene, voices, engine, seed; the folder can be gone on with under the same
    index.jsonl        a row a dialog, in their order; written anew by each run, as it goes
    <name>.wav ...     sound and labels of each dialog
    .batch/done/       per dialog: the plan it was made of and its files; written last, so they are whole
    .batch/unfinished  what is under way; left over by a run that was killed
    .batch/lock        held by the run that writes, as .batch/workers is by each of its processes

Nothing in it tells the time, so that the same plan gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sdialog.audio.batching.holds import Hold, hold_alone
from sdialog.audio.names import file_stem
from sdialog.core.errors import ConfigError

PLAN, INDEX, STATE = "plan.json", "index.jsonl", ".batch"
RESERVED = ("plan", "index", "report")


class AudioFolder:
    """A run's hold on its folder. Use it as a context manager.

    Args:
        path: the folder; made if missing.
        plan: what is made, as plain data; the seed in it may be None, for that of the folder or else ``seed``.
        seed: where neither says one.
        fresh: throw away what an earlier run has made there.

    Raises:
        ConfigError: if the folder is in use, or holds recordings of another plan.
    """

    def __init__(self, path: str | Path, plan: Mapping[str, Any], *, seed: int = 0, fresh: bool = False) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path} is a file; give a folder for the recordings")
        self.state = self.path / STATE
        self.state.mkdir(parents=True, exist_ok=True)
        self._hold: Hold = hold_alone(self.state)
        self._index: IO[bytes] | None = None
        self._taken = {_short(name) for name in RESERVED}
        try:
            if fresh:
                self._clear()
            self.seed = self._settle(dict(plan), seed)
        except BaseException:
            self._hold.let_go()
            raise

    def __enter__(self) -> AudioFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._index is not None:
            self._index.close()
        with suppress(OSError):  # what is under way there is gone on with next time
            (self.state / "unfinished").rmdir()
        self._hold.let_go()

    def name(self, dialog_id: Any, index: int) -> str:
        """Return the name of a dialog's files, which no other dialog has: its id where that can be.

        Args:
            dialog_id: of the dialog.
            index: its number; names must be asked for in this order.
        """
        stem = file_stem(str(index if dialog_id in (None, "") else dialog_id))
        if file_stem(stem) != stem:  # the mark of a changed name would be marked again by whoever takes it for a name
            head, _, mark = stem.rpartition("-")
            stem = f"{head}_{mark}"
        if _short(stem) in self._taken:
            stem = f"{stem}_{index}"
            while _short(stem) in self._taken:
                stem += "x"
        self._taken.add(_short(stem))
        return stem

    def write_row(self, row: Mapping[str, Any]) -> None:
        """Append a row to the index."""
        if self._index is None:
            self._index = (self.path / INDEX).open("wb")
        self._index.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        self._index.flush()

    def full(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with paths that can be opened from here."""

        def place(value: Any) -> Any:
            return [place(one) for one in value] if isinstance(value, list) else str(self.path / value)

        return {key: place(value) if key in row.get("files", ()) else value for key, value in row.items()}

    def _settle(self, plan: dict[str, Any], seed: int) -> int:
        """Compare the plan with the one that is there, and write it; return the seed."""
        path = self.path / PLAN
        old = None
        if path.exists():
            try:
                old = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                old = None
            if not isinstance(old, dict) or "seed" not in old:
                raise ConfigError(f"{path} is no plan of recordings; choose another folder")
        if plan.get("seed") is None:
            plan["seed"] = seed if old is None else old["seed"]
        new = json.loads(json.dumps(plan, default=str))
        if old is not None and (changed := list(_changes(old, new))):
            lines = "\n".join(f"  {line}" for line in changed[:12])
            raise ConfigError(
                f"{self.path} holds recordings of another plan. What changed:\n{lines}\nUndo the change, choose "
                "another folder, or make them anew with fresh=True (--fresh)"
            )
        if old is None:
            write_whole(path, json.dumps(new, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        return int(plan["seed"])

    def _clear(self) -> None:
        """Remove what earlier runs have made, and nothing else."""
        for mark in sorted((self.state / "done").glob("*.json")):
            for file in read_mark(mark).get("files", {}).values():
                for one in file if isinstance(file, list) else [file]:
                    (self.path / one).unlink(missing_ok=True)
                    _remove_empty((self.path / one).parent, self.path)
            mark.unlink()
        shutil.rmtree(self.state / "unfinished", ignore_errors=True)
        for name in (PLAN, INDEX):
            (self.path / name).unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_mark(path: Path) -> dict[str, Any]:
    """Return what is known of a finished dialog; nothing if it is not finished."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _short(name: str) -> int:
    """Return a number for a name, which takes less memory; equal where a file system tells no capitals."""
    return int.from_bytes(hashlib.blake2b(name.casefold().encode(), digest_size=8).digest(), "big")


def _remove_empty(folder: Path, above: Path) -> None:
    while folder != above and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _changes(old: Any, new: Any, where: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _changes(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif old != new:
        shown = [json.dumps(value, ensure_ascii=False)[:80] for value in (old, new)]
        yield f"{where}: {shown[0]} -> {shown[1]}"


__all__ = ["AudioFolder", "read_mark", "write_whole"]
