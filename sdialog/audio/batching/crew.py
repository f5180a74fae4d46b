"""Worker processes, each with one job at a time: started when needed, replaced when they die or hang."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal

from sdialog.audio.batching._worker import BROKEN, DONE, FAILED, READY, UP, Opener, serve
from sdialog.core.errors import ConfigError

START_SECONDS = 600.0
STARTS = 24
"""How often a worker may be killed while it starts before its place stays empty; one that ends by itself, as an error
makes it, counts eightfold, for it will again."""

_PIPE_TAKES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that a worker no longer has.

    Attributes:
        job: what was given.
        how: ``done``; ``failed`` by itself; ``lost`` with its worker, which died or hung; ``back`` untouched.
        value: the result, or why there is none.
    """

    job: Any
    how: Literal["done", "failed", "lost", "back"]
    value: Any = None


@dataclass(eq=False)
class _Place:
    """Where a worker works; the process in it may change."""

    device: str
    process: SpawnProcess | None = None
    pipe: Any = None
    job: Any = None
    state: Literal["empty", "starting", "idle", "busy", "closed"] = "empty"
    until: float = float("inf")
    deaths: int = 0
    sending: list[threading.Thread] = field(default_factory=list)


class Crew:
    """Some worker processes.

    Args:
        opener: what each worker opens; must be picklable, as must jobs and results.
        devices: one a worker, handed to the opener.
        timeout: seconds that a job may take before its worker is killed; None for ever.
        state: folder state that workers hold while they live; see :mod:`sdialog.audio.batching.holds`.

    Raises:
        ConfigError: if the opener cannot be sent to another process.
    """

    def __init__(
        self, opener: Opener, devices: Sequence[str], *, timeout: float | None = None, state: Path | None = None
    ) -> None:
        try:
            self._opener = pickle.dumps(opener)
        except Exception as error:
            raise ConfigError(
                f"this cannot be sent to a worker process: {error}. Define functions and classes at the top of a "
                "module that can be imported, or work with one worker"
            ) from error
        self._places = [_Place(device) for device in devices]
        self._timeout, self._state = timeout, state
        self.cause: tuple[bool, str] | None = None
        """Why a place was closed: whether the caller can mend it, and the error."""

    @property
    def closed(self) -> bool:
        """Whether no worker is left, and none can be started."""
        return all(place.state == "closed" for place in self._places)

    def has_room(self) -> bool:
        """Tell whether a worker is free, or can be started."""
        return any(place.state in ("idle", "empty") for place in self._places)

    def give(self, job: Any) -> None:
        """Hand a job to a free worker; start one if all that run are busy."""
        free = [place for place in self._places if place.state in ("idle", "empty")]
        place = min(free, key=lambda one: one.state != "idle")
        place.job = job
        if place.state == "idle":
            self._send_job(place)
        else:
            self._start(place)

    def wait(self) -> list[Ended]:
        """Wait a while for something to happen to jobs, and return what did, if anything."""
        pipes = [place.pipe for place in self._places if place.pipe is not None]
        if not pipes:
            return []
        soonest = min(place.until for place in self._places)
        # Not for ever, because a pipe may be held open by what a dead worker has left.
        connection.wait(pipes, min(max(soonest - time.monotonic(), 0.0), 0.5))
        return [ended for place in self._places if place.pipe is not None for ended in self._look(place)]

    def close(self) -> None:
        """End all workers, at once where they have a job."""
        for place in self._places:
            if place.process is not None:
                if place.state == "idle":
                    place.pipe.close()
                    place.process.join(1.0)
                self._bury(place)
            place.state = "closed"

    def _start(self, place: _Place) -> None:
        context = multiprocessing.get_context("spawn")
        place.pipe, theirs = context.Pipe()
        arguments = (theirs, place.device, None if self._state is None else str(self._state))
        place.process = context.Process(target=serve, args=arguments, daemon=False)
        place.state, place.until = "starting", time.monotonic() + START_SECONDS
        place.process.start()
        theirs.close()

    def _send(self, place: _Place, data: bytes) -> None:
        """Send bytes without ever waiting for the worker, which may have been stopped."""

        def send() -> None:
            with suppress(OSError):  # the worker is gone, which is found out elsewhere
                pipe.send_bytes(data)

        pipe = place.pipe
        if len(data) < _PIPE_TAKES:
            send()
        else:
            place.sending = [threading.Thread(target=send, daemon=True)]
            place.sending[0].start()

    def _send_job(self, place: _Place) -> None:
        place.state = "busy"
        place.until = float("inf") if self._timeout is None else time.monotonic() + self._timeout
        self._send(place, pickle.dumps(place.job))

    def _look(self, place: _Place) -> list[Ended]:
        """See what a worker has said, and whether it lives and keeps its time."""
        found: list[Ended] = []
        assert place.process is not None
        alive = place.process.is_alive()
        try:
            while place.pipe is not None and place.pipe.poll():
                found += self._heard(place, *place.pipe.recv())
        except (EOFError, OSError):
            # The pipe closes a moment before the system knows that the process has ended.
            place.process.join(5.0)
            return found + self._lost(place, f"its worker ended with exit code {place.process.exitcode}")
        if place.pipe is None:
            return found
        if not alive:
            return found + self._lost(place, f"its worker ended with exit code {place.process.exitcode}")
        if time.monotonic() > place.until:
            taken = START_SECONDS if place.state == "starting" else self._timeout
            return found + self._lost(place, f"it took more than {taken:g} seconds")
        return found

    def _heard(self, place: _Place, kind: str, value: Any) -> list[Ended]:
        if kind == UP:
            self._send(place, self._opener)
        elif kind == READY:
            place.deaths = 0
            self._send_job(place)
        elif kind == BROKEN:
            return self._give_up(place, value)
        elif kind in (DONE, FAILED):
            job, place.job = place.job, None
            place.state, place.until = "idle", float("inf")
            return [Ended(job, "done" if kind == DONE else "failed", value)]
        return []

    def _lost(self, place: _Place, why: str) -> list[Ended]:
        job, began = place.job, place.state == "busy"
        killed = place.process is not None and (place.process.exitcode is None or place.process.exitcode < 0)
        self._bury(place)
        if began:
            return [Ended(job, "lost", why)]
        if job is None:  # an idle worker was killed
            return []
        place.deaths += 1 if killed else 8
        place.job = job
        if place.deaths < STARTS:
            self._start(place)
            return []
        advice = "in a script, call it under if __name__ == '__main__'; with one worker the error shows itself"
        return self._give_up(place, (False, f"AudioError: workers end while they start ({why}); {advice}"))

    def _give_up(self, place: _Place, cause: tuple[bool, str]) -> list[Ended]:
        self.cause, job = cause, place.job
        self._bury(place)
        place.state = "closed"
        return [Ended(job, "back")]

    def _bury(self, place: _Place) -> None:
        if place.process is not None:
            place.process.kill()
            place.process.join()
            for thread in place.sending:
                thread.join()  # it ends with the process that it sends to
            place.process.close()
            place.pipe.close()
        place.process = place.pipe = None
        place.job, place.state, place.until = None, "empty", float("inf")


__all__ = ["Crew", "Ended"]
