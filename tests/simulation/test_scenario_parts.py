"""What a scenario names: models with options, code of its users, and the schema that editors check files with."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

import sdialog.cli
from sdialog.core.errors import UserError
from sdialog.simulation import Scenario, generate
from sdialog.simulation.scenario import shipped
from sdialog.simulation.scenario_schema import ScenarioSpec

TEMPLATES = Path(sdialog.cli.__file__).parent / "templates"
TWO = "agents: [{name: A}, {name: B}]\n"
TALK = 'model: {replies: ["Hi.", "Bye! STOP"]}\n' + TWO


def refusal(folder: Path, text: str) -> str:
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        Scenario.from_file(path).validate()
    return str(error.value)


def test_a_script_takes_the_place_of_a_model_with_sampling_options(tmp_path: Path) -> None:
    (tmp_path / "lines.yaml").write_text("[Hi., Bye! STOP]")
    (tmp_path / "s.yaml").write_text('model: {name: "openai:gpt-4.1", temperature: 0.9}\n' + TWO)
    scenario = Scenario.from_file(tmp_path / "s.yaml").evolve(model=f"scripted:{tmp_path / 'lines.yaml'}")
    assert generate(scenario, 1, tmp_path / "r").done == 1


def test_an_option_that_a_script_does_not_have_is_named_with_its_line(tmp_path: Path) -> None:
    told = refusal(tmp_path, "model: {replies: [Hi.], delai: 1}\n" + TWO)
    assert "line 1" in told and "'delai'" in told and "did you mean 'delay'" in told


@pytest.mark.parametrize("failing", ["raise ValueError('no licence')", "import sys; sys.exit(3)"])
def test_code_that_fails_when_loaded_is_a_mistake_of_the_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "failing_tools.py").write_text(failing)
    tools = "agents: [{name: A}, {name: B, tools: [%s]}]\nmodel: {replies: [Hi.]}\n"
    for name in ("failing_tools:x", "failing_tools.py:x"):
        told = refusal(tmp_path, tools % f'"{name}"')
        assert "line 1" in told and "fails when" in told


def test_parts_that_refuse_their_options_are_a_mistake_of_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(
        "from sdialog.orchestrators import BaseOrchestrator\n"
        "class Picky(BaseOrchestrator):\n"
        "    def __init__(self, n):\n"
        "        raise ValueError('n is odd')\n"
        "    def instruct(self, view):\n"
        "        return None\n"
        "class Check:\n"
        "    def __init__(self, n):\n"
        "        raise ValueError('n is odd')\n"
    )
    assert "n is odd" in refusal(
        tmp_path,
        'agents: [{name: A}, {name: B, orchestrators: [{type: "parts.py:Picky", n: 3}]}]\nmodel: {replies: [a]}\n',
    )
    assert "n is odd" in refusal(tmp_path, TALK + 'gate: [{validator: "parts.py:Check", n: 3}]\n')


def test_every_shipped_scenario_and_the_example_fit_the_schema() -> None:
    checker = jsonschema.Draft202012Validator(ScenarioSpec.model_json_schema())
    texts = [path.read_text(encoding="utf-8") for path in shipped().values()]
    texts += [path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.yaml")]
    assert len(texts) >= 4
    for text in texts:
        checker.validate(yaml.safe_load(text))
    assert list(checker.iter_errors({"agents": [{"nmae": "A"}, {}]}))
