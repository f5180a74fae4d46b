"""A telephone call as users of the published package rendered it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from audio.legacy_visits import fixed_room, visit

from sdialog.audio.pipeline import AudioPipeline
from sdialog.audio.room import MicrophonePosition, Room
from sdialog.audio.room_acoustics_backends import TelecommunicationsBackend, resolve_room_acoustics_backend


def call(folder, environment, backend="telecommunications", engine="tone", **options):
    return AudioPipeline(folder, engine).inference(
        visit(), environment, perform_room_acoustics=True, room_name="call", room_acoustics_backend=backend,
        room_acoustics_backend_kwargs=options, seed=5,
    )  # fmt: skip


def band_db(samples, rate, low, high):
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    return 10 * np.log10(power[(frequencies >= low) & (frequencies < high)].sum() + 1e-12)


def test_two_rooms_two_codecs(tmp_path):
    hall = Room(dimensions=(9, 7, 4), rt60=0.7, name="hall", mic_position=MicrophonePosition.CHEST_POCKET_SPEAKER_2)
    environment = {
        "speaker_rooms": {"speaker_1": fixed_room(), "speaker_2": hall},
        "background_effect": "white_noise",
        "background_effect_speaker_2": "fan_noise",
        "foreground_effect_speaker_2": "keyboard",
        "foreground_effect_position_speaker_2": "room-center",
    }
    audio = call(
        tmp_path, environment, engine="espeak", codec="g.711", speaker_codecs={"speaker_2": "amr"},
        mixing_strategy="stereo",
    )  # fmt: skip
    config = audio.audio_step_3_filepaths["call"]
    assert config.room["speaker_1"].name == "office"
    assert config.room["speaker_2"].name == "hall"
    sides = audio.rendering["rooms"]["call"]["sides"]
    assert [side["line"]["channel"] for side in sides.values()] == ["g711", "amr_nb"]
    assert [side["line"]["simulated"] for side in sides.values()] == [False, False]
    assert sides["speaker_1"]["sources"]["background_speaker_1"]["measured_snr"] == pytest.approx(30, abs=1)
    assert "foreground_speaker_2" in sides["speaker_2"]["sources"]
    assert audio.rendering["rooms"]["call"]["around"]["speaker_2"]["background"] == "fan_noise"
    samples, rate = soundfile.read(config.audio_path)
    assert (samples.shape[1], rate) == (2, 24_000)
    for side, number in ((0, 0), (1, 1)):
        turn = audio.turns[number]
        heard = samples[round(turn.audio_start_time * rate) :][: round(turn.audio_duration * rate)]
        level = np.sqrt((heard**2).mean(axis=0))
        assert level[side] > 5 * level[1 - side], "each side is on its own channel"
        assert band_db(heard[:, side], rate, 300, 3400) - band_db(heard[:, side], rate, 4500, 12_000) > 30


def test_one_room_for_both_keeps_background_and_levels(tmp_path):
    near = fixed_room()
    near.place_speaker("speaker_1", (2.5, 2.0, 2.2))
    near.place_speaker("speaker_2", (4.5, 3.5, 1.2))
    audio = call(tmp_path, {"room": near, "background_effect": "white_noise"})
    told = audio.rendering["rooms"]["call"]["sides"]
    assert [side["sources"][f"background_{role}"]["measured_snr"] for role, side in told.items()] == pytest.approx(
        [30, 30], abs=1
    )
    config = audio.audio_step_3_filepaths["call"]
    assert (config.room.name, config.background_effect) == ("office", "white_noise")
    samples, rate = soundfile.read(config.audio_path)
    assert samples.ndim == 1
    levels = [
        20
        * np.log10(np.sqrt(np.mean(samples[round(t.audio_start_time * rate) :][: round(t.audio_duration * rate)] ** 2)))
        for t in audio.turns[:2]
    ]
    assert levels[0] - levels[1] > 2, "the nearer speaker is not louder"


def test_effects_are_heard_on_the_side_of_the_speaker(tmp_path):
    dialog = visit("Wait [keyboard|room-top_left] a moment.", "Yes [hum].")
    audio = AudioPipeline(tmp_path, "tone").inference(
        dialog, {"room": fixed_room()}, perform_room_acoustics=True, room_name="call",
        room_acoustics_backend="telephone", add_sound_effects=True, skip_annotation=True,
        sound_effects_dropout=0.0, seed=5,
    )  # fmt: skip
    sides = audio.rendering["rooms"]["call"]["sides"]
    assert sides["speaker_1"]["sources"]["sfx_0_0"]["position"] == "room-top_left"
    assert sides["speaker_2"]["sources"]["sfx_1_0"]["position"] == "speaker_2"


def test_errors_name_the_cure(tmp_path):
    with pytest.raises(ValueError, match="speaker_2 has no room: give environment="):
        call(tmp_path, {"speaker_rooms": {"speaker_1": fixed_room()}})
    with pytest.raises(ValueError, match="unknown mixing strategy 'quad'"):
        TelecommunicationsBackend(mixing_strategy="quad")
    with pytest.raises(ValueError, match="unknown channel 'g712'; did you mean"):
        TelecommunicationsBackend(codec="g712")


@pytest.mark.parametrize("name", ["telecommunications", "telecom", "telephone"])
def test_names(name):
    backend = resolve_room_acoustics_backend(name, {"codec": "g729"})
    assert isinstance(backend, TelecommunicationsBackend)
    assert backend.requires_room is False
