"""The ground truth of a recording: who says which words when, in which channel, and every choice behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.islands import speech_islands
from sdialog.audio.segments import Island, Segment
from sdialog.audio.sound import Word
from sdialog.audio.stems import heard_part
from sdialog.core.errors import DialogFormatError, UserError

if TYPE_CHECKING:
    from sdialog.audio.sound import Clip
    from sdialog.audio.timeline.pieces import Placed


@dataclass(frozen=True)
class Labels:
    """What is known of a recording without listening to it.

    Attributes:
        segments: turns and back-channels, in order of their starts.
        islands: stretches of speech without a pause, in order of their starts.
        sample_rate: samples a second.
        duration: seconds.
        channels: how many the recording has.
        speakers: in the order in which they first speak.
        voices: what each speaker's voice is, plain data by name.
        dialog_id: of the dialog.
        config: every choice that was made, requested and measured, as plain data.

    Raises:
        UserError: if a segment or island is in a channel that the recording does not have.

    Example:
        >>> labels = Labels([Segment(0, "Ann", "Hi!", 0.5, 1.0), Segment(1, "Bob", "Hello.", 0.9, 1.4)],
        ...                 [Island("Ann", 0.5, 1.0, 0), Island("Bob", 0.9, 1.4, 1)], 16000, 2.0)
        >>> labels.speakers, [(one.start, one.end) for one in labels.of("Bob").islands]
        (('Ann', 'Bob'), [(0.9, 1.4)])
    """

    segments: Sequence[Segment]
    islands: Sequence[Island]
    sample_rate: int
    duration: float
    channels: int = 1
    speakers: Sequence[str] = ()
    voices: Mapping[str, Any] = field(default_factory=dict)
    dialog_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("segments", "islands"):
            ordered = sorted(getattr(self, name), key=lambda one: (one.start, one.end))
            object.__setattr__(self, name, tuple(ordered))
            for one in ordered:
                if one.channel is not None and not 0 <= one.channel < self.channels:
                    raise UserError(
                        f"{one.speaker!r} is said to be in channel {one.channel}, but the recording has the channels "
                        f"0 to {self.channels - 1}; say how many there are with channels="
                    )
        spoken = [*(one.speaker for one in self.segments), *(one.speaker for one in self.islands)]
        heard = dict.fromkeys([*self.speakers, *spoken])
        object.__setattr__(self, "speakers", tuple(heard))

    def of(self, speaker: str) -> Labels:
        """Return the labels of one speaker alone."""
        return replace(
            self,
            segments=[one for one in self.segments if one.speaker == speaker],
            islands=[one for one in self.islands if one.speaker == speaker],
            speakers=(speaker,),
        )

    def moved(self, seconds: float | Mapping[str, float]) -> Labels:
        """Return the labels later by some seconds, such as the way of the sound to a microphone.

        Args:
            seconds: for all, or of each speaker by name; a speaker that is left out stays.

        Example:
            >>> labels = Labels([Segment(0, "Ann", "Hi!", 0.5, 1.0)], [], 16000, 2.0)
            >>> labels.moved({"Ann": 0.25}).segments[0].start
            0.75
        """

        def later(speaker: str) -> float:
            return seconds.get(speaker, 0.0) if isinstance(seconds, Mapping) else seconds

        moved = (replace(i, start=i.start + later(i.speaker), end=i.end + later(i.speaker)) for i in self.islands)
        return replace(self, segments=[one.moved(later(one.speaker)) for one in self.segments], islands=list(moved))

    def in_channels(self, channel_of: Mapping[str, int | None], channels: int) -> Labels:
        """Return the labels with each speaker in a channel, None for all of them."""
        return replace(
            self,
            segments=[replace(one, channel=channel_of.get(one.speaker)) for one in self.segments],
            islands=[replace(one, channel=channel_of.get(one.speaker)) for one in self.islands],
            channels=channels,
        )

    def json(self) -> dict[str, Any]:
        """Return plain data, under the keys that were published and some more."""
        return {
            "dialog_id": self.dialog_id,
            "sample_rate": self.sample_rate,
            "duration": self.duration,
            "channels": self.channels,
            "speakers": list(self.speakers),
            "voices": dict(self.voices),
            "segments": [one.json() for one in self.segments],
            "islands": [one.json() for one in self.islands],
            "config": dict(self.config),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Labels:
        """Return the labels that :meth:`json` wrote, or those of the published package (which has no islands).

        Raises:
            UserError: if the data are of another kind.
        """
        try:
            return cls(
                segments=[Segment.from_data(one) for one in data["segments"]],
                islands=[Island(**one) for one in data.get("islands", ())],
                sample_rate=data["sample_rate"],
                duration=data["duration"],
                channels=data.get("channels", 1),
                speakers=tuple(data.get("speakers", ())),
                voices=data.get("voices") or {},
                dialog_id=data.get("dialog_id"),
                config=data.get("config") or {},
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise UserError(f"these are no labels of a recording: {type(error).__name__}: {error}") from error

    @classmethod
    def from_file(cls, path: str | Path) -> Labels:
        """Return the labels in a JSON file.

        Raises:
            DialogFormatError: if the file holds something else; names it.
        """
        try:
            return cls.from_data(json.loads(Path(path).read_text(encoding="utf-8-sig")))
        except OSError as error:
            raise UserError(f"the labels {path} cannot be read: {error.strerror}") from error
        except (UserError, ValueError) as error:
            raise DialogFormatError(str(error), file=path) from error


def label(
    placed: Iterable[Placed],
    clips: Sequence[Clip],
    texts: Sequence[str],
    *,
    sample_rate: int,
    duration: float,
    **more: Any,
) -> Labels:
    """Return the labels of clips at their places.

    A segment begins with the first sound of its clip and ends with the last that is kept, as
    :func:`~sdialog.audio.islands.speech_islands` finds them; a clip without sound keeps its place and has no island.
    Words that the engine timed beyond these sounds are drawn into them.

    Args:
        placed: where the utterances are, such as ``lay_out(...).placed``.
        clips: the dry clip of each utterance, by its position in the list that was laid out.
        texts: what each utterance says, likewise.
        sample_rate: of the recording.
        duration: of the recording in seconds.
        more: further fields of :class:`Labels`, such as ``dialog_id`` and ``config``.

    Raises:
        UserError: if there is no clip or text for an utterance.

    Example:
        >>> import numpy
        >>> from sdialog.audio.sound import Clip
        >>> from sdialog.audio.timeline import Placed
        >>> tone = numpy.sin(1 + numpy.arange(16000, dtype=numpy.float32) / 2)
        >>> clip = Clip(numpy.concatenate([0 * tone, tone, 0 * tone]), 16000, (Word("Hello.", 0.9, 2.1),))
        >>> placed = [Placed(0, "Ann", 0, 5.0, 8.0)]
        >>> segment = label(placed, [clip], ["Hello."], sample_rate=16000, duration=9.0).segments[0]
        >>> segment.start, segment.end, segment.words[0].start
        (6.0, 7.0, 6.0)
    """
    segments, islands = [], []
    for one in placed:
        if not one.utterance < min(len(clips), len(texts)):
            raise UserError(f"utterance {one.utterance} has no clip or no text: {len(clips)} clips, {len(texts)} texts")
        clip = clips[one.utterance]
        kept = heard_part(clip.samples, one, clip.rate)
        found = [(start + one.start, end + one.start) for start, end in speech_islands(kept, clip.rate)]
        start, end = (found[0][0], found[-1][1]) if found else (one.start, max(one.start, one.end))
        words = tuple(_inside(word, start, end) for word in one.heard(clip.words))
        cut = one.cut is not None
        segments.append(
            Segment(one.turn, one.speaker, texts[one.utterance], start, end, None, words, one.kind, interrupted=cut)
        )
        islands += [Island(one.speaker, first, last, one.turn, None, one.kind) for first, last in found]
    return Labels(segments, islands, sample_rate, duration, **more)


def _inside(word: Word, start: float, end: float) -> Word:
    sounds = word.phonemes
    if start <= word.start and word.end <= end and all(start <= one.start and one.end <= end for one in sounds):
        return word

    def near(moment: float) -> float:
        return min(max(moment, start), end)

    kept = tuple(replace(one, start=near(one.start), end=near(one.end)) for one in sounds)
    return Word(word.text, near(word.start), near(word.end), kept)
