"""``sdialog metrics``."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from sdialog.cli._output import JsonOption, print_json, print_table

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="What dialogs can be scored by.",
)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only one kind: feature, integrity, validator, judge ...")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print every score that --metrics takes."""
    from sdialog.core.errors import UnknownNameError
    from sdialog.evaluation.catalogue import entries

    found = list(entries().values())
    if kind is not None and kind not in {entry.kind for entry in found}:
        raise UnknownNameError("kind", kind, sorted({entry.kind for entry in found}))
    found = [entry for entry in found if kind in (None, entry.kind)]
    if as_json:
        print_json([{"name": e.name, "kind": e.kind, "class": e.family.__name__, "summary": e.summary} for e in found])
        return
    print_table([(e.name, e.kind, e.summary) for e in found], "name", "kind", "what it is")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A name of the list.")], as_json: JsonOption = False) -> None:
    """Print what a score is: definition, range, source."""
    from sdialog.core.errors import UnknownNameError
    from sdialog.evaluation.catalogue import entries

    known = entries()
    if name not in known:
        raise UnknownNameError("score", name, known, "All of them: sdialog metrics list")
    entry = known[name]
    said = inspect.getdoc(entry.family) or ""
    if as_json:
        print_json({"name": entry.name, "kind": entry.kind, "class": entry.family.__name__, "text": said})
        return
    typer.echo(f"{entry.name} ({entry.kind} of {entry.family.__name__})\n{entry.summary}\n\n{said}")
