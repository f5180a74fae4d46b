"""Asking a judge's model: data of a given form, one repair round, and refusals told apart from failures."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import LLMError, OutputParseError
from sdialog.core.seeds import derive_seed
from sdialog.llm.prompts import render
from sdialog.llm.scheduler import Client
from sdialog.llm.structured import FormError, parse, with_schema
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, TokenLogprob, Usage

Check = Callable[[Any], list[str]]
"""Returns what is wrong with data that fits the form."""

# Services that filter say so in an error; the words are those of Azure, OpenAI, Google and AWS.
_FILTERED = re.compile(
    r"content[_ -]?(filter|policy|management)|responsible ?ai|safety[_ ](filter|settings|system)|guardrail", re.I
)
_DECLINES = re.compile(
    r"\b(?:I|we)(?:['’](?:m|re|d)| am| are| would)?\s+(?:(?:really|very|so|truly|must|have to|respectfully)\s+)*"
    r"(?:sorry|afraid|apologi[sz]e|unable|not (?:able|comfortable|going to|willing|permitted|allowed)"
    r"|can(?:['’]t| ?not)|could(?:n['’]t| not)|won['’]t|will not|declin(?:e|ing)|refus(?:e|ing)|rather not|prefer not"
    r"|(?:do not|don['’]t) (?:feel|think I))\b"
    r"|^\W*(?:(?:very |so )?sorry|(?:my )?apologies|unable to)\b|\bas an AI\b"
    r"|\b(?:violates?|breach(?:es)?|goes against) (?:\w+ ){0,3}(?:polic(?:y|ies)|guidelines)\b"
    r"|\b(?:polic(?:y|ies)|guidelines) (?:do|does)(?: not|n['’]t) (?:allow|permit)\b",
    re.IGNORECASE,
)
_SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered.

    Attributes:
        data: data of the asked form; None if the model refused.
        raw: the reply it was read from.
        usage: what it cost, the repair included.
        repaired: whether it took a second try.
        refusal: the words of the refusal, if it was one.
        problems: what is still wrong with the data in the eyes of the check.
        logprobs: those of the reply, if they were asked for.
    """

    data: Any
    raw: str
    usage: Usage = dataclasses.field(default_factory=Usage)
    repaired: bool = False
    refusal: str | None = None
    problems: tuple[str, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None


async def ask_judge(
    client: Client, request: GenerateRequest, schema: Mapping[str, Any], check: Check | None = None
) -> Answer:
    """Ask for data of a form; what does not fit, or does not pass the check, is asked for once more.

    Args:
        client: the model.
        request: what to ask.
        schema: the form, a closed JSON schema.
        check: finds what a schema cannot say. What it still finds after the repair round is noted in the answer.

    Raises:
        OutputParseError: if the second reply does not fit the form either, and is no refusal.
        LLMError: if a call fails.
    """
    form = dict(schema)
    request = with_schema(request, form, native="schema" in client.features)
    first = await _complete(client, request)
    if isinstance(first, Answer):
        return first
    data, found = _read(first.text, form, check)
    if not found:
        return Answer(data, first.text, first.usage, logprobs=first.logprobs)
    second = await _complete(client, _again(request, first.text, found, form))
    if isinstance(second, Answer):
        return dataclasses.replace(second, usage=first.usage + second.usage)
    usage = first.usage + second.usage
    data, found = _read(second.text, form, check)
    if data is not None:
        return Answer(data, second.text, usage, True, problems=tuple(found), logprobs=second.logprobs)
    refusal = next((text for text in (second.text, first.text) if declines(text)), None)
    if refusal is not None:
        return Answer(None, second.text, usage, True, refusal=_short(refusal))
    said = f"the reply does not fit the asked form, also after one repair round: {'; '.join(found)}"
    raise OutputParseError(said, raw=second.text, backend=client.name, request_key=request.key)


def declines(text: str) -> bool:
    """Whether a reply without the asked data reads as a refusal, in English.

    Example:
        >>> declines("I'm sorry, but I can't help with that."), declines("The answer is yes.")
        (True, False)
    """
    return _DECLINES.search(text[:300]) is not None


async def _complete(client: Client, request: GenerateRequest) -> GenerateResult | Answer:
    """Return the model's reply, or a refusal where the model or its service will not give one."""
    try:
        result = await client.complete(request)
    except LLMError as error:
        if error.status in (400, 403, 422) and _FILTERED.search(error.message):
            return Answer(None, "", Usage(1), refusal=_short(error.message))
        raise
    if result.finish_reason == "content_filter":
        said = _short(result.text) or "the service filtered the reply"
        return Answer(None, result.text, result.usage, refusal=said)
    return result


def _read(text: str, schema: Mapping[str, Any], check: Check | None) -> tuple[Any, list[str]]:
    """Return the data of a reply, None if there is none, and what is wrong; fields nobody asked for are dropped."""
    try:
        data = parse(text, _open(schema))
    except FormError as error:
        return None, error.problems
    if "properties" in schema and isinstance(data, dict):
        data = {name: entry for name, entry in data.items() if name in schema["properties"]}
    return data, [] if check is None else check(data)


def _open(node: Any) -> Any:
    """Return a schema whose objects may hold more than it says; a verdict is no worse for a reason beside it."""
    if isinstance(node, Mapping):
        return {name: _open(entry) for name, entry in node.items() if entry is not False}
    return [_open(entry) for entry in node] if isinstance(node, list) else node


def _again(request: GenerateRequest, raw: str, found: list[str], schema: Mapping[str, Any]) -> GenerateRequest:
    shown = json.dumps(schema, ensure_ascii=False, indent=1)
    complaint = render("structured/repair", problems=found[:_SHOWN_PROBLEMS], schema=shown)
    config = request.config
    if config.seed is not None:  # the same dice would fall the same way
        config = dataclasses.replace(config, seed=derive_seed(config.seed, "repair"))
    messages = (*request.messages, Message("assistant", raw), Message("user", complaint))
    return dataclasses.replace(request, messages=messages, config=config)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."
