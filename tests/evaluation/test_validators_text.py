"""Validators of what was said and of what tools answered: patterns, JSON, any function."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from sdialog import Dialog, Event, Turn
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.validators import validators
from sdialog.evaluation import Explanation, score_dialogs
from sdialog.evaluation.validators.callable import CallableValidator
from sdialog.evaluation.validators.json_schema import JsonSchemaValidator
from sdialog.evaluation.validators.regex import RegexValidator


def result(tool: str, output: Any, agent: str = "Ava") -> list[Event]:
    made = {"action": "tool", "agent": agent, "timestamp": 0}
    identity = f"{tool}-{output}"
    return [
        Event(**made, actionLabel="call", content={"name": tool, "args": {}, "id": identity}),
        Event(**made, actionLabel="output", content={"name": tool, "output": output, "call_id": identity}),
    ]


TALK = Dialog(
    turns=[
        Turn(speaker="Ben", text="Where is order B4821?"),
        Turn(speaker="Ava", text="B4821 is late. b4821 comes today."),
        Turn(speaker="Ava", text="Anything else?"),
    ],
    events=[*result("check", {"state": "late"}), *result("check", "lost"), *result("refund", '{"euros": 5}', "Bob")],
)


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({"pattern": "B4821"}, 1),
        ({"pattern": "B4821", "at_least": 2, "at_most": 2}, 1),
        ({"pattern": "B4821", "at_least": 3}, 0),
        ({"pattern": "B4821", "speaker": "Ava", "at_least": 2}, 0),
        ({"pattern": "B4821", "at_most": 1}, 0),
        ({"pattern": "sorry"}, 0),
        ({"pattern": "sorry", "at_most": 0}, 1),
        ({"pattern": "late", "at_most": 0}, 0),
        ({"pattern": "ANYTHING"}, 0),
        ({"pattern": "ANYTHING", "ignore_case": True}, 1),
        ({"pattern": "late", "where": "tool_results"}, 1),
        ({"pattern": "late", "where": "tool_results", "tool": "refund"}, 0),
        ({"pattern": "euros", "where": "tool_results", "speaker": "Bob"}, 1),
        ({"pattern": "euros", "where": "tool_results", "speaker": "Ava"}, 0),
    ],
)
def test_regex_truth_table(options: dict[str, Any], passes: int) -> None:
    assert RegexValidator(**options)(TALK) == passes


def test_regex_says_where() -> None:
    found = RegexValidator("B48..", at_most=0).explain(TALK)
    assert found.reason == "2 match 'B48..' (turn 1, turn 2), and none should"
    assert found.details["matches"] == {"turn 1": "B4821", "turn 2": "B4821"}
    assert RegexValidator("sorry").explain(TALK).reason == "0 of 3 turns match 'sorry', and at least 1 should"
    assert RegexValidator("x", where="tool_results").explain(Dialog()).passed is None


@given(st.lists(st.text("ab ", max_size=4), max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_regex_counts_turns(texts: list[str], least: int, more: int) -> None:
    dialog = Dialog(turns=[Turn(text=text) for text in texts])
    number = sum("a" in text for text in texts)
    assert RegexValidator("a", at_least=least, at_most=least + more)(dialog) == int(least <= number <= least + more)


def test_regex_mistakes() -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        RegexValidator("(")
    with pytest.raises(ConfigError, match="at_least 2"):
        RegexValidator("a", at_least=2, at_most=1)
    with pytest.raises(UnknownNameError, match="did you mean 'turns'"):
        RegexValidator("a", where="turn")  # type: ignore[arg-type]


class Refund(BaseModel):
    """A refund."""

    euros: float
    reason: str | None = None


@pytest.mark.parametrize(
    ("texts", "quantity", "passes"),
    [
        (['{"euros": 5}'], "all", 1),
        (['{"euros": 5}', '{"euros": "five"}'], "all", 0),
        (['{"euros": 5}', '{"euros": "five"}'], "any", 1),
        (['{"euros": 5}', "no json"], "last", 0),
        (["no json", '{"euros": 5, "reason": null}'], "last", 1),
        (['Here you are:\n```json\n{"euros": 5}\n```\nBye.'], "all", 1),
        (['Here: {"euros": 5}'], "all", 0),
        (["no json"], "any", 0),
        ([], "all", None),
    ],
)
def test_json_in_turns(texts: list[str], quantity: Any, passes: int | None) -> None:
    dialog = Dialog(turns=[Turn(text=text) for text in texts])
    assert JsonSchemaValidator(Refund, quantity=quantity)(dialog) == passes


def test_json_in_results_of_tools() -> None:
    refunds = JsonSchemaValidator(Refund, where="tool_results", tool="refund")
    assert refunds(TALK) == 1
    checks = JsonSchemaValidator(Refund, where="tool_results", tool="check").explain(TALK)
    assert checks.details["problems"]["result 1 of check"] == ["property 'euros' is missing"]
    assert checks.details["problems"]["result 2 of check"][0].startswith("no JSON")
    assert refunds(Dialog()) is None


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0}, "b": {"enum": ["x", None]}, "c": {"type": "array"}},
    "required": ["a"],
    "additionalProperties": False,
}


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(-1, 1) | st.sampled_from(["x", None, [], True])))
def test_json_agrees_with_the_reference_checker(data: dict[str, Any]) -> None:
    import json

    dialog = Dialog(turns=[Turn(text=json.dumps(data))])
    assert JsonSchemaValidator(SCHEMA)(dialog) == int(jsonschema.Draft202012Validator(SCHEMA).is_valid(data))


def test_json_mistakes() -> None:
    with pytest.raises(ConfigError, match="JSON schema is a mapping"):
        JsonSchemaValidator("{}")
    with pytest.raises(UnknownNameError, match="did you mean 'all'"):
        JsonSchemaValidator(SCHEMA, quantity="al")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'objekt' is no type of JSON"):
        JsonSchemaValidator({"properties": {"a": {"type": "objekt"}}})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "uniqueItems": True},
        {"properties": {"a": {"not": {"type": "null"}}}},
        {"items": {"anyOf": [{"multipleOf": 2}, {"type": "null"}]}},
    ],
)
def test_json_conditions_that_are_not_checked_are_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="cannot be checked here"):
        JsonSchemaValidator(schema)
    JsonSchemaValidator({"properties": {"not": {"type": "string"}, "if": {"enum": ["else"]}}})


class Booking(BaseModel):
    """A booking with conditions that a schema does not tell."""

    guests: set[str]
    nights: int = Field(multiple_of=2)


def test_json_a_model_class_checks_itself() -> None:
    validator = JsonSchemaValidator(Booking)
    assert validator(Dialog(turns=[Turn(text='{"guests": ["Ann"], "nights": 4}')])) == 1
    found = validator.explain(Dialog(turns=[Turn(text='{"guests": ["Ann"], "nights": 3}')]))
    assert (found.passed, found.reason) == (False, "turn 1: nights: Input should be a multiple of 2")
    assert validator.identity() is None and JsonSchemaValidator(SCHEMA).identity() is not None


@pytest.mark.parametrize("speaker", ["Ava", "AVA"])
def test_speakers_in_any_letter_case(speaker: str) -> None:
    assert RegexValidator("late", speaker=speaker)(TALK) == 1
    assert RegexValidator("late", at_most=0, speaker=speaker)(TALK) == 0
    assert RegexValidator("lost", where="tool_results", speaker=speaker)(TALK) == 1


def test_any_function() -> None:
    short = CallableValidator(lambda dialog: len(dialog) < 2)
    assert (short(TALK), short(Dialog()), short.name) == (0, 1, "callable-validator")

    def polite(dialog: Dialog) -> tuple[bool, str]:
        return "please" in str(dialog), "nobody says please"

    assert CallableValidator(polite).explain(TALK) == Explanation(False, "nobody says please")
    assert CallableValidator(polite).name == "polite"
    assert CallableValidator(lambda dialog: None)(TALK) is None
    assert CallableValidator(lambda dialog: Explanation(True, details={"n": 1})).explain(TALK).details == {"n": 1}
    with pytest.raises(ConfigError, match="answered 1;"):
        CallableValidator(lambda dialog: 1)(TALK)
    with pytest.raises(ConfigError, match="plain function"):
        CallableValidator("polite")  # type: ignore[arg-type]


def test_an_exception_of_a_function_is_a_missing_value() -> None:
    (found,) = score_dialogs([CallableValidator(lambda dialog: dialog[99])], [TALK])
    assert found.n_missing == 1
    assert "IndexError" in str(found.items[0].error)


@pytest.mark.parametrize(
    "name", ["RegexValidator", "JsonSchemaValidator", "CallableValidator", "StateValidator", "CodeValidator"]
)
def test_scenarios_find_them_by_name(name: str) -> None:
    assert name in validators.names()
    assert validators.get(name).__name__ == name
