"""What commands share in showing results: JSON for machines, tables for people."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def single(command: Any) -> typer.Typer:
    """Return the app of a file with one command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(command)
    return app


def print_json(value: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Iterable[Sequence[str]], *headers: str, always: bool = False) -> None:
    """Print a table; on a terminal with lines cut to its width, otherwise with tabs between the cells.

    Args:
        rows: the cells.
        headers: names of the columns.
        always: print these also where it is no terminal, because other tables follow.
    """
    listed = [[str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headers), *listed] if always else listed:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, header in enumerate(headers):
        table.add_column(header, no_wrap=number == 0, overflow="fold")
    for row in listed:
        table.add_row(*row)
    Console(width=shutil.get_terminal_size().columns, markup=False, highlight=False).print(table)


def run_place(path: Path, *, dialogs: bool = True) -> Path:
    """Return a path to read dialogs from.

    Args:
        path: what the user named.
        dialogs: whether a run folder must hold dialogs already.

    Raises:
        UserError: if there is nothing, or a run folder without dialogs yet.
    """
    from sdialog.core.errors import UserError

    if not path.exists():
        raise UserError(f"there is no file or folder {path}; make a run with: sdialog generate SCENARIO --out {path}")
    if dialogs and (path / "plan.json").exists() and not (path / "dialogs.jsonl").exists():
        raise UserError(f"the run in {path} holds no dialogs yet; go on with it by the same sdialog generate command")
    return path


def run_dialogs(place: Path) -> Iterator[Dialog]:
    """Yield the dialogs of a run folder, or of any other place.

    Raises:
        DialogFormatError: at something that is no dialog; in a run, says how to mend it.
    """
    from sdialog.core.io import read_dialogs

    run = place / "dialogs.jsonl"
    with saying_how_to_mend(place):
        yield from read_dialogs(run if run.exists() else place)


@contextmanager
def saying_how_to_mend(*places: Path) -> Iterator[None]:
    """Add to an error about what one of these places holds how a run folder is mended."""
    from sdialog.core.errors import DialogFormatError

    try:
        yield
    except DialogFormatError as error:
        if not any((place / "plan.json").exists() and str(place) in str(error) for place in places):
            raise
        raise DialogFormatError(
            f"{error}. If the run was killed while writing, the same sdialog generate command mends it and goes on"
        ) from error


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Give a function to be told how many are done; on a terminal it shows the number while the block runs."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed} dialogs"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done: progress.update(task, completed=done)
