"""A scenario made ready to run: its names looked up once, its rules drawn for each dialog."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.secrets import without_secrets
from sdialog.core.seeds import derive_seed
from sdialog.simulation.conversation import Conduct, Labels
from sdialog.simulation.gate import Gate
from sdialog.simulation.limits import Limits
from sdialog.simulation.parties import speaker_names
from sdialog.simulation.plan import Casting, Plan
from sdialog.simulation.prompts_used import prompt_hashes
from sdialog.simulation.repetition import LoopDetector
from sdialog.simulation.scenario_inspectors import Inspections, Taken, inspections_of
from sdialog.simulation.scenario_parts import Parts
from sdialog.simulation.scenario_rules import fixed_name
from sdialog.simulation.turn_taking import policy

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.core.attributes import AttributeModel
    from sdialog.core.context import Context
    from sdialog.core.environment import EnvironmentFactory
    from sdialog.generators.rules import Rule
    from sdialog.llm.scheduler import Scheduler
    from sdialog.simulation.scenario_errors import Problems
    from sdialog.simulation.scenario_schema import AgentSpec, ScenarioSpec


@dataclass(slots=True)
class Drawn:
    """Something with attributes to be drawn anew for each dialog, or once if nothing in it is left to chance.

    Attributes:
        target: class or object to start from.
        rules: rules by attribute.
        model, options: the language model for ``{llm}`` rules.
        folder: where file names in rules start.
        label: names the draw in seeds.
    """

    target: type[AttributeModel] | AttributeModel
    rules: Mapping[str, Any]
    model: Any
    options: Mapping[str, Any]
    folder: Path
    label: tuple[str | int, ...]
    _fixed: AttributeModel | None = field(default=None, init=False)

    async def draw(self, seed: int, scheduler: Scheduler) -> AttributeModel:
        """Return the object for the dialog with this seed."""
        if self._fixed is not None:
            return self._fixed
        from sdialog.generators.attributes import build
        from sdialog.generators.rules import Fixed

        built = await build(
            self.target,
            self.rules,
            seed=derive_seed(seed, *self.label),
            model=self.model,
            options=self.options,
            scheduler=scheduler,
            folder=self.folder,
            key="/".join(map(str, self.label)),
        )
        if self.made_by(Fixed):
            self._fixed = built.value
        return built.value

    def made_by(self, *kinds: type[Rule]) -> bool:
        """Whether every rule is of one of these kinds."""
        from sdialog.generators.rules import parse

        given = (rule for rule in self.rules.values() if rule is not None)
        return all(isinstance(parse(rule, folder=self.folder), kinds) for rule in given)

    @property
    def written(self) -> bool:
        """Whether a model may write a part of it: at an ``{llm}`` rule, or for a function that returns None."""
        from sdialog.generators.rules import Choice, Fixed, FromFile, Range

        return not self.made_by(Fixed, Choice, FromFile, Range)


@dataclass(frozen=True, slots=True)
class Party:
    """One party of the scenario: the agent with all that is fixed, and the persona to be drawn, if any."""

    agent: Agent
    persona: Drawn | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """One of the tasks that dialogs take in turn: its id and goal, and the parties as they are in it."""

    id: str
    goal: Any
    parties: Sequence[Party]

    def record(self) -> dict[str, Any]:
        """Return what a dialog records of it."""
        return {"id": self.id} if self.goal is None else {"id": self.id, "goal": self.goal}


class ScenarioPlan(Plan):
    """What a batch runs for a scenario; made by :meth:`.Scenario.plan`."""

    def __init__(
        self,
        spec: ScenarioSpec,
        name: str,
        parties: list[Party],
        *,
        conduct: Conduct,
        context: Drawn | None,
        gate: Gate,
        files: Mapping[str, str],
        tasks: Sequence[Task] = (),
        inspections: Inspections | None = None,
    ) -> None:
        self.spec, self.name, self.seed = spec, name, spec.seed
        self.parties, self.conduct, self.context, self.gate = parties, conduct, context, gate
        self.files, self.tasks = dict(files), tuple(tasks)
        self.task: Task | None = None
        self.pair: int | None = None
        self.inspections, self.taken = inspections or Inspections(), Taken()
        limits = spec.limits.model_dump(exclude={"turn_timeout"})
        self.limits = Limits(**limits)

    def describe(self) -> dict[str, Any]:
        """Return the scenario without what does not change its dialogs, with hashes of the files it uses."""
        scenario = self.spec.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"limits", "output", "description", "seed"},
            fallback=lambda value: getattr(value, "__qualname__", type(value).__qualname__),  # a function as a rule
        )
        parties = [*self.parties, *(party for task in self.tasks for party in task.parties)]
        personas = [party.persona for party in parties if party.persona is not None]
        kinds = {"persona": personas, "context": [self.context] if self.context else []}
        written = [kind for kind, drawn in kinds.items() if any(one.written for one in drawn)]
        return {
            "scenario": without_secrets({**scenario, "name": self.name}),
            "models": {
                party.name or f"agents[{position}]": _model(party.agent) for position, party in enumerate(self.parties)
            },
            "prompts": prompt_hashes((party.agent for party in self.parties), written),
            "files": dict(sorted(self.files.items())),
        }

    def at(self, index: int) -> ScenarioPlan:
        """Return the plan of a dialog: with its task, and what it takes of sweeps; each trial of a task takes more."""
        if not self.tasks and not self.inspections.entries:
            return self
        one = copy.copy(self)
        one.taken = self.inspections.take(index // max(1, len(self.tasks)))
        one.pair = self.draws(index) if self.inspections.pairs else None
        if self.tasks:
            one.task = self.tasks[index % len(self.tasks)]
            one.parties = list(one.task.parties)
        return one

    def draws(self, index: int) -> int:
        """Return which random numbers a dialog has: in a paired sweep the same under each of its values."""
        trial, task = divmod(index, max(1, len(self.tasks)))
        return self.inspections.round_of(trial) * max(1, len(self.tasks)) + task

    async def cast(self, seed: int, scheduler: Scheduler) -> Casting:
        """Draw personas and context for one dialog."""
        agents = []
        for position, party in enumerate(self.parties):
            agent, changes = party.agent, dict[str, Any]()
            if party.persona is not None:
                persona = await party.persona.draw(seed, scheduler)
                changes = {"persona": persona, "name": party.name or getattr(persona, "name", None) or None}
            if position in self.taken.inspectors:
                changes["inspectors"] = self.taken.inspectors[position]
            agents.append(agent.evolve(**changes) if changes else agent)
        context = None if self.context is None else await self.context.draw(seed, scheduler)
        scenario = self._recorded([agent.name for agent in agents])
        return Casting(agents, self.conduct, Labels(context=cast("Context | None", context), scenario=scenario))

    def _recorded(self, names: Sequence[str | None]) -> Any:
        """Return what a dialog records as its scenario: the name, with the task and what inspectors did, if any."""
        record: dict[str, Any] = {} if self.task is None else {"task": self.task.record()}
        if self.pair is not None:
            record["pair"] = self.pair
        if self.taken.record:
            speakers = speaker_names(names)
            steering = [{"agent": speakers[position], **told} for position, told in self.taken.record]
            record |= {**self.taken.labels, "steering": steering}
        return {"name": self.name, **record} if record else self.name


def _model(agent: Agent) -> dict[str, Any]:
    """Return what a plan says of an agent's model: two versions of one local model must not be mixed in a run."""
    from sdialog.llm.canonical import fingerprint

    digest = fingerprint(agent.model)
    return {**agent.model_info, "fingerprint": digest} if digest else dict(agent.model_info)


def plan_of(spec: ScenarioSpec, name: str, folder: Path, problems: Problems) -> ScenarioPlan:
    """Look up every name in a scenario; what is wrong is added to ``problems``."""
    parts, parties = Parts(folder), []
    environment = _environment(spec, parts, problems)
    for position, agent_spec in enumerate(spec.agents):
        party = _party(spec, agent_spec, position, parts, problems, environment)
        if party is not None:
            parties.append(party)
    conduct = Conduct(
        max_turns=spec.max_turns,
        guard_retries=spec.guard_retries,
        turn_timeout=spec.limits.turn_timeout,
        loops=LoopDetector(spec.repetition),
    )
    with problems.at("turn_taking"):
        taking = policy(spec.turn_taking)
        names = [party.name for party in parties]
        if len(parties) == len(spec.agents) and all(names):
            taking.check([str(given) for given in names])
        conduct = replace(conduct, turn_taking=taking)
    context = None
    if spec.context is not None:
        with problems.at("context"):
            context = _context(spec, parts, problems)
    checks = []
    for position, gate_spec in enumerate(spec.gate):
        with problems.at("gate", position):
            checks.append(parts.check(gate_spec))
    return ScenarioPlan(
        spec,
        name,
        parties,
        conduct=conduct,
        context=context,
        gate=Gate(tuple(checks), spec.gate_retries),
        tasks=_tasks(spec, parties, parts, problems) if len(parties) == len(spec.agents) else (),
        inspections=inspections_of(spec, [(party.agent, party.name) for party in parties], parts, problems),
        files=parts.files,
    )


def _environment(spec: ScenarioSpec, parts: Parts, problems: Problems) -> EnvironmentFactory | None:
    if spec.environment is None:
        return None
    if not any(tool.partition(":")[0] == "environment" for agent in spec.agents for tool in agent.tools):
        problems.add("no agent has a tool of the environment; write 'tools: environment' at one", ("environment",))
    with problems.at("environment"):
        return parts.environment(spec.environment)
    return None


def _tasks(spec: ScenarioSpec, parties: list[Party], parts: Parts, problems: Problems) -> list[Task]:
    """Make the tasks: for each the parties, with personas as they are in it."""
    known = {str(position): position - 1 for position in range(1, len(parties) + 1)}
    known |= {str(party.name): position for position, party in reversed([*enumerate(parties)]) if party.name}
    tasks: list[Task] = []
    for number, task in enumerate(spec.tasks):
        if any(other.id == task.id for other in tasks):
            problems.add(f"two tasks have the id {task.id!r}; rename one", ("tasks", number, "id"))
        changed = list(parties)
        for name, given in task.personas.items():
            here = ("tasks", number, "personas", name)
            with problems.at(*here):
                if name not in known:
                    raise UnknownNameError("agent", name, known)
                position = known[name]
                agent = spec.agents[position]
                if agent.system_prompt is not None:
                    raise ConfigError("this agent has a system_prompt, and so no persona")
                own = agent.model_copy(update={"persona": {**(agent.persona or {}), **given}})
                model, options = parts.model(agent.model or spec.model)
                persona, called = _persona(own, position, parts, problems, here, (model, options))
                changed[position] = Party(parties[position].agent, persona, called)
        tasks.append(Task(task.id, task.goal, changed))
    return tasks


def _persona(
    agent: AgentSpec,
    position: int,
    parts: Parts,
    problems: Problems,
    here: tuple[str | int, ...],
    model: tuple[Any, Mapping[str, Any]],
) -> tuple[Drawn, str | None]:
    """Return the persona to be drawn, and the agent's name if it is always the same."""
    target, rules = parts.persona(agent.persona or {})
    parts.rules(rules, target, problems, *here)
    name = agent.name or fixed_name(target, rules, parts.folder)
    _give_name(rules, target, agent.name)
    return Drawn(target, rules, *model, parts.folder, ("persona", position)), name


def _context(spec: ScenarioSpec, parts: Parts, problems: Problems) -> Drawn:
    from sdialog.core.context import Context

    rules = dict(spec.context or {})
    parts.rules(rules, Context, problems, "context")
    model, options = parts.model(spec.model)
    return Drawn(Context, rules, model, options, parts.folder, ("context",))


def _party(
    spec: ScenarioSpec,
    agent: AgentSpec,
    position: int,
    parts: Parts,
    problems: Problems,
    environment: EnvironmentFactory | None,
) -> Party | None:
    here, before = ("agents", position), len(problems.found)
    model, options = None, dict[str, Any]()
    with problems.at(*((*here, "model") if agent.model else ("model",))):
        model, options = parts.model(agent.model or spec.model)
    persona, name = None, agent.name
    if agent.persona is not None:
        with problems.at(*here, "persona"):
            persona, name = _persona(agent, position, parts, problems, (*here, "persona"), (model, options))
    tools, orchestrators = [], []
    for number, tool in enumerate(agent.tools):
        with problems.at(*here, "tools", number):
            tools.append(parts.tool(tool, environment))
    for number, orchestrator in enumerate(agent.orchestrators):
        with problems.at(*here, "orchestrators", number):
            orchestrators.append(parts.orchestrator(orchestrator))
    if agent.persona is not None and agent.system_prompt is not None:
        problems.add("give a persona or a system_prompt, not both", (*here, "system_prompt"))
    if len(problems.found) > before:
        return None
    with problems.at(*here):
        parts_of_it = {"name": name, "model": model, "tools": tools or None, "orchestrators": orchestrators or None}
        return Party(_agent(agent, parts_of_it, options), persona, name)
    return None


def _agent(spec: AgentSpec, parts: Mapping[str, Any], options: Mapping[str, Any]) -> Agent:
    """Make the agent of its keys, the parts they name, and options for its model.

    Raises:
        ConfigError: if an option of the model is an argument of the agent.
    """
    from sdialog.agents import Agent

    plain = ("system_prompt", "first_utterance", "dialogue_details", "can_finish", "max_tool_rounds", "tool_timeout")
    arguments = {**parts, **{key: getattr(spec, key) for key in plain}, "think": spec.think}
    if spec.response_details is not None:
        arguments["response_details"] = spec.response_details
    for option, value in options.items():
        if option == "think":  # of the model in general; the agent's own wish comes first
            arguments["think"] = value if spec.think is None else spec.think
        elif option in (*arguments, "persona", "context", "example_dialogs", "response_details"):
            raise ConfigError(f"{option!r} is no option of a model; as a key of the agent it stands beside 'model'")
        else:
            arguments[option] = value
    return Agent(**arguments)


def _give_name(rules: dict[str, Any], target: type[AttributeModel] | AttributeModel, name: str | None) -> None:
    """Let a persona without a name bear that of its agent."""
    cls = target if isinstance(target, type) else type(target)
    held = rules.get("name") or (None if isinstance(target, type) else getattr(target, "name", None))
    if name is not None and not held and "name" in cls.model_fields:
        rules["name"] = name
