"""``sdialog export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdialog.cli._output import JsonOption, print_json, print_table, run_dialogs, run_place, single

_SUFFIXES = {
    "openai": ".openai.jsonl",
    "sharegpt": ".sharegpt.jsonl",
    "chatml": ".chatml.jsonl",
    "parquet": ".parquet",
    "jsonl": ".jsonl",
    "json": ".json",
    "csv": ".csv",
    "tsv": ".tsv",
}


def export(
    run: Annotated[Path | None, typer.Argument(help="A run folder, or any file or folder of dialogs.")] = None,
    to: Annotated[str | None, typer.Option("--to", "-t", help="The format; leave it out for a list.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File or folder to write.")] = None,
    assistant: Annotated[str | None, typer.Option(help="For chat formats: the speaker to learn from.")] = None,
    system: Annotated[str | None, typer.Option(help="For chat formats: text of the system message.")] = None,
    persona: Annotated[bool, typer.Option(help="For chat formats: put the persona into the system message.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write dialogs in another format: for training chat models, for tables, as text."""
    from sdialog.core.errors import UserError
    from sdialog.core.export import FORMATS
    from sdialog.core.export import export as write

    if to is None:
        if as_json:
            print_json(FORMATS)
        else:
            print_table(FORMATS.items(), "format", "what it is")
        return
    if run is None:
        raise UserError("say what to export: sdialog export RUN --to FORMAT")
    place = run_place(run)
    target = out or _beside(place, to)
    _spare_the_source(place, target)
    count = write(run_dialogs(place), target, to, assistant=assistant, system=system, persona=persona)
    if as_json:
        print_json({"dialogs": count, "format": to, "out": str(target)})
    else:
        typer.echo(f"{count} dialogs written to {target}")


def _beside(place: Path, fmt: str) -> Path:
    """Return where to write when nobody said: in the run folder, or beside a file."""
    suffix = _SUFFIXES.get(fmt, "")
    if place.is_dir():
        return place / "export" / (f"dialogs{suffix}" if suffix else fmt)
    return place.with_name(place.name.split(".")[0] + (suffix or f"-{fmt}"))


def _spare_the_source(place: Path, target: Path) -> None:
    """Refuse to write over what is being read, and over the files of a run."""
    from sdialog.core.errors import UserError
    from sdialog.simulation.run_store import PLAN, RUN_FILES

    of_a_run = target.name in RUN_FILES and (target.parent / PLAN).exists()
    among_dialogs = target.is_file() and target.parent.resolve() == place.resolve() and not (place / PLAN).exists()
    if of_a_run or among_dialogs or target.resolve() == place.resolve():
        raise UserError(f"--out {target} would write over the data of {place}; name another file or folder")


app = single(export)
