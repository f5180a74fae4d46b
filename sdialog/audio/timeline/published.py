"""The published functions that place turns, with their meaning and their limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy

_SIGMA, _LOW, _HIGH = 0.4, 0.05, 3.0
_NATURAL_MEDIAN = 0.4
_OVERLAP = (0.15, 1.0)
_FIRST, _SAME_SPEAKER = 0.05, 0.1


def validate_pauses(pauses: Any) -> None:
    """Check what is said about pauses.

    Args:
        pauses: ``natural``, the median of a log-normal in seconds (0 for no pauses), or a pair, the lowest and the
            highest.

    Raises:
        ConfigError: if it is none of these.

    Example:
        >>> validate_pauses((0.2, 0.7))
    """
    if isinstance(pauses, str):
        if pauses != "natural":
            raise ConfigError(f"pauses are 'natural', a number or a pair of numbers of seconds, not {pauses!r}")
    elif isinstance(pauses, (tuple, list)):
        if len(pauses) != 2 or not all(map(_is_number, pauses)) or not 0 <= pauses[0] <= pauses[1]:
            raise ConfigError(f"a range of pauses is 0 <= lowest <= highest, in seconds, not {pauses!r}")
    elif not _is_number(pauses) or pauses < 0:
        raise ConfigError(f"the median of pauses is a number of seconds from 0 on, not {pauses!r}")


def sample_pause(pauses: Any, rng: numpy.random.Generator) -> float:
    """Return a pause in seconds.

    Args:
        pauses: as :func:`validate_pauses` has it; a median is that of a log-normal of sigma 0.4, from 0.05 to 3 s, and
            ``natural`` is a median of 0.4 s.
        rng: where the random numbers come from.

    Raises:
        ConfigError: if the pauses are none.

    Example:
        >>> import numpy
        >>> 0.2 <= sample_pause((0.2, 0.7), numpy.random.Generator(numpy.random.PCG64(1))) <= 0.7
        True
    """
    validate_pauses(pauses)
    if isinstance(pauses, (tuple, list)):
        return float(rng.uniform(pauses[0], pauses[1]))
    median = _NATURAL_MEDIAN if pauses == "natural" else float(pauses)
    if median == 0:
        return 0.0
    return min(max(median * math.exp(_SIGMA * float(rng.standard_normal())), _LOW), _HIGH)


def place_turns(
    speakers: Sequence[Any],
    durations: Sequence[float],
    rng: numpy.random.Generator,
    pauses: Any = "natural",
    overlap: float = 0.0,
    max_overlap: float = 0.3,
    windows: Sequence[int] | None = None,
    natural_starts: Sequence[float] | None = None,
    lead_in: float = 0.3,
) -> tuple[list[float], list[float]]:
    """Return when each turn begins; :func:`~sdialog.audio.timeline.lay_out` does more.

    Args:
        speakers: who says each turn.
        durations: of the turns, in seconds.
        rng: where the random numbers come from.
        pauses: as :func:`sample_pause` has it; ``natural`` keeps the engine's pause between two turns of one window.
        overlap: chance that a change of speaker overlaps, by 0.15 to 1 s, 0 to 1.
        max_overlap: longest overlap, as a share of the turn before, 0 to 1.
        windows: of the turns, as the speech engine made them.
        natural_starts: when the engine began each turn, in seconds from the beginning of its window.
        lead_in: seconds before the first turn.

    Returns:
        The starts in seconds, and the gaps: seconds from the end of each turn to the beginning of the next, one fewer.
        A turn begins at least 0.05 s after the one before it, and 0.1 s after its speaker last spoke.

    Raises:
        ConfigError: if an argument is out of its range, or there is not one of something for each turn.

    Example:
        >>> import numpy
        >>> draw = numpy.random.Generator(numpy.random.PCG64(1))
        >>> place_turns(["Ann", "Bob"], [2.0, 1.0], draw, pauses=0, lead_in=0.5)
        ([0.5, 2.5], [0.0])
    """
    validate_pauses(pauses)
    for name, share in (("overlap", overlap), ("max_overlap", max_overlap)):
        if not _is_number(share) or not 0 <= share <= 1:
            raise ConfigError(f"{name} is a share from 0 to 1, not {share!r}")
    for what, given in (("durations", durations), ("windows", windows), ("natural_starts", natural_starts)):
        if given is not None and len(given) != len(speakers):
            raise ConfigError(f"{len(speakers)} turns have {len(given)} {what}; give one a turn")
    starts: list[float] = []
    gaps: list[float] = []
    free: dict[Any, float] = {}
    for turn, (speaker, duration) in enumerate(zip(speakers, durations, strict=True)):
        start = lead_in
        if turn:
            before = starts[-1] + durations[turn - 1]
            gap = sample_pause(pauses, rng)
            if pauses == "natural" and windows is not None and natural_starts is not None:
                gap = _engine_gap(turn, durations, windows, natural_starts, gap)
            if speaker != speakers[turn - 1] and rng.random() < overlap:
                gap = -min(float(rng.uniform(*_OVERLAP)), max_overlap * durations[turn - 1])
            start = max(before + gap, starts[-1] + _FIRST)
            if speaker in free:
                start = max(start, free[speaker] + _SAME_SPEAKER)
            gaps.append(start - before)
        starts.append(start)
        free[speaker] = start + duration
    return starts, gaps


def _engine_gap(
    turn: int, durations: Sequence[float], windows: Sequence[int], natural_starts: Sequence[float], other: float
) -> float:
    if windows[turn] != windows[turn - 1]:
        return other
    return max(natural_starts[turn] - natural_starts[turn - 1] - durations[turn - 1], 0.0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
