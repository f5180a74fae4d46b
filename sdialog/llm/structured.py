"""Asking a model for data of a given form instead of prose."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel, ValidationError

from sdialog.core.errors import ConfigError, OutputParseError
from sdialog.core.seeds import derive_seed
from sdialog.llm.json_schema import closed, problems
from sdialog.llm.prompts import render
from sdialog.llm.scheduler import Client
from sdialog.llm.types import GenerateRequest, Message, Usage

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Structured(Generic[T]):
    """Data a model gave.

    Attributes:
        value: an instance of the asked pydantic model, or JSON data that fits the asked schema.
        raw: the reply it was read from.
        usage: what it cost, the repair included.
        repaired: whether it took a second try.
    """

    value: T
    raw: str
    usage: Usage
    repaired: bool = False


class FormError(ValueError):
    """A text that holds no JSON of the asked form.

    Attributes:
        problems: what is wrong with the best candidate in it.
    """

    def __init__(self, found: list[str]) -> None:
        self.problems = found
        super().__init__("; ".join(found))


@overload
async def ask(client: Client, request: GenerateRequest, form: type[M]) -> Structured[M]: ...
@overload
async def ask(client: Client, request: GenerateRequest, form: Mapping[str, Any]) -> Structured[Any]: ...
async def ask(client: Client, request: GenerateRequest, form: type[BaseModel] | Mapping[str, Any]) -> Structured[Any]:
    """Ask for a reply of a given form.

    A model with the feature ``schema`` is held to it by its service; any other is told the schema in the prompt. A
    reply that does not fit is shown to the model with what is wrong, once.

    Args:
        client: the model.
        request: what to ask; its ``schema`` is set here.
        form: a pydantic model class, or a JSON schema.

    Returns:
        The value and how it came about.

    Raises:
        OutputParseError: if the second reply does not fit either; ``raw`` is that reply.
        LLMError: if a call fails.
        ConfigError: if ``form`` is neither.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> from sdialog.llm.scheduler import Scheduler
        >>> class City(BaseModel):
        ...     name: str
        ...     people: int
        >>> client = Scheduler().client(ScriptedModel(['Sure! {"name": "Bern", "people": 134000,}']))
        >>> run(ask(client, GenerateRequest((Message("user", "A Swiss city?"),)), City)).value
        City(name='Bern', people=134000)
    """
    schema = schema_of(form)
    request = with_schema(request, schema, native="schema" in client.features)
    first = await client.complete(request)
    try:
        return Structured(parse(first.text, form), first.text, first.usage)
    except FormError as error:
        request = _repair_request(request, first.text, error.problems, schema)
    second = await client.complete(request)
    usage = first.usage + second.usage
    try:
        return Structured(parse(second.text, form), second.text, usage, repaired=True)
    except FormError as error:
        text = f"the reply does not fit the asked form, also after one repair round: {error}"
        raise OutputParseError(text, raw=second.text, backend=client.name, request_key=request.key) from error


def schema_of(form: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a form, closed as strict services want it.

    Raises:
        ConfigError: if it is neither a pydantic model class nor a JSON schema.
    """
    if isinstance(form, type) and issubclass(form, BaseModel):
        return closed(form.model_json_schema())
    if isinstance(form, Mapping):
        return closed(form)
    raise ConfigError(f"a form is a pydantic model class or a JSON schema (a dict), not {form!r}")


@overload
def parse(text: str, form: type[M]) -> M: ...
@overload
def parse(text: str, form: Mapping[str, Any]) -> Any: ...
def parse(text: str, form: type[BaseModel] | Mapping[str, Any]) -> Any:
    """Read data of a given form out of a reply.

    Code fences and prose around the JSON are skipped and trailing commas dropped; nothing else is guessed.

    Args:
        text: the reply.
        form: a pydantic model class, or a JSON schema.

    Raises:
        FormError: if it holds no such data; says what is wrong.

    Example:
        >>> parse('Here you are: {"n": 3}', {"type": "object", "properties": {"n": {"type": "integer"}}})
        {'n': 3}
    """
    complaints: list[list[str]] = []
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(form, type):
            try:
                return form.model_validate(value)
            except ValidationError as error:
                complaints.append([_told(entry) for entry in error.errors(include_url=False)])
        else:
            found = problems(value, form)
            if not found:
                return value
            complaints.append(found)
    raise FormError(complaints[0] if complaints else [_why_no_json(text)])


def with_schema(request: GenerateRequest, schema: dict[str, Any], *, native: bool) -> GenerateRequest:
    """Return the request with a schema for its service to keep (``native``), or with the schema told in the prompt."""
    if native:
        return dataclasses.replace(request, schema=schema)
    demand = render("structured/instruct", schema=_text(schema))
    messages = request.messages
    if messages and messages[-1].role == "user":
        # In the user's own message, because many models heed nothing else that comes last.
        last = dataclasses.replace(messages[-1], content=f"{messages[-1].content}\n\n{demand}")
        return dataclasses.replace(request, schema=None, messages=(*messages[:-1], last))
    return dataclasses.replace(request, schema=None, messages=(*messages, Message("user", demand)))


def _repair_request(request: GenerateRequest, raw: str, found: list[str], schema: dict[str, Any]) -> GenerateRequest:
    complaint = render("structured/repair", problems=found[:20], schema=_text(schema))
    messages = (*request.messages, Message("assistant", raw), Message("user", complaint))
    config = request.config
    if config.seed is not None:  # the same dice would fall the same way
        config = dataclasses.replace(config, seed=derive_seed(config.seed, "repair"))
    return dataclasses.replace(request, messages=messages, config=config)


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1)


def _candidates(text: str) -> Iterator[str]:
    """Yield the parts of a reply that may be its JSON, likeliest first."""
    seen: set[str] = set()
    for part in (text, *_FENCE.findall(text), *_balanced(text)):
        for candidate in (part.strip(), _without_trailing_commas(part.strip())):
            if candidate and candidate not in seen:
                seen.add(candidate)
                yield candidate


def _balanced(text: str) -> list[str]:
    """Return the outermost ``{...}`` and ``[...]`` parts of a text, longest first, brackets in strings not counted."""
    found, start, closers, quoted, escaped = [], 0, list[str](), False, False
    for place, char in enumerate(text):
        if quoted:
            quoted, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"' and closers:
            quoted = True
        elif char in "{[":
            start = start if closers else place
            closers.append("}" if char == "{" else "]")
        elif closers and char == closers[-1]:
            closers.pop()
            if not closers:
                found.append(text[start : place + 1])
        elif closers and char in "}]":
            closers.clear()
    return sorted(found, key=len, reverse=True)


def _without_trailing_commas(text: str) -> str:
    parts = re.split(r'("(?:[^"\\]|\\.)*")', text)  # odd parts are strings, to be left alone
    joined = "".join(part if odd else part.replace(",", "\0") for odd, part in _numbered(parts))
    return re.sub(r"\0(\s*[}\]])", r"\1", joined).replace("\0", ",")


def _numbered(parts: list[str]) -> Iterator[tuple[bool, str]]:
    return ((bool(row % 2), part) for row, part in enumerate(parts))


def _told(error: Any) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]).lstrip(".")
    got = "" if error["type"] == "missing" else f" (got {error['input']!r:.60})"
    return f"{place}: {error['msg']}{got}" if place else f"{error['msg']}{got}"


def _why_no_json(text: str) -> str:
    if not text.strip():
        return "the reply is empty"
    try:
        json.loads(text)
    except ValueError as error:
        return f"the reply holds no valid JSON: {error}"
    return "the reply holds no JSON value"
