"""The published data classes: turns and dialogs with sound."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as some

from sdialog import Dialog, Turn
from sdialog.audio.dialog import AudioDialog, RoomAcousticsConfig
from sdialog.audio.legacy.speaking import generate_utterance, generate_utterances_audios
from sdialog.audio.rooms.sources import AudioSource
from sdialog.audio.tts.base import BaseDialogTTS, BaseTTS, TurnAudio
from sdialog.audio.tts.tone import ToneTTS
from sdialog.audio.turn import AudioTurn
from sdialog.audio.utils import Role
from sdialog.audio.voice_database import Voice

BOTH = {
    "Ann": {"gender": "female", "age": 30, "language": "english"},
    "Bob": {"gender": "male", "age": 60, "language": "english"},
}


def talk(**more):
    turns = [Turn(speaker="Ann", text="Hello there."), Turn(speaker="Bob", text="Hi."), Turn(speaker="Ann", text="So.")]
    return Dialog(turns=turns, personas={name: dict(one) for name, one in BOTH.items()}, **more)


def test_turn_defaults():
    turn = AudioTurn(speaker="Ann", text="Hi!")
    assert (turn.sampling_rate, turn.audio_path, turn.audio_duration, turn.audio_start_time) == (-1, "", -1.0, -1.0)
    assert (turn.snr, turn.voice, turn.position, turn.microphone_position) == (-1.0, "", "", "")
    assert (turn.is_stored_in_dscaper, turn.gap_duration, turn.text_with_tags, turn.sound_effects) == (False, 0, "", [])
    with pytest.raises(ValueError, match="has no sound yet: speak it, or call set_audio"):
        turn.get_audio()


def test_turn_sound(tmp_path):
    turn = AudioTurn.from_turn(Turn(speaker="Ann", text="Hi!"))
    turn.set_audio(np.full((800, 2), 0.25), 16_000)
    assert (turn.audio_duration, turn.get_audio().shape) == (0.05, (800,))
    soundfile.write(tmp_path / "a.wav", np.full(8000, 0.5), 8_000)
    other = AudioTurn(speaker="Ann", text="Hi!", audio_path=str(tmp_path / "a.wav"))
    assert other.spoken
    assert (len(other.get_audio()), other.sampling_rate) == (8000, 8_000)
    gone = AudioTurn(text="Hi!", audio_path=str(tmp_path / "b.wav"))
    with pytest.raises(ValueError, match=r"b\.wav is not there"):
        gone.get_audio()


def test_from_dialog_shares_nothing():
    dialog = talk(id="one", notes={"a": [1]})
    audio = AudioDialog.from_dialog(dialog)
    assert (audio.id, audio.notes, len(audio)) == ("one", {"a": [1]}, 3)
    audio.personas["Ann"]["voice"] = "x"
    audio.notes["a"].append(2)
    assert dialog == talk(id="one", notes={"a": [1]}, timestamp=dialog.timestamp)
    assert audio.speakers_names["SPEAKER_1"] == "Ann"
    assert audio.speakers_roles["bob"] == Role.SPEAKER_2
    assert [turn.position for turn in audio.turns] == ["speaker_1", "speaker_2", "speaker_1"]


def test_a_dialog_with_sound_is_copied_with_it():
    audio = AudioDialog.from_dialog(talk())
    audio.turns[0].set_audio(np.ones(800), 16_000)
    twin = AudioDialog.from_dialog(audio)
    assert twin.turns[0].get_audio() is audio.turns[0].get_audio()
    twin.turns[0].gap_duration = 3.0
    assert audio.turns[0].gap_duration == 0.0
    assert twin.id == audio.id


def test_files(tmp_path):
    audio = AudioDialog.from_dialog(talk(id="one"))
    with pytest.raises(ValueError, match="No path provided"):
        audio.to_file()
    audio.personas["Ann"]["voice"] = Voice(voice=(np.zeros(4), 8_000), identifier="own")
    audio.set_audio_sources([AudioSource("hum", "room-center", source_file="hum.wav")])
    audio.add_audio_source(AudioSource("speaker_1", "speaker_1"))
    audio.audio_step_3_filepaths["x"] = RoomAcousticsConfig(audio_path="x.wav", room_name="x")
    audio.to_file(tmp_path / "deep" / "one.json")
    with pytest.raises(FileExistsError):
        audio.to_file(overwrite=False)
    back = AudioDialog.from_file(tmp_path / "deep" / "one.json")
    assert [source.name for source in back.get_audio_sources()] == ["hum", "speaker_1"]
    assert back.personas["Ann"]["voice"]["identifier"] == "own"
    assert back.audio_step_3_filepaths["x"].audio_path == "x.wav"
    assert back.speakers_roles["ANN"] == "speaker_1"
    assert json.loads(back.to_string()) == json.loads(back.model_dump_json_safe())
    assert [one.id for one in AudioDialog.from_file(tmp_path / "deep")] == ["one"]
    assert AudioDialog.from_dict(back.json()) == back
    assert Dialog.from_file(tmp_path / "deep" / "one.json").turns[1].text == "Hi."
    twin = back.clone(new_id="two")
    assert (twin.id, twin.parentId, type(twin.turns[0])) == ("two", "one", AudioTurn)


@given(some.lists(some.tuples(some.floats(0, 20), some.floats(-30, 5)), min_size=1, max_size=12))
def test_turns_never_run_backwards(times):
    audio = AudioDialog(turns=[AudioTurn(text="x", audio_duration=long, gap_duration=gap) for long, gap in times])
    audio.update_turn_timings()
    starts = [turn.audio_start_time for turn in audio.turns]
    assert starts[0] == 0.0
    assert starts == sorted(starts)
    assert audio.total_duration == max(
        start + turn.audio_duration for start, turn in zip(starts, audio.turns, strict=True)
    )


def test_combined_audio(tmp_path):
    audio = AudioDialog.from_dialog(talk())
    with pytest.raises(ValueError, match="audio_step_1_filepath is '', which is no file: run the pipeline first"):
        audio.get_combined_audio()
    soundfile.write(tmp_path / "1.wav", np.full(8, 0.5), 8_000)
    audio.audio_step_1_filepath = str(tmp_path / "1.wav")
    assert audio.get_combined_audio().tolist() == [0.5] * 8
    audio.set_combined_audio(np.ones(3))
    assert audio.get_combined_audio().tolist() == [1, 1, 1]


def test_utterance_files(tmp_path):
    audio = generate_utterances_audios(talk(id="one"), tts_pipeline=ToneTTS(), seed=3, sampling_rate=16_000)
    audio.save_utterances_audios(tmp_path, sampling_rate=8_000)
    files = sorted(path.name for path in (tmp_path / "dialog_one" / "utterances").iterdir())
    assert files == ["0_Ann.wav", "1_Bob.wav", "2_Ann.wav"]
    assert soundfile.info(audio.turns[0].audio_path).samplerate == audio.turns[0].sampling_rate == 8_000


class Beeps(BaseTTS):
    """An engine as users of the published package wrote them."""

    def generate(self, text, speaker_voice, tts_pipeline_kwargs={}):  # noqa: B006 - as published
        seconds = tts_pipeline_kwargs.get("seconds", 0.2)
        quiet = np.zeros(400, dtype=np.float32)
        beep = np.sin(np.arange(round(seconds * 8000)) * speaker_voice)
        return np.concatenate([quiet, beep.astype(np.float32), quiet]), 8_000


def test_an_engine_of_your_own():
    assert generate_utterance("Hi", 0.5, Beeps(), {"seconds": 0.5})[0].shape == (4800,)
    voices = {"speaker_1": Voice(voice=0.5), "speaker_2": Voice(voice=0.2)}
    plain = generate_utterances_audios(talk(), None, Beeps(), voices=voices, sampling_rate=8_000, seed=1)
    assert [turn.audio_duration for turn in plain.turns] == pytest.approx([0.2] * 3, abs=0.001)
    whole = generate_utterances_audios(
        talk(), None, Beeps(), voices=voices, sampling_rate=8_000, seed=1, remove_silences=False,
        tts_pipeline_kwargs={"seconds": 0.5},
    )  # fmt: skip
    assert [turn.audio_duration for turn in whole.turns] == pytest.approx([0.6] * 3)


class AtOnce(BaseDialogTTS):
    def synthesize(self, turns, voices, seed=None):
        return [TurnAudio(np.full(100 * (who + 1), 0.5, dtype=np.float32), 8_000) for who, _ in turns]


def test_an_engine_for_whole_dialogs():
    voices = {"speaker_1": Voice(voice=1), "speaker_2": Voice(voice=2)}
    audio = generate_utterances_audios(talk(), None, AtOnce(), voices=voices, sampling_rate=8_000, seed=1)
    assert [len(turn.get_audio()) for turn in audio.turns] == [100, 200, 100]


def test_spoken_turns_are_kept_where_asked():
    audio = AudioDialog.from_dialog(talk())
    audio.turns[1].set_audio(np.ones(80), 8_000)
    generate_utterances_audios(audio, tts_pipeline="tone", seed=1, keep=True)
    assert len(audio.turns[1].get_audio()) == 80
    assert audio.rendering["speech"]["turns"] == [0, 2]


def test_recordings_go_to_an_engine_without_voices_of_its_own(tmp_path):
    soundfile.write(tmp_path / "ann.wav", np.zeros(100), 8_000)
    heard = []

    class Clone(BaseTTS):
        def generate(self, text, speaker_voice, tts_pipeline_kwargs={}):  # noqa: B006 - as published
            heard.append(speaker_voice)
            return np.full(800, 0.1, dtype=np.float32), 8_000

    generate_utterances_audios(
        talk(), tts_pipeline=Clone(), voices={"speaker_1": str(tmp_path / "ann.wav"), "speaker_2": "bob"}, seed=1
    )
    assert heard == [str(tmp_path / "ann.wav"), "bob", str(tmp_path / "ann.wav")]


def test_voices_of_the_engine_by_identifier():
    audio = AudioDialog.from_dialog(talk())
    audio.persona_to_voice(
        voices={"speaker_1": ("woman-35a", "english"), "Bob": "man-65a"}, tts_engine=ToneTTS(), seed=1
    )
    assert audio.personas["Ann"]["voice"].gender == "female"
    assert audio.personas["Bob"]["voice"].gender == "male"


def test_a_room_of_an_earlier_version_stays_as_data():
    room = {"dimensions": {"width": 3.0, "length": 4.0, "height": 2.5}, "mic_position": "none", "aspect_ratio": "1:1"}
    data = {**talk().json(), "audio_step_3_filepaths": {"old": {"audio_path": "x.wav", "room": room}}}
    assert AudioDialog.from_dict(data).audio_step_3_filepaths["old"].room == room
