"""The tone engine: exact times, the same samples each time, pitch and speed from the voice."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.audio.tts.base import engines
from sdialog.audio.tts.tone import ToneTTS, ToneVoice
from sdialog.core.errors import UnknownNameError, UserError

TEXT = "Good morning, I would like to change 3 bookings. Is that all right?"


def test_it_is_found_by_name():
    assert engines.get("tone") is ToneTTS


def test_each_word_is_sound_from_its_start_to_its_end_and_silence_between_the_words():
    clip = ToneTTS().speak(TEXT, seed=4)
    assert [word.text for word in clip.words] == TEXT.split()
    edges = [(round(word.start * clip.rate), round(word.end * clip.rate)) for word in clip.words]
    assert edges[0][0] == 0 and edges[-1][1] == len(clip.samples)
    for start, end in edges:
        loud = numpy.flatnonzero(numpy.abs(clip.samples[start:end]) > 0.01)
        assert loud[0] < 0.003 * clip.rate
        assert end - start - loud[-1] < 0.003 * clip.rate
    for (_, end), (start, _) in pairwise(edges):
        assert start - end > 0.02 * clip.rate
        assert not clip.samples[end:start].any()


def test_syllables_lie_in_their_words_without_gaps():
    for word in ToneTTS().speak(TEXT, seed=4).words:
        assert word.phonemes[0].start == word.start and word.phonemes[-1].end == word.end
        for before, after in pairwise(word.phonemes):
            assert before.end == after.start


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_another_seed_does_not():
    here = ToneTTS().speak(TEXT, {"pitch": 180}, seed=9).samples.tobytes()
    code = (
        "import sys; from sdialog.audio.tts.tone import ToneTTS; "
        f"sys.stdout.buffer.write(ToneTTS().speak({TEXT!r}, {{'pitch': 180}}, seed=9).samples.tobytes())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert here == there
    assert here != ToneTTS().speak(TEXT, {"pitch": 180}, seed=10).samples.tobytes()


@pytest.mark.parametrize("pitch", [90.0, 140.0, 260.0])
def test_the_pitch_is_that_of_the_voice(pitch):
    clip = ToneTTS().speak("aaaaaa " * 6, ToneVoice(pitch=pitch, melody=0.0), seed=1)
    word = clip.words[2]
    middle = clip.samples[round(word.start * clip.rate) + 400 : round(word.end * clip.rate) - 400]
    correlation = numpy.correlate(middle, middle, "full")[len(middle) - 1 :]
    shortest = round(clip.rate / 400)
    period = shortest + int(numpy.argmax(correlation[shortest : round(clip.rate / 60)]))
    assert clip.rate / period == pytest.approx(pitch, rel=0.02)


def test_a_faster_voice_takes_less_time():
    slow, fast = (ToneTTS().speak(TEXT, ToneVoice(rate=rate), seed=1).duration for rate in (1.0, 2.0))
    assert slow / fast == pytest.approx(2.0, rel=0.1)


def test_a_question_of_a_voice_that_is_none():
    with pytest.raises(UnknownNameError, match="pitch"):
        ToneTTS().speak("Hello", {"pich": 100})
    with pytest.raises(UserError, match="40 to 600"):
        ToneVoice(pitch=5)
    with pytest.raises(UserError, match="mapping of its fields"):
        ToneTTS().speak("Hello", "en+f2")
    with pytest.raises(UserError, match="8000"):
        ToneTTS(sample_rate=4000)


@given(st.text(max_size=60), st.integers(0, 2**63 - 1))
def test_any_text_has_its_tokens_in_order_within_the_clip(text, seed):
    clip = ToneTTS().speak(text, seed=seed)
    assert [word.text for word in clip.words] == text.split()
    edges = [edge for word in clip.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert not edges or (edges[0] >= 0 and edges[-1] <= clip.duration)
    assert numpy.abs(clip.samples).max(initial=0) < 1
    assert clip.samples.dtype == numpy.float32
