"""Files that survive a crash: append-only lines, whole-file replacement, and a lock."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from sdialog.core.errors import ConfigError, DialogFormatError

SYNC_EVERY_LINES = 64
SYNC_EVERY_SECONDS = 1.0


class LineFile:
    """An append-only file of JSON lines.

    Each line reaches the operating system at once, so a killed process loses nothing that was written; the disk is
    made sure of in groups, so a power cut loses at most the last group.

    Args:
        path: the file; made when the first line comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: io.FileIO | None = None
        self._unsynced, self._synced_at = 0, time.monotonic()

    def append(self, line: bytes) -> None:
        """Write one line; ``line`` has no newline in it.

        Raises:
            OSError: if it cannot be written, as on a full disk; the file then ends where it did.
        """
        if self._handle is None:
            self._handle = io.FileIO(self.path, "ab")
        end = self._handle.seek(0, os.SEEK_END)
        rest = memoryview(line + b"\n")
        try:
            while rest:  # the system may take a part of it, and refuse the rest only when it is asked again
                rest = rest[self._handle.write(rest) :]
        except OSError:
            self._handle.truncate(end)
            raise
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY_LINES or time.monotonic() - self._synced_at >= SYNC_EVERY_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Make sure that everything written is on the disk."""
        if self._handle is not None and self._unsynced:
            os.fsync(self._handle.fileno())
        self._unsynced, self._synced_at = 0, time.monotonic()

    def close(self) -> None:
        """Sync and close; a later :meth:`append` opens it again."""
        self.sync()
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the 1-based number and bytes of each line that ends in a newline; nothing if there is no file."""
    if not path.exists():
        return
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if line.endswith(b"\n"):
                yield number, line[:-1]


def parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """Parse one JSON line.

    Raises:
        DialogFormatError: with file and line, if it is not a JSON object.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DialogFormatError(f"not JSON ({error})", file=path, line=number) from error
    if not isinstance(value, dict):
        raise DialogFormatError("not a JSON object", file=path, line=number)
    return value


def cut_torn_end(path: Path) -> int:
    """Cut off what a killed process or a power cut left after the last whole line.

    That is text without a newline, and a last line which is no JSON (a file system may have filled it with zeros).

    Args:
        path: a file of JSON lines; it need not exist.

    Returns:
        How many bytes were cut.
    """
    if not path.exists():
        return 0
    with path.open("rb+") as handle:
        size = handle.seek(0, os.SEEK_END)
        end = _after_last_newline(handle, size)
        while end:
            start = _after_last_newline(handle, end - 1)
            handle.seek(start)
            try:
                json.loads(handle.read(end - 1 - start))
                break
            except ValueError:
                end = start
        if end < size:
            handle.truncate(end)
            os.fsync(handle.fileno())
        return size - end


def _after_last_newline(handle: IO[bytes], end: int, block: int = 1 << 16) -> int:
    """Return the position after the last newline before ``end``, 0 if there is none."""
    while end > 0:
        start = max(0, end - block)
        handle.seek(start)
        found = handle.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def replace_file(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file whole or not at all: beside its place first, then moved over it."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as handle:
            for line in lines:
                handle.write(line + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)  # on a full disk, half a file would keep the place that the next try needs
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    replace_file(path, [json.dumps(value, indent=2, ensure_ascii=False, default=str).encode()])


def sync_folder(folder: Path) -> None:
    """Make sure that a file's new name is on the disk, where the system lets one ask for that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderLock:
    """Keeps a second process out of a folder. The system gives the lock back when the process dies, however it dies.

    Args:
        folder: the folder to hold; a file ``.lock`` in it says who does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            ConfigError: if another process (or another run in this one) holds it.
        """
        handle = (self.folder / ".lock").open("a+", encoding="utf-8")
        if not _lock(handle):
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            handle.close()
            raise ConfigError(
                f"{self.folder} is being written by {holder}; let it finish, stop it, or choose another folder"
            )
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()} on {socket.gethostname()}")
        handle.flush()
        self._handle = handle

    def release(self) -> None:
        """Give the lock back, and forget whose it was: the folder may be handed on."""
        if self._handle is not None:
            self._handle.truncate(0)
            self._handle.close()
            self._handle = None


def _lock(handle: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(1 << 20)  # a byte past the text, so that others can still read who holds it
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
