"""Real speech offline in a hundred languages: espeak-ng, with the time of each word and sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sdialog.audio.sound import Clip
from sdialog.audio.speech_text import SpokenText, read
from sdialog.audio.tts._espeak_languages import echo_of, language_file, variant_file
from sdialog.audio.tts._espeak_process import ask, library_paths
from sdialog.audio.tts._espeak_words import timed_words
from sdialog.audio.tts._voice_values import voice_from
from sdialog.audio.tts.base import SpeechEngine, engines
from sdialog.core.errors import TTSError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

_LIMITS = {"pitch": (0, 99), "range": (0, 99), "rate": (80, 450), "volume": (1, 200), "gap": (0, 200)}
_EDGE = 0.01  # seconds kept around the speech
_SILENT = 1e-3  # of the peak


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A voice of :class:`EspeakTTS`: a language, a variant of the speaker, and how they speak.

    What is None stays as espeak-ng has it.

    Attributes:
        language: "french", "fr", "en-US" ...; None takes the language that is spoken.
        variant: a speaker such as ``f2``, ``m3`` or ``Annie``; empty for the language's own.
        pitch: 0 to 99, 50 in the middle.
        range: how far the pitch moves, 0 to 99, 50 in the middle.
        rate: words a minute, 80 to 450, usually 175.
        volume: 1 to 200, usually 100.
        gap: pause after each word in hundredths of a second, 0 to 200.

    Raises:
        UserError: if a number is out of its range.

    Example:
        >>> EspeakVoice.from_text("en-US+f2")
        EspeakVoice(language='en-US', variant='f2', pitch=None, range=None, rate=None, volume=None, gap=None)
    """

    language: str | None = None
    variant: str = ""
    pitch: int | None = None
    range: int | None = None
    rate: int | None = None
    volume: int | None = None
    gap: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise UserError(f"{name} of an espeak-ng voice is a number from {low} to {high}, not {value!r}")

    @classmethod
    def from_text(cls, text: str) -> EspeakVoice:
        """Return the voice that ``language+variant`` names."""
        language, _, variant = text.partition("+")
        return cls(language=language or None, variant=variant)

    def json(self) -> dict[str, Any]:
        """Return the voice as JSON data, without what is left to espeak-ng."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


@engines.register("espeak")
class EspeakTTS(SpeechEngine):
    """Speaks with espeak-ng, offline, from the wheel ``espeakng-loader``; nothing else has to be installed.

    The same text, voice and seed give the same samples, in any order, process and run: each utterance is spoken by
    a fresh child of a small process that never speaks itself. An echo that some variants add is taken off again,
    exactly, since echo is the business of the room.

    Args:
        timeout: seconds that one utterance may take.

    Raises:
        UserError: if the time is not positive.

    Example:
        >>> clip = EspeakTTS().speak("Good morning!", "en+f2", seed=3)
        >>> clip.rate, [word.text for word in clip.words]
        (22050, ['Good', 'morning!'])
    """

    name = "espeak"
    sample_rate = 22050

    def __init__(self, timeout: float = 60.0) -> None:
        super().__init__()
        if not timeout > 0:
            raise UserError(f"timeout is a positive number of seconds, not {timeout!r}")
        self.timeout = timeout

    def speak(
        self,
        text: str,
        voice: EspeakVoice | Mapping[str, Any] | str | None = None,
        *,
        language: str = "english",
        seed: int = 0,
    ) -> Clip:
        """Return a text as speech, with the times of words and sounds (in IPA).

        Args:
            text: what to say; each of its tokens gets a time, those that are not said one of no length.
            voice: an :class:`EspeakVoice`, its fields, or ``language+variant``; None for the language's own.
            language: spoken where the voice has no language of its own.
            seed: of the random numbers in espeak-ng's sounds.

        Raises:
            UnknownNameError: if espeak-ng lacks the language or the variant.
            UserError: if the voice is not one.
            TTSError: if espeak-ng crashes or takes too long; names the text.
            MissingDependencyError: if espeakng-loader or numpy is not installed.
        """
        numpy = need("numpy", extra="audio", why="speak with espeak-ng")
        chosen = EspeakVoice.from_text(voice) if isinstance(voice, str) else voice_from(EspeakVoice, voice)
        _, data = library_paths()
        file = language_file(chosen.language or language, data)
        variant = variant_file(chosen.variant, data) if chosen.variant else ""
        request = {name: getattr(chosen, name) for name in _LIMITS}
        request |= {"text": text, "voice": f"{file}+{variant}" if variant else file, "seed": seed}
        events, sound, rate = self._asked(request)
        samples = numpy.frombuffer(sound, dtype=numpy.int16).astype(numpy.int32)
        _take_echo_off(samples, *echo_of(file, variant, data), rate)
        return _trimmed(text, events, (samples / 32768).astype(numpy.float32), rate)

    def _asked(self, request: dict[str, Any]) -> tuple[list[Any], bytes, int]:
        try:
            header, sound, rate = ask(request, self.timeout)
        except TTSError as error:
            raise TTSError(f"{error}: {_short(request['text'])}") from error
        if "unknown_voice" in header:
            raise TTSError(f"espeak-ng does not load its own voice {request['voice']!r}: its data folder is damaged")
        if "error" in header:
            raise TTSError(f"{header['error']}: {_short(request['text'])}, voice {request['voice']!r}")
        return header["events"], sound, rate

    def normalize(self, text: str, language: str = "english") -> SpokenText:
        """Return a text without markup, its symbols as words; espeak-ng reads plain numbers itself."""
        return read(text, language, digits=True)

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        return {"engine": self.name, "version": 1, "espeak_ng": _version()}


def espeak_voices() -> list[dict[str, Any]]:
    """Return what espeak-ng lists: languages, then variants (whose file begins with ``!v``).

    Returns:
        One mapping each: file, name, languages (codes), gender ("" where it says none) and age (0 where none).

    Raises:
        TTSError: if espeak-ng does not start.
        MissingDependencyError: if espeakng-loader is not installed.
    """
    listed: list[dict[str, Any]] = ask({"list": True}, 30.0)[0]["voices"]
    return listed


@lru_cache(maxsize=1)
def _version() -> str:
    return str(ask({"list": True}, 30.0)[0]["version"])


def _take_echo_off(samples: Any, delay: int, strength: int, rate: int) -> None:
    """Undo, in place, the echo that espeak-ng adds.

    It feeds the delayed output back, ``y[n] = x[n] + (s * y[n - d] >> 8)`` in whole numbers with s at most 100, so
    ``x`` follows from ``y`` exactly.
    """
    lag = delay * rate // 1000
    if strength and 0 < lag < len(samples):
        samples[lag:] -= (samples[:-lag] * min(strength, 100)) >> 8


def _trimmed(text: str, events: list[Any], samples: Samples, rate: int) -> Clip:
    """Return the clip without the silence at its ends."""
    numpy = need("numpy", extra="audio", why="speak with espeak-ng")
    loud = numpy.flatnonzero(numpy.abs(samples) > _SILENT * numpy.abs(samples).max(initial=0.0))
    words = timed_words(text, [tuple(event) for event in events], samples, rate)
    if not len(loud):
        return Clip(samples[:0], rate, tuple(word.moved(-word.start) for word in words))
    first = max(0, int(loud[0]) - round(_EDGE * rate))
    last = min(len(samples), int(loud[-1]) + 1 + round(_EDGE * rate))
    return Clip(samples[first:last].copy(), rate, tuple(word.moved(-first / rate) for word in words))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
