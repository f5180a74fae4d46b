"""Label formats: what is written is what is read again, whatever speakers are called and say."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.exports import Mark, export, exporters, joined, marks_of
from sdialog.audio.exports.textgrid import tiers_in
from sdialog.audio.labels import Labels
from sdialog.audio.names import one_line
from sdialog.audio.segments import Island, Segment
from sdialog.audio.sound import Phoneme, Word
from sdialog.core.errors import DialogFormatError, UnknownNameError, UnsupportedFeatureError, UserError

NAMES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["Ann", "Ann-2", "Ann+2", "Dr. Ann\tLee", "<NA>", ";;", "a/b", "50%20", "小明", "😀", 'O"N', "x: y"]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(['He said "no".', "a\n\nb", "<b>&amp; --> </v>", "%3C", "1\n00:00:01,000 --> 00:00:02,000", "été"]),
)
TIMES = st.floats(0, 50, allow_nan=False)


@st.composite
def segments(draw, channels=2):
    start = draw(TIMES)
    end = start + draw(st.sampled_from([0.0, 0.0004, 0.5, 3.25, 70.0]))
    cuts = sorted(draw(st.lists(st.floats(start, end), max_size=4)))
    words = [Word(draw(TEXTS), a, b) for a, b in pairwise(cuts)]
    return Segment(
        draw(st.integers(0, 999)),
        draw(NAMES),
        draw(TEXTS),
        start,
        end,
        draw(st.sampled_from([None, *range(channels)])),
        words,
        draw(st.sampled_from(["turn", "backchannel"])),
        draw(st.booleans()),
    )


@st.composite
def labelled(draw):
    made = draw(st.lists(segments(), max_size=6))
    islands = [Island(one.speaker, one.start, one.end, one.turn, one.channel, one.kind) for one in made]
    return Labels(made, islands, 16000, 60.0, channels=2)


def _same(found, wanted, within=0.0016):
    left = list(found)
    for mark in wanted:
        near = [
            one for one in left if one._replace(start=mark.start, end=mark.end) == mark and _near(one, mark, within)
        ]
        assert near, f"{mark} is not among {left}"
        left.remove(min(near, key=lambda one: abs(one.start - mark.start) + abs(one.end - mark.end)))
    assert not left


def _near(one, other, within):
    return abs(one.start - other.start) <= within and abs(one.end - other.end) <= within


def _heard(text):
    """What UTF-8 keeps of a text."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _files(exporter, labels, name="call"):
    """The files as a disk gives them back."""
    files = exporter(labels, name)
    return {file: content.encode("utf-8").decode("utf-8") for file, content in files.items()}


@pytest.mark.parametrize("form", ["rttm", "ctm"])
@given(labels=labelled(), name=NAMES)
def test_what_is_timed_is_read_again(form, labels, name):
    exporter = exporters.get(form)
    wanted = marks_of(labels, "island" if form == "rttm" else "word")
    wanted = [mark._replace(recording=name, channel=mark.channel or 0) for mark in wanted]
    wanted = [mark._replace(speaker=None) for mark in wanted] if form == "ctm" else wanted
    files = _files(exporter, labels, name)
    _same(exporter.read(files), wanted)
    for line in next(iter(files.values())).splitlines():
        assert len(line.split()) == {"rttm": 10, "ctm": 5}[form]


@pytest.mark.parametrize("form", ["stm", "webvtt", "textgrid", "json", "nemo", "lhotse"])
@given(labels=labelled())
def test_segments_are_read_again(form, labels):
    exporter = exporters.get(form)
    found = [mark._replace(recording="", channel=None) for mark in exporter.read(_files(exporter, labels))]
    wanted = [mark._replace(channel=None) for mark in marks_of(labels, "segment")]
    if form == "json":
        wanted = [mark._replace(speaker=_heard(mark.speaker), text=_heard(mark.text)) for mark in wanted]
    elif form in ("nemo", "lhotse"):
        wanted = [mark._replace(speaker=_heard(mark.speaker), text=one_line(mark.text)) for mark in wanted]
    elif form == "stm":
        wanted = [mark._replace(text=one_line(mark.text)) for mark in wanted]
    else:
        wanted = [mark._replace(speaker=one_line(mark.speaker), text=one_line(mark.text)) for mark in wanted]
    if form == "textgrid":  # between words there is silence, and what says nothing is no different from it
        found, wanted = (_said_at_length(marks) for marks in (found, wanted))
    _same(found, wanted)


def _said_at_length(marks):
    named = (mark._replace(speaker="" if mark.speaker == "<NA>" else mark.speaker) for mark in marks)
    return [mark for mark in named if mark.text and mark.end - mark.start >= 1e-6]


@given(labels=labelled())
def test_subtitles_hold_the_speaker_and_the_text(labels):
    exporter = exporters.get("srt")
    found = exporter.read(_files(exporter, labels))
    wanted = [one_line(f"{mark.speaker}: {mark.text}") for mark in marks_of(labels, "segment")]
    assert sorted(one_line(f"{mark.speaker}: {mark.text}") for mark in found) == sorted(wanted)


@given(labels=labelled())
def test_audacity_gets_a_track_of_each_speaker(labels):
    exporter = exporters.get("audacity")
    files = _files(exporter, labels)
    assert len(files) == len(labels.speakers)
    wanted = [Mark("", None, None, one.start, one.end, one_line(one.text)) for one in labels.segments]
    _same(exporter.read(files), wanted, within=1e-6)


@given(parts=st.dictionaries(NAMES, labelled(), min_size=1, max_size=3))
def test_kaldi_directories_are_valid_and_say_the_same(parts):
    exporter = exporters.get("kaldi")
    files = joined(exporter, {name: _files(exporter, labels, name) for name, labels in parts.items()}, "all")
    tables = {file.partition("/")[2]: content.split("\n")[:-1] for file, content in files.items()}
    rows = {key: [line.split(" ") for line in lines] for key, lines in tables.items()}
    for lines in tables.values():  # as utils/validate_data_dir.sh of Kaldi checks them
        assert lines == sorted(lines, key=str.encode)
    utterances = [row[0] for row in rows["utt2spk"]]
    assert len(set(utterances)) == len(utterances) or _twice(parts)
    speakers = [row[1] for row in rows["utt2spk"]]
    assert speakers == sorted(speakers, key=str.encode)
    assert all(utterance.startswith(speaker) for utterance, speaker in rows["utt2spk"])
    assert [row[0] for row in rows["segments"]] == [row[0] for row in rows["text"]] == utterances
    assert {row[1] for row in rows["segments"]} <= {row[0] for row in rows["wav.scp"]}
    assert [row[0] for row in rows["wav.scp"]] == [row[0] for row in rows["reco2dur"]]
    assert [one for row in rows["spk2utt"] for one in row[1:]] == utterances
    if not _twice(parts):
        wanted = [
            mark._replace(recording=name, text=one_line(mark.text))
            for name, labels in parts.items()
            for mark in marks_of(labels, "segment")
            if one_line(mark.text) and mark.end > mark.start
        ]
        found = exporter.read(files)
        assert {mark.speaker for mark in found} == {mark.speaker for mark in wanted}
        _same([mark._replace(channel=None) for mark in found], [mark._replace(channel=None) for mark in wanted])


def _twice(parts):
    """Whether a speaker says two things at the same time in the same turn: that is no conversation."""
    keys = [
        (name, one.speaker, one.turn, round(1000 * one.start), round(1000 * one.end))
        for name, labels in parts.items()
        for one in labels.segments
        if one_line(one.text) and one.end > one.start
    ]
    return len(set(keys)) < len(keys)


@given(labels=labelled())
def test_intervals_of_a_tier_fill_it_without_overlap(labels):
    files = _files(exporters.get("textgrid"), labels)
    longest = max([60.0, *(one.end for one in labels.segments)])
    for title, entries in tiers_in(files).items():
        starts = [start for start, _, _ in entries]
        assert starts == sorted(set(starts))
        if "(points)" not in title:
            assert entries[0][0] == 0 and entries[-1][1] == pytest.approx(longest, abs=1e-6)
            assert all(start < end for start, end, _ in entries)
            assert [end for _, end, _ in entries[:-1]] == starts[1:]


@given(labels=labelled())
@settings(max_examples=30)
def test_json_gives_the_labels_back(labels):
    text = exporters.get("json")(labels, "call")["call.json"]
    assert Labels.from_data(json.loads(text)).json() == json.loads(text)


def small(**more):
    sounds = (Phoneme("əʊ", 0.5, 0.7),)
    words = [Word("Oh,", 0.5, 0.7, sounds), Word("hi!", 0.8, 1.0)]
    said = [Segment(0, "Ann", "Oh, hi!", 0.5, 1.0, 0, words), Segment(1, "Bob", "Hello.", 1.2, 1.7, 1)]
    islands = [Island("Ann", 0.5, 0.7, 0, 0), Island("Ann", 0.8, 1.0, 0, 0), Island("Bob", 1.2, 1.7, 1, 1)]
    return Labels(said, islands, 16000, 2.0, channels=2, dialog_id="d", **more)


def test_a_channel_of_its_own_is_said_in_each_format():
    labels = small()
    assert [line.split()[2] for line in exporters.get("rttm")(labels, "c")["c.rttm"].splitlines()] == ["1", "1", "2"]
    assert exporters.get("uem")(labels, "c")["c.uem"] == "c 1 0.000 2.000\nc 2 0.000 2.000\n"
    kaldi = exporters.get("kaldi")(labels, "c", audio="a b.wav")
    assert kaldi["c.kaldi/wav.scp"] == "c+1 sox 'a b.wav' -t wav - remix 1 |\nc+2 sox 'a b.wav' -t wav - remix 2 |\n"
    assert kaldi["c.kaldi/reco2file_and_channel"] == "c+1 c A\nc+2 c B\n"
    kaldi = exporters.get("kaldi")(labels, "c", audio=["left.wav", "right.wav"])
    assert kaldi["c.kaldi/wav.scp"] == "c+1 left.wav\nc+2 right.wav\n"
    lhotse = [json.loads(line) for line in exporters.get("lhotse")(labels, "c")["c.supervisions.jsonl"].splitlines()]
    assert [one["channel"] for one in lhotse] == [0, 1]


def test_islands_leave_the_pause_out_and_segments_do_not():
    labels = small()
    by_island = exporters.get("rttm")(labels, "c")["c.rttm"].count("Ann")
    by_segment = exporters.get("rttm")(labels, "c", by="segment")["c.rttm"].count("Ann")
    assert (by_island, by_segment) == (2, 1)


def test_sounds_are_a_tier_and_an_alignment():
    labels = small()
    tiers = tiers_in(exporters.get("textgrid")(labels, "c"))
    assert (0.5, 0.7, "əʊ") in tiers["Ann - phonemes"]
    assert list(tiers) == [
        "Ann - turns",
        "Ann - words",
        "Ann - phonemes",
        "Ann - speech",
        "Bob - turns",
        "Bob - speech",
    ]
    first = json.loads(exporters.get("lhotse")(labels, "c")["c.supervisions.jsonl"].splitlines()[0])
    assert first["alignment"]["phoneme"] == [["əʊ", 0.5, 0.2, None]]


def test_every_format_is_written_with_safe_names(tmp_path):
    written = export(small(), tmp_path, "../a b", "all")
    assert {path.relative_to(tmp_path).parts[0].partition(".")[0] for path in written} == {"a-b-f20d9ce8"}
    assert all(path.stat().st_size for path in written)
    assert exporters.names() == [
        "audacity", "ctm", "json", "kaldi", "lhotse", "nemo", "rttm", "srt", "stm", "textgrid", "uem", "webvtt"
    ]  # fmt: skip


def test_mistakes_name_their_cure():
    with pytest.raises(UnknownNameError, match="did you mean 'textgrid'"):
        export(small(), "nowhere", "c", ["textgird"])
    with pytest.raises(UserError, match=r"label format 'rttm'.*'bye'"):
        exporters.get("rttm")(small(), "c", bye="segment")
    with pytest.raises(UserError, match="'island', 'segment' or 'word', not by 'turn'"):
        exporters.get("rttm")(small(), "c", by="turn")
    with pytest.raises(UserError, match="one for each of the 2 channels, not 3"):
        exporters.get("lhotse")(small(), "c", audio=["a", "b", "c"])
    with pytest.raises(UnsupportedFeatureError, match="holds one recording a file"):
        joined(exporters.get("webvtt"), {}, "all")
    with pytest.raises(DialogFormatError, match="line 2: a line has at least 9 fields"):
        exporters.get("rttm").read({"x.rttm": "SPEAKER c 1 0 1 <NA> <NA> Ann <NA> <NA>\nSPEAKER c\n"})
    with pytest.raises(DialogFormatError, match="no TextGrid"):
        exporters.get("textgrid").read({"x.TextGrid": "hello"})


def test_unordered_numbers_of_json_are_refused():
    with pytest.raises(UserError, match="a number that JSON does not have"):
        exporters.get("json")(small(config={"snr": float("inf")}), "c")


def test_an_empty_recording_is_fine_everywhere():
    for form in exporters:
        for content in exporters.get(form)(Labels([], [], 8000, 0.0), "c").values():
            assert not re.search("nan|None", content)
