"""Voices: databases of them, and casting them to the speakers of a dialog."""

from __future__ import annotations

from sdialog.audio.voices.ages import normalize_age
from sdialog.audio.voices.builtin import Person, Tongue, language_of, people, tongues
from sdialog.audio.voices.casting import Casting, CastVoice, cast
from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.databases.espeak import EspeakVoiceDatabase
from sdialog.audio.voices.databases.huggingface import HuggingFaceVoiceDatabase, HuggingfaceVoiceDatabase
from sdialog.audio.voices.databases.listed import VoiceDatabase
from sdialog.audio.voices.databases.local import LocalVoiceDatabase, is_a_audio_file
from sdialog.audio.voices.databases.tone import ToneVoiceDatabase
from sdialog.audio.voices.facts import SpeakerFacts, facts_of
from sdialog.audio.voices.genders import normalize_gender
from sdialog.audio.voices.pitch import median_pitch
from sdialog.audio.voices.published import database_for, resolve_voices
from sdialog.audio.voices.statistics import voice_rows
from sdialog.audio.voices.voice import Voice

__all__ = [
    "BaseVoiceDatabase",
    "CastVoice",
    "Casting",
    "EspeakVoiceDatabase",
    "HuggingFaceVoiceDatabase",
    "HuggingfaceVoiceDatabase",
    "LocalVoiceDatabase",
    "Person",
    "SpeakerFacts",
    "ToneVoiceDatabase",
    "Tongue",
    "Voice",
    "VoiceDatabase",
    "cast",
    "database_for",
    "databases",
    "facts_of",
    "is_a_audio_file",
    "language_of",
    "median_pitch",
    "normalize_age",
    "normalize_gender",
    "people",
    "resolve_voices",
    "tongues",
    "voice_rows",
]
