"""Jobs to results in the order of the jobs, whoever finishes first; lost jobs are tried again, so many times."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from sdialog.audio.batching._worker import Opener, told
from sdialog.audio.batching.crew import Crew
from sdialog.core.errors import ConfigError, UserError

AHEAD = 512
"""How many jobs may be done before the first of them: results wait in memory for their turn."""


class Numbered(Protocol):
    """A job; its number is its place among all jobs, from 0."""

    @property
    def index(self) -> int:
        """Place among all jobs."""


@dataclass(frozen=True, slots=True)
class Done:
    """A result."""

    job: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no result.

    Attributes:
        job: the job.
        error: kind and message.
        attempts: how often it was tried.
    """

    job: Any
    error: str
    attempts: int = 1


def one_by_one(jobs: Iterable[Any], opener: Opener, device: str) -> Iterator[Done | Failed]:
    """Yield results made in this process.

    Raises:
        UserError: if the opener cannot be opened, for a reason that the caller can mend; any other fails all jobs.
    """
    try:
        make = opener.open(device)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a value, as from a worker
        yield from (Failed(job, told(error), 0) for job in jobs)
        return
    for job in jobs:
        try:
            made = make(job)
        except Exception as error:  # noqa: BLE001 - a value: one bad job never ends the others
            yield Failed(job, told(error))
        else:
            yield Done(job, made)


def in_order(jobs: Iterable[Numbered], crew: Crew, *, attempts: int = 3) -> Iterator[Done | Failed]:
    """Yield the results of a crew, in the order of the jobs.

    Args:
        jobs: taken one at a time, when somebody is free to do it.
        crew: who does them.
        attempts: how often a job is tried that its worker does not survive.

    Raises:
        ConfigError: if no worker can start, for a reason that the caller can mend.
    """
    return _Queue(iter(jobs), crew, attempts).results()


class _Queue:
    def __init__(self, jobs: Iterator[Numbered], crew: Crew, attempts: int) -> None:
        self.jobs, self.crew, self.attempts = jobs, crew, attempts
        self.waiting: deque[Numbered] = deque()
        self.tries: Counter[int] = Counter()
        self.finished: dict[int, Done | Failed] = {}
        self.under_way = self.taken = self.told = 0
        self.more = True

    def results(self) -> Iterator[Done | Failed]:
        while True:
            while self.crew.has_room() and (job := self._next()) is not None:
                self.under_way += 1
                self.crew.give(job)
            if self.crew.closed:
                self._fail_one()
            yield from self._ready()
            if not (self.more or self.waiting or self.under_way or self.finished):
                return
            for ended in self.crew.wait():
                self.under_way -= 1
                self._settle(ended.job, ended.how, ended.value)

    def _next(self) -> Numbered | None:
        if self.waiting:
            return self.waiting.popleft()
        if not self.more or self.taken - self.told >= AHEAD:
            return None
        job = next(self.jobs, None)
        if job is None:
            self.more = False
            return None
        self.taken += 1
        return job

    def _ready(self) -> Iterator[Done | Failed]:
        while self.told in self.finished:
            yield self.finished.pop(self.told)
            self.told += 1

    def _settle(self, job: Numbered, how: str, value: Any) -> None:
        if how == "back":
            self.waiting.append(job)
            return
        self.tries[job.index] += 1
        tries = self.tries.pop(job.index) if how != "lost" or self.tries[job.index] >= self.attempts else 0
        if how == "done":
            self.finished[job.index] = Done(job, value)
        elif how == "failed":
            self.finished[job.index] = Failed(job, value, tries)
        elif tries:
            times = "once" if tries == 1 else f"{tries} times"
            self.finished[job.index] = Failed(job, f"AudioError: tried {times}, and {value}", tries)
        else:
            self.waiting.append(job)

    def _fail_one(self) -> None:
        """With nobody left to work, let the next job fail for the reason why."""
        can_mend, cause = self.crew.cause or (False, "no worker is left")
        if can_mend:
            raise ConfigError(f"no worker can start: {cause}")
        job = self._next()
        if job is not None:
            self.finished[job.index] = Failed(job, cause, 0)


__all__ = ["Done", "Failed", "Numbered", "in_order", "one_by_one"]
