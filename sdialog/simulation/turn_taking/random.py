"""The next speaker is drawn by lot."""

from __future__ import annotations

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, policies


@policies.register("random")
class RandomOrder(TurnTaking):
    """Anybody but the last speaker, each as likely as the others; the first party opens the conversation."""

    async def next(self, floor: Floor) -> str:
        """Return a drawn name."""
        return floor.parties[0] if floor.last is None else floor.rng.choice(floor.candidates(besides=floor.last))
