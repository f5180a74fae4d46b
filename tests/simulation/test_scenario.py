"""Scenario files: what they may say, and what is said about mistakes in them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import sdialog.orchestrators as orchestrators_package
from sdialog.core.errors import DialogFormatError, UnknownNameError
from sdialog.core.settings import use
from sdialog.llm.prompts import names
from sdialog.orchestrators import orchestrators
from sdialog.personas import Persona
from sdialog.simulation import Scenario, ScenarioError, generate
from sdialog.simulation.prompts_used import OF_ORCHESTRATORS
from sdialog.simulation.scenario import shipped
from sdialog.simulation.scenario_yaml import read_yaml

GOOD = """\
name: desk
model: {replies: ["Hello there.", "Goodbye. STOP"]}
agents:
  - name: Riley
    persona: {type: Customer, age: "{18-80}", issue: [late, broken, lost]}
    first_utterance: [Hi, Hello]
  - name: Ava
    persona: support/ava
    tools: ["tools.py:refund"]
    orchestrators:
      - {type: LengthOrchestrator, min: 2, max: 6}
      - {type: SimpleReflexOrchestrator, when_contains: refund, instruction: Follow the policy.}
"""
TOOLS = '''\
def refund(order: str) -> str:
    """Give the money back."""
    return "done"

def long_enough(dialog, turns=2):
    return len(dialog) >= turns, f"only {len(dialog)} turns"

def refuses(dialog):
    return False

TOP = 3

class Mute:
    pass
'''


class Sailor(Persona):
    """A persona class of a user's own."""

    years: int = 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "desk.yaml").write_text(GOOD)
    return tmp_path


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        Scenario.from_file(path).validate()
    return str(error.value).splitlines()


def test_a_persona_class_may_stand_in_a_file_beside_the_scenario(folder: Path) -> None:
    (folder / "people.py").write_text(
        "from sdialog.personas import Persona\n\nclass Pilot(Persona):\n    hours: int = 0\n\nclass Rock: pass\n"
    )
    text = GOOD.replace('persona: {type: Customer, age: "{18-80}", issue: [late, broken, lost]}', "persona: PERSONA")
    (folder / "pilot.yaml").write_text(text.replace("PERSONA", "{type: 'people.py:Pilot', hours: 900}"))
    scenario = Scenario.from_file(folder / "pilot.yaml")
    (dialog,) = generate(scenario, 1).dialogs()
    assert dialog.personas is not None and dialog.personas["Riley"]["hours"] == 900
    assert "people.py" in scenario.plan().files
    (told,) = problems(folder, text.replace("PERSONA", "{type: 'people.py:Rock'}"))
    assert "'people.py:Rock' is not a persona class" in told


def test_a_good_scenario_runs(folder: Path) -> None:
    scenario = Scenario.from_file(folder / "desk.yaml")
    scenario.validate()
    result = generate(scenario, 3)
    assert (result.status, result.done) == ("complete", 3)
    first = next(result.dialogs())
    assert first.scenario == "desk"
    assert first[0].text in ("Hi", "Hello")
    assert first.personas is not None
    assert first.personas["Riley"]["name"] == "Riley"


@pytest.mark.parametrize("name", ["support-desk", "panel", "scripted"])
def test_shipped_scenarios_are_in_order(name: str) -> None:
    assert name in shipped()
    Scenario.from_file(name).validate()


@pytest.mark.parametrize("name", ["panel", "scripted"])
def test_shipped_scripted_scenarios_run_to_their_end(name: str) -> None:
    result = generate(name, 2)
    assert result.stop_reasons == {"agent_stop": 2}


CASES = [
    ("orchestrators:", "orchestrater:", 10, "unknown key 'orchestrater' in agents[1]; did you mean 'orchestrators'?"),
    ("name: desk", "nmae: desk", 1, "unknown key 'nmae'; did you mean 'name'"),
    ("name: desk", "name: ../desk", 1, "also the name of a folder"),
    (
        '{replies: ["Hello there.", "Goodbye. STOP"]}',
        "{name: 'embedded:mini', temperature: hot}",
        2,
        "temperature is a number, 0 or more",
    ),
    ("name: desk", "turn_taking: {model: {retries: abc}}", 1, "retries of the turn-taking policy is a whole number"),
    ("support/ava", "support/avaa", 8, "unknown persona 'support/avaa'; did you mean 'support/ava'"),
    ("type: Customer", "type: Custmer", 5, "unknown persona class 'Custmer'; did you mean 'Customer'"),
    ("issue:", "isue:", 5, "unknown attribute of Customer 'isue'; did you mean 'issue'"),
    ("{18-80}", "{80-18}", 5, "'{80-18}' is empty: 80 is more than 18"),
    ("{18-80}", "{lm}", 5, "{llm}"),
    ("LengthOrchestrator", "LenghtOrchestrator", 11, "did you mean 'LengthOrchestrator'"),
    ("max: 6", "maximum: 6", 11, "unknown argument of LengthOrchestrator 'maximum'; did you mean 'max'"),
    ("tools.py:refund", "tools.py:refnd", 9, "unknown tool in tools.py 'refnd'; did you mean 'refund'"),
    ("tools.py:refund", "tool.py:refund", 9, "unknown tool file 'tool.py'; did you mean 'tools.py'"),
    ("tools.py:refund", "refund", 9, "write module:function, or file.py:function"),
    ("tools.py:refund", "nomodule:refund", 9, "tool module 'nomodule' cannot be imported"),
    ("name: desk", "max_turns: many", 1, "max_turns: input should be a valid integer"),
    ("name: desk", "max_turns: 0", 1, "max_turns: input should be greater than or equal to 1, not 0"),
    ("name: desk", "turn_taking: {moderator: Av}", 1, "unknown moderator 'Av'; did you mean 'Ava'"),
    ("name: desk", "turn_taking: alternat", 1, "unknown turn-taking policy 'alternat'; did you mean 'alternate'"),
    ("name: desk", "repetition: 1", 1, "repetition: what is said once is no loop; give 2 or more, or 0 for never"),
    ("LengthOrchestrator", "'tools.py:refund'", 11, "tools.py:refund is no orchestrator"),
    ("name: desk", "gate: [{validator: 'tools.py:TOP'}]", 1, "validator 'tools.py:TOP' is int, which cannot be called"),
    ("name: desk", "gate: [{validator: 'tools.py:Mute'}]", 1, "'tools.py:Mute' has no __call__(self, dialog)"),
    (
        "{replies: [",
        "{name: 'openai:x', api_key: none, can_finish: false} #",
        4,
        "'can_finish' is no option of a model",
    ),
    ("name: desk", "turn_taking: [a, b]", 1, "turn_taking: give a policy's name"),
    ("name: desk", "limits: {concurency: 3}", 1, "unknown key 'concurency' in limits; did you mean 'concurrency'"),
    ("name: desk", "context: {locaton: here}", 1, "unknown attribute of Context 'locaton'; did you mean 'location'"),
    ("name: desk", "gate: [{validator: 'tools.py:long'}]", 1, "unknown validator in tools.py 'long'"),
    ("name: desk", "gate: [{validator: 'tools.py:refuses', x: 1}]", 1, "does not take 'x'"),
    ("name: desk", "gate: [{validatr: x}]", 1, "gate[0] lacks the key 'validator'"),
    (
        "when_contains: refund",
        "when_contains: refund, condition2: 1",
        12,
        "unknown argument of SimpleReflexOrchestrator",
    ),
    ("{replies: [", "{name: 'opneai:gpt-4.1'} #", 2, "unknown model prefix 'opneai'; did you mean 'openai'"),
    ("{replies: [", "{name: 'scripted:nothing.yaml'} #", 2, "unknown script 'nothing.yaml'"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "message"), CASES, ids=[case[1] for case in CASES])
def test_a_mistake_is_told_with_its_line_and_what_was_meant(
    folder: Path, right: str, wrong: str, line: int, message: str
) -> None:
    assert right in GOOD
    told = problems(folder, GOOD.replace(right, wrong))
    assert len(told) == len(set(told))
    assert any(t.startswith(f"{folder / 'bad.yaml'}, line {line}: ") and message in t for t in told), told


def test_a_mistake_that_is_not_in_the_file_is_not_blamed_on_a_line_of_it(folder: Path) -> None:
    scenario = Scenario.from_file(folder / "desk.yaml")
    for changed in (scenario.evolve(model="opneai:x"), scenario.evolve(models={"Ava": "opneai:x"})):
        with pytest.raises(ScenarioError) as error:
            changed.validate()
        assert str(error.value) == f"{folder / 'desk.yaml'}: unknown model prefix 'opneai'; did you mean 'openai'?"


def test_a_module_beside_the_scenario_is_known_by_its_file(folder: Path) -> None:
    (told,) = problems(folder, GOOD.replace("tools.py:refund", "tools:refund"))
    assert "for the file beside the scenario write tools.py:..." in told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    text = GOOD.replace("support/ava", "support/avaa").replace("issue:", "isue:").replace("max: 6", "mx: 6")
    told = problems(folder, text)
    assert [int(t.split(", line ")[1].split(":")[0]) for t in told] == [5, 8, 11]


def test_what_is_missing_is_named(folder: Path) -> None:
    assert "lacks the key 'agents'" in problems(folder, "name: x\n")[0]
    assert "at least 2" in problems(folder, "agents:\n  - {name: A}\n")[0]
    assert "a scenario is a mapping" in problems(folder, "- 1\n")[0]
    assert "lacks the key 'agents'" in problems(folder, "")[0]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: a\nname: b\n", 2, "stands already in line 1"),
        ("a: [1\nb: 2\n", 2, "YAML"),
        ("a: !!python/name:os.system x", 1, "YAML"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(folder: Path, text: str, line: int, message: str) -> None:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(DialogFormatError, match=message) as error:
        Scenario.from_file(folder / "bad.yaml")
    assert error.value.line == line


def test_a_missing_file_is_told_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match="support-desk"):
        Scenario.from_file("support-dsk")


def test_lines_are_known_of_every_value() -> None:
    found = read_yaml("a:\n  - b: 1\n    c: [x,\n      y]\n")
    assert found.line(("a", 0, "c", 1)) == 4
    assert found.line(("a", 0, "c", 1, "deeper")) == 4
    assert found.line(("nothing",)) == 1


def test_anchors_and_merge_keys_work() -> None:
    scenario = Scenario.from_text("agents:\n  - &a {name: Ana, can_finish: false}\n  - {<<: *a, name: Ben}\n")
    assert [(agent.name, agent.can_finish) for agent in scenario.spec.agents] == [("Ana", False), ("Ben", False)]


def test_the_schema_is_json_and_knows_every_key() -> None:
    schema = json.loads(json.dumps(Scenario.schema()))
    assert {"agents", "gate", "limits", "turn_taking"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_a_model_given_from_outside_replaces_the_scenarios_and_keeps_its_sampling() -> None:
    scenario = Scenario.from_dict(
        {
            "model": {"name": "openai:a", "temperature": 0.3, "base_url": "http://localhost:1"},
            "agents": [{"name": "Ana"}, {"name": "Ben", "model": "ollama:b"}],
        }
    )
    changed = scenario.evolve(model="embedded:mini", models={"Ben": "ollama:c"})
    assert changed.spec.model is not None
    assert (changed.spec.model.name, changed.spec.model.options()) == ("embedded:mini", {"temperature": 0.3})
    assert changed.spec.agents[1].model is not None
    assert changed.spec.agents[1].model.name == "ollama:c"
    with pytest.raises(UnknownNameError, match="Ben"):
        scenario.evolve(models={"Bem": "ollama:c"})


def test_draws_depend_on_the_dialogs_number_alone(folder: Path) -> None:
    scenario = Scenario.from_file(folder / "desk.yaml")
    few, many = list(generate(scenario, 3).dialogs()), list(generate(scenario, 12, concurrency=5).dialogs())
    assert few == many[:3]
    ages = [(dialog.personas or {})["Riley"]["age"] for dialog in many]
    assert len(set(ages)) > 4


def test_the_description_follows_what_matters_and_nothing_else(folder: Path) -> None:
    path = folder / "desk.yaml"
    before = Scenario.from_file(path).plan().describe()
    path.write_text(GOOD + "limits: {concurrency: 3}\ndescription: new\n")
    assert Scenario.from_file(path).plan().describe() == before
    (folder / "tools.py").write_text(TOOLS + "# changed\n")
    changed = Scenario.from_file(path).plan().describe()
    assert changed["files"]["tools.py"] != before["files"]["tools.py"]


def test_secrets_do_not_reach_the_description() -> None:
    scenario = Scenario.from_dict(
        {"model": {"name": "openai:x", "api_key": "sk-very-secret-123"}, "agents": [{"name": "A"}, {"name": "B"}]}
    )
    assert "very-secret" not in json.dumps(scenario.plan().describe())


def test_files_that_rules_draw_from_are_checked_and_belong_to_the_plan(folder: Path) -> None:
    text = GOOD.replace("issue: [late, broken, lost]", 'issue: "{txt:issues.txt}"')
    assert any("line 5" in told and "issues.txt" in told for told in problems(folder, text))
    (folder / "issues.txt").write_text("late\nlost\n")
    (folder / "desk.yaml").write_text(text)
    before = Scenario.from_file(folder / "desk.yaml").plan().describe()
    assert "issues.txt" in before["files"]
    (folder / "issues.txt").write_text("late\nlost\nbroken\n")
    assert Scenario.from_file(folder / "desk.yaml").plan().describe() != before


def test_personas_written_by_a_model_are_paid_for(folder: Path) -> None:
    (folder / "words.yaml").write_text(
        '"*": [\'{"background": "grew up by the sea", "name": "Mara Lund"}\', "I am done. STOP", "Bye."]\n'
    )
    (folder / "desk.yaml").write_text(
        "model: scripted:words.yaml\nmax_turns: 2\nagents:\n"
        '  - persona: {background: "{llm:where they grew up}", name: "{llm}"}\n  - name: Ben\n'
    )
    result = generate(folder / "desk.yaml", 2, folder / "r")
    assert result.status == "complete", result.failures
    dialog = next(result.dialogs())
    assert (dialog.personas or {})["Mara Lund"]["background"] == "grew up by the sea"
    assert json.loads((folder / "r" / "run.json").read_text())["usage"]["by_agent"]["(personas)"]["calls"] == 2


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("age: {18-80}", "rule for 'age': YAML reads {18-80} as a mapping; put it in quotes: \"{18-80}\""),
        ("background: {llm}", 'put it in quotes: "{llm}"'),
        ("background: {llm: what went wrong}", 'put it in quotes: "{llm: what went wrong}"'),
        ("background: {txt:issues.txt}", 'put it in quotes: "{txt:issues.txt}"'),
        ("age: {a: b}", "Sailor.age cannot be {'a': 'b'}: input should be a valid integer"),
        ("years: old", "Sailor.years cannot be 'old': input should be a valid integer"),
        ("years: [30, old]", "Sailor.years cannot be 'old'"),
        ("years: {choose: [old, 30], weights: [0, 1]}", "Sailor.years cannot be 'old'"),
        ('years: "{0.5-1.5}"', "Sailor.years cannot be 0.5"),
        ('years: "{txt:tools.py}"', "Sailor.years cannot be '"),
        ("perzonality: mild", "unknown attribute of Sailor 'perzonality'; did you mean 'personality'"),
    ],
)
def test_a_rule_that_cannot_hold_is_told_at_its_own_line(folder: Path, rule: str, message: str) -> None:
    text = f"agents:\n  - name: Ana\n    persona:\n      type: Sailor\n      {rule}\n      name: Ana\n  - name: Ben\n"
    told = problems(folder, text)
    assert [t for t in told if "line 5: " in t and message in t], told


def test_rules_of_a_context_are_checked_in_the_same_way(folder: Path) -> None:
    told = problems(folder, "context:\n  topics: 3.5\n  location: {llm}\nagents:\n- name: A\n- name: B\n")
    assert any("line 3: " in t and "put it in quotes" in t for t in told), told


def test_doubled_braces_without_quotes_are_told_with_their_cure(folder: Path) -> None:
    (folder / "bad.yaml").write_text("agents:\n  - persona: {age: {{18-80}}}\n  - name: Ben\n")
    with pytest.raises(DialogFormatError, match=r"line 2: .*in quotes"):
        Scenario.from_file(folder / "bad.yaml")


def test_a_value_that_contains_itself_is_told(folder: Path) -> None:
    (folder / "bad.yaml").write_text("agents: &a\n  - *a\n  - name: Ben\n")
    with pytest.raises(DialogFormatError, match="contains itself"):
        Scenario.from_file(folder / "bad.yaml")


def test_agents_are_addressed_by_name_by_their_personas_name_and_by_position() -> None:
    scenario = Scenario.from_dict(
        {
            "agents": [
                {"persona": {"type": "Customer", "name": ["Riley", "Kofi"]}},
                {"persona": "support/ava"},
                {"persona": {"name": "Mara Lund"}, "name": "Mara"},
                {"persona": {"from": "support/nobody"}},
            ]
        }
    )
    ava = next(name for name in scenario.agent_positions() if name.startswith("Ava"))
    models = {"1": "scripted:a", ava: "scripted:b", "Mara Lund": "scripted:c", "4": "scripted:d"}
    changed = scenario.evolve(models=models).spec.agents
    assert [agent.model.name for agent in changed if agent.model] == [f"scripted:{letter}" for letter in "abcd"]
    with pytest.raises(UnknownNameError, match=rf"unknown agent 'Riley'.*1, 2, 3, 4, {ava}, Mara, Mara Lund"):
        scenario.evolve(models={"Riley": "scripted:a"})


def test_a_changed_template_is_noticed(folder: Path, tmp_path: Path) -> None:
    text = GOOD.replace("{replies: [", "{name: openai:x, api_key: none} # [").replace("[late, broken, lost]", '"{llm}"')
    (folder / "desk.yaml").write_text(text)
    plan = Scenario.from_file(folder / "desk.yaml").plan()
    with use(prompts={}):
        before = plan.describe()["prompts"]
    assert set(before) == {
        "agent/persona",
        "generate/attributes",
        "generate/persona",
        "orchestrate/finish",
        "orchestrate/keep_going",
        "structured/instruct",
        "structured/repair",
    }
    for setting, name in (("persona_agent", "agent/persona"), ("persona_generator", "generate/persona")):
        (tmp_path / "mine.j2").write_text(f"{{{{ persona }}}} in my words for {setting}")
        with use(prompts={setting: str(tmp_path / "mine.j2")}):
            after = plan.describe()["prompts"]
        assert {key for key in after if after[key] != before[key]} == {name}


def test_every_template_of_an_orchestrator_is_known() -> None:
    folder = Path(orchestrators_package.__file__).parent
    used = {name for path in folder.glob("*.py") for name in re.findall(r'"(orchestrate/\w+)"', path.read_text())}
    assert used == {name for names in OF_ORCHESTRATORS.values() for name in names}
    assert used == {name for name in names() if name.startswith("orchestrate/")}
    for kind, templates in OF_ORCHESTRATORS.items():
        module = sys.modules[orchestrators.get(kind).__module__]
        assert set(templates) == set(re.findall(r'"(orchestrate/\w+)"', Path(str(module.__file__)).read_text()))


def test_limits_of_tools_are_those_of_an_agent() -> None:
    agents = [{"name": "Ana", "max_tool_rounds": 0, "tool_timeout": None}, {"name": "Ben"}]
    ana, ben = (party.agent for party in Scenario.from_dict({"agents": agents}).plan().parties)
    assert (ana.max_tool_rounds, ana.tool_timeout) == (0, None)
    assert (ben.max_tool_rounds, ben.tool_timeout) == (8, 30.0)


def test_personas_that_a_model_fails_to_write_are_paid_for_too(folder: Path) -> None:
    (folder / "desk.yaml").write_text(
        'model: {replies: ["no idea", {error: ServerError}]}\nlimits: {attempts: 1}\nagents:\n'
        '  - persona: {background: "{llm}"}\n  - name: Ben\n'
    )
    result = generate(folder / "desk.yaml", 1, folder / "r")
    assert result.failed == 1
    assert result.failures[0].usage["(personas)"].calls == 1


def test_options_of_a_model_do_not_get_in_the_way_of_other_arguments() -> None:
    scenario = Scenario.from_dict(
        {
            "model": {"name": "openai:x", "api_key": "none", "think": True},
            "agents": [{"name": "Ana"}, {"name": "Ben", "think": False}],
        }
    )
    ana, ben = (party.agent for party in scenario.plan().parties)
    assert (ana.think, ben.think) == (True, False)


def test_functions_are_rules_in_scenarios_of_plain_data() -> None:
    agents = [{"persona": {"name": "Ana", "role": lambda name: f"{name} the baker"}}, {"name": "Ben"}]
    scenario = Scenario.from_dict({"model": {"replies": ["Good day. STOP"]}, "agents": agents})
    result = generate(scenario.evolve(max_turns=4), 1)
    assert result.status == "complete", result.failures
    assert (next(result.dialogs()).personas or {})["Ana"]["role"] == "Ana the baker"
