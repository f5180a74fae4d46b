"""Anything that can be a tool becomes one, with a schema a model can use and checked arguments."""

from __future__ import annotations

import asyncio
import enum
import functools
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, ValidationError

from sdialog.agents import ToolContext, final_response_tool
from sdialog.agents.tools import as_tool, as_tools, output_text
from sdialog.core.errors import ConfigError

CONTEXT = ToolContext("Ava")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    """An order to place."""

    item: str = Field(description="what to order")
    count: int = 1


class Refund(BaseModel):
    """Pay money back."""

    euros: float

    def __call__(self, context: ToolContext) -> str:
        return f"{context.agent} pays {self.euros}"


def everything(
    city: str,
    days: int = 3,
    kind: Literal["rain", "sun"] = "sun",
    colour: Optional[Colour] = None,  # noqa: UP045 - both spellings must work
    stops: list[int] | None = None,
    json: Annotated[dict[str, int], "counts by name"] = {},  # noqa: B006
) -> list[Any]:
    return [city, days, kind, colour, stops, json]


def test_schema_from_hints() -> None:
    schema = as_tool(everything).spec.parameters
    assert schema["required"] == ["city"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["days"] == {"type": "integer", "default": 3}
    assert schema["properties"]["kind"]["enum"] == ["rain", "sun"]
    assert schema["properties"]["json"]["description"] == "counts by name"
    assert list(schema["properties"]) == ["city", "days", "kind", "colour", "stops", "json"]
    assert "title" not in json.dumps({name: s for name, s in schema["properties"].items() if name != "colour"})


def test_arguments_are_coerced_before_the_call() -> None:
    given = {"city": 8001, "days": "5", "colour": "blue", "stops": ["1"], "json": {"a": "2"}}
    assert as_tool(everything).run(given, CONTEXT) == ["8001", 5, "sun", Colour.BLUE, [1], {"a": 2}]


def test_null_for_an_optional_argument_means_left_out() -> None:
    assert as_tool(everything).run({"city": "Rome", "days": None, "colour": None}, CONTEXT)[:4] == [
        "Rome",
        3,
        "sun",
        None,
    ]


@pytest.mark.parametrize("given", [{}, {"city": "Rome", "days": "many"}, {"city": "Rome", "speed": 1}, {"city": None}])
def test_unfit_arguments_do_not_reach_the_function(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        as_tool(everything).run(given, CONTEXT)


def google(a: int, b: str) -> None:
    """Do it.

    At length.

    Args:
        a (int): the first
            number
        b: see: the other

    Returns:
        Nothing.
    """


def numpy(a: int, b: str) -> None:
    """
    Do it.

    At length.

    Parameters
    ----------
    a : int, optional
        the first
        number
    b
        see: the other

    Returns
    -------
    None
    """


def sphinx(a: int, b: str) -> None:
    """Do it.

    At length.

    :param int a: the first
        number
    :param b: see: the other
    :type b: str
    :returns: nothing
    """


@pytest.mark.parametrize("function", [google, numpy, sphinx])
def test_docstring_styles(function: Any) -> None:
    spec = as_tool(function).spec
    assert spec.description == "Do it.\n\nAt length."
    assert [spec.parameters["properties"][name]["description"] for name in "ab"] == [
        "the first number",
        "see: the other",
    ]


def test_no_docstring_and_no_hints_are_fine() -> None:
    def bare(a, b=2):  # type: ignore[no-untyped-def]
        return a, b

    tool = as_tool(bare)
    assert tool.spec.description == ""
    assert tool.run({"a": {"any": 1}}, CONTEXT) == ({"any": 1}, 2)


def test_a_function_of_one_model_takes_its_fields() -> None:
    def place(order: Order) -> str:
        return f"{order.count} {order.item}"

    tool = as_tool(place)
    assert tool.spec.description == "An order to place."
    assert tool.spec.parameters["properties"]["item"]["description"] == "what to order"
    assert tool.run({"item": "tea", "count": "2"}, CONTEXT) == "2 tea"


def test_a_model_with_call_is_a_tool() -> None:
    tool = as_tool(Refund)
    assert (tool.name, tool.spec.description) == ("Refund", "Pay money back.")
    assert tool.run({"euros": "5"}, CONTEXT) == "Ava pays 5.0"


def test_callable_objects_methods_partials_and_awkward_parameters() -> None:
    class Shop:
        def __call__(self, item: str) -> str:
            """Buy something."""
            return f"bought {item}"

        def sell(self, item: str) -> str:
            return f"sold {item}"

    def awkward(_x: int, /, schema: int, *, copy: int = 1, **more: int) -> list[Any]:
        return [_x, schema, copy, more]

    assert as_tool(Shop()).spec.description == "Buy something."
    assert as_tool(Shop()).run({"item": "tea"}, CONTEXT) == "bought tea"
    assert as_tool(Shop().sell).run({"item": "tea"}, CONTEXT) == "sold tea"
    assert as_tool(awkward).run({"_x": 1, "schema": 2, "z": 9}, CONTEXT) == [1, 2, 1, {"z": 9}]
    fixed = as_tool(functools.partial(everything, city="Rome"))
    assert "city" not in fixed.spec.parameters["properties"]
    assert fixed.run({}, CONTEXT)[0] == "Rome"


def test_context_is_filled_in_and_hidden() -> None:
    def remember(word: str, context: ToolContext | None = None) -> int:
        assert context is not None
        context.state.setdefault("words", []).append(word)
        return len(context.state["words"])

    tool = as_tool(remember)
    assert list(tool.spec.parameters["properties"]) == ["word"]
    assert [tool.run({"word": "a"}, CONTEXT), tool.run({"word": "b"}, CONTEXT)] == [1, 2]


def test_langchain_tools() -> None:
    langchain = pytest.importorskip("langchain_core.tools")

    @langchain.tool
    def multiply(a: int, b: int) -> int:
        """Multiply."""
        return a * b

    @langchain.tool(return_direct=True)
    async def later(a: int) -> int:
        """Wait."""
        return a

    tool = as_tool(multiply)
    assert (tool.name, tool.spec.description, tool.spec.parameters["required"]) == ("multiply", "Multiply.", ["a", "b"])
    assert tool.run({"a": 2, "b": "3"}, CONTEXT) == 6
    assert as_tool(later).final and as_tool(later).is_async
    assert asyncio.run(as_tool(later).run({"a": 1}, CONTEXT)) == 1


def test_final_response_tool_with_and_without_parentheses() -> None:
    @final_response_tool
    def bare() -> str:
        return "x"

    @final_response_tool()
    def called() -> str:
        return "x"

    class Fixed:
        @final_response_tool
        def __call__(self, day: str) -> str:
            return day

    assert as_tool(bare).final and as_tool(called).final and bare() == "x"

    class Notice(BaseModel):
        @final_response_tool
        def __call__(self) -> str:
            return "x"

    @final_response_tool
    class Payout(Refund):
        pass

    assert as_tool(Notice).final and as_tool(Payout).final and not as_tool(Refund).final
    assert as_tool(functools.partial(bare)).final and as_tool(Fixed()).final
    assert not as_tool(everything).final


def star(*values: int) -> None: ...
def unresolvable(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def unspeakable(a: functools.partial[int]) -> None: ...


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (3, "not a tool"),
        (lambda: 1, "name"),
        (Order, "__call__"),
        (star, r"\*values"),
        (unresolvable, "Nowhere"),
        (unspeakable, "unspeakable"),
        (max, "signature"),
    ],
)
def test_what_cannot_be_a_tool_says_why(thing: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        as_tool(thing)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="google"):
        as_tools([google, google])


def test_output_text() -> None:
    @dataclass
    class Point:
        x: int

    assert output_text("as is") == "as is"
    assert output_text({"city": "Zürich", "at": Colour.RED}) == '{"city": "Zürich", "at": "red"}'
    assert output_text([Order(item="tea"), Point(1)]) == '[{"item": "tea", "count": 1}, {"x": 1}]'
    assert output_text(None) == "null"
