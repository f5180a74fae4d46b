"""What a batch makes: a plan casts each dialog from its seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.secrets import without_secrets
from sdialog.llm.canonical import identity
from sdialog.simulation.conversation import Conduct, Labels
from sdialog.simulation.gate import Gate
from sdialog.simulation.limits import Limits
from sdialog.simulation.prompts_used import prompt_hashes
from sdialog.simulation.turn_taking import policy

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.llm.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Casting:
    """Who and what one dialog needs.

    Attributes:
        agents: the parties.
        conduct: the rules.
        labels: what is recorded beside the turns; the batch sets the id.
    """

    agents: Sequence[Agent]
    conduct: Conduct = field(default_factory=Conduct)
    labels: Labels = field(default_factory=Labels)


class Plan(ABC):
    """Everything about a run but its size and place.

    Attributes:
        name: what to call it.
        seed: seed of the run, unless the caller gives one.
        limits: how much, how long, how many at once.
        gate: what finished dialogs must satisfy.
    """

    name: str = "run"
    seed: int = 13
    limits: Limits = Limits()
    gate: Gate = Gate()

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return, as plain data without secrets, all that the dialogs depend on; a resumed run must match it."""

    def check(self) -> None:  # noqa: B027 - most plans have nothing left to look up
        """Find out, before anything is written, what would fail in every dialog of the run.

        Raises:
            UserError: if something would; says what and the cure.
        """

    def at(self, index: int) -> Plan:
        """Return the plan of one dialog of the run, where dialogs differ by their number; else this plan.

        Args:
            index: number of the dialog, from 0.
        """
        return self

    def draws(self, index: int) -> int:
        """Return which random numbers a dialog of the run has: dialogs with equal ones have equal seeds.

        Args:
            index: number of the dialog, from 0.
        """
        return index

    @abstractmethod
    async def cast(self, seed: int, scheduler: Scheduler) -> Casting:
        """Return who talks in the dialog with this seed, the same for the same seed.

        Args:
            seed: seed of the dialog.
            scheduler: for model calls, such as those that write personas; what they cost is counted.
        """


class AgentsPlan(Plan):
    """The same agents in every dialog, for use from Python.

    Args:
        agents: the parties.
        conduct: the rules.
        labels: what is recorded beside the turns.
        limits: how much, how long, how many at once.
        gate: what finished dialogs must satisfy.
        name: what to call it.
        seed: seed of the run.

    Example:
        >>> from sdialog.agents import Agent
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> model = ScriptedModel(["Hello there.", "Goodbye. STOP"])
        >>> AgentsPlan([Agent(name="Ana", model=model), Agent(name="Ben", model=model)]).describe()["max_turns"]
        100
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        conduct: Conduct | None = None,
        labels: Labels | None = None,
        limits: Limits | None = None,
        gate: Gate | None = None,
        name: str = "run",
        seed: int = 13,
    ) -> None:
        self.agents, self.conduct, self.labels = tuple(agents), conduct or Conduct(), labels or Labels()
        self.limits, self.gate, self.name, self.seed = limits or Limits(), gate or Gate(), name, seed

    def describe(self) -> dict[str, Any]:
        """Return agents and rules as plain data."""
        from sdialog.agents.describe import agent_dependencies

        taking = policy(self.conduct.turn_taking)
        return {
            "name": self.name,
            "agents": [without_secrets(agent_dependencies(agent)) for agent in self.agents],
            "models": [identity(agent.model) for agent in self.agents],
            "max_turns": self.conduct.max_turns,
            "guards": [guard.name for guard in self.conduct.guards],
            "guard_retries": self.conduct.guard_retries,
            "repetition": self.conduct.loops.repeats,
            "turn_taking": {type(taking).__name__: taking.describe()},
            "context": str(self.labels.context) if self.labels.context is not None else None,
            "example_dialogs": [str(example) for example in self.labels.example_dialogs or ()],
            "gate": [[check.name, check.on_fail] for check in self.gate.checks],
            "gate_retries": self.gate.retries,
            "prompts": prompt_hashes(self.agents),
        }

    def check(self) -> None:
        """Find out whether the agents' inspectors fit their models.

        Raises:
            UserError: if one does not.
        """
        from sdialog.agents.inspection import Scene

        names = [agent.name for agent in self.agents if agent.name is not None]
        speakers = tuple(names) if len(names) == len(self.agents) else None
        for agent in self.agents:
            for inspector in agent.inspectors:
                if callable(check := getattr(inspector, "check", None)):
                    check(Scene(agent, agent.name, speakers, self.conduct.max_turns))

    async def cast(self, seed: int, scheduler: Scheduler) -> Casting:
        """Return the agents; they are the same for every seed."""
        return Casting(self.agents, self.conduct, self.labels)
