"""Named parts found by listing, loaded by name: the one door for built-ins and plug-ins."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from sdialog.core.errors import ConfigError, SDialogError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Parts of one kind, by name.

    A name is looked up, in this order, among what was registered in this process, the modules of ``folder``, and
    the entry points of installed packages in the group of the same name. Listing imports nothing: a built-in is
    known by its file name and imported when asked for. A module registers its part with :meth:`register`.

    Args:
        kind: what one part is called in messages, such as ``"backend"``.
        folder: dotted name of the package whose modules are the built-ins, such as ``"sdialog.backends"``; it is
            also the entry-point group.

    Example:
        >>> shapes: Registry[type] = Registry("shape", "sdialog.no_such_folder")
        >>> @shapes.register("square")
        ... class Square: ...
        >>> shapes.get("square") is Square
        True
    """

    def __init__(self, kind: str, folder: str) -> None:
        self.kind, self.folder = kind, folder
        self._parts: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._origins: dict[str, str] = {}

    def register(self, name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Return a decorator that files a part under ``name``.

        Raises:
            ConfigError: if another part already holds the name.
        """

        def keep(part: T) -> T:
            origin = f"{getattr(part, '__module__', '?')}.{getattr(part, '__qualname__', part)}"
            held = self._origins.get(name)
            if held is not None and held != origin:
                raise ConfigError(f"two {self.kind}s want the name {name!r}: {held} and {origin}; rename one")
            for alias in aliases:
                if alias in self._parts or self._aliases.get(alias, name) != name:
                    raise ConfigError(f"{self.kind} {name!r} wants the alias {alias!r}, which is taken; choose another")
            self._parts[name], self._origins[name] = part, origin
            self._aliases.update(dict.fromkeys(aliases, name))
            return part

        return keep

    def names(self) -> list[str]:
        """Return every name that :meth:`get` would find, sorted, without importing any part."""
        return sorted({*self._parts, *self._folder_modules(), *(point.name for point in self._entry_points())})

    def get(self, name: str) -> T:
        """Return the part called ``name``, importing its module if need be.

        ``module:attribute`` names a part anywhere on the import path.

        Raises:
            UnknownNameError: if nothing has that name.
            ConfigError: if a module does not register what its name promises, or a plug-in clashes with a built-in.
        """
        name = self._aliases.get(name, name)
        if name in self._parts:
            return self._parts[name]
        if ":" in name:
            return self._by_path(name)
        if name in self._folder_modules():
            importlib.import_module(f"{self.folder}.{name}")
            if name not in self._parts:
                raise ConfigError(f"module {self.folder}.{name} does not register a {self.kind} named {name!r}")
            return self._parts[name]
        points = [point for point in self._entry_points() if point.name == name]
        if len(points) > 1:
            packages = " and ".join(sorted(_package(point) for point in points))
            raise ConfigError(f"the packages {packages} both offer a {self.kind} named {name!r}; uninstall one")
        if points:
            return self.register(name)(self._loaded(points[0]))
        raise UnknownNameError(self.kind, name, [*self.names(), *self._aliases])

    def __contains__(self, name: object) -> bool:
        known_already = name in self._parts or name in self._aliases
        return known_already or (isinstance(name, str) and name in self.names())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _by_path(self, path: str) -> T:
        module_name, _, attribute = path.partition(":")
        try:
            found: Any = importlib.import_module(module_name)
            for step in attribute.split("."):
                found = getattr(found, step)
        except SDialogError:
            raise
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{self.kind} {path!r} cannot be loaded: {error}") from error
        part: T = found
        return part

    def _folder_modules(self) -> list[str]:
        try:
            package = importlib.import_module(self.folder)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{self.folder}.".startswith(f"{error.name}."):
                raise  # the folder is there, and something that it imports is not
            return []
        modules = pkgutil.iter_modules(package.__path__)
        return [m.name for m in modules if not m.name.startswith("_") and m.name != "base"]

    def _entry_points(self) -> list[Any]:
        points = _installed(self.folder, tuple((place, _modified(place)) for place in sys.path))
        built_in = self._folder_modules() if points else []
        for point in points:
            if point.name in built_in:
                raise ConfigError(
                    f"installed package {_package(point)} offers a {self.kind} named "
                    f"{point.name!r}, which is a built-in; rename its entry point"
                )
        return list(points)

    def _loaded(self, point: Any) -> T:
        try:
            part: T = point.load()
        except SDialogError:
            raise
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{self.kind} {point.name!r} of package {_package(point)} cannot be loaded: {error}"
            ) from error
        return part


@lru_cache(maxsize=32)
def _installed(group: str, _places: tuple[tuple[str, int | None], ...]) -> tuple[Any, ...]:
    """Return the entry points of a group; reading them takes milliseconds, so only when something was installed."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def _modified(place: str) -> int | None:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return None


class ClassRegistry(Registry[T]):
    """A registry whose parts are classes, found by class name (``LengthOrchestrator``) or file name (``length``).

    Args:
        kind: what one part is called in messages, which is also how the class names end.
        folder: dotted name of the package whose modules are the built-ins.
    """

    def names(self) -> list[str]:
        """Return the class names of all that can be found, without importing any."""
        return sorted({self._class_name(name) for name in super().names()})

    def get(self, name: str) -> T:
        """Return the class called ``name``; see :meth:`Registry.get`."""
        file_name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removesuffix(self.kind.capitalize())).lower()
        return super().get(file_name if file_name in self._folder_modules() else name)

    def _class_name(self, name: str) -> str:
        words = "".join(part.capitalize() for part in name.split("_"))
        return words + self.kind.capitalize() if name.islower() else name


def _package(point: Any) -> str:
    return str(point.dist.name) if point.dist else "?"
