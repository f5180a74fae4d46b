"""What a speech engine is: one method, from a text and a voice to sound with the times of its words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.sound import Clip, Word, mono
from sdialog.core.registry import Registry
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples


class BaseTTS(ABC):
    """A speech engine that speaks one text at a time, as published: a subclass writes :meth:`generate`.

    Engines that know when each word is said extend :class:`SpeechEngine` instead.

    Attributes:
        name: what plans and caches call it.
        sample_rate: of what it makes; None where it depends on the voice.
    """

    name: str = ""
    sample_rate: int | None = None

    def __init__(self) -> None:
        self.pipeline: Any = None

    @abstractmethod
    def generate(
        self, text: str, speaker_voice: Any, tts_pipeline_kwargs: dict[str, Any] | None = None
    ) -> tuple[Samples, int]:
        """Return the samples of a text in a voice, and their rate.

        Args:
            text: what to say.
            speaker_voice: what the engine calls a voice, the ``voice`` of a ``Voice``.
            tts_pipeline_kwargs: options of the engine.
        """

    def speak(self, text: str, voice: Any, *, language: str = "english", seed: int = 0) -> Clip:
        """Return a text as sound.

        Args:
            text: what to say, already normalised by :meth:`normalize`.
            voice: what the engine calls a voice.
            language: name of the language in English, lower case.
            seed: of whatever is random in the engine; the same seed gives the same samples where it can.

        Raises:
            TTSError: if the engine fails.
        """
        samples, rate = self.generate(text, voice)
        return Clip(mono(samples), rate)

    def normalize(self, text: str, language: str = "english") -> str:
        """Return a text as this engine should read it; engines override it."""
        return text

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on, for plans and the keys of the clip cache."""
        return {"engine": self.name or type(self).__name__}


class BaseVoiceCloneTTS(BaseTTS):
    """A speech engine whose voices are recordings to imitate, as published: a subclass writes ``generate``.

    ``speaker_voice`` is the path of a recording, its samples and rate, or what the engine made of one.
    """


class SpeechEngine(BaseTTS):
    """A speech engine that knows when each word is said: a subclass writes :meth:`speak`."""

    @abstractmethod
    def speak(self, text: str, voice: Any, *, language: str = "english", seed: int = 0) -> Clip:
        """Return a text as sound, with the times of its words; see :meth:`BaseTTS.speak`."""

    def generate(
        self, text: str, speaker_voice: Any, tts_pipeline_kwargs: dict[str, Any] | None = None
    ) -> tuple[Samples, int]:
        """Return samples and rate, as published; see :meth:`BaseTTS.generate`."""
        clip = self.speak(text, speaker_voice, **(tts_pipeline_kwargs or {}))
        return clip.samples, clip.rate


@dataclass(frozen=True, slots=True, eq=False)
class TurnAudio:
    """The sound of one turn, as a whole-dialog engine returns it.

    Attributes:
        audio: array of shape (n,).
        sample_rate: samples a second.
        window: turns of the same window keep their mutual timing.
        offset: seconds from the beginning of the window.
        words: the words with their times from the beginning of the turn.
    """

    audio: Samples
    sample_rate: int
    window: int = 0
    offset: float = 0.0
    words: Sequence[Word] = ()


class BaseDialogTTS(ABC):
    """An engine that speaks a whole dialog: a subclass writes :meth:`synthesize`.

    Attributes:
        supports_random_voices: whether it may choose a voice itself.
        supports_reference_audio: whether a voice may be a recording to imitate.
        default_voice_database: name of the voices it brings.
    """

    supports_random_voices: ClassVar[bool] = False
    supports_reference_audio: ClassVar[bool] = False
    default_voice_database: str | None = None

    @abstractmethod
    def synthesize(
        self, turns: Sequence[tuple[int, str]], voices: Sequence[Any], seed: int | None = None
    ) -> list[TurnAudio]:
        """Return the sound of each turn.

        Args:
            turns: number of the speaker and text, one a turn.
            voices: the voice of each speaker.
            seed: of whatever is random.
        """

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        return {"engine": type(self).__name__}


class PerTurnTTS(BaseDialogTTS):
    """An engine for single texts, as one for dialogs: each turn is spoken alone, in a window of its own.

    Args:
        engine: speaks one text at a time.
        tts_kwargs: options for each call of it.

    Raises:
        TypeError: if the engine is of another kind.
    """

    def __init__(self, engine: BaseTTS, tts_kwargs: dict[str, Any] | None = None) -> None:
        if not isinstance(engine, BaseTTS):
            raise TypeError(f"PerTurnTTS takes an engine that extends BaseTTS, not {type(engine).__name__}")
        self.engine, self.tts_kwargs = engine, dict(tts_kwargs or {})

    def synthesize(
        self, turns: Sequence[tuple[int, str]], voices: Sequence[Any], seed: int | None = None
    ) -> list[TurnAudio]:
        """Return the sound of each turn; turn i has a seed of its own under ``seed``."""
        made = []
        for number, (speaker, text) in enumerate(turns):
            clip = self.engine.speak(
                text, voices[speaker], seed=derive_seed(seed or 0, "turn", number), **self.tts_kwargs
            )
            made.append(TurnAudio(clip.samples, clip.rate, window=number, words=clip.words))
        return made

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        return {**self.engine.json(), **({"options": self.tts_kwargs} if self.tts_kwargs else {})}


engines: Registry[Callable[..., BaseTTS]] = Registry("speech engine", "sdialog.audio.tts")
"""Speech engines by name, such as ``engines.get("espeak")()``."""
