"""Directions that are added to a model's activations or taken out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.interpretability.base import BaseSteerer
from sdialog.interpretability.plan import Edit

if TYPE_CHECKING:
    from sdialog.interpretability.inspector import Inspector

Interval = tuple[int | str, int | str]


@dataclass(frozen=True, eq=False)
class Steering:
    """One change that an inspector makes at its targets.

    Attributes:
        op: an operation of :class:`~sdialog.interpretability.plan.Edit`.
        value: direction, or a function of activations for ``call``.
        strength: how strongly.
    """

    op: str
    value: Any
    strength: float = 1.0

    @property
    def takes_strength(self) -> bool:
        """Whether a strength makes a difference: a function has its own ways."""
        return self.op != "call"

    def with_strength(self, strength: float) -> Steering:
        """Return the same with another strength."""
        return replace(self, strength=strength)

    def edits(self, sites: Sequence[str], interval: Interval) -> list[Edit]:
        """Return it as changes of sites."""
        return [Edit(site, self.op, self.value, self.strength, span=interval_span(interval)) for site in sites]


class DirectionSteerer(BaseSteerer):
    """A direction to add to an inspector's targets (``steerer + inspector``) or to take out (``steerer - inspector``).

    Args:
        direction: vector of the targets' size: list, array or tensor, or a
            :class:`~sdialog.interpretability.directions.Direction`.
        inspector: add it to this inspector at once.

    Example:
        >>> from sdialog.interpretability import Inspector
        >>> inspector = DirectionSteerer([0.0, 1.0]) * 2 + Inspector("layers.1.resid_post")
        >>> [(edit.op, edit.strength, edit.span) for edit in inspector.edits()]
        [('add', 2.0, 'everything')]
    """

    def __init__(self, direction: Any, inspector: Inspector | None = None) -> None:
        self.direction, self.strength = direction, 1.0
        steering_of(self)  # refuses what is no direction here, and not in the middle of a dialog
        self.inspector = inspector
        if inspector is not None:
            _ = self + inspector

    def __add__(self, inspector: Inspector) -> Inspector:
        return inspector + self

    def __sub__(self, inspector: Inspector) -> Inspector:
        return inspector - self

    def __mul__(self, strength: float) -> DirectionSteerer:
        steerer = DirectionSteerer(self.direction)
        steerer.strength = float(strength)
        return steerer

    __rmul__ = __mul__


def steering_of(given: Any, op: str = "add") -> Steering:
    """Return what is to be done with a direction, a steerer or a function.

    Raises:
        TypeError: if it is none of these.
    """
    if isinstance(given, DirectionSteerer):
        return replace(steering_of(given.direction, op), strength=given.strength)
    vector = getattr(given, "vector", given)
    if hasattr(vector, "shape") or isinstance(vector, (list, tuple)):
        shape = tuple(getattr(vector, "shape", (len(vector),)))
        if len(shape) == 2 and shape[0] == 1:
            vector, shape = vector[0], shape[1:]
        if len(shape) != 1:
            raise TypeError(f"a direction is one vector, of shape (size,); this one has the shape {shape}")
        return Steering(op, vector)
    if callable(given):
        if op != "add":
            raise TypeError("a function cannot be taken out; add it")
        return Steering("call", given)
    raise TypeError(f"an inspector is steered by a vector, a Direction, a steerer or a function, not {given!r:.60}")


def read_interval(interval: Any) -> Interval:
    """Check an interval of tokens and return it.

    Raises:
        ConfigError: if it is none.
    """
    try:
        first, end = interval
    except (TypeError, ValueError):
        raise ConfigError(f"a steering interval is a pair (first, end), not {interval!r:.60}") from None
    for bound in (first, end):
        if not isinstance(bound, int) and bound != "*":
            raise ConfigError(f"the ends of a steering interval are numbers or '*', not {bound!r:.60}")
    if isinstance(end, int) and end < -1:
        raise ConfigError(f"the end of a steering interval counts generated tokens, or is -1 or '*'; not {end}")
    if isinstance(first, int) and isinstance(end, int) and first >= 0 and -1 < end <= first:
        raise ConfigError(f"the steering interval ({first}, {end}) holds no token")
    return first, end


def interval_span(interval: Interval) -> str:
    """Return the span of an interval: the tokens at which the model chooses those of the interval.

    Example:
        >>> interval_span(("*", "*")), interval_span((0, -1)), interval_span((2, 4)), interval_span((-3, 2))
        ('everything', 'choices', 'choices[2:4]', 'prompt[-3:] | choices[0:2]')
    """
    first, end = interval
    stop = "" if end in ("*", -1) else str(end)
    chosen = "choices" if not stop else f"choices[0:{stop}]"
    if first == "*":
        return "everything" if not stop else f"prompt | {chosen}"
    if isinstance(first, int) and first < 0:
        return f"prompt[{first}:] | {chosen}"
    return chosen if first == 0 else f"choices[{first}:{stop}]"
