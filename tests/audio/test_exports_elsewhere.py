"""Label files as other libraries read them; a library that is not installed is passed over."""

from __future__ import annotations

import html
from urllib.parse import unquote

import pytest

from sdialog.audio.exports import export
from sdialog.audio.labels import Labels
from sdialog.audio.segments import Island, Segment
from sdialog.audio.sound import Phoneme, Word

ANN = [Word("Oh,", 0.5, 0.7, (Phoneme("əʊ", 0.5, 0.7),)), Word('"hi"!', 0.8, 1.0)]
SAID = [
    Segment(0, "Ann Lee", 'Oh, "hi"!', 0.5, 1.0, words=ANN),
    Segment(1, "小明", "3 < 4 & so\n\non --> yes", 1.2004, 1.7, words=[Word("3", 1.2004, 1.3)]),
    Segment(2, "Ann Lee", "Fine.", 61.5, 3661.25),
]
LABELS = Labels(SAID, [Island(one.speaker, one.start, one.end, one.turn) for one in SAID], 16000, 3700.0)
SHOWN = [" ".join(one.text.split()) for one in SAID]
STEM = "call-1-7165af6b"


@pytest.fixture
def files(tmp_path):
    export(LABELS, tmp_path, "call 1", "all")
    return tmp_path


def close(found, wanted, within=0.00051):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=within)


def test_pyannote_reads_rttm_and_uem(files):
    util = pytest.importorskip("pyannote.database.util")
    ((name, annotation),) = util.load_rttm(files / f"{STEM}.rttm").items()
    assert unquote(name) == "call 1"
    found = sorted((span.start, span.end, unquote(who)) for span, _, who in annotation.itertracks(yield_label=True))
    assert [who for _, _, who in found] == [one.speaker for one in SAID]
    close([(start, end) for start, end, _ in found], [(one.start, one.end) for one in SAID])
    (timeline,) = util.load_uem(files / f"{STEM}.uem").values()
    assert [(one.start, one.end) for one in timeline] == [(0.0, 3700.0)]


def test_meeteval_reads_rttm_stm_and_ctm(files):
    meeteval = pytest.importorskip("meeteval")
    for line, one in zip(meeteval.io.RTTM.load(files / f"{STEM}.rttm").lines, SAID, strict=True):
        assert unquote(line.speaker_id) == one.speaker and float(line.duration) == pytest.approx(
            one.duration, abs=0.002
        )
    for line, one, text in zip(meeteval.io.STM.load(files / f"{STEM}.stm").lines, SAID, SHOWN, strict=True):
        assert (unquote(line.speaker_id), line.transcript) == (one.speaker, text)
    words = [word for one in SAID for word in one.words]
    for line, word in zip(meeteval.io.CTM.load(files / f"{STEM}.ctm").lines, words, strict=True):
        assert line.word == word.text and float(line.begin_time) == pytest.approx(word.start, abs=0.0006)


def test_praatio_reads_textgrid(files):
    textgrid = pytest.importorskip("praatio.textgrid")
    grid = textgrid.openTextgrid(str(files / f"{STEM}.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames == ("Ann Lee - turns", "Ann Lee - words", "Ann Lee - phonemes", "Ann Lee - speech",
                              "小明 - turns", "小明 - words", "小明 - speech")  # fmt: skip
    assert [tuple(entry) for entry in grid.getTier("Ann Lee - words").entries] == [
        (0.5, 0.7, "Oh,"), (0.8, 1.0, '"hi"!')
    ]  # fmt: skip
    assert [entry.label for entry in grid.getTier("小明 - turns").entries] == [SHOWN[1]]
    assert grid.maxTimestamp == 3700.0


def test_textgrid_reads_textgrid(files):
    textgrid = pytest.importorskip("textgrid")
    grid = textgrid.TextGrid.fromFile(str(files / f"{STEM}.TextGrid"))
    assert [one.mark for one in grid.getFirst("Ann Lee - turns") if one.mark] == [SHOWN[0], SHOWN[2]]


def test_webvtt_reads_webvtt(files):
    webvtt = pytest.importorskip("webvtt")
    captions = list(webvtt.read(str(files / f"{STEM}.vtt")))
    assert [html.unescape(one.voice) for one in captions] == [one.speaker for one in SAID]
    assert [html.unescape(one.text) for one in captions] == SHOWN
    assert [one.end for one in captions] == ["00:00:01.000", "00:00:01.700", "01:01:01.250"]


def test_srt_reads_subrip(files):
    srt = pytest.importorskip("srt")
    captions = list(srt.parse((files / f"{STEM}.srt").read_text(encoding="utf-8")))
    assert [one.content for one in captions] == [
        f"{one.speaker}: {text}" for one, text in zip(SAID, SHOWN, strict=True)
    ]
    close([(c.start.total_seconds(), c.end.total_seconds()) for c in captions], [(one.start, one.end) for one in SAID])


def test_lhotse_reads_its_manifests_and_the_kaldi_directory(files):
    lhotse = pytest.importorskip("lhotse")
    recordings = lhotse.RecordingSet.from_jsonl(files / f"{STEM}.recordings.jsonl")
    supervisions = lhotse.SupervisionSet.from_jsonl(files / f"{STEM}.supervisions.jsonl")
    lhotse.qa.validate_recordings_and_supervisions(recordings, supervisions)
    assert [one.speaker for one in supervisions] == [one.speaker for one in SAID]
    assert [one.text for one in supervisions] == SHOWN
    close([(one.start, one.end) for one in supervisions], [(one.start, one.end) for one in SAID], 1e-7)
    first = next(iter(supervisions))
    assert [(one.symbol, one.start) for one in first.alignment["word"]] == [("Oh,", 0.5), ('"hi"!', 0.8)]
    assert first.alignment["phoneme"][0].symbol == "əʊ"
