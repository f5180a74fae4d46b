"""Speech engines. This folder is the list: each module without an underscore is one engine.

Importing this package loads none; each name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.audio.tts._without_adapter import Dia2TTS as Dia2TTS
    from sdialog.audio.tts._without_adapter import IndexTTS as IndexTTS
    from sdialog.audio.tts._without_adapter import Qwen3TTS as Qwen3TTS
    from sdialog.audio.tts._without_adapter import Qwen3TTSVoiceClone as Qwen3TTSVoiceClone
    from sdialog.audio.tts.base import BaseDialogTTS as BaseDialogTTS
    from sdialog.audio.tts.base import BaseTTS as BaseTTS
    from sdialog.audio.tts.base import PerTurnTTS as PerTurnTTS
    from sdialog.audio.tts.base import SpeechEngine as SpeechEngine
    from sdialog.audio.tts.base import TurnAudio as TurnAudio
    from sdialog.audio.tts.base import engines as engines
    from sdialog.audio.tts.espeak import EspeakTTS as EspeakTTS
    from sdialog.audio.tts.espeak import EspeakVoice as EspeakVoice
    from sdialog.audio.tts.espeak import espeak_voices as espeak_voices
    from sdialog.audio.tts.huggingface import HuggingFaceTTS as HuggingFaceTTS
    from sdialog.audio.tts.huggingface import HuggingFaceVoice as HuggingFaceVoice
    from sdialog.audio.tts.kokoro import KokoroTTS as KokoroTTS
    from sdialog.audio.tts.openai import OpenAITTS as OpenAITTS
    from sdialog.audio.tts.openai import OpenAIVoice as OpenAIVoice
    from sdialog.audio.tts.piper import PiperTTS as PiperTTS
    from sdialog.audio.tts.piper import PiperVoice as PiperVoice
    from sdialog.audio.tts.tone import ToneTTS as ToneTTS
    from sdialog.audio.tts.tone import ToneVoice as ToneVoice

_BY_HOME = {
    "_without_adapter": "Dia2TTS IndexTTS Qwen3TTS Qwen3TTSVoiceClone",
    "base": "BaseDialogTTS BaseTTS PerTurnTTS SpeechEngine TurnAudio engines",
    "espeak": "EspeakTTS EspeakVoice espeak_voices",
    "huggingface": "HuggingFaceTTS HuggingFaceVoice",
    "kokoro": "KokoroTTS",
    "openai": "OpenAITTS OpenAIVoice",
    "piper": "PiperTTS PiperVoice",
    "tone": "ToneTTS ToneVoice",
}
_HOMES = {name: home for home, names in _BY_HOME.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
