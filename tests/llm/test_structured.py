"""Data comes out of whatever a model wraps it in, or the error says what was wrong with it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, OutputParseError, RateLimitError
from sdialog.core.sync import run
from sdialog.llm.json_schema import closed, is_closed, problems
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.structured import FormError, Structured, ask, parse, schema_of
from sdialog.llm.types import GenerateRequest, Message
from sdialog.testing import request


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Pet(BaseModel):
    name: str
    legs: int = Field(4, ge=0)


class Person(BaseModel):
    """A person."""

    name: str
    age: int | None = None
    mood: Mood = Mood.GOOD
    pets: list[Pet] = []
    kind: Literal["a", "b"] = "a"
    default: str = "a field of that name"


ANN = {"name": "Ann", "age": 30, "mood": "bad", "pets": [{"name": "Rex", "legs": 3}], "kind": "b", "default": "x"}


def asking(replies: Any, form: Any, asked: GenerateRequest | None = None, **options: Any) -> Structured[Any]:
    client = Scheduler().client(ScriptedModel(replies, **options))
    return run(ask(client, asked or request("Who?", seed=1), form))


@pytest.mark.parametrize(
    "wrapping",
    [
        "{}",
        "Sure, here it is:\n```json\n{}\n```\nAnything else?",
        "```\n{}\n```",
        'Well {{not this}}: {} and [1] or "{{"',
        "<think>maybe {{}}</think>\n\n{}",
    ],
)
def test_json_is_found_in_what_surrounds_it(wrapping: str) -> None:
    text = wrapping.replace("{}", json.dumps(ANN, indent=1), 1).replace("{{", "{").replace("}}", "}")
    assert parse(text, Person) == Person.model_validate(ANN)


def test_trailing_commas_are_dropped_but_not_in_strings() -> None:
    assert parse('{"name": "a,}", "age": 3,\n }', Person) == Person(name="a,}", age=3)
    assert parse("[1, 2, ]", {"type": "array", "items": {"type": "integer"}}) == [1, 2]


@given(st.dictionaries(st.text(max_size=6), st.lists(st.text(max_size=6) | st.integers(), max_size=3), max_size=3))
def test_any_json_is_found_between_prose(value: dict[str, Any]) -> None:
    text = f"Here you are: {json.dumps(value)}\nHope it helps."
    assert parse(text, {"type": "object"}) == value


@given(st.text())
def test_parsing_never_breaks_on_any_text(text: str) -> None:
    try:
        parse(text, Person)
    except FormError as error:
        assert error.problems


def test_a_native_schema_is_sent_closed() -> None:
    seen: list[GenerateRequest] = []

    def reply(asked: GenerateRequest) -> str:
        seen.append(asked)
        return json.dumps(ANN)

    found = asking(reply, Person, features=frozenset({"schema"}))
    assert found.value == Person.model_validate(ANN) and not found.repaired
    schema = seen[0].schema
    assert schema is not None and is_closed(schema) and schema["required"] == list(ANN)
    assert set(schema["$defs"]) == {"Mood", "Pet"}
    assert seen[0].messages == (Message("user", "Who?"),)


def test_any_other_model_is_told_the_schema() -> None:
    seen: list[GenerateRequest] = []

    def reply(asked: GenerateRequest) -> str:
        seen.append(asked)
        return json.dumps(ANN)

    asking(reply, Person)
    assert seen[0].schema is None
    (message,) = seen[0].messages
    assert message.content.startswith("Who?") and '"additionalProperties": false' in message.content
    asking(reply, Person, GenerateRequest((Message("system", "Invent someone."),)))
    assert [m.role for m in seen[1].messages] == ["system", "user"]


def test_a_wrong_reply_is_repaired_once_with_the_reason_shown() -> None:
    seen: list[GenerateRequest] = []

    def reply(asked: GenerateRequest) -> str:
        seen.append(asked)
        return '{"name": "Ann", "age": "old"}' if len(seen) == 1 else json.dumps(ANN)

    found = asking(reply, Person)
    assert found.repaired and found.value.name == "Ann" and found.usage.calls == 2
    first, second = seen
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert "age: Input should be a valid integer" in second.messages[-1].content
    assert second.config.seed != first.config.seed


def test_a_second_wrong_reply_is_an_error_with_the_text() -> None:
    with pytest.raises(OutputParseError, match="name: Field required") as caught:
        asking(["no json", '{"age": 3}'], Person, request("Who?", key="k"))
    assert caught.value.raw == '{"age": 3}' and caught.value.request_key == "k"
    with pytest.raises(OutputParseError, match="the reply is empty"):
        asking(["", ""], Person)


def test_errors_of_the_call_are_raised() -> None:
    with pytest.raises(RateLimitError):
        asking([{"error": "RateLimitError"}], Person)


def test_a_schema_as_a_dict_gives_plain_data() -> None:
    form = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert asking(['{"n": 3}'], form).value == {"n": 3}
    with pytest.raises(OutputParseError, match="n: expected integer"):
        asking(['{"n": "three"}'], form)


@pytest.mark.parametrize("form", ["Person", 3, Person(name="x"), list])
def test_a_form_is_a_class_or_a_schema(form: Any) -> None:
    with pytest.raises(ConfigError, match="pydantic model class or a JSON schema"):
        schema_of(form)


def test_closing_keeps_free_form_objects_and_fields_called_default() -> None:
    class Free(BaseModel):
        default: int = 1
        notes: dict[str, int] = {}

    schema = schema_of(Free)
    assert schema["required"] == ["default", "notes"]
    assert schema["properties"]["notes"]["additionalProperties"] == {"type": "integer"}
    assert not is_closed(schema)


@given(
    st.builds(
        Person,
        name=st.text(),
        age=st.none() | st.integers(),
        mood=st.sampled_from(Mood),
        pets=st.lists(st.builds(Pet, name=st.text(), legs=st.integers(0, 9)), max_size=2),
        kind=st.sampled_from(["a", "b"]),
    )
)
def test_what_pydantic_writes_fits_its_schema(person: Person) -> None:
    schema = closed(Person.model_json_schema())
    data = person.model_dump(mode="json")
    assert problems(data, schema) == []
    assert problems({**data, "mood": "ugly"}, schema) == ['mood: must be one of "good", "bad", got "ugly"']
    assert problems({**data, "more": 1}, schema) == ["property 'more' is not in the schema"]
    del data["name"]
    assert problems(data, schema) == ["property 'name' is missing"]


@pytest.mark.parametrize(
    ("value", "schema", "problem"),
    [
        (3, {"minimum": 4}, "must be at least 4, got 3"),
        (3, {"exclusiveMaximum": 3}, "must be less than 3, got 3"),
        ([], {"minItems": 1}, "must have at least 1 items, got 0"),
        ("abc", {"maxLength": 2}, "must have at most 2 characters, got 3"),
        ("abc", {"pattern": "^x"}, "must match '^x', got \"abc\""),
        (True, {"type": "integer"}, "expected integer, got true"),
        (2.5, {"type": "integer"}, "expected integer, got 2.5"),
        (float("inf"), {"type": "integer"}, "expected integer, got Infinity"),
        ([1, "a"], {"type": "array", "items": {"type": "integer"}}, '[1]: expected integer, got "a"'),
        ([1, 2], {"prefixItems": [{"type": "string"}]}, "[0]: expected string, got 1"),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, "a: expected string, got 1"),
        (1, {"anyOf": [{"type": "string"}, {"type": "null"}]}, "expected string, got 1"),
        (1, {"const": 2}, "must be 2, got 1"),
        (1, False, "nothing is allowed here"),
    ],
)
def test_problems_are_named(value: Any, schema: Any, problem: str) -> None:
    assert problems(value, schema) == [problem]


def test_a_number_of_any_size_is_a_number() -> None:
    huge = int("9" * 400)
    assert problems(huge, {"type": "integer"}) == problems(huge, {"type": "number"}) == []
