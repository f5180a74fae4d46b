"""Places the utterances of a conversation in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sdialog.audio.timeline._draws import Ask, Joint, draw_joints
from sdialog.audio.timeline._placing import Places, place_all
from sdialog.audio.timeline._targets import reach, why_missed
from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.measures import measure
from sdialog.audio.timeline.pieces import BACKCHANNEL, Timeline, Utterance
from sdialog.core.errors import ConfigError, UserError
from sdialog.core.seeds import rng

_RESPONSE = (0.05, 0.35)


def lay_out(
    utterances: Sequence[Utterance],
    timing: Any = "natural",
    seed: int = 0,
    *,
    gaps: Sequence[float] | None = None,
) -> Timeline:
    """Return the utterances of a conversation at their places.

    Turns stay in order: none begins before the one before it has been heard for 0.05 s. Nobody speaks twice at once.
    Each turn draws from numbers of its own, so that a change to one turn, to the voices or to the room leaves the draws
    of the others as they were. The utterances of a window keep the mutual timing that the speech engine gave them.

    Args:
        utterances: turns in order, and back-channels, which may come anywhere.
        timing: a ``Timing``, or its name, file or data; see :meth:`Timing.from_data`.
        seed: the same seed gives the same timeline.
        gaps: seconds between turns, one fewer than there are turns, in place of those of the timing, as
            :func:`ask_gaps` gives them; below 0 they overlap. They are bounded by ``max_gap`` and ``max_overlap``.

    Returns:
        The timeline, with its statistics. Back-channels that find no place are in ``dropped``.

    Raises:
        UserError: if gaps are not one fewer than turns, or not numbers.
        ConfigError: if there are gaps and also a target for silence or overlap.

    Example:
        >>> from sdialog.audio.timeline import Fixed
        >>> timing = Timing(gap=Fixed(0.25), overlap_share=0.0)
        >>> line = lay_out([Utterance(0, "Ann", 2.0), Utterance(1, "Bob", 1.0)], timing)
        >>> [(one.speaker, one.start, one.end) for one in line.placed], line.duration
        ([('Ann', 0.3, 2.3), ('Bob', 2.55, 3.55)], 4.05)
    """
    wanted = Timing.from_data(timing)
    turns = [(position, said) for position, said in enumerate(utterances) if said.kind != BACKCHANNEL]
    responses = _responses(utterances, seed)
    joints = draw_joints([said for _, said in turns], wanted, seed)

    def place(asks: dict[int, Ask]) -> Places:
        return place_all(turns, responses, asks, wanted.lead_in)

    places = reach(joints, wanted, place) if gaps is None else place(_given(gaps, len(turns), joints, wanted))
    placed = tuple(sorted(places.placed.values(), key=lambda one: (one.start, one.utterance)))
    why = why_missed(joints, wanted, places)
    statistics = measure(placed, wanted, places.transitions, why)
    end = max((one.end for one in placed), default=wanted.lead_in)
    return Timeline(
        placed, end + wanted.tail, wanted, statistics, seed, tuple(places.transitions), tuple(places.dropped)
    )


def ask_gaps(
    source: Callable[[Sequence[str], Sequence[float]], Sequence[float]],
    texts: Sequence[str],
    durations: Sequence[float],
) -> list[float]:
    """Return gaps that a callable, such as a language model, tells for the turns of a conversation.

    Args:
        source: takes the texts and the durations in seconds, and returns the seconds between each turn and the next;
            below 0 they overlap.
        texts: of the turns.
        durations: of the turns, in seconds.

    Returns:
        One gap fewer than there are turns, unbounded; :func:`lay_out` bounds them.

    Raises:
        UserError: if there is not one duration a text, or the callable returns anything else than so many numbers.

    Example:
        >>> ask_gaps(lambda texts, durations: [0.8 if text.endswith("?") else 0.2 for text in texts[:-1]],
        ...          ["How are you?", "Fine.", "Good."], [1.0, 0.5, 0.5])
        [0.8, 0.2]
    """
    if len(texts) != len(durations):
        raise UserError(f"{len(texts)} texts have {len(durations)} durations; give one duration a text")
    if len(texts) < 2:
        return []
    return checked_gaps(source(list(texts), list(durations)), len(texts))


def checked_gaps(gaps: Any, turns: int) -> list[float]:
    """Return the gaps of some turns as numbers.

    Raises:
        UserError: if they are not one fewer than turns, or not finite numbers.
    """
    values = list(gaps) if isinstance(gaps, Sequence) and not isinstance(gaps, str) else None
    if values is None or len(values) != max(turns - 1, 0):
        said = repr(gaps)[:80] if values is None else f"{len(values)}"
        raise UserError(
            f"{turns} turns have {max(turns - 1, 0)} gaps, a list of so many numbers of seconds, not {said}"
        )
    for place, value in enumerate(values):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and math.isfinite(value)):
            raise UserError(f"gap {place} is {value!r}; a gap is a finite number of seconds, below 0 for an overlap")
    return [float(value) for value in values]


def _given(gaps: Sequence[float], turns: int, joints: Sequence[Joint], timing: Timing) -> dict[int, Ask]:
    if timing.silence is not None or timing.overlapped is not None:
        raise ConfigError("gaps are given and the timing has a target; leave out the one or the other")
    values = checked_gaps(gaps, turns)
    asks: dict[int, Ask] = {}
    for joint in joints:
        value = values[joint.position - 1]
        kind = "pause" if not joint.change else "gap" if value >= 0 else "overlap"
        asks[joint.position] = Ask(kind, value, joint.most if joint.change else 0.0, timing.max_gap)
    return asks


def _responses(utterances: Sequence[Utterance], seed: int) -> list[tuple[int, Utterance, float]]:
    """Return the back-channels in order, with the seconds each comes after its clause."""
    met: dict[int, int] = {}
    found = []
    for position, said in enumerate(utterances):
        if said.kind == BACKCHANNEL:
            met[said.turn] = met.get(said.turn, 0) + 1
            share = rng(seed, "timing", "response", said.turn, met[said.turn]).random()
            found.append((position, said, _RESPONSE[0] + share * (_RESPONSE[1] - _RESPONSE[0])))
    return sorted(found, key=lambda one: (one[1].turn, one[1].at))
