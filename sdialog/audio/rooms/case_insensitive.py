"""A dict whose keys are found whatever their case, as the published data classes keep speakers and roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CaseInsensitiveDict(dict[str, Any]):
    """A dict whose string keys are looked up without regard to upper and lower case.

    Example:
        >>> CaseInsensitiveDict({"Doctor": 1})["DOCTOR"]
        1
    """

    def __init__(self, data: Mapping[str, Any] | None = None, **values: Any) -> None:
        super().__init__()
        self.update(data or {}, **values)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(_folded(key), value)

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(_folded(key))

    def __delitem__(self, key: str) -> None:
        super().__delitem__(_folded(key))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_folded(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default."""
        return super().get(_folded(key), default)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value, or the default."""
        return super().pop(_folded(key), *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which becomes the default if there was none."""
        return super().setdefault(_folded(key), default)

    def update(self, *others: Any, **values: Any) -> None:
        """Take over the items of other mappings."""
        for key, value in dict(*others, **values).items():
            self[key] = value


def _folded(key: Any) -> Any:
    return key.lower() if isinstance(key, str) else key
