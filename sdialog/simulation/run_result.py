"""What a batch reports while it runs and when it is done."""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdialog._version import __version__
from sdialog.llm.types import Usage
from sdialog.simulation.outcomes import Failure, Outcome

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Status = Literal["complete", "some_failed", "too_many_failed", "budget", "interrupted", "broken"]

STATUS_MEANINGS: dict[str, str] = {
    "complete": "every dialog was made",
    "some_failed": "every dialog was tried, some failed",
    "too_many_failed": "more failed than --fail-above allows",
    "budget": "the budget is used up",
    "interrupted": "it was stopped",
    "broken": "an error that would have hit every dialog",
}

KEPT_FAILURES = 100
"""How many failures a result holds in memory; all of them are in ``failures.jsonl``."""


@dataclass(slots=True)
class Progress:
    """How far a batch is; it changes while the batch runs.

    Attributes:
        total: how many dialogs are wanted.
        done: how many are there, those of earlier sessions included.
        made: how many this session made.
        failed: how many failed in this session.
        turns: turns said in this session, those of unfinished dialogs included.
        usage: what this session used.
        started: ``time.monotonic()`` at the start.
    """

    total: int
    done: int = 0
    made: int = 0
    failed: int = 0
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the pace so far, or None before the first dialog."""
        tried = self.made + self.failed
        return None if not tried else (self.total - self.done - self.failed) * self.seconds / tried


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a batch did.

    Attributes:
        status: how it ended, see ``STATUS_MEANINGS``.
        folder: the run folder, or None for a run in memory.
        n: how many dialogs were wanted.
        done: how many are there now, those of earlier sessions included.
        made: how many this session made.
        failed: how many failed in this session.
        failures: the failures, the first hundred of them, and what ended a broken run.
        turns: turns of the dialogs made in this session.
        seconds: how long it took.
        usage: what this session used.
        stop_reasons: how often each stop reason occurred in this session.
        in_memory: the dialogs of a run without a folder.
    """

    status: Status
    folder: Path | None
    n: int
    done: int
    made: int
    failed: int
    failures: tuple[Failure, ...]
    turns: int
    seconds: float
    usage: Usage
    stop_reasons: Mapping[str, int]
    in_memory: tuple[Dialog, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every dialog was made."""
        return self.status == "complete"

    @property
    def mistake(self) -> Failure | None:
        """The failure that ended a broken run, if its cause is a mistake which has to be mended before the next one."""
        return next((failure for failure in self.failures if failure.fatal and failure.mistake), None)

    def dialogs(self) -> Iterator[Dialog]:
        """Yield the dialogs by index, read from the run folder one at a time; all there are, also beyond ``n``."""
        if self.folder is None:
            yield from self.in_memory
            return
        from sdialog.core.io import read_dialogs

        yield from read_dialogs(self.folder / "dialogs.jsonl")

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "status": self.status,
            "folder": None if self.folder is None else str(self.folder),
            "n": self.n,
            "done": self.done,
            "made": self.made,
            "failed": self.failed,
            "turns": self.turns,
            "seconds": round(self.seconds, 3),
            "usage": self.usage.json(),
            "stop_reasons": dict(self.stop_reasons),
            "failures": [
                {k: v for k, v in failure.json().items() if k not in ("dialog", "usage", "counts")}
                for failure in self.failures
            ],
        }


@dataclass(slots=True)
class Tally:
    """Adds up what a session does; ``lost`` and ``lost_counts`` are usage and counts of the dialogs that failed."""

    progress: Progress
    stop_reasons: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    lost: dict[str, Usage] = field(default_factory=dict)
    lost_counts: Counter[str] = field(default_factory=Counter)
    dialog_turns: int = 0

    def add(self, result: Outcome | Failure) -> None:
        """Count a result."""
        self.progress.usage = self.progress.usage + total(result.usage.values())
        if isinstance(result, Failure):
            self.progress.failed += 1
            add_usage(self.lost, result.usage)
            self.lost_counts.update(result.counts)
            if len(self.failures) < KEPT_FAILURES or result.fatal:
                self.failures.append(result)
        else:
            self.progress.made += 1
            self.progress.done += 1
            self.dialog_turns += len(result.dialog)
            self.stop_reasons[str(result.stop_reason)] += 1

    def result(self, status: Status, folder: Path | None, in_memory: Iterable[Dialog]) -> RunResult:
        """Return the final report."""
        progress = self.progress
        return RunResult(
            status,
            folder,
            progress.total,
            progress.done,
            progress.made,
            progress.failed,
            tuple(self.failures),
            self.dialog_turns,
            progress.seconds,
            progress.usage,
            dict(self.stop_reasons),
            tuple(in_memory),
        )


def total(usages: Iterable[Usage]) -> Usage:
    """Add up usages."""
    summed = Usage()
    for usage in usages:
        summed = summed + usage
    return summed


def add_usage(to: dict[str, Usage], more: Mapping[str, Usage]) -> None:
    """Add usages by party to others."""
    for party, used in more.items():
        to[party] = to.get(party, Usage()) + used


def usage_from(data: Mapping[str, Any]) -> Usage:
    """Return a usage from its plain dict."""
    return Usage(data["calls"], data["input_tokens"], data["output_tokens"], data["cost"])


def summary(
    result: RunResult, plan: Mapping[str, Any], entries: Iterable[Mapping[str, Any]], tally: Tally
) -> dict[str, Any]:
    """Return what ``run.json`` holds.

    Args:
        result: the report of this session.
        plan: the plan of the run.
        entries: the usage of every dialog of the run, as ``usage.jsonl`` holds it.
        tally: what this session's failed dialogs used, which is not among the entries yet.
    """
    from sdialog.core.settings import current

    by_party = dict(tally.lost)
    counts, reasons, turns, discarded = Counter(tally.lost_counts), Counter[str](), 0, total(tally.lost.values())
    for entry in entries:
        used = {party: usage_from(data) for party, data in entry["usage"].items()}
        add_usage(by_party, used)
        if entry.get("discarded"):
            discarded = discarded + total(used.values())
            continue
        counts.update(entry["counts"])
        reasons[str(entry["stopReason"])] += 1
        turns += entry["turns"]
    everything = total(by_party.values())
    # Paths of this machine say nothing to those who get the folder; the plan holds the hashes of the templates.
    settings = {key: value for key, value in current().json().items() if key not in ("cache_path", "prompts")}
    return {
        "status": result.status,
        "plan": dict(plan),
        "settings": settings,
        "versions": {"sdialog": __version__, "python": platform.python_version(), "platform": sys.platform},
        "dialogs": {"wanted": result.n, "done": result.done, "failed": result.failed, "turns": turns},
        "stop_reasons": dict(sorted(reasons.items())),
        "guards": dict(sorted(counts.items())),
        "usage": {
            "total": everything.json(),
            "by_agent": {party: usage.json() for party, usage in sorted(by_party.items())},
            "discarded": discarded.json(),
        },
        "cost": everything.cost,
        "session": {
            "made": result.made,
            "turns": result.turns,
            "seconds": round(result.seconds, 3),
            "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }
