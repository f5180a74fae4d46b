"""One scenario, three places: the model in this process, transformers' own server, and an Ollama-shaped server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ollama_server, transformers_server

from sdialog.backends import embedded
from sdialog.core.io import read_dialogs

FOLDER = Path(embedded.__file__).parent / "mini"


def generate(out: Path, *options: str, **environment: str) -> dict[str, object]:
    """Run the command on the shipped support-desk scenario and return what it says of the run."""
    command = [
        sys.executable,
        "-m",
        "sdialog.cli.main",
        "generate",
        "support-desk",
        "--out",
        str(out),
        "--json",
        *options,
    ]
    shown = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    result: dict[str, object] = json.loads(shown.stdout)
    return result


@pytest.mark.slow
def test_the_embedded_model_behind_transformers_serve(tmp_path):
    with transformers_server.serve(FOLDER) as base_url:
        generate(tmp_path / "run", "-n", "3", "--model", f"openai:{FOLDER}", OPENAI_BASE_URL=base_url)
    dialogs = list(read_dialogs(tmp_path / "run"))
    assert len(dialogs) == 3
    assert all(len(dialog) >= 4 for dialog in dialogs)
    assert sum(dialog.stopReason == "agent_stop" for dialog in dialogs) >= 2
    calls = [
        event for dialog in dialogs for event in dialog.events if (event.action, event.actionLabel) == ("tool", "call")
    ]
    assert any(event.content["name"] == "check_order" for event in calls)


def test_the_real_ollama_client_against_an_ollama_server(tmp_path):
    with ollama_server.serve(goodbye_after=3) as server:
        generate(tmp_path / "run", "-n", "5", "--model", "ollama:qwen3:14b", OLLAMA_HOST=server.url)
        asked = [received.json for received in server.requests if received.path == "/api/chat"]
    dialogs = list(read_dialogs(tmp_path / "run"))
    assert len(dialogs) == 5
    assert all(dialog.stopReason == "agent_stop" for dialog in dialogs)
    assert {request["model"] for request in asked} == {"qwen3:14b"}
    assert any(tool["function"]["name"] == "check_order" for request in asked for tool in request.get("tools") or [])
