"""A dialog as the detectors read it: prepared once for all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdialog.evaluation.integrity.parties import Party, parties, party_names
from sdialog.evaluation.metrics.text import MARKS, UNSPACED

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|(?<!\w)'[^'\n]{4,}?'(?!\w)|(?<!\w)‘[^’\n]{4,}?’(?!\w)")
# Scripts without spaces between words count by the character.
_SIGNS = rf"[^\W_{UNSPACED}]+"
_TOKEN = re.compile(rf"[{UNSPACED}]|{_SIGNS}(?:['-]{_SIGNS}|[{MARKS}]+(?:['-]?{_SIGNS})?)*")
# A model that has lost its way writes blank lines by the thousand, which patterns would try in all ways.
_GAP = re.compile(r"\s{3,}")
_LONG = 300
_LATIN, _LETTER = re.compile(r"[a-zA-Z]"), re.compile(r"[^\W\d_]")


def tokens(text: str) -> list[str]:
    """Return words and numbers in lower case, with straight apostrophes.

    Example:
        >>> tokens("It’s B4821, isn't it?")
        ["it's", 'b4821', "isn't", 'it']
    """
    return _TOKEN.findall(text.lower().replace("’", "'"))


def unquoted(text: str) -> str:
    """Return a text without what it quotes: a speaker may say anything in another's words.

    Example:
        >>> unquoted('You said "I am Riley", did you not?'), unquoted('"I am Riley."')
        ('You said  , did you not?', 'I am Riley.')
    """
    whole = text.strip()
    if _QUOTED.fullmatch(whole):  # models put quotation marks around their own words
        return whole[1:-1]
    return _QUOTED.sub(" ", text)


def likeness(one: Sequence[str], other: Sequence[str], least: float = 0.0) -> float:
    """Return how alike two sequences of words are: twice the words in common, in order, over all words.

    Args:
        one: words.
        other: words.
        least: what is surely less is given as 0, without a closer look.

    Example:
        >>> likeness("a b c d".split(), "a b d".split())
        0.8571428571428571
    """
    total = len(one) + len(other)
    if not one or not other or 2 * min(len(one), len(other)) < least * total:
        return 0.0
    if 2 * sum((Counter(one) & Counter(other)).values()) < least * total:
        return 0.0
    if len(one) > _LONG and len(other) > _LONG:  # the exact way takes too long; the order within pairs will do
        pairs, others = Counter(pairwise(one)), Counter(pairwise(other))
        return 2 * sum((pairs & others).values()) / (total - 2)
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


@dataclass(frozen=True)
class Talk:
    """A dialog, prepared.

    Attributes:
        labels: speaker of each turn, as written.
        texts: what is said, long gaps closed.
        names: names that each speaker goes by, by the label in lower case.
        ai_speaker: who is known to be the helper, if anybody is.
        complete: whether the dialog ended by itself; None if unknown.
        scenario: what it was generated from.
        personas: persona of each speaker, by the label in lower case.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> turns = [Turn(speaker="Bot", text="What is it?"), Turn(speaker="User", text="My card.")]
        >>> Talk.of(Dialog(turns=turns)).roles
        ['helper', 'client']
    """

    labels: list[str | None]
    texts: list[str]
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    ai_speaker: str | None = None
    complete: bool | None = None
    scenario: Any = None
    personas: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dialog: Dialog, ai_speaker: str | None = None) -> Talk:
        """Return a dialog prepared."""
        labels = [turn.speaker for turn in dialog]
        personas = {label.casefold(): persona for label, persona in (dialog.personas or {}).items()}
        names = party_names(labels, personas)
        texts = [_GAP.sub(lambda gap: "\n\n" if "\n" in gap[0] else " ", turn.text) for turn in dialog]
        return cls(labels, texts, names, ai_speaker, dialog.complete, dialog.scenario, personas)

    @cached_property
    def speakers(self) -> list[str]:
        """Speaker of each turn, in lower case."""
        return [(label or "").casefold() for label in self.labels]

    @cached_property
    def own_words(self) -> list[str]:
        """Each text with straight apostrophes and without what it quotes."""
        return [unquoted(text.replace("’", "'")) for text in self.texts]

    @cached_property
    def tokens(self) -> list[list[str]]:
        """Words and numbers of each turn."""
        return [tokens(text) for text in self.texts]

    @cached_property
    def spoken(self) -> list[int]:
        """Numbers of the turns with a word in them."""
        return [number for number, found in enumerate(self.tokens) if found]

    @cached_property
    def latin(self) -> bool:
        """Whether most letters are Latin, or there are none at all."""
        text = "".join(self.texts)
        return 2 * len(_LATIN.findall(text)) >= len(_LETTER.findall(text))

    @cached_property
    def roles(self) -> list[Party | None]:
        """Role of each turn's speaker: ``helper``, ``client``, or None where neither can be told."""
        found = parties(self.speakers, self.own_words, self.ai_speaker, self.personas)
        return [found.get(speaker) for speaker in self.speakers]

    def before(self, number: int) -> int | None:
        """Return the number of the turn before with a word in it, None if there is none."""
        return next((earlier for earlier in range(number - 1, -1, -1) if self.tokens[earlier]), None)
