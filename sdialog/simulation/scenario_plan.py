"""A scenario made ready to run: its names looked up once, its rules drawn for each dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sdialog.core.errors import ConfigError
from sdialog.core.secrets import without_secrets
from sdialog.core.seeds import derive_seed
from sdialog.simulation.conversation import Conduct, Labels
from sdialog.simulation.gate import Gate
from sdialog.simulation.limits import Limits
from sdialog.simulation.plan import Casting, Plan
from sdialog.simulation.prompts_used import prompt_hashes
from sdialog.simulation.repetition import LoopDetector
from sdialog.simulation.scenario_parts import Parts
from sdialog.simulation.scenario_rules import fixed_name
from sdialog.simulation.turn_taking import policy

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.core.attributes import AttributeModel
    from sdialog.core.context import Context
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
    ) -> None:
        self.spec, self.name, self.seed = spec, name, spec.seed
        self.parties, self.conduct, self.context, self.gate = parties, conduct, context, gate
        self.files = dict(files)
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
        personas = [party.persona for party in self.parties if party.persona is not None]
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

    async def cast(self, seed: int, scheduler: Scheduler) -> Casting:
        """Draw personas and context for one dialog."""
        agents = []
        for party in self.parties:
            agent = party.agent
            if party.persona is not None:
                persona = await party.persona.draw(seed, scheduler)
                agent = agent.evolve(persona=persona, name=party.name or getattr(persona, "name", None) or None)
            agents.append(agent)
        context = None if self.context is None else await self.context.draw(seed, scheduler)
        return Casting(agents, self.conduct, Labels(context=cast("Context | None", context), scenario=self.name))


def _model(agent: Agent) -> dict[str, Any]:
    """Return what a plan says of an agent's model: two versions of one local model must not be mixed in a run."""
    from sdialog.llm.canonical import fingerprint

    digest = fingerprint(agent.model)
    return {**agent.model_info, "fingerprint": digest} if digest else dict(agent.model_info)


def plan_of(spec: ScenarioSpec, name: str, folder: Path, problems: Problems) -> ScenarioPlan:
    """Look up every name in a scenario; what is wrong is added to ``problems``."""
    parts, parties = Parts(folder), []
    for position, agent_spec in enumerate(spec.agents):
        party = _party(spec, agent_spec, position, parts, problems)
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
        files=parts.files,
    )


def _context(spec: ScenarioSpec, parts: Parts, problems: Problems) -> Drawn:
    from sdialog.core.context import Context

    rules = dict(spec.context or {})
    parts.rules(rules, Context, problems, "context")
    model, options = parts.model(spec.model)
    return Drawn(Context, rules, model, options, parts.folder, ("context",))


def _party(spec: ScenarioSpec, agent: AgentSpec, position: int, parts: Parts, problems: Problems) -> Party | None:
    here, before = ("agents", position), len(problems.found)
    model, options = None, dict[str, Any]()
    with problems.at(*((*here, "model") if agent.model else ("model",))):
        model, options = parts.model(agent.model or spec.model)
    persona, name = None, agent.name
    if agent.persona is not None:
        with problems.at(*here, "persona"):
            target, rules = parts.persona(agent.persona)
            parts.rules(rules, target, problems, *here, "persona")
            name = agent.name or fixed_name(target, rules, parts.folder)
            _give_name(rules, target, agent.name)
            persona = Drawn(target, rules, model, options, parts.folder, ("persona", position))
    tools, orchestrators = [], []
    for number, tool in enumerate(agent.tools):
        with problems.at(*here, "tools", number):
            tools.append(parts.tool(tool))
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
