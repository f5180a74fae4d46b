"""Inspectors of a scenario's agents: which dialog of a run takes which of their choices, and what it records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdialog.agents.inspection import Scene
from sdialog.core.errors import ConfigError, UnsupportedFeatureError
from sdialog.simulation.parties import speaker_names

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.agents.inspection import AgentInspector, InspectorRecipe
    from sdialog.simulation.scenario_errors import Problems
    from sdialog.simulation.scenario_parts import Parts
    from sdialog.simulation.scenario_schema import ScenarioSpec
    from sdialog.simulation.scenario_yaml import Where

RESERVED = ("name", "task", "pair", "steering")


@dataclass(frozen=True)
class Always:
    """The recipe of an inspector that is the same in every dialog.

    Attributes:
        inspector: the inspector.
        type: what the scenario calls it.
    """

    inspector: AgentInspector
    type: str
    choices: int = 1
    label: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    def check(self, scene: Scene) -> None:
        """Check that the agent's model can be looked into.

        Raises:
            UnsupportedFeatureError: if it cannot.
        """
        if "interventions" not in scene.agent.model.features:
            raise UnsupportedFeatureError(f"{scene.agent.model.name} cannot be looked into; use a local model")
        if callable(check := getattr(self.inspector, "check", None)):
            check(scene)

    def make(self, choice: int) -> AgentInspector:
        """Return the inspector."""
        return self.inspector

    def value(self, choice: int) -> Any:
        """Return nothing: there is nothing to choose."""
        return None

    def record(self, choice: int) -> dict[str, Any]:
        """Return what it is."""
        return {"type": self.type}


@dataclass(frozen=True, eq=False)
class Entry:
    """An entry of an agent's inspectors: whose it is, where it stands in the file, what makes it."""

    agent: int
    where: Where
    recipe: InspectorRecipe


@dataclass(frozen=True)
class Taken:
    """What one dialog takes.

    Attributes:
        inspectors: by the agent's position.
        labels: what it records by name, such as its strength.
        record: all that it records of each inspector.
    """

    inspectors: Mapping[int, Sequence[AgentInspector]] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    record: Sequence[tuple[int, Mapping[str, Any]]] = ()


class Inspections:
    """All inspectors of a scenario.

    A dialog takes its choices by its number alone: the same whatever the size and the seed of the run, and each as
    often as the others.

    Args:
        entries: the entries of all agents.
        how: of several that vary, take all combinations in turn (``product``, the last varies fastest), or the i-th
            of each (``cycle``); ``paired`` is ``product`` with the same random numbers under each combination.
    """

    def __init__(self, entries: Sequence[Entry] = (), how: Literal["product", "cycle", "paired"] = "product") -> None:
        self.entries, self.how = tuple(entries), how
        self._known: dict[int, Taken] = {}

    @property
    def sizes(self) -> list[int]:
        """How many choices each entry has."""
        return [entry.recipe.choices for entry in self.entries]

    @property
    def period(self) -> int:
        """After how many dialogs choices come again."""
        return math.lcm(*self.sizes) if self.how == "cycle" else math.prod(self.sizes)

    @property
    def pairs(self) -> bool:
        """Whether dialogs belong together that differ in nothing but what they take."""
        return self.how == "paired" and self.period > 1

    def round_of(self, number: int) -> int:
        """Return which draw of random numbers a dialog has, by its number: its own, if dialogs are not paired."""
        return number // self.period if self.pairs else number

    def check(self, problems: Problems) -> None:
        """Add to ``problems`` sweeps that dialogs could not record or take in step."""
        swept = [entry for entry in self.entries if entry.recipe.choices > 1]
        names = Counter(entry.recipe.label for entry in swept)
        for entry in self.entries:
            with problems.at(*entry.where):
                label = entry.recipe.label
                if label in RESERVED:
                    raise ConfigError(f"{label!r} is recorded for something else; choose another name")
                if entry in swept and names[label] > 1:
                    raise ConfigError(f"several sweeps are recorded as {label!r}; give each a name, such as name: mood")
        sizes = sorted({entry.recipe.choices for entry in swept})
        if self.how == "cycle" and len(sizes) > 1:
            listed = " and ".join(map(str, sizes))
            problems.add(f"sweep: cycle takes values in step, but there are sweeps of {listed} values", ("sweep",))

    def take(self, number: int) -> Taken:
        """Return what a dialog takes, by its number."""
        place = number % self.period if self.entries else 0
        if place not in self._known:
            self._known[place] = self._taken(place)
        return self._known[place]

    def _taken(self, place: int) -> Taken:
        inspectors: dict[int, list[AgentInspector]] = {}
        record = []
        choices = dict(zip(self.entries, self._choices(place), strict=True))
        for entry, choice in choices.items():
            inspectors.setdefault(entry.agent, []).append(entry.recipe.make(choice))
            record.append((entry.agent, entry.recipe.record(choice)))
        return Taken(inspectors, self._labels(choices), record)

    def _choices(self, place: int) -> list[int]:
        if self.how == "cycle":
            return [place % size for size in self.sizes]
        choices = []
        for size in reversed(self.sizes):
            place, choice = divmod(place, size)
            choices.append(choice)
        return choices[::-1]

    def _labels(self, choices: Mapping[Entry, int]) -> dict[str, Any]:
        """Return values by label; of several with one label that which varies, and none if none does."""
        found: dict[str, Any] = {}
        for label in dict.fromkeys(entry.recipe.label for entry in choices if entry.recipe.label):
            same = [entry for entry in choices if entry.recipe.label == label]
            meant = same if len(same) == 1 else [entry for entry in same if entry.recipe.choices > 1]
            if meant:
                found[label] = meant[0].recipe.value(choices[meant[0]])
        return found


def inspections_of(
    spec: ScenarioSpec, parties: Sequence[tuple[Agent, str | None]], parts: Parts, problems: Problems
) -> Inspections:
    """Make what looks into the agents of a scenario; where all else is in order, check that it fits their models.

    Args:
        spec: the scenario.
        parties: agents, and their names where these are not drawn; fewer than the scenario has if some are wrong.
        parts: finds what entries name.
        problems: where what is wrong is added.
    """
    entries = []
    for position, agent in enumerate(spec.agents):
        steering = [entry.entry() for entry in agent.steer]
        for key, listed in (("steer", steering), ("inspectors", agent.inspectors)):
            for number, one in enumerate(listed):
                here = ("agents", position, key, number)
                with problems.at(*here):
                    file = problems.located.file(here)
                    beside = [] if file is None else [Path(file).parent]
                    entries.append(Entry(position, here, parts.inspector(one, *beside)))
    found = Inspections(entries, spec.sweep)
    found.check(problems)
    if not problems.found:
        names = [name for _, name in parties]
        speakers = tuple(speaker_names(names)) if all(names) else None
        for entry in entries:
            own = names[entry.agent] if speakers is None else speakers[entry.agent]
            with problems.at(*entry.where):
                entry.recipe.check(Scene(parties[entry.agent][0], own, speakers, spec.max_turns))
    return found
