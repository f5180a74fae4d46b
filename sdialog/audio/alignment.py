"""When each word of a known text is said: found by forced alignment, or guessed and marked as a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sdialog.audio.islands import speech_islands
from sdialog.audio.recognizer import PAD, add_words, for_recognizer, new_decoder
from sdialog.audio.sound import Clip, Phoneme, Word, mono, words_evenly
from sdialog.audio.speech_text import SpokenText, read
from sdialog.core.optional import available

_FRAME = 0.01  # seconds, of the recognizer
_SILENCES = ("<sil>", "<s>", "</s>", "(NULL)", "[NOISE]", "[SPEECH]")


@dataclass(frozen=True)
class Alignment:
    """The words of a clip with their times.

    Attributes:
        words: one a token of the text, in order.
        method: ``pocketsphinx``, or ``even``: spread over the speech by the lengths of the words.
        guess: whether the times are a guess.
        why: why they are; empty where they are none.
    """

    words: tuple[Word, ...]
    method: str
    guess: bool = False
    why: str = ""

    def json(self) -> dict[str, Any]:
        """Return how the times came about, as plain data."""
        return {"method": self.method, "guess": self.guess, "why": self.why}


def align(samples: Any, rate: int, text: str, language: str = "english") -> Alignment:
    """Return when each word of a text is said in a dry clip of it.

    English is aligned with the acoustic model of pocketsphinx, to about 10 ms where the text is what is said; words
    that its dictionary lacks get sounds by their letters. In other languages, without pocketsphinx, or where speech
    and text do not fit, the words are spread over the speech by their lengths, and the result says so.

    Args:
        samples: array of shape (n,), the clip.
        rate: samples a second.
        text: what is said, as the dialog writes it.
        language: name or code of the language.

    Raises:
        MissingDependencyError: if numpy or soxr is not installed.

    Example:
        >>> import numpy
        >>> found = align(numpy.sin(numpy.arange(16000)), 16000, "Bonjour madame", "french")
        >>> found.guess, found.why
        (True, 'pocketsphinx aligns English, not french')
    """
    if language.lower().partition("-")[0] not in ("english", "en"):
        return _evenly(samples, rate, text, f"pocketsphinx aligns English, not {language}")
    if not available("pocketsphinx"):
        return _evenly(samples, rate, text, "pocketsphinx is not installed: pip install 'sdialog[listening]'")
    spoken = read(text, "english", plain_marks=True)
    said = [re.sub(r"[^a-z']", "", word.lower()).strip("'") for word in spoken.split()]
    found = _forced(samples, rate, [word for word in said if word])
    if found is None:
        return _evenly(samples, rate, text, "what is heard does not fit the text")
    return Alignment(_by_token(spoken, said, found), "pocketsphinx")


def aligned_clip(clip: Clip, text: str, language: str = "english") -> tuple[Clip, Alignment | None]:
    """Return a clip with word times, and how they came about; None where the engine told them.

    Args:
        clip: of an engine.
        text: what is said.
        language: name or code of the language.
    """
    if clip.words or not text.split():
        return clip, None
    found = align(clip.samples, clip.rate, text, language)
    return Clip(clip.samples, clip.rate, found.words), found


def _evenly(samples: Any, rate: int, text: str, why: str) -> Alignment:
    islands = speech_islands(mono(samples), rate)
    start, end = (islands[0][0], islands[-1][1]) if islands else (0.0, len(samples) / rate)
    return Alignment(words_evenly(text, start, end), "even", guess=True, why=why)


def _forced(samples: Any, rate: int, words: Sequence[str]) -> list[Word] | None:
    """Return the times of the words, or None where they cannot be found in the sound."""
    if not words or not len(samples):
        return None
    # A decoder of its own for each text, since what it learns of a word's sounds would stay.
    decoder = new_decoder(lm=None)
    add_words(decoder, words)
    decoder.set_align_text(" ".join(words))
    sound = for_recognizer(samples, rate)
    if not _heard(decoder, sound) or decoder.hyp() is None:
        return None
    found = [
        Word(one.word, _seconds(one.start_frame), _seconds(one.end_frame + 1))
        for one in decoder.seg()
        if one.word not in _SILENCES
    ]
    return _with_sounds(decoder, sound, found) if len(found) == len(words) else None


def _with_sounds(decoder: Any, sound: bytes, words: list[Word]) -> list[Word]:
    """Return the words with the sounds in them, where a second pass over the same sound finds them."""
    decoder.set_alignment()
    if not _heard(decoder, sound):
        return words
    alignment = decoder.get_alignment()
    sounds = []
    for entry in alignment.words():  # an entry is good only until the next one, and while the alignment lives
        if entry.name not in _SILENCES:
            sounds.append([(str(one.name), one.start, one.start + one.duration) for one in entry])
    if len(sounds) != len(words):
        return words
    return [
        replace(word, phonemes=tuple(_sound(*one, word) for one in own))
        for word, own in zip(words, sounds, strict=True)
    ]


def _heard(decoder: Any, sound: bytes) -> bool:
    """Tell whether the decoder found its way through the sound."""
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    try:
        decoder.end_utt()
    except RuntimeError:  # what pocketsphinx raises where no path through the text fits the sound
        return False
    return True


def _seconds(frame: int) -> float:
    return max(0.0, round(frame * _FRAME - PAD, 6))


def _sound(name: str, first: int, end: int, word: Word) -> Phoneme:
    start, until = (min(max(_seconds(frame), word.start), word.end) for frame in (first, end))
    return Phoneme(name, start, until)


def _by_token(spoken: SpokenText, said: Sequence[str], found: Sequence[Word]) -> tuple[Word, ...]:
    """Return the tokens of the dialog's text; a spoken word without letters takes no time."""
    timed: list[Word] = []
    left = iter(found)
    now = found[0].start
    for word in said:
        one = next(left) if word else Word(word, now, now)
        timed.append(one)
        now = one.end
    return spoken.timed(timed)
