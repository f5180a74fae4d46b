"""From a scenario file to the run folder: the dialog that is stored has the right stop reason and every event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sdialog.simulation import generate

TOOLS = '''\
import asyncio
import time


def locked(order: str) -> str:
    """Give the money back."""
    raise RuntimeError(f"order {order} is locked")


async def hanging(order: str) -> str:
    """Track a parcel."""
    await asyncio.sleep(600)
    return "never"


def blocking(order: str) -> str:
    """Track a parcel, without giving way."""
    time.sleep(0.4)
    return "late"


def look(page: int) -> str:
    """Look at a page."""
    return f"nothing on page {page}"
'''

DESK = """\
max_turns: 12
agents:
  - name: Ana
    model: {{replies: [My order 7 please., "Too bad, goodbye."]}}
  - name: Ben
    tools: ["tools.py:{tool}"]
    tool_timeout: 0.05
    max_tool_rounds: 3
    model:
      replies: [{replies}]
"""
CALL = "{{thinking: I look it up., tool_calls: [{{name: {tool}, arguments: {{{argument}}}}}]}}"


def stored(folder: Path, scenario: str | Path) -> dict[str, Any]:
    """Make one dialog and return its line in the run folder."""
    result = generate(scenario, 1, folder / "r")
    assert result.status == "complete", result.failures
    (line,) = (folder / "r" / "dialogs.jsonl").read_text(encoding="utf-8").splitlines()
    dialog: dict[str, Any] = json.loads(line)
    return dialog


def desk(folder: Path, tool: str, argument: str, *after: str) -> dict[str, Any]:
    replies = ", ".join([CALL.format(tool=tool, argument=argument), *after])
    (folder / "tools.py").write_text(TOOLS)
    (folder / "desk.yaml").write_text(DESK.format(tool=tool, replies=replies))
    return stored(folder, folder / "desk.yaml")


def log(dialog: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    stamps = [event["timestamp"] for event in dialog["events"]]
    assert stamps == sorted(stamps)
    return [(event["agent"], event["action"], event["actionLabel"]) for event in dialog["events"]]


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        ("locked", "RuntimeError: order 7 is locked"),
        ("hanging", "timed out after 0.05 s"),
        ("blocking", "timed out after 0.05 s"),
    ],
)
def test_a_tool_that_fails_or_hangs_ends_nothing_and_is_all_in_the_log(tmp_path: Path, tool: str, told: str) -> None:
    dialog = desk(tmp_path, tool, 'order: "7"', '"That does not work, sorry. STOP"')
    assert (dialog["stopReason"], dialog["complete"]) == ("agent_stop", True)
    assert [(turn["speaker"], turn["text"]) for turn in dialog["turns"]] == [
        ("Ana", "My order 7 please."),
        ("Ben", "That does not work, sorry."),
        ("Ana", "Too bad, goodbye."),
    ]
    assert log(dialog) == [
        ("Ana", "utter", None),
        ("Ben", "think", None),
        ("Ben", "tool", "call"),
        ("Ben", "tool", "output"),
        ("Ben", "utter", None),
        ("Ana", "utter", None),
    ]
    call, output = (event["content"] for event in dialog["events"] if event["action"] == "tool")
    assert call == {"name": tool, "args": {"order": "7"}, "id": output["call_id"]}
    assert told in output["output"]
    assert "Traceback" not in json.dumps(dialog)


def test_a_model_that_loops_on_tools_ends_the_dialog_and_every_round_is_in_the_log(tmp_path: Path) -> None:
    dialog = desk(tmp_path, "look", "page: 1")
    assert (dialog["stopReason"], dialog["complete"]) == ("tool_loop", False)
    assert [turn["speaker"] for turn in dialog["turns"]] == ["Ana"]
    rounds = [("Ben", "think", None), ("Ben", "tool", "call"), ("Ben", "tool", "output")]
    assert [entry for entry in log(dialog) if entry[1] == "tool"] == rounds[1:] * 3
    assert log(dialog)[:10] == [("Ana", "utter", None), *rounds * 3]
    outputs = [event["content"] for event in dialog["events"] if event["actionLabel"] == "output"]
    assert [output["output"] for output in outputs] == ["nothing on page 1"] * 3


def test_three_agents_and_a_moderator_from_the_shipped_scenario(tmp_path: Path) -> None:
    dialog = stored(tmp_path, "panel")
    assert (dialog["stopReason"], dialog["complete"]) == ("agent_stop", True)
    speakers = [turn["speaker"] for turn in dialog["turns"]]
    assert speakers == ["Grace", "Amir", "Grace", "Nora", "Diego", "Grace", "Amir", "Grace"]
    assert set(dialog["personas"]) == set(dialog["models"]) == {"Grace", "Amir", "Nora", "Diego"}
    given = [event["content"] for event in dialog["events"] if event["action"] == "select_speaker"]
    assert given == ["Amir", "Nora", "Diego", "Amir"]
    uttered = [event["content"] for event in dialog["events"] if event["action"] == "utter"]
    assert uttered == [turn["text"] for turn in dialog["turns"]]
    # Each choice stands right before what the chosen one says.
    order = [(event["action"], event["agent"], event["content"]) for event in dialog["events"]]
    for position, (action, _, chosen) in enumerate(order):
        if action == "select_speaker":
            assert order[position + 1][:2] == ("utter", chosen)
