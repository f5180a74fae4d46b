"""Everybody speaks once a round, each round in a new order if wanted."""

from __future__ import annotations

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, policies


@policies.register("round_robin")
class RoundRobin(TurnTaking):
    """Everybody speaks once before anybody speaks again.

    Args:
        shuffle: draw a new order for each round, never giving one party two turns running.
    """

    def __init__(self, shuffle: bool = False) -> None:
        self.shuffle = shuffle

    async def next(self, floor: Floor) -> str:
        """Return one who has not spoken in this round."""
        present = floor.candidates()
        this_round: set[str] = set()
        for turn in floor.turns:
            this_round.add(turn.speaker or "")
            if this_round.issuperset(present):
                this_round.clear()
        waiting = [name for name in present if name not in this_round and name != floor.last]
        if not waiting:
            waiting = floor.candidates(besides=floor.last)
        return floor.rng.choice(waiting) if self.shuffle else floor.after(floor.last, waiting)
