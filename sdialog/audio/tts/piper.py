"""Piper, fast neural voices in files; each needs its ``.onnx`` and ``.onnx.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.normalizers import TextNormalizer
from sdialog.audio.sound import Clip
from sdialog.audio.tts._neural import NeuralTTS, package
from sdialog.audio.tts._voice_values import voice_from
from sdialog.audio.tts.base import engines
from sdialog.core.errors import TTSError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """A voice of :class:`PiperTTS`.

    Attributes:
        model: path of the ``.onnx`` file; empty for the engine's own.
        speaker_id: number of the speaker, in a file with several.
        length_scale: more than 1 is slower; None as trained.
        noise_scale: how much the sound varies; None as trained, 0 for the same sound each time.
        noise_w_scale: how much the lengths vary; None as trained, 0 for the same lengths each time.
    """

    model: str = ""
    speaker_id: int | None = None
    length_scale: float | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None

    def json(self) -> dict[str, Any]:
        """Return the voice as JSON data."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


@engines.register("piper")
class PiperTTS(NeuralTTS):
    """Speaks with Piper (``pip install piper-tts``) in voices from files.

    Piper's network draws its random numbers inside the file and takes no seed: two calls differ, unless both noise
    scales are 0. A clip cache keeps what was said first.

    Args:
        model: path of an ``.onnx`` file, its ``.onnx.json`` beside it, for voices that name none.
        sentence_pause: seconds of silence between sentences.
        text_normalizers: steps in place of the usual reading of numbers and symbols.
        unicode_to_ascii: write typographic marks in ASCII.

    Raises:
        UserError: if the pause is negative.
    """

    name = "piper"

    def __init__(
        self,
        model: str | Path | None = None,
        sentence_pause: float = 0.2,
        text_normalizers: Sequence[TextNormalizer] | None = None,
        unicode_to_ascii: bool = True,
    ) -> None:
        super().__init__(text_normalizers, unicode_to_ascii)
        if sentence_pause < 0:
            raise UserError(f"sentence_pause is 0 or more seconds, not {sentence_pause!r}")
        self.model = None if model is None else str(model)
        self.sentence_pause = sentence_pause
        self._voices: dict[str, Any] = {}

    def speak(
        self,
        text: str,
        voice: PiperVoice | Mapping[str, Any] | str | Path | None = None,
        *,
        language: str = "english",
        seed: int = 0,
    ) -> Clip:
        """Return a text as speech, without word times.

        Args:
            text: what to say; Piper speaks sentence by sentence, and they are joined.
            voice: a :class:`PiperVoice`, its fields, or the path of an ``.onnx`` file.
            language: makes no difference: a file speaks one language.
            seed: makes no difference, see above.

        Raises:
            UserError: if there is no such file.
            TTSError: if Piper fails or makes no sound.
            MissingDependencyError: if piper-tts is not installed.
        """
        numpy = need("numpy", extra="audio", why="speak with Piper")
        chosen = PiperVoice(model=str(voice)) if isinstance(voice, (str, Path)) else voice_from(PiperVoice, voice)
        piper = package("piper", "speak with PiperTTS", "piper-tts")
        speaker = self._loaded(piper, chosen.model or self.model or "")
        options = {name: value for name, value in chosen.json().items() if name != "model"}
        parts: list[Samples] = []
        rate = 0
        try:
            for chunk in speaker.synthesize(text, syn_config=piper.SynthesisConfig(**options)):
                rate = int(chunk.sample_rate)
                if parts:
                    parts.append(numpy.zeros(round(self.sentence_pause * rate), dtype=numpy.float32))
                parts.append(numpy.asarray(chunk.audio_float_array, dtype=numpy.float32).reshape(-1))
        except (RuntimeError, ValueError, OSError) as error:
            raise TTSError(f"Piper cannot say {text[:60]!r}: {error}") from error
        if not parts:
            raise TTSError(f"Piper made no sound of {text[:60]!r}")
        return Clip(numpy.concatenate(parts), rate)

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        pause = self.sentence_pause
        return {"engine": self.name, "version": 1, "model": self.model, "sentence_pause": pause, **self.reading()}

    def _loaded(self, piper: Any, model: str) -> Any:
        if not model:
            raise UserError("Piper needs a voice file: PiperTTS(model='en_US-lessac-medium.onnx'), or a voice with one")
        for path in (Path(model), Path(f"{model}.json")):
            if not path.is_file():
                raise UserError(
                    f"there is no file {path}; a Piper voice is an .onnx file with its .onnx.json beside it"
                )
        with self._loading:
            if model not in self._voices:
                self._voices[model] = piper.PiperVoice.load(model)
            self.pipeline = self._voices[model]
            return self.pipeline
