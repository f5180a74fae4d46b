"""Lines on a terminal that say how far a dialog or a batch is; nothing when nobody is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from sdialog.core.dialog import Dialog
    from sdialog.simulation.run_result import Progress


@contextmanager
def turn_line(max_turns: int) -> Iterator[Callable[[Dialog], None] | None]:
    """Show one dialog's number of turns on standard error while the block runs.

    Yields:
        What to call after each turn, or None when standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("dialog"), BarColumn(), MofNCompleteColumn(), TextColumn("turns"), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("dialog", total=max_turns)
        yield lambda dialog: bar.update(task, completed=len(dialog))


@contextmanager
def batch_lines(progress: Progress, *, quiet: bool = False) -> Iterator[None]:
    """Show a batch's progress on standard error while the block runs, if it is a terminal.

    Args:
        progress: what to show; it changes as the batch goes on.
        quiet: show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.live import Live

    with Live(
        get_renderable=lambda: _table(progress), console=Console(stderr=True), refresh_per_second=4, transient=True
    ):
        yield


def _table(progress: Progress) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column(ratio=1)  # the bar takes what room the figures leave
    row.add_column()
    row.add_row(ProgressBar(total=progress.total, completed=progress.done), "  ".join(figures(progress)))
    return row


def figures(progress: Progress) -> list[str]:
    """Return the figures worth showing: dialogs, turns a second, tokens, cost, failures, time left.

    Example:
        >>> from sdialog.simulation.run_result import Progress
        >>> figures(Progress(total=200, done=50))[0]
        '50/200 dialogs'
    """
    usage = progress.usage
    tokens = usage.input_tokens + usage.output_tokens
    shown = [
        f"{progress.done:,}/{progress.total:,} dialogs",
        f"{progress.turns / max(progress.seconds, 1e-9):,.1f} turns/s",
        f"{tokens:,} tokens",
    ]
    if usage.cost:
        shown.append(f"cost {usage.cost:,.4f}")
    if progress.failed:
        shown.append(f"{progress.failed:,} failed")
    left = progress.seconds_left
    if left is not None and progress.done < progress.total:
        shown.append(f"{duration(left)} left")
    return shown


def duration(seconds: float) -> str:
    """Return a length of time for people.

    Example:
        >>> duration(4.2), duration(75), duration(7500)
        ('4 s', '1:15 min', '2:05 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"
