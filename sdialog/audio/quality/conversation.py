"""Who speaks how much, how long the pauses are, and how much speech overlaps: told by labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from sdialog.audio.labels import Labels
from sdialog.audio.segments import BACKCHANNEL
from sdialog.audio.timeline.spans import Span, occupancy, transfers


@dataclass(frozen=True)
class ConversationMeasures:
    """How a conversation is filled, by its islands of speech.

    Attributes:
        speech: seconds in which somebody speaks.
        overlap: seconds in which at least two do.
        silence_ratio: share of the time from the first speech to the last in which nobody speaks.
        overlap_ratio: share of the speech in which at least two speak.
        speech_of: seconds of speech by speaker.
        turns: how many segments are turns.
        backchannels: how many segments are back-channels.
        interruptions: how many turns are cut short.
        gap: median seconds from one speaker to another; None where there are none.
        pause: median seconds of silence within what one speaker says.
        overlapping: median seconds of an overlap at a change of speakers.
        words_a_minute: words of all speakers for each minute of their speech; None where there is none.
    """

    speech: float
    overlap: float
    silence_ratio: float
    overlap_ratio: float
    speech_of: Mapping[str, float]
    turns: int
    backchannels: int
    interruptions: int
    gap: float | None
    pause: float | None
    overlapping: float | None
    words_a_minute: float | None

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def conversation(labels: Labels) -> ConversationMeasures:
    """Return how a conversation is filled.

    Labels without islands, such as those of the published package, are measured by their segments.

    Example:
        >>> from sdialog.audio.segments import Island, Segment
        >>> islands = [Island("Ann", 0.0, 2.0), Island("Bob", 1.5, 3.0), Island("Ann", 3.5, 4.0)]
        >>> found = conversation(Labels([], islands, 16000, 5.0))
        >>> found.overlap, found.silence_ratio, found.gap
        (0.5, 0.125, 0.5)
    """
    spans = [Span(one.speaker, one.start, one.end) for one in (labels.islands or labels.segments)]
    filled, found = occupancy(spans), transfers(spans)
    speech_of = dict.fromkeys(labels.speakers, 0.0)
    for span in spans:
        speech_of[span.speaker] += span.end - span.start
    spoken = sum(speech_of.values())
    words = sum(len(one.words) or len(one.text.split()) for one in labels.segments)
    turns = [one for one in labels.segments if one.kind != BACKCHANNEL]
    return ConversationMeasures(
        speech=filled.speech,
        overlap=filled.overlap,
        silence_ratio=filled.silence_ratio,
        overlap_ratio=filled.overlap_ratio,
        speech_of=speech_of,
        turns=len(turns),
        backchannels=len(labels.segments) - len(turns),
        interruptions=sum(one.interrupted for one in turns),
        gap=median(found.gaps) if found.gaps else None,
        pause=median(found.pauses) if found.pauses else None,
        overlapping=median(found.overlaps) if found.overlaps else None,
        words_a_minute=60 * words / spoken if spoken else None,
    )
