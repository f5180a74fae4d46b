"""Scores a model on simulated dialogs between held-out personas: ``python -m training.evaluate -n 100``.

The dialogs run through the toolkit itself (agents, prompts, tools, orchestrators, conversation); an exact parser then
reads every sentence and compares every value with the truth.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import create_model

from sdialog.agents import Agent
from sdialog.agents.tools import Tool as AgentTool
from sdialog.core import sync
from sdialog.core.attributes import AttributeModel
from sdialog.core.dialog import Dialog
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import ToolSpec
from sdialog.orchestrators import InstructionListOrchestrator
from sdialog.simulation.conversation import converse
from training.cases import KINDS, Case, draw_cases
from training.domains import Tool
from training.parser import Record, Verdict, judge
from training.script import Side, other

MAX_TURNS = 20
THRESHOLDS = {
    "role kept": 95.0,
    "ended by itself": 95.0,
    "stated facts right": 95.0,
    "dialogs without a wrong fact": 80.0,
    "instruction followed": 90.0,
    "needed tool called right": 90.0,
}
KIND_THRESHOLD = 80.0


class Score(NamedTuple):
    """How often something held."""

    hits: int
    total: int

    @property
    def percent(self) -> float:
        """Share in percent; 100 of nothing."""
        return 100 * self.hits / self.total if self.total else 100.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Return the 95 % interval in percent (Wilson, 1927)."""
        if not self.total:
            return 0.0, 100.0
        n, p = self.total, self.hits / self.total
        centre = p + z * z / (2 * n)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, 100 * (centre - spread) / scale), min(100.0, 100 * (centre + spread) / scale)


@dataclass(frozen=True)
class Outcome:
    """One simulated dialog with its verdict."""

    case: Case
    dialog: Dialog
    record: Record
    verdict: Verdict


@lru_cache(maxsize=4096)
def _persona_class(names: tuple[str, ...]) -> type[AttributeModel]:
    fields: dict[str, Any] = dict.fromkeys(names, (Any, ""))
    return create_model("HeldOut", __base__=AttributeModel, **fields)


def _tool(tool: Tool, answer: Callable[[], Any]) -> AgentTool:
    properties = {name: {"type": "string"} for name in tool.arguments}
    schema = {"type": "object", "properties": properties, "required": list(tool.arguments)}
    return AgentTool(ToolSpec(tool.name, "A tool.", schema), lambda _arguments, _context: answer())


def _agent(case: Case, side: Side, model: str, options: Mapping[str, Any]) -> Agent:
    fields = case.fields[side]
    answers = iter(case.script.outcome)
    last: list[Any] = [{}]

    def answer() -> Any:
        last[0] = next(answers, last[0])
        return last[0]

    orders = [InstructionListOrchestrator({case.turn: case.order.wording})] if case.order and case.side == side else []
    return Agent(
        _persona_class(tuple(fields))(**fields),
        context=case.context,
        model=model,
        orchestrators=orders,
        tools=[_tool(tool, answer) for tool in case.script.tools] if side == "R" else None,
        **options,
    )


def _record(case: Case, dialog: Dialog) -> Record:
    """Read what the judge needs off a dialog; two parties speak by turns."""
    sides = (case.first, other(case.first))
    turns = [(sides[n % 2], turn.text) for n, turn in enumerate(dialog.turns or ())]
    record = Record(case.script, turns, ended=dialog.stopReason == "agent_stop", order=case.order)
    for event in dialog.events or ():
        if event.action == "tool" and isinstance(event.content, dict):
            if event.actionLabel == "call":
                record.calls.append((event.content["name"], event.content.get("args") or {}))
            else:
                record.result = _loaded(event.content.get("output"))
    if case.order:
        record.side = case.side
        own = [text for side, text in turns if side == case.side]
        record.reply = own[case.turn] if len(own) > case.turn else None
    return record


def _loaded(output: Any) -> Any:
    """Return a tool's output as data, or as the text it is."""
    if not isinstance(output, str):
        return output
    try:
        return json.loads(output)
    except ValueError:
        return output


async def _simulate(cases: Sequence[Case], model: str, options: Mapping[str, Any], seed: int) -> list[Dialog]:
    scheduler = Scheduler()

    async def one(number: int, case: Case) -> Dialog:
        agents = [_agent(case, side, model, options) for side in (case.first, other(case.first))]
        return await converse(agents, max_turns=MAX_TURNS, seed=seed + number, scheduler=scheduler)

    return list(await asyncio.gather(*(one(n, case) for n, case in enumerate(cases))))


def simulate(cases: Sequence[Case], model: str = "embedded:mini", seed: int = 7, **options: Any) -> list[Outcome]:
    """Run the cases through the toolkit and judge them.

    Args:
        cases: what to simulate.
        model: name of the model both sides use.
        seed: seed of the first dialog; the others follow.
        options: sampling options such as ``temperature``; none means the backend's own.
    """
    outcomes = []
    for case, dialog in zip(cases, sync.run(_simulate(cases, model, options, seed)), strict=True):
        record = _record(case, dialog)
        outcomes.append(Outcome(case, dialog, record, judge(record)))
    return outcomes


def _count(values: Iterable[bool | None]) -> Score:
    known = [v for v in values if v is not None]
    return Score(sum(known), len(known))


def scores(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Return every measure by name; instructions also kind by kind."""
    verdicts = [o.verdict for o in outcomes]
    table = {
        "role kept": _count(v.role for v in verdicts),
        "ended by itself": _count(v.ended for v in verdicts),
        "stated facts right": Score(sum(v.right for v in verdicts), sum(v.values for v in verdicts)),
        "dialogs without a wrong fact": _count(v.facts for v in verdicts),
        "needed tool called right": _count(v.tool for v in verdicts),
        "sentences inside the grammar": Score(
            sum(v.sentences - v.foreign for v in verdicts), sum(v.sentences for v in verdicts)
        ),
    }
    if any(o.case.order for o in outcomes):
        table["instruction followed"] = _count(v.order for v in verdicts)
        for kind in KINDS:
            hits = [o.verdict.order for o in outcomes if o.case.order and o.case.order.kind == kind]
            if hits:
                table[f"instruction: {kind}"] = _count(hits)
    return table


def passed(name: str, score: Score) -> bool | None:
    """Say whether a measure reaches its threshold; None if it has none."""
    limit = KIND_THRESHOLD if name.startswith("instruction: ") else THRESHOLDS.get(name)
    return None if limit is None else score.percent >= limit


def report(title: str, table: Mapping[str, Score]) -> str:
    """Return the table as text."""
    lines = [f"{title}", f"{'measure':32} {'hits':>11} {'share':>7}  95 % interval"]
    for name, score in table.items():
        low, high = score.interval()
        verdict = {True: "pass", False: "FAIL", None: ""}[passed(name, score)]
        share = f"{score.hits:5}/{score.total:5} {score.percent:6.1f} %"
        lines.append(f"{name:32} {share}  {low:5.1f}-{high:5.1f}  {verdict}")
    return "\n".join(lines)


def _data(title: str, outcomes: Sequence[Outcome], table: Mapping[str, Score]) -> dict[str, Any]:
    return {
        "title": title,
        "scores": {
            n: {
                "hits": s.hits,
                "total": s.total,
                "percent": round(s.percent, 2),
                "interval": [round(v, 1) for v in s.interval()],
                "passed": passed(n, s),
            }
            for n, s in table.items()
        },
        "errors": [
            {"dialog": n, "domain": o.case.script.domain, "errors": o.verdict.errors}
            for n, o in enumerate(outcomes)
            if o.verdict.errors
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate from the command line; returns 1 if a threshold is missed."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--model", default="embedded:mini")
    parser.add_argument("-n", type=int, default=100, help="dialogs per set")
    parser.add_argument("--instructions", action="store_true", help="only the set with instructions")
    parser.add_argument("--plain", action="store_true", help="only the set without instructions")
    parser.add_argument("--kind", choices=KINDS, help="one kind of instruction throughout")
    parser.add_argument("--temperature", type=float, help="0 is greedy; default: the backend's own sampling")
    parser.add_argument("--seed", type=int, default=990_001, help="seed of the personas")
    parser.add_argument("--json", type=Path, help="file for scores and errors")
    parser.add_argument("--show", type=int, default=0, help="print so many dialogs")
    given = parser.parse_args(arguments)
    # One thread: so small a model gains nothing from more, and on a shared CPU more of them wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options = {} if given.temperature is None else {"temperature": given.temperature}
    sets = [(False, None), (True, None)]
    if given.kind or given.instructions or given.plain:
        sets = [(not given.plain, given.kind)]
    results, good = [], True
    for instructed, kind in sets:
        begin = time.time()
        cases = draw_cases(given.n, instructions=instructed, kind=kind, seed=given.seed + instructed)
        outcomes = simulate(cases, given.model, **options)
        table = scores(outcomes)
        what = f"instruction {kind}" if kind else ("one instruction each" if instructed else "no instructions")
        title = f"{given.model}, {given.n} dialogs, {what}, {time.time() - begin:.0f} s"
        print(report(title, table) + "\n", flush=True)
        for outcome in outcomes[: given.show]:
            print("\n".join(f"{side}: {text}" for side, text in outcome.record.turns) + "\n")
        good = good and all(passed(name, score) is not False for name, score in table.items())
        results.append(_data(title, outcomes, table))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
