"""The command line as users meet it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sdialog.core.dialog import Dialog

ROOT = Path(__file__).resolve().parents[2]


def sdialog(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdialog.cli.main", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    done = sdialog("generate", "scripted", "-n", "5", "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_the_bare_command_introduces_itself(tmp_path: Path) -> None:
    done = sdialog(cwd=tmp_path)
    assert done.returncode == 0
    assert "sdialog generate support-desk" in done.stdout


def test_every_command_has_help(tmp_path: Path) -> None:
    done = sdialog("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("generate", "show", "export", "init", "schema", "personas", "models", "version"):
        assert name in done.stdout


def test_version_and_json(tmp_path: Path) -> None:
    assert sdialog("version", cwd=tmp_path).stdout.startswith("sdialog ")
    assert set(json.loads(sdialog("version", "--json", cwd=tmp_path).stdout)) == {"sdialog", "python", "platform"}


def test_a_run_ends_with_a_line_that_says_where_it_is_and_what_next(tmp_path: Path) -> None:
    done = sdialog("generate", "scripted", "-n", "3", cwd=tmp_path)
    assert done.returncode == 0
    place = Path("runs") / "scripted"
    assert done.stdout.splitlines()[0].startswith(f"3 of 3 dialogs in {place}")
    assert f"sdialog show {place}" in done.stdout
    assert done.stderr == ""
    assert (tmp_path / place / "run.json").exists()
    again = sdialog("generate", "scripted", "-n", "3", cwd=tmp_path)
    assert again.returncode == 0
    assert "0 made now" in again.stdout


def test_json_output_is_json_alone(tmp_path: Path) -> None:
    done = sdialog("generate", "panel", "-n", "2", "--out", "r", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (told["status"], told["done"], told["stop_reasons"]) == ("complete", 2, {"agent_stop": 2})
    assert done.stderr == ""


def test_show_prints_a_dialog_with_its_events(made: Path) -> None:
    done = sdialog("show", made, cwd=made.parent)
    assert done.returncode == 0
    for part in ("[Mina]", "tool-call", "think", "agent_stop"):
        assert part in done.stdout
    plain = sdialog("show", made, "--no-events", cwd=made.parent)
    assert "tool-call" not in plain.stdout
    coloured = sdialog("show", made, cwd=made.parent, FORCE_COLOR="1")
    assert "\x1b[" in coloured.stdout


def test_show_finds_by_index_and_by_id(made: Path) -> None:
    lines = (made / "dialogs.jsonl").read_text(encoding="utf-8").splitlines()
    third = json.loads(lines[3])["id"]
    for arguments in (("--index", "3"), ("--id", third)):
        found = sdialog("show", made, "--json", *arguments, cwd=made.parent)
        assert Dialog.from_json(found.stdout).id == third
    assert len(sdialog("show", made, "--all", "--json", cwd=made.parent).stdout.splitlines()) == 5
    missing = sdialog("show", made, "--index", "5", cwd=made.parent)
    assert missing.returncode == 2
    assert "has no dialog 5" in missing.stderr


def test_export_writes_beside_the_run_or_where_told(made: Path, tmp_path: Path) -> None:
    done = sdialog("export", made, "--to", "openai", cwd=tmp_path)
    assert done.returncode == 0
    first = json.loads((made / "export" / "dialogs.openai.jsonl").read_text().splitlines()[0])
    assert first["messages"]
    done = sdialog("export", made, "--to", "csv", "--out", tmp_path / "x.csv", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["dialogs"] == 5
    assert (tmp_path / "x.csv").exists()
    assert "sharegpt" in sdialog("export", cwd=tmp_path).stdout


def test_init_writes_what_passes_its_own_check_and_is_not_overwritten(tmp_path: Path) -> None:
    done = sdialog("init", cwd=tmp_path)
    assert done.returncode == 0
    assert "sdialog generate scenario.yaml" in done.stdout
    from sdialog.simulation import Scenario

    Scenario.from_file(tmp_path / "scenario.yaml").validate()
    again = sdialog("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert sdialog("init", "--force", cwd=tmp_path).returncode == 0


def test_what_init_writes_runs_with_a_script(tmp_path: Path) -> None:
    sdialog("init", cwd=tmp_path)
    (tmp_path / "words.yaml").write_text(
        "Ava Reed:\n- Hello!\n- tool_calls: [{name: check_order, arguments: {order_number: B4821}}]\n- Bye. STOP\n"
        '"*": ["It is late.", "The number is B4821.", "Thanks, bye."]\n'
    )
    done = sdialog("generate", "scenario.yaml", "--model", "scripted:words.yaml", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5 of 5 dialogs" in done.stdout
    shown = sdialog("show", "r", cwd=tmp_path).stdout
    assert "in transit" in shown


def test_schemas(tmp_path: Path) -> None:
    assert "agents" in json.loads(sdialog("schema", cwd=tmp_path).stdout)["properties"]
    assert "turns" in json.loads(sdialog("schema", "dialog", cwd=tmp_path).stdout)["properties"]


def test_personas(tmp_path: Path) -> None:
    listed = sdialog("personas", "list", "--domain", "support", cwd=tmp_path).stdout
    assert "support/ava" in listed
    shown = json.loads(sdialog("personas", "show", "support/ava", "--json", cwd=tmp_path).stdout)
    assert shown["_metadata"]["className"] == "SupportAgent"


def test_models_say_why_not(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": "", "SDIALOG_LLM": "scripted:x.txt"}
    found = json.loads(sdialog("models", "--json", cwd=tmp_path, **env).stdout)
    by_name = {backend["name"]: backend for backend in found["backends"]}
    assert found["default"] == "scripted:x.txt"
    assert by_name["scripted"]["usable"] is True
    assert "OPENAI_API_KEY" in by_name["openai"]["reason"]
    assert by_name["openai"]["prefix"] and not by_name["callable"]["prefix"]
    listed = sdialog("models", cwd=tmp_path, **env).stdout
    assert "openai:" in listed
    assert "callable:" not in listed and "langchain:" not in listed
    assert "From Python" in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genrate"], "did you mean 'generate'"),
        (["generate", "suport-desk"], "did you mean 'support-desk'"),
        (["generate", "scripted", "--out", "made", "--seed", "99"], "seed: 13 -> 99"),
        (["generate", "scripted", "--out", "new", "--engine", "lokal"], "unknown engine 'lokal'"),
        (["generate", "scripted", "--out", "new", "--model", "Mino=scripted:x"], "did you mean 'Mina'"),
        (["generate", "scripted", "--out", "new", "-n", "0"], "-n"),
        (["show", "nowhere"], "there is no file or folder nowhere"),
        (["export", "made", "--to", "opnai"], "did you mean 'openai'"),
        (["personas", "show", "support/avaa"], "did you mean 'support/ava'"),
        (["personas", "list", "--domain", "suport"], "did you mean 'support'"),
    ],
)
def test_user_errors_exit_2_without_a_traceback(made: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = sdialog(*[str(made) if a == "made" else a for a in arguments], cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_scenario_errors_name_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("agents:\n  - {name: Ana}\n  - {name: Ben, toools: [x]}\n")
    done = sdialog("generate", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.yaml, line 3: unknown key 'toools' in agents[1]; did you mean 'tools'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unquoted_rule_is_told_with_its_line_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("agents:\n- persona:\n    type: Customer\n    age: {18-80}\n- name: Ben\n")
    done = sdialog("generate", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.yaml, line 4: " in done.stderr
    assert "put it in quotes" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_run_that_ends_by_a_mistake_exits_2_and_does_not_say_to_repeat_it(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("def odd(dialog):\n    return 'maybe'\n")
    (tmp_path / "f.yaml").write_text(
        "model: {replies: ['Good day. STOP']}\nagents: [{name: Ana}, {name: Ben}]\ngate: {validator: 'odd.py:odd'}\n"
    )
    done = sdialog("generate", "f.yaml", "-n", "2", "--out", "r", cwd=tmp_path)
    assert done.returncode == 2
    assert "must return a bool" in done.stderr
    assert "mend this first" in done.stderr
    assert "same command again" not in done.stderr


def test_one_agents_model_is_set_by_name_or_position(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("I am the first. STOP\n")
    (tmp_path / "b.txt").write_text("I am the second.\n")
    (tmp_path / "p.yaml").write_text("agents:\n- persona: {name: [Riley, Kofi]}\n- persona: {name: Ava Reed}\n")
    models = ["--model", "1=scripted:a.txt", "--model", "Ava Reed=scripted:b.txt"]
    done = sdialog("generate", "p.yaml", "-n", "1", "--out", "r", *models, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    dialog = Dialog.from_json((tmp_path / "r" / "dialogs.jsonl").read_text())
    assert [turn.text for turn in dialog] == ["I am the first.", "I am the second."]
    wrong = sdialog("generate", "p.yaml", "--out", "w", "--model", "3=scripted:a.txt", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "unknown agent '3'" in wrong.stderr
    assert "1, 2, Ava Reed" in wrong.stderr


def test_a_model_that_nobody_uses_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("agents:\n" + "- {name: A, model: {replies: [Bye. STOP]}}\n" * 2)
    done = sdialog("generate", "p.yaml", "-n", "1", "--out", "r", "--model", "embedded:mini", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no agent speaks with embedded:mini" in done.stderr and "--model 1=embedded:mini" in done.stderr


def test_a_full_disk_is_told_in_one_line_and_the_run_goes_on_later(tmp_path: Path) -> None:
    import resource

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    command = [sys.executable, "-m", "sdialog.cli.main", "generate", "scripted", "-n", "30", "--out", "r"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    died = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, preexec_fn=small_disk)
    assert died.returncode == 1
    assert "Traceback" not in died.stderr
    assert "the same command can go on" in died.stderr
    assert sdialog("generate", "scripted", "-n", "30", "--out", "r", cwd=tmp_path).returncode == 0
    assert sdialog("generate", "scripted", "-n", "30", "--out", "whole", cwd=tmp_path).returncode == 0
    assert (tmp_path / "r" / "dialogs.jsonl").read_bytes() == (tmp_path / "whole" / "dialogs.jsonl").read_bytes()


def test_a_missing_key_exits_2_and_is_to_be_mended_first(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text('model: "openai:gpt-4.1"\nagents: [{name: Ana}, {name: Ben}]\n')
    done = sdialog("generate", "k.yaml", "-n", "3", "--out", "r", cwd=tmp_path)
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr and "mend this first" in done.stderr


FAILING = """\
agents:
  - name: Ana
    model: {replies: ["Hello.", {error: ServerError}]}
  - {name: Ben, model: {replies: ["Hello to you.", "And then?"]}}
limits: {attempts: 1}
"""


def test_failed_dialogs_exit_1_and_can_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FAILING)
    done = sdialog("generate", "f.yaml", "-n", "3", "--out", "r", cwd=tmp_path)
    assert done.returncode == 1
    assert "3 x ServerError" in done.stderr
    assert "sdialog show r --failed" in done.stderr
    shown = sdialog("show", "r", "--failed", cwd=tmp_path)
    assert "dialog 2: ServerError" in shown.stdout
    assert "[Ben] Hello to you." in shown.stdout


def test_a_torn_run_can_be_looked_at_and_says_how_to_mend_it(made: Path, tmp_path: Path) -> None:
    run = tmp_path / "r"
    shutil.copytree(made, run)
    lines = (made / "dialogs.jsonl").read_bytes()
    (run / "dialogs.jsonl").write_bytes(lines[:-20])
    for command in (["show", "r", "--all"], ["export", "r", "--to", "openai"]):
        done = sdialog(*command, cwd=tmp_path)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "the same sdialog generate command mends it" in done.stderr
    (run / "failures.jsonl").write_text('{"index": 0, "err')
    assert "no failed dialogs" in sdialog("show", "r", "--failed", cwd=tmp_path).stdout
    (run / "plan.json").write_text('{"seed": 1')
    done = sdialog("show", "r", "--index", "0", cwd=tmp_path)
    assert done.returncode == 2 and "plan.json" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("target", ["made/dialogs.jsonl", "made/plan.json", "made"])
def test_an_export_spares_the_run_it_reads(made: Path, tmp_path: Path, target: str) -> None:
    out = made.parent / target.replace("made", made.name)
    before = (made / "dialogs.jsonl").read_bytes()
    done = sdialog("export", made, "--to", "jsonl", "--out", out, cwd=tmp_path)
    assert done.returncode == 2 and "would write over" in done.stderr
    assert (made / "dialogs.jsonl").read_bytes() == before


def test_an_export_spares_the_dialogs_of_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        Dialog(id=number).to_file(tmp_path / "dialogs" / f"{number}.json")
    before = (tmp_path / "dialogs" / "0.json").read_bytes()
    done = sdialog("export", "dialogs", "--to", "jsonl", "--out", "dialogs/0.json", cwd=tmp_path)
    assert done.returncode == 2 and "would write over" in done.stderr
    assert (tmp_path / "dialogs" / "0.json").read_bytes() == before


def test_output_into_a_closed_pipe_is_no_crash(made: Path) -> None:
    shown = subprocess.run(
        f"{sys.executable} -m sdialog.cli.main show {made} --all | head -1",
        shell=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in shown.stderr


def test_a_heavy_package_is_loaded_by_no_light_command(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom sdialog.cli import main\nsys.argv = ['sdialog', 'version']\n"
        "try:\n    main.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'openai', 'ollama', 'numpy', 'jinja2', 'yaml'} & set(sys.modules)\n"
        "print(heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stdout
