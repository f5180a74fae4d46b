"""A speech-like engine made of arithmetic: no words to be understood, but every time in it exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.sound import Clip, Phoneme, Word
from sdialog.audio.speech_text import SpokenText, plain
from sdialog.audio.tts._syllables import Syllable, syllables
from sdialog.audio.tts._voice_values import voice_from
from sdialog.audio.tts.base import SpeechEngine, engines
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from sdialog.audio.sound import Samples

# First three formants in Hz of five vowels, men's means of Peterson and Barney (1952), table II.
FORMANTS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
FORMANT_WIDTH = 90.0
TABLE_BITS = 10
TABLE = 1 << TABLE_BITS
SILENCE, NOISE = -1, -2
SYLLABLES_A_SECOND = 4.5
ATTACK = 0.003
RELEASE = 0.012
PAUSES = {",": 0.15, ";": 0.18, ":": 0.18, ".": 0.3, "!": 0.3, "?": 0.3, "…": 0.3}
BETWEEN_WORDS = 0.03
LEVEL = 0.2


@dataclass(frozen=True, slots=True)
class ToneVoice:
    """A voice of :class:`ToneTTS`.

    Attributes:
        pitch: mean fundamental frequency in Hz, 40 to 600.
        rate: speed; 1 is about 4.5 syllables a second, 0.2 to 5.
        tract: length of the vocal tract against a man's; less than 1 moves the formants up, 0.5 to 1.5.
        melody: how far the pitch moves, as a share of it, 0 to 1.

    Raises:
        UserError: if a value is out of its range.
    """

    pitch: float = 120.0
    rate: float = 1.0
    tract: float = 1.0
    melody: float = 0.15

    def __post_init__(self) -> None:
        limits = {"pitch": (40, 600), "rate": (0.2, 5), "tract": (0.5, 1.5), "melody": (0, 1)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise UserError(f"{name} of a tone voice is a number from {low} to {high}, not {value!r}")

    def json(self) -> dict[str, Any]:
        """Return the voice as JSON data."""
        return asdict(self)


@engines.register("tone")
class ToneTTS(SpeechEngine):
    """Speaks tones with the rhythm of syllables: for tests, dry runs and timing, where speech itself is not needed.

    Each syllable is a short noise and then a vowel-like tone (harmonics under three formants). A pause follows a
    punctuation mark. It needs numpy and nothing else, and makes more than a thousand seconds a second.

    Args:
        sample_rate: samples a second of the clips, at least 8000.

    Raises:
        UserError: if the rate is too low.

    Example:
        >>> clip = ToneTTS().speak("Hello there, Ana.", {"pitch": 210, "rate": 1.2}, seed=7)
        >>> [word.text for word in clip.words]
        ['Hello', 'there,', 'Ana.']
        >>> 0.5 < clip.duration < 2.0
        True
    """

    name = "tone"

    def __init__(self, sample_rate: int = 16000) -> None:
        super().__init__()
        if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or sample_rate < 8000:
            raise UserError(f"sample_rate is a whole number of at least 8000, not {sample_rate!r}")
        self.sample_rate: int = sample_rate

    def speak(
        self,
        text: str,
        voice: ToneVoice | Mapping[str, Any] | None = None,
        *,
        language: str = "english",
        seed: int = 0,
    ) -> Clip:
        """Return a text as tones, with exact times of words and syllables.

        Args:
            text: what to say; a word without letters or digits makes no sound and has no length.
            voice: a :class:`ToneVoice` or its fields; left out, a man's voice.
            language: makes no difference.
            seed: of the small variation of lengths and pitch, and of the noise.

        Raises:
            UserError: if the voice is not one.
            MissingDependencyError: if numpy is not installed.
        """
        numpy = need("numpy", extra="audio", why="make tones")
        random = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "tone")))
        chosen = voice_from(ToneVoice, voice)
        score = _Score(self.sample_rate, chosen, random)
        words = [score.write(token) for token in text.split()]
        return Clip(score.samples(numpy), self.sample_rate, tuple(words))

    def normalize(self, text: str, language: str = "english") -> SpokenText:
        """Return a text without its markup; numbers stay digits."""
        return plain(text)

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        return {"engine": self.name, "version": 1, "sample_rate": self.sample_rate}


class _Score:
    """What is to be played: runs of samples, each silence, noise or a vowel."""

    def __init__(self, rate: int, voice: ToneVoice, random: numpy.random.Generator) -> None:
        self.rate, self.voice, self.random = rate, voice, random
        self.runs: list[tuple[int, int, float]] = []  # samples, vowel or SILENCE or NOISE, Hz
        self.length, self.pause = 0, 0.0

    def write(self, token: str) -> Word:
        """Add a word and return it with its times; the pause before it waits until something is said."""
        parts = syllables(token)
        if not parts:
            self._wait_after(token)
            return Word(token, self.length / self.rate, self.length / self.rate)
        if self.runs:
            self._add(self.pause, SILENCE, 0.0)
        start = self.length
        sounds = tuple(self._syllable(part) for part in parts)
        self.pause = BETWEEN_WORDS
        self._wait_after(token)
        return Word(token, start / self.rate, self.length / self.rate, sounds)

    def _wait_after(self, token: str) -> None:
        # Closing quotes and brackets come after the mark: He said "no."
        mark = token.rstrip("\"')]}»”’")[-1:]
        self.pause = max(self.pause, PAUSES.get(mark, 0.0) / self.voice.rate)

    def _syllable(self, part: Syllable) -> Phoneme:
        start = self.length
        whole = (0.9 + 0.2 * self.random.random()) / (SYLLABLES_A_SECOND * self.voice.rate)
        pitch = self.voice.pitch * (1 + self.voice.melody * (2 * self.random.random() - 1))
        onset = 0.25 * whole if part.onset else 0.0
        if onset:
            self._add(onset, NOISE, pitch)
        self._add(whole - onset, "aeiou".index(part.vowel), pitch)
        return Phoneme(part.text, start / self.rate, self.length / self.rate)

    def _add(self, seconds: float, kind: int, pitch: float) -> None:
        count = max(1, round(seconds * self.rate))
        self.runs.append((count, kind, pitch))
        self.length += count

    def samples(self, numpy: Any) -> Samples:
        """Return the sound of the whole score."""
        if not self.runs:
            silent: Samples = numpy.zeros(0, dtype=numpy.float32)
            return silent
        counts = numpy.array([run[0] for run in self.runs])
        kinds = numpy.array([run[1] for run in self.runs])
        # A phase of 32 bits wraps around by itself; its upper bits are the place in the table.
        steps = numpy.array([run[2] / self.rate * 2**32 for run in self.runs]).astype(numpy.uint32)
        place = numpy.cumsum(numpy.repeat(steps, counts), dtype=numpy.uint32) >> (32 - TABLE_BITS)
        rows = numpy.where(kinds < 0, len(FORMANTS), kinds).astype(numpy.uint32) << TABLE_BITS
        sound = _vowels(numpy, self.voice, self.rate).ravel()[numpy.repeat(rows, counts) + place]
        starts = numpy.cumsum(counts) - counts
        for start, count in zip(starts[kinds == NOISE], counts[kinds == NOISE], strict=True):
            sound[start : start + count] = 0.3 * self.random.standard_normal(count, dtype=numpy.float32)
        _fade(numpy, sound, starts[kinds != SILENCE], counts[kinds != SILENCE], self.rate)
        made: Samples = LEVEL * sound
        return made


def _fade(numpy: Any, sound: Samples, starts: NDArray[Any], counts: NDArray[Any], rate: int) -> None:
    """Fade each run in and out quickly, in place."""
    rise = min(round(ATTACK * rate), int(counts.min()))
    fall = min(round(RELEASE * rate), int(counts.min()))
    sound[starts[:, None] + numpy.arange(rise)] *= numpy.linspace(0, 1, rise + 1, dtype=numpy.float32)[1:]
    sound[(starts + counts)[:, None] - 1 - numpy.arange(fall)] *= numpy.linspace(0, 1, fall + 1, dtype=numpy.float32)[
        1:
    ]


def _vowels(numpy: Any, voice: ToneVoice, rate: int) -> NDArray[numpy.float32]:
    """Return one period of each vowel at unit power and a silent one, shape (6, TABLE), without what would alias."""
    highest = voice.pitch * (1 + voice.melody)
    harmonics = numpy.arange(1, max(2, int(rate / 2 / highest)))
    frequencies = harmonics * voice.pitch
    spectrum = numpy.zeros((len(FORMANTS), TABLE // 2 + 1), dtype=numpy.complex128)
    for row, formants in enumerate(FORMANTS.values()):
        gain = sum(
            0.5**number / (1 + ((frequencies - formant / voice.tract) / FORMANT_WIDTH) ** 2)
            for number, formant in enumerate(formants)
        )
        # The phases of Schroeder (1970) spread the power over the period, so that the peak stays low.
        phases = -numpy.pi * harmonics * (harmonics - 1) / len(harmonics)
        spectrum[row, harmonics] = (gain + 0.02) * numpy.exp(1j * phases)
    periods = numpy.fft.irfft(spectrum, n=TABLE, axis=1)
    table: NDArray[numpy.float32] = numpy.zeros((len(FORMANTS) + 1, TABLE), dtype=numpy.float32)
    table[:-1] = periods / periods.std(axis=1, keepdims=True)
    return table
