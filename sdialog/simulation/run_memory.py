"""The run store of a batch that is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.llm.types import Usage
from sdialog.simulation.outcomes import Failure, Outcome

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


class MemoryStore:
    """What :class:`.RunStore` is on disk, in memory, for small batches in notebooks.

    Args:
        plan: what the run makes; ``n`` is read from it.

    Attributes:
        kept: the dialogs so far.
    """

    folder = None

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.n = int(plan["n"])
        self.kept: list[Dialog] = []

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def done(self) -> int:
        """How many dialogs there are."""
        return len(self.kept)

    def todo(self) -> Iterator[int]:
        """Yield every index."""
        return iter(range(self.n))

    def add(self, outcome: Outcome) -> None:
        """Keep a dialog."""
        self.kept.append(outcome.dialog)

    def add_failure(self, failure: Failure) -> None:
        """Do nothing: the result of the run holds the failures."""

    def add_discarded(self, index: int | None, usage: Mapping[str, Usage]) -> None:
        """Do nothing: there is no later session that must know."""

    def usage_lines(self) -> Iterator[dict[str, Any]]:
        """Yield nothing."""
        return iter(())

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Do nothing: there is no file to write."""
