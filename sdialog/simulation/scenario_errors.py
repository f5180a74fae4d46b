"""What is wrong with a scenario, where, and what was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError, near_names
from sdialog.simulation.scenario_yaml import Located, Where

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a scenario.

    Attributes:
        message: what, and how to mend it.
        where: the way to the value.
        line: its line, or None for a scenario that is not from a file.
        file: the file, if it is another one than the scenario's.
    """

    message: str
    where: Where = ()
    line: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        return self.message


class ScenarioError(ConfigError):
    """A scenario cannot be used; lists every problem found, in the order of the file.

    Attributes:
        file: name of the scenario file, or None.
        problems: what is wrong.
    """

    def __init__(self, problems: Sequence[Problem], *, file: str | None = None) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda p: (p.file or "", p.line or 0, str(p.where))))
        super().__init__("\n".join(self._line(problem) for problem in self.problems))

    def _line(self, problem: Problem) -> str:
        place = [problem.file or self.file or "scenario", f"line {problem.line}" if problem.line else ""]
        return f"{', '.join(part for part in place if part)}: {problem.message}"


class Problems:
    """Collects problems, so that a user learns of all of them at once.

    Args:
        located: the scenario with its lines.
        file: its name.
    """

    def __init__(self, located: Located, file: str | None) -> None:
        self.located, self.file = located, file
        self.found: list[Problem] = []

    def at(self, *where: str | int) -> _At:
        """Return a context that turns a UserError in its block into a problem at ``where`` and goes on after it."""
        return _At(self, where)

    def add(self, message: str, where: Where) -> None:
        """Note one problem; what several agents share is told once."""
        problem = Problem(message, where, self.located.line(where), self.located.file(where))
        same = (found for found in self.found if found.message == message)
        if not any(found.where == where or (found.line is not None and found.line == problem.line) for found in same):
            self.found.append(problem)

    def raise_if_any(self) -> None:
        """Raise what was collected.

        Raises:
            ScenarioError: if there is any problem.
        """
        if self.found:
            raise ScenarioError(self.found, file=self.file)


class _At:
    """The context that :meth:`Problems.at` returns."""

    def __init__(self, problems: Problems, where: Where) -> None:
        self.problems, self.where = problems, where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, UserError):
            self.problems.add(str(error), self.where)
        return isinstance(error, UserError)


def schema_problems(error: ValidationError, schema: type[BaseModel], problems: Problems) -> None:
    """Translate what pydantic found into problems with lines and near names."""
    for item in error.errors(include_url=False):
        where = tuple(item["loc"])
        problems.add(_message(item, where, schema), where)


def _message(item: Any, where: Where, schema: type[BaseModel]) -> str:
    path = spelled(where)
    if item["type"] == "extra_forbidden":
        known = _keys_at(schema, where[:-1])
        near = near_names(str(where[-1]), known)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"possible here: {', '.join(sorted(known))}"
        inside = f" in {spelled(where[:-1])}" if where[:-1] else ""
        return f"unknown key {str(where[-1])!r}{inside}; {hint}"
    if item["type"] == "missing":
        inside = f"{spelled(where[:-1])} lacks" if where[:-1] else "the scenario lacks"
        return f"{inside} the key {str(where[-1])!r}"
    text = str(item["msg"]).removeprefix("Value error, ")
    given = item.get("input")
    shown = f", not {given!r}" if isinstance(given, (str, int, float, bool)) and repr(given) not in text else ""
    return f"{path}: {text[0].lower() + text[1:]}{shown}" if path else f"{text}{shown}"


def spelled(where: Where) -> str:
    """Spell the way to a value, such as ``agents[0].persona``.

    Example:
        >>> spelled(("agents", 0, "persona"))
        'agents[0].persona'
    """
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
    return text


def _keys_at(schema: type[BaseModel], where: Where) -> list[str]:
    """Return the keys that the schema knows at a place."""
    from typing import get_args

    from pydantic import BaseModel

    def model_in(annotation: Any) -> type[BaseModel] | None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        return next((found for part in get_args(annotation) if (found := model_in(part))), None)

    current: type[BaseModel] | None = schema
    for step in where:
        if isinstance(step, str) and current is not None and step in current.model_fields:
            current = model_in(current.model_fields[step].annotation)
    return [] if current is None else [f.alias or name for name, f in current.model_fields.items()]
