"""The speech recognizer that runs offline: pocketsphinx with the English model of its wheel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

from sdialog.audio._letter_sounds import guessed_sounds
from sdialog.audio.sound import mono, resample
from sdialog.audio.speech_text import read
from sdialog.core.errors import AudioError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

RATE = 16000
DITHER = 4e-4
PEAK = 0.5
PAD = 0.2
_WHY = "listen to speech"
_one_at_a_time = Lock()


def for_recognizer(samples: Any, rate: int, seed: int = 0, pad: float = PAD) -> bytes:
    """Return sound as the recognizer takes it: 16 kHz, 16 bits, the peak at a half, with a little noise all over.

    Digital silence, which no microphone gives, ruins what the recognizer knows of the background. So Gaussian noise
    with an RMS of 4e-4 (-68 dBFS) is added.

    Args:
        samples: array of shape (n,) or (n, channels); channels are averaged.
        rate: samples a second.
        seed: of the noise.
        pad: seconds of silence before and after.
    """
    numpy = need("numpy", extra="audio", why=_WHY)
    sound: Samples = numpy.pad(resample(mono(samples), rate, RATE), round(pad * RATE))
    peak = float(numpy.abs(sound).max(initial=0.0))
    level = PEAK / peak if peak > 0 else 1.0
    noise = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "dither"))).normal(0.0, DITHER, len(sound))
    limited = numpy.clip(sound * level + noise, -1, 1 - 1 / 32768)
    content: bytes = numpy.round(limited * 32767).astype("<i2").tobytes()
    return content


def new_decoder(**options: Any) -> Any:
    """Return a decoder of pocketsphinx that prints nothing.

    Raises:
        MissingDependencyError: if pocketsphinx is not installed.
        AudioError: if it does not start.
    """
    pocketsphinx = need("pocketsphinx", extra="listening", why=_WHY)
    try:
        return pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL", **options)
    except (RuntimeError, ValueError) as error:
        raise AudioError(f"pocketsphinx does not start: {error}") from error


class Recognizer:
    """Writes down English speech, offline, with pocketsphinx.

    It is an old recognizer: of clean synthetic speech it gets a third and more of the words wrong, and a little noise
    leaves nothing. Where the texts that may be said are given, its language model is made of them (trigrams with
    back-off); then it gets clean speech right, is several times faster, and its errors rise step by step with the
    damage. Neither says how well people would understand.

    Args:
        texts: what may be said, such as the turns of a dialog; empty for English at large.
        seed: of the noise that is added.

    Raises:
        MissingDependencyError: if pocketsphinx is not installed.
    """

    def __init__(self, texts: Iterable[str] = (), seed: int = 0) -> None:
        self.texts, self.seed = tuple(scored for text in texts if (scored := for_scoring(text))), seed
        need("pocketsphinx", extra="listening", why=_WHY)

    def __call__(self, samples: Any, rate: int) -> str:
        """Return what is said, in lower case without marks; empty where nothing is understood.

        Args:
            samples: array of shape (n,) or (n, channels); a single turn, since it hears an utterance at a time.
            rate: samples a second.
        """
        # Taken as a whole, an utterance is heard without regard to what was heard before.
        decoder = _decoder(self.texts)
        with _one_at_a_time:
            decoder.start_utt()
            decoder.process_raw(for_recognizer(samples, rate, self.seed), full_utt=True)
            try:
                decoder.end_utt()
            except RuntimeError:  # what pocketsphinx raises where it makes nothing of the sound
                return ""
            found = decoder.hyp()
        return "" if found is None else str(found.hypstr)

    def json(self) -> dict[str, Any]:
        """Return what listened."""
        return {
            "recognizer": "pocketsphinx",
            "version": version("pocketsphinx"),
            "model": "en-us",
            "language_model": "closed" if self.texts else "open",
            "dither": DITHER,
            "seed": self.seed,
        }


@lru_cache(maxsize=2)
def _decoder(texts: tuple[str, ...]) -> Any:
    if not texts:
        return new_decoder()
    words = sorted({word for text in texts for word in text.split()})
    models = need("pocketsphinx.lm", extra="listening", why=_WHY)
    model = models.ArpaBoLM(text="\n".join(texts), add_start=True)
    model.compute()
    with TemporaryDirectory() as folder:
        # With the dictionary of all English, starting takes ten seconds; with these words, a tenth of one.
        dictionary, language = Path(folder) / "words.dict", Path(folder) / "texts.arpa"
        known = _pronunciations()
        lines = [f"{entry}\n" for word in words for entry in known.get(word) or [f"{word} {_guess(word)}"]]
        dictionary.write_text("".join(lines), encoding="utf-8")
        model.write_file(str(language))
        return new_decoder(dict=str(dictionary), lm=str(language))


@lru_cache(maxsize=1)
def _pronunciations() -> dict[str, list[str]]:
    """Return the lines of each word in the dictionary of pocketsphinx."""
    pocketsphinx = need("pocketsphinx", extra="listening", why=_WHY)
    found: dict[str, list[str]] = {}
    for line in Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines():
        found.setdefault(line.partition(" ")[0].partition("(")[0], []).append(line)
    return found


def _guess(word: str) -> str:
    return guessed_sounds(word) or "AH"


def add_words(decoder: Any, words: Iterable[str]) -> None:
    """Give a decoder the words that its dictionary lacks, with sounds by their letters."""
    for word in dict.fromkeys(words):
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, _guess(word), True)


def for_scoring(text: str, language: str = "english") -> str:
    """Return a text as it is compared and listened for: read aloud, in small letters, without marks.

    Numbers, money, dates and abbreviations become words (:func:`~sdialog.audio.speech_text.read`), hyphens become
    spaces, and letters, digits and apostrophes within words are kept. Fillers and contractions stay as they are.

    Example:
        >>> for_scoring("It's $5 — well-known, “no”? 🙂")
        "it's five dollars well known no"
    """
    spoken = read(text, language, plain_marks=True).lower()
    return " ".join(word.strip("'") for word in re.findall(r"[^\W_](?:[^\W_]|')*", spoken))
