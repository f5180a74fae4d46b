"""``sdialog compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdialog.cli._output import JsonOption, print_json, saying_how_to_mend, single
from sdialog.cli._scoring import (
    ByOption,
    ConcurrencyOption,
    JudgeOption,
    MetricsOption,
    OutOption,
    ReferenceOption,
    SeedOption,
    SpeakerOption,
    asked_scores,
    compare_places,
    named_places,
    print_comparison,
)
from sdialog.core.errors import UserError


def compare(
    sets: Annotated[list[Path], typer.Argument(help="Two or more run folders, or files or folders of dialogs.")],
    metrics: MetricsOption = None,
    judge: JudgeOption = None,
    speaker: SpeakerOption = None,
    reference: ReferenceOption = None,
    baseline: Annotated[
        str | None, typer.Option(help="The set that others are compared with, default the first; 'all': every pair.")
    ] = None,
    by: ByOption = None,
    cluster_by: Annotated[
        str | None, typer.Option(help="Dialogs with this in common belong together: scenario, persona, a field ...")
    ] = None,
    pair_by: Annotated[
        str | None, typer.Option(help="What pairs have in common: index, or a field; default equal ids or seeds.")
    ] = None,
    test: Annotated[str, typer.Option(help="auto, permutation (no pairs), paired, mcnemar or none.")] = "auto",
    correction: Annotated[str, typer.Option(help="Of p-values: holm, bh or none.")] = "holm",
    alpha: Annotated[float, typer.Option(help="Chance of finding a difference where there is none.")] = 0.05,
    claim: Annotated[
        list[str] | None,
        typer.Option(help="Must be shown, else exit code 1: 'mattr: NEW > OLD + 0.01', 'echo: NEW <= 0.05'."),
    ] = None,
    out: OutOption = None,
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
    concurrency: ConcurrencyOption = 32,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Compare sets of dialogs: numbers with intervals, differences with corrected tests, a report, checked claims."""
    from sdialog.evaluation.comparison.claim_text import check_claims, read_claim
    from sdialog.evaluation.comparison.files import check_suffix

    places = named_places(sets)
    if len(places) < 2:
        raise UserError("a comparison needs two sets or more; of one set the numbers are told by: sdialog evaluate")
    claims = [read_claim(text, places) for text in claim or ()]
    if out is not None:
        check_suffix(out)
    with saying_how_to_mend(*places.values()):
        found = compare_places(
            places, asked_scores(metrics, judge, speaker), reference=reference, baseline=baseline, by=by or [],
            cluster_by=cluster_by, pair_by=pair_by, test=test, correction=correction, alpha=alpha,
            concurrency=concurrency, seed=seed,
        )  # fmt: skip
    if out is not None:
        found.save(out, title or f"{', '.join(places)} compared")
    if as_json:
        print_json(found.json())
    else:
        print_comparison(found)
        if out is not None:
            typer.echo(f"\nwritten to {out}")
    check_claims(found, claims, alpha=alpha)
    if claims and not as_json:
        typer.echo(f"{len(claims)} claim{'s hold' if len(claims) > 1 else ' holds'}")


app = single(compare)
