"""``sdialog generate``."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import JsonOption, print_json, single

if TYPE_CHECKING:
    from sdialog.simulation.batch import StopRequest
    from sdialog.simulation.run_result import Progress, RunResult
    from sdialog.simulation.scenario import Scenario


def generate(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one (support-desk).")],
    number: Annotated[int | None, typer.Option("-n", "--number", min=1, help="How many dialogs.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder; default: runs/<scenario>.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Model of all agents without one; AGENT=NAME or 1=NAME for one."),
    ] = None,
    steer: Annotated[
        list[Path] | None, typer.Option("--steer", help="YAML file: by agent, what 'steer' holds in a scenario.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run; default: the scenario's.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", "-c", min=1, help="Dialogs at once.")] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Most turns a dialog.")] = None,
    engine: Annotated[str, typer.Option(help="What runs the dialogs.")] = "local",
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away an earlier run in the folder.")] = False,
    fail_above: Annotated[
        float | None, typer.Option(min=0, max=1, help="Give up when more than this share of dialogs fails.")
    ] = None,
    wall_clock: Annotated[
        bool, typer.Option("--wall-clock", help="Record times of day; runs then differ in bytes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make dialogs from a scenario. The same command again makes what is missing and changes nothing else."""
    from sdialog.core.sync import run
    from sdialog.simulation.batch import StopRequest, generate_batch
    from sdialog.simulation.scenario import Scenario

    chosen = with_models(Scenario.from_file(scenario), model or []).evolve(max_turns=max_turns)
    for file in steer or ():
        chosen = chosen.steered(file)
    output = chosen.spec.output
    folder = out or Path(output.folder or Path("runs") / chosen.name)
    stop = StopRequest()
    with ExitStack() as shown, stopping(stop):
        result = run(
            generate_batch(
                chosen,
                number or output.dialogs or 10,
                folder,
                seed=seed,
                concurrency=concurrency,
                engine=engine,
                fresh=fresh,
                fail_above=fail_above,
                wall_clock=wall_clock or output.wall_clock,
                stop=stop,
                on_start=lambda progress: _watch(shown, progress, quiet or as_json),
            )
        )
    if as_json:
        print_json(result.json())
    else:
        _report(result, folder)
    raise typer.Exit(exit_code(result))


def with_models(scenario: Scenario, models: list[str]) -> Scenario:
    """Return the scenario with the models of ``--model``.

    Args:
        scenario: the scenario.
        models: ``NAME`` for all agents without one of their own; ``AGENT=NAME`` or ``1=NAME`` for a single agent.
    """
    known = scenario.agent_positions()
    single_agents: dict[str, str] = {}
    general: str | None = None
    for model in models:
        agent, equals, name = model.partition("=")
        if equals and (agent in known or ":" not in agent):
            single_agents[agent] = name
        else:
            general = model
    if general is not None and all(agent.model is not None for agent in scenario.spec.agents):
        first = next(iter(known))
        typer.echo(
            f"note: no agent speaks with {general}, since each names a model of its own; --model {first}={general} "
            "sets an agent's",
            err=True,
        )
    return scenario.evolve(model=general, models=single_agents)


def exit_code(result: RunResult) -> int:
    """Return the exit code that a result means: 0 all good, 130 interrupted, 2 a mistake to mend, 1 otherwise."""
    if result.status == "interrupted":
        return 130
    if result.mistake is not None:
        return 2
    return 0 if result.ok else 1


@contextmanager
def stopping(stop: StopRequest) -> Iterator[None]:
    """Make the first Ctrl-C (or SIGTERM) end the run in good order, and the second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        typer.echo("\nstopping; once more to stop at once", err=True)
        stop.request()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(stack: ExitStack, progress: Progress, quiet: bool) -> None:
    from sdialog.simulation.progress import batch_lines

    if progress.done and not quiet:
        typer.echo(f"going on: {progress.done:,} of {progress.total:,} dialogs are there", err=True)
    stack.enter_context(batch_lines(progress, quiet=quiet))


def _report(result: RunResult, folder: Path) -> None:
    from sdialog.simulation.progress import duration
    from sdialog.simulation.run_result import STATUS_MEANINGS

    usage = result.usage
    parts = [
        f"{result.made:,} made now",
        f"{result.turns:,} turns",
        f"{usage.input_tokens + usage.output_tokens:,} tokens",
        *([f"cost {usage.cost:,.4f}"] if usage.cost else []),
        duration(result.seconds),
    ]
    typer.echo(f"{result.done:,} of {result.n:,} dialogs in {folder} ({', '.join(parts)})")
    if not result.ok:
        typer.echo(f"{result.status.replace('_', ' ')}: {STATUS_MEANINGS[result.status]}", err=True)
        for line in _causes(result):
            typer.echo(f"  {line}", err=True)
        typer.echo(_advice(result, folder), err=True)
    if sys.stdout.isatty() and result.stop_reasons:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(result.stop_reasons.items()))
        typer.echo(f"how they ended: {reasons}")
    if result.done:
        typer.echo(
            f"next: sdialog show {folder}   or   sdialog evaluate {folder}   or   sdialog export {folder} --to openai"
        )


def _advice(result: RunResult, folder: Path) -> str:
    if result.mistake is not None:
        advice = "mend this first; then run again, with --fresh if the scenario changed"
    elif result.status == "budget":
        advice = "raise the limit in the scenario and run the same command again to go on"
    else:
        advice = "run the same command again to go on"
    return f"{advice}; failed dialogs: sdialog show {folder} --failed" if result.failed else advice


def _causes(result: RunResult, most: int = 3) -> list[str]:
    """Return the commonest causes of failure, with how often and an example."""
    causes = Counter(f"{failure.error}: {failure.message.splitlines()[0]}" for failure in result.failures)
    lines = [f"{count} x {cause}" for cause, count in causes.most_common(most)]
    if len(causes) > most:
        lines.append(f"and {len(causes) - most} other causes")
    return lines


app = single(generate)
