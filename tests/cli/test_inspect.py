"""``sdialog inspect`` as users meet it: results in the run folder, the same again for nothing, mistakes told."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sdialog.cli.main import main

DESK = """\
seed: 4
model: {name: embedded:mini, max_tokens: 24}
max_turns: 4
agents:
  - name: Riley
    persona: {type: Customer, issue: [late order, wrong item]}
  - name: Ava
    persona: {type: SupportAgent, politeness: [rude, polite]}
    can_finish: false
"""

pytestmark = pytest.mark.slow


class Done(NamedTuple):
    stdout: str
    stderr: str


def sdialog(*arguments: str, cwd: Path, code: int = 0) -> Done:
    """Run a command in this process: a model that is loaded once serves all."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["sdialog", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    assert (end.value.code or 0) == code, err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def told(*arguments: str, cwd: Path) -> Any:
    return json.loads(sdialog("inspect", *arguments, "--json", cwd=cwd).stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    made = tmp_path_factory.mktemp("inspect")
    (made / "desk.yaml").write_text(DESK)
    sdialog("generate", "desk.yaml", "-n", "24", "--out", "run", cwd=made)
    return made


def test_capture_keeps_activations_in_the_run_and_goes_on(folder: Path) -> None:
    from sdialog.interpretability.cache import ActivationCache

    ask = ["capture", "run", "--site", "layers.*.resid_post", "--speaker", "Ava"]
    first = told(*ask, cwd=folder)
    cache = ActivationCache.load(folder / "run" / "activations" / "capture")
    assert first["rows"] == len(cache) > 0 and len(cache.sites) == 4
    files = {path: path.stat().st_mtime_ns for path in (folder / first["folder"]).glob("*.safetensors")}
    assert told(*ask, cwd=folder) == first
    assert {path: path.stat().st_mtime_ns for path in files} == files
    done = sdialog("inspect", *ask, "--span", "generated", cwd=folder, code=2)
    assert "capture" in done.stderr
    done = sdialog("inspect", "capture", "run", "--speaker", "Eva", "--name", "x", cwd=folder, code=2)
    assert "unknown speaker 'Eva'; did you mean 'Ava'" in done.stderr
    done = sdialog("inspect", "capture", "run", "--site", "layers.9.resid_post", "--name", "y", cwd=folder, code=2)
    assert "4 layers" in done.stderr


def test_a_probe_and_a_direction_find_what_persona_the_agent_has(folder: Path) -> None:
    labels = ["run", "--by", "Ava.politeness", "--speaker", "Ava"]
    probe = told("probe", *labels, "--positive", "rude", cwd=folder)
    assert probe["best"]["score"]["value"] > 0.9
    assert all((folder / path).exists() for path in probe["files"])
    found = told("direction", *labels, "--positive", "rude", "--site", "layers.2.resid_post", cwd=folder)
    (one,) = found["directions"].values()
    assert one["positive"] == "rude" and one["held_out"]["value"] > 0.9 and one["site"] == "layers.2.resid_post"
    (file,) = found["files"]
    (folder / "push.yaml").write_text(f"Ava: {{direction: {Path(file).with_suffix('')}, strength: [0, 1]}}\n")
    sdialog("generate", "desk.yaml", "-n", "2", "--steer", "push.yaml", "--out", "steered", cwd=folder)
    done = sdialog("inspect", "direction", *labels, "--positive", "rood", cwd=folder, code=2)
    assert "unknown value of Ava.politeness 'rood'; did you mean 'rude'" in done.stderr
    done = sdialog("inspect", "probe", "run", "--by", "mood", cwd=folder, code=2)
    assert "no dialog has 'mood'; dialogs tell: " in done.stderr


def test_lens_and_patch_of_dialogs_and_texts(folder: Path) -> None:
    lens = told("lens", "run", "-i", "1", "--span", "last(3)", "--speaker", "Ava", "--plot", "lens.png", cwd=folder)
    assert (folder / "lens.png").exists() and (folder / "run" / "activations" / "lens-1.json").exists()
    assert "lens" in str(lens.get("kind", "lens"))
    texts = ["--clean", "Hello!", "--corrupt", "Thanks!", "--token", "Hello", "--other", "You", "--align", "last"]
    patch = told("patch", "run", *texts, "--span", "turn(0)", "--span", "last_prompt", cwd=folder)
    assert patch["kind"] == "patching" and patch["sites"] == [f"layers.{n}.resid_pre" for n in range(4)]
    done = sdialog("inspect", "lens", "run", "-i", "99", cwd=folder, code=2)
    assert "no dialog 99" in done.stderr


def test_a_dictionary_is_trained_measured_and_shown(folder: Path) -> None:
    from sdialog.interpretability.sae import load

    ask = ["sae", "run", "--site", "layers.2.resid_post", "--features", "64", "-k", "4", "--steps", "30"]
    report = told(*ask, "--batch", "256", "--cards", "3", "--name", "small", cwd=folder)
    place = folder / "run" / "activations" / "small"
    assert report["l0"] == pytest.approx(4, abs=0.5)
    assert load(place / "dictionary").config.sites == ("layers.2.resid_post",)
    assert "Features at layers.2.resid_post" in (place / "features.html").read_text(encoding="utf-8")


def test_a_scenario_is_run_first_and_a_remote_model_is_refused(folder: Path) -> None:
    sdialog("inspect", "capture", "desk.yaml", "-n", "2", "--reduce", "turn", cwd=folder)
    assert (folder / "runs" / "desk" / "activations" / "capture" / "cache.json").exists()
    done = sdialog("inspect", "capture", "run", "-m", "openai:gpt-4.1", "--name", "z", cwd=folder, code=2)
    assert "openai:gpt-4.1 cannot be looked into" in done.stderr
    done = sdialog("inspect", "capture", "nowhere", cwd=folder, code=2)
    assert "there is no file or folder nowhere" in done.stderr
