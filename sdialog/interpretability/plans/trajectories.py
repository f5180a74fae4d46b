"""Targets that change from reply to reply, as files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.interpretability.plans.data import finite_number
from sdialog.interpretability.plans.schedules import BY_TURN

RAMP = ("from", "to", "replies")


@dataclass(frozen=True)
class Trajectory:
    """What a reading ought to be in each of an agent's replies.

    Attributes:
        values: for each reply; the last holds on.
        told: as files have it.

    Example:
        >>> Trajectory.read({"from": 0, "to": 3, "replies": 4}).values
        (0.0, 1.0, 2.0, 3.0)
        >>> Trajectory.read({"by_turn": [0, 0, 3]}).values, Trajectory.read(1).values
        ((0.0, 0.0, 3.0), (1.0,))
    """

    values: tuple[float, ...]
    told: Any

    @classmethod
    def read(cls, given: Any) -> Trajectory:
        """Read a number, ``{by_turn: [...]}``, or ``{from: A, to: B, replies: N}``, which gets to B in reply N.

        Raises:
            UnknownNameError: for another key.
            ConfigError: if it is none.
        """
        if not isinstance(given, Mapping):
            only = finite_number(given, "a target")
            return cls((only,), only)
        for key in given:
            if key not in (BY_TURN, *RAMP):
                raise UnknownNameError("key of a target", str(key), (BY_TURN, *RAMP))
        if BY_TURN in given:
            listed = given[BY_TURN]
            if len(given) > 1 or not isinstance(listed, (list, tuple)) or not listed:
                raise ConfigError(f"{BY_TURN} is a list of numbers and stands alone, not {dict(given)!r:.60}")
            values = tuple(finite_number(one, BY_TURN) for one in listed)
            return cls(values, {BY_TURN: list(values)} if len(values) > 1 else values[0])
        if missing := [key for key in RAMP if key not in given]:
            raise ConfigError(f"a target that moves has from, to and replies; {' and '.join(missing)} is missing")
        first, last, replies = finite_number(given["from"], "from"), finite_number(given["to"], "to"), given["replies"]
        if isinstance(replies, bool) or not isinstance(replies, int) or replies < 2:
            raise ConfigError(f"replies is in how many replies the target is reached, from 2, not {replies!r:.40}")
        steps = [place / (replies - 1) for place in range(replies)]
        values = tuple(first * (1 - step) + last * step for step in steps)
        return cls(values, {"from": first, "to": last, "replies": replies})
