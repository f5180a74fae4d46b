"""Labels: speech is where the sound is, pauses are none, and what is cut off is not labelled."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.audio.islands import speech_islands
from sdialog.audio.labels import Labels, label
from sdialog.audio.segments import Island, Segment
from sdialog.audio.sound import Clip, Word
from sdialog.audio.timeline import Placed, Timing, Utterance, lay_out
from sdialog.audio.tts.base import engines
from sdialog.core.errors import DialogFormatError, UserError

RATE = 16000


def sounding(*spans, length=3.0, level=0.3):
    """A tone in these spans of seconds, silence elsewhere."""
    samples = numpy.zeros(round(length * RATE), dtype=numpy.float32)
    for start, end in spans:
        places = numpy.arange(round(start * RATE), round(end * RATE))
        samples[places] = level * numpy.cos(numpy.arange(len(places)) * 0.4)
    return samples


def test_a_pause_parts_and_a_closure_does_not():
    assert speech_islands(sounding((0.5, 1.0), (1.1, 1.5), (1.75, 2.0)), RATE) == [(0.5, 1.5), (1.75, 2.0)]
    assert speech_islands(sounding((0.5, 1.0), (1.1, 1.5)), RATE, shortest_pause=0.05) == [(0.5, 1.0), (1.1, 1.5)]


def test_a_click_is_no_speech_and_neither_is_silence():
    assert speech_islands(sounding((0.1, 0.105), (1.0, 2.0)), RATE) == [(1.0, 2.0)]
    assert speech_islands(numpy.zeros(RATE), RATE) == []
    assert speech_islands(numpy.zeros(0), RATE) == []


@given(st.floats(0.0001, 1.0))
def test_islands_do_not_depend_on_the_level(level):
    assert speech_islands(sounding((0.5, 1.0), (1.5, 2.0), level=level), RATE) == [(0.5, 1.0), (1.5, 2.0)]


@given(
    st.lists(st.tuples(st.floats(0.25, 2.0), st.floats(0.05, 2.0)), min_size=1, max_size=4),
    st.sampled_from([8000, 16000, 22050]),
)
def test_islands_are_found_to_the_sample(parts, rate):
    now, spans, pieces = 0, [], []
    for silence, tone in parts:
        count, length = round(silence * rate), round(tone * rate)
        pieces += [numpy.zeros(count), numpy.cos(0.4 * numpy.arange(length))]
        spans.append(((now + count) / rate, (now + count + length) / rate))
        now += count + length
    found = speech_islands(numpy.concatenate(pieces), rate)
    assert len(found) == len(spans)
    assert numpy.abs(numpy.array(found) - numpy.array(spans)).max() <= 1.5 / rate


def test_mistakes_are_named():
    with pytest.raises(UserError, match=r"not \(2, 3\)"):
        speech_islands(numpy.zeros((2, 3)), RATE)
    with pytest.raises(UserError, match="below 0"):
        speech_islands(numpy.zeros(3), RATE, threshold_db=3)
    with pytest.raises(UserError, match=r"channel 2.*the channels 0 to 1"):
        Labels([Segment(0, "Ann", "Hi", 0, 1, channel=2)], [], RATE, 1.0, channels=2)
    with pytest.raises(UserError, match="ends after it starts"):
        Segment(0, "Ann", "Hi", 1.0, 0.5)
    with pytest.raises(UserError, match="utterance 3 has no clip"):
        label([Placed(0, "Ann", 3, 0.0, 1.0)], [], [], sample_rate=RATE, duration=1.0)


def spoken(*texts):
    engine = engines.get("espeak")()
    return [engine.speak(text, ("en+f2", "en+m3")[place % 2], seed=place).resampled(RATE)
            for place, text in enumerate(texts)]  # fmt: skip


def test_speech_is_labelled_where_it_sounds():
    texts = ["Hello there. How are you? Fine, I hope!", "Not bad, thank you.", "Good. Well, let us begin."]
    clips = spoken(*texts)
    utterances = [
        Utterance(n, "Ann" if n % 2 == 0 else "Bob", clip.duration, clip.words) for n, clip in enumerate(clips)
    ]
    timeline = lay_out(utterances, Timing(), 5)
    labels = label(timeline.placed, clips, texts, sample_rate=RATE, duration=timeline.duration)
    tracks = {"Ann": numpy.zeros(round(timeline.duration * RATE)), "Bob": numpy.zeros(round(timeline.duration * RATE))}
    for one in timeline.placed:
        start = round(one.start * RATE)
        tracks[one.speaker][start : start + len(clips[one.utterance].samples)] += clips[one.utterance].samples
    for speaker, track in tracks.items():
        spoken_mask = numpy.zeros(len(track), dtype=bool)
        for island in labels.of(speaker).islands:
            part = numpy.abs(track[round(island.start * RATE) : round(island.end * RATE)])
            assert part[:80].max() > 0.001 and part[-80:].max() > 0.001  # 5 ms
            spoken_mask[round(island.start * RATE) - 1 : round(island.end * RATE) + 1] = True
        assert numpy.abs(track[~spoken_mask]).max() < 0.01 * numpy.abs(track).max()
    assert len(labels.of("Ann").islands) >= 4  # the pauses between sentences are no speech
    for segment in labels.segments:
        own = [island for island in labels.islands if island.turn == segment.turn]
        assert (segment.start, segment.end) == (own[0].start, own[-1].end)
        assert [word.text for word in segment.words] == segment.text.split()
        assert all(segment.start <= word.start <= word.end <= segment.end for word in segment.words)
        for word in segment.words:
            assert all(word.start <= sound.start <= sound.end <= word.end for sound in word.phonemes)


def test_what_is_cut_off_is_neither_speech_nor_word():
    (clip,) = spoken("I thought that we could meet tomorrow.")
    cut = clip.words[3].start + 0.05
    placed = [Placed(0, "Ann", 0, 1.0, 1.0 + cut, cut=cut, fade=0.02)]
    labels = label(placed, [clip], ["I thought that we could meet tomorrow."], sample_rate=RATE, duration=4.0)
    (segment,) = labels.segments
    assert segment.interrupted and segment.text.endswith("tomorrow.")
    assert [word.text for word in segment.words] == ["I", "thought", "that", "we-"]
    assert segment.end <= 1.0 + cut and labels.islands[-1].end == segment.end


def test_a_back_channel_is_marked():
    (clip,) = spoken("Right.")
    labels = label(
        [Placed(2, "Bob", 0, 1.0, 2.0, kind="backchannel")], [clip], ["Right."], sample_rate=RATE, duration=4
    )
    assert {one.kind for one in (*labels.segments, *labels.islands)} == {"backchannel"}


def test_a_silent_clip_keeps_its_place():
    clip = Clip(numpy.zeros(RATE, dtype=numpy.float32), RATE)
    labels = label([Placed(0, "Ann", 0, 1.0, 2.0)], [clip], ["..."], sample_rate=RATE, duration=4.0)
    assert [(one.start, one.end) for one in labels.segments] == [(1.0, 2.0)] and not labels.islands


def some(**more):
    said = [Segment(0, "Ann", "Hi!", 0.5, 1.0, words=[Word("Hi!", 0.5, 1.0)]), Segment(1, "Bob", "Oh.", 1.5, 2.0)]
    islands = [Island("Ann", 0.5, 1.0, 0), Island("Bob", 1.5, 2.0, 1)]
    return Labels(said, islands, RATE, 3.0, **more)


def test_labels_are_moved_and_put_into_channels():
    labels = some().moved({"Bob": 0.25}).in_channels({"Ann": 0, "Bob": 1}, 2)
    assert [(one.start, one.channel) for one in labels.segments] == [(0.5, 0), (1.75, 1)]
    assert [(one.start, one.channel) for one in labels.islands] == [(0.5, 0), (1.75, 1)]
    assert some().moved(1.0).segments[0].words[0].start == 1.5


def test_labels_are_data_and_come_back(tmp_path):
    labels = some(dialog_id="7", config={"seed": 3, "preset": "room"}, voices={"Ann": {"id": "f2"}})
    path = tmp_path / "x.json"
    path.write_text(json.dumps(labels.json()))
    again = Labels.from_file(path)
    assert again.json() == labels.json() and again.segments == labels.segments and again.islands == labels.islands
    assert replace(again, dialog_id="8").dialog_id == "8"


def test_labels_of_the_published_form_are_read():
    data = {"dialog_id": 3, "sample_rate": 16000, "duration": 2.0, "channels": 1, "speakers": ["Ann"], "voices": {},
            "segments": [{"turn": 0, "speaker": "Ann", "text": "Oh, hi.", "start": 0.3, "end": 1.0, "channel": None,
                          "words": [["Oh,", 0.3], ["hi.", 0.6]]}], "config": {}}  # fmt: skip
    (segment,) = Labels.from_data(data).segments
    assert [(word.text, word.start, word.end) for word in segment.words] == [("Oh,", 0.3, 0.6), ("hi.", 0.6, 1.0)]


@pytest.mark.parametrize(
    "content", ["[]", '{"segments": 3}', "no", '{"segments": [{}], "sample_rate": 1, "duration": 1}']
)
def test_other_files_are_told_from_labels(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DialogFormatError, match=r"x\.json"):
        Labels.from_file(tmp_path / "x.json")
    with pytest.raises(UserError, match="cannot be read"):
        Labels.from_file(tmp_path / "absent.json")
