"""Published import path of the voice databases; they are in :mod:`sdialog.audio.voices`."""

from __future__ import annotations

from sdialog.audio.voices import (
    BaseVoiceDatabase,
    HuggingFaceVoiceDatabase,
    HuggingfaceVoiceDatabase,
    LocalVoiceDatabase,
    Voice,
    VoiceDatabase,
    is_a_audio_file,
)

__all__ = [
    "BaseVoiceDatabase",
    "HuggingFaceVoiceDatabase",
    "HuggingfaceVoiceDatabase",
    "LocalVoiceDatabase",
    "Voice",
    "VoiceDatabase",
    "is_a_audio_file",
]
