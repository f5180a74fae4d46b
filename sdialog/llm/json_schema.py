"""JSON schemas as models need them: closed, and checked against what came back.

Covers the part of JSON Schema (draft 2020-12) that pydantic writes and that services accept for structured output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "null": lambda v: v is None,
}
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", lambda v, b: v >= b),
    "maximum": ("at most", lambda v, b: v <= b),
    "exclusiveMinimum": ("more than", lambda v, b: v > b),
    "exclusiveMaximum": ("less than", lambda v, b: v < b),
}
_SIZES: dict[str, tuple[type[list[Any]] | type[str], str, Callable[[int, int], bool]]] = {
    "minItems": (list, "at least {} items", lambda n, b: n >= b),
    "maxItems": (list, "at most {} items", lambda n, b: n <= b),
    "minLength": (str, "at least {} characters", lambda n, b: n >= b),
    "maxLength": (str, "at most {} characters", lambda n, b: n <= b),
}


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which every object lists all it may hold, and must hold it, as strict services want it.

    ``additionalProperties`` becomes false where nothing is said about it, every property is required, and defaults
    go, since nothing is optional any more. Definitions are kept.

    Example:
        >>> strict = closed({"type": "object", "properties": {"age": {"type": "integer", "default": 30}}})
        >>> strict["properties"], strict["required"], strict["additionalProperties"]
        ({'age': {'type': 'integer'}}, ['age'], False)
    """
    found: dict[str, Any] = _closed(schema)
    return found


def is_closed(schema: Mapping[str, Any]) -> bool:
    """Tell whether every object of a schema says exactly what it holds; a free-form ``dict`` field does not.

    Example:
        >>> is_closed({"type": "object"}), is_closed(closed({"type": "object", "properties": {}}))
        (False, True)
    """
    return all(
        node.get("additionalProperties") is False and set(node.get("properties", {})) == set(node.get("required", ()))
        for node in _nodes(schema)
        if node.get("type") == "object"
    )


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return what keeps a JSON value from fitting a schema, each with its place; nothing if it fits.

    Example:
        >>> problems({"age": "old"}, {"type": "object", "properties": {"age": {"type": "integer"}}})
        ['age: expected integer, got "old"']
    """
    return _problems(value, schema, schema, "")


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(entry) for entry in node]
    if not isinstance(node, Mapping):
        return node
    copy = {
        # Below these keys stand names that users chose, "default" among them perhaps.
        name: {k: _closed(v) for k, v in entry.items()} if name in ("properties", "$defs") else _closed(entry)
        for name, entry in node.items()
        if name != "default"
    }
    for name in ("enum", "const"):
        if name in node:
            copy[name] = node[name]
    if "properties" in copy:
        copy["additionalProperties"] = False
        copy["required"] = list(copy["properties"])
    return copy


def _nodes(node: Any) -> list[Mapping[str, Any]]:
    if isinstance(node, list):
        return [found for entry in node for found in _nodes(entry)]
    if not isinstance(node, Mapping):
        return []
    inner: list[Mapping[str, Any]] = []
    for name, entry in node.items():
        if name in ("properties", "$defs"):
            inner += [found for child in entry.values() for found in _nodes(child)]
        elif name not in ("enum", "const", "default"):
            inner += _nodes(entry)
    return [node, *inner]


def _problems(value: Any, schema: Any, root: Mapping[str, Any], place: str) -> list[str]:
    if not isinstance(schema, Mapping):
        return [] if schema is not False else [_at(place, "nothing is allowed here")]
    if "$ref" in schema:
        return _problems(value, _followed(schema["$ref"], root), root, place)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            tries = [_problems(value, choice, root, place) for choice in schema[word]]
            if all(tries):
                return min(tries, key=len)
    found = [p for part in schema.get("allOf", ()) for p in _problems(value, part, root, place)]
    wrong = _wrong_type(value, schema)
    if wrong:
        return [*found, _at(place, wrong)]
    found += [_at(place, text) for text in _value_problems(value, schema)]
    if isinstance(value, dict):
        found += _object_problems(value, schema, root, place)
    if isinstance(value, list):
        prefix = schema.get("prefixItems", ())
        items = [*prefix, *[schema.get("items", True)] * (len(value) - len(prefix))]
        for row, (entry, part) in enumerate(zip(value, items, strict=False)):
            found += _problems(entry, part, root, f"{place}[{row}]")
    return found


def _wrong_type(value: Any, schema: Mapping[str, Any]) -> str | None:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if not names or any(_TYPES[name](value) for name in names if name in _TYPES):
        return None
    return f"expected {' or '.join(names)}, got {_short(value)}"


def _value_problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"must be one of {', '.join(map(_short, schema['enum']))}, got {_short(value)}")
    if "const" in schema and value != schema["const"]:
        found.append(f"must be {_short(schema['const'])}, got {_short(value)}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        found += [
            f"must be {words} {schema[name]}, got {_short(value)}"
            for name, (words, fits) in _BOUNDS.items()
            if name in schema and not fits(value, schema[name])
        ]
    found += [
        f"must have {words.format(schema[name])}, got {len(value)}"
        for name, (kind, words, fits) in _SIZES.items()
        if name in schema and isinstance(value, kind) and not fits(len(value), schema[name])
    ]
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"must match {schema['pattern']!r}, got {_short(value)}")
    return found


def _object_problems(value: dict[str, Any], schema: Mapping[str, Any], root: Any, place: str) -> list[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [_at(place, f"property {name!r} is missing") for name in schema.get("required", ()) if name not in value]
    for name, entry in value.items():
        if name in known or others is not False:
            found += _problems(entry, known.get(name, others), root, f"{place}.{name}" if place else name)
        else:
            found.append(_at(place, f"property {name!r} is not in the schema"))
    return found


def _followed(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text


def _short(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
