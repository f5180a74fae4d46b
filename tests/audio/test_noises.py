"""Noises, and noise set against speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from sdialog.audio.files import write_audio
from sdialog.audio.levels import active_level_db
from sdialog.audio.noises import in_band, in_band_power, noise_band, noises
from sdialog.audio.noises.recorded import looped
from sdialog.audio.noises.speech_shaped import LEVELS
from sdialog.audio.snr import in_band_snr_db, noise_at
from sdialog.audio.sound import Clip
from sdialog.audio.tts.base import engines
from sdialog.core.errors import AudioError, UnknownNameError, UserError

MADE = sorted(set(noises.names()) - {"recorded"})


def draw(seed=1):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def speech():
    said = engines.get("tone")().speak("Somebody says something that is long enough to measure.", seed=5)
    return 0.3 * said.samples


def test_the_noises_are_there():
    wanted = "white pink brown blue speech_shaped babble hum fan street cafe keyboard rain car recorded ambience"
    assert set(wanted.split()) <= set(noises.names())


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("name", MADE)
def test_a_noise_has_unit_power_in_the_band_and_no_rumble(name, rate):
    made = noises.get(name)(3 * rate, rate, draw())
    assert made.dtype == np.float32 and made.shape == (3 * rate,)
    assert in_band_power(made, rate) == pytest.approx(1, rel=1e-3)
    # A window, since the edges of the cut would count as rumble.
    assert in_band_power(made * np.hanning(len(made)), rate, (0, 40)) < 1e-3
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", MADE)
def test_a_noise_is_the_same_for_a_seed_and_another_for_another(name):
    first, again, other = (noises.get(name)(8000, 8000, draw(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    # Hum is the same lines for every seed, in other phases.
    assert abs(np.corrcoef(first, other)[0, 1]) < (0.95 if name == "hum" else 0.5)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("n", [0, 1600, 1601])
def test_any_length(name, n):
    assert len(noises.get(name)(n, 16000, draw())) == n


@pytest.mark.parametrize(("name", "by_decade"), [("white", 0), ("pink", -10), ("brown", -20), ("blue", 10)])
def test_the_colours_fall_as_they_should(name, by_decade):
    made = noises.get(name)(16000 * 20, 16000, draw())
    low, high = (in_band_power(made, 16000, (centre * 0.8, centre * 1.2)) / centre for centre in (400, 4000))
    assert 10 * np.log10(high / low) == pytest.approx(by_decade, abs=0.5)


def test_long_noise_is_joined_without_a_change_of_level():
    made = noises.get("white")(8000 * 150, 8000, draw())
    seconds = (made.reshape(150, 8000) ** 2).mean(axis=1)
    assert 10 * np.log10(seconds.max() / seconds.min()) < 1.0


def test_the_table_of_speech_sums_to_its_level():
    # Byrne and others (1994): the third-octave levels are those of speech at 70 dB SPL.
    assert 10 * np.log10(sum(10 ** (level / 10) for level in LEVELS)) == pytest.approx(70, abs=0.1)


def test_speech_shaped_noise_has_the_levels_of_the_table():
    made = noises.get("speech_shaped")(16000 * 30, 16000, draw())

    def third(centre):
        return 10 * np.log10(in_band_power(made, 16000, (centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6))))

    # From the table: 62.1 dB at 500 Hz, 48.7 at 2000, 45.6 at 4000.
    assert third(500) - third(2000) == pytest.approx(62.1 - 48.7, abs=1)
    assert third(500) - third(4000) == pytest.approx(62.1 - 45.6, abs=1)


def test_babble_is_made_of_the_clips_that_are_given():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    made = noises.get("babble")(16000, 16000, draw(), talkers=3, clips=[Clip(tone, 16000)])
    assert in_band_power(made, 16000, (950, 1050)) > 0.9
    with pytest.raises(UserError, match="silent"):
        noises.get("babble")(16000, 16000, draw(), clips=[Clip(np.zeros(9000, np.float32), 16000)])
    with pytest.raises(UserError, match="1 to 64"):
        noises.get("babble")(16000, 16000, draw(), talkers=0)
    with pytest.raises(UserError, match="voices"):
        noises.get("babble")(16000, 16000, draw(), engine=engines.get("tone")())


def test_more_talkers_are_steadier():
    def spread(talkers):
        made = noises.get("babble")(16000 * 10, 16000, draw(3), talkers=talkers)
        return np.std((made.reshape(-1, 1600) ** 2).mean(axis=1))

    assert spread(16) < spread(1)


def test_the_band():
    assert noise_band(8000) == (80, 3600) and noise_band(48000) == (80, 7000)
    tone = np.sin(2 * np.pi * 50 * np.arange(16000) / 16000)
    assert np.abs(in_band(tone, 16000)[2000:-2000]).max() < 0.01


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MADE), st.floats(-10, 40), st.sampled_from([8000, 16000, 24000]), st.integers(0, 10**6))
def test_the_ratio_in_the_band_is_what_was_asked(kind, snr, rate, seed):
    said = engines.get("tone")().speak("One two three four.", seed=seed % 7).resampled(rate).samples
    added = noise_at(said, rate, draw(seed), snr, kind)
    assert added.measured_snr_db == pytest.approx(snr, abs=0.05)
    # Measured from the sums alone, as a reader of the files would.
    level = active_level_db(in_band(said, rate), rate)
    assert level - 10 * np.log10(in_band_power(added.samples, rate)) == pytest.approx(snr, abs=0.05)
    assert added.json()["snr"] == snr


@pytest.mark.parametrize("kind", MADE)
def test_a_filter_of_another_kind_measures_the_same_ratio(kind, speech):
    added = noise_at(np.tile(speech, 2), 16000, draw(3), 10, kind)
    band = butter(8, noise_band(16000), "bandpass", fs=16000, output="sos")
    level = active_level_db(sosfiltfilt(band, np.tile(speech, 2)), 16000)
    power = float((sosfiltfilt(band, added.samples) ** 2).mean())
    assert level - 10 * np.log10(power) == pytest.approx(10, abs=0.5)


def test_brown_noise_is_no_infrasound(speech):
    added = noise_at(speech, 16000, draw(), 10, "brown")
    total = float((added.samples.astype(float) ** 2).mean())
    assert in_band_power(added.samples, 16000, (0, 50)) < 0.001 * total


def test_silence_gets_noise_of_a_level(speech):
    added = noise_at(np.zeros(16000), 16000, draw(), 20)
    assert added.measured_snr_db is None and added.json()["measured_snr"] is None
    assert 10 * np.log10(in_band_power(added.samples, 16000)) == pytest.approx(-46, abs=0.01)
    assert in_band_snr_db(speech, np.zeros(100), 16000) is None


def test_noise_for_one_part_at_the_level_of_another(speech):
    added = noise_at(np.zeros(16000), 16000, draw(), 10, speech_level_db=-26)
    assert 10 * np.log10(in_band_power(added.samples, 16000)) == pytest.approx(-36, abs=0.01)


def test_an_unknown_noise_names_the_near_ones(speech):
    with pytest.raises(UnknownNameError, match="pink"):
        noise_at(speech, 16000, draw(), 10, "pnik")
    with pytest.raises(UserError, match="no such option"):
        noise_at(speech, 16000, draw(), 10, "pink", depth=3)
    for wrong in (True, "loud", float("nan")):
        with pytest.raises(UserError, match="ratio"):
            noise_at(speech, 16000, draw(), wrong)


def test_a_recording_goes_round_without_a_seam():
    # A slow sine that does not close: a hard seam would jump by more than its steps ever do.
    wave = np.sin(2 * np.pi * 20.37 * np.arange(8000) / 8000).astype(np.float32)
    made = looped(wave, 40000, 5000, 400)
    assert len(made) == 40000
    assert np.abs(np.diff(made)).max() < 3 * np.abs(np.diff(wave)).max()
    assert np.array_equal(made[:2600], wave[5000:7600])


def test_recorded_noise_by_file_and_folder(tmp_path, speech):
    for number in range(3):
        write_audio(tmp_path / f"sub/noise{number}.wav", 0.1 * draw(number).standard_normal(9000), 22050)
    added = noise_at(speech, 16000, draw(4), 5, tmp_path)
    assert added.kind == "recorded" and added.measured_snr_db == pytest.approx(5, abs=0.01)
    assert added.json()["file"].endswith(".wav") and "offset" in added.json()
    one = noise_at(speech, 16000, draw(4), 5, tmp_path / "sub" / "noise1.wav")
    assert one.json()["file"].endswith("noise1.wav")
    by_option = noise_at(speech, 16000, draw(4), 5, "recorded", path=tmp_path)
    assert np.array_equal(by_option.samples, added.samples)
    write_audio(tmp_path / "silent.wav", np.zeros(9000), 16000)
    with pytest.raises(AudioError, match="silent"):
        noise_at(speech, 16000, draw(), 5, tmp_path / "silent.wav")
    with pytest.raises(FileNotFoundError):
        noise_at(speech, 16000, draw(), 5, tmp_path / "none.wav")
    with pytest.raises(UserError, match="path"):
        noises.get("recorded")(100, 16000, draw())
