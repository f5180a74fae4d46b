"""Scripts as users of the published 0.4 pipeline wrote them, and what was wrong with what they got."""

from __future__ import annotations

import csv
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio.legacy_visits import fixed_room, visit

from sdialog.audio.acoustics.backends import RoomAcousticsConfig
from sdialog.audio.acoustics_simulator import AcousticsSimulator
from sdialog.audio.dialog import AudioDialog
from sdialog.audio.impulse_response_database import LocalImpulseResponseDatabase, RecordingDevice
from sdialog.audio.jsalt import MedicalRoomGenerator, RoomRole
from sdialog.audio.peaks import true_peak_db
from sdialog.audio.pipeline import AudioPipeline, snr_callback_mix, to_audio
from sdialog.audio.room import DirectivityType, MicrophonePosition, Room, RoomPosition
from sdialog.audio.rooms.sources import AudioSource
from sdialog.audio.utils import Role, SourceType, SourceVolume, SpeakerSide
from sdialog.audio.voice_database import LocalVoiceDatabase, Voice
from sdialog.core.errors import UserError


def first_sound(samples, rate, near, threshold=1e-3):
    """Return when sound begins, looked for from half a gap before ``near`` on."""
    begin = max(0, round((near - 0.1) * rate))
    return (begin + int(np.argmax(np.abs(samples[begin:]) > threshold * np.abs(samples).max()))) / rate


@pytest.fixture(scope="module")
def espeak_visit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    impulse = folder / "devices"
    impulse.mkdir()
    response = np.zeros(480, dtype=np.float32)
    response[10], response[40] = 1.0, -0.3
    soundfile.write(impulse / "studio.wav", response, 48_000)
    (impulse / "metadata.csv").write_text("identifier,file_name\nmy-studio,studio.wav\n")
    voices = folder / "voices"
    voices.mkdir()
    with (voices / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["identifier", "gender", "age", "voice"])
        table.writerows([["anna", "female", 50, "en+f2"], ["bert", "male", 33, "en-US+m3"]])
    # From here on as a user of the published package wrote it.
    room = MedicalRoomGenerator().generate(args={"room_type": RoomRole.EXAMINATION})
    room.place_speaker_around_furniture(
        speaker_name=Role.SPEAKER_1, furniture_name="desk", max_distance=1.0, side=SpeakerSide.BACK
    )
    room.set_mic_position(MicrophonePosition.CEILING_CENTERED)
    pipeline = AudioPipeline(
        dir_audio=str(folder / "out"),
        voice_database=LocalVoiceDatabase(directory_audios=str(voices), metadata_file=str(voices / "metadata.csv")),
        impulse_response_database=LocalImpulseResponseDatabase(str(impulse / "metadata.csv"), str(impulse)),
    )
    with pytest.warns(DeprecationWarning, match="not downloaded"):
        pipeline.populate_dscaper(["sdialog/background", "sdialog/foreground"])
    dialog = visit()
    audio = pipeline.inference(
        dialog,
        environment={
            "room": room,
            "background_effect": "white_noise",
            "foreground_effect": "ac_noise_minimal",
            "foreground_effect_position": RoomPosition.TOP_RIGHT,
            "source_volumes": {SourceType.ROOM: SourceVolume.HIGH, SourceType.BACKGROUND: SourceVolume.MEDIUM},
            "kwargs_pyroom": {"ray_tracing": True, "air_absorption": True},
        },
        perform_room_acoustics=True,
        dialog_dir_name="demo_visit",
        room_name="examination",
        recording_devices=["my-studio"],
        seed=11,
    )
    return dialog, audio, folder / "out" / "demo_visit"


def test_doctor_and_patient_in_a_medical_room(espeak_visit):
    dialog, audio, folder = espeak_visit
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tops = {"utterances", "exported_audios", "rooms", "post_processing", "audio_dialog.json"}
    assert {name.split("/")[0] for name in files} == tops
    assert {
        "exported_audios/audio_pipeline_step1.wav",
        "exported_audios/audio_pipeline_step2.wav",
        "rooms/audio_pipeline_step3-examination.wav",
        "post_processing/audio_post_processing-examination-my-studio.wav",
    } <= files
    assert sum(name.startswith("utterances/") for name in files) == 3
    assert audio.speakers_names == {"speaker_1": "Dr. Smith", "speaker_2": "Mr. Jones"}
    assert [turn.voice for turn in audio.turns] == ["anna", "bert", "anna"]
    assert "voice" not in dialog.personas["Dr. Smith"], "the dialog that was given is changed"
    room, rate = soundfile.read(audio.audio_step_3_filepaths["examination"].audio_path)
    assert rate == 24_000
    assert 20 * np.log10(np.sqrt(np.mean(room**2))) == pytest.approx(-26.02, abs=0.05)
    device, _ = soundfile.read(audio.audio_step_3_filepaths["examination"].audio_paths_post_processing["my-studio"])
    assert len(device) == len(room)


def test_metadata_tell_what_is_heard(espeak_visit):
    _, audio, folder = espeak_visit
    config = audio.audio_step_3_filepaths["examination"]
    assert (config.background_effect, config.foreground_effect) == ("white_noise", "ac_noise_minimal")
    told = audio.rendering["rooms"]["examination"]["sources"]
    # MEDIUM is -34 dB, and the file of a background is 10 dB above speech.
    assert told["background"]["measured_snr"] == pytest.approx(24.0, abs=0.7)
    assert 20 < told["foreground"]["measured_snr"] < 50
    measured = audio.rendering["rooms"]["examination"]["acoustics"]["measured"]["speaker_1"]
    assert measured["ceiling_centered"]["distance"] > 0.5
    saved = AudioDialog.from_file(folder / "audio_dialog.json")
    assert saved.rendering["rooms"]["examination"]["sources"] == told
    assert isinstance(saved.audio_step_3_filepaths["examination"].room, Room)
    assert [turn.audio_start_time for turn in saved.turns] == [turn.audio_start_time for turn in audio.turns]
    assert saved.speakers_roles["DR. SMITH"] == "speaker_1"


def test_turns_are_where_the_times_say(espeak_visit):
    _, audio, folder = espeak_visit
    dry, rate = soundfile.read(folder / "exported_audios" / "audio_pipeline_step2.wav")
    for turn in audio.turns:
        assert first_sound(dry, rate, turn.audio_start_time) == pytest.approx(turn.audio_start_time, abs=0.005)
        assert len(turn.words) == len(turn.text.split())
    assert len(dry) == pytest.approx(audio.total_duration * rate, abs=2)
    assert audio.get_dry_audio() == pytest.approx(dry, abs=1e-4)
    gaps = [turn.gap_duration for turn in audio.turns[:-1]]
    assert all(0.2 <= gap <= 0.7 for gap in gaps)
    assert any(abs(gap * 10 - round(gap * 10)) > 1e-6 for gap in gaps), "gaps are rounded to 0.1 s"


def test_turns_are_there_in_the_room_too(tmp_path):
    environment = {"room": fixed_room(directivity_type=DirectivityType.SPEAKER_2)}
    audio = AudioPipeline(tmp_path, "tone").inference(visit(), environment, perform_room_acoustics=True, seed=5)
    heard, rate = soundfile.read(audio.audio_step_3_filepaths["office"].audio_path)
    dry, _ = soundfile.read(audio.audio_step_2_filepath)
    # Reverberation of the turn before hides the others.
    begins = [first_sound(samples, rate, 0.0, 0.03) for samples in (dry, heard)]
    assert begins[1] == pytest.approx(begins[0], abs=0.005)


def test_presets_through_the_same_method(tmp_path):
    heard = visit().to_audio(str(tmp_path / "call"), preset="call_center", tts="tone", seed=3)
    assert heard.channels == 1
    assert (tmp_path / "call.wav").is_file()


def test_nothing_is_heard_that_was_not_asked_for(tmp_path):
    audio = AudioPipeline(tmp_path, "tone").inference(
        visit(), {"room": fixed_room()}, perform_room_acoustics=True, seed=1
    )
    config = audio.audio_step_3_filepaths["office"]
    assert (config.background_effect, config.foreground_effect) == ("none", "none")
    assert [source.name for source in audio.get_audio_sources()] == ["speaker_1", "speaker_2"]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        AudioPipeline(folder, "tone").inference(
            visit(), {"room": fixed_room(), "background_effect": "fan_noise"}, perform_room_acoustics=True, seed=5
        )
        made.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.wav")})
    assert made[0] == made[1]
    assert len(made[0]) == 9


def test_one_choice_does_not_move_the_others(tmp_path):
    plain = AudioPipeline(tmp_path / "a", "tone").inference(visit(), seed=5)
    other = AudioPipeline(tmp_path / "b", "tone").inference(
        visit(), {"background_effect": "white_noise"}, keep_duplicate=True, seed=5
    )
    assert [turn.gap_duration for turn in plain.turns] == [turn.gap_duration for turn in other.turns]


def test_an_audio_dialog_keeps_its_sound(tmp_path):
    pipeline = AudioPipeline(tmp_path, "tone")
    first = pipeline.inference(visit(), seed=5)
    times = [(turn.audio_start_time, turn.audio_duration, turn.audio_path) for turn in first.turns]
    again = pipeline.inference(first, {"room": fixed_room()}, perform_tts=False, perform_room_acoustics=True, seed=99)
    assert [(turn.audio_start_time, turn.audio_duration, turn.audio_path) for turn in again.turns] == times
    assert again.rendering["timing"]["gaps"] == "kept"
    assert not first.audio_step_3_filepaths, "the dialog that was given is changed"


def test_the_folder_gives_sound_but_never_other_words(tmp_path):
    pipeline = AudioPipeline(tmp_path, "tone")
    pipeline.inference(visit(), dialog_dir_name="demo", seed=5)
    made = pipeline.clips.use().made
    plain = pipeline.inference(visit(), perform_tts=False, dialog_dir_name="demo")
    assert all(turn.spoken for turn in plain.turns)
    kept = pipeline.inference(visit(), override_tts_audio=False, dialog_dir_name="demo", seed=77)
    assert pipeline.clips.use().made == made
    assert [turn.audio_start_time for turn in kept.turns] == [turn.audio_start_time for turn in plain.turns]
    other = visit("Something else.", "Indeed.")
    heard = pipeline.inference(other, override_tts_audio=False, dialog_dir_name="demo", seed=5)
    assert [turn.text for turn in heard.turns] == ["Something else.", "Indeed."]
    with pytest.raises(UserError, match=r"turn 0 has no sound and perform_tts is False; .* was made of other words"):
        pipeline.inference(visit("A third.", "Thing."), perform_tts=False, dialog_dir_name="demo")
    with pytest.raises(UserError, match="is not there: run with perform_tts=True"):
        pipeline.inference(visit(), perform_tts=False, dialog_dir_name="nowhere")


def test_another_room_leaves_the_first_as_it_is(tmp_path):
    pipeline = AudioPipeline(tmp_path, "tone")
    first = pipeline.inference(visit(), {"room": fixed_room()}, perform_room_acoustics=True, seed=5)
    path = Path(first.audio_step_3_filepaths["office"].audio_path)
    before = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    hall = Room(dimensions=(9, 7, 4), rt60=0.6, name="hall")
    both = pipeline.inference(visit(), {"room": hall}, perform_tts=False, perform_room_acoustics=True, seed=5)
    assert list(both.audio_step_3_filepaths) == ["office", "hall"]
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before
    spoken_anew = pipeline.inference(visit(), {"room": hall}, perform_room_acoustics=True, seed=6)
    assert list(spoken_anew.audio_step_3_filepaths) == ["hall"], "a recording of other speech is still listed"


@pytest.mark.parametrize("speakers", [("Ann",), ("Ann", "Bo", "Cy"), ("A/B \U0001f600", "..")])
def test_any_number_of_speakers_with_any_names(tmp_path, speakers):
    personas = {name: {"gender": "female", "age": 30, "language": "english"} for name in speakers}
    dialog = visit("Hello there.", "", "Yes.", "And so on.", speakers=speakers, personas=personas)
    audio = AudioPipeline(tmp_path, "tone").inference(
        dialog, {"room": fixed_room()}, perform_room_acoustics=True, seed=5
    )
    assert list(audio.speakers_names) == [f"speaker_{number + 1}" for number in range(len(speakers))]
    assert audio.turns[1].audio_duration == -1
    assert len(list((tmp_path / "dialog_visit" / "utterances").iterdir())) == 3
    told = audio.rendering["rooms"]["office"]["acoustics"]["measured"]
    assert list(told)[: len(speakers)] == list(audio.speakers_names)


def test_files_are_loud_and_never_over(tmp_path):
    audio = AudioPipeline(tmp_path, "tone").inference(
        visit(), {"room": fixed_room()}, perform_room_acoustics=True, audio_file_format="flac", seed=5
    )
    for path in (audio.audio_step_1_filepath, audio.audio_step_3_filepaths["office"].audio_path):
        samples, _ = soundfile.read(path)
        assert path.endswith(".flac")
        assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-26.02, abs=0.1)
        assert true_peak_db(samples) <= -0.99


def test_people_are_where_the_room_has_them(tmp_path):
    people = {"Mr. Jones": (1.0, 1.0, 1.2), "Dr. Smith": (4.0, 3.0, 1.6)}
    room = Room(dimensions=(5, 4, 3), rt60=0.3, name="office", speakers=people)
    audio = AudioPipeline(tmp_path, "tone").inference(visit(), {"room": room}, perform_room_acoustics=True, seed=5)
    measured = audio.rendering["rooms"]["office"]["acoustics"]["measured"]
    assert set(measured) == set(people)
    assert audio.speakers_names["speaker_1"] == "Dr. Smith"


@pytest.mark.parametrize("audio_format", ["mp3", "flac"])
def test_formats(tmp_path, audio_format):
    audio = AudioPipeline(tmp_path, "tone").inference(
        visit(), {"room": fixed_room()}, perform_room_acoustics=True, audio_file_format=audio_format,
        recording_devices=["lapel"], seed=5,
    )  # fmt: skip
    config = audio.audio_step_3_filepaths["office"]
    assert config.audio_paths_post_processing["lapel"].endswith(f"audio_post_processing-office-lapel.{audio_format}")
    for path in (config.audio_path, config.audio_paths_post_processing["lapel"], audio.audio_step_1_filepath):
        assert soundfile.info(path).duration == pytest.approx(audio.total_duration, abs=1.0)


def test_rays_and_an_aimed_microphone_go_together(tmp_path):
    room = fixed_room(directivity_type=DirectivityType.SPEAKER_1)
    environment = {"room": room, "kwargs_pyroom": {"ray_tracing": True}}
    audio = AudioPipeline(tmp_path, "tone").inference(visit(), environment, perform_room_acoustics=True, seed=5)
    assert audio.rendering["rooms"]["office"]["acoustics"]["method"] == "hybrid"


def test_one_speaker_is_mixed_softer(tmp_path):
    pipeline, environment = AudioPipeline(tmp_path, "tone"), {"room": fixed_room()}
    levels = []
    for options in ({}, {"callback_mix_fn": snr_callback_mix, "callback_mix_kwargs": {"amplitude_factor": 10.0}}):
        audio = pipeline.inference(visit(), environment, perform_room_acoustics=True, seed=5, **options)
        samples, rate = soundfile.read(audio.audio_step_3_filepaths["office"].audio_path)
        first, second = (
            np.sqrt(np.mean(samples[round(turn.audio_start_time * rate) :][: round(turn.audio_duration * rate)] ** 2))
            for turn in audio.turns[:2]
        )
        levels.append(20 * np.log10(first / second))
    assert levels[1] - levels[0] > 15


def test_somebody_elses_backend(tmp_path):
    class Copies:
        name = "copies"
        requires_room = False

        def simulate(self, dialog, room, dialog_directory, room_name, audio_file_format="wav", environment=None,
                     callback_mix_fn=None, callback_mix_kwargs=None, sampling_rate=44_100):  # fmt: skip
            path = Path(dialog.audio_dir_path) / dialog_directory / f"{room_name}.{audio_file_format}"
            samples, rate = soundfile.read(dialog.audio_step_2_filepath)
            soundfile.write(path, samples, rate)
            dialog.audio_step_3_filepaths[room_name] = RoomAcousticsConfig(audio_path=str(path), room_name=room_name)
            return dialog

    audio = AudioPipeline(tmp_path, "tone").inference(
        visit(), perform_room_acoustics=True, room_acoustics_backend=Copies(), seed=5
    )
    assert Path(audio.audio_step_3_filepaths["copies"].audio_path).is_file()


def test_recordings_of_voices_get_stand_ins(tmp_path):
    rows = [{"identifier": "ann", "gender": "F", "age": 40, "file_name": "ann.wav"}]
    rows += [{"identifier": "bob", "gender": "M", "age": 40, "file_name": "bob.wav"}]
    for row in rows:
        soundfile.write(tmp_path / row["file_name"], np.zeros(1600), 16_000)
    (tmp_path / "metadata.json").write_text(json.dumps(rows))
    database = LocalVoiceDatabase(tmp_path, tmp_path / "metadata.json")
    with pytest.warns(UserWarning, match="cannot imitate recordings; voices of its own, of the same gender"):
        audio = AudioPipeline(tmp_path / "out", "tone", database).inference(visit(), seed=5)
    voices = audio.rendering["voices"]["voices"]
    assert [one["got"]["identifier"] for one in voices] == ["ann", "bob"]
    assert [one["stand_in"]["gender"] for one in voices] == ["female", "male"]


def test_voices_by_role(tmp_path):
    voices = {Role.SPEAKER_1: Voice(voice={"pitch": 300}, identifier="high"), "speaker_2": {"pitch": 90}}
    audio = AudioPipeline(tmp_path, "tone").inference(visit(), voices=voices, seed=5)
    assert [turn.voice for turn in audio.turns] == ["high", "", "high"]
    with pytest.raises(ValueError, match=r"no voice for speaker_2 \(Mr. Jones\); it has speaker_1"):
        AudioPipeline(tmp_path, "tone").inference(visit(), voices={Role.SPEAKER_1: {"pitch": 300}}, seed=5)


def test_what_a_persona_does_not_say_is_drawn_and_told(tmp_path):
    with pytest.warns(UserWarning, match="drawn for Dr. Smith: .*age"):
        audio = AudioPipeline(tmp_path, "tone").inference(visit(personas={}), seed=5)
    persona = audio.personas["Dr. Smith"]
    assert {"gender", "age", "language", "voice"} <= set(persona)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"audio_file_format": "aiff"}, "unknown audio format 'aiff'"),
        ({"room_name": "x"}, "The room name is only used if the step 3 is done"),
        ({"perform_room_acoustics": True}, "recording in a room needs one"),
        ({"recording_devices": ["lapel"]}, "recording devices record in a room"),
        ({"add_sound_effects": True}, "sound effects are written by a model"),
        ({"environment": {"background_effect": "white_nose"}}, "unknown sound 'white_nose'; did you mean"),
        ({"room_acoustics_backend": "pyrom", "perform_room_acoustics": True}, "unknown room acoustics backend 'pyrom'"),
    ],
)
def test_errors_name_the_cure(tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        AudioPipeline(tmp_path, "tone").inference(visit(), seed=5, **options)


def test_arguments_of_dscaper_are_explained(tmp_path):
    with pytest.warns(DeprecationWarning, match="no dscaper library is written"):
        AudioPipeline(tmp_path, "tone", dscaper_data_path=str(tmp_path / "dscaper"))
    assert not (tmp_path / "dscaper").exists()
    with pytest.warns(UserWarning, match="no key 'foregroundeffect', which is left out; did you mean"):
        AudioPipeline(tmp_path, "tone").inference(visit(), {"foregroundeffect": "x"}, seed=5)


def test_keywords_of_the_old_pipeline_reach_it(tmp_path):
    from sdialog.audio.routing import to_audio as routed

    with pytest.warns(DeprecationWarning, match="belong to the pipeline of version 0.4"):
        audio = routed(
            visit(), str(tmp_path), voices="db", stereo=False, sample_rate=16_000, seed=5,
            perform_room_acoustics=True, room_name="clinic", tts_engine="tone",
            recording_devices=[RecordingDevice.SHURE_SM57],
            speaker_positions={"speaker_1": {"furniture_name": "door", "max_distance": 1.0}},
        )  # fmt: skip
    assert isinstance(audio, AudioDialog)
    assert (tmp_path / "dialog_visit" / "rooms" / "audio_pipeline_step3-clinic.wav").is_file()
    door = audio.audio_step_3_filepaths["clinic"].room.point("door")
    assert audio.audio_step_3_filepaths["clinic"].room.speaker("speaker_1").position.distance_to(door, 2) < 1.5


def test_speaker_positions_move_nobody_in_the_room_given(tmp_path):
    room = fixed_room()
    before = room.json()
    audio = to_audio(
        visit(), str(tmp_path), tts_engine="tone", perform_room_acoustics=True, room=room, seed=5,
        speaker_positions={"speaker_1": (1.0, 1.0, 1.2)},
    )  # fmt: skip
    assert room.json() == before
    assert audio.audio_step_3_filepaths["office"].room.speaker("speaker_1").position.to_list() == [1.0, 1.0, 1.2]


def test_the_published_lowest_volume_is_called_unheard(tmp_path):
    environment = {"room": fixed_room(), "background_effect": "white_noise"}
    environment["source_volumes"] = {SourceType.BACKGROUND: SourceVolume.VERY_LOW}
    with pytest.warns(UserWarning, match="-140 dB, so that nobody will hear it"):
        AudioPipeline(tmp_path, "tone").inference(visit(), environment, perform_room_acoustics=True, seed=5)
    environment["source_volumes"] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio = AudioPipeline(tmp_path, "tone").inference(visit(), environment, perform_room_acoustics=True, seed=5)
    told = audio.rendering["rooms"]["office"]["sources"]["background"]
    assert told["measured_snr"] == pytest.approx(30.0, abs=1.0)


def test_keywords_of_both_ways():
    from sdialog.audio.routing import to_audio as routed

    assert routed(visit(), None, "clean", "db", None, None, "tone", seed=1).channels == 1
    with (
        pytest.warns(DeprecationWarning, match="room_name belong"),
        pytest.raises(ValueError, match="reverb cannot go with room_name"),
    ):
        routed(visit(), room_name="x", reverb="small")


def test_the_simulator_knows_kinds_of_sources(tmp_path):
    draw = np.random.default_rng(1)
    for name in ("hum", "said"):
        soundfile.write(tmp_path / f"{name}.wav", draw.normal(0, 0.1, 4000), 8_000)
    sources = [
        AudioSource("hum", "room-top_left", source_file=str(tmp_path / "hum.wav")),
        AudioSource("speaker_1", "speaker_1", source_file=str(tmp_path / "said.wav")),
    ]
    simulator = AcousticsSimulator(fixed_room(), 8_000)
    by_kind = simulator.simulate(sources, {SourceType.ROOM: 0.5})
    assert np.array_equal(by_kind, simulator.simulate(sources, {"hum": 0.5}))
    assert not np.allclose(by_kind, simulator.simulate(sources), atol=0.01)
