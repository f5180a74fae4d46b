"""``sdialog judge``: how far a judge can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import JsonOption, print_json, run_dialogs, run_place
from sdialog.cli._scoring import ConcurrencyOption, SeedOption, read_judges, running_at
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.results import EvalResult

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find out how far a judge can be trusted.",
)


@app.command("sample")
def sample(
    run: Annotated[Path, typer.Argument(help="A run folder, or any file or folder of dialogs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write; people fill in its column 'label'.")],
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many dialogs.")] = 50,
    seed: SeedOption = 0,
) -> None:
    """Draw dialogs at random for people to label, as a table."""
    if out.exists():
        raise UserError(f"{out} is there already, perhaps with labels; name another file")
    chosen = _drawn(run_dialogs(run_place(run)), number, seed)
    if not chosen:
        raise UserError(f"there are no dialogs in {run}")
    _write_sample(out, chosen)
    typer.echo(f"{len(chosen)} dialogs written to {out}; fill in the column 'label', such as yes or no")
    typer.echo(f"next: sdialog judge calibrate {run} --judge JUDGE.yaml --labels {out}")


@app.command("calibrate")
def calibrate_(
    run: Annotated[Path, typer.Argument(help="A run folder, or any file or folder of dialogs.")],
    judge: Annotated[list[Path], typer.Option("--judge", help="YAML file of one judge, or of a list of judges.")],
    labels: Annotated[Path, typer.Option("--labels", help="CSV, TSV or JSON Lines with the columns id and label.")],
    column: Annotated[
        str | None, typer.Option(help="Column of the labels; default the judge's name, else 'label'.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Of a judge with several values: which, such as a criterion.")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="Label that is a pass, where labels are words.")] = None,
    concurrency: ConcurrencyOption = 32,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Compare judges with people: agreement, mistakes, corrected pass rates, the smallest difference they can find."""
    from sdialog.evaluation.calibration import calibrate
    from sdialog.evaluation.labels import Labels
    from sdialog.evaluation.runner import score_dialogs

    human, place = Labels(labels), run_place(run)
    judges = [one for file in judge for one in read_judges(file)]
    columns = [human.column(column, *((part,) if part else ()), one.name) for one in judges]
    with running_at(place, concurrency, seed) as running:
        results = score_dialogs(judges, run_dialogs(place), running)
    found = []
    for result, name in zip(results, columns, strict=True):
        told = human.of(name, words=positive is not None)
        if not told:
            raise UserError(f"{labels}: the column {name} is empty; people have to fill it in")
        found.append(calibrate(_part(result, part), told, positive=positive, seed=seed))
        if not found[-1].n_labelled:
            raise UserError(_nothing_common(found[-1], labels, result))
    if as_json:
        print_json([one.json() for one in found])
    else:
        typer.echo("\n\n".join(map(str, found)))


def _drawn(dialogs: Iterator[Dialog], number: int, seed: int) -> list[Dialog]:
    """Return so many dialogs at random, in their order, without holding the others (Vitter, 1985, algorithm R)."""
    from sdialog.core.seeds import rng

    draw, kept = rng(seed, "judge", "sample"), list[tuple[int, Any]]()
    for place, dialog in enumerate(dialogs):
        if dialog.id is None:
            raise UserError(f"dialog {place} has no id that a label could name; give the dialogs ids")
        if len(kept) < number:
            kept.append((place, dialog))
        elif (at := draw.randrange(place + 1)) < number:
            kept[at] = (place, dialog)
    return [dialog for _, dialog in sorted(kept, key=lambda one: one[0])]


def _write_sample(out: Path, chosen: list[Dialog]) -> None:
    import csv

    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "label", "dialog_text"))
        for dialog in chosen:
            said = "\n".join(f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text for turn in dialog)
            writer.writerow((dialog.id, "", said))


def _part(result: EvalResult, part: str | None) -> EvalResult:
    if part is None:
        return result
    known = {name.removeprefix(f"{result.name}-"): one for name, one in result.parts.items()}
    if part not in known:
        raise UnknownNameError(f"value of {result.name}", part, known)
    return known[part]


def _nothing_common(found: Any, labels: Path, result: EvalResult) -> str:
    if found.unjudged_labels:
        why = next(iter(result.missing_reasons), "it said nothing")
        return f"{found.name} gave no verdict on any labelled dialog: {why}"
    ids = ", ".join(str(item.dialog_id) for item in result.items[:3])
    return f"no id of {labels} is one of the dialogs'; those are like {ids}"
