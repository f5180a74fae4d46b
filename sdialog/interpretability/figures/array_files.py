"""Labelled arrays as plain data and files: the format that the results of this package have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.spread import CORRECTIONS, Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "sdialog.labelled-array"
VERSION = 1
_WHY = "read what was measured"
_ENDLESS = {"Infinity": math.inf, "-Infinity": -math.inf}  # JSON has no numbers for these


def array_to_data(array: LabelledArray) -> dict[str, Any]:
    """Return an array as a plain dict; what is empty is left out, but for notes."""
    found: dict[str, Any] = {"format": FORMAT, "version": VERSION, "name": array.name}
    found |= {key: value for key in ("unit", "metric", "model") if (value := getattr(array, key))}
    found["axes"] = [axis.json() for axis in array.axes]
    found["values"] = _nested(array.values.tolist())
    if array.spread is not None:
        spread = array.spread
        found["spread"] = {
            "over": spread.over,
            "level": spread.level,
            "method": spread.method,
            "correction": spread.correction,
            **{name: _nested(getattr(spread, name).tolist()) for name in ("low", "high", "n", "p_values")},
        }
    if array.controls:
        found["controls"] = {name: array_to_data(one) for name, one in array.controls.items()}
    found["notes"] = list(array.notes)
    return found


def array_from_data(given: Any, where: str = "the array") -> LabelledArray:
    """Return the array that a plain dict holds.

    Args:
        given: what :func:`array_to_data` gave.
        where: what to call it in errors.

    Raises:
        UserError: if something is missing or of a wrong kind or size.
    """
    if not is_array(given):
        raise UserError(f"{where} is no labelled array: it has no format {FORMAT!r}")
    if given.get("version") != VERSION:
        raise UserError(f"{where} has the version {given.get('version')!r}; this release reads {VERSION}")
    try:
        axes = tuple(
            Axis(str(one["name"]), tuple(map(str, one["labels"])), tuple(map(str, one.get("groups", ()))))
            for one in given["axes"]
        )
        shape = tuple(len(axis) for axis in axes)
        spread = given.get("spread")
        return LabelledArray(
            _array(given["values"], shape, where),
            axes,
            str(given["name"]),
            tuple(map(str, given["notes"])),
            str(given.get("unit", "")),
            str(given.get("metric", "")),
            str(given.get("model", "")),
            spread=None if spread is None else _spread(spread, shape, f"{where}, spread"),
            controls={
                name: array_from_data(one, f"{where}, control {name}")
                for name, one in given.get("controls", {}).items()
            },
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where} is damaged: {error!r}") from error


def is_array(given: Any) -> bool:
    """Tell whether plain data is a labelled array."""
    return isinstance(given, Mapping) and given.get("format") == FORMAT


def arrays_in(given: Any, path: str = "") -> Iterator[tuple[str, LabelledArray]]:
    """Yield the arrays that a result's plain data holds, with the keys that lead there.

    Raises:
        UserError: if one of them is damaged.

    Example:
        >>> array = LabelledArray.of([1.0], "effect", layer=["0"])
        >>> [name for name, _ in arrays_in({"kind": "patching", "effects": array.json()})]
        ['effects']
    """
    if is_array(given):
        yield path, array_from_data(given, path or "the array")
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from arrays_in(value, f"{path}.{key}" if path else str(key))


def read_data(path: str | Path) -> dict[str, Any]:
    """Return the plain dict that a JSON file holds.

    Raises:
        UserError: if there is no such file, or it is something else.
    """
    target = Path(path)
    if not target.is_file():
        raise UserError(f"there is no file {target}")
    try:
        found = json.loads(target.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{target} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{target} holds a {type(found).__name__}; results are JSON objects")
    return found


def _spread(given: Mapping[str, Any], shape: tuple[int, ...], where: str) -> Spread:
    correction = given["correction"]
    if correction not in CORRECTIONS:
        raise UserError(f"{where}: unknown correction {correction!r}; there are {', '.join(CORRECTIONS)}")
    low, high, p_values = (_array(given[name], shape, f"{where}, {name}") for name in ("low", "high", "p_values"))
    counts = _array(given["n"], shape, f"{where}, n").astype(int)
    over, level, method = str(given["over"]), float(given["level"]), str(given["method"])
    return Spread(low, high, counts, p_values, over, level, method, correction)


def _array(values: Any, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    """Return nested lists as an array of a shape."""
    numpy = need("numpy", extra="local", why=_WHY)
    flat: list[float] = []

    def walk(given: Any, depth: int) -> None:
        if depth == len(shape):
            number = math.nan if given is None else _ENDLESS.get(given, given) if isinstance(given, str) else given
            if isinstance(number, (str, bool)) or not isinstance(number, (int, float)):
                raise UserError(f"{where} holds {given!r} where a number, null or 'Infinity' is due")
            flat.append(float(number))
            return
        if not isinstance(given, list) or len(given) != shape[depth]:
            raise UserError(f"{where} does not fit axes of the lengths {shape}")
        for one in given:
            walk(one, depth + 1)

    walk(values, 0)
    found: NDArray[Any] = numpy.array(flat, dtype=float).reshape(shape)
    return found


def _nested(values: Any) -> Any:
    if isinstance(values, list):
        return [_nested(one) for one in values]
    if isinstance(values, int) or math.isfinite(values):
        return values
    return None if values != values else "Infinity" if values > 0 else "-Infinity"
