"""Engines of the transformers library from a local folder: VITS (as MMS-TTS) and SpeechT5; they need weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdialog.audio.normalizers import TextNormalizer
from sdialog.audio.sound import Clip
from sdialog.audio.tts._neural import NeuralTTS, package
from sdialog.audio.tts._torch_seed import seeded
from sdialog.audio.tts._voice_values import voice_from
from sdialog.audio.tts.base import engines
from sdialog.core.errors import TTSError, UnsupportedFeatureError, UserError
from sdialog.core.optional import need

_WHY = "speak with HuggingFaceTTS"
_SPEECHT5_RATE = 16000


@dataclass(frozen=True, slots=True, eq=False)
class HuggingFaceVoice:
    """A voice of :class:`HuggingFaceTTS`.

    Attributes:
        speaker_id: number of the speaker, for a VITS model with several.
        speaking_rate: 1 as trained, more is faster, for a VITS model.
        embedding: for SpeechT5: the x-vector of a speaker, an array of the model's size, or a ``.npy`` file of it.
    """

    speaker_id: int | None = None
    speaking_rate: float | None = None
    embedding: Any = None


@engines.register("huggingface")
class HuggingFaceTTS(NeuralTTS):
    """Speaks with a VITS or SpeechT5 model of the transformers library.

    Args:
        model_id: folder of the model; or its name on the hub, if it is in the local cache, or ``download`` is set.
        device: of torch; None for the GPU where there is one.
        text_normalizers: steps in place of the usual reading of numbers and symbols.
        unicode_to_ascii: write typographic marks in ASCII.
        vocoder: for SpeechT5: folder of its HiFi-GAN. SpeechT5 also needs the package sentencepiece.
        download: fetch what is missing from the Hugging Face hub.

    Example:
        >>> HuggingFaceTTS("my/model").json()["model"]
        'my/model'
    """

    name = "huggingface"

    def __init__(
        self,
        model_id: str | Path = "facebook/mms-tts-eng",
        device: str | None = None,
        text_normalizers: Sequence[TextNormalizer] | None = None,
        unicode_to_ascii: bool = True,
        vocoder: str | Path | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(text_normalizers, unicode_to_ascii)
        self.model_id, self.device, self.download = str(model_id), device, download
        self.vocoder = None if vocoder is None else str(vocoder)
        self._model: Any = None
        self._tokenizer: Any = None
        self._vocoder: Any = None

    def speak(
        self,
        text: str,
        voice: HuggingFaceVoice | Mapping[str, Any] | int | str | Path | None = None,
        *,
        language: str = "english",
        seed: int = 0,
    ) -> Clip:
        """Return a text as speech, without word times.

        Args:
            text: what to say; characters that the model does not know are left out.
            voice: a :class:`HuggingFaceVoice`, its fields, the number of a speaker, or the file of an x-vector.
            language: makes no difference: a model speaks one language.
            seed: of the network's random numbers; on one machine the same seed gives the same samples.

        Raises:
            UserError: if the model is not there, or has no such speaker.
            UnsupportedFeatureError: if the model is neither VITS nor SpeechT5.
            TTSError: if nothing of the text can be said, or the network fails.
            MissingDependencyError: if torch or transformers is not installed.
        """
        torch = need("torch", extra="local", why=_WHY)
        chosen = _voice(voice)
        with self._loading:
            if self._model is None:
                # Before the weights are read, transformers draws some.
                with seeded(0):
                    self._load()
        say = self._vits if self._model.config.model_type == "vits" else self._speecht5
        with torch.inference_mode(), seeded(seed):
            try:
                sound, rate = say(torch, text, chosen)
            except (RuntimeError, IndexError) as error:
                raise TTSError(f"{self.model_id} cannot say {text[:60]!r}: {error}") from error
        return Clip(sound.detach().float().cpu().numpy().reshape(-1), rate)

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        return {
            "engine": self.name, "version": 1, "model": self.model_id, "vocoder": self.vocoder, **self.reading(),
        }  # fmt: skip

    def _load(self) -> None:
        torch = need("torch", extra="local", why=_WHY)
        transformers = need("transformers", extra="local", why=_WHY)
        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        options = {"local_files_only": not self.download}
        try:
            kind = transformers.AutoConfig.from_pretrained(self.model_id, **options).model_type
            if kind == "vits":
                self._tokenizer = transformers.VitsTokenizer.from_pretrained(self.model_id, **options)
                model = transformers.VitsModel.from_pretrained(self.model_id, **options)
            elif kind == "speecht5":
                if self.vocoder is None:
                    raise UserError("SpeechT5 needs vocoder=, the folder of its HiFi-GAN (microsoft/speecht5_hifigan)")
                package("sentencepiece", "read texts for SpeechT5", "sentencepiece")
                self._tokenizer = transformers.SpeechT5Tokenizer.from_pretrained(self.model_id, **options)
                model = transformers.SpeechT5ForTextToSpeech.from_pretrained(self.model_id, **options)
                vocoder = transformers.SpeechT5HifiGan.from_pretrained(self.vocoder, **options)
                self._vocoder = vocoder.to(device).eval()
            else:
                raise UnsupportedFeatureError(
                    f"{self.model_id} is a {kind} model; HuggingFaceTTS runs vits and speecht5"
                )
        except OSError as error:
            raise UserError(
                f"there is no speech model {self.model_id!r} here: give the folder of one, or download=True to "
                f"fetch it from the hub ({str(error).splitlines()[0]})"
            ) from error
        self._model = self.pipeline = model.to(device).eval()

    def _vits(self, torch: Any, text: str, voice: HuggingFaceVoice) -> tuple[Any, int]:
        config = self._model.config
        if voice.embedding is not None:
            raise UserError(f"{self.model_id} is a VITS model, whose speakers are numbers: give speaker_id")
        if voice.speaker_id is not None and not 0 <= voice.speaker_id < config.num_speakers:
            raise UserError(f"{self.model_id} has {config.num_speakers} speaker(s), from 0; not {voice.speaker_id}")
        inputs = self._tokenizer(text, return_tensors="pt").to(self._model.device)
        if not int((inputs["input_ids"] != 0).sum()):
            raise TTSError(f"{self.model_id} knows none of the characters of {text[:60]!r}")
        speaker = voice.speaker_id if config.num_speakers > 1 else None
        output = self._model(**inputs, speaker_id=speaker, speaking_rate=voice.speaking_rate)
        return output.waveform[0], int(config.sampling_rate)

    def _speecht5(self, torch: Any, text: str, voice: HuggingFaceVoice) -> tuple[Any, int]:
        numpy = need("numpy", extra="audio", why=_WHY)
        size = self._model.config.speaker_embedding_dim
        given = voice.embedding
        if given is None:
            raise UserError(f"SpeechT5 needs a voice with an embedding, an x-vector of {size} numbers")
        if isinstance(given, (str, Path)):
            if not Path(given).is_file():
                raise UserError(f"there is no file {given} with a speaker's x-vector")
            given = numpy.load(given, allow_pickle=False)
        vector = numpy.asarray(given, dtype=numpy.float32).reshape(-1)
        if len(vector) != size:
            raise UserError(f"the x-vector of a voice has {size} numbers, not {len(vector)}")
        ids = self._tokenizer(text, return_tensors="pt")["input_ids"].to(self._model.device)
        speaker = torch.from_numpy(vector)[None].to(self._model.device)
        sound = self._model.generate_speech(ids, speaker, vocoder=self._vocoder)
        return sound, int(getattr(self._vocoder.config, "sampling_rate", _SPEECHT5_RATE))


def _voice(voice: Any) -> HuggingFaceVoice:
    if isinstance(voice, int) and not isinstance(voice, bool):
        return HuggingFaceVoice(speaker_id=voice)
    if isinstance(voice, (str, Path)) or hasattr(voice, "shape"):
        return HuggingFaceVoice(embedding=voice)
    return voice_from(HuggingFaceVoice, voice)
