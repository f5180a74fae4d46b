"""Many dialogs from one plan: side by side, resumable, with failures as values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sdialog._version import __version__
from sdialog.core.errors import ConfigError
from sdialog.core.seeds import derive_seed
from sdialog.core.sync import run
from sdialog.simulation.attempts import Attempts
from sdialog.simulation.clocks import LogicalClock
from sdialog.simulation.conversation import Conversation
from sdialog.simulation.engines import Engine, engines
from sdialog.simulation.limits import RunScheduler
from sdialog.simulation.metering import CASTING, Meter
from sdialog.simulation.outcomes import Failure, Outcome
from sdialog.simulation.plan import AgentsPlan, Casting, Plan
from sdialog.simulation.run_memory import MemoryStore
from sdialog.simulation.run_result import Progress, RunResult, Status, Tally, summary, total, usage_from
from sdialog.simulation.run_store import RunStore, dialog_id
from sdialog.simulation.scenario import Scenario
from sdialog.simulation.stop_reasons import BUDGET, CANCELLED

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.core.dialog import Dialog

Planned: TypeAlias = "Plan | Scenario | str | Path | Mapping[str, Any] | Sequence[Agent]"

FAIL_ABOVE_AFTER = 20
"""How many dialogs must have been tried before a rate of failures ends a run."""

GATE = "gate"


async def generate_batch(
    plan: Planned,
    n: int,
    out: str | Path | None = None,
    *,
    seed: int | None = None,
    concurrency: int | None = None,
    engine: str = "local",
    fresh: bool = False,
    fail_above: float | None = None,
    wall_clock: bool = False,
    stop: StopRequest | None = None,
    on_start: Callable[[Progress], None] | None = None,
) -> RunResult:
    """Make ``n`` dialogs.

    Dialog i depends on the plan, the seed and i alone, so it is the same whether ``n`` is 10 or 10,000, made in one
    go or after a crash, alone or beside others. With ``out`` each finished dialog is on disk at once; the same call
    again makes what is missing, failed dialogs included.

    Args:
        plan: a scenario (object, file, shipped name, or plain data), a sequence of agents, or a plan.
        n: how many dialogs.
        out: run folder; None keeps the dialogs in memory.
        seed: seed of the run; default: the plan's.
        concurrency: dialogs under way at once; default: the plan's.
        engine: what runs them, such as ``local``.
        fresh: throw away what ``out`` holds of an earlier run.
        fail_above: end the run when, after at least 20 dialogs, more than this share of them has failed.
        wall_clock: record times of day; two runs then differ in their bytes.
        stop: ends the run in good order when asked to.
        on_start: called once with the progress, which then changes as the run goes on.

    Returns:
        How it ended; failures are values in it, not exceptions.

    Raises:
        UserError: if the plan, the folder or an argument is wrong.

    Example:
        >>> from sdialog.agents import Agent
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> ana = Agent(name="Ana", model=ScriptedModel(["Hi, are you there?", "Goodbye. STOP"]))
        >>> ben = Agent(name="Ben", model=ScriptedModel(["Yes, I am here.", "Bye!"]))
        >>> result = run(generate_batch([ana, ben], 3))
        >>> result.status, result.done, result.turns
        ('complete', 3, 12)
    """
    if n < 1:
        raise ConfigError(f"the number of dialogs must be at least 1, not {n}")
    if fail_above is not None and not 0 <= fail_above <= 1:
        raise ConfigError(f"fail_above is a share between 0 and 1, not {fail_above}")
    if concurrency is not None and concurrency < 1:
        raise ConfigError(f"concurrency must be at least 1, not {concurrency}")
    plan, engine_part = as_plan(plan), engines.get(engine)
    plan.check()
    seed = plan.seed if seed is None else seed
    described = {
        **plan.describe(),
        "seed": seed,
        "n": n,
        "clock": "wall" if wall_clock else "logical",
        "versions": {"sdialog": __version__},
    }
    store = MemoryStore(described) if out is None else RunStore(out, described, fresh=fresh)
    with store:
        batch = _Batch(plan, seed, store, concurrency=concurrency, wall_clock=wall_clock, fail_above=fail_above)
        if on_start is not None:
            on_start(batch.tally.progress)
        if stop is not None:
            stop.bind(batch.interrupt)
        try:
            status = await batch.drive(engine_part())
        finally:
            await batch.scheduler.aclose()
        result = batch.tally.result(status, store.folder, store.kept)
        store.finish(summary(result, described, store.usage_lines(), batch.tally))
    return result


def generate(plan: Planned, n: int, out: str | Path | None = None, **options: Any) -> RunResult:
    """Make ``n`` dialogs, from plain code; arguments, result and errors as for :func:`generate_batch`."""
    return run(generate_batch(plan, n, out, **options))


def as_plan(plan: Planned) -> Plan:
    """Return the plan that the argument means.

    Raises:
        ConfigError: if it is nothing that can be a plan.
        ScenarioError: if it is a scenario with something wrong in it.
    """
    from sdialog.agents import Agent

    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, Scenario):
        return plan.plan()
    if isinstance(plan, (str, Path)):
        return Scenario.from_file(plan).plan()
    if isinstance(plan, Mapping):
        return Scenario.from_dict(plan).plan()
    agents = [agent for agent in plan if isinstance(agent, Agent)] if isinstance(plan, Sequence) else []
    if agents and len(agents) == len(plan):
        return AgentsPlan(agents)
    raise ConfigError(f"a batch is made from a scenario, a plan or a list of agents, not from {plan!r:.80}")


class StopRequest:
    """A wish that a run end in good order; may be made from a signal handler or another thread.

    Dialogs under way are dropped (they are made again on resume); what is finished is kept.

    Example:
        >>> StopRequest().requested
        False
    """

    def __init__(self) -> None:
        self.requested = False
        self._act: Callable[[], None] | None = None

    def request(self) -> None:
        """Ask the run to end."""
        self.requested = True
        if self._act is not None:
            self._act()

    def bind(self, act: Callable[[], None]) -> None:
        """Say what to do when asked, in the loop that calls this."""
        loop = asyncio.get_running_loop()

        def ask() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(act)

        self._act = ask
        if self.requested:
            self._act()


class _Batch:
    """One session of a run: makes what the store lacks."""

    def __init__(
        self,
        plan: Plan,
        seed: int,
        store: RunStore | MemoryStore,
        *,
        concurrency: int | None,
        wall_clock: bool,
        fail_above: float | None,
    ) -> None:
        self.plan, self.seed, self.store, self.wall_clock, self.fail_above = plan, seed, store, wall_clock, fail_above
        limits = replace(plan.limits, concurrency=concurrency) if concurrency is not None else plan.limits
        before = total(usage_from(used) for entry in store.usage_lines() for used in entry["usage"].values())
        self.scheduler = RunScheduler(limits, limits.budget(before))
        self.concurrency = limits.concurrency
        self.tally = Tally(Progress(total=store.n, done=store.done))
        self.stopped: Status | None = None
        self._under_way: dict[int, asyncio.Task[Any]] = {}

    async def drive(self, engine: Engine) -> Status:
        """Make everything there is to make, or as much as may be."""
        results = engine.run(self._admitted(), self.simulate, concurrency=self.concurrency)
        async with aclosing(results):
            async for result in results:
                self._settle(result)
        progress = self.tally.progress
        if self.stopped is not None and progress.done < progress.total:
            return self.stopped
        if progress.failed:
            return "too_many_failed" if self._too_many(at_end=True) else "some_failed"
        return "complete"

    def interrupt(self) -> None:
        """End in good order because somebody asked for it."""
        self._stop("interrupted", drop=True)

    def _admitted(self) -> Iterator[int]:
        for index in self.store.todo():
            if self._ending():
                return
            yield index

    def _ending(self) -> bool:
        return self.stopped is not None

    def _stop(self, status: Status, *, drop: bool) -> None:
        """Begin no more dialogs; with ``drop`` call off those under way, without it let them come to their end."""
        if self.stopped is None:
            self.stopped = status
        if drop:
            for task in self._under_way.values():
                task.cancel()

    def _settle(self, result: Outcome | Failure) -> None:
        if isinstance(result, Failure) and result.stop_reason in (BUDGET, CANCELLED):
            # Neither is the dialog's own fault: it is as if it had never begun, but for what it used.
            self.store.add_discarded(result.index, result.usage)
            self.tally.progress.usage = self.tally.progress.usage + total(result.usage.values())
            if result.stop_reason == BUDGET:
                self._stop("budget", drop=False)
            return
        self.tally.add(result)
        if isinstance(result, Outcome):
            self.store.add(result)
            return
        self.store.add_failure(result)
        if result.fatal:
            self._stop("broken", drop=True)
        elif self._too_many():
            self._stop("too_many_failed", drop=True)

    def _too_many(self, *, at_end: bool = False) -> bool:
        if self.fail_above is None:
            return False
        progress = self.tally.progress
        tried = progress.made + progress.failed
        return (at_end or tried >= FAIL_ABOVE_AFTER) and progress.failed > self.fail_above * tried

    async def simulate(self, index: int) -> Outcome | Failure:
        """Make one dialog, with as many attempts as the gate allows; trouble becomes a value."""
        attempts = Attempts(index)
        if self._ending():  # between being begun and coming to run
            return attempts.gave_up("Cancelled", "the run was stopped", CANCELLED)
        task = asyncio.current_task()
        assert task is not None
        self._under_way[index] = task
        try:
            return await self._through_gate(index, attempts)
        except asyncio.CancelledError:
            if not self._ending():  # called off by somebody else, who wants to see it
                raise
            return attempts.gave_up("Cancelled", "the run was stopped", CANCELLED)
        except Exception as error:  # noqa: BLE001 - a value: one bad dialog never ends a run
            return attempts.failed(error)
        finally:
            del self._under_way[index]

    async def _through_gate(self, index: int, attempts: Attempts) -> Outcome | Failure:
        draws = self.plan.draws(index)
        seed = derive_seed(self.seed, "dialog", draws)
        retries = self.plan.gate.retries if self.plan.gate.checks else 0
        while True:
            outcome = await self._converse(index, seed, attempts)
            verdict = await self.plan.gate.rejects(outcome.dialog)
            if verdict is None:
                return attempts.succeeded(outcome)
            attempts.counts[f"gate:{verdict.validator}"] += 1
            if attempts.number > retries:
                break
            seed = derive_seed(self.seed, "dialog", draws, "retry", attempts.number)
            attempts.number += 1
        why = f": {verdict.reason}" if verdict.reason else ""
        message = f"validator {verdict.validator!r} rejected each of {attempts.number} attempts{why}"
        return attempts.gave_up("Rejected", message, GATE)

    async def _converse(self, index: int, seed: int, attempts: Attempts) -> Outcome:
        casting = await self._cast(index, seed, attempts)
        conversation = Conversation(
            casting.agents,
            casting.conduct,
            replace(casting.labels, id=dialog_id(self.seed, index)),
            seed=seed,
            scheduler=self.scheduler,
            clock=None if self.wall_clock else LogicalClock(),
        )
        conversation.on_turn = self._count_turn
        attempts.begin(conversation)
        return await conversation.run()

    async def _cast(self, index: int, seed: int, attempts: Attempts) -> Casting:
        meter = Meter(self.scheduler)
        try:
            return await self.plan.at(index).cast(seed, meter.as_scheduler())
        finally:
            if meter.usage.calls:
                attempts.add({CASTING: meter.usage})

    def _count_turn(self, _: Dialog) -> None:
        self.tally.progress.turns += 1


__all__ = ["FAIL_ABOVE_AFTER", "StopRequest", "as_plan", "generate", "generate_batch"]
