"""``sdialog show``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdialog.cli._output import JsonOption, run_place, single
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
    place = run_place(run)
    if failed:
        _show_failures(place, events, as_json)
        return
    if index is not None and index < 0:
        raise UserError(f"--index counts from 0, got {index}")
    every = every and index is None and dialog_id is None
    wanted = dialog_id if dialog_id is not None else _id_of(place, index)
    shown = 0
    for position, dialog in enumerate(_dialogs(place)):
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
    from sdialog.simulation.run_store import dialog_id

    plan = json.loads((place / "plan.json").read_text(encoding="utf-8"))
    return dialog_id(int(plan["seed"]), index)


def _dialogs(place: Path) -> Iterator[Dialog]:
    from sdialog.core.io import read_dialogs

    run = place / "dialogs.jsonl"
    return read_dialogs(run if run.exists() else place)


def _print(dialog: Dialog, events: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(dialog.json_line())
    else:
        dialog.print(all=events)


def _show_failures(place: Path, events: bool, as_json: bool) -> None:
    from sdialog.core.dialog import Dialog

    path = place / "failures.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    failures = [json.loads(line) for line in lines if line]
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
