"""Optional packages, asked for where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from sdialog.core.errors import MissingDependencyError


def need(module: str, *, extra: str, why: str) -> ModuleType:
    """Import an optional package, or say how to get it.

    Args:
        module: dotted name to import, such as ``"torch"``.
        extra: the extra of sdialog that brings it, such as ``"local"``.
        why: what it is needed for, a phrase that completes "is needed to ...".

    Returns:
        The imported module.

    Raises:
        MissingDependencyError: if it is not installed; the message holds the pip line.

    Example:
        >>> need("json", extra="none", why="read JSON").__name__
        'json'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise MissingDependencyError(_broken(package, why, extra, error)) from error
        raise MissingDependencyError(
            f"{package} is needed to {why} and is not installed. Install it with: pip install 'sdialog[{extra}]'"
        ) from error
    except ImportError as error:
        raise MissingDependencyError(_broken(package, why, extra, error)) from error


def available(module: str) -> bool:
    """Tell whether a package is installed, without importing it."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _broken(package: str, why: str, extra: str, error: ImportError) -> str:
    return (
        f"{package} is needed to {why} and is installed, but importing it failed: {error}. "
        f"Repair it with: pip install --upgrade 'sdialog[{extra}]'"
    )
