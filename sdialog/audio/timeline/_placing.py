"""Places turns one after the other, and back-channels into what is then free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sdialog.audio.timeline._draws import Ask
from sdialog.audio.timeline.pieces import BACKCHANNEL, Dropped, Placed, Transition, Utterance
from sdialog.audio.timeline.spans import Span

FADE = 0.02
"""Seconds in which an interrupted turn fades out."""

_FIRST = 0.05  # of a turn is heard alone before the next begins
_CLEAR = 0.1  # between a back-channel and the beginning of a turn, or other speech of the listener
_EARLY = 0.25  # how far before the end of its clause a back-channel may begin, to fit


@dataclass(slots=True)
class Places:
    """Where the utterances are so far.

    Attributes:
        placed: by position in the list of utterances; turns come in order.
        transitions: of the turns after the first.
        dropped: back-channels without a place.
    """

    placed: dict[int, Placed] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """Who speaks when."""
        return [Span(one.speaker, one.start, one.end) for one in self.placed.values()]


def place_all(
    turns: Sequence[tuple[int, Utterance]],
    responses: Sequence[tuple[int, Utterance, float]],
    asks: Mapping[int, Ask],
    lead_in: float,
) -> Places:
    """Return every utterance at its place.

    Args:
        turns: position in the list of utterances, and the utterance, in order.
        responses: the same of the back-channels, with the seconds they come after their clause.
        asks: by position among the turns, how a turn follows; where there is none, its window tells.
        lead_in: seconds before the first.
    """
    places = Places()
    windows: dict[int, float] = {}
    ends: dict[str, float] = {}
    floor = lead_in
    before: Placed | None = None
    for number, (position, said) in enumerate(turns):
        ask = asks.get(number)
        victim = _cut(before, ask, ends, said) if ask and before else None
        if victim is not None and ask is not None:
            places.placed[victim.utterance] = before = victim
            ends[victim.speaker] = victim.end
            start, floor = victim.end - ask.yielding, max(ends.values())
        elif said.window is not None and said.window in windows:
            start = windows[said.window] + said.offset
        else:
            start = floor + (ask.bounded if ask else 0.0)
        if before is not None:
            start = max(start, before.start + min(_FIRST, before.duration), ends.get(said.speaker, 0.0))
        if said.window is not None:
            windows.setdefault(said.window, start - said.offset)
        if number:
            kind = "window" if ask is None else ask.kind
            if kind == "interruption" and victim is None:
                kind = "gap"
            asked = None if ask is None else (-ask.yielding if victim else ask.seconds)
            places.transitions.append(Transition(position, kind, asked, start - floor))
        before = Placed(said.turn, said.speaker, position, start, start + said.duration)
        places.placed[position] = before
        ends[said.speaker] = before.end
        floor = max(floor, before.end)
    _respond(places, turns, responses)
    return places


def _cut(before: Placed, ask: Ask, ends: Mapping[str, float], said: Utterance) -> Placed | None:
    """Return the turn before as it is cut; None where it cannot be."""
    if ask.kind != "interruption" or said.duration <= ask.yielding:
        return None
    # It begins when nobody but the victim speaks, himself included.
    others = max((end for speaker, end in ends.items() if speaker != before.speaker), default=0.0)
    start = max(before.start + ask.kept * before.duration - ask.yielding, others)
    cut = start + ask.yielding - before.start
    if cut > before.duration - FADE:
        return None
    return replace(before, end=before.start + cut, cut=cut, fade=min(FADE, cut))


def _respond(
    places: Places, turns: Sequence[tuple[int, Utterance]], responses: Sequence[tuple[int, Utterance, float]]
) -> None:
    by_turn = {said.turn: position for position, said in turns}
    said_at = dict(turns)
    for position, response, delay in responses:
        host = places.placed.get(by_turn.get(response.turn, -1))
        if host is None:
            places.dropped.append(Dropped(position, f"turn {response.turn} is not there"))
            continue
        clause = host.start + said_at[host.utterance].time_after(response.at)
        start = _free_start(places, host, response, clause + delay)
        if start is None or start < clause - _EARLY:
            why = "no room before the next turn begins, or the listener speaks himself"
            places.dropped.append(Dropped(position, why))
            continue
        places.placed[position] = Placed(
            response.turn, response.speaker, position, start, start + response.duration, BACKCHANNEL
        )


def _free_start(places: Places, host: Placed, response: Utterance, wanted: float) -> float | None:
    """Return when a back-channel can begin, as near as may be before the wanted time or at it."""
    others = [one for one in places.placed.values() if one is not host]
    limit = min([host.end, *(one.start for one in others if one.start > host.start and one.kind != BACKCHANNEL)])
    start = min(wanted, limit - _CLEAR - response.duration)
    for one in sorted(others, key=lambda one: one.start, reverse=True):
        clash = one.start - _CLEAR < start + response.duration and start < one.end + _CLEAR
        if one.speaker == response.speaker and clash:
            if one.start <= host.start:
                return None
            start = one.start - _CLEAR - response.duration
    return start if start >= host.start + _CLEAR else None
