"""The clip cache: what was said is not said again, the dialog's tokens get the times, files survive what happens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing import get_context

import numpy
import pytest
import soundfile
from pydantic import BaseModel

from sdialog.audio.clips import CacheUse, ClipCache, clip_key
from sdialog.audio.sound import Clip, Word
from sdialog.audio.tts.base import BaseTTS, SpeechEngine
from sdialog.audio.tts.espeak import EspeakTTS, EspeakVoice
from sdialog.audio.tts.tone import ToneTTS, ToneVoice
from sdialog.core.errors import TTSError, UserError

TEXT = "[sighs] It's $5.20, on 3/4/2024 😀!"


def _same(one, other):
    return one.rate == other.rate and one.words == other.words and one.samples.tobytes() == other.samples.tobytes()


@pytest.mark.parametrize("engine", [EspeakTTS(), ToneTTS()], ids=["espeak", "tone"])
def test_the_words_are_the_tokens_of_the_dialog(engine):
    clip = ClipCache().get(engine, TEXT, seed=1)
    assert [word.text for word in clip.words] == TEXT.split()
    assert [word.start < word.end for word in clip.words] == [False, True, True, True, True, False]
    assert clip.words[-1].end <= clip.duration


def test_a_clip_is_spoken_once_and_whatever_it_depends_on_makes_another():
    cache, engine = ClipCache(), ToneTTS()
    first = cache.get(engine, "Hello", {"pitch": 100}, seed=1)
    assert cache.get(engine, "Hello", {"pitch": 100}, seed=1) is first
    others = [
        cache.get(engine, "Hello!", {"pitch": 100}, seed=1),
        cache.get(engine, "Hello", {"pitch": 101}, seed=1),
        cache.get(engine, "Hello", {"pitch": 100}, seed=2),
        cache.get(engine, "Hello", {"pitch": 100}, "french", seed=1),
        cache.get(ToneTTS(8000), "Hello", {"pitch": 100}, seed=1),
    ]
    assert all(other is not first for other in others)
    assert cache.use() == CacheUse(made=6, found=1, damaged=0)
    assert cache.use().json() == {"made": 6, "found": 1, "damaged": 0}


def test_clips_cannot_be_changed_by_whoever_uses_them(tmp_path):
    for cache in (ClipCache(tmp_path), ClipCache(tmp_path)):
        clip = cache.get(ToneTTS(), "Hello")
        with pytest.raises(ValueError, match="read-only"):
            clip.samples[0] = 1
        assert clip.resampled(8000).rate == 8000


def test_a_folder_gives_back_the_same_bits(tmp_path):
    made = ClipCache(tmp_path).get(EspeakTTS(), TEXT, "en+f3", seed=3)
    again = ClipCache(tmp_path)
    found = again.get(EspeakTTS(), TEXT, "en+f3", seed=3)
    assert again.use() == CacheUse(made=0, found=1, damaged=0)
    assert _same(made, found) and made.words[1].phonemes


def test_its_files_are_sound_for_other_programs(tmp_path):
    clip = ClipCache(tmp_path).get(ToneTTS(), "Hello there")
    [file] = tmp_path.rglob("*.wav")
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == clip.rate and numpy.array_equal(samples, clip.samples)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    clip = ClipCache(tmp_path).get(ToneTTS(), "Hello there")
    [file] = tmp_path.rglob("*.wav")
    whole = file.read_bytes()
    harmed = {
        "cut": whole[:-5],
        "flip": whole[:90] + bytes([whole[90] ^ 1]) + whole[91:],
        "empty": b"",
        "text": b"x" * 200,
    }
    file.write_bytes(harmed[damage])
    cache = ClipCache(tmp_path)
    assert _same(cache.get(ToneTTS(), "Hello there"), clip)
    assert cache.use() == CacheUse(made=1, found=0, damaged=1)
    assert file.read_bytes() == whole


def test_memory_is_bounded_and_the_clips_not_used_for_longest_go():
    engine = ToneTTS()
    size = ClipCache().get(engine, "Hello number 1").samples.nbytes
    cache = ClipCache(memory=3 * size)
    first = cache.get(engine, "Hello number 1")
    for number in range(2, 6):
        cache.get(engine, f"Hello number {number}")
        cache.get(engine, "Hello number 1")
    assert cache.get(engine, "Hello number 1") is first
    made = cache.use().made
    cache.get(engine, "Hello number 2")
    assert cache.use().made == made + 1
    nothing = ClipCache(memory=0)
    assert _same(nothing.get(engine, "Hi"), nothing.get(engine, "Hi"))
    assert nothing.use().made == 2


def _speak_many(folder):
    cache = ClipCache(folder)
    return [cache.get(ToneTTS(), f"Hello number {number}").samples.tobytes() for number in range(40)]


def test_processes_share_a_folder(tmp_path):
    with get_context("spawn").Pool(2) as pool:
        one, two = pool.map(_speak_many, [tmp_path, tmp_path])
    assert one == two
    assert len(list(tmp_path.rglob("*.wav"))) == 40
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".wav"]


def _speak_for_ever(folder):
    cache, number = ClipCache(folder, memory=0), 0
    while True:
        cache.get(ToneTTS(), f"A rather long turn with number {number} in it " * 10)
        number += 1


def test_a_killed_writer_leaves_whole_files(tmp_path):
    worker = get_context("fork").Process(target=_speak_for_ever, args=(tmp_path,))
    worker.start()
    until = time.monotonic() + 20
    while len(list(tmp_path.rglob("*.wav"))) < 10 and time.monotonic() < until:
        time.sleep(0.01)
    worker.kill()
    worker.join()
    cache = ClipCache(tmp_path)
    count = len(list(tmp_path.rglob("[!.]*.wav")))
    for number in range(count):
        cache.get(ToneTTS(), f"A rather long turn with number {number} in it " * 10)
    assert count >= 10 and cache.use() == CacheUse(made=0, found=count, damaged=0)


@pytest.mark.parametrize("text", ["", " ", "😀", "[cough] *laughs*"])
def test_a_turn_of_which_nothing_is_said(text):
    clip = ClipCache().get(EspeakTTS(), text, "en")
    assert clip.duration == 0 and clip.rate == 22050
    assert [word.text for word in clip.words] == text.split()


class Published(BaseTTS):
    """An engine of the published interface: samples and a rate, and a normalization that is a plain string."""

    def generate(self, text, speaker_voice, tts_pipeline_kwargs=None):
        return numpy.full((8000, 2), 0.1), 8000

    def normalize(self, text, language="english"):
        return text.replace("5", "five of")


class Timed(Published, SpeechEngine):
    def __init__(self, words):
        super().__init__()
        self.words = words

    def speak(self, text, voice, *, language="english", seed=0):
        return Clip(numpy.zeros(8000, dtype=numpy.float32), 8000, tuple(self.words))


def test_engines_of_the_published_interface():
    clip = ClipCache().get(Published(), "Take 5 now", "anna")
    assert clip.duration == 1.0 and clip.words == ()
    halves = [Word("w", i / 4, (i + 1) / 4) for i in range(4)]
    assert [(w.text, w.start, w.end) for w in ClipCache().get(Timed(halves), "Take 5 now").words] == [
        ("Take", 0.0, 0.25), ("5", 0.25, 0.75), ("now", 0.75, 1.0),
    ]  # fmt: skip
    fewer = [Word("Take", 0.0, 0.3), Word("now", 0.6, 0.9)]
    assert [(w.text, w.start, w.end) for w in ClipCache().get(Timed(fewer), "Take 5 now").words] == [
        ("Take", 0.0, 0.3), ("5", 0.3, 0.3), ("now", 0.6, 0.9),
    ]  # fmt: skip


def test_samples_that_are_no_numbers_are_refused():
    class Broken(Published):
        def generate(self, text, speaker_voice, tts_pipeline_kwargs=None):
            return numpy.array([0.0, numpy.nan]), 8000

    with pytest.raises(TTSError, match="Broken made samples that are not numbers"):
        ClipCache().get(Broken(), "Hi")


@dataclass
class Model:
    name: str


class Described(BaseModel):
    name: str
    sound: object = None


def test_any_voice_that_says_what_it_is_makes_a_key(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"one")
    voices = [
        None, "anna", 3, {"a": [1, 2.5]}, ToneVoice(), EspeakVoice("en"), Model("x"), Described(name="x"),
        (numpy.zeros(4), 16000), (numpy.ones(4), 16000), tmp_path / "a.wav", Described(name="x", sound=numpy.ones(3)),
    ]  # fmt: skip

    def key(voice):
        return clip_key(ToneTTS(), "t", "t", voice, "english", 0)

    keys = [key(voice) for voice in voices]
    assert len(set(keys)) == len(voices)
    assert keys == [key(voice) for voice in voices]
    (tmp_path / "a.wav").write_bytes(b"two")
    assert key(tmp_path / "a.wav") not in keys
    with pytest.raises(UserError, match="the voice has a part of type object"):
        key(object())


def test_folders_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        ClipCache(tmp_path / "file")
    with pytest.raises(UserError, match="memory"):
        ClipCache(memory=-1)
    (tmp_path / "kept").mkdir()
    cache = ClipCache(tmp_path / "kept" / "clips")
    (tmp_path / "kept" / "clips").write_text("")
    with pytest.raises(UserError, match="cannot be kept"):
        cache.get(ToneTTS(), "Hi")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["clips"]
