"""The built-in voices, listened to: pitch, pace and loudness of real espeak-ng speech."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict

import numpy
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.assets import asset
from sdialog.audio.tts.base import engines
from sdialog.audio.tts.tone import ToneVoice
from sdialog.audio.voices import EspeakVoiceDatabase, ToneVoiceDatabase, median_pitch, people, tongues
from sdialog.core.errors import UserError

ESPEAK = EspeakVoiceDatabase()
SENTENCE = yaml.safe_load(asset("voices.yaml").read_text(encoding="utf-8"))["measured_with"]
BANDS = {
    "child": (0, 12),
    "teen": (13, 17),
    "young": (18, 29),
    "adult": (30, 42),
    "middle": (43, 59),
    "senior": (60, 99),
}


def spoken(voice, text=SENTENCE):
    return engines.get("espeak")().speak(text, voice.voice)


@pytest.fixture(scope="module")
def measured():
    """Pitch and pace of each person in American English."""
    found = {}
    for voice in ESPEAK.voices("english"):
        if voice.accent == "american":
            clip = spoken(voice)
            pace = len(SENTENCE.split()) / clip.duration * 60
            found[voice.person] = (voice, median_pitch(clip.samples, clip.rate), pace)
    return found


def test_there_are_four_people_of_each_gender_and_age():
    bands = Counter(
        (person.gender, band) for person in people() for band, (low, high) in BANDS.items() if low <= person.age <= high
    )
    assert bands == {(gender, band): 4 for gender in ("female", "male") for band in BANDS}
    assert len({person.name for person in people()}) == len(people()) == 48
    assert len({(person.variant, person.pitch, person.rate) for person in people()}) == 48


def test_languages_and_accents():
    languages = Counter(tongue.language for tongue in tongues())
    assert languages["english"] == 8 and languages["french"] == 3
    others = "german spanish italian portuguese dutch polish czech mandarin japanese hindi arabic swahili korean"
    assert set(others.split()) <= set(languages)
    assert len({tongue.code for tongue in tongues()}) == len(tongues())
    assert len({voice.identifier for voice in ESPEAK.voices()}) == len(ESPEAK.voices()) == 48 * len(tongues())


@pytest.mark.slow
def test_the_numbers_in_the_file_are_those_of_the_speech(measured):
    for person in people():
        _, pitch, pace = measured[person.name]
        assert pitch == pytest.approx(person.f0, rel=0.02)
        assert pace == pytest.approx(person.wpm, rel=0.03)


@pytest.mark.slow
def test_voices_are_as_high_and_as_quick_as_people(measured):
    # Ranges of speaking fundamental frequency: Baken and Orlikoff, "Clinical measurement of speech and voice" (2000).
    bands = defaultdict(list)
    for voice, pitch, pace in measured.values():
        band = next(name for name, (low, high) in BANDS.items() if low <= voice.age <= high)
        bands[voice.gender, band].append((pitch, pace))
        low, high = (200, 300) if band == "child" else {"female": (160, 250), "male": (85, 165)}[voice.gender]
        assert low <= pitch <= high, voice.identifier
    pitch = {key: statistics.mean(one[0] for one in values) for key, values in bands.items()}
    pace = {key: statistics.mean(one[1] for one in values) for key, values in bands.items()}
    for gender in ("female", "male"):
        assert pitch[gender, "child"] > pitch[gender, "teen"] > pitch[gender, "young"] > pitch[gender, "middle"]
        assert pace[gender, "senior"] < 0.9 * pace[gender, "adult"] < 0.95 * pace[gender, "young"]
    assert pitch["male", "senior"] > pitch["male", "middle"]
    for band in ("young", "adult", "middle", "senior"):
        assert pitch["female", band] > 1.5 * pitch["male", band]


@pytest.mark.slow
@pytest.mark.parametrize("code", [tongue.code for tongue in tongues()])
def test_each_language_is_spoken(code):
    tongue = next(one for one in tongues() if one.code == code)
    voice = next(one for one in ESPEAK.voices(tongue.language) if one.identifier == f"{code.casefold()}-woman-35a")
    clip = spoken(voice, tongue.sample)
    assert 0.8 < clip.duration < 6
    assert sum(len(word.phonemes) for word in clip.words) >= 8
    # The ratio in the file is the mean over four people, and one of them may differ.
    assert median_pitch(clip.samples, clip.rate) == pytest.approx(voice.f0, rel=0.06)


def test_each_tone_voice_is_one_and_sounds_as_high_as_it_says():
    voices = ToneVoiceDatabase().voices("english")
    for voice in voices:
        ToneVoice(**voice.voice)
    tract = {voice.person: voice.voice["tract"] for voice in voices}
    assert tract["girl-7a"] < tract["girl-15a"] < tract["woman-35a"] < tract["man-35a"] == 1.0
    for voice in voices[::9]:
        clip = engines.get("tone")().speak(f"{SENTENCE} {SENTENCE}", voice.voice)
        assert median_pitch(clip.samples, clip.rate) == pytest.approx(voice.f0, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.floats(70, 480), st.sampled_from([8000, 16000, 22050, 44100]), st.floats(0.0, 0.9))
def test_the_pitch_of_a_harmonic_sound(frequency, rate, tilt):
    time = numpy.arange(rate // 2) / rate
    harmonics = range(1, max(2, int(0.45 * rate / frequency)))
    sound = sum(tilt ** (order - 1) * numpy.cos(2 * numpy.pi * order * frequency * time) for order in harmonics)
    assert median_pitch(sound, rate) == pytest.approx(frequency, rel=0.01)


def test_what_has_no_pitch():
    noise = numpy.random.Generator(numpy.random.PCG64(0)).standard_normal(16000)
    for sound in (noise, numpy.zeros(16000), numpy.zeros(10), []):
        assert median_pitch(sound, 16000) is None
    with pytest.raises(UserError, match="from 50 Hz to a quarter of the rate"):
        median_pitch(noise, 1000)
