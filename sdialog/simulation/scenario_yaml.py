"""YAML that remembers on which line each value stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import DialogFormatError

if TYPE_CHECKING:
    from yaml import MappingNode, Node, SafeLoader

Where = tuple[str | int, ...]
"""The way to a value: keys and list positions, such as ``("agents", 0, "persona")``."""


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data and the line of each of its values.

    Attributes:
        data: what the text says.
        lines: 1-based line of each key or list item, by the way to it; None for what was set outside the text.
        files: the file of what comes from another one, by the way to it.
    """

    data: Any
    lines: Mapping[Where, int | None]
    files: Mapping[Where, str] = field(default_factory=dict)

    def changed(self, data: Any, places: Collection[Where]) -> Located:
        """Return other data, which differs from the text in these places."""
        kept = {where: line for where, line in self.lines.items() if not any(where[: len(p)] == p for p in places)}
        return Located(data, kept | dict.fromkeys(places), self.files)

    def grafted(self, data: Any, place: Where, other: Located, at: Where, file: str) -> Located:
        """Return other data, which has in one place what stands in another file.

        Args:
            data: all of it.
            place: the way to what comes from the other file.
            other: the other file's data and lines.
            at: the way to it there.
            file: name of the other file.
        """
        moved = {(*place, *where[len(at) :]): line for where, line in other.lines.items() if where[: len(at)] == at}
        return Located(data, {**self.lines, **moved}, {**self.files, place: file})

    def file(self, where: Where) -> str | None:
        """Return the file that a value comes from, if it is another one than that of the whole."""
        return next((self.files[where[:end]] for end in range(len(where), 0, -1) if where[:end] in self.files), None)

    def line(self, where: Where) -> int | None:
        """Return the line of a value, or of the nearest one around it that has a line; None if it was set elsewhere."""
        for end in range(len(where), -1, -1):
            if where[:end] in self.lines:
                return self.lines[where[:end]]
        return None


def read_yaml(text: str, *, file: str | None = None) -> Located:
    """Read one YAML document, safely.

    Args:
        text: the document.
        file: its name, for errors.

    Returns:
        Data and lines.

    Raises:
        DialogFormatError: with file and line, if it is no YAML, has a key twice in one mapping, or contains itself.

    Example:
        >>> found = read_yaml("name: desk\\nagents:\\n  - name: Ava\\n")
        >>> found.data, found.line(("agents", 0, "name"))
        ({'name': 'desk', 'agents': [{'name': 'Ava'}]}, 3)
    """
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Located({}, {})
        reader = _Reader(loader, file)
        reader.visit(node, ())
        # The mapping's own values are read by the loader itself, so that anchors and merge keys work as in any YAML.
        return Located(loader.construct_document(node), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "not YAML"
        line = mark.line + 1 if mark else None
        if "unhashable" in what:  # a mapping as a key: what {{18-80}} is without its quotes
            what += "; put what stands in braces in quotes"
        raise DialogFormatError(f"not readable as YAML: {what}", file=file, line=line) from error
    except yaml.YAMLError as error:
        raise DialogFormatError(f"not readable as YAML: {error}", file=file) from error
    finally:
        loader.dispose()


class _Reader:
    """Walks a node tree and notes lines; refuses a key that stands twice."""

    def __init__(self, loader: SafeLoader, file: str | None) -> None:
        self.loader, self.file = loader, file
        self.lines: dict[Where, int] = {}
        self._around: set[int] = set()

    def visit(self, node: Node, where: Where) -> None:
        line = node.start_mark.line + 1
        if id(node) in self._around:
            raise DialogFormatError("the value contains itself", file=self.file, line=line)
        self._around.add(id(node))
        self.lines.setdefault(where, line)
        self._parts(node, where)
        self._around.remove(id(node))

    def _parts(self, node: Node, where: Where) -> None:
        import yaml

        if isinstance(node, yaml.MappingNode):
            self._mapping(node, where)
        elif isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.visit(item, (*where, position))

    def _mapping(self, node: MappingNode, where: Where) -> None:
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen:
                raise DialogFormatError(f"key {key!r} stands already in line {seen[key]}", file=self.file, line=line)
            seen[key] = line
            self.lines[(*where, key)] = line
            self.visit(value, (*where, key))
