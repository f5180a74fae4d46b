"""Environments: the small world that the tools of one dialog act on, built anew for each dialog."""

from __future__ import annotations

import copy
import inspect
import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, validate_call

from sdialog.core.errors import ConfigError, UnknownNameError

STATE_EVENT = ("environment", "state")
"""Action and label of the event that a dialog ends with when its tools acted on an environment."""


class Environment:
    """A store that tools act on, as in tau-bench (Yao et al., 2024); one dialog has one of its own.

    The public methods of a subclass are the tools. What they read and change is ``self.data``, plain data that begins
    as a copy of the fixture. Methods are plain functions; those that fail raise, and the model reads why. Calls are
    made one at a time, and a call that fails changes nothing, for which the data is copied before each call; a large
    store is better kept in a :class:`~sdialog.core.sql_environment.SqlEnvironment`.

    Args:
        fixture: what the store holds at first: a mapping, or a JSON or YAML file; default the class's own ``fixture``,
            where a file name starts beside the module of the class.

    Raises:
        ConfigError: if the fixture cannot be read.

    Example:
        >>> class Shelf(Environment):
        ...     fixture = {"books": ["Emma"]}
        ...     def lend(self, title: str) -> str:
        ...         "Lend a book."
        ...         self.data["books"].remove(title)
        ...         return "lent"
        >>> mine, yours = Shelf(), Shelf()
        >>> mine.call("lend", {"title": "Emma"})
        'lent'
        >>> mine.snapshot(), yours.snapshot()
        ({'books': []}, {'books': ['Emma']})
    """

    fixture: ClassVar[Any] = None

    _offers_no_tools: ClassVar[bool] = True  # of this class itself, whose methods are for its users

    def __init__(self, fixture: Any = None) -> None:
        self._lock = threading.RLock()
        self.data: Any = {}
        self._begin(type(self)._found(fixture))

    def _begin(self, fixture: Any) -> None:
        """Fill the store with what the fixture says."""
        if isinstance(fixture, Path):
            self.data = copy.deepcopy(_read(fixture, fixture.stat().st_mtime_ns))
        else:
            self.data = copy.deepcopy({} if fixture is None else fixture)

    def _plain(self) -> Any:
        """Return the store as plain data."""
        return self.data

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Make a tool call: check the arguments, then run the method.

        An optional argument that is null counts as left out, since models like to spell it that way.

        Args:
            name: the tool.
            arguments: its arguments by name.

        Raises:
            UnknownNameError: if there is no such tool.
            pydantic.ValidationError: if the arguments do not fit.
            Exception: whatever the method raises.
        """
        tools = type(self).tools()
        if name not in tools:
            raise UnknownNameError(f"tool of {type(self).__name__}", name, tools)
        optional = {key for key, p in inspect.signature(tools[name]).parameters.items() if p.default is not p.empty}
        given = {key: value for key, value in arguments.items() if value is not None or key not in optional}
        with self._lock:
            return self._run(_checked(tools[name]), given)

    def _run(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Run a tool; undo what it has changed if it fails."""
        before = copy.deepcopy(self.data)
        try:
            return method(self, **arguments)
        except BaseException:
            self.data = before
            raise

    def snapshot(self, patience: float | None = None) -> Any:
        """Return a copy of the state as plain data: mappings, lists, text, numbers, booleans and None.

        Args:
            patience: seconds to wait for a call that is still being made; None for as long as it takes.

        Raises:
            ConfigError: if the state holds something else.
            TimeoutError: if a call is still being made after that time.
        """
        if not self._lock.acquire(timeout=-1 if patience is None else patience):
            raise TimeoutError("a tool call that took too long was still being made")
        try:
            return as_data(self._plain(), f"the state of {type(self).__name__}")
        finally:
            self._lock.release()

    def state_hash(self) -> str:
        """Return a hash of the state: 32 hex digits, the same for equal states."""
        return data_hash(self.snapshot())

    def close(self) -> None:
        """Let go of what the environment holds; called when its dialog is over."""

    @classmethod
    def tools(cls) -> dict[str, Callable[..., Any]]:
        """Return the methods that are tools, by name: public, written in a subclass, in the order they stand in.

        Raises:
            ConfigError: if one is no plain function.
        """
        kind: Any = cls
        return dict(_tools_of(kind))

    @classmethod
    def fixture_file(cls, given: Any = None) -> Path | None:
        """Return the file that an environment made with ``given`` starts from, or None if it starts from no file."""
        found = cls._found(given)
        return found if isinstance(found, Path) else None

    @classmethod
    def _found(cls, given: Any) -> Any:
        """Return the fixture: a file that exists, or data."""
        if given is not None:
            return _existing(Path(given), Path(), cls) if isinstance(given, (str, Path)) else given
        for base in cls.__mro__:
            own = vars(base).get("fixture")
            if own is not None:
                module = getattr(sys.modules.get(base.__module__), "__file__", None)
                folder = Path(module).parent if module else Path()
                return _existing(Path(own), folder, cls) if isinstance(own, (str, Path)) else own
        return None


@dataclass(frozen=True)
class EnvironmentFactory:
    """How each dialog's environment is made.

    Args:
        kind: the class.
        fixture: what it starts from, if not from the class's own fixture.

    Example:
        >>> class Counter(Environment):
        ...     def add(self, number: int) -> int:
        ...         self.data["n"] += number
        ...         return self.data["n"]
        >>> factory = EnvironmentFactory(Counter, {"n": 2})
        >>> factory().call("add", {"number": 3}), factory().snapshot()
        (5, {'n': 2})
    """

    kind: type[Environment]
    fixture: Any = None

    def __post_init__(self) -> None:
        if not (isinstance(self.kind, type) and issubclass(self.kind, Environment)):
            raise ConfigError(f"{self.kind!r:.80} is no environment; give a class made from Environment")

    def __call__(self) -> Environment:
        """Return a new environment.

        Raises:
            ConfigError: if its fixture cannot be read, or its constructor fails.
        """
        try:
            return self.kind() if self.fixture is None else self.kind(self.fixture)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"{self.name} cannot be made: {type(error).__name__}: {error}") from error

    @property
    def name(self) -> str:
        """What the environment is called in dialogs."""
        return self.kind.__name__


def as_factory(given: Any) -> EnvironmentFactory:
    """Return the factory that a class, a factory or ``file.py:Class`` means.

    Raises:
        ConfigError: if it means none.

    Example:
        >>> class Empty(Environment): ...
        >>> as_factory(Empty).name
        'Empty'
    """
    if isinstance(given, EnvironmentFactory):
        return given
    if isinstance(given, str):
        from sdialog.core.modules import attribute

        given = attribute(given, "environment")
    return EnvironmentFactory(given)


def as_data(value: Any, whose: str) -> Any:
    """Return a copy of plain data, keys as text.

    Raises:
        ConfigError: if it is no plain data; says whose it was.
    """
    try:
        # Not-a-number is not equal to itself, so that no goal with one would ever be reached.
        return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{whose} is no plain data: {error}") from error


def data_hash(data: Any) -> str:
    """Return a hash of plain data that does not depend on the order of keys: 32 hex digits.

    Example:
        >>> data_hash({"a": 1, "b": 2}) == data_hash({"b": 2, "a": 1}) != data_hash({"a": 1})
        True
    """
    return blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=256)
def _tools_of(cls: Any) -> tuple[tuple[str, Callable[..., Any]], ...]:
    own = {*dir(Environment)}
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed(cls.__mro__):
        if "_offers_no_tools" in vars(base) or not issubclass(base, Environment):
            continue
        for name, part in vars(base).items():
            if name.startswith("_") or name in own or not (inspect.isroutine(part) or isinstance(part, property)):
                continue
            if not inspect.isfunction(part) or inspect.iscoroutinefunction(part):
                raise ConfigError(
                    f"{cls.__name__}.{name} is no plain method, as tools of environments are; rename it _{name}"
                )
            found[name] = part
    return tuple(found.items())


@lru_cache(maxsize=256)
def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    # The same leniency as tools that are plain functions have.
    checked: Callable[..., Any] = validate_call(config=ConfigDict(coerce_numbers_to_str=True))(method)
    return checked


def _existing(path: Path, folder: Path, cls: type) -> Path:
    for found in (folder / path, path):
        if found.is_file():
            return found.resolve()
    raise ConfigError(f"the fixture {str(path)!r} of {cls.__name__} is not there; looked in {folder.resolve()}")


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() in (".yaml", ".yml"):
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"the fixture {path} is no YAML: {error}") from error
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the fixture {path}, line {error.lineno}, is no JSON: {error.msg}") from error
    raise ConfigError(f"the fixture {path} is neither .json nor .yaml; .sql is for a SqlEnvironment")
