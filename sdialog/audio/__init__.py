"""From a dialog to its sound: speech, timing, rooms, noise and lines, with exact labels.

Everything is found here and loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.audio.acoustics import RirCache as RirCache
    from sdialog.audio.acoustics import RoomResponses as RoomResponses
    from sdialog.audio.acoustics import impulse_responses as impulse_responses
    from sdialog.audio.acoustics_simulator import AcousticsSimulator as AcousticsSimulator
    from sdialog.audio.batch import BatchProgress as BatchProgress
    from sdialog.audio.batch import dialogs_to_audio as dialogs_to_audio
    from sdialog.audio.batch import render_dialogs as render_dialogs
    from sdialog.audio.dialog import AudioDialog as AudioDialog
    from sdialog.audio.dialog import RoomAcousticsConfig as RoomAcousticsConfig
    from sdialog.audio.impulse_response_database import ImpulseResponseDatabase as ImpulseResponseDatabase
    from sdialog.audio.impulse_response_database import LocalImpulseResponseDatabase as LocalImpulseResponseDatabase
    from sdialog.audio.impulse_response_database import RecordingDevice as RecordingDevice
    from sdialog.audio.labels import Labels as Labels
    from sdialog.audio.legacy.speaking import generate_utterance as generate_utterance
    from sdialog.audio.legacy.speaking import generate_utterances_audios as generate_utterances_audios
    from sdialog.audio.pipeline import AudioPipeline as AudioPipeline
    from sdialog.audio.pipeline import generate_audio_room_accoustic as generate_audio_room_accoustic
    from sdialog.audio.processing import AudioProcessor as AudioProcessor
    from sdialog.audio.result import DialogAudio as DialogAudio
    from sdialog.audio.rooms import AudioSource as AudioSource
    from sdialog.audio.rooms import Dimensions3D as Dimensions3D
    from sdialog.audio.rooms import DirectivityType as DirectivityType
    from sdialog.audio.rooms import Furniture as Furniture
    from sdialog.audio.rooms import Microphone as Microphone
    from sdialog.audio.rooms import MicrophonePosition as MicrophonePosition
    from sdialog.audio.rooms import Position3D as Position3D
    from sdialog.audio.rooms import Role as Role
    from sdialog.audio.rooms import Room as Room
    from sdialog.audio.rooms import RoomMaterials as RoomMaterials
    from sdialog.audio.rooms import RoomPosition as RoomPosition
    from sdialog.audio.rooms import SourceVolume as SourceVolume
    from sdialog.audio.rooms import SpeakerSide as SpeakerSide
    from sdialog.audio.routing import to_audio as to_audio
    from sdialog.audio.scene import Scene as Scene
    from sdialog.audio.scene import list_presets as list_presets
    from sdialog.audio.scene import register_preset as register_preset
    from sdialog.audio.segments import Segment as Segment
    from sdialog.audio.sound import Clip as Clip
    from sdialog.audio.sound import Word as Word
    from sdialog.audio.synthesis import Studio as Studio
    from sdialog.audio.timeline import Timing as Timing
    from sdialog.audio.tts import Dia2TTS as Dia2TTS
    from sdialog.audio.tts import EspeakTTS as EspeakTTS
    from sdialog.audio.tts import HuggingFaceTTS as HuggingFaceTTS
    from sdialog.audio.tts import IndexTTS as IndexTTS
    from sdialog.audio.tts import KokoroTTS as KokoroTTS
    from sdialog.audio.tts import OpenAITTS as OpenAITTS
    from sdialog.audio.tts import PiperTTS as PiperTTS
    from sdialog.audio.tts import Qwen3TTS as Qwen3TTS
    from sdialog.audio.tts import Qwen3TTSVoiceClone as Qwen3TTSVoiceClone
    from sdialog.audio.tts import ToneTTS as ToneTTS
    from sdialog.audio.tts.base import BaseDialogTTS as BaseDialogTTS
    from sdialog.audio.tts.base import BaseTTS as BaseTTS
    from sdialog.audio.tts.base import BaseVoiceCloneTTS as BaseVoiceCloneTTS
    from sdialog.audio.tts.base import PerTurnTTS as PerTurnTTS
    from sdialog.audio.tts.base import SpeechEngine as SpeechEngine
    from sdialog.audio.tts.base import TurnAudio as TurnAudio
    from sdialog.audio.turn import AudioTurn as AudioTurn
    from sdialog.audio.voices import BaseVoiceDatabase as BaseVoiceDatabase
    from sdialog.audio.voices import EspeakVoiceDatabase as EspeakVoiceDatabase
    from sdialog.audio.voices import HuggingFaceVoiceDatabase as HuggingFaceVoiceDatabase
    from sdialog.audio.voices import HuggingfaceVoiceDatabase as HuggingfaceVoiceDatabase
    from sdialog.audio.voices import LocalVoiceDatabase as LocalVoiceDatabase
    from sdialog.audio.voices import ToneVoiceDatabase as ToneVoiceDatabase
    from sdialog.audio.voices import Voice as Voice
    from sdialog.audio.voices import VoiceDatabase as VoiceDatabase

_PLACES = {
    "acoustics": "impulse_responses RirCache RoomResponses",
    "acoustics_simulator": "AcousticsSimulator",
    "batch": "BatchProgress dialogs_to_audio render_dialogs",
    "dialog": "AudioDialog RoomAcousticsConfig",
    "impulse_response_database": "ImpulseResponseDatabase LocalImpulseResponseDatabase RecordingDevice",
    "labels": "Labels",
    "legacy.speaking": "generate_utterance generate_utterances_audios",
    "pipeline": "AudioPipeline generate_audio_room_accoustic",
    "processing": "AudioProcessor",
    "result": "DialogAudio",
    "rooms": "AudioSource Dimensions3D DirectivityType Furniture Microphone MicrophonePosition "
    "Position3D Role Room RoomMaterials RoomPosition SourceVolume SpeakerSide",
    "routing": "to_audio",
    "scene": "Scene list_presets register_preset",
    "segments": "Segment",
    "sound": "Clip Word",
    "synthesis": "Studio",
    "timeline": "Timing",
    "tts": "Dia2TTS EspeakTTS HuggingFaceTTS IndexTTS KokoroTTS OpenAITTS PiperTTS Qwen3TTS Qwen3TTSVoiceClone ToneTTS",
    "tts.base": "BaseDialogTTS BaseTTS BaseVoiceCloneTTS PerTurnTTS SpeechEngine TurnAudio",
    "turn": "AudioTurn",
    "voices": "BaseVoiceDatabase EspeakVoiceDatabase HuggingfaceVoiceDatabase HuggingFaceVoiceDatabase "
    "LocalVoiceDatabase ToneVoiceDatabase Voice VoiceDatabase",
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
