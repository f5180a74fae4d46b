"""Scenario files: who talks, about what, by which rules, as YAML."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sdialog.core.errors import ConfigError, UnknownNameError, UserError, near_names
from sdialog.simulation.scenario_errors import Problems, schema_problems
from sdialog.simulation.scenario_parts import Parts
from sdialog.simulation.scenario_plan import ScenarioPlan, plan_of
from sdialog.simulation.scenario_rules import fixed_name
from sdialog.simulation.scenario_schema import AgentSpec, ScenarioSpec
from sdialog.simulation.scenario_yaml import Located, Where, read_yaml

_HERE = Path(__file__).resolve().parent
# An installed package carries the shipped scenarios beside this module; a checkout has them in its top folder.
_PLACES = (_HERE / "scenarios", _HERE.parent.parent / "scenarios")


class Scenario:
    """A scenario, read and checked for its form.

    Making one checks keys and types; :meth:`validate` also looks up every name in it; :meth:`plan` makes what a batch
    runs. Nothing of this loads a model.

    Args:
        located: the data with lines.
        file: the file it is from, or None.

    Attributes:
        spec: the keys.
        file: the file, or None.
        folder: where file names in it start.

    Raises:
        ScenarioError: if a key is unknown, missing or of the wrong type; names line and near names.

    Example:
        >>> scenario = Scenario.from_dict({"agents": [{"name": "Ana"}, {"name": "Ben"}], "max_turns": 6})
        >>> scenario.spec.max_turns, scenario.name
        (6, 'scenario')
    """

    def __init__(self, located: Located, file: Path | None = None) -> None:
        self.file, self.folder, self._located = file, file.parent if file else Path(), located
        problems = Problems(located, str(file) if file else None)
        if not isinstance(located.data, Mapping):
            problems.add("a scenario is a mapping of keys such as 'agents'", ())
            problems.raise_if_any()
        try:
            self.spec = ScenarioSpec.model_validate(located.data)
        except ValidationError as error:
            schema_problems(error, ScenarioSpec, problems)
            problems.raise_if_any()
            raise

    @classmethod
    def from_file(cls, path: str | Path) -> Scenario:
        """Read a scenario file, or a shipped scenario by its name.

        Args:
            path: a YAML (or JSON) file; or a name such as ``support-desk``.

        Raises:
            UnknownNameError: if there is no such file and no such shipped scenario.
            DialogFormatError: if the file is not YAML.
            ScenarioError: if its keys are wrong.

        Example:
            >>> Scenario.from_file("panel").name
            'panel'
        """
        file = _find(path)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file} is not UTF-8 text: {error}") from error
        return cls(read_yaml(text, file=str(file)), file)

    @classmethod
    def from_text(cls, text: str) -> Scenario:
        """Read a scenario from YAML text; errors as in :meth:`from_file`."""
        return cls(read_yaml(text))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scenario:
        """Make a scenario of plain data; errors as in :meth:`from_file`, without lines."""
        return cls(Located(dict(data), {}))

    @staticmethod
    def schema() -> dict[str, Any]:
        """Return the JSON schema of scenario files, for editors.

        Example:
            >>> Scenario.schema()["required"]
            ['agents']
        """
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **ScenarioSpec.model_json_schema(by_alias=True),
            "title": "sdialog scenario",
        }

    @property
    def name(self) -> str:
        """Its name: as written, else the file's."""
        return self.spec.name or (self.file.stem if self.file else "scenario")

    def evolve(self, *, model: str | None = None, models: Mapping[str, str] | None = None, **changes: Any) -> Scenario:
        """Return a copy with some keys changed.

        Args:
            model: model of every agent that names none of its own.
            models: model of single agents, by what :meth:`agent_positions` knows them by.
            changes: other top-level keys, such as ``max_turns`` or ``seed``; None leaves a key as it is.

        Raises:
            UnknownNameError: if ``models`` names no agent.
            ScenarioError: if a change does not fit.
        """
        data = copy.deepcopy(dict(self._located.data))
        data.update({key: value for key, value in changes.items() if value is not None})
        places: list[Where] = [(key,) for key, value in changes.items() if value is not None]
        if model is not None:
            data["model"] = _renamed(data.get("model"), model)
            places.append(("model",))
        if models:
            known = self.agent_positions()
            for name, wanted in models.items():
                if name not in known:
                    raise _unknown_agent(name, known)
                data["agents"][known[name]]["model"] = wanted
                places.append(("agents", known[name], "model"))
        return Scenario(self._located.changed(data, places), self.file)

    def steered(self, path: str | Path) -> Scenario:
        """Return a copy whose agents are steered as a file says, besides what the scenario itself says.

        Args:
            path: a YAML file with a key for each agent, by what :meth:`agent_positions` knows them by; what it holds
                is what stands under ``steer`` in a scenario. Files that it names are looked for beside it.

        Raises:
            ScenarioError: naming the file, if it names no agent or an entry is wrong.
            DialogFormatError: if it is not YAML.
        """
        file = Path(path)
        try:
            located = read_yaml(file.read_text(encoding="utf-8-sig"), file=str(file))
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file} is not UTF-8 text: {error}") from error
        problems, known = Problems(located, str(file)), self.agent_positions()
        if not isinstance(located.data, Mapping) or not located.data:
            problems.add("it holds a key for each agent to steer, and under it what 'steer' holds in a scenario", ())
            problems.raise_if_any()
        changed = self._located
        for name, given in located.data.items():
            with problems.at(str(name)):
                if str(name) not in known:
                    raise _unknown_agent(str(name), known)
                changed = _with_steering(changed, known[str(name)], given, located, (str(name),), str(file))
        problems.raise_if_any()
        return Scenario(changed, self.file)

    def agent_positions(self) -> dict[str, int]:
        """Return where in ``agents`` each agent stands, by all it can be addressed by.

        That is its position counted from 1, its ``name``, and the name of its persona unless that is drawn.

        Example:
            >>> scenario = Scenario.from_dict({"agents": [{"persona": {"name": ["Ana", "Eva"]}}, {"name": "Ben"}]})
            >>> scenario.agent_positions()
            {'1': 0, '2': 1, 'Ben': 1}
        """
        positions = {str(position): position - 1 for position in range(1, len(self.spec.agents) + 1)}
        names = [(position, name) for position, agent in enumerate(self.spec.agents) for name in self._names(agent)]
        # A name wins over a position, and the first of several agents with one name over the others.
        return positions | dict(sorted({name: position for position, name in reversed(names)}.items()))

    def _names(self, agent: AgentSpec) -> list[str]:
        found = [agent.name] if agent.name else []
        if agent.persona is not None:
            with suppress(UserError):  # a wrong persona is told of when the scenario is planned
                named = fixed_name(*Parts(self.folder).persona(agent.persona), self.folder)
                found += [named] if named else []
        return found

    def validate(self) -> None:
        """Look up every name in the scenario.

        Raises:
            ScenarioError: listing everything that is wrong, with lines and near names.
        """
        self.plan()

    def plan(self) -> ScenarioPlan:
        """Return what a batch runs.

        Raises:
            ScenarioError: if a name in the scenario means nothing.
        """
        return self._plan

    @cached_property
    def _plan(self) -> ScenarioPlan:
        problems = Problems(self._located, str(self.file) if self.file else None)
        plan = plan_of(self.spec, self.name, self.folder, problems)
        problems.raise_if_any()
        return plan


def _with_steering(whole: Located, position: int, given: Any, other: Located, at: Where, file: str) -> Located:
    """Return a scenario's data with more steering of one agent, from another file."""
    data = copy.deepcopy(dict(whole.data))
    agent = data["agents"][position]
    before = agent.get("steer") or []
    steer = [before] if isinstance(before, Mapping) else list(before)
    several = isinstance(given, list)
    for number, entry in enumerate(given if several else [given]):
        steer.append(entry)
        place = ("agents", position, "steer", len(steer) - 1)
        whole = whole.grafted(data, place, other, (*at, number) if several else at, file)
    agent["steer"] = steer
    return Located(data, whole.lines, whole.files)


def _unknown_agent(name: str, known: Mapping[str, int]) -> UnknownNameError:
    # Without near names the error lists all by itself.
    listed = f"Agents here, by position or name: {', '.join(known)}." if near_names(name, known) else ""
    return UnknownNameError("agent", name, known, listed)


def shipped() -> dict[str, Path]:
    """Return the scenarios that come with sdialog, by name.

    Example:
        >>> "support-desk" in shipped()
        True
    """
    for place in _PLACES:
        if place.is_dir():
            return {path.stem: path for path in sorted(place.glob("*.yaml")) if not path.stem.endswith("-script")}
    return {}


def _find(path: str | Path) -> Path:
    file = Path(path)
    if file.is_file():
        return file
    if str(path) in shipped():
        return shipped()[str(path)]
    folder = file.parent if file.parent.is_dir() else Path()
    beside = [str(p) for p in folder.glob("*.y*ml")]
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; name a scenario file in it")
    raise UnknownNameError("scenario", str(path), [*shipped(), *beside], "Give a file, or one of these names.")


def _renamed(old: Any, name: str) -> dict[str, Any]:
    """Return the model's options under another name; what belongs to the old model's service is dropped."""
    kept = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "frequency_penalty", "presence_penalty", "stop")
    return {"name": name, **({key: old[key] for key in kept if key in old} if isinstance(old, Mapping) else {})}
