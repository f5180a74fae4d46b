"""Back-channels: which short responses listeners give, and after which words of the speaker."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.listener_words import listener_words
from sdialog.audio.timeline.pieces import LONG_TURN
from sdialog.core.seeds import rng

CHARACTERS_A_MINUTE = 900.0
"""How fast speech is taken to be before it is spoken: about 180 English words, spaces not counted."""

_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_IDEOGRAPH_WEIGHT = 3.0  # a syllable or two each, where a letter is a third of one
_CLEAR_BEFORE, _CLEAR_AFTER, _APART = 1.5, 1.5, 2.5
_CLAUSE = re.compile(r"(?:[,;:.!?\u2026\u2013\u2014]+[\"')\]\u201d\u2019\u00bb]*(?=\s)|[、。，；！？।،؛؟]+)")


@dataclass(frozen=True, slots=True)
class Backchannel:
    """A short response of a listener.

    Attributes:
        turn: number of the turn that is listened to.
        speaker: the listener, who says it.
        text: what he says.
        at: after which share of the turn's characters, spaces not counted, it comes, 0 to 1.
    """

    turn: int
    speaker: str
    text: str
    at: float

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def plan_backchannels(turns: Sequence[Any], timing: Any, seed: int = 0, language: str = "english") -> list[Backchannel]:
    """Return the back-channels of a conversation, before anything is spoken.

    They come after clauses of long turns, those expected to last 4 s or more, where listeners give them (Yngve, 1970;
    Duncan and Fiske, 1977): at least 1.5 s after the beginning and before the expected end of the turn, 2.5 s apart.
    Their number in such a turn follows Poisson's law with ``timing.backchannels`` a minute, as far as there are places.
    They are spoken in the listeners' voices and handed to :func:`~sdialog.audio.timeline.lay_out` with the turns.

    Args:
        turns: with the attributes ``speaker`` and ``text`` each, or pairs of them.
        timing: says how many a minute, and what they say; see :meth:`Timing.from_data` for what it may be.
        seed: the same seed gives the same; each turn draws from numbers of its own.
        language: its name in English, for the words.

    Raises:
        UnknownNameError: if there are to be some and no words for the language are known.

    Example:
        >>> story = "When I came home last night, the door was open, and the lights were on, which I never leave on."
        >>> plan = plan_backchannels([("Ann", story), ("Bob", "Oh no.")], Timing(backchannels=30.0), seed=3)
        >>> [(one.speaker, one.turn, round(one.at, 2)) for one in plan]
        [('Bob', 0, 0.3)]
    """
    pairs = [(str(turn[0]), str(turn[1])) if isinstance(turn, tuple) else (turn.speaker, turn.text) for turn in turns]
    timing = Timing.from_data(timing)
    speakers = list(dict.fromkeys(str(speaker) for speaker, _ in pairs))
    if not timing.backchannels or len(speakers) < 2:
        return []
    words = timing.backchannel_words or listener_words(language)
    planned: list[Backchannel] = []
    for number, (speaker, text) in enumerate(pairs):
        places = _places(text)
        draw = rng(seed, "timing", "backchannels", number)
        wanted = _poisson(timing.backchannels * _seconds(text) / 60, draw) if places else 0
        listeners = [one for one in speakers if one != str(speaker)]
        for at in _choose(places, wanted, _APART / max(_seconds(text), _APART), draw):
            who, what = int(draw.random() * len(listeners)), int(draw.random() * len(words))
            planned.append(Backchannel(number, listeners[who], words[what], at))
    return planned


def _seconds(text: str) -> float:
    """Return how long a text is expected to take."""
    letters = len("".join(text.split()))
    return 60 * (letters + (_IDEOGRAPH_WEIGHT - 1) * len(_IDEOGRAPHS.findall(text))) / CHARACTERS_A_MINUTE


def _places(text: str) -> list[float]:
    """Return after which shares of a text's characters a clause ends, clear of its beginning and end."""
    length, total = _seconds(text), len("".join(text.split()))
    if length < LONG_TURN:
        return []
    shares = [len("".join(text[: found.end()].split())) / total for found in _CLAUSE.finditer(text)]
    return [one for one in shares if one * length >= _CLEAR_BEFORE and (1 - one) * length >= _CLEAR_AFTER]


def _choose(places: Sequence[float], wanted: int, apart: float, draw: Random) -> list[float]:
    left, chosen = list(places), list[float]()
    while left and len(chosen) < wanted:
        one = left[int(draw.random() * len(left))]
        chosen.append(one)
        left = [other for other in left if abs(other - one) >= apart]
    return sorted(chosen)


def _poisson(mean: float, draw: Random) -> int:
    """Return a number of Poisson's law, by inversion of its distribution."""
    share, count = draw.random(), 0
    chance = total = math.exp(-mean)
    while share > total and count < 1000:
        count += 1
        chance *= mean / count
        total += chance
    return count
