"""The keys of a scenario file, as pydantic models; ``sdialog schema`` prints them as a JSON schema."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _as_model(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _as_environment(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


def _as_persona(value: Any) -> Any:
    if isinstance(value, str):
        return {"from": value}
    if not isinstance(value, dict):
        raise ValueError("give a persona of the library, such as support/ava, or its attributes")
    return value


def _as_context(value: Any) -> Any:
    return {"notes": value} if isinstance(value, str) else value


def _as_turn_taking(value: Any) -> Any:
    if isinstance(value, str):
        return {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("give a policy's name, such as alternate, or one name with its options: {moderator: Chair}")
    return value


def _no_single(value: int) -> int:
    if value == 1:
        raise ValueError("what is said once is no loop; give 2 or more, or 0 for never")
    return value


def _folder_name(name: str) -> str:
    if not name.strip() or name in (".", "..") or re.search(r"[\\/\0]", name):
        raise ValueError(f"a name is also the name of a folder, so it cannot be empty or a path: {name!r}")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSpec(BaseModel):
    """A language model: its name and any options (``temperature``, ``base_url``, ...)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str | None = Field(
        default=None, description="such as openai:gpt-4.1, ollama:qwen3:14b, org/model or embedded:mini"
    )
    replies: list[Any] | None = Field(
        default=None, description="a script instead of a model: what it says, in this order"
    )

    def options(self) -> dict[str, Any]:
        """Return the options beside name and replies."""
        return dict(self.model_extra or {})


class OrchestratorSpec(BaseModel):
    """An orchestrator: its class, the sugar ``when_contains``, and its constructor's arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="class name, such as LengthOrchestrator, or module:Class")
    when_contains: Annotated[
        list[str] | None, BeforeValidator(_as_list, json_schema_input_type=str | list[str] | None)
    ] = Field(
        default=None, description="for SimpleReflexOrchestrator: react when the other side's words contain one of these"
    )

    def options(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return dict(self.model_extra or {})


class ConditionSpec(_Strict):
    """When a steering is made: only in replies whose prompt reads so."""

    site: str = Field(description="where it is read, before the place that is steered")
    direction: Any = Field(description="vector it is read along: a file, or numbers in a list")
    threshold: float = Field(description="the reading has to be above it")
    span: str | None = Field(default=None, description="of which prompt tokens the mean is read; default: prompt")
    measure: Literal["dot", "cosine"] | None = Field(default=None, description="default: cosine")
    below: bool | None = Field(default=None, description="the reading has to be below the threshold instead")
    offset: Any = Field(default=None, description="vector taken from the activations first")

    @model_validator(mode="after")
    def _has_direction(self) -> ConditionSpec:
        if self.direction is None:
            raise ValueError("a condition needs a direction: a file, or numbers in a list")
        return self


class HoldSpec(_Strict):
    """A steering whose strength follows what is read of the agent's own replies; a list of targets is a sweep."""

    direction: Any = Field(description="vector that is added: as for steer")
    target: Any = Field(
        description="what the reading ought to be: a number; {by_turn: [...]} for each of the agent's replies; {from: "
        "A, to: B, replies: N}, which gets to B in reply N; or a list of these, which the dialogs of a run take in turn"
    )
    probe: Any = Field(default=None, description="what is read: a saved probe or a vector; default: the direction")
    gain: float | None = Field(default=None, description="strength for each unit of the reading; default: 1")
    correction: float | None = Field(
        default=None, description="share of each error that later replies take back, from 0 to 1; default: 0.5"
    )
    limits: list[float] | None = Field(default=None, description="ends of the strength; default: [-2, 2]")
    start: float | None = Field(default=None, description="strength of the first reply; default: by gain and rest")
    rest: float | None = Field(default=None, description="what is read without steering; default: 0")
    max_loss: float | None = Field(default=None, description="fluency limit of steered replies, in nats a token")
    site: str | None = Field(default=None, description="where it is added; default: where the direction was found")
    read_site: str | None = Field(default=None, description="where it is read; default: where the probe was found")
    span: str | None = Field(default=None, description="on which tokens it is added; default: choices")
    read_span: str | None = Field(default=None, description="which tokens are read; default: generated")
    logit: bool | None = Field(default=None, description="read the logit of a probe of two classes")
    name: str | None = Field(default=None, description="what dialogs record the target as; default: target")


class SteerSpec(_Strict):
    """A change of an agent's model while it speaks; a list of strengths is a sweep."""

    direction: Any = Field(
        default=None,
        description="vector: a saved direction, .safetensors, .npy, {file: NAME, tensor: KEY}, or numbers in a list; "
        "files are looked for beside the scenario",
    )
    value: Any = Field(default=None, description="another name of direction, for op: set")
    site: Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = Field(
        default_factory=list,
        description="where, such as layers.2.resid_post; one or several; default: where a saved direction was found",
    )
    op: str = Field(default="add", description="add, project_out, clamp, scale, zero or set")
    strength: Any = Field(
        default=1.0,
        description="a number; {by_token: [...]} for each generated token; {by_turn: [...]} for each of the agent's "
        "replies; or a list of these, which the dialogs of a run take in turn",
    )
    span: str = Field(default="everything", description="which tokens, such as choices: from the first that is written")
    condition: ConditionSpec | None = Field(default=None, description="only in replies whose prompt reads so")
    keep_norm: bool = Field(default=False, description="scale the result to the length that it had")
    name: str | None = Field(default=None, description="what dialogs record the strength as; default: strength")
    hold: HoldSpec | None = Field(
        default=None, description="instead of all this: strengths that hold a reading on a target, reply by reply"
    )

    @model_validator(mode="after")
    def _is_one(self) -> SteerSpec:
        beside = sorted(self.model_fields_set - {"hold"})
        if self.hold is not None and beside:
            raise ValueError(f"hold has keys of its own; {' and '.join(beside)} cannot stand beside it")
        return self

    def entry(self) -> InspectorSpec:
        """Return what it means as an inspector, with the keys that are given."""
        kind, spec = ("steer", self) if self.hold is None else ("hold", self.hold)
        return InspectorSpec(type=kind, **spec.model_dump(exclude_defaults=True, exclude_none=True))


class InspectorSpec(BaseModel):
    """What looks into an agent's model, and its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(description="steer, hold, a plug-in's name, module:Class, or file.py:Class beside the scenario")

    def options(self) -> dict[str, Any]:
        """Return the options beside the type."""
        return dict(self.model_extra or {})


class AgentSpec(_Strict):
    """One party of the conversation."""

    name: str | None = Field(default=None, description="speaker name; default: the persona's name")
    persona: Annotated[
        dict[str, Any] | None, BeforeValidator(_as_persona, json_schema_input_type=str | dict[str, Any])
    ] = Field(
        default=None,
        description="a library name (support/ava) or a file; or attributes, with 'type' for the class and rules such "
        "as '{18-80}', '{llm}' or a list to choose from; 'from' names a library persona to start from",
    )
    model: Annotated[ModelSpec | None, BeforeValidator(_as_model, json_schema_input_type=str | ModelSpec | None)] = (
        Field(default=None, description="name, or name and options; overrides the scenario's")
    )
    system_prompt: str | None = Field(default=None, description="a prompt of your own instead of a persona")
    first_utterance: Annotated[
        list[str] | None, BeforeValidator(_as_list, json_schema_input_type=str | list[str] | None)
    ] = Field(default=None, description="what it opens with: one text, or several to choose from")
    dialogue_details: str = Field(default="", description="what the conversation is about, for the prompt")
    response_details: str | None = Field(default=None, description="how to reply, for the prompt")
    think: bool | None = Field(default=None, description="ask a reasoning model to think, or not to")
    can_finish: bool = Field(default=True, description="whether it may end the conversation")
    tools: Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = Field(
        default_factory=list,
        description="module:function, or file.py:function beside the scenario; environment or environment:NAME for "
        "tools of the environment",
    )
    max_tool_rounds: int = Field(default=8, ge=0, description="most rounds of tool calls in one turn; 0: no tools")
    tool_timeout: float | None = Field(default=30.0, gt=0, description="seconds a tool may take; null: no limit")
    orchestrators: Annotated[
        list[OrchestratorSpec],
        BeforeValidator(_as_list, json_schema_input_type=OrchestratorSpec | list[OrchestratorSpec]),
    ] = Field(default_factory=list)
    steer: Annotated[list[SteerSpec], BeforeValidator(_as_list, json_schema_input_type=SteerSpec | list[SteerSpec])] = (
        Field(default_factory=list, description="changes of its model while it speaks; local models only")
    )
    inspectors: Annotated[
        list[InspectorSpec], BeforeValidator(_as_list, json_schema_input_type=InspectorSpec | list[InspectorSpec])
    ] = Field(default_factory=list, description="what looks into its model; local models only")


class EnvironmentSpec(_Strict):
    """What the tools of a dialog act on; each dialog has one of its own."""

    type: str = Field(description="file.py:Class beside the scenario, or module:Class")
    fixture: dict[str, Any] | str | None = Field(
        default=None, description="what it starts from: a file beside the scenario, or data; default: the class's own"
    )


class TaskSpec(_Strict):
    """One of the tasks that the dialogs of a run take in turn."""

    id: Annotated[str, Field(min_length=1)] = Field(description="what results are grouped by")
    goal: dict[str, Any] | list[Any] | None = Field(
        default=None,
        description="what is to come of it, as StateValidator takes it: a list of tool calls, or a mapping with state, "
        "subset, actions or outputs; recorded in the dialog and shown to no agent",
    )
    personas: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="by an agent's name or position: attributes of its persona in this task, with rules, which stand "
        "in the place of those in 'agents'",
    )


class GateSpec(BaseModel):
    """A validator at the gate, and its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    validator: str = Field(description="a validator's name, module:function, or file.py:function beside the scenario")
    on_fail: Literal["reject", "mark"] = Field(default="reject", description="simulate anew, or keep with a note")

    def options(self) -> dict[str, Any]:
        """Return the validator's options."""
        return dict(self.model_extra or {})


class LimitsSpec(_Strict):
    """How much, how long, how many at once. Changing these does not change the dialogs, so a run resumes."""

    concurrency: int = Field(default=32, ge=1, description="dialogs under way at once")
    max_batch: int = Field(default=64, ge=1, description="requests in one batch of a local model")
    max_calls: int | None = Field(default=None, ge=1, description="model calls of the whole run")
    max_tokens: int | None = Field(default=None, ge=1, description="tokens of the whole run, in and out")
    max_cost: float | None = Field(default=None, gt=0, description="money of the whole run; needs prices")
    prices: dict[str, tuple[float, float]] | None = Field(
        default=None, description="money per million tokens, [input, output], by model name; * and ? are wildcards"
    )
    call_timeout: float | None = Field(
        default=120.0, gt=0, description="seconds a call of a remote model may take; null: no limit"
    )
    attempts: int = Field(default=6, ge=1, description="tries of a model call that failed and may be tried again")
    retry_base: float = Field(default=0.5, ge=0, description="seconds to wait at most before the second try")
    retry_cap: float = Field(default=30.0, ge=0, description="seconds to wait at most before any try")
    turn_timeout: float | None = Field(
        default=None, gt=0, description="seconds a turn may take, tools and retries included"
    )
    cache: str | None = Field(
        default=None, description="file that remembers model calls from run to run; starts at the working folder"
    )


class OutputSpec(_Strict):
    """Defaults for the command line."""

    folder: str | None = Field(
        default=None, description="run folder; starts at the working folder, not at the scenario's"
    )
    dialogs: int | None = Field(default=None, ge=1, description="how many dialogs")
    wall_clock: bool = Field(default=False, description="record times of day; the same plan then gives other bytes")


class ScenarioSpec(_Strict):
    """A scenario: who talks, about what, by which rules. Every key but ``agents`` may be left out."""

    name: Annotated[str, AfterValidator(_folder_name)] | None = Field(
        default=None, description="what to call it, and its folder in runs/; default: the file's name"
    )
    description: str = Field(default="", description="for people who read the file")
    model: Annotated[ModelSpec | None, BeforeValidator(_as_model, json_schema_input_type=str | ModelSpec | None)] = (
        Field(
            default=None,
            description="model of all agents that name none: a name, or name and options; default: the settings'",
        )
    )
    seed: int = Field(default=13, description="seed of the run")
    max_turns: int = Field(default=40, ge=1, description="exactly this many turns at most")
    turn_taking: Annotated[
        dict[str, Any], BeforeValidator(_as_turn_taking, json_schema_input_type=str | dict[str, Any])
    ] = Field(
        default_factory=lambda: {"alternate": None},
        description="alternate, round_robin, random, addressed, model, or {moderator: NAME}",
    )
    context: Annotated[
        dict[str, Any] | None, BeforeValidator(_as_context, json_schema_input_type=str | dict[str, Any] | None)
    ] = Field(
        default=None, description="where and why they talk: attributes of a Context, with the same rules as a persona"
    )
    agents: list[AgentSpec] = Field(min_length=2, description="two parties or more; the first one opens")
    environment: Annotated[
        EnvironmentSpec | None,
        BeforeValidator(_as_environment, json_schema_input_type=str | EnvironmentSpec | None),
    ] = Field(
        default=None,
        description="what tools act on, such as orders.py:Orders; agents get its tools by 'environment' (all) or "
        "'environment:NAME' in their tools",
    )
    tasks: list[TaskSpec] = Field(
        default_factory=list, description="dialog i of a run belongs to task i modulo their number"
    )
    sweep: Literal["product", "cycle", "paired"] = Field(
        default="product",
        description="how dialogs take the values of sweeps: all combinations in turn (product), the i-th of each "
        "(cycle), or all combinations with the same people and random numbers under each (paired)",
    )
    repetition: Annotated[int, AfterValidator(_no_single)] = Field(
        default=3, ge=0, description="how often the same words are a loop that ends the dialog, from 2; 0: never"
    )
    guard_retries: int = Field(default=2, ge=0, description="how often a refused draft of a reply is written again")
    gate: Annotated[list[GateSpec], BeforeValidator(_as_list, json_schema_input_type=GateSpec | list[GateSpec])] = (
        Field(default_factory=list)
    )
    gate_retries: int = Field(default=3, ge=0, description="how many more tries a rejected dialog gets")
    limits: LimitsSpec = Field(default_factory=LimitsSpec)
    output: OutputSpec = Field(default_factory=OutputSpec)
