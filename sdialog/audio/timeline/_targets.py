"""The closed loop: gaps and overlaps are changed until the whole conversation has the wanted ratios."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdialog.audio.timeline._draws import Ask, Joint
from sdialog.audio.timeline._placing import Places
from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.spans import occupancy

CLOSE = 0.002
"""A ratio this near to its target has reached it."""

_ROUNDS = 40
_CHOOSING = 4  # rounds in which any turns may be chosen to overlap; then a choice stays as long as it can do
_ENOUGH = 1e-5
_MOST_OVERLAPS = 2 / 3  # of the changes, as long as that is enough


@dataclass(frozen=True, slots=True)
class _Aim:
    overlap: float
    silence: float


def reach(joints: Sequence[Joint], timing: Timing, place: Callable[[dict[int, Ask]], Places]) -> Places:
    """Return the places that come nearest to the targets of a timing.

    Total silence and total overlap are what the choices add up to, so each round corrects both sums by what the last
    placing lacked. A round places everything anew, so that back-channels, interruptions and windows count as well.
    """
    best = place(natural_asks(joints, timing))
    if timing.silence is None and timing.overlapped is None:
        return best
    places, least = best, _miss(best, timing)
    filled = occupancy(places.spans)
    aim = _Aim(filled.overlap, filled.length - filled.speech)
    free = [one for one in joints if one.interruption is None]
    chosen: list[Joint] = []
    for turn in range(_ROUNDS):
        filled = occupancy(places.spans)
        aim = _corrected(aim, filled.speech, filled.overlap, filled.length - filled.speech, timing)
        chosen = _overlapping(free, aim, timing, chosen if turn >= _CHOOSING else [])
        places = place(_asks(joints, timing, aim, chosen))
        miss = _miss(places, timing)
        if miss < least:
            best, least = places, miss
        if miss[1] < _ENOUGH:
            break
    return best


def natural_asks(joints: Sequence[Joint], timing: Timing) -> dict[int, Ask]:
    """Return how each turn follows as it was drawn."""
    return {one.position: one.ask(one.rank < timing.overlap_share and one.most > 0) for one in joints}


def _miss(places: Places, timing: Timing) -> tuple[float, float]:
    """Return by how much the targets are missed: the one missed most (so far as it matters), and all together."""
    filled = occupancy(places.spans)
    silence = 0.0 if timing.silence is None else abs(filled.silence_ratio - timing.silence)
    overlap = 0.0 if timing.overlapped is None else abs(filled.overlap_ratio - timing.overlapped)
    return round(max(silence, overlap), 4), silence + overlap


def _corrected(aim: _Aim, speech: float, overlap: float, silence: float, timing: Timing) -> _Aim:
    more, longer = 0.0, 0.0
    if timing.overlapped is not None:
        more = timing.overlapped * speech - overlap
    if timing.silence is not None:
        longer = timing.silence / (1 - timing.silence) * speech - silence
    return _Aim(max(aim.overlap + more, 0.0), max(aim.silence + longer, 0.0))


def _asks(joints: Sequence[Joint], timing: Timing, aim: _Aim, chosen: Sequence[Joint]) -> dict[int, Ask]:
    asks = natural_asks(joints, timing)
    if timing.overlapped is not None:
        lengths = scaled([one.overlap for one in chosen], [one.most for one in chosen], aim.overlap)
        asks |= {one.position: one.ask(True, length) for one, length in zip(chosen, lengths, strict=True)}
    taken = {one.position for one in chosen}
    rest = [one for one in joints if one.interruption is None and one.position not in taken]
    gaps = [one.gap for one in rest]
    if timing.silence is not None:
        gaps = scaled(gaps, [timing.max_gap] * len(rest), aim.silence)
    return asks | {one.position: one.ask(False, gap) for one, gap in zip(rest, gaps, strict=True)}


def _gaps_needed(aim: _Aim, timing: Timing) -> int:
    """Return how many gaps it takes at least to hold the silence."""
    return math.ceil(aim.silence / timing.max_gap) if timing.silence and timing.max_gap else 0


def _overlapping(free: Sequence[Joint], aim: _Aim, timing: Timing, held: list[Joint]) -> list[Joint]:
    """Return which turns overlap the one before: as few as give enough, in the order of their ranks.

    Those of the round before are held on to where they can give enough, so that the rounds do not go in circles.
    """
    able = sorted((one for one in free if one.most > 0), key=lambda one: (one.rank, one.position))
    room = max(len(able) - max(_gaps_needed(aim, timing) - (len(free) - len(able)), 0), 0)
    if timing.overlapped is None:
        return [one for one in able if one.rank < timing.overlap_share][:room]
    if len(held) <= room and math.fsum(one.most for one in held) >= aim.overlap:
        return held
    most = min(room, max(math.floor(_MOST_OVERLAPS * len(able)), 1))
    for lengths, limit in (
        ([min(one.overlap, one.most) for one in able], most),  # as long as they were drawn
        ([0.8 * one.most for one in able], most),  # longer
        ([one.most for one in able], room),  # as long as may be, and as many
    ):
        for count in range(limit + 1):
            if math.fsum(lengths[:count]) >= aim.overlap:
                return able[:count]
    return sorted(able, key=lambda one: -one.most)[:room]


def scaled(lengths: Sequence[float], most: Sequence[float], total: float) -> list[float]:
    """Return lengths times one factor, none above its limit, so that they add up to a total as far as they can.

    Example:
        >>> scaled([1.0, 1.0, 2.0], [9.0, 9.0, 2.5], 6.5)
        [2.0, 2.0, 2.5]
    """
    if not any(length > 0 for length in lengths):
        lengths = [1.0] * len(lengths)
    done = [0.0] * len(lengths)
    # The first to meet its limit is the one whose limit is the smallest multiple of its length.
    order = sorted(
        (place for place, length in enumerate(lengths) if length > 0), key=lambda place: most[place] / lengths[place]
    )
    left, weight = total, math.fsum(lengths)
    for place in order:
        done[place] = min(most[place], max(left, 0.0) * lengths[place] / weight) if weight > 0 else 0.0
        left, weight = left - done[place], weight - lengths[place]
    return done


def why_missed(joints: Sequence[Joint], timing: Timing, places: Places) -> dict[str, str]:
    """Return, for each target that was missed, why."""
    filled, reasons = occupancy(places.spans), dict[str, str]()
    kinds = {one.kind for one in places.transitions}
    silence, overlapped = timing.silence, timing.overlapped
    if overlapped is not None and abs(filled.overlap_ratio - overlapped) > CLOSE:
        if filled.overlap_ratio > overlapped:
            reasons["overlapped"] = (
                "back-channels, interruptions or the speech engine's own timing overlap more already"
            )
        elif not any(one.most > 0 and one.interruption is None for one in joints):
            reasons["overlapped"] = "no change of speaker is free to overlap"
        else:
            reasons["overlapped"] = (
                f"overlaps of at most {timing.max_overlap:g} of the shorter turn (max_overlap) add up to no more"
                + (", with the gaps that the silence needs (max_gap)" if silence else "")
            )
    if silence is not None and abs(filled.silence_ratio - silence) > CLOSE:
        if filled.silence_ratio > silence:
            reasons["silence"] = "what is not free to change is silent for longer already (windows, cut turns)"
        elif not kinds & {"gap", "pause"}:
            reasons["silence"] = "no turn follows another after a gap that could be longer"
        else:
            reasons["silence"] = f"gaps of at most {timing.max_gap:g} s (max_gap) add up to no more"
    return reasons
