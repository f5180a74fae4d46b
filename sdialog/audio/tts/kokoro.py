"""Kokoro, a small neural engine for eight languages; it needs its weights (hexgrad/Kokoro-82M)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.normalizers import TextNormalizer
from sdialog.audio.sound import Clip, Word
from sdialog.audio.speech_text import by_token
from sdialog.audio.tts._neural import NeuralTTS, package
from sdialog.audio.tts._torch_seed import seeded
from sdialog.audio.tts.base import engines
from sdialog.core.errors import TTSError, UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

LANGUAGES = {
    "a": "american english", "b": "british english", "e": "spanish", "f": "french", "h": "hindi", "i": "italian",
    "j": "japanese", "p": "brazilian portuguese", "z": "mandarin",
}  # fmt: skip
_NAMES = {"english": "a", "portuguese": "p", "chinese": "z"} | {name: code for code, name in LANGUAGES.items()}
_FIRST = {
    "a": "af_heart", "b": "bf_emma", "e": "ef_dora", "f": "ff_siwis", "h": "hf_alpha", "i": "if_sara", "j": "jf_alpha",
    "p": "pf_dora", "z": "zf_xiaobei",
}  # fmt: skip
_VOICE = re.compile(r"[a-z][fm]_\w+")
_REPOSITORY = "hexgrad/Kokoro-82M"


@engines.register("kokoro")
class KokoroTTS(NeuralTTS):
    """Speaks with Kokoro (``pip install kokoro``), in English with the times of the words.

    Voices have names such as ``af_heart``: the first letter is the language, the second the gender; several with
    commas are mixed. A voice is spoken in its own language, whatever ``lang_code`` says.

    Args:
        lang_code: language where no voice is given: a American, b British, e Spanish, f French, h Hindi, i Italian,
            j Japanese, p Brazilian Portuguese, z Mandarin.
        speed: 1 as trained.
        text_normalizers: steps in place of the usual reading of numbers and symbols.
        unicode_to_ascii: write typographic marks in ASCII.
        folder: with ``config.json``, the weights (``*.pth``) and ``voices/``; else the package fetches them from the
            Hugging Face hub, which needs the internet once.
        device: of torch; None lets the package choose.

    Raises:
        UnknownNameError: if there is no such language code.
        UserError: if the speed is not positive, or the folder lacks a file.

    Example:
        >>> KokoroTTS(lang_code="b").json()["lang_code"]
        'b'
    """

    name = "kokoro"
    sample_rate = 24000

    def __init__(
        self,
        lang_code: str = "a",
        speed: float = 1.0,
        text_normalizers: Sequence[TextNormalizer] | None = None,
        unicode_to_ascii: bool = True,
        folder: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(text_normalizers, unicode_to_ascii)
        if lang_code not in LANGUAGES:
            raise UnknownNameError("language code of Kokoro", lang_code, LANGUAGES)
        if not speed > 0:
            raise UserError(f"speed is a positive number, not {speed!r}")
        self.lang_code, self.speed, self.device = lang_code, float(speed), device
        self.folder = None if folder is None else Path(folder)
        self._pipelines: dict[str, Any] = {}

    def speak(self, text: str, voice: str | None = None, *, language: str = "english", seed: int = 0) -> Clip:
        """Return a text as speech.

        Args:
            text: what to say, of any length; the parts that Kokoro makes of it are joined.
            voice: name of a voice, or a mixture such as ``af_heart,af_bella``; None for the first of the language.
            language: spoken where no voice is given, if Kokoro has it; else ``lang_code``.
            seed: Kokoro draws no random numbers of account; kept apart all the same.

        Returns:
            The clip; without words where Kokoro tells no times (all languages but English).

        Raises:
            UserError: if the name is not one of a voice.
            TTSError: if Kokoro fails or makes no sound.
            MissingDependencyError: if kokoro is not installed.
        """
        numpy = need("numpy", extra="audio", why="speak with Kokoro")
        code, chosen = self._chosen(voice, language)
        pipeline = self._pipeline(code)
        parts, words, length = [], [], 0
        try:
            with seeded(seed):
                # A line break would begin a part of its own.
                for result in pipeline(" ".join(text.split()), voice=self._place(chosen), speed=self.speed):
                    if result.audio is None:
                        continue
                    samples = numpy.asarray(result.audio.detach().cpu(), dtype=numpy.float32).reshape(-1)
                    words += _told(result.tokens, length / self.sample_rate)
                    parts.append(samples)
                    length += len(samples)
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise TTSError(f"Kokoro cannot say {text[:60]!r} as {chosen}: {error}") from error
        if not parts:
            raise TTSError(f"Kokoro made no sound of {text[:60]!r}")
        whole: Samples = numpy.concatenate(parts)
        return Clip(whole, self.sample_rate, _placed(text, words, len(whole) / self.sample_rate))

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on."""
        where = str(self.folder) if self.folder else _REPOSITORY
        return {
            "engine": self.name, "version": 1, "lang_code": self.lang_code, "speed": self.speed, "model": where,
            **self.reading(),
        }  # fmt: skip

    def _chosen(self, voice: str | None, language: str) -> tuple[str, str]:
        if voice is None:
            own = self.lang_code in "ab" and language == "english"
            code = self.lang_code if own else _NAMES.get(language.casefold(), self.lang_code)
            return code, _FIRST[code]
        if not isinstance(voice, str) or not all(_VOICE.fullmatch(part) for part in voice.split(",")):
            raise UserError(f"a voice of Kokoro has a name such as af_heart or bm_george, not {voice!r}")
        if voice[0] not in LANGUAGES:
            raise UnknownNameError("language of a Kokoro voice", voice[0], LANGUAGES)
        return voice[0], voice

    def _place(self, voice: str) -> str:
        if self.folder is None:
            return voice
        files = [self.folder / "voices" / f"{name}.pt" for name in voice.split(",")]
        for file in files:
            if not file.is_file():
                known = [path.stem for path in file.parent.glob("*.pt")]
                raise UnknownNameError("voice of Kokoro", file.stem, known)
        return ",".join(str(file) for file in files)

    def _pipeline(self, code: str) -> Any:
        with self._loading:
            if code not in self._pipelines:
                kokoro = package("kokoro", "speak with KokoroTTS", "kokoro")
                options: dict[str, Any] = {"lang_code": code, "repo_id": _REPOSITORY, "device": self.device}
                if self._pipelines:
                    # One model serves all languages.
                    options["model"] = next(iter(self._pipelines.values())).model
                elif self.folder is not None:
                    options["model"] = self._local_model(kokoro)
                self._pipelines[code] = kokoro.KPipeline(**options)
            self.pipeline = self._pipelines[code]
            return self.pipeline

    def _local_model(self, kokoro: Any) -> Any:
        assert self.folder is not None
        weights = sorted(self.folder.glob("*.pth"))
        if not weights or not (self.folder / "config.json").is_file():
            raise UserError(f"{self.folder} lacks config.json or the weights, *.pth, of Kokoro")
        model = kokoro.KModel(repo_id=_REPOSITORY, config=str(self.folder / "config.json"), model=str(weights[0]))
        return model.to(self.device or "cpu").eval()


def _told(tokens: Any, offset: float) -> list[tuple[str, float | None, float | None]]:
    """Return the text of each token of a part and, where they are known, its times in the clip."""
    told: list[tuple[str, float | None, float | None]] = []
    for token in tokens or ():
        start, end = token.start_ts, token.end_ts
        timed = start is not None and end is not None
        told.append((token.text, start + offset if timed else None, end + offset if timed else None))
    return told


def _placed(text: str, told: Sequence[tuple[str, float | None, float | None]], duration: float) -> tuple[Word, ...]:
    """Return the white-space tokens of a text with times, from Kokoro's finer tokens."""
    tokens = [(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", text)]
    spans: dict[int, tuple[float, float]] = {}
    at = index = 0
    for part, start, end in told:
        found = text.find(part, at)
        if found < 0:
            continue  # written otherwise by Kokoro; its neighbours are still found
        at = found + len(part)
        if start is None or end is None or not any(letter.isalnum() for letter in part):
            continue
        while index < len(tokens) - 1 and tokens[index][2] <= found:
            index += 1
        first = spans.get(index, (start, end))[0]
        spans[index] = (min(first, duration), min(end, duration))
    if not spans:
        return ()
    said = [(number, Word("", start, max(start, end))) for number, (start, end) in sorted(spans.items())]
    return by_token([token for token, _, _ in tokens], said)
