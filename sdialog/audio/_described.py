"""Any voice or engine as JSON data that tells it from another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from sdialog.core.errors import UserError


def described(value: Any, what: str) -> Any:
    """Return a value as JSON data; samples and files become digests of their content.

    Args:
        value: plain data, a dataclass, a pydantic model, an array, a path, an object with ``json()``, or mappings and
            sequences of them.
        what: how a message calls it, such as "the voice".

    Raises:
        UserError: if something in it says nothing of itself.

    Example:
        >>> described({"pitch": 50, "path": ("a", 2.0)}, "the voice")
        {'pitch': 50, 'path': ['a', 2.0]}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return {"path": str(value), "content": _digest(value.read_bytes())} if value.is_file() else str(value)
    if isinstance(value, Mapping):
        return {str(key): described(item, what) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(item, what) for item in value]
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        # A number of numpy is an array of no dimensions.
        return {"shape": list(value.shape), "type": str(value.dtype), "content": _digest(value.tobytes())}
    if hasattr(value, "model_dump"):
        return described(dict(value), what)
    if is_dataclass(value) and not isinstance(value, type):
        return described(asdict(value), what)
    if callable(getattr(value, "json", None)):
        return described(value.json(), what)
    raise UserError(
        f"{what} has a part of type {type(value).__name__}, whose content cannot be told from another's; "
        "write it as plain data, an array or a path"
    )


def _digest(content: bytes) -> str:
    import hashlib

    return hashlib.blake2b(content, digest_size=16).hexdigest()
