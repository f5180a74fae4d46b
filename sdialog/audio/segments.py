"""What is labelled in a recording: turns with their words, and the stretches in which somebody is heard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sdialog.audio.sound import Phoneme, Word
from sdialog.core.errors import UserError

TURN = "turn"
BACKCHANNEL = "backchannel"


@dataclass(frozen=True, slots=True)
class Segment:
    """A turn in a recording, from the first sound of it to the last.

    Attributes:
        turn: number of the turn in the dialog; of a back-channel, the turn that is listened to.
        speaker: who says it.
        text: as the dialog has it, also where another speaker cut it short.
        start, end: seconds from the beginning of the recording.
        channel: number of the channel in which the speaker is heard; None where it is all of them.
        words: with their times from the beginning of the recording; those that were cut off are not among them.
            Pairs (text, start) are taken too: such a word lasts until the next one.
        kind: ``turn`` or ``backchannel``.
        interrupted: whether another speaker cut it short.

    Raises:
        UserError: if a time is not a number, or the end is before the start.

    Example:
        >>> segment = Segment(0, "Ann", "Oh, hello.", 0.5, 1.5, words=[("Oh,", 0.5), ("hello.", 0.9)])
        >>> segment.duration, [(word.text, word.start, word.end) for word in segment.words]
        (1.0, [('Oh,', 0.5, 0.9), ('hello.', 0.9, 1.5)])
    """

    turn: int
    speaker: str
    text: str
    start: float
    end: float
    channel: int | None = None
    words: Sequence[Word] = ()
    kind: str = TURN
    interrupted: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.start <= self.end):
            raise UserError(f"turn {self.turn}: a segment ends after it starts, not from {self.start} to {self.end}")
        object.__setattr__(self, "words", _words(self.words, self.end))

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def moved(self, seconds: float) -> Segment:
        """Return the segment, so many seconds later."""
        words = tuple(word.moved(seconds) for word in self.words)
        return replace(self, start=self.start + seconds, end=self.end + seconds, words=words)

    def json(self) -> dict[str, Any]:
        """Return plain data; a word is [text, start, end], and its sounds after these where they are known."""
        return {
            "turn": self.turn,
            "speaker": self.speaker,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "channel": self.channel,
            "words": [_plain_word(word) for word in self.words],
            "kind": self.kind,
            "interrupted": self.interrupted,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Segment:
        """Return the segment that :meth:`json` wrote."""
        return cls(**{**data, "words": tuple(_read_word(entry) for entry in data.get("words", ()))})


@dataclass(frozen=True, slots=True)
class Island:
    """A stretch of speech without a pause in it.

    Attributes:
        speaker: who speaks.
        start, end: seconds from the beginning of the recording.
        turn: number of the turn; None where it is not known.
        channel: number of the channel in which the speaker is heard; None where it is all of them.
        kind: of the segment it belongs to, ``turn`` or ``backchannel``.
    """

    speaker: str
    start: float
    end: float
    turn: int | None = None
    channel: int | None = None
    kind: str = TURN

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {name: getattr(self, name) for name in ("speaker", "start", "end", "turn", "channel", "kind")}


def _words(words: Sequence[Any], end: float) -> tuple[Word, ...]:
    made = []
    for place, word in enumerate(words):
        if isinstance(word, Word):
            made.append(word)
            continue
        text, start = word
        following = words[place + 1] if place + 1 < len(words) else None
        until = end if following is None else following.start if isinstance(following, Word) else following[1]
        made.append(Word(text, start, max(start, until)))
    return tuple(made)


def _plain_word(word: Word) -> list[Any]:
    plain: list[Any] = [word.text, word.start, word.end]
    if word.phonemes:
        plain.append([[sound.symbol, sound.start, sound.end] for sound in word.phonemes])
    return plain


def _read_word(entry: Sequence[Any]) -> Any:
    if len(entry) == 2:  # as published: the word and when it begins
        return tuple(entry)
    return Word(entry[0], entry[1], entry[2], tuple(Phoneme(*sound) for sound in (entry[3] if len(entry) > 3 else ())))
