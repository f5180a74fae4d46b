"""Sounds at words, gaps from a model, and sounds of your own, in the published pipeline."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from audio.legacy_visits import fixed_room, visit

from sdialog.audio.dialog import AudioDialog
from sdialog.audio.legacy.sound_effects import tags_in, without_tags
from sdialog.audio.legacy.sounds import SoundLibrary
from sdialog.audio.legacy.speaking import generate_utterances_audios
from sdialog.audio.pipeline import AudioPipeline


def spoken(*texts):
    return generate_utterances_audios(visit(*texts), tts_pipeline="tone", seed=5)


def test_a_sound_is_heard_after_its_word(tmp_path):
    dialog = visit("Come in [click|room-top_left] please sit down.", "[click] Thank you.", "[click]")
    click = np.zeros(1000, dtype=np.float32)
    click[:200] = 0.9 * np.sin(np.arange(200) * 1.5)
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds" / "click.wav", click, 24_000)
    pipeline = AudioPipeline(tmp_path / "out", "tone", sounds=[tmp_path / "sounds"])
    audio = pipeline.inference(
        dialog, {"room": fixed_room()}, perform_room_acoustics=True, add_sound_effects=True, skip_annotation=True,
        sound_effects_dropout=0.0, seed=5,
    )  # fmt: skip
    first, second, third = audio.turns
    assert [word for word, _, _ in first.words] == ["Come", "in", "please", "sit", "down."]
    assert first.sound_effects == [
        {"tag": "click", "position": "room-top_left", "start_time": first.words[1][2], "duration": 0.041667}
    ]
    assert first.text_with_tags == dialog.turns[0].text
    assert second.sound_effects[0]["start_time"] == 0.0
    assert third.audio_duration == 0.0
    with_them, _ = soundfile.read(audio.audio_step_2_filepath)
    source, rate = soundfile.read(next(s for s in audio.get_audio_sources() if s.name == "sfx_0_0").source_file)
    start = round((first.audio_start_time + first.sound_effects[0]["start_time"]) * rate)
    assert np.flatnonzero(source)[0] == pytest.approx(start, abs=2)
    speech = sum(soundfile.read(s.source_file)[0] for s in audio.get_audio_sources() if s.name.startswith("speaker"))
    assert np.abs(with_them[start : start + 150] - speech[start : start + 150]).max() > 1e-3, "not in the dry mix"


def test_a_model_writes_the_tags():
    audio = spoken("Come in please.", "Thank you.")
    asked = []

    def llm(prompt):
        asked.append(prompt)
        return 'Here: ["Come in [rain|window] please.", "Thank [hum] you very much."]'

    with pytest.warns(UserWarning, match=r"left out, since there is no such sound or place: \[rain\|window\]"):
        audio.add_sound_effects(llm, seed=1)
    assert "Come in please." in asked[0]
    assert "keyboard" in asked[0]
    assert audio.turns[1].sound_effects == [], "the model changed the words of this turn"
    audio.add_sound_effects(llm, positions=["window"], seed=1)
    assert [one["tag"] for one in audio.turns[0].sound_effects] == ["rain"]


@pytest.mark.parametrize("reply", ["I cannot do that.", "[]", '["one"]', "[1, 2", '{"a": 1}'])
def test_a_model_that_fails_costs_the_sounds_only(reply):
    audio = spoken("Come in please.", "Thank you.")
    with pytest.warns(UserWarning, match="no sound effects: the model did not reply with 2 texts"):
        audio.add_sound_effects(lambda _: reply, dropout=0.66, seed=1)
    assert [turn.sound_effects for turn in audio.turns] == [[], []]


def test_dropout_is_each_tags_own():
    texts = [f"Word {number} [hum] and [rain] so." for number in range(40)]
    audio = spoken(*texts)
    audio.add_sound_effects(skip_annotation=True, dropout=0.5, seed=3)
    first = [[one["tag"] for one in turn.sound_effects] for turn in audio.turns]
    assert 25 < sum(map(len, first)) < 55
    audio.add_sound_effects(skip_annotation=True, dropout=0.5, seed=3)
    assert [[one["tag"] for one in turn.sound_effects] for turn in audio.turns] == first
    with pytest.raises(ValueError, match="a chance from 0 to 1"):
        audio.add_sound_effects(skip_annotation=True, dropout=1.5)


def test_tags():
    assert [(tag.name, tag.position, tag.after) for tag in tags_in("[a] b [c|d] e, [f].")] == [
        ("a", "human", 0), ("c", "d", 1), ("f", "human", 2),
    ]  # fmt: skip
    assert without_tags("[a] b [c|d] e, [f].") == "b e,."
    assert without_tags("no  tags\nhere") == "no  tags\nhere"


def gaps(audio):
    return [turn.gap_duration for turn in audio.turns[:-1]]


def test_gaps_of_a_model_are_bounded():
    audio = spoken("How are you today, my dear friend?", "Fine, thank you very much indeed.", "Good.", "Yes.")
    prompts = []

    def llm(prompt):
        prompts.append(prompt)
        return "```json\n[-9.0, 0.4, 600]\n```"

    audio.compute_overlapping_and_pausing_llm(seed=1, llm=llm)
    assert "1. (" in prompts[0]
    first = audio.turns[0].audio_duration
    assert -0.5 * first <= gaps(audio)[0] < 0
    assert gaps(audio)[1] == pytest.approx(0.4)
    assert gaps(audio)[2] == pytest.approx(5.0)
    assert audio.rendering["timing"]["gaps"] == "model"


@pytest.mark.parametrize("reply", ["No.", "[0.1]", '["a", "b", "c"]', "[0.1, 0.2, NaN]"])
def test_gaps_are_drawn_where_a_model_tells_none(reply):
    audio = spoken("One.", "Two.", "Three.", "Four.")
    with pytest.warns(UserWarning, match="the model told no usable gaps"):
        audio.compute_overlapping_and_pausing_llm(seed=1, llm=lambda _: reply)
    assert all(0.2 <= gap <= 0.7 for gap in gaps(audio))
    assert audio.rendering["timing"]["gaps"] == "drawn"


def test_without_a_model_turns_overlap_as_people_do(tmp_path):
    texts = [f"This is sentence number {number} of a long talk." for number in range(30)]
    audio = AudioPipeline(tmp_path, "tone").inference(visit(*texts), overlap_pauses=True, seed=5)
    overlaps = sum(gap < 0 for gap in gaps(audio))
    assert 4 <= overlaps <= 20
    assert audio.rendering["timing"]["measured"]["overlap_ratio"] > 0


def test_chat_models_serve_too():
    class Chat:
        def invoke(self, prompt):
            return type("Reply", (), {"content": json.dumps([0.3])})()

    audio = spoken("One.", "Two.")
    audio.compute_overlapping_and_pausing_llm(llm=Chat())
    assert gaps(audio) == pytest.approx([0.3])


def test_sounds_of_your_own(tmp_path):
    (tmp_path / "street").mkdir()
    noise = np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32)
    for name in ("street/one.wav", "street/two.wav", "bell.wav"):
        soundfile.write(tmp_path / name, noise, 8_000)
    pipeline = AudioPipeline(tmp_path / "out", "tone")
    assert pipeline.populate_dscaper(str(tmp_path)) == {"success": 2, "existing": 0, "error": 0}
    assert pipeline.populate_dscaper([str(tmp_path)]) == {"success": 0, "existing": 2, "error": 0}
    assert pipeline.sounds.find("street").source == str(tmp_path / "street")
    pipeline.populate_dscaper(str(tmp_path), prefix="mine")
    audio = pipeline.inference(
        visit(), {"room": fixed_room(), "background_effect": "mine|bell"}, perform_room_acoustics=True, seed=5
    )
    told = audio.rendering["rooms"]["office"]["sources"]["background"]
    assert told["measured_snr"] == pytest.approx(30, abs=1)
    with pytest.raises(ValueError, match="there is no folder of sounds"):
        pipeline.populate_dscaper("someone/sounds")
    with pytest.raises(ValueError, match="unknown sound 'strete'"):
        SoundLibrary().find("strete")


def test_a_dialog_without_sound_has_no_gaps():
    with pytest.raises(ValueError, match="no turn has sound"):
        AudioDialog.from_dialog(visit()).compute_overlapping_and_pausing_llm()
