"""A dialog as the linguistic metrics read it: split into sentences and words once, for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sdialog.evaluation.metrics.text import mostly_latin, sentences, words

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True)
class Transcript:
    """Who says what, and whose turns count.

    Attributes:
        labels: the speaker of each turn, as written.
        texts: what is said in each turn.
        speaker: whose turns count, in any letter case; None for all.

    Example:
        >>> talk = Transcript(["Ann", "Bob"], ["Where is it?", "Here. I think."], speaker="bob")
        >>> talk.own, talk.words
        ([1], [['where', 'is', 'it'], ['here', 'i', 'think']])
    """

    labels: list[str | None]
    texts: list[str]
    speaker: str | None = None

    @classmethod
    def of(cls, dialog: Dialog, speaker: str | None = None) -> Transcript:
        """Return the transcript of a dialog."""
        return cls([turn.speaker for turn in dialog], [turn.text for turn in dialog], speaker)

    @cached_property
    def speakers(self) -> list[str]:
        """The speaker of each turn, without regard to letter case."""
        return [(label or "").casefold() for label in self.labels]

    @cached_property
    def own(self) -> list[int]:
        """Numbers of the turns that count."""
        if self.speaker is None:
            return list(range(len(self.texts)))
        wanted = self.speaker.casefold()
        return [number for number, speaker in enumerate(self.speakers) if speaker == wanted]

    @cached_property
    def own_texts(self) -> list[str]:
        """Texts of the turns that count."""
        return [self.texts[number] for number in self.own]

    @cached_property
    def lowered(self) -> list[str]:
        """Each text in lower case, with straight apostrophes."""
        return [text.lower().replace("’", "'") for text in self.texts]

    @cached_property
    def sentences(self) -> list[list[list[str]]]:
        """For each turn the words of each of its sentences; those without a word are left out."""
        return [[found for sentence in sentences(text) if (found := words(sentence))] for text in self.texts]

    @cached_property
    def words(self) -> list[list[str]]:
        """The words of each turn."""
        return [[word for sentence in turn for word in sentence] for turn in self.sentences]

    @cached_property
    def own_words(self) -> list[str]:
        """All words of the turns that count."""
        return [word for number in self.own for word in self.words[number]]

    @cached_property
    def plain_sentences(self) -> list[list[list[str]]]:
        """The sentences with straight apostrophes, as word lists have them."""
        return [
            [[word.replace("’", "'") for word in sentence] for sentence in turn] if "’" in text else turn
            for turn, text in zip(self.sentences, self.texts, strict=True)
        ]

    @cached_property
    def plain_words(self) -> list[list[str]]:
        """The words of each turn, with straight apostrophes."""
        return [[word for sentence in turn for word in sentence] for turn in self.plain_sentences]

    @cached_property
    def latin(self) -> bool:
        """Whether the turns that count are mostly in Latin letters, without which English word lists say nothing."""
        return mostly_latin(self.own_words)

    def replies(self) -> Iterator[tuple[int, int]]:
        """Yield the numbers of a turn and of the turn it answers, for the turns that count.

        A turn answers the one before it, if that is another speaker's.
        """
        for number in self.own:
            if number and self.speakers[number] != self.speakers[number - 1]:
                yield number, number - 1


def is_question(text: str) -> bool:
    """Return whether a text holds a question mark."""
    return "?" in text or "？" in text or "؟" in text
