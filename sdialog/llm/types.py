"""What goes to a model and what comes back, in plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sdialog.core.errors import ConfigError

if TYPE_CHECKING:
    from sdialog.core.errors import LLMError

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]

_LANGCHAIN_TYPES = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool.

    Attributes:
        id: ties the call to its output.
        name: the tool's name.
        arguments: keyword arguments.
        error: why the model's arguments could not be read, or None; ``arguments`` is then empty.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a model conversation.

    Attributes:
        role: who speaks to the model: ``system``, ``user`` (the other side), ``assistant`` (itself) or ``tool``.
        content: the text.
        name: speaker of a user message, or tool of a tool message, where known.
        tool_calls: calls an assistant message makes.
        tool_call_id: which call a tool message answers.
        thinking: reasoning that came with an assistant message.
        persist: for an injected system message, whether it stays; None for every other message.
    """

    role: Role
    content: str = ""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    thinking: str | None = None
    persist: bool | None = None

    @property
    def type(self) -> str:
        """The role in LangChain's words: ``system``, ``human``, ``ai`` or ``tool``."""
        return _LANGCHAIN_TYPES[self.role]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it: name, description and the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class _Kind(NamedTuple):
    """What values an option may have."""

    said: str
    whole: bool = False
    least: float = -math.inf
    most: float = math.inf


_NUMBER = _Kind("a number")
_SHARE = _Kind("a number from 0 to 1", least=0, most=1)
_OPTIONS = {
    "temperature": _Kind("a number, 0 or more", least=0),
    "top_p": _SHARE,
    "min_p": _SHARE,
    "top_k": _Kind("a whole number", whole=True),
    "max_tokens": _Kind("a whole number, 1 or more", whole=True, least=1),
    "seed": _Kind("a whole number", whole=True),
    "stop": _Kind("a text or a list of texts"),
}


def _possible(name: str, value: Any) -> bool:
    if name == "stop":
        return isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(v, str) for v in value))
    kind = _OPTIONS.get(name, _NUMBER)
    number = isinstance(value, Integral if kind.whole else Real) and not isinstance(value, bool)
    return number and kind.least <= value <= kind.most


@dataclass(frozen=True, slots=True)
class GenerateConfig:
    """Sampling options; None means unset, and an unset option is not sent.

    Attributes:
        temperature: 0 is greedy.
        top_p: nucleus sampling (Holtzman et al., 2020), in (0, 1].
        top_k: sample among the k likeliest tokens.
        min_p: keep tokens at least this share of the likeliest (Nguyen et al., 2024).
        max_tokens: most tokens to generate.
        frequency_penalty, presence_penalty: OpenAI's penalties.
        repetition_penalty: Hugging Face's penalty (Keskar et al., 2019), 1 is none.
        stop: strings that end the reply.
        seed: seed of this request's sampling.
        extra: options only one backend knows, passed on as they are.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)  # a misplaced key may be in it

    def merge(self, other: GenerateConfig) -> GenerateConfig:
        """Return these options overlaid with those that ``other`` sets."""
        changes = {k: v for k, v in other.given().items() if k != "extra"}
        return dataclasses.replace(self, **changes, extra={**self.extra, **other.extra})

    def given(self) -> dict[str, Any]:
        """Return the options that are set, by name; ``extra`` only when it holds something."""
        pairs = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return {name: value for name, value in pairs if value is not None and not (name == "extra" and not value)}

    @classmethod
    def from_kwargs(cls, kwargs: Mapping[str, Any]) -> GenerateConfig:
        """Sort keyword arguments: known options by name, all others into ``extra``; None is unset.

        Raises:
            ConfigError: if an option has a value that no model could take.
        """
        known = {f.name for f in dataclasses.fields(cls)} - {"extra"}
        options = {k: v for k, v in kwargs.items() if k in known and v is not None}
        for name, value in options.items():
            if not _possible(name, value):
                raise ConfigError(f"{name} is {_OPTIONS.get(name, _NUMBER).said}, not {value!r:.60}")
        if "stop" in options:
            options["stop"] = (options["stop"],) if isinstance(options["stop"], str) else tuple(options["stop"])
        return cls(**options, extra={k: v for k, v in kwargs.items() if k not in known and v is not None})


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One call of a model.

    Attributes:
        messages: the conversation so far.
        config: sampling options.
        tools: tools the model may call.
        schema: JSON schema the reply must fit, for backends with the feature ``schema``.
        think: ask a reasoning model to think (True), not to (False), or leave it alone (None).
        logprobs: how many alternatives to report per token, or None for none.
        key: names the request in logs, errors, usage and record files, such as ``dialog/7/Ava``.
        session: opaque name of the conversation, for backends that keep state (a KV cache) between its calls.
        interventions: opaque to all but in-process backends with the feature ``interventions``.
    """

    messages: tuple[Message, ...]
    config: GenerateConfig = field(default_factory=GenerateConfig)
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    think: bool | None = None
    logprobs: int | None = None
    key: str = ""
    session: str | None = None
    interventions: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls cost: numbers of calls and tokens, and money where the price is known (None where not)."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        costs = [c for c in (self.cost, other.cost) if c is not None]
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs) if costs else None,
        )

    def json(self) -> dict[str, int | float | None]:
        """Return a plain dict."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token, its natural-log probability and the likeliest alternatives."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """What a model answered, or why it did not.

    Attributes:
        text: the reply without thinking and without tool calls.
        thinking: reasoning the backend gave apart from the reply, or None.
        tool_calls: calls the model wants made.
        finish_reason: why it stopped; ``error`` when ``error`` is set.
        usage: what this call cost.
        model: name the service reports for the model that answered.
        logprobs: per token, when asked for and offered.
        captures: what interventions recorded, by name.
        error: the failure, or None; a failed row never costs its neighbours.
        cached: True when no model was run for it.
    """

    text: str = ""
    thinking: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    logprobs: tuple[TokenLogprob, ...] | None = None
    captures: Mapping[str, Any] = field(default_factory=dict)
    error: LLMError | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """A piece of a streamed reply; the last chunk carries the whole ``result``."""

    text: str = ""
    thinking: str = ""
    result: GenerateResult | None = None
