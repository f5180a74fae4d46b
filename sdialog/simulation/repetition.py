"""Noticing that a conversation goes round in circles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.simulation.farewell import is_farewell
from sdialog.simulation.stop_reasons import GOODBYE_LOOP, REPETITION

if TYPE_CHECKING:
    from sdialog.core.dialog import Turn

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class LoopDetector:
    """Decides after each turn whether the conversation is stuck.

    Three things count as stuck: one party says the same utterance, or the same sequence of two or three
    utterances, ``repeats`` times on end (very short ones, such as "Yes.", two times more); one utterance ends in
    the same words over and over, as small models do; everybody says goodbye and then goes on saying it.

    Args:
        repeats: how often is too often, at least 2; 0 turns the detector off.

    Raises:
        ConfigError: if ``repeats`` is 1 or negative.

    Example:
        >>> from sdialog.core.dialog import Turn
        >>> stuck = [Turn(speaker=s, text=t) for s, t in [("A", "Where is my order?"), ("B", "Let me look.")] * 3]
        >>> LoopDetector().check(stuck, parties=2)
        'repetition'
    """

    repeats: int = 3

    def __post_init__(self) -> None:
        if self.repeats < 0 or self.repeats == 1:
            raise ConfigError(
                f"what is said once is no loop: repeats is at least 2, or 0 for never; not {self.repeats}"
            )

    def check(self, turns: Sequence[Turn], *, parties: int) -> str | None:
        """Return the stop reason that the last turn gives, or None.

        Args:
            turns: the dialog so far.
            parties: how many are taking part.

        Returns:
            ``repetition``, ``goodbye_loop`` or None.
        """
        if not self.repeats or not turns:
            return None
        last = turns[-1]
        if len(turns) > parties and all(is_farewell(turn.text) for turn in turns[-parties - 1 :]):
            return GOODBYE_LOOP
        if is_word_loop(last.text) or self._circles(turns):
            return REPETITION
        return None

    def _circles(self, turns: Sequence[Turn]) -> bool:
        speaker, longest = turns[-1].speaker, 3 * (self.repeats + 2)
        own: list[str] = []
        for turn in reversed(turns):
            if turn.speaker == speaker:
                own.append(normalised(turn.text))
                if len(own) == longest:
                    break
        for period in (1, 2, 3):
            words = sum(len(text.split()) for text in own[:period])
            times = self.repeats if words >= 3 * period else self.repeats + 2
            if len(own) >= times * period and own[: times * period] == own[:period] * times:
                return True
        return False


def normalised(text: str) -> str:
    """Return the words of ``text`` in lower case, without punctuation."""
    return " ".join(_WORD.findall(text.casefold()))


def is_word_loop(text: str, *, times: int = 6, longest: int = 6) -> bool:
    """Tell whether an utterance ends in the same one to ``longest`` words said at least ``times`` times on end.

    Example:
        >>> is_word_loop("I will check " * 8), is_word_loop("No, no, no, that is wrong.")
        (True, False)
    """
    words = normalised(text).split()
    for size in range(1, longest + 1):
        tail = words[-size * times :]
        if len(tail) == size * times and tail == tail[:size] * times:
            return True
    return False
