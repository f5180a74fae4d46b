"""How well a recognizer understands a recording: word error rate of a round trip through speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sdialog.audio.labels import Labels
from sdialog.audio.recognizer import Recognizer, for_scoring
from sdialog.audio.segments import Segment
from sdialog.core.errors import UnknownNameError
from sdialog.core.optional import need

Recognize = Callable[[Any, int], str]
LISTENERS = ("closed", "open")
_AROUND = 0.1  # seconds of the recording before and after a turn


@dataclass(frozen=True)
class WordErrors:
    """What became of the words of some texts.

    Attributes:
        hits: words that were heard.
        substitutions: words in whose place others were heard.
        deletions: words that were not heard.
        insertions: words that were heard and not said.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def words(self) -> int:
        """How many were said."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float | None:
        """Word error rate, 0 or more; None where nothing was said."""
        return (self.substitutions + self.deletions + self.insertions) / self.words if self.words else None

    def __add__(self, other: WordErrors) -> WordErrors:
        """Return both together."""
        mine, others = asdict(self), asdict(other)
        return WordErrors(**{key: mine[key] + others[key] for key in mine})

    def json(self) -> dict[str, Any]:
        """Return plain data, the rate among them."""
        return {**asdict(self), "words": self.words, "rate": self.rate}


def word_errors(said: str, heard: str, language: str = "english") -> WordErrors:
    """Return how what was heard differs from what was said, after :func:`~sdialog.audio.recognizer.for_scoring`.

    Args:
        said: the reference.
        heard: what a recognizer wrote.
        language: of both.

    Raises:
        MissingDependencyError: if jiwer is not installed.

    Example:
        >>> word_errors("I'd like 2 teas, please.", "i'd like two tea")
        WordErrors(hits=3, substitutions=1, deletions=1, insertions=0)
    """
    jiwer = need("jiwer", extra="listening", why="count word errors")
    reference, hypothesis = for_scoring(said, language), for_scoring(heard, language)
    if not reference:  # jiwer refuses an empty reference
        return WordErrors(insertions=len(hypothesis.split()))
    found = jiwer.process_words(reference, hypothesis)
    return WordErrors(found.hits, found.substitutions, found.deletions, found.insertions)


def listen(
    audio: Any, rate: int, labels: Labels, recognize: Recognize | str = "closed", *, language: str = "english"
) -> dict[str, WordErrors]:
    """Return the word errors of each speaker when a recognizer hears their turns, one at a time.

    A turn is cut out with 0.1 s before and after it, in its channel or in the first; whoever speaks at the same time
    is heard with it. Of a turn that was cut short, the words that are heard in full count.

    Args:
        audio: array of shape (n,) or (n, channels).
        rate: samples a second.
        labels: of the recording.
        recognize: takes samples and rate, returns a text. ``closed`` is pocketsphinx that knows the dialog's texts,
            ``open`` one that does not; see :class:`~sdialog.audio.recognizer.Recognizer`.
        language: of the dialog.

    Raises:
        UnknownNameError: if ``recognize`` is another name.
        MissingDependencyError: if pocketsphinx or jiwer is not installed.
    """
    hear = listener(recognize, labels)
    found = {speaker: WordErrors() for speaker in labels.speakers}
    for segment in labels.segments:
        said = said_in(segment)
        if for_scoring(said, language):
            heard = hear(cut_out(audio, rate, segment), rate)
            found[segment.speaker] += word_errors(said, heard, language)
    return found


def listener(recognize: Recognize | str, labels: Labels) -> Recognize:
    """Return who listens; see :func:`listen`.

    Raises:
        UnknownNameError: if it is another name.
    """
    if not isinstance(recognize, str):
        return recognize
    if recognize not in LISTENERS:
        raise UnknownNameError("recognizer", recognize, LISTENERS)
    return Recognizer([said_in(one) for one in labels.segments] if recognize == "closed" else ())


def total(errors: Iterable[WordErrors]) -> WordErrors:
    """Return the errors of all together."""
    return sum(errors, WordErrors())


def said_in(segment: Segment) -> str:
    """Return what is heard of a segment's text."""
    if not segment.interrupted or not segment.words:
        return segment.text
    return " ".join(word.text for word in segment.words if not word.text.endswith("-"))


def cut_out(audio: Any, rate: int, segment: Segment) -> Any:
    """Return the samples of a segment, in its channel or the first, with 0.1 s before and after."""
    one = audio if audio.ndim == 1 else audio[:, segment.channel or 0]
    return one[max(0, round((segment.start - _AROUND) * rate)) : max(0, round((segment.end + _AROUND) * rate))]
