"""Plans as plain data, for YAML and JSON files.

::

    reads:
      - {site: layers.2.resid_post, span: generated, name: after, reduce: mean}
    edits:
      - site: layers.2.resid_post
        op: add                            # default add
        value: mood.safetensors            # a saved direction, .safetensors, .npy, or numbers in a list
        strength: 2.0                      # or {by_token: [4, 2, 1]}, of which the last holds on
        span: choices
        condition: {site: layers.1.resid_post, direction: topic.npy, threshold: 0.3}

Keys are those of :class:`~sdialog.interpretability.plan.Read`, ``Edit``, ``Condition`` and ``Plan``; what is left out
has its default.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.interpretability.files.vectors import read_vector, write_vector
from sdialog.interpretability.plan import Condition, Edit, Plan, Read
from sdialog.interpretability.sites import Site
from sdialog.interpretability.spans import Span

BY_TOKEN = "by_token"
Places = Sequence[Path]


def plan_from_data(data: Mapping[str, Any], folder: str | Path = "") -> Plan:
    """Return the plan that data describes.

    Args:
        data: as YAML or JSON give it; see the module's text.
        folder: where names of files start.

    Raises:
        UnknownNameError: for a key, operation, span, file or tensor that there is not; lists near names.
        ConfigError: for a value that cannot be.

    Example:
        >>> plan = plan_from_data({"edits": [{"site": "layers.1.resid_post", "value": [0.0, 1.0], "strength": 3}]})
        >>> plan.edits[0].op, plan.edits[0].strength
        ('add', 3.0)
    """
    places = (Path(folder),)
    given = _checked(data, Plan, "a plan")
    made: dict[str, Any] = {**given, "reads": [], "edits": []}
    for key, of in (("reads", read_from_data), ("edits", edit_from_data)):
        for number, entry in enumerate(_list(given.get(key, ()), key)):
            with_place = f"{key}[{number}]"
            made[key].append(_placed(with_place, of, entry, places))
    return Plan(**made)


def plan_to_data(plan: Plan, folder: str | Path | None = None) -> dict[str, Any]:
    """Return a plan as plain data, which :func:`plan_from_data` reads back.

    Args:
        plan: the plan.
        folder: write vectors to ``.npy`` files here, instead of into the data.

    Raises:
        ConfigError: if it calls a function that is not found by a name.

    Example:
        >>> plan = Plan([Read("layers.1.resid_post", reduce="mean")])
        >>> plan_to_data(plan)
        {'reads': [{'site': 'layers.1.resid_post', 'reduce': 'mean'}]}
    """
    place = None if folder is None else Path(folder)
    told: dict[str, Any] = {}
    if plan.reads:
        told["reads"] = [_set_fields(read, place) for read in plan.reads]
    if plan.edits:
        told["edits"] = [_set_fields(edit, place) for edit in plan.edits]
    rest = _set_fields(plan, place)
    return told | {key: value for key, value in rest.items() if key not in ("reads", "edits")}


def read_from_data(data: Mapping[str, Any], places: Places = (Path(),)) -> Read:
    """Return the read that data describes; errors as for :func:`plan_from_data`."""
    return Read(**_checked(data, Read, "a read"))


def edit_from_data(data: Mapping[str, Any], places: Places = (Path(),)) -> Edit:
    """Return the edit that data describes; errors as for :func:`plan_from_data`.

    Args:
        data: its keys.
        places: folders where names of files start.
    """
    given = _checked(data, Edit, "an edit")
    given.setdefault("op", "add")
    if given.get("value") is not None:
        given["value"] = _value(given["op"], given["value"], places)
    if given.get("condition") is not None:
        given["condition"] = condition_from_data(given["condition"], places)
    return Edit(**given)


def condition_from_data(data: Mapping[str, Any], places: Places = (Path(),)) -> Condition:
    """Return the condition that data describes; errors as for :func:`plan_from_data`.

    Args:
        data: its keys.
        places: folders where names of files start.
    """
    given = _checked(data, Condition, "a condition")
    given["direction"] = read_vector(given["direction"], places).values
    if given.get("offset") is not None:
        given["offset"] = read_vector(given["offset"], places).values
    return Condition(**given)


def strength_from_data(given: Any) -> float | tuple[float, ...]:
    """Return a strength: a number, or with ``{by_token: [...]}`` one for each generated token.

    Raises:
        ConfigError: if it is none.
    """
    if isinstance(given, Mapping):
        unknown = [key for key in given if key != BY_TOKEN]
        if unknown or BY_TOKEN not in given:
            raise UnknownNameError("key of a strength", str((unknown or [""])[0]), (BY_TOKEN,))
        listed = given[BY_TOKEN]
        if not isinstance(listed, (list, tuple)) or not listed:
            raise ConfigError(f"{BY_TOKEN} is a list of numbers, not {listed!r:.60}")
        return tuple(finite_number(one, BY_TOKEN) for one in listed)
    if isinstance(given, (list, tuple)):
        raise ConfigError(
            f"a strength is one number; one for each generated token is {{{BY_TOKEN}: {list(given)!r:.40}}}"
        )
    return finite_number(given, "strength")


# -- reading


def _checked(data: Any, kind: type, what: str) -> dict[str, Any]:
    """Return the keys of an entry, each of the right kind."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{what} is a mapping of keys, not {data!r:.60}")
    known = [field.name for field in fields(kind)]
    for key in data:
        if key not in known:
            raise UnknownNameError(f"key of {what}", str(key), known)
    for key in _REQUIRED.get(kind, ()):
        if data.get(key) is None:
            raise ConfigError(f"{what} needs the key {key!r}")
    return {key: _KINDS[key](value, key) if key in _KINDS else value for key, value in data.items()}


def finite_number(value: Any, key: str) -> float:
    """Return a number of a file.

    Args:
        value: what the file holds.
        key: what it is called there, for the error.

    Raises:
        ConfigError: if it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or value != value or abs(value) == float("inf"):
        raise ConfigError(f"{key} is a finite number, not {value!r:.60}")
    return float(value)


def _whole(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{key} is a whole number, not {value!r:.60}")
    return value


def _truth(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} is true or false, not {value!r:.60}")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{key} is a text, not {value!r:.60}")
    return value


def _text_or_none(value: Any, key: str) -> str | None:
    return None if value is None else _text(value, key)


def _site(value: Any, key: str) -> str:
    return str(Site.parse(value))


def _span(value: Any, key: str) -> str:
    return str(Span.parse(value))


def _facts(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} is a mapping, not {value!r:.60}")
    return value


_KINDS: dict[str, Callable[[Any, str], Any]] = {
    "site": _site, "span": _span, "name": _text, "reduce": _text_or_none, "top": _whole, "before_edits": _truth,
    "dtype": _text_or_none, "threshold": finite_number, "measure": _text, "below": _truth, "op": _text,
    "strength": lambda value, _: strength_from_data(value), "keep_norm": _truth, "prefix": _text,
    "speaker": _text_or_none, "feed_last": _truth, "notes": _facts,
}  # fmt: skip
_REQUIRED: dict[type, tuple[str, ...]] = {
    Read: ("site",),
    Edit: ("site",),
    Condition: ("site", "direction", "threshold"),
}


def _list(value: Any, key: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{key} is a list, not {value!r:.60}")
    return value


def _placed(place: str, of: Callable[..., Any], entry: Any, places: Places) -> Any:
    """Return what an entry describes, with its place told in errors."""
    try:
        return of(entry, places)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error.kind} ({place})", error.name, error.known, error.hint) from error
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def _value(op: str, given: Any, places: Places) -> Any:
    if op != "call":
        return read_vector(given, places).values
    if not isinstance(given, str):
        raise ConfigError(f"the operation call takes module:function or file.py:function, not {given!r:.60}")
    from sdialog.core.modules import attribute

    module, colon, name = given.rpartition(":")
    file = next((place / module for place in places if module.endswith(".py") and (place / module).is_file()), None)
    return attribute(f"{file}{colon}{name}" if file is not None else given, "function")


# -- writing


def _set_fields(part: Any, folder: Path | None) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as plain data."""
    told: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name in ("reads", "edits") or value is None:
            continue
        written = _written(part, field.name, value, folder)
        if field.name in ("site", "op") or written != _default(field):
            told[field.name] = written
    return told


def _default(field: Any) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _written(part: Any, name: str, value: Any, folder: Path | None) -> Any:
    if name in ("site", "span"):
        return str(value)
    if name == "condition":
        return _set_fields(value, folder)
    if name == "strength" and not isinstance(value, numbers.Real):
        return {BY_TOKEN: [float(one) for one in value]}
    if name in ("direction", "offset") or (name == "value" and part.op != "call"):
        return write_vector(value, folder)
    if name == "value":
        return _function_name(value)
    return dict(value) if isinstance(value, Mapping) else value


def _function_name(function: Any) -> str:
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not module or not name.isidentifier():
        raise ConfigError(f"{function!r:.60} cannot be written to a file: a function is named as module:function")
    return f"{module}:{name}"
