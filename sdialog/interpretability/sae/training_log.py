"""What happened in training: one typed entry every so many steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sdialog.core.errors import UnknownNameError
from sdialog.core.optional import need


@dataclass(frozen=True)
class LogEntry:
    """One batch of training.

    Attributes:
        step: number of steps made.
        tokens: activations seen so far.
        loss: what was minimised.
        squared_error: summed over the width, mean over tokens, of normalised activations.
        penalty: the sparsity penalty with its weight.
        auxiliary: the loss of dead features with its weight.
        anchoring: the loss of anchored features with its weight.
        unexplained: squared error by the variance of the batch; None where it has none.
        l0: features active a token.
        dead: share of the features not active for ``dead_after`` tokens.
        resampled: features that started anew since the last entry.
        learning_rate: of this step.
    """

    step: int
    tokens: int
    loss: float
    squared_error: float
    penalty: float
    auxiliary: float
    anchoring: float
    unexplained: float | None
    l0: float
    dead: float
    resampled: int
    learning_rate: float

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class TrainingLog:
    """All entries of one training, in order."""

    entries: tuple[LogEntry, ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self.entries)

    def __getitem__(self, place: int) -> LogEntry:
        return self.entries[place]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"entries": [entry.json() for entry in self.entries]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what :meth:`json` described."""
        return cls(tuple(LogEntry(**entry) for entry in data["entries"]))

    def table(self) -> str:
        """Return the entries as text, one a line.

        Example:
            >>> entry = LogEntry(10, 640, 2.5, 2.0, 0.5, 0.0, 0.0, 0.1, 3.2, 0.0, 0, 0.001)
            >>> print(TrainingLog((entry,)).table())
                step      loss   unexplained      l0   dead
                  10       2.5           0.1    3.20   0.0%
        """
        lines = [f"{'step':>8}  {'loss':>8}  {'unexplained':>12}  {'l0':>6}  {'dead':>5}"]
        lines += [
            f"{one.step:>8}  {one.loss:>8.4g}  {_shown(one.unexplained):>12}  {one.l0:>6.2f}  {one.dead:>5.1%}"
            for one in self.entries
        ]
        return "\n".join(lines)

    def plot(self, values: Sequence[str] = ("unexplained", "l0", "dead")) -> Any:
        """Return a matplotlib figure with a curve for each of the values.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
            UnknownNameError: if entries have no such value.
        """
        figure_module = need("matplotlib.figure", extra="plots", why="draw how a training went")
        known = [field.name for field in dataclasses.fields(LogEntry)]
        for name in values:
            if name not in known:
                raise UnknownNameError("value of a training log", name, known)
        figure = figure_module.Figure(figsize=(7.5, 2.2 * len(values)), layout="constrained")
        steps = [one.step for one in self.entries]
        for place, name in enumerate(values):
            axes = figure.add_subplot(len(values), 1, place + 1)
            axes.plot(steps, [getattr(one, name) for one in self.entries])
            axes.set_ylabel(name)
        figure.axes[-1].set_xlabel("step")
        return figure


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
