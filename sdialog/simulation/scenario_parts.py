"""From the names in a scenario to the parts they mean: models, personas, tools, orchestrators, validators."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sdialog.agents.inspection import AgentInspector, InspectorRecipe, inspectors
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.modules import from_file
from sdialog.core.validators import validators
from sdialog.simulation.gate import Check, check
from sdialog.simulation.scenario_inspectors import Always
from sdialog.simulation.scenario_rules import checked_rule

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel
    from sdialog.core.environment import EnvironmentFactory
    from sdialog.orchestrators import BaseOrchestrator
    from sdialog.simulation.scenario_errors import Problems
    from sdialog.simulation.scenario_schema import EnvironmentSpec, GateSpec, InspectorSpec, ModelSpec, OrchestratorSpec

_SCRIPTED = "scripted:"
_ENVIRONMENT = "environment"


class Contains:
    """The condition behind ``when_contains``: do the other side's words contain one of these?

    Example:
        >>> Contains(["refund", "money back"])("I want my MONEY back!")
        True
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [word.casefold() for word in words]

    def __call__(self, utterance: str) -> bool:
        """Return whether ``utterance`` contains one of the words, in any letter case."""
        heard = (utterance or "").casefold()
        return any(word in heard for word in self.words)

    def __repr__(self) -> str:
        return f"Contains({self.words!r})"


class Parts:
    """Finds parts by name, relative to a scenario's folder, and notes the files it read.

    Args:
        folder: where relative file names start.

    Attributes:
        files: hash of each file whose content the dialogs depend on, by its name as the scenario spells it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self._models: dict[str, Any] = {}

    def model(self, spec: ModelSpec | None) -> tuple[Any, dict[str, Any]]:
        """Return a model (an object, a name or None for the settings' one) and options for it."""
        if spec is None:
            return None, {}
        options = spec.options()
        script = self._script(spec)
        if script is None:
            if spec.name is not None:
                from sdialog.llm.get import resolve

                resolve(spec.name, **options)
            return spec.name, options
        from sdialog.backends.scripted import ScriptedModel
        from sdialog.llm.types import GenerateConfig

        # A script gives no heed to sampling, but a model of the same scenario may have been told about it.
        sampling = {name: options.pop(name) for name in list(options) if name in GenerateConfig.__dataclass_fields__}
        key = repr((spec.name, spec.replies, sorted(options.items())))
        if key not in self._models:
            label = "scenario" if spec.name is None else spec.name.removeprefix(_SCRIPTED)
            self._models[key] = _called(
                ScriptedModel, "a scripted model", {"replies": script, "label": label, **options}
            )
        return self._models[key], sampling

    def _script(self, spec: ModelSpec) -> Any:
        if spec.replies is not None:
            return spec.replies
        if spec.name is None or not spec.name.lower().startswith(_SCRIPTED):
            return None
        return self._file(spec.name[len(_SCRIPTED) :], "script")

    def persona(self, given: Mapping[str, Any]) -> tuple[type[AttributeModel] | AttributeModel, dict[str, Any]]:
        """Return the class or library persona to start from, and the rules for its attributes, not checked yet."""
        from sdialog.personas import library
        from sdialog.personas.classes import checked_class, find_class

        rules = dict(given)
        origin, kind = rules.pop("from", None), rules.pop("type", None)
        if origin is not None and kind is not None:
            raise ConfigError(
                "a persona starts from a library persona ('from') or from a class ('type'), not from both"
            )
        target: type[AttributeModel] | AttributeModel
        if origin is not None:
            target = library.load(str(origin), self.folder)
            self._note(str(origin), library.path(str(origin), self.folder))
        else:
            named = str(kind or "Persona")
            own = self._from_file(named, "persona class")
            target = find_class(named) if own is None else checked_class(named, own)
        return target, rules

    def rules(
        self,
        rules: Mapping[str, Any],
        target: type[AttributeModel] | AttributeModel,
        problems: Problems,
        *where: str | int,
    ) -> None:
        """Check the rules of a class's attributes, each at its own line, and note the files they draw from."""
        from sdialog.generators.rules import FromFile

        cls = target if isinstance(target, type) else type(target)
        for name, value in rules.items():
            with problems.at(*where, name):
                rule = checked_rule(name, value, cls, self.folder)
                if isinstance(rule, FromFile):
                    self._note(Path(os.path.relpath(rule.path, self.folder)).as_posix(), rule.path)

    def environment(self, spec: EnvironmentSpec) -> EnvironmentFactory:
        """Return the factory of the environment, and note the files it is made of.

        Raises:
            ConfigError: if it is no environment, or none can be made.
        """
        from sdialog.core.environment import EnvironmentFactory

        kind = self.attribute(spec.type, "environment")
        fixture: Any = spec.fixture
        if isinstance(fixture, str) and len(fixture.split()) == 1:  # more words are SQL
            fixture = self._file(fixture, "fixture")
        factory = EnvironmentFactory(kind, fixture)
        file = factory.kind.fixture_file() if fixture is None else None  # a given one has been noted by its name
        if file is not None:
            self._note(Path(os.path.relpath(file, self.folder.resolve())).as_posix(), file)
        factory().close()
        return factory

    def tool(self, name: str, environment: EnvironmentFactory | None = None) -> Any:
        """Return the tool that ``module:function`` or ``file.py:function`` means.

        ``environment`` means all tools of the scenario's environment, ``environment:NAME`` one of them.
        """
        from sdialog.agents.tools import as_tool

        if name == _ENVIRONMENT or name.startswith(f"{_ENVIRONMENT}:"):
            from sdialog.agents.environment_tools import environment_tools

            if environment is None:
                raise ConfigError(f"tool {name!r}: the scenario has no sound 'environment' that it could act on")
            wanted = name.partition(":")[2]
            return environment_tools(environment, [wanted])[0] if wanted else environment
        tool = self.attribute(name, "tool")
        as_tool(tool)
        return tool

    def orchestrator(self, spec: OrchestratorSpec) -> BaseOrchestrator:
        """Return the orchestrator with its arguments."""
        from sdialog.orchestrators import BaseOrchestrator, orchestrators

        kind: Any = self._from_file(spec.type, "orchestrator") or orchestrators.get(spec.type)
        if not (isinstance(kind, type) and issubclass(kind, BaseOrchestrator)):
            raise ConfigError(f"{spec.type} is no orchestrator: a class made from BaseOrchestrator")
        options = spec.options()
        if spec.when_contains is not None:
            if "condition" not in inspect.signature(kind).parameters:
                raise ConfigError(f"{spec.type} takes no condition, so 'when_contains' has no use with it")
            options["condition"] = Contains(spec.when_contains)
        condition = options.get("condition")
        if isinstance(condition, str):
            options["condition"] = self.attribute(condition, "condition")
        made: BaseOrchestrator = _called(kind, spec.type, options)
        return made

    def check(self, spec: GateSpec) -> Check:
        """Return the gate's check."""
        found = self._from_file(spec.validator, "validator")
        if found is None:
            found = validators.get(spec.validator)
        options = spec.options()
        if isinstance(options.get(_ENVIRONMENT), str):
            options[_ENVIRONMENT] = self.attribute(options[_ENVIRONMENT], _ENVIRONMENT)
        return check(found, spec.validator, options, spec.on_fail)

    def inspector(self, spec: InspectorSpec, *first: Path) -> InspectorRecipe:
        """Return what makes the inspectors of an agent, and note the files it was read from.

        Args:
            spec: the entry.
            first: folders to look for files in before the scenario's.
        """
        if ":" in spec.type:
            found = self._from_file(spec.type, "inspector") or self.attribute(spec.type, "inspector")
            made: Any = _called(found, spec.type, spec.options())
            if isinstance(made, AgentInspector):
                made = Always(made, spec.type)
        else:
            made = inspectors.get(spec.type)(spec.options(), (*first, self.folder, Path()))
        if not isinstance(made, InspectorRecipe):
            raise ConfigError(f"{spec.type} makes no inspector: that has interventions(call) and received(...)")
        for name, path in made.files.items():
            self._note(name, path)
        return made

    def attribute(self, name: str, kind: str) -> Any:
        """Return what ``module:name`` or ``file.py:name`` means.

        Raises:
            ConfigError: if the name is not of that form, or the module cannot be imported.
            UnknownNameError: if the module has no such attribute; lists near names.
        """
        module_name, colon, attribute = name.rpartition(":")
        if not (colon and module_name and attribute):
            raise ConfigError(
                f"{kind} {name!r}: write module:function, or file.py:function for a file beside the scenario"
            )
        module = self._module(module_name, kind)
        if not hasattr(module, attribute):
            own = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
            raise UnknownNameError(f"{kind} in {module_name}", attribute, own)
        return getattr(module, attribute)

    def _from_file(self, name: str, kind: str) -> Any:
        return self.attribute(name, kind) if ".py:" in name else None

    def _module(self, name: str, kind: str) -> ModuleType:
        if not name.endswith(".py"):
            try:
                return importlib.import_module(name)
            except ImportError as error:
                beside = (self.folder / f"{name}.py").is_file()
                hint = f"; for the file beside the scenario write {name}.py:..." if beside else ""
                raise ConfigError(f"{kind} module {name!r} cannot be imported: {error}{hint}") from error
            except (Exception, SystemExit) as error:
                raise ConfigError(f"{kind} module {name!r} fails when imported: {_named(error)}") from error
        path = self._file(name, f"{kind} file")
        return from_file(path)

    def _file(self, name: str, kind: str) -> Path:
        for path in (self.folder / name, Path(name)):
            if path.is_file():
                self._note(name, path)
                return path.resolve()
        beside = [p.name for p in self.folder.iterdir() if p.is_file()] if self.folder.is_dir() else []
        raise UnknownNameError(kind, name, beside, f"Looked in {self.folder} and the working folder.")

    def _note(self, name: str, path: Path) -> None:
        self.files[name] = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _called(kind: Callable[..., Any], name: str, options: Mapping[str, Any]) -> Any:
    known = [p for p in inspect.signature(kind).parameters if p != "self"]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"argument of {name}", option, known)
    try:
        return kind(**options)
    except UserError:
        raise
    except Exception as error:
        raise ConfigError(f"{name} cannot be made: {error}") from error


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
