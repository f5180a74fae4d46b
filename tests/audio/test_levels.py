"""Levels, loudness and true peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from sdialog.audio.levels import (
    active_level_db,
    loudness_lufs,
    rms_db,
    set_active_level,
    set_rms,
    to_loudness,
)
from sdialog.audio.peaks import limit_true_peak, true_peak_db
from sdialog.audio.tts.base import engines
from sdialog.core.errors import UserError


def draw(seed):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def speech():
    said = engines.get("tone")().speak("This is somebody who talks, for a while, about nothing at all.", seed=3)
    return said.samples


def test_pauses_do_not_lower_the_active_level(speech):
    with_pauses = np.concatenate([speech, np.zeros(98000), speech, np.zeros(66000)])
    assert active_level_db(with_pauses, 16000) == pytest.approx(active_level_db(speech, 16000), abs=0.3)
    assert rms_db(with_pauses) < rms_db(speech) - 3


def test_the_active_level_is_set(speech):
    assert active_level_db(set_active_level(speech, 16000, -31.5), 16000) == pytest.approx(-31.5, abs=1e-3)
    assert rms_db(set_rms(speech, -26)) == pytest.approx(-26, abs=1e-3)


def test_silence_has_the_lowest_level_and_stays():
    for samples in (np.zeros(0), np.zeros(999)):
        assert active_level_db(samples, 16000) == -120
        assert not set_active_level(samples, 16000).any()
    assert loudness_lufs(np.zeros(16000), 16000) is None
    nothing = to_loudness(np.zeros(16000), 16000, -23)
    assert nothing.loudness is None and not nothing.samples.any()


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
def test_loudness_of_a_sine_is_that_of_the_standard(rate):
    # ITU-R BS.1770-4, annex 1: a 0 dBFS sine at 997 Hz in one channel reads -3.01.
    time = np.arange(3 * rate) / rate
    assert loudness_lufs(np.sin(2 * np.pi * 997 * time), rate) == pytest.approx(-3.01, abs=0.05)


def test_loudness_is_gated():
    # EBU Tech 3341, case 3: a -36 dBFS tone before and after one at -23 does not count.
    time = np.arange(48000 * 10) / 48000
    tone = np.sin(2 * np.pi * 1000 * time)
    quiet, loud = 10 ** (-36 / 20) * tone, 10 ** (-23 / 20) * np.tile(tone, 6)
    both = np.stack([np.concatenate([quiet, loud, quiet])] * 2, axis=1)
    assert loudness_lufs(both, 48000) == pytest.approx(-23.0, abs=0.1)


def test_of_an_array_of_microphones_the_first_counts():
    seven = 0.1 * draw(1).standard_normal((16000, 7)) / np.arange(1, 8)
    assert loudness_lufs(seven, 16000) == loudness_lufs(seven[:, 0], 16000)
    assert to_loudness(seven, 16000, -23.0).loudness == pytest.approx(-23.0, abs=0.1)


def test_short_sound_has_a_loudness():
    assert loudness_lufs(0.1 * draw(1).standard_normal(800), 16000) is not None


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.37, 0.45])
def test_a_true_peak_lies_between_samples(fraction):
    # A fade of a sine whose samples miss its top: the true peak is 1 at any phase.
    window = np.hanning(6000)
    for phase in (0.1, 0.8, 1.3):
        peak = true_peak_db(np.sin(2 * np.pi * fraction * np.arange(6000) + phase) * window, 8)
        assert peak == pytest.approx(0, abs=0.1)


def test_the_quarter_rate_sine_of_the_standard():
    # BS.1770-4, annex 2: samples of a sine at a quarter of the rate and 45 degrees are 3 dB below its peak.
    wave = np.sin(np.pi / 2 * np.arange(4000) + np.pi / 4) * np.hanning(4000)
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(wave) == pytest.approx(0, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-6, 30), st.floats(-12, 0), st.integers(1, 2), st.integers(1, 40000))
def test_the_limiter_never_lets_a_peak_through(seed, gain_db, ceiling, channels, n):
    noise = 10 ** (gain_db / 20) * 0.1 * draw(seed).standard_normal((n, channels))
    limited = limit_true_peak(noise, 16000, ceiling)
    assert limited.samples.shape == noise.shape
    assert limited.true_peak_db <= ceiling
    # Another interpolation, by scipy, finds nothing above either, within its own ripple.
    assert 20 * np.log10(np.abs(resample_poly(limited.samples, 16, 1)).max() + 1e-9) <= ceiling + 0.1


def test_the_limiter_leaves_alone_what_is_below(speech):
    quiet = 0.1 * speech
    limited = limit_true_peak(quiet, 16000, -1)
    assert np.array_equal(limited.samples, quiet.astype(np.float32)) and limited.reduction_db == 0
    assert limited.share == 0


def test_the_limiter_acts_near_a_peak_only(speech):
    one = np.array(set_rms(speech, -30))
    one[20000] = 2.0
    limited = limit_true_peak(one, 16000, -3)
    far = np.r_[0:19800, 20200 : len(one)]
    assert np.array_equal(limited.samples[far], one[far])
    assert 0 < limited.share < 0.02


@settings(max_examples=15, deadline=None)
@given(st.floats(-33, -14), st.floats(-3, -0.5), st.integers(0, 100))
def test_loudness_and_true_peak_are_both_met(lufs, ceiling, seed):
    said = engines.get("tone")().speak("Well, then let us see how loud that is.", seed=seed).samples
    result = to_loudness(said, 16000, lufs, ceiling)
    assert result.true_peak_db <= ceiling
    assert result.loudness == pytest.approx(loudness_lufs(result.samples, 16000), abs=1e-6)
    assert result.loudness == pytest.approx(lufs, abs=0.5)


def test_where_both_cannot_be_met_the_peak_wins_and_the_result_says_so():
    clicks = np.zeros(32000)
    clicks[::4000] = 1.0
    result = to_loudness(clicks, 16000, -10, -1)
    assert result.true_peak_db <= -1
    assert result.loudness < -15
    assert result.json()["requested"] == -10 and "samples" not in result.json()


def test_bad_numbers_are_refused(speech):
    with pytest.raises(UserError, match="LUFS"):
        to_loudness(speech, 16000, 3)
    with pytest.raises(UserError, match="ceiling"):
        limit_true_peak(speech, 16000, 1)
    with pytest.raises(UserError, match="one channel"):
        active_level_db(np.zeros((10, 2)), 16000)
    with pytest.raises(UserError, match="oversampling"):
        true_peak_db(speech, 0)
