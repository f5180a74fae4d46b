"""Does a speaker say the same thing again?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.echo import checked, content
from sdialog.evaluation.integrity.talk import Talk, likeness
from sdialog.evaluation.integrity.wording import is_formula, offers_more
from sdialog.evaluation.metrics.transcript import is_question

_ASKED_AGAIN = re.compile(
    r"\b(?:pardon|repeat|again|once more|what did you say|come again|say that|hear (?:you|that)"
    r"|catch (?:that|what|your)|breaking up|speak up|what was that|excuse me|sorry)\b[^.!]*\?"
    r"|\b(?:did not|didn't|couldn't|can't) (?:hear|catch|get|understand)",
    re.IGNORECASE,
)
# Up to how many words must come how often on end to go round and round: people do say "no, no, no".
_LOOPS: tuple[tuple[float, int], ...] = ((1, 6), (4, 5), (8, 4), (float("inf"), 3))
_ANSWER_WORDS = 2
_SHORT_TIMES = 3


class RepeatedTurnDetector(IntegrityDetector):
    """Finds turns that say again, nearly word for word, what the same speaker has said before.

    A short utterance of at least three words counts when it comes three times on end. Back-channels ("Okay."), thanks,
    goodbyes and offers of further help may come as often as they like, the same words with other numbers are another
    utterance, and who is asked to say it again may. Words that go round and round within one turn count too.

    Args:
        name: what it is called in tables.
        ai_speaker: count only the faults of this speaker.
        least_words: from how many words, numbers left out, one repetition is enough.
        alike: how alike the two must be, above 0 and up to 1 (twice the words in common over all words).

    Raises:
        ConfigError: if a limit cannot be met.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = ["Where is the lamp I ordered?", "On its way.", "Where is the lamp I ordered?"]
        >>> dialog = Dialog(turns=[Turn(speaker="AB"[n % 2], text=text) for n, text in enumerate(said)])
        >>> RepeatedTurnDetector().inspect(dialog).reason
        'turn 2: says turn 0 again'
    """

    kind = "repeated_turn"

    def __init__(
        self, name: str | None = None, ai_speaker: str | None = None, *, least_words: int = 6, alike: float = 0.9
    ) -> None:
        super().__init__(name, ai_speaker)
        self.least_words, self.alike = checked(least_words, alike)

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each turn that is said again."""
        own: dict[str, list[int]] = {}
        for number in talk.spoken:
            before = own.setdefault(talk.speakers[number], [])
            sign = self._sign(talk, number, before)
            before.append(number)
            if sign is not None:
                yield Fault(number, talk.labels[number], sign, talk.texts[number])

    def _sign(self, talk: Talk, number: int, before: Sequence[int]) -> str | None:
        said = talk.tokens[number]
        if _circles(said):
            return "the same words round and round"
        text = talk.texts[number]
        if is_formula(text) or offers_more(text) or self._was_asked(talk, number):
            return None
        if content(said) < self.least_words:
            last = [talk.tokens[earlier] for earlier in before[1 - _SHORT_TIMES :]]
            on_end = len(last) == _SHORT_TIMES - 1 and all(earlier == said for earlier in last)
            return f"{_SHORT_TIMES} times on end" if on_end and len(said) >= _SHORT_TIMES else None
        answer = content(said) < self.least_words + _ANSWER_WORDS and _answers(talk, number)
        for earlier in before:
            if answer and _answers(talk, earlier):
                continue  # "Sorry, I do not have that." may answer several questions
            if _numbers(said) == _numbers(talk.tokens[earlier]) and self._alike(said, talk.tokens[earlier]):
                return f"says turn {earlier} again"
        return None

    def _alike(self, one: Sequence[str], other: Sequence[str]) -> bool:
        return one == other or likeness(one, other, self.alike) >= self.alike

    def _was_asked(self, talk: Talk, number: int) -> bool:
        earlier = talk.before(number)
        if earlier is None or talk.speakers[earlier] == talk.speakers[number]:
            return False
        return _ASKED_AGAIN.search(talk.own_words[earlier]) is not None


def _answers(talk: Talk, number: int) -> bool:
    asked = talk.before(number)
    return asked is not None and is_question(talk.texts[asked]) and not is_question(talk.texts[number])


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(sign.isdigit() for sign in word)]


def _circles(words: Sequence[str]) -> bool:
    """Return whether the turn ends in the same few words said many times on end."""
    for size in range(1, len(words) // 3 + 1):
        times = next(times for longest, times in _LOOPS if size <= longest)
        if words[-1] != words[-1 - size]:
            continue
        tail = words[-size * times :]
        if len(tail) == size * times and list(tail) == list(tail[:size]) * times:
            return not all(any(sign.isdigit() for sign in word) for word in tail[:size])
    return False
