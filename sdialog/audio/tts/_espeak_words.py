"""Which token of a text each of espeak-ng's events belongs to, and when it is said."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.audio.sound import Phoneme, Word
from sdialog.audio.speech_text import by_token
from sdialog.audio.tts._espeak_server import PHONEME, WORD
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

Event = tuple[int, int, int, int, str]
QUIET = 10 ** (-50 / 20)  # of the peak; what is below is not yet, or no longer, speech
PAUSE = 0.01


def timed_words(text: str, events: Sequence[Event], samples: Samples, rate: int) -> tuple[Word, ...]:
    """Return the tokens of a text with their times and sounds.

    espeak-ng tells a word by its place in the text. A number gives several events for a token, some phrases one event
    for several tokens, and a few events point a little beside the word; so an event belongs to the token at its place,
    or to the last one where the place goes back, and tokens left over share the time of their neighbour. Beside a
    pause the edge of a word is where its energy is, which the events miss by the closure of a plosive.

    Args:
        text: as spoken.
        events: type, place in the text from 1, length, sample and phoneme of each event.
        samples: array of shape (n,).
        rate: samples a second.
    """
    tokens = [(match.group(), match.start()) for match in re.finditer(r"\S+", text)]
    if not tokens:
        return ()
    said = _said([start for _, start in tokens], events, len(samples), rate)
    exact = _to_energy([word for _, word in said], samples, rate)
    return by_token(
        [token for token, _ in tokens], [(index, word) for (index, _), word in zip(said, exact, strict=True)]
    )


def _said(starts: Sequence[int], events: Sequence[Event], total: int, rate: int) -> list[tuple[int, Word]]:
    """Return the tokens that are said, by number, with raw times."""
    begins: dict[int, float] = {}
    sounds: dict[int, list[Phoneme]] = {}
    current, symbol, since = 0, "", 0.0
    for kind, position, _, sample, text in [*events, (PHONEME, 0, 0, total, "")]:
        now = min(sample, total) / rate
        if kind == PHONEME:
            if symbol:
                sounds.setdefault(current, []).append(Phoneme(symbol, since, now))
            symbol, since = text, now
        elif kind == WORD:
            if symbol:
                # The last sound of the word before ends here; what follows until the next one is a closure.
                sounds.setdefault(current, []).append(Phoneme(symbol, since, now))
                symbol = ""
            current = max(current, bisect_right(starts, position - 1) - 1)
            begins.setdefault(current, now)
    made: list[tuple[int, Word]] = []
    for index in sorted(sounds):
        first, last = sounds[index][0], sounds[index][-1]
        start = min(begins.get(index, first.start), first.start)
        made.append((index, Word("", start, last.end, tuple(sounds[index]))))
    return made


def _to_energy(words: Sequence[Word], samples: Samples, rate: int) -> list[Word]:
    """Move the edges of words beside a pause to where the energy is, and keep the words in order."""
    numpy: Any = need("numpy", extra="audio", why="speak with espeak-ng")
    size = numpy.abs(samples)
    loud = numpy.flatnonzero(size > QUIET * size.max(initial=0.0))
    made: list[Word] = []
    for number, word in enumerate(words):
        start, end = max(word.start, made[-1].end if made else 0.0), word.end
        # A float to search for would make numpy copy the whole array.
        first, last = numpy.searchsorted(loud, (round(start * rate), round(end * rate)))
        within = loud[first:last]
        if len(within) and (number == 0 or start - words[number - 1].end > PAUSE):
            start = float(within[0]) / rate
        if len(within) and (number == len(words) - 1 or words[number + 1].start - end > PAUSE):
            end = float(within[-1] + 1) / rate
        heard = [sound for sound in word.phonemes if sound.start < end and sound.end > start]
        sounds = tuple(Phoneme(sound.symbol, max(sound.start, start), min(sound.end, end)) for sound in heard)
        made.append(Word(word.text, start, max(start, end), sounds))
    return made
