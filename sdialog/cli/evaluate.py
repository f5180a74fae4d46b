"""``sdialog evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import JsonOption, print_json, print_table, run_dialogs, saying_how_to_mend, single
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
    running_at,
)
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore
    from sdialog.evaluation.comparison.result import Comparison
    from sdialog.evaluation.results import EvalResult


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or any files or folders of dialogs.")],
    metrics: MetricsOption = None,
    judge: JudgeOption = None,
    speaker: SpeakerOption = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="file.py:Class; score final states, and pass^k over trials.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials each task has, for pass^k.")] = None,
    reference: ReferenceOption = None,
    by: ByOption = None,
    out: OutOption = None,
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
    concurrency: ConcurrencyOption = 32,
    seed: SeedOption = 0,
    items: Annotated[bool, typer.Option(help="With --json: also the result of every dialog.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score dialogs and print means with their uncertainty; offline unless a score asks a model."""
    from sdialog.evaluation.comparison.files import check_suffix

    places = named_places(runs)
    if out is not None:
        check_suffix(out)
    scores = asked_scores(metrics, judge, speaker)
    state = None if environment is None else _state_validator(environment)
    if state is not None:
        scores.append(state)
    found: dict[str, dict[str, EvalResult]] = {}
    comparison = None
    if out or reference or by:
        with saying_how_to_mend(*places.values()):
            comparison = _compared(places, scores, reference, by or (), concurrency, seed)
        found = {
            name: {column: one.results[name] for column, one in comparison.columns.items() if name in one.results}
            for name in places
        }
    else:
        for name, place in places.items():
            found[name] = _scored(place, scores, concurrency, seed)
    tables = {} if state is None else {name: _pass_k(found[name][state.name], trials, seed) for name in found}
    if out and comparison:
        comparison.save(out, title or f"Evaluation of {', '.join(places)}")
    if as_json:
        told = {name: _json(results, tables.get(name), items) for name, results in found.items()}
        print_json(told if comparison is None else {**told, "comparison": comparison.json()})
        return
    if comparison is None:
        _print(found)
    else:
        print_comparison(comparison)
    for name, table in tables.items():
        typer.echo(f"\n{name}: {table}" if len(found) > 1 else f"\n{table}")
    if out:
        typer.echo(f"\nwritten to {out}")


def _scored(place: Path, scores: list[BaseDialogScore], concurrency: int, seed: int) -> dict[str, EvalResult]:
    from sdialog.evaluation.overview import overview

    with running_at(place, concurrency, seed) as running:
        found = overview(run_dialogs(place), scores, running)
    if not any(result.items for result in found.values()):
        raise UserError(f"there are no dialogs in {place}")
    return found


def _compared(
    places: dict[str, Path], scores: list[Any], reference: Path | None, by: Any, concurrency: int, seed: int
) -> Comparison:
    """Compare places with each other, or, where there is a reference, each with that."""
    sets, baseline = dict(places), None
    if reference is not None:
        baseline = "reference" if reference.name in places else reference.name
        sets = {baseline: reference, **places}
    return compare_places(
        sets, scores, reference=reference, baseline=baseline, by=list(by), concurrency=concurrency, seed=seed
    )


def _pass_k(result: EvalResult, trials: int | None, seed: int) -> Any:
    from sdialog.evaluation.pass_k import PassK

    return PassK(result, trials=trials, seed=seed)


def _state_validator(environment: str) -> Any:
    from sdialog.evaluation.validators.state import StateValidator

    return StateValidator(environment)


def _json(found: dict[str, EvalResult], trials: Any, items: bool) -> dict[str, Any]:
    scores = {name: result.json() for name, result in found.items()}
    if not items:
        for told in scores.values():
            del told["items"]
    return {"scores": scores} | ({} if trials is None else {"trials": trials.json()})


def _print(found: dict[str, dict[str, EvalResult]]) -> None:
    names = list(dict.fromkeys(name for results in found.values() for name in results))
    headers = ["score", *(part for run in found for part in (_header(run, found), "95 % interval", "n", "missing"))]
    rows = []
    for name in names:
        cells = [cell for results in found.values() for cell in _cells(results[name])]
        rows.append([name, *cells])
    print_table(rows, *headers)


def _header(run: str, found: dict[str, Any]) -> str:
    return "mean" if len(found) == 1 else run


def _cells(result: EvalResult) -> tuple[str, str, str, str]:
    if not result.values:
        why = next(iter(result.missing_reasons), "no value")
        return "-", why, "0", str(result.n_missing)
    interval = result.ci()
    span = "" if interval is None else f"{interval.low:.4g} to {interval.high:.4g}"
    return f"{result.mean:.4g}", span, str(result.n), str(result.n_missing)


app = single(evaluate)
