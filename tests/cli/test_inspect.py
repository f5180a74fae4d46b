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


def test_all_dialogs_are_read_with_a_lens_and_patched_by_an_attribute(folder: Path) -> None:
    kept = folder / "run" / "activations"
    lens = told("lens", "run", "--speaker", "Ava", "--limit", "6", cwd=folder)
    assert lens["kind"] == "lens profile" and lens["conversations"] == 6 and (kept / "lens.html").exists()
    ask = ["patch", "run", "--by", "Ava.politeness", "--token", "I", "--other", "Hello", "--reply", "0"]
    ask += ["--speaker", "Ava", "--align", "last", "--span", "role(system)", "--span", "last_prompt"]
    found = told(*ask, "--clean", "rude", "--corrupt", "polite", "--name", "mood", cwd=folder)
    assert found["pairs"] > 5 and (kept / "mood.html").exists() and (kept / "mood.json").exists()
    assert found["effects"]["spread"]["n"][0][0] == found["pairs"]
    assert set(found["effects"]["controls"]) == {"base of another pair"}
    done = sdialog("inspect", *ask, "--clean", "rood", "--corrupt", "polite", cwd=folder, code=2)
    assert "unknown value of Ava.politeness 'rood'; did you mean 'rude'" in done.stderr
    done = sdialog("inspect", *ask, "--clean", "rude", "--corrupt", "rude", cwd=folder, code=2)
    assert "one value of Ava.politeness as --clean and another as --corrupt" in done.stderr
    some = ["patch", "run", "--clean", "0", "--clean", "Hi", "--token", "I", "--other", "Hello"]
    done = sdialog("inspect", *some, "--corrupt", "1", cwd=folder, code=2)
    assert "there are 2 --clean and 1 --corrupt" in done.stderr


def test_a_dictionary_is_trained_measured_named_and_shown(folder: Path) -> None:
    from sdialog.interpretability.sae import load

    ask = ["sae", "run", "--site", "layers.2.resid_post", "--features", "64", "-k", "4", "--steps", "60"]
    ask += ["--cards", "3", "--name", "small"]
    report = told(*ask, "--batch", "256", cwd=folder)
    place = folder / "run" / "activations" / "small"
    assert report["l0"] == pytest.approx(sum(report["densities"])) and 1 < report["l0"] < 16
    assert report["loss_recovered"]["texts"] == 4, "one dialog in five is not trained on"
    assert report["loss_recovered"]["original"] < report["loss_recovered"]["rebuilt"]
    assert load(place / "dictionary").config.sites == ("layers.2.resid_post",)
    names = json.loads((place / "names.json").read_text(encoding="utf-8"))
    assert len(names["names"]) == 64 and names["held_out"] == report["tokens"]
    assert report["named"] == sum(one["named"] for one in names["names"])
    page = (place / "features.html").read_text(encoding="utf-8")
    assert "Features at layers.2.resid_post" in page and page.count("<section") == 3
    again = sdialog("inspect", *ask, "--batch", "256", cwd=folder)
    assert "loss recovered" in again.stdout and "features named" in again.stdout and "next: open" in again.stdout
    assert "tokens a feature are few" in again.stderr


def test_what_a_dictionary_cannot_be_made_of_is_told(folder: Path) -> None:
    ask = ["inspect", "sae", "run", "--features", "64", "-k", "4", "--steps", "2", "--name", "smaller"]
    done = sdialog(*ask, "--site", "layers.*.resid_post", cwd=folder, code=2)
    assert "of one site, not of 4" in done.stderr
    sdialog(*ask, "--site", "layers.2.resid_post", "--cards", "0", cwd=folder)
    assert not (folder / "run" / "activations" / "smaller" / "features.html").exists()
    done = sdialog(*ask, "--site", "layers.2.resid_post", "--seed", "1", cwd=folder, code=2)
    assert "its seed differs. Give another folder, such as --name NEW" in done.stderr
    done = sdialog("inspect", "sae", "desk.yaml", "-n", "3", "--site", "layers.2.resid_post", cwd=folder, code=2)
    assert "3 are too few" in done.stderr


def test_a_scenario_is_run_first_and_a_remote_model_is_refused(folder: Path) -> None:
    sdialog("inspect", "capture", "desk.yaml", "-n", "2", "--reduce", "turn", cwd=folder)
    assert (folder / "runs" / "desk" / "activations" / "capture" / "cache.json").exists()
    done = sdialog("inspect", "capture", "run", "-m", "openai:gpt-4.1", "--name", "z", cwd=folder, code=2)
    assert "openai:gpt-4.1 cannot be looked into" in done.stderr
    done = sdialog("inspect", "capture", "nowhere", cwd=folder, code=2)
    assert "there is no file or folder nowhere" in done.stderr


def test_spans_of_similar_names_and_dialogs_of_one_id_do_not_mix(folder: Path) -> None:
    from sdialog.core.dialog import Dialog

    ask = ["direction", "--by", "Ava.politeness", "--positive", "rude", "--site", "layers.2.resid_post"]
    ask += ["--speaker", "Ava", "--name", "alike"]
    (first,) = told(*ask, "run", cwd=folder)["directions"].values()
    (other,) = told(*ask, "run", "--span", "content | role(assistant)", cwd=folder)["directions"].values()
    assert other["span"] != first["span"] and other["norm"] != first["norm"]
    lines = [path.read_text(encoding="utf-8") for path in sorted((folder / "run").glob("dialogs*.jsonl"))]
    same = [Dialog.from_dict({**json.loads(line), "id": "one"}) for line in "".join(lines).splitlines()]
    (folder / "same").mkdir()
    for number, dialog in enumerate(same):
        dialog.to_file(folder / "same" / f"{number:03}.json")
    (again,) = told(*ask, "same", "--out", "same-out", cwd=folder)["directions"].values()
    assert again["norm"] == pytest.approx(first["norm"], rel=1e-3) and again["rows"] == first["rows"]


def test_help_names_only_methods_that_the_command_has(folder: Path) -> None:
    shown = " ".join(sdialog("inspect", "direction", "--help", cwd=folder).stdout.split())
    assert "mean_diff, logistic, lda or whitened." in shown
