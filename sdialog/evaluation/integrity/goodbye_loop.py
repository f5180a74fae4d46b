"""Do the speakers go on saying goodbye?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from sdialog.core.errors import ConfigError
from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk
from sdialog.evaluation.integrity.wording import is_closing, says_goodbye


class GoodbyeLoopDetector(IntegrityDetector):
    """Finds goodbyes that are exchanged on and on.

    After the first goodbye, each speaker may close the conversation twice ("Thanks, bye!", "You too!"); whatever then
    still only closes it is one too many. Somebody who comes back with something new starts the count again.

    Args:
        name: what it is called in tables.
        ai_speaker: count only the faults of this speaker.
        rounds: how often each speaker may close, at least 1.

    Raises:
        ConfigError: if ``rounds`` is less.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = ["It is on its way.", "Thanks, bye!", "Goodbye!", "Bye!", "Take care!", "You too!", "See you!"]
        >>> dialog = Dialog(turns=[Turn(speaker="AB"[n % 2], text=text) for n, text in enumerate(said)])
        >>> GoodbyeLoopDetector()(dialog), GoodbyeLoopDetector()(dialog[:5])
        (1, 0)
    """

    kind = "goodbye_loop"
    english: ClassVar[bool] = True

    def __init__(self, name: str | None = None, ai_speaker: str | None = None, *, rounds: int = 2) -> None:
        super().__init__(name, ai_speaker)
        if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
            raise ConfigError(f"rounds is a whole number from 1 up, not {rounds!r}")
        self.rounds = rounds

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each goodbye that is one too many."""
        allowed = self.rounds * max(2, len(set(talk.speakers)))
        run = 0
        for number in talk.spoken:
            text = talk.own_words[number]
            run = run + 1 if says_goodbye(text) or (run and is_closing(text)) else 0
            if run > allowed:
                yield Fault(number, talk.labels[number], f"closing turn {run} in a row", talk.texts[number])
