"""Persona classes by name, as files and scenarios spell them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel


def find_class(name: str) -> type[AttributeModel]:
    """Return the persona class called ``name``.

    Looked up, in this order, among the built-in classes, the entry points of installed packages in the group
    ``sdialog.personas``, and the subclasses of ``BasePersona`` that this process has defined, newest first.

    Args:
        name: a class name such as ``Customer``, or ``module:Class`` for a class anywhere on the import path.

    Raises:
        UnknownNameError: if no class has that name.
        ConfigError: if ``module:Class`` cannot be imported or is no persona class.

    Example:
        >>> find_class("Customer").__module__
        'sdialog.personas.customer_service'
    """
    from sdialog import personas

    if ":" in name:
        return checked_class(name, _imported(name))
    if name in personas.__all__:
        return checked_class(name, getattr(personas, name))
    plugins = _plugins()
    if name in plugins:
        return checked_class(name, _imported(plugins[name]))
    own = _own_classes()
    if name in own:
        return own[name]
    raise UnknownNameError("persona class", name, [*personas.__all__, *plugins, *own])


def _imported(path: str) -> object:
    module_name, _, attribute = path.partition(":")
    try:
        found: object = importlib.import_module(module_name)
        for step in attribute.split("."):
            found = getattr(found, step)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"persona class {path!r} cannot be loaded: {error}") from error
    return found


def checked_class(name: str, found: object) -> type[AttributeModel]:
    """Return ``found``, if it is a persona class.

    Raises:
        ConfigError: if it is not; calls it ``name``.
    """
    from sdialog.core.attributes import AttributeModel

    if not (isinstance(found, type) and issubclass(found, AttributeModel)):
        raise ConfigError(f"{name!r} is not a persona class: derive it from sdialog.personas.BasePersona")
    return found


def _plugins() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group="sdialog.personas")}


def _own_classes() -> dict[str, type[AttributeModel]]:
    """Return the persona classes defined outside sdialog; of several with one name the newest."""
    from sdialog.core.attributes import known_classes

    return {cls.__name__: cls for cls in known_classes() if not cls.__module__.startswith("sdialog.")}
