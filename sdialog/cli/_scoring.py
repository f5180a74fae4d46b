"""What commands that score dialogs share: their options, the scores asked for, and caches in run folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import counting, print_table, run_place
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.evaluation.base import BaseDialogScore
    from sdialog.evaluation.comparison.differences import Difference
    from sdialog.evaluation.comparison.result import Comparison, Slice
    from sdialog.evaluation.dataset import Dataset
    from sdialog.evaluation.runner import Running

MetricsOption = Annotated[
    list[str] | None,
    typer.Option("--metrics", "-m", help="Scores by name, several with commas; 'all' for every feature."),
]
JudgeOption = Annotated[
    list[Path] | None, typer.Option("--judge", help="YAML file of one judge, or of a list of judges.")
]
SpeakerOption = Annotated[str | None, typer.Option(help="Only what this speaker says.")]
ByOption = Annotated[
    list[str] | None,
    typer.Option("--by", help="Repeat it for each value of: persona, scenario, or a field, label or persona's trait."),
]
ReferenceOption = Annotated[Path | None, typer.Option("--reference", help="Dialogs that are as they should be.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Also write it to a file: .html, .md, .csv, .json or .tex.")
]
ConcurrencyOption = Annotated[int, typer.Option(help="Dialogs under way at once, for scores that wait.")]
SeedOption = Annotated[int, typer.Option(help="Seed of what is random.")]

_CACHE = Path("scores") / "scores.sqlite"
_EMBEDDER = "hashed"
_DIGITS, _FEWER = 3, 2


def asked_scores(metrics: Sequence[str] | None, judges: Sequence[Path] | None, speaker: str | None) -> list[Any]:
    """Return the scores that options ask for; the usual ones when there is neither a name nor a judge."""
    from sdialog.evaluation.overview import named_scores

    names = [name.strip() for one in metrics or () for name in one.split(",") if name.strip()]
    scores = named_scores(names, speaker) if names or not judges else []
    return scores + [made for file in judges or () for made in read_judges(file)]


def read_judges(file: Path) -> list[BaseDialogScore]:
    """Return the judges of a YAML file.

    Raises:
        UserError: if one cannot be made; names the file.
    """
    from sdialog.evaluation.judges.spec import judge_from_spec
    from sdialog.simulation.scenario_yaml import read_yaml

    found = read_yaml(file.read_text(encoding="utf-8"), file=str(file)).data
    try:
        return [judge_from_spec(spec) for spec in (found if isinstance(found, list) else [found])]
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def named_places(runs: Sequence[Path]) -> dict[str, Path]:
    """Return places by a short name of each, the whole path where short names are equal.

    Raises:
        UserError: if there is nothing at one, or one is named twice.
    """
    short = [run.resolve().name for run in runs]
    names = [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]
    if len(set(names)) < len(names):
        raise UserError(f"{next(name for name in names if names.count(name) > 1)} is named twice")
    return {name: run_place(run) for name, run in zip(names, runs, strict=True)}


@contextmanager
def running_at(place: Path, concurrency: int, seed: int) -> Iterator[Running]:
    """Give the way to score what is in a place; in a run folder results are kept in its ``scores`` folder."""
    from sdialog.evaluation.runner import Running
    from sdialog.evaluation.score_cache import ScoreCache

    # In the run folder, so that an evaluation which was stopped goes on where it was, and moves with the run.
    cache = ScoreCache(place / _CACHE) if (place / "plan.json").exists() else None
    try:
        with counting(f"scoring {place}") as count:
            yield Running(concurrency=concurrency, seed=seed, cache=cache, on_item=count)
    finally:
        if cache is not None:
            cache.close()


def compare_places(
    places: dict[str, Path],
    scores: Sequence[Any],
    *,
    reference: Path | None = None,
    concurrency: int = 32,
    seed: int = 0,
    **options: Any,
) -> Comparison:
    """Compare what is in several places.

    Args:
        places: names and places.
        scores: what to compute.
        reference: place of a reference, from which distances are computed too.
        concurrency: dialogs under way at once.
        seed: seed of what is random.
        options: of :func:`sdialog.evaluation.compare.compare`.

    Raises:
        UserError: if a place holds no dialogs.
    """
    from sdialog.evaluation.compare import compare

    measures = [*scores, *([] if reference is None else _distances(run_place(reference), seed))]
    with ExitStack() as stack:

        def running(dataset: Dataset) -> Running:
            place = dataset.path or Path()
            # One bar at a time: the one before is closed first.
            stack.close()
            return stack.enter_context(running_at(place, concurrency, seed))

        found = compare(places, measures, running=running, seed=seed, **options)
    for name, size in found.about.sizes.items():
        if not size:
            raise UserError(f"there are no dialogs in {places[str(name)]}")
    return found


def _distances(reference: Path, seed: int) -> list[Any]:
    from sdialog.evaluation.evaluators.embeddings import EmbeddingDistanceEvaluator, ReferenceCentroidEmbeddingEvaluator

    return [
        ReferenceCentroidEmbeddingEvaluator(_EMBEDDER, reference, enable_plotting=False),
        *(
            EmbeddingDistanceEvaluator(_EMBEDDER, reference, metric, seed=seed, enable_plotting=False)
            for metric in ("mmd", "precision-recall")
        ),
    ]


def print_comparison(found: Comparison) -> None:
    """Print numbers with their intervals, differences with their tests, slices, and what has to be said of them."""
    from sdialog.evaluation.comparison.tables import cell_text, notes

    sets = list(found.about.datasets)
    rows = [["dialogs", *(str(found.about.sizes[name]) for name in sets)]]
    rows += [[column, *(cell_text(found.cells[name, column], _DIGITS) for name in sets)] for column in found.columns]
    print_table(rows, "score", *map(str, sets), always=True)
    if found.differences:
        typer.echo()
        _print_differences(found.differences)
    for by in dict.fromkeys(one.by for one in found.slices):
        _print_slices(by, [one for one in found.slices if one.by == by], found.alpha)
    typer.echo("".join(f"\n{line}" for line in notes(found)))


def _print_differences(listed: Sequence[Difference]) -> None:
    """Print a table for each two sets, whose names stand above it: terminals are narrow."""
    from sdialog.evaluation.comparison.tables import difference_rows

    for sets in dict.fromkeys((one.a, one.b) for one in listed):
        head, *rows = difference_rows([one for one in listed if (one.a, one.b) == sets], _DIGITS)
        at = head.index("sets")
        typer.echo(f"{sets[1]} - {sets[0]}:")
        print_table((row[:at] + row[at + 1 :] for row in rows), *head[:at], *head[at + 1 :], always=True)


def _print_slices(by: str, slices: Sequence[Slice], alpha: float) -> None:
    """Print the numbers of all slices by one attribute side by side, and those differences that are significant."""
    from sdialog.evaluation.comparison.result import Cell
    from sdialog.evaluation.comparison.tables import cell_text

    typer.echo(f"\nby {by}:")
    keys = dict.fromkeys((column, name) for one in slices for name, column in one.cells)
    rows = [
        [column, str(name), *(cell_text(one.cells.get((name, column), Cell(None)), _FEWER) for one in slices)]
        for column, name in keys
    ]
    print_table(rows, "score", "set", *(str(one.value) for one in slices), always=True)
    tested = [(one.value, gap) for one in slices for gap in one.differences if gap.p_adjusted is not None]
    certain = [(value, gap) for value, gap in tested if gap.significant(alpha)]
    if tested:
        typer.echo(f"\n{len(certain) or 'no'} of {len(tested)} differences within slices significant{_all_of(certain)}")
    for value in dict.fromkeys(value for value, _ in certain):
        typer.echo(f"{by} = {value}")
        _print_differences([gap for own, gap in certain if own == value])


def _all_of(certain: Sequence[object]) -> str:
    return ":" if certain else "; all of them stand in the file of --out"
