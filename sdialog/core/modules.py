"""Things in Python modules and files, by name: ``module:name`` or ``path/file.py:name``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sdialog.core.errors import ConfigError, UnknownNameError


def attribute(name: str, kind: str) -> Any:
    """Return what ``module:name`` or ``path/file.py:name`` means.

    Args:
        name: the name; a path starts at the working folder.
        kind: what it should be, for messages.

    Raises:
        ConfigError: if the name is not of that form, or the module cannot be imported.
        UnknownNameError: if the module has no such attribute; lists near names.

    Example:
        >>> attribute("math:sqrt", "function")(9)
        3.0
    """
    module_name, colon, wanted = name.rpartition(":")
    if not (colon and module_name and wanted):
        raise ConfigError(f"{kind} {name!r}: write module:name, or path/file.py:name")
    if module_name.endswith(".py"):
        path = Path(module_name)
        if not path.is_file():
            raise ConfigError(f"{kind} {name!r}: there is no file {path}")
        module = from_file(path.resolve())
    else:
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise ConfigError(f"{kind} module {module_name!r} cannot be imported: {error}") from error
    if not hasattr(module, wanted):
        own = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise UnknownNameError(f"{kind} in {module_name}", wanted, own)
    return getattr(module, wanted)


def from_file(path: Path) -> ModuleType:
    """Return the module that a Python file holds, run once: an edited file gives a new one.

    Args:
        path: the file, absolute.

    Raises:
        ConfigError: if it cannot be loaded.
    """
    content = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    alias = f"sdialog_scenario_{hashlib.blake2b(f'{path}{content}'.encode(), digest_size=8).hexdigest()}"
    if alias not in sys.modules:
        sys.modules[alias] = _loaded(path, alias)
    return sys.modules[alias]


def _loaded(path: Path, alias: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(alias, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{path} fails when loaded: {type(error).__name__}: {error}") from error
    return module
