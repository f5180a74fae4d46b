"""espeak-ng: the same bytes each time, every token timed, and errors in place of hangs. The real library speaks."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.tts import _espeak_process as process
from sdialog.audio.tts import _espeak_server as server
from sdialog.audio.tts.espeak import EspeakTTS, EspeakVoice, espeak_voices
from sdialog.core.errors import MissingDependencyError, TTSError, UnknownNameError, UserError

TEXTS = ["Hello there, Ana.", "It costs 20.50 dollars.", "Well, well, well!", "I see. Shall we go on?"]


def _digest(text, voice="en+f2", seed=0):
    return hashlib.sha256(EspeakTTS().speak(text, voice, seed=seed).samples.tobytes()).hexdigest()


def test_the_bytes_depend_on_text_voice_and_seed_and_not_on_what_was_said_before():
    forward = {text: _digest(text, seed=5) for text in TEXTS}
    backward = {text: _digest(text, seed=5) for text in reversed(TEXTS)}
    assert forward == backward
    assert _digest(TEXTS[0], seed=6) != forward[TEXTS[0]]
    assert _digest(TEXTS[0], "en+m3", seed=5) != forward[TEXTS[0]]


def test_the_bytes_are_the_same_in_another_run_a_worker_and_a_thread():
    here = [_digest(text) for text in TEXTS]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(_digest, TEXTS)) == here
    with get_context("fork").Pool(1) as forked:  # the worker inherits the pipes of a server that is not its own
        assert forked.map(_digest, TEXTS) == here
    assert _digest(TEXTS[0]) == here[0]
    code = (
        "import hashlib; from sdialog.audio.tts.espeak import EspeakTTS\n"
        f"for text in {TEXTS!r}: print(hashlib.sha256(EspeakTTS().speak(text, 'en+f2').samples.tobytes()).hexdigest())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == here


def test_words_begin_and_end_where_the_sound_does():
    clip = EspeakTTS().speak("Please stop. Take that back.", "en", seed=2)
    assert [word.text for word in clip.words] == ["Please", "stop.", "Take", "that", "back."]
    loud = numpy.flatnonzero(numpy.abs(clip.samples) > 10 ** (-50 / 20) * numpy.abs(clip.samples).max()) / clip.rate
    assert clip.words[0].start == pytest.approx(loud[0], abs=0.005)
    assert clip.words[-1].end == pytest.approx(loud[-1], abs=0.005)
    pause = (loud > clip.words[1].end + 0.001) & (loud < clip.words[2].start - 0.001)
    assert not pause.any()
    assert clip.words[2].start - clip.words[1].end > 0.1


def test_sounds_are_kept_in_their_words():
    words = EspeakTTS().speak("Good morning", "en").words
    assert [sound.symbol.strip("ˈˌ") for sound in words[0].phonemes] == ["ɡ", "ʊ", "d"]
    for word in words:
        edges = [word.start, *(edge for sound in word.phonemes for edge in (sound.start, sound.end)), word.end]
        assert edges == sorted(edges)


def test_a_number_is_one_word_though_the_engine_says_several():
    words = EspeakTTS().speak("It costs 20.50 dollars", "en").words
    assert [word.text for word in words] == ["It", "costs", "20.50", "dollars"]
    assert words[2].end - words[2].start > 3 * (words[0].end - words[0].start)


def test_the_echo_of_a_variant_is_taken_off():
    clip = EspeakTTS().speak("Stop. Now.", "en+f2", seed=1)  # f2 asks for an echo of 140 ms
    between = clip.samples[round((clip.words[0].end + 0.005) * clip.rate) : round(clip.words[1].start * clip.rate) - 50]
    assert len(between) > 0.1 * clip.rate
    assert numpy.abs(between).max() < 10 ** (-50 / 20) * numpy.abs(clip.samples).max()


FRAGMENTS = st.sampled_from(
    [
        *[
            "deja vu",
            "in order to",
            "20.50",
            "1,234",
            "3/4",
            "😀",
            "👩‍👧",
            "—",
            "...",
            "https://a.org/x?y=1",
            "a@b.org",
        ],
        *["du déjà vu", "n'est-ce pas", "das ist's", "¿qué?", "¡hola!", "l'acqua", "x²", "C++", "&", "%", "$5", "№"],
        *[
            "你好世界",
            "こんにちは",
            "U.S.A.",
            "(sic)",
            '"quoted"',
            "10:30",
            "e.g.",
            "<b>",
            "&amp;",
            "Ω",
            "don't",
            "I",
            "a",
            "the",
        ],
        *["of it", "WHAT?!", "ﬁ", "\u200b"],
    ]
)


@pytest.mark.parametrize("language", ["english", "french", "german", "spanish", "mandarin"])
@settings(max_examples=25)
@given(parts=st.lists(FRAGMENTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=9))
def test_every_token_has_its_time_in_order_within_the_clip(language, parts):
    text = " ".join(parts)
    engine = EspeakTTS()
    for spoken in (text, str(engine.normalize(text, language))):
        clip = engine.speak(spoken, None, language=language, seed=1)
        assert [word.text for word in clip.words] == spoken.split()
        edges = [edge for word in clip.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert not edges or (edges[0] >= 0 and edges[-1] <= clip.duration + 1e-6)


def test_a_turn_of_five_hundred_words():
    text = "well I would like to know what this costs and when you can send it to me please " * 28
    clip = EspeakTTS().speak(text, "en")
    assert len(clip.words) == 504
    assert min(word.end - word.start for word in clip.words) > 0.02
    assert clip.duration > 60


@pytest.mark.parametrize("text", ["", "   ", "...", "\n"])
def test_a_text_without_words_is_a_clip_without_length(text):
    clip = EspeakTTS().speak(text, "en")
    assert clip.duration == 0
    assert all(word.start == word.end == 0 for word in clip.words)


def test_pitch_rate_and_volume_are_heard():
    def spoken(**fields):
        return EspeakTTS().speak("Where were you a year ago?", EspeakVoice(language="en", **fields))

    assert spoken(rate=300).duration < 0.75 * spoken(rate=120).duration
    level = {volume: numpy.abs(spoken(volume=volume).samples).max() for volume in (20, 100)}
    assert level[20] < 0.5 * level[100]
    # A whole second of voiced speech: its fundamental is the lowest strong peak of the spectrum.
    assert _fundamental(spoken(pitch=90)) > 1.3 * _fundamental(spoken(pitch=10))


def _fundamental(clip):
    frames = numpy.lib.stride_tricks.sliding_window_view(clip.samples, 1024)[::512]
    frames = frames[numpy.abs(frames).max(axis=1) > 0.1 * numpy.abs(clip.samples).max()]
    lags = numpy.arange(clip.rate // 400, clip.rate // 60)
    scores = numpy.array([[numpy.dot(f[:-lag], f[lag:]) / len(f[lag:]) for lag in lags] for f in frames])
    return float(numpy.median(clip.rate / lags[scores.argmax(axis=1)]))


def test_voices_are_written_in_three_ways():
    clips = [
        EspeakTTS().speak("Hello.", v) for v in ("en+f2", {"language": "en", "variant": "+F2"}, EspeakVoice("en", "f2"))
    ]
    assert len({clip.samples.tobytes() for clip in clips}) == 1
    assert EspeakVoice("en", pitch=0).json() == {"language": "en", "pitch": 0}


@pytest.mark.parametrize(
    "language", ["english", "en-gb", "EN", "en_GB", "fr-fr", "Brazilian", "zh", "Japanese", "pt-br"]
)
def test_languages_by_name_file_and_code(language):
    assert EspeakTTS().speak("1 2", None, language=language).duration > 0.2


def test_every_named_language_is_one_that_the_library_has():
    from sdialog.audio.tts._espeak_languages import LANGUAGES

    files = {voice["file"].rpartition("/")[2] for voice in espeak_voices()}
    assert set(LANGUAGES.values()) <= files


def test_the_list_of_voices():
    listed = espeak_voices()
    assert len([voice for voice in listed if not voice["file"].startswith("!v")]) > 100
    grandma = next(voice for voice in listed if voice["file"] == "!v/grandma")
    assert (grandma["gender"], grandma["age"]) == ("female", 90)


def test_wrong_voices_name_near_ones():
    with pytest.raises(UnknownNameError, match="french"):
        EspeakTTS().speak("Salut", None, language="frensh")
    with pytest.raises(UnknownNameError, match="f2"):
        EspeakTTS().speak("Hi", "en+ff2")
    with pytest.raises(UnknownNameError, match="pitch"):
        EspeakTTS().speak("Hi", {"pithc": 3})
    with pytest.raises(UserError, match="0 to 99"):
        EspeakVoice(pitch=120)
    with pytest.raises(UserError, match="timeout"):
        EspeakTTS(timeout=0)


def test_the_missing_wheel_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'sdialog\[audio\]'"):
        EspeakTTS().speak("Hi")


def test_too_long_is_an_error_that_names_the_text_and_the_next_one_is_spoken():
    with pytest.raises(TTSError, match=r"within 0\.01 seconds: 'again and again"):
        EspeakTTS(timeout=0.01).speak("again and again " * 3000, "en")
    assert EspeakTTS().speak("Fine.", "en").duration > 0.2


def test_a_killed_process_is_replaced():
    before = _digest("Still here.")
    os.kill(process._running[os.getpid()].process.pid, signal.SIGKILL)
    assert _digest("Still here.") == before


class _Faulty:
    """Stands in for the library where its fault is wanted; the server and its fork are the real ones."""

    def __init__(self, number):
        self.number = number

    def espeak_SetVoiceByName(self, name):
        os.kill(os.getpid(), self.number)
        return 0


def test_a_crash_and_a_hang_of_the_library_are_answers():
    def asked(number):
        said = server.answer_in_child(_Faulty(number), {"voice": "en", "text": "x", "seed": 0, "timeout": 0.2})
        return json.loads(said[4:])["error"]

    assert asked(signal.SIGKILL) == "espeak-ng crashed (SIGKILL)"
    assert asked(signal.SIGSTOP) == "espeak-ng gave no sound within 0.2 seconds"


def test_it_speaks_beside_threads_of_torch():
    torch = pytest.importorskip("torch")
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            torch.rand(64, 64) @ torch.rand(64, 64)

    worker = threading.Thread(target=busy)
    worker.start()
    try:
        assert len({_digest("Side by side.") for _ in range(5)}) == 1
    finally:
        stop.set()
        worker.join()


def test_without_fork_each_utterance_has_a_process_of_its_own_and_the_same_bytes(tmp_path, monkeypatch):
    """As on Windows; the server runs with its fork taken away."""
    expected = [_digest(text) for text in TEXTS[:2]]
    script = tmp_path / "server.py"
    script.write_text(f"import os, runpy\ndel os.fork\nrunpy.run_path({server.__file__!r}, run_name='__main__')\n")
    monkeypatch.setattr(process, "_SCRIPT", script)
    monkeypatch.setattr(process, "_running", {})
    assert [_digest(text) for text in TEXTS[:2]] == expected
    assert not process._running[os.getpid()].usable


def test_the_process_ends_with_its_caller():
    library, data = process.library_paths()
    command = [sys.executable, "-I", "-S", server.__file__, library, str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert server.read_frame(started.stdout)[0] == {"rate": 22050, "forks": True}
        started.send_signal(signal.SIGINT)  # Ctrl-C reaches it, too, and is the caller's to handle
        started.stdin.write(server.frame({"voice": "en", "text": "x", "seed": 0, "timeout": 9}))
        started.stdin.flush()
        assert server.read_frame(started.stdout)[0]["size"] > 0
        started.stdin.close()  # which is what the end of the caller does, however it comes
        assert started.wait(timeout=10) == 0
