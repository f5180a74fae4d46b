"""One party leads the conversation and gives the word to the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, fits, named_in, policies

_FILLER = re.compile(
    r"\b(?:next|speaker|now|then|please|it'?s|your|turn|the|floor|goes|to|is|over)\b|\W+", re.IGNORECASE
)


@policies.register("moderator")
class Moderator(TurnTaking):
    """A moderator has the word first and after every other turn, and says who speaks next.

    What the moderator says is a turn like any other ("Thank you, Ana. Ben, do you agree?") and the one it names,
    the last one if it names several, has the next turn. If it says nothing but a name ("Ben", "Next: Ben"), that
    is a choice without a turn. If it names nobody, the one silent the longest speaks. When the moderator ends the
    conversation, it is over for all.

    Args:
        name: which party leads.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, parties: Sequence[str]) -> None:
        """Raise unless the moderator is one of the parties."""
        fits(self.name, parties, "moderator")

    async def next(self, floor: Floor) -> str:
        """Return the moderator, or the one it chose."""
        others = floor.candidates(besides=self.name)
        if floor.chosen in others:
            return str(floor.chosen)
        if floor.last != self.name:
            return self.name
        named = named_in(floor.turns[-1].text, others)
        if not named:
            floor.count("choice_fallback")
        return named[-1] if named else floor.longest_silent(others)

    def chooser(self, floor: Floor, name: str) -> str | None:
        """Return the moderator, for every choice but that of itself."""
        return None if name == self.name else self.name

    def over(self, floor: Floor) -> bool:
        """Whether the moderator has closed the conversation."""
        return self.name in floor.left

    def silent_choice(self, floor: Floor, speaker: str, text: str) -> str | None:
        """Return the name if the moderator's reply is nothing but one."""
        if speaker != self.name:
            return None
        named = named_in(text, floor.candidates(besides=self.name))
        if len(named) != 1:
            return None
        rest = text
        for word in named[0].split():
            rest = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", rest, flags=re.IGNORECASE)
        return named[0] if not _FILLER.sub("", rest) else None
