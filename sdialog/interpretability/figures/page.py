"""Labelled arrays as one HTML page of heat maps, with their words: no other file and no network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby, product
from pathlib import Path
from typing import Any

from sdialog._version import __version__
from sdialog.core.errors import UserError
from sdialog.interpretability.figures.array_files import arrays_in, is_array, read_data
from sdialog.interpretability.figures.labelled_arrays import LabelledArray

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_CELLS = 20_000  # of one array; more make a page that no browser likes
_NUMBERS = 12  # columns up to which numbers are written into cells
_LABEL = 40  # characters of a label
_TITLES = {
    "each": "One by one",
    "exact": "Exact patching",
    "ends": "Metric of the runs",
    "kl": "Divergence by depth",
    "wholes": "With all sites",
}
_OPEN = ("effects", "change", "by_turn", "values", "probability", "components", "heads")  # what a reader wants first


def page(result: Any, title: str = "") -> str:
    """Return a result as the text of an HTML page; the same result gives the same text.

    Every array in it becomes a heat map: orange above 0, blue below it, a dot where a mean differs from 0 after the
    correction for the number of cells. What a cell is of and how sure it is shows where the pointer or the keyboard's
    focus is. The data themselves are in the page, too, as JSON.

    Args:
        result: a labelled array, a result with ``json()``, what that gave, or a JSON file of it.
        title: of the page; default: what it is and of which model.

    Raises:
        UserError: if there is no array in it.

    Example:
        >>> array = LabelledArray.of([[1.0, -0.5]], "effect of <b>", layer=["0"], token=["Hi", "</script>"])
        >>> text = page(array, "A & B")
        >>> "<h1>A &amp; B</h1>" in text, text.count("</script>"), "effect of <b>" in text
        (True, 2, False)
    """
    data = _data(result)
    arrays = [(name, one) for name, one in arrays_in(data) if name != "each" or one.shape[0] > 1]
    if not arrays:
        raise UserError("there is no labelled array in this result; see docs/interpretability/results.md")
    kind = str(data.get("kind") or arrays[0][1].name)
    model = str(data.get("model") or arrays[0][1].model)
    first = next((name for name in _OPEN if any(name == one for one, _ in arrays)), arrays[0][0])
    arrays.sort(key=lambda entry: entry[0] != first)
    named = f"{kind[:1].upper()}{kind[1:]}"
    return str(
        _template().render(
            title=title or (f"{named} in {model}" if model else named),
            version=__version__,
            facts=list(_facts(data)),
            notes=[str(data["note"])] if data.get("note") else [],
            missing=[_missing(one) for one in data.get("missing") or ()],
            sections=[part for name, one in arrays for part in _sections(name, one, data, name == first)],
            # In a script nothing but its end is special, and this cannot be in it.
            data=json.dumps(data, ensure_ascii=False, default=str).replace("<", "\\u003c"),
        )
    )


def write_page(result: Any, path: str | Path, title: str = "") -> Path:
    """Write a result as an HTML page; folders are made.

    Args:
        result: as for :func:`page`.
        path: file to write.
        title: of the page.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(result, title), encoding="utf-8")
    return target


def _data(result: Any) -> dict[str, Any]:
    if isinstance(result, (str, Path)):
        return read_data(result)
    found = result if isinstance(result, Mapping) else result.json()
    return dict(found)


def _facts(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is told above the maps."""
    for key, value in data.items():
        if key in ("kind", "format", "version", "name", "note", "model") or value is None:
            continue
        if isinstance(value, bool):
            yield key.replace("_", " "), "yes" if value else "no"
        elif isinstance(value, (str, int)):
            yield key.replace("_", " "), str(value)
        elif isinstance(value, float):
            yield key.replace("_", " "), f"{value:.4g}"
        elif key == "agreement" and isinstance(value, Mapping) and not is_array(value):
            told = (f"{name} {one:.3g}" for name, one in value.items() if one is not None)
            yield "agreement with exact patching", ", ".join(told)


def _missing(given: Any) -> str:
    if not isinstance(given, Mapping):
        return str(given)
    cell = f", {given['cell']}" if given.get("cell") else ""
    return f"{given.get('what')}{cell}: {given.get('why')}"


def _sections(name: str, array: LabelledArray, data: Mapping[str, Any], opened: bool) -> Iterator[dict[str, Any]]:
    """Yield an array and its controls, on one scale."""
    limit = _limit([array, *array.controls.values()])
    texts = data.get("top") if name == "probability" else None
    yield _section(name, array, limit, opened, _tops(texts))
    for control, one in array.controls.items():
        yield _section(f"{name}: control, {control}", one, limit, False, None)


def _section(
    name: str, array: LabelledArray, limit: float, opened: bool, texts: list[list[str]] | None
) -> dict[str, Any]:
    size = array.values.size
    signed = bool((array.values < -0.0005 * limit).any())
    shown = _TITLES.get(name) or (name or array.name).replace("_", " ")
    notes = list(array.notes)
    if array.spread is not None:
        spread = array.spread
        notes.append(
            f"{spread.says().replace('* ', 'Dots: ')}. {100 * spread.level:g} % intervals over {spread.over}s."
        )
    if size > _CELLS:
        notes.append(f"{size:,} cells are too many to be drawn; they are in the data.")
    return {
        "title": f"{shown[:1].upper()}{shown[1:]}",
        "name": array.name + (f", {array.unit}" if array.unit else ""),
        "open": opened,
        "low": f"{-limit:.3g}" if signed else "0",
        "high": f"{limit:.3g}",
        "signed": signed,
        "notes": notes,
        "maps": [] if size > _CELLS else list(_maps(array, limit, texts)),
    }


def _maps(array: LabelledArray, limit: float, texts: list[list[str]] | None) -> Iterator[dict[str, Any]]:
    """Yield a table for each place on the axes before the last two."""
    for place in product(*(range(len(axis)) for axis in array.axes[:-2])):
        where = {axis.name: number for axis, number in zip(array.axes, place, strict=False)}
        part = array.at(**where) if where else array
        title = ", ".join(f"{axis.name} {axis.labels[number]}" for axis, number in zip(array.axes, place, strict=False))
        yield _map(part, title, limit, texts)


def _map(array: LabelledArray, title: str, limit: float, texts: list[list[str]] | None) -> dict[str, Any]:
    columns = array.axes[-1]
    lines = array.axes[0].labels if len(array.axes) == 2 else ("",)
    wide = len(columns)
    values = array.values.reshape(-1).tolist()
    told = _how_sure(array)
    rows = []
    for line, label in enumerate(lines):
        entries = []
        for column in range(wide):
            number = line * wide + column
            value = values[number]
            text = texts[line][column] if texts else (_number(value) if wide <= _NUMBERS else "")
            what = f"{array.axes[0].name} {_word(label)}, " if label else ""
            entries.append(
                {
                    "text": text,
                    "share": 0.0 if math.isnan(value) else round(min(1.0, abs(value) / limit), 3),
                    "below": value < 0,
                    "none": math.isnan(value),
                    "sure": told[number][1],
                    "says": f"{what}{columns.name} {_word(columns.labels[column])}: {_number(value)}{told[number][0]}",
                }
            )
        rows.append({"label": _word(label), "cells": entries})
    groups = [(name, len(list(some))) for name, some in groupby(columns.groups)]
    return {
        "title": title,
        "corner": f"{array.axes[0].name} / {columns.name}" if len(array.axes) == 2 else columns.name,
        "groups": groups,
        "columns": [_word(label) for label in columns.labels],
        "rows": rows,
        "numbers": wide <= _NUMBERS or texts is not None,
    }


def _how_sure(array: LabelledArray) -> list[tuple[str, bool]]:
    """Return for each cell what is told of its interval, and whether it is sure."""
    if array.spread is None:
        return [("", False)] * array.values.size
    spread = array.spread
    numbers = (one.reshape(-1).tolist() for one in (spread.low, spread.high, spread.n, spread.p_values, spread.sure))
    return [
        (
            f", {_number(low)} to {_number(high)}, p = {p:.3g}, n = {n}" if low == low and p == p else f", n = {n}",
            bool(sure),
        )
        for low, high, n, p, sure in zip(*numbers, strict=True)
    ]


def _limit(arrays: list[LabelledArray]) -> float:
    sizes = [abs(cell.value) for one in arrays for cell in one.top(1) if math.isfinite(cell.value)]
    return max(sizes, default=0.0) or 1.0


def _tops(given: Any) -> list[list[str]] | None:
    """Return the most probable token of each cell, where a lens has told them."""
    if not given:
        return None
    return [[_word(str(ranks[0])) for ranks in depth] for depth in given]


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}" if abs(value) >= 0.0005 else "0"


def _word(text: str) -> str:
    """Return a label in which blanks and ends of lines can be seen."""
    shown = text.replace("\n", "⏎").replace("\r", "⏎").replace("\t", "⇥")
    shown = shown if shown.strip() else shown.replace(" ", "␣")
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
