"""An agent: who speaks, how, with which tools and which model. It describes; sessions speak."""

from __future__ import annotations

import copy
import inspect
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from sdialog.agents.describe import agent_data
from sdialog.agents.environment_tools import environment_of
from sdialog.agents.inspection import AgentInspector
from sdialog.agents.talking import Talking
from sdialog.agents.thinking import DEFAULT_PATTERN, ThinkingSplitter, Thoughts
from sdialog.agents.tools import Tool, as_tools
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.llm.get import Resolved, resolve
from sdialog.llm.names import edits
from sdialog.orchestrators.base import BaseOrchestrator

if TYPE_CHECKING:
    import re

    from sdialog.core.dialog import Dialog
    from sdialog.llm.types import GenerateResult

RESPONSE_DETAILS = "Keep it to one short utterance, as people do in spoken conversation."

_log = logging.getLogger("sdialog")


class Agent(Talking):
    """A party of dialogs.

    An agent is a description that can be shared: ``agent.session()`` makes what remembers one conversation, and
    simulations make their own, so one agent can be in a thousand dialogs at once. Calling the agent itself talks to
    a session it keeps for that (its default session).

    ``agent | orchestrator`` and ``agent | inspector`` return a new agent; the original stays as it is.

    Args:
        persona: who it is; anything with ``prompt()`` and ``json()``.
        name: what it is called; default the persona's name.
        context: where and why it talks: a ``Context`` or text.
        first_utterance: what it says when it speaks first; one of several is drawn for each conversation.
        dialogue_details: what the dialog is about.
        response_details: how it should speak.
        example_dialogs: dialogs shown to it as examples.
        tools: what it can call (see :func:`~sdialog.agents.tools.as_tool`), one or several. An
            :class:`~sdialog.core.environment.Environment` class stands for all its tools, which act on a new one in
            each dialog.
        think: ask a reasoning model to think, or not to; None leaves it alone.
        thinking_pattern: regular expression that finds reasoning within a reply; exactly one group.
        can_finish: whether it may end a conversation. If not, it is not told how, and an end marker it writes
            anyhow is taken off but ends nothing.
        orchestrators: one or several that instruct it.
        inspectors: one or several that look into its model.
        preprocessing_fn: applied to every text it hears. Like the next one it runs in the event loop, so it should be
            quick and must not call agents.
        postprocess_fn: applied once to every text it says.
        system_prompt: a prompt of one's own instead of a persona.
        model: name, model object, LangChain chat model or function; None is the model of the settings.
        max_tool_rounds: after so many messages with tool calls in one turn the model is asked once more, without
            tools.
        tool_timeout: seconds one tool call may take; None for no limit.
        llm_kwargs: options of the model, such as ``temperature`` or ``base_url``.

    Raises:
        ConfigError: if an argument cannot be used.
        UnknownNameError: if there is no such model, or an argument looks misspelt.
        UnsupportedFeatureError: if tools or inspectors are given and the model cannot do them.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> ava = Agent(name="Ava", system_prompt="You are Ava.", model=ScriptedModel(["Hello!", "Goodbye. STOP"]))
        >>> ava("Hi"), ava("Bye"), ava("Are you still there?")
        ('Hello!', 'Goodbye.', None)
    """

    def __init__(
        self,
        persona: Any = None,
        name: str | None = None,
        context: Any = None,
        first_utterance: str | Sequence[str] | None = None,
        dialogue_details: str = "",
        response_details: str = RESPONSE_DETAILS,
        example_dialogs: Sequence[Dialog] | None = None,
        tools: Any = None,
        think: bool | None = None,
        thinking_pattern: str | re.Pattern[str] | None = DEFAULT_PATTERN,
        can_finish: bool = True,
        orchestrators: BaseOrchestrator | Sequence[BaseOrchestrator | None] | None = None,
        inspectors: Any = None,
        preprocessing_fn: Callable[[str], str] | None = None,
        postprocess_fn: Callable[[str], str] | None = None,
        system_prompt: str | None = None,
        model: Any = None,
        max_tool_rounds: int = 8,
        tool_timeout: float | None = 30.0,
        **llm_kwargs: Any,
    ) -> None:
        self._given = {key: value for key, value in locals().items() if key in _PARAMETERS} | llm_kwargs
        _refuse_typos(llm_kwargs)
        self._resolved = model if isinstance(model, Resolved) else resolve(model, think=think, **llm_kwargs)
        self.model, self.config, self.model_info, self.think = self._resolved
        self.persona = _persona(persona, system_prompt)
        if not isinstance(name, str | None):
            raise ConfigError(f"an agent's name is text, not {name!r:.80}")
        self.name: str | None = (name if name is not None else getattr(self.persona, "name", None)) or None
        self.system_prompt, self.context, self.example_dialogs = system_prompt, context, example_dialogs
        self.dialogue_details, self.response_details = dialogue_details, response_details
        self.can_finish = can_finish
        self.max_tool_rounds, self.tool_timeout = _limits(max_tool_rounds, tool_timeout)
        self.tools = as_tools(tools)
        self.environment = environment_of(self.tools)
        self.tool_specs = tuple(tool.spec for tool in self.tools)
        self.tools_by_name: Mapping[str, Tool] = {tool.name: tool for tool in self.tools}
        self._splitter = ThinkingSplitter(thinking_pattern)
        self._preprocess = _function(preprocessing_fn, "preprocessing_fn")
        self._postprocess = _function(postprocess_fn, "postprocess_fn")
        self.orchestrators: tuple[BaseOrchestrator, ...] = ()
        self.inspectors: tuple[Any, ...] = ()
        self._forget()
        self._require("tools", self.tools)
        self.set_first_utterances(first_utterance)
        self.add_orchestrators(orchestrators)
        self.add_inspectors(inspectors)
        self._made = {name: getattr(self, name) for name in _SETTABLE}

    # -- other agents like this one

    def evolve(self, **changes: Any) -> Self:
        """Return a new agent that differs in some constructor arguments; this one stays as it is.

        What was set on this one since it was made holds for the new one too: name, persona, prompt texts, context,
        examples, limits of tools, tools, first utterances, orchestrators and inspectors; not ``model`` or ``think``.
        A new ``model`` comes with its own options: those given for the old one (keys, addresses) are not carried over.

        Example:
            >>> ava = Agent(name="Ava", model=lambda messages: "Hi!")
            >>> ava.evolve(name="Eve").name, ava.name
            ('Eve', 'Ava')
        """
        given = {**self._given, "tools": self.tools, "first_utterance": self.first_utterances}
        given |= {name: getattr(self, name) for name, made in self._made.items() if getattr(self, name) is not made}
        given |= {"orchestrators": self.orchestrators, "inspectors": self.inspectors}
        same_model = {*changes} <= _PARAMETERS - {"model", "think"}
        if same_model:
            given["model"] = self._resolved
        elif "model" in changes:
            given = {key: value for key, value in given.items() if key in _PARAMETERS}
        twin = copy.copy(self)
        Agent.__init__(twin, **{**given, **changes})
        if same_model:
            twin._given["model"] = self._given["model"]
        return twin

    def __or__(self, other: Any) -> Self:
        """Return a new agent with an orchestrator or inspector (or several) added."""
        added = _listed(other)
        of_orchestrators = [part for part in added if isinstance(part, BaseOrchestrator)]
        of_inspectors = [part for part in added if not isinstance(part, BaseOrchestrator)]
        return self.evolve(
            orchestrators=[*self.orchestrators, *of_orchestrators], inspectors=[*self.inspectors, *of_inspectors]
        )

    def add_orchestrators(self, orchestrators: BaseOrchestrator | Iterable[BaseOrchestrator | None] | None) -> None:
        """Add one or several orchestrators to this agent.

        Raises:
            TypeError: if something is not an orchestrator.
            ConfigError: if its ``instruct`` is async, which only ``ainstruct`` may be.
        """
        added = _listed(orchestrators)
        for orchestrator in added:
            if not isinstance(orchestrator, BaseOrchestrator):
                raise TypeError(f"{orchestrator!r:.80} is not an orchestrator; derive its class from BaseOrchestrator")
            if inspect.iscoroutinefunction(orchestrator.instruct):
                raise ConfigError(
                    f"{type(orchestrator).__name__}.instruct is async; what awaits something goes into 'async def "
                    "ainstruct(self, dialog, utterance)', and instruct stays a plain function"
                )
            if orchestrator.get_target_agent() is None:
                orchestrator.agent = self
        self.orchestrators = (*self.orchestrators, *added)
        if self._default is not None:
            self._default.attach(added)

    def clear_orchestrators(self) -> None:
        """Remove all orchestrators from this agent."""
        self.orchestrators = ()
        if self._default is not None:
            self._default.orchestrators.clear()

    def add_inspectors(self, inspectors: Any) -> None:
        """Add one or several inspectors; see :class:`~sdialog.agents.inspection.AgentInspector`.

        One that is there already is not added again: it would record and steer twice.

        Raises:
            TypeError: if something is not an inspector.
            UnsupportedFeatureError: if the model cannot be looked into.
        """
        added = _listed(inspectors)
        for inspector in added:
            if not isinstance(inspector, AgentInspector):
                raise TypeError(f"{inspector!r:.80} is neither an orchestrator nor an inspector")
        self._require("interventions", added)
        self.inspectors = tuple({id(one): one for one in (*self.inspectors, *added)}.values())

    def clear_inspectors(self) -> None:
        """Remove all inspectors from this agent."""
        self.inspectors = ()

    def set_first_utterances(self, utterances: str | Sequence[str] | None) -> None:
        """Set what it says when it speaks first: one text, several to draw from, or None.

        Raises:
            ConfigError: if it is not text.
        """
        choices = () if not utterances else (utterances,) if isinstance(utterances, str) else tuple(utterances)
        if not all(isinstance(choice, str) for choice in choices):
            raise ConfigError(f"first utterances are texts, not {utterances!r:.80}")
        self.first_utterances, self.first_utterance_choices = utterances, choices

    # -- what it is

    def get_name(self, default: str = "Me") -> str:
        """Return its name, or ``default`` if it has none."""
        return self.name or default

    def json(self, string: bool = False, indent: int | None = None) -> dict[str, Any] | str:
        """Return its description as a dict or as JSON text, without secrets."""
        data = agent_data(self)
        return json.dumps(data, indent=indent, ensure_ascii=False, default=str) if string else data

    @property
    def llm(self) -> Any:
        """The model as it was given, if it was given as an object, else the model its name stands for."""
        given = self._given["model"]
        return self.model if given is None or isinstance(given, (str, Mapping, Resolved)) else given

    @property
    def base_model(self) -> Any:
        """The network inside a local model, where there is one; else the model."""
        return getattr(self.model, "base_model", self.llm)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of a local model, or None."""
        return getattr(self.model, "tokenizer", None)

    def __repr__(self) -> str:
        return f"Agent({self.get_name()!r}, model={self.model.name!r})"

    # -- for its sessions

    def thoughts(self, result: GenerateResult) -> Thoughts:
        """Return what the model wrote, told apart from its reasoning."""
        return self._splitter.split(result.text, result.thinking)

    def preprocessed(self, text: str) -> str:
        """Return what was heard as the model gets it."""
        return _text(self._preprocess(text), "preprocessing_fn") if self._preprocess else text

    def postprocessed(self, text: str) -> str:
        """Return what the model wrote as the agent says it."""
        return _text(self._postprocess(text), "postprocess_fn") if self._postprocess else text

    def _require(self, feature: str, used: Any) -> None:
        if used and feature not in self.model.features:
            offered = ", ".join(sorted(self.model.features)) or "plain text only"
            raise UnsupportedFeatureError(
                f"{self.model.name} cannot do {feature}; it offers: {offered}. Choose another model for this agent."
            )


_SETTABLE = (
    "persona", "name", "system_prompt", "context", "example_dialogs", "dialogue_details", "response_details",
    "can_finish", "max_tool_rounds", "tool_timeout",
)  # fmt: skip
_PARAMETERS = {*inspect.signature(Agent.__init__).parameters} - {"self", "llm_kwargs"}


def _refuse_typos(llm_kwargs: Iterable[str]) -> None:
    """Refuse an option of the model that is a slip away from an argument of the agent."""
    for keyword in llm_kwargs:
        near = _arguments_near(keyword)
        if near:
            raise UnknownNameError("argument", keyword, near, "(of an agent)")


@lru_cache(maxsize=256)
def _arguments_near(keyword: str) -> tuple[str, ...]:
    return tuple(name for name in _PARAMETERS - {"model"} if edits(keyword, name) <= (1 if len(name) < 10 else 2))


def _persona(persona: Any, system_prompt: str | None) -> Any:
    if persona is None:
        return None
    if isinstance(persona, type):
        raise ConfigError(f"{persona.__name__} is a class; give a person of it, such as {persona.__name__}(...)")
    if not callable(getattr(persona, "prompt", None)) or not callable(getattr(persona, "json", None)):
        raise ConfigError(
            f"a persona has prompt() and json(), as sdialog.personas have; {persona!r:.80} has not. Give text as "
            "system_prompt, and facts as Persona(name=..., role=...)"
        )
    if system_prompt is not None:
        _log.warning("both persona and system_prompt were given; the persona is left aside")
        return None
    return persona


def _limits(max_tool_rounds: int, tool_timeout: float | None) -> tuple[int, float | None]:
    if max_tool_rounds < 0:
        raise ConfigError(f"max_tool_rounds cannot be negative: {max_tool_rounds}")
    if tool_timeout is not None and tool_timeout <= 0:
        raise ConfigError(f"tool_timeout is a number of seconds above 0, or None for no limit; not {tool_timeout}")
    return max_tool_rounds, tool_timeout


def _function(function: Any, name: str) -> Callable[[str], str] | None:
    if function is not None and not callable(function):
        raise ConfigError(f"{name} must be a function from text to text, not {function!r:.80}")
    checked: Callable[[str], str] | None = function
    return checked


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{name} must return text, and returned {type(value).__name__}")
    return value


def _listed(parts: Any) -> list[Any]:
    if parts is None:
        return []
    return [part for part in parts if part is not None] if isinstance(parts, (list, tuple, set)) else [parts]
