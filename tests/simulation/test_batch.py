"""Batches: independence, failures as values, budgets, gates, stopping."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog
from sdialog.core.errors import AuthenticationError, ConfigError, ServerError, UnknownNameError
from sdialog.core.settings import use
from sdialog.core.sync import run
from sdialog.llm.types import GenerateRequest
from sdialog.simulation import AgentsPlan, Check, Conduct, Gate, Limits, StopRequest, generate, generate_batch
from sdialog.simulation.repetition import LoopDetector
from sdialog.simulation.run_store import dialog_id

SCRIPT = {
    "agents": [
        {"name": "Ana", "model": {"replies": ["Hello Ben.", "I would like to know more.", "Thanks, bye. STOP"]}},
        {"name": "Ben", "model": {"replies": ["Hello Ana.", "There is not much more.", "Good luck!"]}},
    ]
}


def number_of(request: GenerateRequest) -> str:
    return request.key.split("/")[0]


def plan(reply: Any, *, limits: Limits | None = None, gate: Gate | None = None, most: int = 6) -> AgentsPlan:
    """Two agents whose every word a function decides."""
    agents = [Agent(name=name, model=ScriptedModel(reply, label="same")) for name in ("Ana", "Ben")]
    return AgentsPlan(agents, conduct=Conduct(max_turns=most), limits=limits, gate=gate)


def talkative(request: GenerateRequest) -> str:
    return f"{request.key} says thing {len(request.messages)} with seed {request.config.seed}."


def failing(*indices: int, error: type[Exception] = ServerError) -> Any:
    """A reply function whose dialogs with these indices fail in their third turn."""
    ids = {dialog_id(13, index) for index in indices}

    def reply(request: GenerateRequest) -> str:
        if number_of(request) in ids and len(request.messages) >= 2:
            raise error("HTTP 500")
        return talkative(request)

    return reply


ONCE = Limits(attempts=1)


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_dialogs_are_the_same_at_any_concurrency_and_size(tmp_path: Path, concurrency: int) -> None:
    generate(plan(talkative), 20, tmp_path / "one", concurrency=1)
    generate(plan(talkative), 20, tmp_path / "many", concurrency=concurrency)
    whole = (tmp_path / "one" / "dialogs.jsonl").read_bytes()
    assert (tmp_path / "many" / "dialogs.jsonl").read_bytes() == whole
    generate(plan(talkative), 7, tmp_path / "few", concurrency=concurrency)
    assert whole.startswith((tmp_path / "few" / "dialogs.jsonl").read_bytes())


def test_dialogs_that_end_in_any_order_are_written_in_order(tmp_path: Path) -> None:
    async def reply(request: GenerateRequest) -> str:
        await asyncio.sleep((request.config.seed or 0) % 7 / 1000)
        return talkative(request)

    generate(plan(reply), 40, tmp_path / "r", concurrency=8)
    generate(plan(talkative), 40, tmp_path / "plain")
    lines = (tmp_path / "r" / "dialogs.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [dialog_id(13, index) for index in range(40)]


def test_no_more_dialogs_are_under_way_than_allowed() -> None:
    live: set[str] = set()
    most = 0

    async def reply(request: GenerateRequest) -> str:
        nonlocal most
        live.add(number_of(request))
        most = max(most, len(live))
        await asyncio.sleep(0)
        if len(request.messages) >= 5:
            live.discard(number_of(request))
            return "That is all. STOP"
        return talkative(request)

    generate(plan(reply, most=50), 60, concurrency=7)
    assert 2 <= most <= 8  # one more may just be leaving


def test_failures_are_values_with_cause_and_partial_dialog(tmp_path: Path) -> None:
    result = generate(plan(failing(2, 5), limits=ONCE), 8, tmp_path / "r")
    assert (result.status, result.done, result.failed) == ("some_failed", 6, 2)
    assert [failure.index for failure in result.failures] == [2, 5]
    first = result.failures[0]
    assert (first.error, first.stop_reason) == ("ServerError", "error")
    assert first.partial is not None
    assert len(first.partial) == 2
    records = [json.loads(line) for line in (tmp_path / "r" / "failures.jsonl").read_text().splitlines()]
    assert [record["index"] for record in records] == [2, 5]
    assert records[0]["dialog"]["stopReason"] == "error"
    assert records[0]["request"].startswith(dialog_id(13, 2))
    summary = json.loads((tmp_path / "r" / "run.json").read_text())
    assert summary["dialogs"] == {"wanted": 8, "done": 6, "failed": 2, "turns": 36}


def test_failed_dialogs_are_made_on_resume_and_the_bytes_are_those_of_a_run_without_failures(tmp_path: Path) -> None:
    generate(plan(talkative), 8, tmp_path / "whole")
    generate(plan(failing(0, 3, 7), limits=ONCE), 8, tmp_path / "r")
    again = generate(plan(failing(3), limits=ONCE), 8, tmp_path / "r")
    assert (again.made, again.failed) == (2, 1)
    last = generate(plan(talkative), 8, tmp_path / "r")
    assert (last.status, last.made, last.done) == ("complete", 1, 8)
    assert (tmp_path / "r" / "dialogs.jsonl").read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()


def test_a_rate_of_failures_ends_the_run() -> None:
    result = generate(plan(failing(*range(0, 500, 2)), limits=ONCE), 500, fail_above=0.2, concurrency=4)
    assert result.status == "too_many_failed"
    assert result.made + result.failed < 60
    kind = generate(plan(failing(*range(0, 40, 20)), limits=ONCE), 40, fail_above=0.2)
    assert kind.status == "some_failed"


def test_an_error_that_would_hit_every_dialog_ends_the_run_at_once() -> None:
    result = generate(plan(failing(*range(100), error=AuthenticationError), limits=ONCE), 100, concurrency=2)
    assert result.status == "broken"
    assert result.failures[0].error == "AuthenticationError"
    assert result.failed < 10


def test_a_budget_ends_a_run_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    generate(plan(talkative), 10, tmp_path / "whole")
    calls = 0

    def counting(request: GenerateRequest) -> str:
        nonlocal calls
        calls += 1
        return talkative(request)

    first = generate(plan(counting, limits=Limits(max_calls=25)), 10, tmp_path / "r", concurrency=3)
    assert (first.status, calls) == ("budget", 25)
    assert first.done < 10
    assert json.loads((tmp_path / "r" / "run.json").read_text())["status"] == "budget"
    same = generate(plan(counting, limits=Limits(max_calls=25)), 10, tmp_path / "r", concurrency=3)
    assert (same.status, calls) == ("budget", 25)
    last = generate(plan(counting, limits=Limits(max_calls=500)), 10, tmp_path / "r", concurrency=3)
    assert last.status == "complete"
    assert (tmp_path / "r" / "dialogs.jsonl").read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()
    spent = json.loads((tmp_path / "r" / "run.json").read_text())["usage"]["total"]["calls"]
    assert spent == calls


def long_enough(dialog: Dialog, turns: int = 0) -> tuple[bool, str]:
    return len(dialog) >= turns, f"only {len(dialog)} turns"


def test_the_gate_has_dialogs_made_anew_and_counts_it(tmp_path: Path) -> None:
    rejections = 0

    def picky(dialog: Dialog) -> bool:
        nonlocal rejections
        good = (dialog.seed or 0) % 3 == 0
        rejections += not good
        return good

    result = generate(plan(talkative, gate=Gate((Check("picky", picky),), retries=30)), 12, tmp_path / "r")
    assert result.status == "complete"
    assert rejections
    assert all((dialog.seed or 0) % 3 == 0 for dialog in result.dialogs())
    assert [dialog.id for dialog in result.dialogs()] == [dialog_id(13, index) for index in range(12)]
    guards = json.loads((tmp_path / "r" / "run.json").read_text())["guards"]
    assert guards == {"gate:picky": rejections}


def test_a_dialog_that_never_passes_the_gate_is_a_failure() -> None:
    gate = Gate((Check("long", lambda dialog: long_enough(dialog, 99)),), retries=2)
    result = generate(plan(talkative, gate=gate), 2)
    assert (result.status, result.failed) == ("some_failed", 2)
    failure = result.failures[0]
    assert (failure.stop_reason, failure.attempts) == ("gate", 3)
    assert "only 6 turns" in failure.message
    assert failure.partial is not None


def test_a_mark_keeps_the_dialog_and_is_noted_in_it() -> None:
    async def never(dialog: Dialog) -> bool:
        return False

    result = generate(plan(talkative, gate=Gate((Check("never", never, "mark"),))), 1)
    (dialog,) = result.dialogs()
    assert dialog.annotations == {"gate": [{"validator": "never", "passed": False, "reason": None}]}


def test_a_validator_that_answers_neither_yes_nor_no_is_an_error() -> None:
    result = generate(plan(talkative, gate=Gate((Check("odd", lambda dialog: "maybe"),))), 3)  # type: ignore[arg-type, return-value]
    assert result.status == "broken"
    assert "must return a bool" in result.failures[0].message


def test_a_request_to_stop_keeps_what_is_done_and_the_run_goes_on_later(tmp_path: Path) -> None:
    stop = StopRequest()
    seen: set[str] = set()

    async def slow(request: GenerateRequest) -> str:
        seen.add(number_of(request))
        if len(seen) == 9:
            threading.Thread(target=stop.request).start()
        await asyncio.sleep(0.002)
        return talkative(request)

    first = run(generate_batch(plan(slow), 30, tmp_path / "r", concurrency=3, stop=stop))
    assert first.status == "interrupted"
    assert 0 < first.done < 30
    generate(plan(talkative), 30, tmp_path / "r")
    generate(plan(talkative), 30, tmp_path / "whole")
    assert (tmp_path / "r" / "dialogs.jsonl").read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()


def test_a_cancelled_batch_lets_go_of_the_folder(tmp_path: Path) -> None:
    async def hanging(request: GenerateRequest) -> str:
        await asyncio.sleep(60)
        return "never"

    async def cancelled() -> None:
        task = asyncio.create_task(generate_batch(plan(hanging), 5, tmp_path / "r"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelled())
    assert generate(plan(talkative), 5, tmp_path / "r").status == "complete"


def test_usage_and_versions_are_in_the_summary(tmp_path: Path) -> None:
    generate(SCRIPT, 4, tmp_path / "r")
    summary = json.loads((tmp_path / "r" / "run.json").read_text())
    assert summary["usage"]["by_agent"]["Ana"]["calls"] == 12
    assert summary["usage"]["total"]["calls"] == 24
    assert summary["stop_reasons"] == {"agent_stop": 4}
    assert summary["cost"] == 0.0
    assert set(summary["versions"]) == {"sdialog", "python", "platform"}
    assert "agent/persona" in summary["plan"]["prompts"]


def test_records_hold_no_time_of_day_unless_asked_to(tmp_path: Path) -> None:
    generate(SCRIPT, 1, tmp_path / "r")
    (line,) = (tmp_path / "r" / "dialogs.jsonl").read_text().splitlines()
    assert json.loads(line)["timestamp"] is None
    assert [event["timestamp"] for event in json.loads(line)["events"]] == list(range(6))
    generate(SCRIPT, 1, tmp_path / "wall", wall_clock=True)
    (line,) = (tmp_path / "wall" / "dialogs.jsonl").read_text().splitlines()
    assert json.loads(line)["timestamp"]
    with pytest.raises(ConfigError, match="clock"):
        generate(SCRIPT, 1, tmp_path / "wall")


def test_another_seed_or_scenario_is_refused(tmp_path: Path) -> None:
    generate(SCRIPT, 2, tmp_path / "r")
    with pytest.raises(ConfigError, match="seed: 13 -> 14"):
        generate(SCRIPT, 2, tmp_path / "r", seed=14)
    with pytest.raises(ConfigError, match=r"scenario\.max_turns"):
        generate({**SCRIPT, "max_turns": 3}, 2, tmp_path / "r")
    assert generate({**SCRIPT, "max_turns": 3}, 2, tmp_path / "r", fresh=True).turns == 6


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        generate(SCRIPT, 0)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        generate(SCRIPT, 1, fail_above=3)
    with pytest.raises(ConfigError, match="a scenario, a plan or a list of agents"):
        generate(7, 1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="concurrency must be at least 1"):
        generate(SCRIPT, 1, concurrency=0)


def test_a_wrong_engine_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="engine"):
        generate(SCRIPT, 1, tmp_path / "r", engine="lokal")
    assert not (tmp_path / "r").exists()


def test_all_that_failed_dialogs_used_is_in_the_summary(tmp_path: Path) -> None:
    result = generate(plan(failing(*range(150)), limits=ONCE), 150, tmp_path / "r")
    assert (result.failed, len(result.failures)) == (150, 100)
    usage = json.loads((tmp_path / "r" / "run.json").read_text())["usage"]
    assert usage["total"]["calls"] == 300
    assert usage["discarded"]["calls"] == 300
    assert usage["by_agent"]["Ana"]["calls"] == usage["by_agent"]["Ben"]["calls"] == 150
    generate(plan(talkative), 150, tmp_path / "r")
    assert json.loads((tmp_path / "r" / "run.json").read_text())["usage"]["total"]["calls"] == 300 + 150 * 6


def test_what_ends_a_run_is_told_however_many_failed_before(tmp_path: Path) -> None:
    last = dialog_id(13, 140)

    def reply(request: GenerateRequest) -> str:
        raise ConfigError("no such voice") if number_of(request) == last else ServerError("HTTP 500")

    result = generate(plan(reply, limits=ONCE), 200, tmp_path / "r", concurrency=1)
    assert result.status == "broken"
    assert result.mistake is not None
    assert (result.mistake.index, result.mistake.message) == (140, "no such voice")


def test_a_stop_that_comes_after_the_last_dialog_changes_nothing(tmp_path: Path) -> None:
    stop = StopRequest()

    def reply(request: GenerateRequest) -> str:
        if number_of(request) == dialog_id(13, 2) and len(request.messages) >= 4:
            stop.request()
        return talkative(request)

    one = run(generate_batch(plan(reply), 3, tmp_path / "r", concurrency=1, stop=stop))
    assert (one.status == "complete") == (one.done == 3)


def test_the_summary_names_no_place_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("{{ persona }}")
    with use(cache_path=tmp_path / "kept", prompts={"persona_agent": str(tmp_path / "mine.j2")}):
        generate(SCRIPT, 1, tmp_path / "r")
    for path in (tmp_path / "r").iterdir():
        assert str(tmp_path) not in path.read_text()
        assert socket.gethostname() not in path.read_text()


def test_ten_turns_cost_little(tmp_path: Path) -> None:
    import resource

    generate(plan(talkative, most=10), 50, tmp_path / "warm")
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = generate(plan(talkative, most=10), 200, tmp_path / "r")
    after = resource.getrusage(resource.RUSAGE_SELF)
    per_turn = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / result.turns
    assert per_turn < 0.002, f"{per_turn * 1000:.2f} ms of CPU a turn"


def test_memory_does_not_grow_with_the_number_of_dialogs(tmp_path: Path) -> None:
    import tracemalloc

    def peak(n: int) -> int:
        tracemalloc.start()
        generate(plan(lambda request: "word " * 50 + str(len(request.messages))), n, tmp_path / str(n), concurrency=8)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20)
    assert peak(120) < 1.5 * peak(40)


def test_a_validator_that_breaks_is_a_failure_with_the_dialog_it_saw() -> None:
    def broken(dialog: Dialog) -> bool:
        raise KeyError("no such label")

    result = generate(plan(talkative, gate=Gate((Check("broken", broken),))), 2)
    assert (result.status, result.failed) == ("some_failed", 2)
    failure = result.failures[0]
    assert failure.error == "KeyError"
    assert failure.partial is not None
    assert len(failure.partial) == 6
    assert failure.usage["Ana"].calls == 3


def test_a_run_of_agents_is_not_resumed_with_other_agents(tmp_path: Path) -> None:
    def agents(**changes: Any) -> list[Agent]:
        model = ScriptedModel(["Hello there.", "Goodbye. STOP"], label="same")
        return [Agent(name="Ana", model=model, **changes), Agent(name="Ben", model=model)]

    def look_up(city: str) -> str:
        """Look a city up."""
        return city

    generate(agents(), 2, tmp_path)
    for changes in (
        {"system_prompt": "You are Ana."},
        {"tools": [look_up]},
        {"can_finish": False},
        {"postprocess_fn": str},
    ):
        with pytest.raises(ConfigError, match="another plan"):
            generate(agents(**changes), 2, tmp_path)
    with pytest.raises(ConfigError, match="repetition"):
        generate(AgentsPlan(agents(), conduct=Conduct(loops=LoopDetector(5))), 2, tmp_path)
    assert generate(agents(), 3, tmp_path).done == 3
