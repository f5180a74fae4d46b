"""The published functions on sound in memory."""

from __future__ import annotations

import numpy as np
import pytest

from sdialog.audio import effects
from sdialog.audio.files import write_audio
from sdialog.core.errors import UnknownNameError, UserError


def draw(seed=1):
    return np.random.Generator(np.random.PCG64(seed))


def test_the_published_names_are_there():
    names = (
        "resample to_mono load_audio list_audio_files active_level_db set_active_level trim_silence soft_limit "
        "colored_noise noise_from_files add_noise telephone simulate_rirs load_rir apply_rir"
    )
    assert set(names.split()) == set(effects.__all__)
    with pytest.raises(AttributeError):
        effects.no_such_thing  # noqa: B018


def test_files(tmp_path):
    stereo = np.stack([np.full(4410, 0.2), np.full(4410, 0.4)], axis=1)
    path = write_audio(tmp_path / "a.wav", stereo, 44100).path
    loaded = effects.load_audio(path, 16000)
    assert loaded.shape == (1600,) and loaded[800] == pytest.approx(0.3, abs=1e-3)
    assert effects.list_audio_files(tmp_path) == [path]
    with pytest.raises(FileNotFoundError):
        effects.list_audio_files(tmp_path / "none")


def test_resampling_moves_nothing():
    time = np.arange(8000) / 8000
    out = effects.resample(np.sin(2 * np.pi * 300 * time), 8000, 16000)
    expected = np.sin(2 * np.pi * 300 * np.arange(16000) / 16000)
    assert np.abs(out - expected)[500:-500].max() < 1e-3


def test_trimming():
    loud = np.sin(np.arange(3200))
    kept, removed = effects.trim_silence(np.concatenate([np.zeros(16000), loud, np.zeros(9999)]), 16000)
    assert removed == 16000 - 800 and len(kept) == 3200 + 1600
    nothing, removed = effects.trim_silence(np.zeros(100), 16000)
    assert len(nothing) == 100 and removed == 0
    assert effects.trim_silence(np.zeros(0), 16000)[1] == 0
    assert len(effects.trim_silence(loud, 16000, pad=0)[0]) == 3200


def test_the_soft_limit_has_the_published_form():
    out = effects.soft_limit(np.array([0.9, 1.0, -1.5]), 0.9)
    expected = [0.9, 0.9 + 0.1 * np.tanh(1.0), -(0.9 + 0.1 * np.tanh(6.0))]
    assert np.allclose(out, expected, atol=1e-6)
    with pytest.raises(UserError):
        effects.soft_limit([0.1], 1.0)


@pytest.mark.parametrize("kind", ["white", "pink", "brown"])
def test_coloured_noise_has_unit_rms_and_no_rumble(kind):
    made = effects.colored_noise(48000, draw(), kind).astype(float)
    assert (made**2).mean() == pytest.approx(1, abs=1e-4)
    assert abs(made.mean()) < 1e-3
    power = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    assert power[: 45 * 3].sum() < 1e-3 * power.sum()
    with pytest.raises(UnknownNameError, match="pink"):
        effects.colored_noise(10, draw(), "pinkish")


def test_noise_from_files(tmp_path):
    write_audio(tmp_path / "n.wav", 0.01 * draw().standard_normal(8000), 16000)
    made = effects.noise_from_files(tmp_path, 40000, 16000, draw(2))
    assert len(made) == 40000 and (made.astype(float) ** 2).mean() == pytest.approx(1, abs=1e-3)


def test_noise_is_added_to_what_was_there():
    speech = 0.1 * np.sin(np.arange(32000) * 0.3)
    noisy, info = effects.add_noise(speech, 16000, draw(), 10, "brown")
    assert info["type"] == "brown" and info["measured_snr"] == pytest.approx(10, abs=0.01)
    clean, _info = effects.add_noise(speech, 16000, draw(), 90, "brown")
    assert np.abs(clean - speech).max() < 1e-3 < np.abs(noisy - speech).max()


@pytest.mark.parametrize("codec", ["g711", "g729", "amr-wb", "telephone", "phone", "g.711"])
def test_the_telephone(codec):
    speech = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
    out = effects.telephone(speech, 16000, codec)
    assert out.shape == speech.shape
    assert np.corrcoef(out[500:-500], speech[500:-500])[0, 1] > 0.98
    with pytest.raises(UnknownNameError):
        effects.telephone(speech, 16000, "g999")
