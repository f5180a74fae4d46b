"""Who is at work in a folder: one run at a time, and no process that a killed run has left."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import IO

from sdialog.core.errors import ConfigError

PATIENCE = 30.0


class Hold:
    """A hold on a folder that the system takes back when the process dies, however it dies.

    Args:
        path: a file in the folder; made if missing.
        shared: others may hold it too, so long as nobody holds it alone.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self.path, self.shared = path, shared
        self._handle: IO[str] | None = None

    def take(self) -> bool:
        """Take it; return False if others hold it."""
        handle = self.path.open("a+", encoding="utf-8")
        if not _locked(handle, self.shared):
            handle.close()
            return False
        if not self.shared:
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}")
            handle.flush()
        self._handle = handle
        return True

    def let_go(self) -> None:
        """Give it back."""
        if self._handle is not None:
            if not self.shared:
                self._handle.truncate(0)
            self._handle.close()
            self._handle = None

    def holder(self) -> str:
        """Return who holds it."""
        return self.path.read_text(encoding="utf-8").strip() or "another process"


def hold_alone(state: Path) -> Hold:
    """Take a folder for this run, once the workers of an earlier one have gone.

    Args:
        state: where the folder keeps what it knows of itself.

    Raises:
        ConfigError: if another run holds it, or workers of a killed run do not end.
    """
    own = Hold(state / "lock")
    if not own.take():
        raise ConfigError(
            f"{state.parent} is being written by {own.holder()}; let it finish, stop it, or choose another folder"
        )
    left = Hold(workers_file(state))
    until = time.monotonic() + PATIENCE
    while not left.take():
        if time.monotonic() > until:
            own.let_go()
            raise ConfigError(f"processes of a run that was killed still write to {state.parent}; stop them first")
        time.sleep(0.05)
    left.let_go()
    return own


def workers_file(state: Path) -> Path:
    """Return the file that each worker holds while it lives."""
    return state / "workers"


def _locked(handle: IO[str], shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            if not shared:  # the system has no shared locks; there a worker ends with its parent, which must do
                handle.seek(1 << 20)
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


__all__ = ["Hold", "hold_alone", "workers_file"]
