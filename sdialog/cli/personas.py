"""``sdialog personas``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sdialog.cli._output import JsonOption, print_json, print_table

app = typer.Typer(
    help="Ready-made personas: list them, or show one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command("list")
def list_personas(
    domain: Annotated[str | None, typer.Option(help="Only of this domain, such as support.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only of this class, such as Customer.")] = None,
    language: Annotated[str | None, typer.Option(help="Only with this language.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the personas of the library."""
    from sdialog.personas import library

    cards = [library.card(name) for name in library.find(domain=domain, type=kind, language=language, tag=tag)]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"name": c.name, "type": c.type, "language": c.language, "summary": c.summary, "tags": list(c.tags)}
            for c in cards
        ]
        print_json(rows)
    else:
        print_table(((c.name, c.type, c.language, c.summary) for c in cards), "name", "type", "language", "summary")


@app.command("show")
def show_persona(
    name: Annotated[str, typer.Argument(help="Its name, such as support/ava, or a file.")],
    as_json: JsonOption = False,
) -> None:
    """Show one persona."""
    from sdialog.personas import library

    persona = library.load(name)
    if as_json:
        print_json(persona.record())
    else:
        persona.print()
