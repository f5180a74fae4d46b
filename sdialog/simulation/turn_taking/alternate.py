"""Parties speak in turn, over and over, in the order they were given."""

from __future__ import annotations

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, policies


@policies.register("alternate")
class Alternate(TurnTaking):
    """The next party in order speaks; with two, they alternate."""

    async def next(self, floor: Floor) -> str:
        """Return the one after the last speaker."""
        return floor.after(floor.last)
