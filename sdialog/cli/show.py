"""``sdialog show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdialog.cli._output import JsonOption, run_dialogs, run_place, single
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


def show(
    run: Annotated[Path, typer.Argument(help="A run folder, or any file or folder of dialogs.")],
    index: Annotated[int | None, typer.Option("--index", "-i", help="Which dialog of the run, from 0.")] = None,
    dialog_id: Annotated[str | None, typer.Option("--id", help="The dialog with this id.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="All dialogs, unless one is named.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Dialogs that failed, as far as they came.")] = False,
    events: Annotated[bool, typer.Option(help="Show instructions, thoughts and tool calls too.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Print a dialog with what happened behind it; the first one unless told otherwise."""
    if failed:
        _show_failures(run_place(run, dialogs=False), events, as_json)
        return
    place = run_place(run)
    if index is not None and index < 0:
        raise UserError(f"--index counts from 0, got {index}")
    every = every and index is None and dialog_id is None
    wanted = dialog_id if dialog_id is not None else _id_of(place, index)
    shown = 0
    for position, dialog in enumerate(run_dialogs(place)):
        if every or (position == (index or 0) if wanted is None else str(dialog.id) == wanted):
            _print(dialog, events, as_json)
            shown += 1
            if not every:
                break
    if not shown:
        raise UserError(_nothing(place, index, dialog_id))


def _id_of(place: Path, index: int | None) -> str | None:
    """Return the id of a run's dialog, which is found by id, since failed dialogs leave gaps; None without a run."""
    if index is None or not (place / "plan.json").exists():
        return None
    from sdialog.simulation.run_files import parsed
    from sdialog.simulation.run_store import PLAN, dialog_id

    plan = parsed(place / PLAN, 1, (place / PLAN).read_bytes())
    return dialog_id(int(plan["seed"]), index)


def _print(dialog: Dialog, events: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(dialog.json_line())
    else:
        dialog.print(all=events)


def _show_failures(place: Path, events: bool, as_json: bool) -> None:
    from sdialog.core.dialog import Dialog
    from sdialog.simulation.run_files import lines_of, parsed
    from sdialog.simulation.run_store import FAILURES

    path = place / FAILURES
    failures = [parsed(path, number, line) for number, line in lines_of(path)]
    if not failures:
        typer.echo(f"no failed dialogs in {place}")
    for failure in failures:
        if as_json:
            typer.echo(json.dumps(failure, ensure_ascii=False))
            continue
        typer.echo(f"dialog {failure['index']}: {failure['error']}: {failure['message']}")
        if failure["dialog"] is not None:
            Dialog.from_dict(failure["dialog"]).print(all=events)


def _nothing(place: Path, index: int | None, dialog_id: str | None) -> str:
    if dialog_id is not None:
        return f"no dialog in {place} has the id {dialog_id!r}"
    if index is not None:
        return f"{place} has no dialog {index}; if it failed, see: sdialog show {place} --failed"
    return f"there are no dialogs in {place}"


app = single(show)
