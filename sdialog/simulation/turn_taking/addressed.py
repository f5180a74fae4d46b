"""Whoever is spoken to by name answers."""

from __future__ import annotations

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, named_in, policies


@policies.register("addressed")
class Addressed(TurnTaking):
    """The party whom the last utterance names speaks next; named last if it names several.

    When nobody is named, the one who has been silent the longest speaks.
    """

    async def next(self, floor: Floor) -> str:
        """Return the one spoken to."""
        if floor.last is None:
            return floor.after(None)
        others = floor.candidates(besides=floor.last)
        named = named_in(floor.turns[-1].text, others)
        return named[-1] if named else floor.longest_silent(others)
