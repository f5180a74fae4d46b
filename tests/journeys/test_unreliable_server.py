"""Five hundred dialogs through a server that fails in every way servers fail."""

from __future__ import annotations

import json

import pytest
from servers.openai_server import Faults, serve

from sdialog.core.io import read_dialogs
from sdialog.simulation.batch import generate

DIALOGS = 500


def scenario(server, **limits):
    return {
        "name": "unreliable",
        "model": {"name": "openai:loopback", "base_url": server.base_url, "api_key": "none"},
        "seed": 5,
        "max_turns": 8,
        "agents": [
            {"name": "Riley", "persona": {"type": "Customer", "issue": "a late order"}, "first_utterance": "Hello!"},
            {"name": "Ava", "persona": {"type": "SupportAgent", "politeness": "high"}},
        ],
        "repetition": 0,
        "limits": {"concurrency": 64, "call_timeout": 5.0, **limits},
    }


@pytest.mark.slow
def test_every_dialog_finishes_when_one_call_in_five_fails_in_each_of_six_ways(tmp_path):
    with serve(faults=Faults.each(0.2, seed=1), goodbye_after=3, record=False) as server:
        result = generate(scenario(server, attempts=40, retry_base=0.005, retry_cap=0.1), DIALOGS, tmp_path / "run")
        assert set(Faults.KINDS) <= set(server.met), "every kind of fault was met"
    assert (result.status, result.done, result.failed) == ("complete", DIALOGS, 0)
    dialogs = list(read_dialogs(tmp_path / "run"))
    assert len({dialog.id for dialog in dialogs}) == DIALOGS
    assert all(dialog.stopReason == "agent_stop" for dialog in dialogs)


@pytest.mark.slow
def test_what_still_fails_is_reported_with_its_cause_and_made_on_the_next_run(tmp_path):
    folder = tmp_path / "run"
    with serve(faults=Faults.each(0.2, seed=2), goodbye_after=3, record=False) as server:
        plan = scenario(server, attempts=2, retry_base=0.005, retry_cap=0.1)
        result = generate(plan, 60, folder)
        assert result.done + result.failed == 60
        assert result.failed > 0
        failures = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
        assert len(failures) == result.failed
        for failure in failures:
            assert failure["error"] in {
                "RateLimitError", "ServerError", "ConnectionFailedError", "LLMTimeoutError"
            }, failure  # fmt: skip
            assert "openai:loopback" in failure["message"]
            assert failure["dialog"]["stopReason"] == "error"
        server.faults = None
        again = generate(plan, 60, folder)
        assert (again.done, again.failed) == (60, 0)
    assert not (folder / "failures.jsonl").exists() or (folder / "failures.jsonl").read_text() == ""


def test_a_budget_stops_a_run_cleanly_and_the_run_goes_on_when_it_is_raised(tmp_path):
    with serve(goodbye_after=2, record=False) as server:
        whole = generate(scenario(server), 30, tmp_path / "whole")
        assert whole.status == "complete"
        stopped = generate(scenario(server, max_calls=60, concurrency=8), 30, tmp_path / "run")
        assert stopped.status == "budget"
        assert 0 < stopped.done < 30
        raised = generate(scenario(server, max_calls=10_000), 30, tmp_path / "run")
        assert (raised.status, raised.done) == ("complete", 30)
    assert (tmp_path / "run" / "dialogs.jsonl").read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()
