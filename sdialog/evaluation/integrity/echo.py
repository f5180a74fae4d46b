"""Does a speaker say back what another has just said?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sdialog.core.errors import ConfigError
from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk, likeness, tokens
from sdialog.evaluation.integrity.wording import is_formula
from sdialog.evaluation.metrics.transcript import is_question

_FIRST = frozenset({
    "i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "i'm", "i've", "i'll", "i'd", "we're",
    "we've", "we'll", "am",
})  # fmt: skip
_SECOND = frozenset({
    "you", "your", "yours", "yourself", "you're", "you've", "you'll", "you'd",
})  # fmt: skip
_LOOK_BACK = 3


class EchoDetector(IntegrityDetector):
    """Finds turns that say back, nearly word for word, what another speaker said shortly before.

    Reading back a number or a fact is none, nor is an answer in the words of its question, nor thanks and goodbyes,
    nor anything in quotation marks. Short turns are never taken for an echo: "I see." may follow "I see.".

    Args:
        name: what it is called in tables.
        ai_speaker: count only the faults of this speaker.
        least_words: how many words other than numbers it takes, at least 1.
        alike: how alike the two must be, above 0 and up to 1 (twice the words in common over all words).

    Raises:
        ConfigError: if a limit cannot be met.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = "I want to return the lamp I bought"
        >>> turns = [Turn(speaker="User", text=f"{said}."), Turn(speaker="Bot", text=f"Well, {said.lower()}!")]
        >>> dialog = Dialog(turns=turns)
        >>> EchoDetector()(dialog), EchoDetector().inspect(dialog).faults[0].turn
        (1, 1)
    """

    kind = "echo"

    def __init__(
        self, name: str | None = None, ai_speaker: str | None = None, *, least_words: int = 5, alike: float = 0.8
    ) -> None:
        super().__init__(name, ai_speaker)
        self.least_words, self.alike = checked(least_words, alike)

    def unknown(self, talk: Talk) -> str | None:
        """Return that it takes two."""
        return None if len(set(talk.speakers)) > 1 else "there is only one speaker, so nobody to echo"

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each echo."""
        for number in talk.spoken:
            own = tokens(talk.own_words[number])
            if content(own) < self.least_words or is_formula(talk.own_words[number]):
                continue
            for earlier in self._others_before(talk, number):
                other = tokens(talk.own_words[earlier])
                if likeness(own, other, self.alike) >= self.alike and _says_back(talk, number, earlier):
                    yield Fault(number, talk.labels[number], f"says back turn {earlier}", talk.texts[number])
                    break

    def _others_before(self, talk: Talk, number: int) -> Iterator[int]:
        for earlier in range(number - 1, max(-1, number - 1 - _LOOK_BACK), -1):
            if talk.speakers[earlier] != talk.speakers[number]:
                yield earlier


def _says_back(talk: Talk, number: int, earlier: int) -> bool:
    """Tell an echo from an answer or a confirmation, which turn "you" into "I", or a statement into a question."""
    own, other = talk.tokens[number], talk.tokens[earlier]
    new, gone, kept = set(own) - set(other), set(other) - set(own), set(own) & set(other)
    if (new & _FIRST and gone & _SECOND) or (new & _SECOND and gone & _FIRST):
        return False
    return bool(kept & (_FIRST | _SECOND)) or is_question(talk.texts[number]) == is_question(talk.texts[earlier])


def content(words: Sequence[str]) -> int:
    """Return how many words there are, without numbers, codes and letters; signs of unspaced scripts count half."""
    plain = [word for word in words if not any(sign.isdigit() for sign in word)]
    spaced = sum(len(word) > 1 or word in ("i", "a") for word in plain)
    return spaced + sum(len(word) == 1 and not word.isascii() for word in plain) // 2


def checked(least_words: Any, alike: Any) -> tuple[int, float]:
    """Return the limits.

    Raises:
        ConfigError: if they cannot be met.
    """
    if isinstance(least_words, bool) or not isinstance(least_words, int) or least_words < 1:
        raise ConfigError(f"least_words is a whole number from 1 up, not {least_words!r}")
    if not isinstance(alike, (int, float)) or not 0 < alike <= 1:
        raise ConfigError(f"alike is above 0 and at most 1, not {alike!r}")
    return least_words, float(alike)
