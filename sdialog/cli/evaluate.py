"""``sdialog evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import JsonOption, counting, print_json, print_table, run_dialogs, run_place, single
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore
    from sdialog.evaluation.pass_k import PassK
    from sdialog.evaluation.results import EvalResult

_CACHE = Path("scores") / "scores.sqlite"


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or any files or folders of dialogs.")],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", "-m", help="Scores by name, several with commas; 'all' for every feature."),
    ] = None,
    judge: Annotated[
        list[Path] | None, typer.Option("--judge", help="YAML file of one judge, or of a list of judges.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Only what this speaker says.")] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="file.py:Class; score final states, and pass^k over trials.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials each task has, for pass^k.")] = None,
    concurrency: Annotated[int, typer.Option(help="Dialogs under way at once, for scores that wait.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed of what is random.")] = 0,
    items: Annotated[bool, typer.Option(help="With --json: also the result of every dialog.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score dialogs and print means with their uncertainty; offline unless a score asks a model."""
    from sdialog.evaluation.overview import named_scores

    names = [name.strip() for one in metrics or () for name in one.split(",") if name.strip()]
    scores = named_scores(names, speaker) if names or not judge else []
    scores += [made for file in judge or () for made in _judges(file)]
    found, trial_tables = {}, {}
    for place, name in zip(map(run_place, runs), _names(runs), strict=True):
        found[name], trial_tables[name] = _score(place, scores, environment, trials, concurrency, seed)
        if not any(result.items for result in found[name].values()):
            raise UserError(f"there are no dialogs in {place}")
    if as_json:
        print_json({name: _json(found[name], trial_tables[name], items) for name in found})
        return
    _print(found)
    for name, table in trial_tables.items():
        if table is not None:
            typer.echo(f"\n{name}: {table}" if len(found) > 1 else f"\n{table}")


def _score(
    place: Path,
    scores: list[BaseDialogScore],
    environment: str | None,
    trials: int | None,
    concurrency: int,
    seed: int,
) -> tuple[dict[str, EvalResult], PassK | None]:
    from sdialog.evaluation.overview import overview
    from sdialog.evaluation.runner import Running
    from sdialog.evaluation.score_cache import ScoreCache

    state = [] if environment is None else [_state_validator(environment)]
    # In the run folder, so that an evaluation which was stopped goes on where it was, and moves with the run.
    cache = ScoreCache(place / _CACHE) if (place / "plan.json").exists() else None
    with counting(f"scoring {place}") as count:
        running = Running(concurrency=concurrency, seed=seed, cache=cache, on_item=count)
        found = overview(run_dialogs(place), [*scores, *state], running)
    if cache is not None:
        cache.close()
    if not state:
        return found, None
    from sdialog.evaluation.pass_k import PassK

    return found, PassK(found[state[0].name], trials=trials, seed=seed)


def _judges(file: Path) -> list[BaseDialogScore]:
    from sdialog.evaluation.judges.spec import judge_from_spec
    from sdialog.simulation.scenario_yaml import read_yaml

    found = read_yaml(file.read_text(encoding="utf-8"), file=str(file)).data
    try:
        return [judge_from_spec(spec) for spec in (found if isinstance(found, list) else [found])]
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def _state_validator(environment: str) -> Any:
    from sdialog.evaluation.validators.state import StateValidator

    return StateValidator(environment)


def _names(runs: list[Path]) -> list[str]:
    """Return a short name of each place, the whole path where short names are equal."""
    short = [run.resolve().name for run in runs]
    return [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]


def _json(found: dict[str, EvalResult], trials: PassK | None, items: bool) -> dict[str, Any]:
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
