"""What the timing of a conversation is, beside what it should be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.pieces import BACKCHANNEL, LONG_TURN, Placed, Transition
from sdialog.audio.timeline.spans import Span, Transfers, occupancy, transfers


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio that was asked for.

    Attributes:
        requested, achieved: the ratio.
        reached: whether they differ by at most 0.002.
        why: what kept it from being reached; empty where it was.
    """

    requested: float
    achieved: float
    reached: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class TimelineStatistics:
    """What the timing of a conversation is. An utterance counts as speech from its beginning to its end.

    Attributes:
        length: seconds from the beginning of the first speech to the end of the last.
        speech: seconds in which at least one speaks.
        overlap: seconds in which at least two speak.
        silence_ratio: share of the length in which nobody speaks.
        overlap_ratio: share of the speech in which at least two speak.
        speech_of: seconds of speech of each speaker.
        turns: how many were placed.
        interruptions: turns that were cut.
        backchannels: back-channels that were placed.
        long_turns: seconds of turns of 4 s or more, in which there may be some.
        gaps, pauses, overlaps, insides: as :class:`~sdialog.audio.timeline.Transfers` has them.
        bounded: turns that do not follow as was asked, because an overlap or a gap would have been too long, a turn
            would have begun before the one before it, or a speaker would have spoken twice at once.
        targets: ``silence`` and ``overlapped``, where the timing asks for them.
        requested: what the timing asks for, by the names of its attributes; of a law, its median.
    """

    length: float
    speech: float
    overlap: float
    silence_ratio: float
    overlap_ratio: float
    speech_of: Mapping[str, float]
    turns: int
    interruptions: int
    backchannels: int
    long_turns: float = 0.0
    gaps: tuple[float, ...] = ()
    pauses: tuple[float, ...] = ()
    overlaps: tuple[float, ...] = ()
    insides: tuple[float, ...] = ()
    bounded: int = 0
    targets: Mapping[str, Target] = field(default_factory=dict)
    requested: Mapping[str, float] = field(default_factory=dict)

    @property
    def offsets(self) -> tuple[float, ...]:
        """Floor-transfer offsets in seconds: gaps, and overlaps as numbers below 0."""
        return (*self.gaps, *(-one for one in self.overlaps))

    @property
    def overlap_share(self) -> float | None:
        """Share of the changes of speaker that overlap; None where there are none."""
        return Transfers(list(self.gaps), [], list(self.overlaps)).overlap_share

    @property
    def turns_per_minute(self) -> float | None:
        """Turns for each minute of the length; None where there is no length."""
        return 60 * self.turns / self.length if self.length else None

    @property
    def backchannels_per_minute(self) -> float | None:
        """Back-channels for each minute of turns of 4 s or more; None where there are no such turns."""
        return 60 * self.backchannels / self.long_turns if self.long_turns else None

    def json(self) -> dict[str, Any]:
        """Return plain data, the derived numbers among them."""
        return asdict(self) | {
            "overlap_share": self.overlap_share,
            "turns_per_minute": self.turns_per_minute,
            "backchannels_per_minute": self.backchannels_per_minute,
        }

    def table(self) -> str:
        """Return the numbers as lines of text, what was asked for beside what was achieved."""
        rows: list[tuple[str, float | None, float | None]] = [
            ("length (s)", None, self.length),
            ("silence ratio", self.requested.get("silence"), self.silence_ratio),
            ("overlap ratio", self.requested.get("overlapped"), self.overlap_ratio),
            ("changes that overlap", self.requested.get("overlap_share"), self.overlap_share),
            ("median gap (s)", self.requested.get("gap"), _middle(self.gaps)),
            ("median pause (s)", self.requested.get("pause"), _middle(self.pauses)),
            ("median overlap (s)", self.requested.get("overlap"), _middle(self.overlaps)),
            ("turns per minute", None, self.turns_per_minute),
            ("back-channels per minute", self.requested.get("backchannels"), self.backchannels_per_minute),
            ("interruptions", None, float(self.interruptions)),
            ("bounded turns", None, float(self.bounded)),
        ]
        rows += [(f"speech of {name} (s)", None, seconds) for name, seconds in self.speech_of.items()]
        width = max(len(name) for name, _, _ in rows)
        lines = [f"{'':{width}}  requested  achieved"]
        lines += [f"{name:{width}}  {_shown(asked):>9}  {_shown(got):>8}" for name, asked, got in rows]
        lines += [f"{key} missed: {one.why}" for key, one in self.targets.items() if not one.reached]
        return "\n".join(lines)


def measure(
    placed: Iterable[Placed],
    timing: Timing | None = None,
    transitions: Sequence[Transition] = (),
    why: Mapping[str, str] | None = None,
) -> TimelineStatistics:
    """Return what the timing of placed utterances is.

    Args:
        placed: the utterances at their places.
        timing: what was asked for, to be reported beside it.
        transitions: how each turn was asked to follow.
        why: for ``silence`` and ``overlapped``, what kept a target from being reached.

    Example:
        >>> print(measure([Placed(0, "Ann", 0, 0.3, 2.3), Placed(1, "Bob", 1, 2.8, 4.3)]).silence_ratio)
        0.125
    """
    every = list(placed)
    spans = [Span(one.speaker, one.start, one.end) for one in every]
    filled, found = occupancy(spans), transfers(spans)
    turns = [one for one in every if one.kind != BACKCHANNEL]
    speech_of: dict[str, float] = {}
    for one in sorted(every, key=lambda one: (one.start, one.utterance)):
        speech_of[one.speaker] = speech_of.get(one.speaker, 0.0) + one.duration
    return TimelineStatistics(
        length=filled.length,
        speech=filled.speech,
        overlap=filled.overlap,
        silence_ratio=filled.silence_ratio,
        overlap_ratio=filled.overlap_ratio,
        speech_of=speech_of,
        turns=len(turns),
        interruptions=sum(one.cut is not None for one in turns),
        backchannels=len(every) - len(turns),
        long_turns=math.fsum(one.duration for one in turns if one.duration >= LONG_TURN),
        gaps=tuple(found.gaps),
        pauses=tuple(found.pauses),
        overlaps=tuple(found.overlaps),
        insides=tuple(found.insides),
        bounded=sum(one.asked is not None and abs(one.asked - one.got) > 1e-6 for one in transitions),
        targets=_targets(timing, filled.silence_ratio, filled.overlap_ratio, why or {}),
        requested=_requested(timing),
    )


def _targets(timing: Timing | None, silence: float, overlapped: float, why: Mapping[str, str]) -> dict[str, Target]:
    if timing is None:
        return {}
    pairs = {"silence": (timing.silence, silence), "overlapped": (timing.overlapped, overlapped)}
    return {
        key: Target(asked, got, key not in why, why.get(key, ""))
        for key, (asked, got) in pairs.items()
        if asked is not None
    }


def _requested(timing: Timing | None) -> dict[str, float]:
    if timing is None:
        return {}
    asked: dict[str, float] = {
        "overlap_share": timing.overlap_share,
        "gap": timing.gap.quantile(0.5),
        "pause": timing.pause.quantile(0.5),
        "overlap": timing.overlap.quantile(0.5),
        "backchannels": timing.backchannels,
    }
    # A closed loop changes lengths and numbers; what it is asked for is the ratio.
    if timing.overlapped is not None:
        del asked["overlap_share"], asked["overlap"]
        asked["overlapped"] = timing.overlapped
    if timing.silence is not None:
        del asked["gap"], asked["pause"]
        asked["silence"] = timing.silence
    return asked


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _shown(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.3f}"
