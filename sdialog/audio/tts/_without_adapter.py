"""Published names of engines that are not run here: each says what to use in its place."""

from __future__ import annotations

from typing import Any, NoReturn

from sdialog.core.errors import UnsupportedFeatureError

_CURE = (
    "Use EspeakTTS (offline), KokoroTTS, PiperTTS, HuggingFaceTTS (VITS, SpeechT5), or OpenAITTS with the address of a "
    "server that runs it (base_url=); or extend BaseTTS with a method generate(text, speaker_voice)"
)


class _NoAdapter:
    """An engine whose library and weights sdialog does not drive."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UnsupportedFeatureError(f"{type(self).__name__} is not part of sdialog. {_CURE}.")


class Dia2TTS(_NoAdapter):
    """Dia2, which speaks whole dialogs; raises UnsupportedFeatureError."""


class Qwen3TTS(_NoAdapter):
    """Qwen3-TTS with its own voices; raises UnsupportedFeatureError."""


class Qwen3TTSVoiceClone(_NoAdapter):
    """Qwen3-TTS imitating a recording; raises UnsupportedFeatureError."""


class IndexTTS(_NoAdapter):
    """IndexTTS, imitating a recording; raises UnsupportedFeatureError."""
