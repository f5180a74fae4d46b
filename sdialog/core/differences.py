"""Where two pieces of plain data differ, as a list of places; and one made of the other by that list."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where data differs.

    Attributes:
        path: keys and list positions that lead there.
        kind: ``changed``, ``added`` (nothing was there before) or ``removed``.
        before, after: the values; None on the side that has none.
    """

    path: Path
    kind: str
    before: Any = None
    after: Any = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict; a side that has no value has no key."""
        data: dict[str, Any] = {"path": list(self.path)}
        if self.kind != "added":
            data["before"] = self.before
        if self.kind != "removed":
            data["after"] = self.after
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Difference:
        """Make a difference of what :meth:`json` returned."""
        kind = "added" if "before" not in data else "removed" if "after" not in data else "changed"
        return cls(tuple(data["path"]), kind, data.get("before"), data.get("after"))


def differences(before: Any, after: Any) -> list[Difference]:
    """Return where ``after`` differs from ``before``, in the order of the data.

    Mappings are compared key by key, lists of one length item by item; lists of different lengths as wholes. Numbers
    that are equal are equal whatever their type, but True is not 1.

    Example:
        >>> [found] = differences({"B1": {"state": "paid", "euros": 5}}, {"B1": {"state": "refunded", "euros": 5}})
        >>> found.path, found.before, found.after
        (('B1', 'state'), 'paid', 'refunded')
    """
    return list(_differences(before, after, ()))


def applied(data: Any, changes: Sequence[Difference]) -> Any:
    """Return a copy of data with changes made to it.

    Raises:
        LookupError: if a path leads nowhere.

    Example:
        >>> before, after = {"a": [1, 2], "b": 0}, {"a": [1, 3], "c": None}
        >>> applied(before, differences(before, after)) == after
        True
    """
    whole = {"": copy.deepcopy(data)}
    for change in changes:
        holder: Any = whole
        *way, last = ("", *change.path)
        for step in way:
            holder = holder[step]
        if change.kind == "removed":
            del holder[last]
        else:
            holder[last] = copy.deepcopy(change.after)
    return whole[""]


def spelled(path: Sequence[str | int]) -> str:
    """Spell a path, such as ``orders.B4821.state``.

    Example:
        >>> spelled(("orders", "B4821", "items", 0)), spelled(())
        ('orders.B4821.items[0]', '(all)')
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
    return text or "(all)"


def _differences(before: Any, after: Any, path: Path) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before:
            if key in after:
                yield from _differences(before[key], after[key], (*path, key))
            else:
                yield Difference((*path, key), "removed", before[key])
        for key in after:
            if key not in before:
                yield Difference((*path, key), "added", None, after[key])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, (*path, place))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Difference(path, "changed", before, after)
