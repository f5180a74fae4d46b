"""The process of a worker: it makes one thing after another until its parent closes the pipe, or dies."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any, Protocol

from sdialog.audio.batching.holds import Hold, workers_file
from sdialog.core.errors import UserError

UP, READY, BROKEN, DONE, FAILED = "up", "ready", "broken", "done", "failed"


class Opener(Protocol):
    """What is sent to a worker: a description that can be pickled, and opens to a function from job to result."""

    def open(self, device: str) -> Callable[[Any], Any]:
        """Return the function, with whatever is slow to load."""


def serve(pipe: connection.Connection, device: str, state: str | None) -> None:
    """Answer jobs; the target of the process.

    Args:
        pipe: to the parent.
        device: for the engine.
        state: of the folder that is written, which is held while this process lives.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # the workers are what is parallel
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    held = None
    if state is not None:
        held = Hold(workers_file(Path(state)), shared=True)
        held.take()
    pipe.send((UP, None))
    try:
        make = pickle.loads(pipe.recv_bytes()).open(device)
    except Exception as error:  # noqa: BLE001 - told to the parent, who decides
        pipe.send((BROKEN, (isinstance(error, UserError), told(error))))
        return
    pipe.send((READY, None))
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            reply = (DONE, make(job))
        except Exception as error:  # noqa: BLE001 - a value: one bad job never ends the others
            reply = (FAILED, told(error))
        pipe.send(reply)


def told(error: BaseException) -> str:
    """Return an error as one text: its kind and its message.

    Example:
        >>> told(KeyError("Ann"))
        "KeyError: 'Ann'"
    """
    return f"{type(error).__name__}: {error}"


def _end_with_parent(parent: int) -> None:
    """End at once when the parent has died: whoever comes next wants the folder."""
    process = parent_process()
    watched = [] if process is None else [process.sentinel]
    while os.getppid() == parent:
        if watched:
            if connection.wait(watched, 0.5):
                break
        else:
            time.sleep(0.5)
    os._exit(1)


__all__ = ["Opener", "serve", "told"]
