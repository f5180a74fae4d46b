"""Rules that say where an attribute's value comes from.

::

    "*"    "{llm}"                            the model writes it
    "{llm:HINT}"                              the model writes it, told HINT instead of the description
    "{18-80}"    "{-5-5}"    "{0.0-1.0}"      a random number, ends included, with as many decimals as the ends
    "{txt:PATH}"                              a random line of a file, blank ones left out
    "{csv:COLUMN:PATH}"  "{tsv:COLUMN:PATH}"  a random cell, empty ones left out
    [a, b, c]                                 one of the items, taken as it stands
    {"choose": [a, b], "weights": [3, 1]}     one of the items, with unequal chances
    a function                                what it returns
    anything else                             itself

COLUMN is a name of the header row, or a number counted from 0, and then there is no header row.
Doubled braces (``"{{18-80}}"``) mean the same as single ones. Text in braces that is none of these is an error; a
literal in braces is written as a list of one item.

A function runs after the other rules and is given, by name, the attributes it has parameters for (None where the
model is still to write one); a parameter called ``rng`` receives a ``random.Random`` of its own. When it returns
None, the model writes the value.
"""

from __future__ import annotations

import copy
import csv
import inspect
import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.seeds import rng as named_rng

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*")
_KEYWORDS = ("llm", "txt", "csv", "tsv")
_HELP = (
    "Rules in braces are {llm}, {llm:hint}, {18-80}, {txt:PATH}, {csv:COLUMN:PATH} and {tsv:COLUMN:PATH}; "
    "to use a text in braces as it stands, write it as a list of one item."
)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The value itself."""

    value: object


@dataclass(frozen=True, slots=True)
class Ask:
    """The model writes the value; ``hint`` replaces the attribute's description when not empty."""

    hint: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """A random number from ``low`` to ``high``, both included, with ``decimals`` places after the point."""

    low: Decimal
    high: Decimal
    decimals: int = 0

    def draw(self, rng: random.Random) -> int | float:
        """Return a number; every number of the grid between the ends is equally likely."""
        scale = 10**self.decimals
        step = rng.randint(int(self.low * scale), int(self.high * scale))
        return step / scale if self.decimals else step


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``options``; ``weights`` are relative chances, empty for equal ones."""

    options: tuple[object, ...]
    weights: tuple[float, ...] = ()

    def draw(self, rng: random.Random) -> object:
        """Return one option."""
        return rng.choices(self.options, self.weights)[0] if self.weights else rng.choice(self.options)


@dataclass(frozen=True, slots=True)
class FromFile:
    """A random line of a text file, or a random filled cell of a table's column.

    Attributes:
        path: the file.
        column: header name, number counted from 0, or None for the lines of a text file.
        delimiter: what stands between the cells of a row.
    """

    path: Path
    column: str | int | None = None
    delimiter: str = ","

    def draw(self, rng: random.Random) -> str:
        """Return one entry.

        Raises:
            ConfigError: if the file or the column is missing, or has no entries.
        """
        try:
            modified = self.path.stat().st_mtime_ns
            entries = _entries(self.path, self.column, self.delimiter, modified)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"a rule cannot read {self.path}: {error}") from error
        if not entries:
            where = f"column {self.column!r} of {self.path}" if self.column is not None else str(self.path)
            raise ConfigError(f"a rule draws from {where}, which has no entries")
        return rng.choice(entries)


@dataclass(frozen=True, slots=True)
class Call:
    """What ``function`` returns for the attributes collected so far."""

    function: Callable[..., object]

    def run(self, values: Mapping[str, object], rng: random.Random) -> object:
        """Call the function with those of ``values`` (and ``rng``) that it has parameters for."""
        offered = {"rng": rng, **values}
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except ValueError:  # some functions written in C tell no signature
            return self.function()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            taken = dict(values) | {p.name: offered[p.name] for p in parameters if p.name in offered}
        else:
            named = (p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
            taken = {name: offered[name] for name in named if name in offered}
        return self.function(**taken)


Rule = Fixed | Ask | Range | Choice | FromFile | Call


@dataclass(frozen=True, slots=True)
class Filled:
    """What rules made of a model's attributes.

    Attributes:
        values: attributes whose value is known, in the order of the class.
        ask_llm: attributes the model is to write, with a hint (``""`` when there is none beyond the description).
    """

    values: dict[str, object] = field(default_factory=dict)
    ask_llm: dict[str, str] = field(default_factory=dict)


def parse(value: object, *, folder: str | Path | None = None) -> Rule:
    """Return the rule that ``value`` spells.

    Args:
        value: a rule as written by a user, see the table above.
        folder: where relative paths of ``txt``, ``csv`` and ``tsv`` rules start; the working folder if None.

    Raises:
        UnknownNameError: if it stands in braces but is no rule.
        ConfigError: if it is a rule written wrongly.

    Example:
        >>> parse("{18-80}")
        Range(low=Decimal('18'), high=Decimal('80'), decimals=0)
        >>> parse("{{llm:a town in Peru}}")
        Ask(hint='a town in Peru')
        >>> parse(42)
        Fixed(value=42)
    """
    if isinstance(value, str):
        return _parse_text(value, Path(folder) if folder is not None else Path())
    if isinstance(value, (list, tuple)):
        return _choice(value)
    if isinstance(value, Mapping) and "choose" in value and set(value) <= {"choose", "weights"}:
        return _choice(value["choose"], value.get("weights"))
    if callable(value):
        return Call(value)
    return Fixed(value)


def parse_all(
    rules: Mapping[str, object], model: type[AttributeModel], *, folder: str | Path | None = None
) -> dict[str, Rule]:
    """Return the rules of a class's attributes; a rule that is None is left out.

    Raises:
        UnknownNameError: if the class has no such attribute.
        ConfigError: naming the attribute, if its rule is written wrongly.
    """
    parsed = {}
    for name, value in rules.items():
        if name not in model.model_fields:
            raise UnknownNameError(f"attribute of {model.__name__}", name, model.model_fields)
        if value is None:
            continue
        try:
            parsed[name] = parse(value, folder=folder)
        except UnknownNameError as error:
            raise UnknownNameError(f"rule for {name!r}:", error.name, error.known, _HELP) from error
        except ConfigError as error:
            raise ConfigError(f"rule for {name!r}: {error}") from error
    return parsed


def apply_rules(
    model: type[AttributeModel] | AttributeModel,
    rules: Mapping[str, object],
    rng: random.Random,
    *,
    ask: Collection[str] = (),
    folder: str | Path | None = None,
) -> Filled:
    """Collect the attributes of a model: by rule, else what it holds already, else asked of the model.

    A rule outranks what the class or instance holds. The draw of one attribute does not depend on the rules of the
    others, so adding a rule leaves the other values as they were.

    Args:
        model: a class, whose defaults count as held, or an instance.
        rules: rules by attribute.
        rng: source of chance.
        ask: attributes the language model is to write where there is no rule and nothing is held.
        folder: where relative paths in rules start.

    Returns:
        Known values and what is to be asked; empty attributes that nobody asks for are in neither.

    Raises:
        UnknownNameError: if an attribute or a rule is unknown.
        ConfigError: if a rule is written wrongly or its file cannot be used.

    Example:
        >>> from sdialog.personas import Customer
        >>> filled = apply_rules(Customer, {"age": 42, "issue": "{llm}"}, random.Random(13))
        >>> filled.values
        {'age': 42, 'language': 'English'}
        >>> filled.ask_llm
        {'issue': ''}
    """
    cls = model if isinstance(model, type) else type(model)
    parsed = parse_all(rules, cls, folder=folder)
    root = rng.getrandbits(63)
    held = _held(model)
    values: dict[str, object] = {}
    asked: dict[str, str] = {}
    for name in cls.model_fields:
        rule = parsed.get(name)
        if isinstance(rule, Fixed):
            values[name] = rule.value
        elif isinstance(rule, (Range, Choice, FromFile)):
            values[name] = rule.draw(named_rng(root, name))
        elif isinstance(rule, Ask):
            asked[name] = rule.hint
        elif rule is None and name in held:
            values[name] = held[name]
        elif rule is None and name in ask:
            asked[name] = ""
    for name, rule in parsed.items():
        if isinstance(rule, Call):
            made = _called(name, rule, {**dict.fromkeys(asked), **values}, named_rng(root, name))
            if made is None:
                asked[name] = ""
            else:
                values[name] = made
    return Filled(
        values={name: values[name] for name in cls.model_fields if name in values},
        ask_llm={name: asked[name] for name in cls.model_fields if name in asked},
    )


def _called(name: str, rule: Call, seen: Mapping[str, object], rng: random.Random) -> object:
    try:
        return rule.run(seen, rng)
    except Exception as error:
        error.add_note(f"raised by the function that makes the attribute {name!r}")
        raise


def _held(model: type[AttributeModel] | AttributeModel) -> dict[str, Any]:
    """Return what is set on an instance, or a class's defaults; 0 and False count as set, empty text does not."""
    if isinstance(model, type):
        fields = model.model_fields
        found = {n: f.get_default(call_default_factory=True) for n, f in fields.items() if not f.is_required()}
    else:
        found = {name: copy.deepcopy(getattr(model, name)) for name in type(model).model_fields}
    return {name: value for name, value in found.items() if not (value is None or value in ("", [], {}))}


def _parse_text(text: str, folder: Path) -> Rule:
    stripped = text.strip()
    if stripped == "*":
        return Ask()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return Fixed(text)
    doubled = stripped.startswith("{{") and stripped.endswith("}}")
    body = stripped[2:-2] if doubled else stripped[1:-1]
    keyword, _, rest = (part.strip() for part in body.partition(":"))
    if keyword == "llm":
        return Ask(rest)
    if keyword == "txt" and rest:
        return FromFile(folder / rest)
    if keyword in ("csv", "tsv"):
        column, _, path = (part.strip() for part in rest.partition(":"))
        if not (column and path):
            raise ConfigError(f"{stripped!r} is incomplete; write it as '{{{keyword}:COLUMN:PATH}}'")
        delimiter = "," if keyword == "csv" else "\t"
        return FromFile(folder / path, int(column) if column.isdecimal() else column, delimiter)
    if match := _RANGE.fullmatch(body):
        return _range(stripped, match[1], match[2])
    raise UnknownNameError("rule", stripped, [f"{{{word}}}" for word in _KEYWORDS], _HELP)


def _range(text: str, low: str, high: str) -> Range:
    ends = Decimal(low), Decimal(high)
    if ends[0] > ends[1]:
        raise ConfigError(f"{text!r} is empty: {low} is more than {high}")
    decimals = max(len(end.partition(".")[2]) for end in (low, high))
    return Range(*ends, decimals)


def _choice(options: object, weights: object = None) -> Choice:
    if not isinstance(options, Sequence) or isinstance(options, str) or not options:
        raise ConfigError(f"a choice needs a list of at least one item, not {options!r}")
    if weights is None:
        return Choice(tuple(options))
    if not isinstance(weights, Sequence) or len(weights) != len(options):
        raise ConfigError(f"a choice among {len(options)} items needs as many weights, not {weights!r}")
    if not all(isinstance(w, (int, float)) and w >= 0 for w in weights) or not sum(weights) > 0:
        raise ConfigError(f"weights are numbers from 0 up, at least one above 0, not {weights!r}")
    return Choice(tuple(options), tuple(float(w) for w in weights))


@lru_cache(maxsize=64)
def _entries(path: Path, column: str | int | None, delimiter: str, _modified: int) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        if column is None:
            return tuple(line.strip() for line in file.read().splitlines() if line.strip())
        rows = list(csv.reader(file, delimiter=delimiter))
    if isinstance(column, str):
        header = [cell.strip() for cell in rows[0]] if rows else []
        if column not in header:
            raise UnknownNameError(f"column of {path}", column, header)
        column, rows = header.index(column), rows[1:]
    return tuple(row[column].strip() for row in rows if len(row) > column and row[column].strip())
