"""Reading and writing sound files."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sdialog.audio.files import FORMATS, audio_files, format_of, read_audio, write_audio
from sdialog.core.errors import AudioError, UnknownNameError, UnsupportedFeatureError, UserError


@pytest.fixture(scope="module")
def sound():
    random = np.random.Generator(np.random.PCG64(1))
    slow = np.convolve(random.standard_normal(16063), np.hanning(64), "valid")
    return (0.2 * slow / np.abs(slow).max()).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("wav", 2e-5),
        ("wav24", 2e-7),
        ("wav32f", 0),
        ("flac", 2e-5),
        ("flac24", 2e-7),
        ("ogg", 0.05),
        ("opus", 0.05),
        ("mp3", 0.05),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read(tmp_path, sound, name, error, channels):
    samples = sound if channels == 1 else np.stack([sound, -0.5 * sound], axis=1)
    written = write_audio(tmp_path / f"a.{name.rstrip('234f')}", samples, 16000, name)
    back, rate = read_audio(written.path)
    assert rate == 16000 and back.shape == samples.shape and back.dtype == np.float32
    assert np.abs(back - samples).max() <= error
    assert written.json()["channels"] == channels and written.clipped == 0


def test_the_same_samples_are_the_same_bytes_at_any_time(tmp_path, sound):
    for name in FORMATS:
        write_audio(tmp_path / f"{name}-first", sound, 16000, name)
    time.sleep(1.1)  # the containers that hold a clock hold seconds
    for name in FORMATS:
        write_audio(tmp_path / f"{name}-second", sound, 16000, name)
        assert (tmp_path / f"{name}-first").read_bytes() == (tmp_path / f"{name}-second").read_bytes(), name


def test_whole_numbers_are_rounded_alike(tmp_path):
    ramp = (np.arange(-999, 1000) / 32768 / 7).astype(np.float32)
    for name in ("wav", "flac"):
        write_audio(tmp_path / name, ramp, 16000, name)
        back = read_audio(tmp_path / name)[0]
        assert np.abs(back - ramp).max() <= 0.5001 / 32768 and abs((back - ramp).mean()) < 1e-7


def test_an_ogg_file_keeps_its_checksums(tmp_path, sound):
    av = pytest.importorskip("av")
    write_audio(tmp_path / "a.ogg", np.tile(sound, 20), 16000)
    with av.open(str(tmp_path / "a.ogg"), options={"err_detect": "explode"}) as file:
        decoded = sum(frame.samples for frame in file.decode(audio=0))
    assert decoded == pytest.approx(320000, abs=1024)


def test_long_vorbis_is_written(tmp_path):
    write_audio(tmp_path / "a.ogg", np.zeros(3_000_000, np.float32), 16000)
    assert len(read_audio(tmp_path / "a.ogg")[0]) == 3_000_000


def test_a_rate_that_a_format_cannot_hold_is_said(tmp_path, sound):
    with pytest.raises(UnsupportedFeatureError, match=r"sample_rate=24000"):
        write_audio(tmp_path / "a.opus", sound, 22050)
    with pytest.raises(UnsupportedFeatureError, match="2 channels, not 3"):
        write_audio(tmp_path / "a.mp3", np.zeros((10, 3)), 16000)
    with pytest.raises(UnknownNameError, match="flac"):
        write_audio(tmp_path / "a.falc", sound, 16000)
    with pytest.raises(UserError, match="no numbers"):
        write_audio(tmp_path / "a.wav", np.array([np.nan]), 16000)
    assert not list(tmp_path.iterdir())


def test_what_is_cut_off_is_told(tmp_path):
    written = write_audio(tmp_path / "a.wav", np.array([0.5, 1.5, -2.0, 0.0]), 16000)
    assert written.clipped == 0.5
    assert np.abs(read_audio(written.path)[0]).max() == pytest.approx(1, abs=1e-4)
    assert write_audio(tmp_path / "b.wav", np.array([1.5]), 16000, "wav32f").clipped == 0


def test_empty_sound(tmp_path):
    assert write_audio(tmp_path / "a.wav", np.zeros(0), 16000).duration == 0
    assert len(read_audio(tmp_path / "a.wav")[0]) == 0


def test_finding_files(tmp_path, sound):
    for name in ("b.flac", "a/x.WAV", "a/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in audio_files(tmp_path)] == ["x.WAV", "b.flac"]
    with pytest.raises(FileNotFoundError, match="no sound file"):
        audio_files(tmp_path / "c")
    with pytest.raises(AudioError, match="cannot be read as sound"):
        read_audio(tmp_path / "b.flac")
    with pytest.raises(FileNotFoundError):
        read_audio(tmp_path / "c.wav")
    assert format_of("a") == "wav"
