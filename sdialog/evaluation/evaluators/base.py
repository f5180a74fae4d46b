"""What evaluators are made from: the class that custom ones extend, and their names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class BaseDatasetEvaluator(ABC):
    """A measure of a set of dialogs: one number, or some by name; None for what has no value.

    Subclasses write :meth:`__call__`. One without a ``name`` is called after its class.

    Example:
        >>> from sdialog import Dialog
        >>> class CountEvaluator(BaseDatasetEvaluator):
        ...     def __call__(self, dialogues, dataset_name=None, **options):
        ...         return sum(1 for _ in dialogues)
        >>> CountEvaluator()([Dialog(), Dialog()]), evaluator_name(CountEvaluator())
        (2, 'count')
    """

    @abstractmethod
    def __call__(self, dialogues: Any, dataset_name: str | int | None = None, **options: Any) -> Any:
        """Return the measure of a set of dialogs."""


def dash_case(name: str) -> str:
    """Return a CamelCase name in small letters with dashes.

    Example:
        >>> dash_case("FrechetBERTDistance")
        'frechet-bert-distance'
    """
    return _WORD_START.sub("-", name).lower()


def default_name(kind: type) -> str:
    """Return the name of an evaluator's class: in dash-case, without ``-evaluator``."""
    return dash_case(kind.__name__).removesuffix("-evaluator") or dash_case(kind.__name__)


def evaluator_name(evaluator: object) -> str:
    """Return the name of an evaluator, also of one that has none of its own."""
    return str(getattr(evaluator, "name", None) or default_name(type(evaluator)))


def columns(names: Iterable[str]) -> list[str]:
    """Return names without repetition: the second ``x`` becomes ``x-2``.

    Example:
        >>> columns(["x", "y", "x", "x-2"])
        ['x', 'y', 'x-2', 'x-2-2']
    """
    taken: list[str] = []
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}-{number}"
        taken.append(free)
    return taken


def flat(name: str, value: object) -> dict[str, Any]:
    """Return an evaluator's value as columns: ``name``, or ``name-metric`` for each of several, at any depth.

    Example:
        >>> flat("stats", {"length": {"mean": 2.0, "std": None}})
        {'stats-length-mean': 2.0, 'stats-length-std': None}
    """
    if not isinstance(value, Mapping):
        return {name: value}
    return {key: entry for part, inner in value.items() for key, entry in flat(f"{name}-{part}", inner).items()}
