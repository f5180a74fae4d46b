"""Quality of recordings: what is measured is what was made, and what is wrong is said."""

from __future__ import annotations

import json
import re
import wave
from itertools import pairwise

import numpy
import pytest

from sdialog import Dialog, Turn
from sdialog.audio import Studio, Timing
from sdialog.audio.channels.base import channels
from sdialog.audio.labels import Labels, label
from sdialog.audio.quality import (
    Recognizer,
    Recorded,
    check_boundaries,
    conversation,
    for_scoring,
    intelligibility,
    levels,
    listen,
    pesq_score,
    quality_report,
    total,
    word_errors,
)
from sdialog.audio.segments import Island, Segment
from sdialog.audio.sound import Word
from sdialog.audio.timeline import Placed
from sdialog.audio.tts.base import engines
from sdialog.core.errors import DialogFormatError, UnknownNameError, UserError

RATE = 16000
TEXTS = ["Hello there, how can I help you today?", "I would like some tea, please. And two cakes."]


@pytest.fixture(scope="module")
def talk():
    """Two turns of real speech: the recording, the labels and the dry tracks."""
    engine = engines.get("espeak")()
    clips = [
        engine.speak(text, voice, seed=1).resampled(RATE) for text, voice in zip(TEXTS, ("en-us", "en+f2"), strict=True)
    ]
    second = 0.5 + clips[0].duration + 0.4
    placed = [
        Placed(0, "Ann", 0, 0.5, 0.5 + clips[0].duration),
        Placed(1, "Bob", 1, second, second + clips[1].duration),
    ]
    length = round((placed[1].end + 0.5) * RATE)
    dry = {"Ann": numpy.zeros(length, numpy.float32), "Bob": numpy.zeros(length, numpy.float32)}
    for one in placed:
        start = round(one.start * RATE)
        samples = clips[one.utterance].samples
        dry[one.speaker][start : start + len(samples)] = samples * (0.5 if one.speaker == "Bob" else 1.0)
    labels = label(placed, clips, TEXTS, sample_rate=RATE, duration=length / RATE, dialog_id="t")
    return Recorded("talk", dry["Ann"] + dry["Bob"], RATE, labels, dry)


def noise(count, seed=1):
    return numpy.random.Generator(numpy.random.PCG64(seed)).normal(size=count).astype(numpy.float32)


def with_noise(talk, snr_db, group=""):
    speech = numpy.sqrt(numpy.mean(talk.audio[talk.audio != 0] ** 2))
    added = talk.audio + speech * 10 ** (-snr_db / 20) * noise(len(talk.audio))
    return Recorded(talk.name, added.astype(numpy.float32), talk.rate, talk.labels, talk.dry, group)


def test_words_are_compared_as_they_are_read():
    assert for_scoring("Dr. Li paid $5.20 — “really”, didn't he?") == (
        "doctor li paid five dollars and twenty cents really didn't he"
    )
    found = word_errors("I'd like 2 teas", "i'd like two big tea")
    assert (found.hits, found.substitutions, found.deletions, found.insertions) == (3, 1, 0, 1)
    assert found.rate == 0.5 and found.words == 4
    assert word_errors("", "so it is").insertions == 3 and word_errors("🙂", "").rate is None
    assert (found + found).json()["words"] == 8


def test_the_closed_recognizer_hears_clean_speech_and_less_of_it_in_noise(talk):
    rates = [
        total(listen(one.audio, one.rate, one.labels).values()).rate
        for one in (talk, with_noise(talk, 5), with_noise(talk, -5))
    ]
    assert rates[0] <= 0.15
    assert rates[0] < rates[1] < rates[2]


def test_any_callable_may_listen(talk):
    heard = listen(talk.audio, talk.rate, talk.labels, lambda samples, rate: TEXTS[0])
    assert heard["Ann"].rate == 0.0 and heard["Bob"].rate > 0.5


def test_of_an_interrupted_turn_only_what_is_heard_counts(talk):
    cut = Segment(0, "Ann", "I thought that we could", 0.5, 1.5, words=[Word("I", 0.5, 0.7), Word("tho-", 0.7, 1.5)],
                  interrupted=True)  # fmt: skip
    labels = Labels([cut], [], RATE, talk.labels.duration)
    assert listen(talk.audio, RATE, labels, lambda samples, rate: "i")["Ann"].json()["rate"] == 0.0


def test_the_recognizer_tells_what_it_is():
    assert Recognizer(["Hello."]).json()["language_model"] == "closed"
    assert Recognizer().json()["language_model"] == "open"


def test_intelligibility_falls_with_noise_and_does_not_mind_delay(talk):
    clean = talk.dry["Ann"]
    found = [intelligibility(clean, with_noise(talk, snr).audio, RATE) for snr in (30, 10, 0)]
    assert found[0].stoi > found[1].stoi > found[2].stoi and found[0].estoi > found[1].estoi > found[2].estoi
    late = intelligibility(clean, numpy.concatenate([numpy.zeros(400, numpy.float32), clean]), RATE)
    assert late.delay == 0.025 and late.stoi == pytest.approx(1.0, abs=1e-6)
    assert intelligibility(clean[:3000], clean[:3000], RATE) is None
    assert intelligibility(numpy.zeros(RATE), clean, RATE) is None


def test_pesq_of_the_same_is_the_highest_there_is(talk):
    pytest.importorskip("pesq")
    # MOS-LQO of an undamaged signal: 4.549 in narrow band (P.862.1), 4.644 in wide band (P.862.2).
    assert pesq_score(talk.dry["Ann"], talk.dry["Ann"], RATE) == pytest.approx(4.549, abs=0.001)
    assert pesq_score(talk.dry["Ann"], talk.dry["Ann"], RATE, "wide") == pytest.approx(4.644, abs=0.001)
    with pytest.raises(UserError, match="'narrow' or 'wide'"):
        pesq_score(talk.audio, talk.audio, RATE, "super")


def test_levels_are_those_that_were_made():
    samples = 0.01 * noise(5 * RATE)
    for start, level in ((1, 0.2), (3, 0.1)):
        samples[start * RATE : (start + 1) * RATE] += level * numpy.sqrt(2) * numpy.sin(numpy.arange(RATE) * 0.4)
    labels = Labels([], [Island("Ann", 1, 2), Island("Bob", 3, 4)], RATE, 5.0)
    found = levels(samples, RATE, labels)
    assert found.noise_db == pytest.approx(-40, abs=0.1)
    assert found.speech_db["Ann"] == pytest.approx(-13.97, abs=0.1)
    assert found.speech_db["Bob"] == pytest.approx(-19.96, abs=0.2)
    assert found.snr_db == pytest.approx(40 + 10 * numpy.log10((0.2**2 + 0.1**2) / 2), abs=0.1)
    assert found.clipped == 0
    assert levels(numpy.clip(samples * 8, -1, 1), RATE, labels).clipped > 0.2
    assert levels(samples + 0.05, RATE, labels).offset == pytest.approx(0.05, abs=0.001)


def test_levels_of_silence_and_of_speakers_who_never_speak_alone_are_unknown():
    both = Labels([], [Island("Ann", 0, 1), Island("Bob", 0, 1)], RATE, 1.0)
    found = levels(numpy.zeros(RATE, numpy.float32), RATE, both)
    assert found.loudness is None and found.noise_db is None and found.snr_db is None
    assert found.speech_db == {"Ann": None, "Bob": None}


def test_levels_are_looked_for_in_the_speakers_channel():
    tone = 0.1 * numpy.sqrt(2) * numpy.sin(numpy.arange(RATE) * 0.4)
    labels = Labels([], [Island("Ann", 0, 1, channel=0), Island("Bob", 0, 1, channel=1)], RATE, 1.0, channels=2)
    found = levels(numpy.stack([tone, 0.5 * tone], axis=1), RATE, labels).speech_db
    assert found["Ann"] - found["Bob"] == pytest.approx(6.02, abs=0.01)


def test_right_labels_are_found_right_and_wrong_ones_wrong(talk):
    check = check_boundaries(talk.audio, RATE, talk.labels)
    assert check.checked == len(check.boundaries) >= 6 and not check.wrong and check.worst < 0.001
    late = check_boundaries(talk.audio, RATE, talk.labels.moved({"Bob": 0.012}))
    assert {one.speaker for one in late.wrong} == {"Bob"}
    assert all(one.error == pytest.approx(-0.012, abs=0.001) for one in late.wrong)


@pytest.mark.parametrize("codec", ["g711", "g722", "gsm", "amr_nb", "opus"])
def test_labels_hold_after_a_codec(talk, codec):
    sent = channels.get(codec)().apply(talk.dry["Ann"], RATE, 1).samples
    # Opus, a transform codec, spreads the end of a sound over part of its frame of 20 ms.
    edges = ["start"] if codec == "opus" else ["start", "end"]
    check = check_boundaries(sent, RATE, talk.labels.of("Ann"), edges=edges, threshold_db=-30)
    assert check.checked and not check.wrong


def test_a_boundary_that_cannot_be_told_is_not_counted(talk):
    loud = check_boundaries(with_noise(talk, 5).audio, RATE, talk.labels)
    assert loud.checked == 0 and loud.worst is None
    assert {one.why for one in loud.boundaries} == {"the background is too loud"}
    island = talk.labels.islands[0]
    twice = Labels([], [island, Island("Bob", island.start + 0.05, 9.0)], RATE, 10.0)
    assert check_boundaries(talk.audio, RATE, twice, edges=["start"]).boundaries[0].why == "another speaks"
    mute = check_boundaries(numpy.zeros_like(talk.audio), RATE, talk.labels)
    assert {one.why for one in mute.boundaries} == {"there is no sound"}


def test_a_conversation_is_measured_by_its_islands():
    said = [Segment(0, "Ann", "a b c", 0, 4), Segment(1, "Bob", "mm", 1.5, 2, kind="backchannel"),
            Segment(2, "Bob", "d e", 4.5, 6, interrupted=True)]  # fmt: skip
    islands = [Island("Ann", 0, 1), Island("Bob", 1.5, 2), Island("Ann", 1.7, 4), Island("Bob", 4.5, 6)]
    found = conversation(Labels(said, islands, RATE, 7.0))
    assert (found.turns, found.backchannels, found.interruptions) == (2, 1, 1)
    assert found.speech == pytest.approx(5.0) and found.overlap == pytest.approx(0.3)
    assert found.silence_ratio == pytest.approx(1 / 6) and found.gap == 0.5
    assert found.speech_of == pytest.approx({"Ann": 3.3, "Bob": 2.0})
    assert found.words_a_minute == pytest.approx(60 * 6 / 5.3)
    assert conversation(Labels(said, [], RATE, 7.0)).speech == pytest.approx(5.5)


def test_a_report_compares_groups_and_names_what_is_wrong(talk, tmp_path):
    loud = Recorded("loud & <odd>", numpy.clip(talk.audio * 20, -1, 1), RATE, talk.labels.moved(0.02), talk.dry)
    report = quality_report({"clean": talk, "noisy": [with_noise(talk, 10, "noisy")], "": [loud]})
    means = report.means()
    assert list(means) == ["clean", "noisy", ""]
    assert means["clean"]["WER"] < 0.2 and means["clean"]["STOI"] == pytest.approx(1.0, abs=1e-3)
    assert means["clean"]["STOI"] > means["noisy"]["STOI"]
    assert means["clean"]["label error"] < 1
    assert means[""]["label error"] == pytest.approx(20, abs=1) and means[""]["clipped"] > 1
    (said,) = report.remarks.values()
    assert any("at full scale" in one for one in said) and any("ms off in the dry stems" in one for one in said)
    table = report.table()
    assert "noisy (1)" in table and "WER" in table and "PESQ" not in table
    assert json.loads(json.dumps(report.json()))["recordings"][0]["word_errors"]["all"]["words"] == 17
    page = report.html()
    assert "<odd>" not in page and "loud &amp; &lt;odd&gt;" in page and page.count("<svg") == 7
    assert not re.search(r'(?:src|href)="(?!#)', page)  # it needs nothing else
    assert report.html() == page
    assert [path.name for path in report.save(tmp_path)] == ["quality.html", "quality.json"]


def test_a_folder_is_measured_as_the_results_are(talk, tmp_path):
    (tmp_path / "deep").mkdir()
    place = tmp_path / "deep" / "talk"
    with wave.open(str(place.with_suffix(".wav")), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((talk.audio * 32767).astype("<i2").tobytes())
    place.with_suffix(".json").write_text(json.dumps(talk.labels.json()))
    (tmp_path / "other.json").write_text('{"a": 1}')
    report = quality_report(tmp_path, recognize=None)
    assert [one.name for one in report.recordings] == ["deep/talk"]
    assert report.recordings[0].conversation == conversation(talk.labels)
    assert "WER" not in report.table() and report.recordings[0].word_error_rate is None
    place.with_suffix(".wav").unlink()
    with pytest.raises(DialogFormatError, match=r"talk\.json: no sound beside"):
        quality_report(tmp_path, recognize=None)


def test_mistakes_are_named(talk, tmp_path):
    with pytest.raises(UserError, match="no recording to measure"):
        quality_report(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        quality_report(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no result of to_audio"):
        quality_report([3])
    with pytest.raises(UnknownNameError, match="did you mean 'closed'"):
        quality_report(talk, recognize="close")
    with pytest.raises(UserError, match="by 'group' or by 'recording'"):
        quality_report(talk, recognize=None).table("speaker")


def test_boundaries_of_soft_turns_and_of_interrupted_ones_are_right() -> None:
    studio = Studio("espeak")
    texts = (
        "You will have it in a few minutes, goodbye.",
        "Sí, of course. It's a few!",
        "We need one more night, thanks.",
    )
    lines = [Turn(speaker="AB"[place % 2], text=f"{texts[place % 3]} {texts[(place + 1) % 3]}") for place in range(8)]
    timing = Timing(interruptions=0.7, backchannels=30, overlap_share=0.5)
    cut = 0
    for seed in range(3):
        result = studio.render(Dialog(turns=lines), seed=seed, timing=timing, stems=True)
        cut += sum(one.interrupted for one in result.segments)
        assert result.stems is not None
        for number, name in enumerate(result.speakers):
            # One turn is much softer than the others of its speaker, as an engine may speak it.
            own, soft = result.labels.of(name), numpy.array(result.stems.dry[number])
            first = own.segments[0]
            soft[round((first.start - 0.02) * RATE) : round((first.end + 0.02) * RATE)] *= 0.1
            for sound in (result.stems.dry[number], soft):
                check = check_boundaries(sound, RATE, own)
                assert check.checked and not check.wrong
    assert cut


@pytest.mark.slow
def test_harder_presets_are_harder_to_understand() -> None:
    pytest.importorskip("pocketsphinx")
    studio, more = (
        Studio("espeak"),
        ["It left our store on Monday.", "Thank you, when will it be here?", "By Thursday."],
    )
    dialogs = [
        Dialog(turns=[Turn(speaker="AB"[place % 2], text=text) for place, text in enumerate((TEXTS + more)[first:])])
        for first in range(3)
    ]
    made = {
        name: [studio.render(one, name, seed=seed, overlap=False, stems=True) for seed, one in enumerate(dialogs)]
        for name in ("clean", "room", "call_center", "far_field", "hard")
    }
    means = quality_report(made, recognize="closed").means()
    # A room of one or two metres and a telephone line are hard in ways of their own: for a recognizer, reverberation
    # is worse than a real codec, so these two have no order.
    for order in (["clean", "room", "far_field", "hard"], ["clean", "call_center", "far_field", "hard"]):
        assert all(means[a]["WER"] < means[b]["WER"] for a, b in pairwise(order)), means
        assert all(means[a]["STOI"] > means[b]["STOI"] for a, b in pairwise(order)), means
