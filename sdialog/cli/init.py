"""``sdialog init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdialog.cli._output import single

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def init(
    file: Annotated[Path, typer.Argument(help="The scenario file to write.")] = Path("scenario.yaml"),
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over files that are there.")] = False,
) -> None:
    """Write a commented example scenario, and a file with its tool, that run as they are."""
    from sdialog.core.errors import UserError

    tools = file.parent / "tools.py"
    there = [str(path) for path in (file, tools) if path.exists()]
    if there and not force:
        raise UserError(f"{' and '.join(there)} would be written over; give another name, or add --force")
    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"a scenario is a .yaml file, not {file}")
    file.parent.mkdir(parents=True, exist_ok=True)
    for path, template in ((file, "scenario.yaml"), (tools, "tools.txt")):
        path.write_text((_TEMPLATES / template).read_text(encoding="utf-8"), encoding="utf-8")
        typer.echo(f"wrote {path}")
    typer.echo(f"next: sdialog generate {file} -n 5 --out runs/{file.stem}")


app = single(init)
